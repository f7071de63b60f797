"""What a fleet did, line by line: who ran which tool on what, kept beside its other papers."""

from __future__ import annotations

import json
import os
import time

from ategnatos.fences.fleet.settings import FILE, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = "log.jsonl"
_LONGEST = 2_000
_SAID = ("command", "file_path", "notebook_path", "subagent_type", "prompt", "description")


def note(given: dict[str, Any], root: str) -> None:
    """Add one line for the call that was made. Nothing outside of a fleet's project."""
    if not os.path.exists(os.path.join(root, FILE)):
        return
    wanted = given.get("tool_input")
    if not isinstance(wanted, dict):
        return
    entry = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "session": given.get("session_id"),
        "agent": given.get("agent_id") or "",
        "role": given.get("agent_type") or os.environ.get("ATEGNATOS_FLEET_ROLE") or "",
        "tool": given.get("tool_name"),
        "failed": given.get("hook_event_name") == "PostToolUseFailure",
        **{key: str(wanted[key])[:_LONGEST] for key in _SAID if wanted.get(key)},
    }
    fleet = load(root)
    os.makedirs(fleet.coordination, exist_ok=True)
    line = json.dumps(entry, ensure_ascii=False) + "\n"
    # One write to a file opened for appending: lines of several agents never mix.
    handle = os.open(fleet.at(NAME), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)
