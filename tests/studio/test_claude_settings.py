"""Permissions for Claude Code: added once, never in the way of what stands there."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.studio.claude_settings import (
    HOOKS,
    RULES,
    NotSettingsError,
    check_hooks,
    merge,
    missing_rules,
    outdated_hooks,
    parse,
)
from ategnatos.studio.earlier_hooks import EARLIER


def test_a_new_file_holds_every_rule() -> None:
    made = merge(None, ())
    assert made.content is not None
    assert missing_rules(json.loads(made.content)) == []
    assert len(made.added) == sum(len(rules) for rules in RULES.values()) + len(HOOKS)
    check_hooks(json.loads(made.content))


def test_what_stands_is_kept_in_its_order() -> None:
    there = {"env": {"A": "1"}, "permissions": {"deny": ["Read(/x)"], "allow": ["Skill(art)"]}}
    made = merge(json.dumps(there).encode(), ())
    assert made.content is not None
    after = json.loads(made.content)
    assert list(after)[:2] == ["env", "permissions"]
    assert after["permissions"]["deny"][0] == "Read(/x)"
    assert after["permissions"]["allow"].count("Skill(art)") == 1


def test_offering_again_changes_nothing() -> None:
    first = merge(None, ())
    assert merge(first.content, first.offered).content is None
    assert merge(b"{}", first.offered).content is None


def test_hooks_of_others_stay_and_ours_comes_once() -> None:
    other = {"matcher": "Bash", "hooks": [{"type": "command", "command": "./mine.sh"}]}
    ours = {"hooks": [{"type": "command", "command": "/opt/bin/ategnatos-fence Stop"}]}
    there = {"hooks": {"PreToolUse": [other], "Stop": [ours]}}
    made = merge(json.dumps(there).encode(), ())
    assert made.content is not None
    hooks = json.loads(made.content)["hooks"]
    assert hooks["PreToolUse"] == [other, HOOKS["PreToolUse"]]
    assert hooks["Stop"] == [ours]


def test_a_hook_that_was_taken_out_stays_out() -> None:
    first = merge(None, ())
    assert first.content is not None
    without = json.loads(first.content)
    del without["hooks"]["Stop"]
    assert merge(json.dumps(without).encode(), first.offered).content is None
    assert missing_rules(without) == ["hooks.Stop ategnatos-fence Stop"]


def earlier(event: str) -> dict[str, Any]:
    """The group of hooks that an earlier version wrote for ``event``."""
    ((matcher, command),) = EARLIER[event]
    hook = {**HOOKS[event]["hooks"][0], "command": command}
    return {"matcher": matcher, "hooks": [hook]}


def test_an_older_line_of_ours_is_renewed_in_its_place() -> None:
    first = merge(None, ())
    assert first.content is not None
    settings = json.loads(first.content)
    other = {"matcher": "Bash", "hooks": [{"type": "command", "command": "./mine.sh"}]}
    for event in EARLIER:
        settings["hooks"][event] = [other, earlier(event), other]
    made = merge(json.dumps(settings).encode(), first.offered)
    assert made.content is not None
    assert made.added == ()
    assert made.renewed == tuple(f"hooks.{event} ategnatos-fence {event}" for event in EARLIER)
    after = json.loads(made.content)
    for event in EARLIER:
        assert after["hooks"][event] == [other, HOOKS[event], other]
    assert outdated_hooks(after) == []
    assert merge(made.content, made.offered).content is None


def test_a_persons_hook_in_the_same_group_keeps_its_matcher_and_ours_its_timeout() -> None:
    mine = {"type": "command", "command": "./mine.sh"}
    group = earlier("PostToolUse")
    group["hooks"][0]["timeout"] = 40
    group["hooks"].append(mine)
    made = merge(json.dumps({"hooks": {"PostToolUse": [group]}}).encode(), ())
    assert made.content is not None
    fresh = deepcopy(HOOKS["PostToolUse"])
    fresh["hooks"][0]["timeout"] = 40
    after = json.loads(made.content)["hooks"]["PostToolUse"]
    assert after == [fresh, {"matcher": "Bash", "hooks": [mine]}]


def test_an_older_line_beside_the_present_one_goes() -> None:
    there = {"hooks": {"PreToolUse": [earlier("PreToolUse"), HOOKS["PreToolUse"]]}}
    made = merge(json.dumps(there).encode(), ())
    assert made.content is not None
    assert json.loads(made.content)["hooks"]["PreToolUse"] == [HOOKS["PreToolUse"]]


def test_what_a_person_changed_in_our_line_is_theirs() -> None:
    first = merge(None, ())
    assert first.content is not None
    settings = json.loads(first.content)
    settings["hooks"]["PreToolUse"][0]["matcher"] = "Bash"
    settings["hooks"]["Stop"][0]["hooks"][0]["command"] = "/opt/bin/ategnatos-fence Stop"
    made = merge(json.dumps(settings).encode(), first.offered)
    assert (made.content, made.renewed) == (None, ())


def test_whoever_changes_a_hook_keeps_what_stood_there() -> None:
    # What it was before goes into earlier_hooks.EARLIER, then the new hash here.
    assert sha256_bytes(canonical_json(HOOKS)) == (
        "64e0304f062ac155323e8830d42db6fb1ad93680148d3915077894e045d3da45"
    )


@pytest.mark.parametrize(
    "content",
    [
        b'{"permissions": {},}',
        b"// a comment\n{}",
        b"[]",
        b'{"permissions": []}',
        b'{"permissions": {"allow": "Bash(x)"}}',
        b'{"permissions": {"deny": [1]}}',
        b'{"a": 1, "a": 2}',
        b'{"hooks": {"Stop": {"command": "x"}}}',
        b'{"a": NaN}',
        b"\xff\xfe{}",
        b"",
    ],
)
def test_what_the_client_would_drop_is_not_touched(content: bytes) -> None:
    made = merge(content, ())
    assert made.content is None
    assert made.problem


def test_a_byte_order_mark_is_harmless() -> None:
    assert parse(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize(
    "hooks",
    [
        [],
        {"PreToolUse": {"type": "command", "command": "x"}},
        {"PreToolUse": [{"type": "command", "command": "x"}]},
        {"PreToolUse": [{"hooks": [{"type": "shell", "command": "x"}]}]},
        {"PreToolUse": [{"hooks": [{"type": "command"}]}]},
        {"PreToolUse": [{"hooks": [{"type": "command", "command": "x", "timeout": "5"}]}]},
    ],
)
def test_hook_shapes_that_drop_the_whole_file_are_found(hooks: object) -> None:
    with pytest.raises(NotSettingsError):
        check_hooks({"hooks": hooks})


def test_sound_hooks_pass() -> None:
    hook = {"type": "command", "command": "true", "timeout": 5}
    check_hooks({"hooks": {"Stop": [{"hooks": [hook]}], "Unknown": []}})
    check_hooks({})
