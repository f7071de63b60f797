"""Permissions for Claude Code: added once, never in the way of what stands there."""

from __future__ import annotations

import json

import pytest

from ategnatos.studio.claude_settings import (
    HOOKS,
    RULES,
    NotSettingsError,
    check_hooks,
    merge,
    missing_rules,
    parse,
)


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
