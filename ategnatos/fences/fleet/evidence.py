"""A report is held against the transcript: each promised command was run, and its output is quoted.

The promise of an investigator says which commands or files prove its findings. When it stops, its
transcript is read: a promised command that was not run, or whose real output does not stand in
the report, sends the report back with what is missing. After three returns it is let through,
marked as unproven, because a stop that is refused for ever ends with no report at all.
"""

from __future__ import annotations

import json
import os
import time

from ategnatos.fences.fleet.dispatch import AUDIT
from ategnatos.fences.fleet.settings import FILE, Fleet, load, read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RETURNS = 3
_WHOLE_OUTPUT = 40
_QUOTED_RUN = 20
# The client asks us while it still writes the transcript: so long may it be behind, in seconds.
_BEHIND = 3.0
_LOOK = 0.05


class Ran:
    """One tool call of the transcript with what it gave back."""

    __slots__ = ("output", "tool", "wanted")

    def __init__(self, tool: str, wanted: dict[str, Any]) -> None:
        self.tool = tool
        self.wanted = wanted
        self.output: str | None = None


def check(given: dict[str, Any], root: str) -> dict[str, Any] | None:
    """SubagentStop: send a report back that does not prove what it promised to prove."""
    if not root or not os.path.exists(os.path.join(root, FILE)):
        return None
    fleet = load(root)
    transcript = str(given.get("agent_transcript_path") or given.get("transcript_path") or "")
    said = str(given.get("last_assistant_message") or "")
    until = time.monotonic() + _BEHIND
    while True:
        prompt, calls, last = read_transcript(transcript)
        call = _promise_of(fleet, prompt)
        missing = []
        if call:
            packet = read_object(fleet.at("consumed", f"{call}-{AUDIT}"))
            missing = judge(packet, calls, said or last)
        behind = not prompt or (said and last.strip() != said.strip())
        if (prompt and not missing) or not behind or time.monotonic() > until:
            break
        time.sleep(_LOOK)
    if not missing:
        return None
    returned = _returned(fleet, call)
    if returned >= _RETURNS:
        _mark_unproven(fleet, call, missing)
        return {
            "systemMessage": f"A report came back {returned} times and still does not prove what "
            f"it promised: {'; '.join(missing)}. It is marked as unproven."
        }
    return {
        "decision": "block",
        "reason": "The report does not carry its proof yet. "
        + " ".join(f"{place}. {one}." for place, one in enumerate(missing, 1))
        + " Run what was not run, quote the output as it came, and correct what it contradicts.",
    }


def judge(packet: dict[str, Any], calls: list[Ran], report: str) -> list[str]:
    """What a report owes its promise; [] where it owes nothing."""
    missing = []
    lines = [line.strip() for line in report.splitlines()]
    for command in packet.get("canonical_commands", []):
        runs = [one for one in calls if one.tool == "Bash" and _runs(one.wanted, command)]
        outputs = [one.output for one in runs if one.output is not None]
        if not outputs:
            missing.append(f"'{command}' was promised and not run")
        elif not any(_quoted(one, lines) for one in outputs):
            missing.append(f"the output of '{command}' does not stand in the report as it came")
    for file in packet.get("canonical_files", []):
        reads = [
            one.output
            for one in calls
            if one.tool == "Read" and _same_file(str(one.wanted.get("file_path") or ""), file)
        ]
        outputs = [_unnumbered(one) for one in reads if one is not None]
        if not outputs:
            missing.append(f"'{file}' was promised and not read")
        elif packet.get("expected_evidence_format") == "file_read" and not any(
            _cited(one, lines) for one in outputs
        ):
            missing.append(f"no line of '{file}' stands in the report as it is")
    return missing


def read_transcript(path: str) -> tuple[str, list[Ran], str]:
    """The first prompt, the tool calls in order, and the last text of a transcript (JSON lines)."""
    prompt, last = "", ""
    calls: dict[str, Ran] = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the client writes on while we read: a last line may be half there
            message = entry.get("message") if isinstance(entry, dict) else None
            if not isinstance(message, dict):
                continue
            content = message.get("content")
            pieces = content if isinstance(content, list) else [{"type": "text", "text": content}]
            for piece in pieces:
                if not isinstance(piece, dict):
                    continue
                kind = piece.get("type")
                if kind == "tool_use" and isinstance(piece.get("input"), dict):
                    calls[str(piece.get("id"))] = Ran(str(piece.get("name")), piece["input"])
                elif kind == "tool_result" and str(piece.get("tool_use_id")) in calls:
                    calls[str(piece["tool_use_id"])].output = _plain(piece.get("content"))
                elif kind == "text" and isinstance(piece.get("text"), str):
                    if message.get("role") == "user":
                        prompt = prompt or piece["text"]
                    else:
                        last = piece["text"]
    return prompt, list(calls.values()), last


def _promise_of(fleet: Fleet, prompt: str) -> str:
    """The call that sent the agent of this prompt, where it was sent with a promise of proof."""
    folder = fleet.at("consumed")
    if not prompt or not os.path.isdir(folder):
        return ""
    found = []
    for name in os.listdir(folder):
        if not name.endswith("-sent.json"):
            continue
        call = name[: -len("-sent.json")]
        if os.path.exists(os.path.join(folder, f"{call}-{AUDIT}")):
            sent = read_object(os.path.join(folder, name)).get("prompt")
            if isinstance(sent, str) and sent.strip() and sent.strip() in prompt:
                found.append((os.path.getmtime(os.path.join(folder, name)), call))
    return max(found)[1] if found else ""


def _runs(wanted: dict[str, Any], command: str) -> bool:
    """Whether a shell call ran ``command``: as it is, or as one of several joined by && or ;."""
    line = " ".join(str(wanted.get("command") or "").split())
    promised = " ".join(command.split())
    if line == promised:
        return True
    rest = line
    for mark in (" && ", "; ", " || "):
        rest = rest.replace(mark, "\n")
    return promised in [one.strip() for one in rest.split("\n")]


def _quoted(output: str, report: list[str]) -> bool:
    """Whether the report holds the output, line after line; of a long one a run with its end."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        return any("no output" in line.lower() for line in report)
    if len(lines) > _WHOLE_OUTPUT:
        lines = lines[-_QUOTED_RUN:]
    told = [line for line in report if line]
    # A report may set each line off with "> ", or end it with the hard break of Markdown.
    bare = [line.lstrip("> ").rstrip("\\").strip("`") for line in told]
    wanted = [line.strip("`").rstrip("\\") for line in lines]
    return any(
        candidate[start : start + len(wanted)] == wanted
        for candidate in (told, bare)
        for start in range(len(candidate) - len(wanted) + 1)
    ) or (len(lines) == 1 and any(lines[0] in line for line in report))


def _cited(content: str, report: list[str]) -> bool:
    lines = {line.strip() for line in content.splitlines() if len(line.strip()) >= 8}
    return any(one.lstrip("> ").strip("`") in lines or one in lines for one in report)


def _unnumbered(text: str) -> str:
    """What Read gave, without the line numbers that it puts in front."""
    lines = []
    for line in text.splitlines():
        number, mark, rest = line.partition("\t")
        if not mark:
            number, mark, rest = line.partition("\u2192")
        lines.append(rest if mark and number.strip().isdigit() else line)
    return "\n".join(lines)


def _same_file(read: str, promised: str) -> bool:
    return read == promised or read.endswith("/" + promised.removeprefix("./"))


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(
            str(one.get("text")) for one in content if isinstance(one, dict) and one.get("text")
        )
    return ""


def _returned(fleet: Fleet, call: str) -> int:
    """How often the report of this call was sent back before; this time is counted."""
    path = fleet.at("consumed", f"{call}-returned")
    before = os.path.getsize(path) if os.path.exists(path) else 0
    if before < _RETURNS:
        with open(path, "ab") as file:
            file.write(b".")
    return before


def _mark_unproven(fleet: Fleet, call: str, missing: list[str]) -> None:
    with open(fleet.at("consumed", f"{call}-unproven.json"), "w", encoding="utf-8") as file:
        json.dump({"missing": missing}, file, indent=2)
