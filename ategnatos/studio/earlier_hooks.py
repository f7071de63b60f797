"""Lines that an earlier ``init`` wrote into .claude/settings.json, and their renewal.

A line is ours where its event, matcher and command are exactly those of a program before this
one; any other is a person's, also one that asks our fence in words of their own. Whoever changes
a hook in ``claude_settings`` puts what stood there before into ``EARLIER``.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

_HELP = "command -v ategnatos-fence >/dev/null || exit 0; ategnatos-fence {event}"

# For each event the (matcher, command) of each line that was written once.
EARLIER: dict[str, tuple[tuple[str, str], ...]] = {
    "PreToolUse": (
        (
            "Bash|Edit|Write|NotebookEdit|Read|Agent",
            "ategnatos-fence PreToolUse || { echo 'The fence could not answer. Is ategnatos"
            " installed where this was started (ategnatos-fence on PATH)?' >&2; exit 2; }",
        ),
    ),
    "PostToolUse": (("Bash", _HELP.format(event="PostToolUse")),),
    "PostToolUseFailure": (("Bash", _HELP.format(event="PostToolUseFailure")),),
}


def renewed(groups: list[dict[str, Any]], event: str, current: dict[str, Any]) -> list[Any] | None:
    """The groups of hooks of ``event`` with ``current`` in the place of an older line of ours.

    None where there is no older line. A person's hooks beside it stay in their group and their
    order, and so do fields that they gave ours, such as another timeout.
    """
    found: list[Any] = []
    older = False
    there = any(_line(group, hook) == _only_line(current) for group, hook in _hooks(groups))
    for group in groups:
        ours = [hook for hook in group["hooks"] if _line(group, hook) in EARLIER.get(event, ())]
        rest = [hook for hook in group["hooks"] if hook not in ours]
        if not ours:
            found.append(group)
            continue
        older = True
        if not there:
            fresh = deepcopy(current)
            fresh["hooks"][0] |= {key: ours[0][key] for key in ours[0] if key != "command"}
            found.append(fresh)
            there = True
        if rest:
            found.append({**group, "hooks": rest})
    return found if older else None


def _hooks(groups: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(group, hook) for group in groups for hook in group["hooks"]]


def _line(group: dict[str, Any], hook: dict[str, Any]) -> tuple[str, str]:
    return str(group.get("matcher", "")), str(hook.get("command", ""))


def _only_line(group: dict[str, Any]) -> tuple[str, str]:
    return _line(group, group["hooks"][0])
