"""What a conversation is told without asking: how the studio stands, and what still bills."""

from __future__ import annotations

import json
import os
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SECONDS = 5.0
_MOST_LISTED = 5


class NoStatus(Exception):  # noqa: N818 - an answer, not a fault
    """The studio could not be asked; the message says why."""


def begins(root: str) -> dict[str, Any] | None:
    """SessionStart: one screen for the agent; nothing outside a studio."""
    if not root:
        return None
    try:
        told = screen(_status(root))
    except NoStatus as why:
        told = (
            f"This folder is an Ategnatos studio, and its status could not be read ({why}). "
            "Run 'ategnatos status' before anything else, and 'ategnatos doctor' if that fails."
        )
    return {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": told}}


def ends(given: dict[str, Any], root: str) -> dict[str, Any] | None:
    """Stop: machines that bill are named once, so that nobody leaves them by mistake."""
    if not root or given.get("stop_hook_active"):
        return None
    try:
        status = _status(root)
    except NoStatus:
        return None  # Stop must not be held up by a studio that cannot be read
    billing = _billing(status)
    if not billing:
        return None
    return {
        "decision": "block",
        "reason": f"{billing} Tell the person now, with what it costs by the hour and the command "
        "that ends it, then stop. This is said once.",
    }


def screen(status: dict[str, Any]) -> str:
    """The status in a few lines: what bills, what waits, what runs, what was edited by hand."""
    lines = [
        f"Ategnatos studio at {status.get('studio', '?')}. The record is the truth; verdicts are "
        "the person's alone; show pictures by reading the contact sheet."
    ]
    if billing := _billing(status):
        lines.append(f"BILLS NOW: {billing} Tell the person first.")
    waiting = _rows(status, "waiting")
    if waiting:
        lines.append(
            f"Waiting for the person's eye: {_count(status, 'waiting', waiting)} "
            + _listed(waiting, lambda one: f"{one.get('job')} ({_short(one.get('prompt'))})")
        )
    for key, words in (("running", "Running"), ("failed", "Failed")):
        rows = _rows(status, key)
        if rows:
            count = _count(status, key, rows)
            lines.append(f"{words}: {count} " + _listed(rows, lambda one: str(one.get("job"))))
    lines += _trainings(status)
    requests = _rows(status, "review_requests")
    if requests:
        lines.append(f"Asked for and not yet looked at: {len(requests)}")
    drift = _rows(status, "drift")
    if drift:
        lines.append(
            f"Edited by hand: {len(drift)} pages or documents ('ategnatos grimoire check')"
        )
    problems = _rows(status, "problems")
    if problems:
        lines.append(f"Problems: {len(problems)} ('ategnatos doctor')")
    steps = status.get("next")
    if isinstance(steps, list) and steps:
        lines.append("Next: " + "; ".join(str(one) for one in steps[:_MOST_LISTED]))
    return "\n".join(lines)


def _trainings(status: dict[str, Any]) -> list[str]:
    """What trains, and which evaluations wait for the person."""
    told = status.get("trainings")
    if not isinstance(told, dict):
        return []
    lines = []
    running, waiting = _rows(told, "running"), _rows(told, "waiting")
    if running:
        lines.append(
            f"Training: {len(running)} "
            + _listed(running, lambda one: f"{one.get('run')}, {one.get('says')}")
        )
    if waiting:
        lines.append(
            f"Evaluations that wait for the person's choice: {len(waiting)} "
            + _listed(waiting, lambda one: str(one.get("evaluation")))
        )
    return lines


def _status(root: str) -> dict[str, Any]:
    """``ategnatos status --json`` of the studio. Raises NoStatus."""
    beside = os.path.join(os.path.dirname(sys.executable), "ategnatos")
    program = [beside] if os.access(beside, os.X_OK) else [sys.executable, "-m", "ategnatos"]
    try:
        done = subprocess.run(
            [*program, "--project", root, "status", "--json"],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise NoStatus(f"it took more than {_SECONDS:g} seconds") from error
    except OSError as error:
        raise NoStatus(str(error)) from error
    try:
        told = json.loads(done.stdout)
    except ValueError as error:
        raise NoStatus(f"it ended with {done.returncode} and no JSON") from error
    data = told.get("data") if isinstance(told, dict) else None
    if not isinstance(data, dict) or "waiting" not in data:
        raise NoStatus(str((told.get("error") or {}).get("message", "no data"))[:300])
    return data


def _billing(status: dict[str, Any]) -> str:
    bills = status.get("bills")
    instances = bills.get("instances") if isinstance(bills, dict) else None
    if not isinstance(instances, list) or not instances:
        return ""
    assert isinstance(bills, dict)
    count = len(instances)
    named = ", ".join(
        str(one.get("name") or one.get("id") or one) if isinstance(one, dict) else str(one)
        for one in instances[:_MOST_LISTED]
    )
    return (
        f"{count} rented {'machine' if count == 1 else 'machines'} ({named}) at "
        f"{bills.get('per_hour_usd', '?')} USD an hour."
    )


def _rows(status: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = status.get(key)
    if not isinstance(found, list):
        return []
    return [one if isinstance(one, dict) else {"job": one} for one in found]


def _count(status: dict[str, Any], key: str, rows: list[dict[str, Any]]) -> int:
    """How many there are: the status lists only some of many."""
    counts = status.get("counts")
    count = counts.get(key) if isinstance(counts, dict) else None
    return count if isinstance(count, int) else len(rows)


def _listed(rows: list[dict[str, Any]], say: Any) -> str:
    told = ", ".join(say(one) for one in rows[:_MOST_LISTED])
    return f"({told}{', ...' if len(rows) > _MOST_LISTED else ''})"


def _short(text: Any) -> str:
    words = str(text or "")
    return words if len(words) <= 48 else words[:45] + "..."
