"""What Claude Code may do in a studio: what ``init`` puts into .claude/settings.json.

Sources: code.claude.com/docs/en/permissions, /settings, /hooks and /sandboxing. A deny on ``Edit``
covers Write, Edit and shell redirects, and holds where a hook fails. With Claude Code's sandbox
switched on the same deny also stops every program it starts, ours too: hence the exclusion.
A settings file that is no valid JSON is dropped whole by the client, without a word; therefore
one that we cannot read is never written to, and ``ategnatos doctor`` looks at it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ategnatos.studio import earlier_hooks

PATH = ".claude/settings.json"

# Where the rules stand in the file, and the rules. A path with one leading / begins at the
# studio's root.
RULES: dict[tuple[str, str], tuple[str, ...]] = {
    ("permissions", "allow"): (
        "Bash(ategnatos *)",
        "Skill(studio)",
        "Skill(art)",
        "Skill(train)",
        "Skill(eye)",
    ),
    ("permissions", "deny"): (
        "Edit(/grimoire/.state/**)",
        "Edit(/grimoire/*.md)",
        "Edit(/grimoire/cost-config.json)",
        "Edit(/grimoire/library/**)",
        "Edit(/grimoire/projects/**)",
        "Edit(/grimoire/training/**)",
        "Edit(/exports/**)",
        "Edit(~/.config/ategnatos/**)",
        "Read(~/.config/ategnatos/**)",
        "Read(/.env)",
    ),
    ("sandbox", "excludedCommands"): ("ategnatos *",),
}

# A guard that must hold: what fails in it refuses. "onFailure" is known to newer clients alone, and
# to none for a program that is missing or prints half an answer, hence the shell form: one that
# says nothing lets pass, one whole refusal is handed on, all else ends with 2.
_GUARD = (
    "limit=; command -v timeout >/dev/null && limit='timeout 9'; "
    "said=$($limit ategnatos-fence PreToolUse) && case $said in '') exit 0 ;; "
    '\'{"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "deny", "\'*'
    "'\"}}') printf '%s\\n' \"$said\"; exit 0 ;; esac; "
    "echo 'The fence could not answer. Is ategnatos installed where this was started "
    "(ategnatos-fence on PATH)?' >&2; exit 2"
)
# The rest only help: a studio whose program is missing is no reason to stop a conversation.
_HELP = "command -v ategnatos-fence >/dev/null || exit 0; ategnatos-fence {event}"

# What is asked about before; afterwards prices are remembered, and a fleet's log is kept.
_ASKED = "Bash|Edit|Write|NotebookEdit|Read|Agent"
_CHANGES = "Bash|Edit|Write|NotebookEdit|Agent"

# Where a hook stands, and the group of hooks as the client wants it.
HOOKS: dict[str, dict[str, Any]] = {
    "PreToolUse": {
        "matcher": _ASKED,
        "hooks": [{"type": "command", "command": _GUARD, "timeout": 10, "onFailure": "block"}],
    },
    **{
        event: {
            **({"matcher": matcher} if matcher else {}),
            "hooks": [
                {"type": "command", "command": _HELP.format(event=event), "timeout": seconds}
            ],
        }
        for event, matcher, seconds in (
            ("PostToolUse", _CHANGES, 10),
            ("PostToolUseFailure", _CHANGES, 10),
            ("SessionStart", "", 15),
            ("Stop", "", 15),
            ("SubagentStop", "", 15),
        )
    },
}
_OURS = "ategnatos-fence "

# A plugin is on in every project of its user: its hooks speak only inside a studio, and only where
# the studio's own settings do not ask the fence already.
_PLUGIN_ONLY = (
    'test -d "${CLAUDE_PROJECT_DIR}/grimoire/.state" || exit 0; '
    'grep -qs ategnatos-fence "${CLAUDE_PROJECT_DIR}/.claude/settings.json" && exit 0; '
)


def plugin_hooks() -> dict[str, Any]:
    """What the plugin's hooks/hooks.json holds: the same hooks, silent outside a studio."""
    hooks = {event: [deepcopy(group)] for event, group in HOOKS.items()}
    for (group,) in hooks.values():
        for hook in group["hooks"]:
            hook["command"] = _PLUGIN_ONLY + hook["command"]
    return {"hooks": hooks}


# What each type of hook cannot do without; "" where nobody has tried.
_HOOK_NEEDS = {
    "command": "command",
    "http": "url",
    "mcp_tool": "",
    "prompt": "prompt",
    "agent": "prompt",
}


@dataclass(frozen=True, slots=True)
class Merge:
    """``content`` is the new text of the file, None where it stays as it is.

    ``added`` and ``offered`` name rules as ``permissions.allow Skill(art)``; ``renewed`` names
    hooks of which an older line of ours stood there. ``problem`` says why nothing could be added.
    """

    content: bytes | None
    added: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    problem: str | None = None
    renewed: tuple[str, ...] = ()


class NotSettingsError(Exception):
    """The bytes are not a settings file; the message says why."""


def parse(content: bytes) -> dict[str, Any]:
    """The settings in ``content``. Raises NotSettingsError for what the client would drop."""
    try:
        found = json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_distinct,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise NotSettingsError(f"it is not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise NotSettingsError("it holds no JSON object")
    for group, key in RULES:
        inner = found.get(group, {})
        if not isinstance(inner, dict):
            raise NotSettingsError(f"{group!r} is not an object")
        rules = inner.get(key, [])
        if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
            raise NotSettingsError(f"'{group}.{key}' is not a list of texts")
    check_hooks(found)
    return found


def merge(content: bytes | None, offered_before: Collection[str]) -> Merge:
    """Add the rules that were never offered before; keep everything else, in its order.

    A hook that an earlier version wrote is renewed; one that a person wrote or changed is not.

    ``content`` is the file as it stands, None where there is none.
    """
    try:
        settings = {} if content is None else parse(content)
    except NotSettingsError as error:
        return Merge(None, offered=tuple(offered_before), problem=str(error))
    added = []
    renewed = outdated_hooks(settings)
    for event, hooks in HOOKS.items():
        if f"hooks.{event} {_OURS}{event}" in renewed:
            groups = settings["hooks"][event]
            settings["hooks"][event] = earlier_hooks.renewed(groups, event, hooks)
    offered = dict.fromkeys(offered_before)
    for (group, key), rules in RULES.items():
        for rule in rules:
            name = f"{group}.{key} {rule}"
            if name in offered and content is not None:
                continue
            offered[name] = None
            standing = settings.setdefault(group, {}).setdefault(key, [])
            if rule not in standing:
                standing.append(rule)
                added.append(name)
    for event, hooks in HOOKS.items():
        name = f"hooks.{event} {_OURS}{event}"
        if name in offered and content is not None:
            continue
        offered[name] = None
        if not has_fence(settings, event):
            settings.setdefault("hooks", {}).setdefault(event, []).append(deepcopy(hooks))
            added.append(name)
    if not added and not renewed:
        return Merge(None, offered=tuple(offered))
    text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    return Merge(text.encode(), tuple(added), tuple(offered), renewed=tuple(renewed))


def has_fence(settings: dict[str, Any], event: str) -> bool:
    """Whether a hook of ``event`` asks our fence."""
    return any(
        f"{_OURS}{event}" in str(hook.get("command", ""))
        for group in settings.get("hooks", {}).get(event, [])
        for hook in group["hooks"]
    )


def outdated_hooks(settings: dict[str, Any]) -> list[str]:
    """The hooks of ours that stand there as an earlier version wrote them, named as in Merge."""
    there = settings.get("hooks", {})
    return [
        f"hooks.{event} {_OURS}{event}"
        for event, hooks in HOOKS.items()
        if earlier_hooks.renewed(there.get(event, []), event, hooks) is not None
    ]


def missing_rules(settings: dict[str, Any]) -> list[str]:
    """The rules and hooks of ours that are not in ``settings``, named as in :class:`Merge`."""
    return [
        f"{group}.{key} {rule}"
        for (group, key), rules in RULES.items()
        for rule in rules
        if rule not in settings.get(group, {}).get(key, [])
    ] + [f"hooks.{event} {_OURS}{event}" for event in HOOKS if not has_fence(settings, event)]


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def check_hooks(settings: dict[str, Any]) -> None:
    """Look for the hook shapes that make the client drop the whole file.

    Raises NotSettingsError. Source: code.claude.com/docs/en/hooks.
    """
    events = settings.get("hooks", {})
    if not isinstance(events, dict):
        raise NotSettingsError("'hooks' is not an object of events")
    for event, groups in events.items():
        for group in groups if isinstance(groups, list) else [None]:
            hooks = group.get("hooks") if isinstance(group, dict) else None
            if not isinstance(hooks, list):
                raise NotSettingsError(f"'hooks.{event}' is not a list of objects with 'hooks'")
            for hook in hooks:
                if not isinstance(hook, dict) or hook.get("type") not in _HOOK_NEEDS:
                    raise NotSettingsError(f"a hook of {event} has no known 'type'")
                needed = _HOOK_NEEDS[hook["type"]]
                if needed and not isinstance(hook.get(needed), str):
                    raise NotSettingsError(f"a {hook['type']} hook of {event} has no {needed!r}")
                timeout = hook.get("timeout", 1)
                if isinstance(timeout, bool) or not isinstance(timeout, int | float):
                    raise NotSettingsError(f"a hook of {event} has a 'timeout' that is no number")
