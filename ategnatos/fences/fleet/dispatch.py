"""Before an investigator is sent, its proof is named; what was promised is kept for later."""

from __future__ import annotations

import json
import os

from ategnatos.fences.decision import Denied
from ategnatos.fences.fleet.settings import Fleet, load, read_object
from ategnatos.fences.zones import file_name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AUDIT = "pending-subagent-audit.json"
FREEFORM = "pending-subagent-freeform.json"
FORMATS = ("raw_stdout", "parsed_jsonl", "file_read")
_FIELDS = {"packet_type", "canonical_commands", "canonical_files", "expected_evidence_format"}


def check(given: dict[str, Any], tool: str, wanted: dict[str, Any], root: str) -> None:
    """Raise Denied for an investigator without a promise; a promise is used up by one agent."""
    if tool not in ("Agent", "Task"):
        return
    fleet = load(root)
    kind = str(wanted.get("subagent_type") or "general-purpose")
    if kind not in fleet.investigators:
        return
    call = file_name_of(str(given.get("tool_use_id") or ""))
    if not call:
        raise Denied("dispatch", "The call has no id, so no promise can be bound to it.", "")
    for name, judge in ((AUDIT, judge_audit), (FREEFORM, _judge_freeform)):
        path = fleet.at(name)
        if not os.path.exists(path):
            continue
        try:
            packet = read_object(path)
        except (OSError, ValueError) as error:
            raise Denied(
                "dispatch", f"{name} cannot be read ({error}).", "Write it anew."
            ) from error
        wrong = judge(packet)
        if wrong:
            raise Denied("dispatch", f"{name} is not right: {'; '.join(wrong)}.", "Write it anew.")
        _consume(fleet, path, call, {"prompt": wanted.get("prompt"), "kind": kind})
        return
    raise Denied(
        "dispatch",
        f"{kind} goes out to find facts, and nothing says how they will be proven.",
        f"Write {fleet.short(fleet.at(AUDIT))} (canonical_commands or canonical_files, and "
        "expected_evidence_format: raw_stdout, parsed_jsonl or file_read), or, for a search that "
        f"asserts nothing, {fleet.short(fleet.at(FREEFORM))} with a reason.",
    )


def judge_audit(packet: dict[str, Any]) -> list[str]:
    """What is wrong with an audit packet; [] where nothing is."""
    wrong = [f"unknown field {one!r}" for one in sorted(set(packet) - _FIELDS)]
    if packet.get("packet_type") != "audit":
        wrong.append("packet_type must be 'audit'")
    lists = {}
    for key in ("canonical_commands", "canonical_files"):
        found = packet.get(key, [])
        if not isinstance(found, list) or not all(
            isinstance(one, str) and one.strip() for one in found
        ):
            wrong.append(f"{key} must be a list of texts")
            found = []
        lists[key] = found
    form = packet.get("expected_evidence_format")
    if form not in FORMATS:
        wrong.append(f"expected_evidence_format must be one of {', '.join(FORMATS)}")
    if not lists["canonical_commands"] and not lists["canonical_files"]:
        wrong.append("name at least one command or file")
    if form == "file_read" and not lists["canonical_files"]:
        wrong.append("file_read needs canonical_files")
    if form in ("raw_stdout", "parsed_jsonl") and not lists["canonical_commands"]:
        wrong.append(f"{form} needs canonical_commands")
    return wrong


def _judge_freeform(packet: dict[str, Any]) -> list[str]:
    reason = packet.get("reason")
    return [] if isinstance(reason, str) and reason.strip() else ["it needs a reason"]


def _consume(fleet: Fleet, path: str, call: str, sent: dict[str, Any]) -> None:
    """Move the promise aside under the call's id, with what was sent, so that it serves once."""
    folder = fleet.at("consumed")
    os.makedirs(folder, exist_ok=True)
    beside = os.path.join(folder, f"{call}-sent.json")
    with open(f"{beside}.{os.getpid()}", "w", encoding="utf-8") as file:
        json.dump(sent, file)
    os.replace(f"{beside}.{os.getpid()}", beside)
    try:
        os.rename(path, os.path.join(folder, f"{call}-{os.path.basename(path)}"))
    except FileNotFoundError as error:
        raise Denied(
            "dispatch", "Another agent was sent with this promise a moment ago.", "Write a new one."
        ) from error
