"""What each event leads to. A handler takes the event's input and gives the answer, or None."""

from __future__ import annotations

import json
import os

from ategnatos.fences.decision import Denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Answer = dict[str, Any] | None

_WRITERS = {"Edit": "file_path", "Write": "file_path", "NotebookEdit": "notebook_path"}
_HERE = os.path.dirname(os.path.abspath(__file__))


def before_a_tool(given: dict[str, Any]) -> Answer:
    """PreToolUse: a refusal with its reason, or nothing."""
    tool = given.get("tool_name")
    wanted = given.get("tool_input")
    if not isinstance(tool, str) or not isinstance(wanted, dict):
        raise ValueError("the input names no tool")
    try:
        if tool == "Bash":
            _line(given, _text(wanted, "command"))
        elif tool in _WRITERS:
            _write(given, _text(wanted, _WRITERS[tool]))
        elif tool == "Read":
            _read(given, _text(wanted, "file_path"))
        _fleet(given, tool, wanted)
    except Denied as denied:
        return {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": f"[{denied.rule}] {denied.said}",
            }
        }
    return None


def after_a_tool(given: dict[str, Any]) -> Answer:
    """PostToolUse and PostToolUseFailure: remember the prices that were said; a fleet's log."""
    root = os.environ.get("CLAUDE_PROJECT_DIR") or _folder(given)
    if os.path.exists(os.path.join(root, ".claude", "fleet.json")):
        from ategnatos.fences.fleet import log

        log.note(given, root)
    wanted = given.get("tool_input")
    if given.get("tool_name") != "Bash" or not isinstance(wanted, dict):
        return None
    told = json.dumps([given.get("tool_response"), given.get("error")])
    guarded = known()
    if not any(one in told for one in guarded["price_said"]):
        return None
    from ategnatos.fences.starts import starts
    from ategnatos.fences.word_reader import NotUnderstood

    home = _home()
    try:
        found = starts(
            _text(wanted, "command"), variables={"HOME": home}, home=home, folder=_folder(given)
        )
    except NotUnderstood:
        return None
    estimates = _estimates(given, guarded)
    for start in found:
        if start.name == "ategnatos" and all(word.known for word in start.words):
            estimates.note([word.text for word in start.words[1:]])
    return None


def conversation_begins(given: dict[str, Any]) -> Answer:
    """SessionStart: how the studio stands."""
    from ategnatos.fences import conversation

    return conversation.begins(_studio(given))


def conversation_ends(given: dict[str, Any]) -> Answer:
    """Stop: what still bills, once."""
    from ategnatos.fences import conversation

    return conversation.ends(given, _studio(given))


def agent_ends(given: dict[str, Any]) -> Answer:
    """SubagentStop: a report that promised its proof carries it."""
    from ategnatos.fences.fleet import evidence

    return evidence.check(given, os.environ.get("CLAUDE_PROJECT_DIR") or _folder(given))


def known() -> dict[str, Any]:
    """What the fences look for (guarded.json)."""
    with open(os.path.join(_HERE, "guarded.json"), encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


def studio_of(folder: str) -> str:
    """The studio's folder that ``folder`` lies in, "" where it lies in none."""
    place = os.path.realpath(folder)
    while True:
        if os.path.isdir(os.path.join(place, "grimoire", ".state")):
            return place
        above = os.path.dirname(place)
        if above == place:
            return ""
        place = above


def _line(given: dict[str, Any], text: str) -> None:
    from ategnatos.fences.line import Scene, check

    guarded = known()
    check(
        Scene(
            text,
            guarded=guarded,
            root=_studio(given),
            folder=_folder(given),
            home=_home(),
            estimates=_estimates(given, guarded),
        )
    )


def _write(given: dict[str, Any], path: str) -> None:
    from ategnatos.fences import files

    files.written(known(), path, root=_studio(given), folder=_folder(given), home=_home())


def _read(given: dict[str, Any], path: str) -> None:
    from ategnatos.fences import files

    files.read(known(), path, root=_studio(given), folder=_folder(given), home=_home())


def _fleet(given: dict[str, Any], tool: str, wanted: dict[str, Any]) -> None:
    """The fences of a fleet stand only where a project has asked for them."""
    root = os.environ.get("CLAUDE_PROJECT_DIR") or _folder(given)
    if os.path.exists(os.path.join(root, ".claude", "fleet.json")):
        from ategnatos.fences.fleet import boundaries, dispatch, history

        history.check(given, tool, wanted, root)
        boundaries.check(given, tool, wanted, root)
        dispatch.check(given, tool, wanted, root)


def _studio(given: dict[str, Any]) -> str:
    return studio_of(_folder(given)) or studio_of(os.environ.get("CLAUDE_PROJECT_DIR") or "/")


def _folder(given: dict[str, Any]) -> str:
    folder = given.get("cwd")
    if isinstance(folder, str) and folder.startswith("/"):
        return folder
    return os.getcwd()


def _home() -> str:
    return os.path.expanduser("~")


def _estimates(given: dict[str, Any], guarded: dict[str, Any]) -> Any:
    from ategnatos.fences.estimates import Estimates

    state = os.environ.get("XDG_STATE_HOME") or os.path.join(_home(), ".local", "state")
    folder = os.path.join(state, "ategnatos", "fences")
    return Estimates(folder, str(given.get("session_id") or ""), guarded["price_option"])


def _text(wanted: dict[str, Any], name: str) -> str:
    found = wanted.get(name)
    if not isinstance(found, str):
        raise ValueError(f"the tool's input has no {name}")
    return found


HANDLERS: dict[str, Callable[[dict[str, Any]], Answer]] = {
    "PreToolUse": before_a_tool,
    "PostToolUse": after_a_tool,
    "PostToolUseFailure": after_a_tool,
    "SessionStart": conversation_begins,
    "Stop": conversation_ends,
    "SubagentStop": agent_ends,
}
