"""``ategnatos-fence`` as Claude Code runs it: one process, JSON in, JSON or nothing out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ategnatos.fences import conversation
from tests.conftest import Run

FENCE = [sys.executable, "-m", "ategnatos.fences.program"]


def ask(
    event: str, given: Any, folder: Path, *, home: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    text = given if isinstance(given, str) else json.dumps(given)
    return subprocess.run(
        [*FENCE, event],
        input=text,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
        env={**os.environ, "HOME": str(home or folder), "XDG_STATE_HOME": "", **environment},
    )


def before(tool: str, wanted: dict[str, Any], folder: Path) -> dict[str, Any]:
    return {
        "hook_event_name": "PreToolUse",
        "session_id": "s-1",
        "cwd": str(folder),
        "tool_name": tool,
        "tool_input": wanted,
        "tool_use_id": "toolu_1",
    }


def denied(done: subprocess.CompletedProcess[str]) -> str:
    """The reason of a refusal; "" where nothing was said. One JSON object or nothing, status 0."""
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    if not done.stdout:
        return ""
    told = json.loads(done.stdout)["hookSpecificOutput"]
    assert told["hookEventName"] == "PreToolUse"
    assert told["permissionDecision"] == "deny"
    return str(told["permissionDecisionReason"])


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    (tmp_path / "grimoire" / ".state").mkdir(parents=True)
    (tmp_path / "exports").mkdir()
    return tmp_path


def test_an_ordinary_command_is_met_with_silence(studio: Path) -> None:
    assert denied(ask("PreToolUse", before("Bash", {"command": "ls -la"}, studio), studio)) == ""


def test_an_approval_is_refused_with_the_way_to_ask(studio: Path) -> None:
    line = "ategnatos art approve 'j7#2'"
    reason = denied(ask("PreToolUse", before("Bash", {"command": line}, studio), studio))
    assert reason.startswith("[person]")
    assert "ategnatos art request-review" in reason


@pytest.mark.parametrize(
    ("tool", "wanted", "rule"),
    [
        ("Edit", {"file_path": "grimoire/eye.md"}, "record"),
        ("Write", {"file_path": "exports/owl/v1/owl.png"}, "record"),
        ("Write", {"file_path": "grimoire/.state/studio.json"}, "record"),
        ("Write", {"file_path": "grimoire/cost-config.json"}, "record"),
        ("Edit", {"file_path": "workspace/../grimoire/studio.md"}, "record"),
        ("NotebookEdit", {"notebook_path": "exports/x.ipynb"}, "record"),
        ("Read", {"file_path": ".env"}, "secret"),
        ("Read", {"file_path": "certs/server.pem"}, "secret"),
        ("Read", {"file_path": "grimoire/eye.md"}, ""),
        ("Read", {"file_path": "exports/owl/v1/owl.png"}, ""),
        ("Write", {"file_path": "grimoire/recipes/hero.json"}, ""),
        ("Write", {"file_path": "workspace/notes.md"}, ""),
        ("Glob", {"pattern": "exports/**"}, ""),
    ],
)
def test_file_tools(studio: Path, tool: str, wanted: dict[str, str], rule: str) -> None:
    absolute = {key: str(studio / value) for key, value in wanted.items()}
    reason = denied(ask("PreToolUse", before(tool, absolute, studio), studio))
    assert reason.startswith(f"[{rule}]") if rule else reason == ""


@pytest.mark.parametrize(
    "given",
    [
        "",
        "{",
        "[]",
        '{"tool_name": "Bash"}',
        '{"tool_name": "Bash", "tool_input": {}}',
        '{"tool_name": "Bash", "tool_input": {"command": 3}}',
        '{"tool_name": "Write", "tool_input": {"path": "x"}}',
    ],
)
def test_a_guard_that_cannot_judge_refuses(studio: Path, given: str) -> None:
    done = ask("PreToolUse", given, studio)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "refused" in done.stderr


@pytest.mark.parametrize("event", ["", "SomethingNewer", "--help", "PreCompact"])
def test_an_event_of_a_newer_client_stops_nobody(studio: Path, event: str) -> None:
    done = ask(event, "no json", studio)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("event", ["PostToolUse", "Stop", "SubagentStop", "SessionStart"])
def test_a_helper_that_fails_never_ends_with_two(studio: Path, event: str) -> None:
    done = ask(event, "no json", studio)
    assert done.returncode == 1
    assert done.stdout == ""


def test_a_price_that_was_shown_may_be_agreed_to(studio: Path) -> None:
    line = "ategnatos art generate 'an owl' --engine cloud"
    agree = before("Bash", {"command": line + " --confirm"}, studio)
    assert denied(ask("PreToolUse", agree, studio)).startswith("[price]")
    shown = {
        **before("Bash", {"command": line}, studio),
        "hook_event_name": "PostToolUseFailure",
        "error": "Exit code 1\nThis would cost 0.04 USD (one picture); nothing was sent.",
    }
    assert ask("PostToolUseFailure", shown, studio).returncode == 0
    assert denied(ask("PreToolUse", agree, studio)) == ""
    assert denied(ask("PreToolUse", {**agree, "session_id": "s-2"}, studio)).startswith("[price]")


def test_what_is_said_of_a_price_is_what_the_fence_waits_for() -> None:
    from ategnatos.commands.art import price
    from ategnatos.fences.events import known

    source = Path(price.__file__).read_text(encoding="utf-8")
    assert all(one in source for one in known()["price_said"])


def test_it_imports_the_standard_library_and_nothing_else(studio: Path) -> None:
    look = (
        "import sys, runpy, os, io, json\n"
        "os._exit = lambda status: sys.exit(status)\n"
        "before = set(sys.modules)\n"
        "sys.argv = ['ategnatos-fence', 'PreToolUse']\n"
        "try:\n    runpy.run_module('ategnatos.fences.program', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "strange = {n.partition('.')[0] for n in set(sys.modules) - before}"
        " - set(sys.stdlib_module_names)\n"
        "sys.stderr.write(json.dumps(sorted(strange)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", look],
        input=json.dumps(before("Bash", {"command": "rm -rf exports"}, studio)),
        capture_output=True,
        text=True,
        cwd=studio,
        check=True,
    )
    assert json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert json.loads(done.stderr) == ["ategnatos"]


def test_a_conversation_begins_with_one_screen(tmp_path: Path, run: Run) -> None:
    studio = tmp_path / "my studio"
    assert run("init", str(studio)).code == 0
    done = ask("SessionStart", {"source": "startup", "cwd": str(studio)}, studio)
    told = json.loads(done.stdout)["hookSpecificOutput"]
    assert told["hookEventName"] == "SessionStart"
    assert str(studio) in told["additionalContext"]
    assert len(told["additionalContext"]) < 2_000


def test_outside_a_studio_a_conversation_is_told_nothing(tmp_path: Path) -> None:
    done = ask("SessionStart", {"source": "startup", "cwd": str(tmp_path)}, tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_screen_names_what_bills_first() -> None:
    from ategnatos.fences.conversation import screen

    told = screen(
        {
            "studio": "/s",
            "bills": {"instances": [{"name": "owl-1"}], "per_hour_usd": "0.34"},
            "waiting": [{"job": "j1", "prompt": "an owl"}],
            "running": [],
            "trainings": {
                "running": [{"run": "owl-1", "says": "trains"}],
                "waiting": [{"evaluation": "fox/2"}],
            },
            "next": ["ategnatos art show j1"],
        }
    )
    lines = told.splitlines()
    assert "owl-1" in lines[1]
    assert "0.34" in lines[1]
    assert "j1 (an owl)" in lines[2]
    assert "(owl-1, trains)" in lines[3]
    assert "(fox/2)" in lines[4]


def test_a_studio_that_does_not_answer_in_time_is_said(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "_SECONDS", 0.001)
    told = conversation.begins(str(studio))
    assert told is not None
    assert "could not be read (it took more than" in told["hookSpecificOutput"]["additionalContext"]
    assert conversation.ends({}, str(studio)) is None


def test_a_stop_is_held_up_once_for_what_bills(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = {"waiting": [], "bills": {"instances": [{"name": "owl-1"}], "per_hour_usd": "0.34"}}
    monkeypatch.setattr(conversation, "_status", lambda root: status)
    told = conversation.ends({"stop_hook_active": False}, str(studio))
    assert told is not None
    assert told["decision"] == "block"
    assert "owl-1" in told["reason"]
    assert conversation.ends({"stop_hook_active": True}, str(studio)) is None
