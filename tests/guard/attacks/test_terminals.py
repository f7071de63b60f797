"""Attacks through terminals: pipes, sessions, pseudo-terminals. All without the passphrase."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.guard import keys
from tests.guard.attacks.conftest import Target
from tests.guard.attacks.outcome import ask, nothing_was_won
from tests.terminal import at_a_terminal

APPROVE = [sys.executable, "-m", "ategnatos", "art", "approve", "j1#1"]


def attack(target: Target, command: list[str], typed: str = "", **more: str) -> str:
    done = subprocess.run(
        command,
        cwd=target.root,
        env={**os.environ, **target.environment, **more},
        input=typed,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0 or "script" in command[0], done.stdout
    return done.stdout + done.stderr


def test_answers_in_a_pipe_are_not_read(target: Target) -> None:
    said = attack(target, APPROVE, f"yes\n{keys.PASSPHRASE}\n")
    assert "no terminal" in said
    assert nothing_was_won(target) == "not_approved"


def test_the_passphrase_in_the_environment_is_not_read(target: Target) -> None:
    names = ("ATEGNATOS_PASSPHRASE", "PASSPHRASE", "ATEGNATOS_GATE")
    attack(target, APPROVE, **dict.fromkeys(names, keys.PASSPHRASE))
    assert nothing_was_won(target) == "not_approved"


def test_there_is_no_option_that_answers(target: Target) -> None:
    for option in ("--passphrase", "--yes", "--force", "--confirm"):
        refused = ask(target, "art", "approve", "j1#1", option)["error"]
        assert isinstance(refused, dict)
        assert refused["code"] == "usage"


def test_a_session_of_its_own_has_no_terminal(target: Target) -> None:
    attack(target, ["setsid", "--wait", *APPROVE], "yes\n")
    assert nothing_was_won(target) == "not_approved"


@pytest.mark.skipif(not shutil.which("script"), reason="needs script(1) of util-linux")
@pytest.mark.skipif(sys.platform != "linux", reason="the options are those of util-linux")
def test_script_makes_a_terminal_and_no_passphrase(target: Target) -> None:
    import shlex

    command = ["script", "-qec", shlex.join(APPROVE), "/dev/null"]
    attack(target, command, "yes\nyes\nyes\nyes\n")
    assert nothing_was_won(target) == "not_approved"


@pytest.mark.parametrize(
    "answers",
    [["yes", "yes", "yes"], [""], ["password", "123456", "seven green lanterns"], ["\x04"]],
    ids=["yes", "nothing", "guesses", "end of file"],
)
def test_a_pseudo_terminal_needs_the_passphrase(target: Target, answers: list[str]) -> None:
    done = at_a_terminal(
        ["art", "approve", "j1#1"], cwd=target.root, answers=answers, **target.environment
    )
    assert done.code == 1, done.out
    assert nothing_was_won(target) == "not_approved"


@pytest.mark.parametrize(
    "command",
    [
        ["gate", "leave", "--because", "x"],
        ["gate", "revoke", "ada", "--because", "x"],
        ["gate", "unlock"],
        ["gate", "init", "--name", "eve"],
    ],
    ids=lambda command: command[1],
)
def test_a_pseudo_terminal_cannot_change_who_signs(target: Target, command: list[str]) -> None:
    before = (target.root / "grimoire/.state/approvers.json").read_bytes()
    at_a_terminal(command, cwd=target.root, answers=["yes"] * 4, **target.environment)
    assert (target.root / "grimoire/.state/approvers.json").read_bytes() == before
    assert nothing_was_won(target) == "not_approved"


def test_the_passphrase_is_never_shown(target: Target) -> None:
    done = at_a_terminal(
        ["art", "approve", "j1#1"],
        cwd=target.root,
        answers=[keys.PASSPHRASE],
        **target.environment,
    )
    assert done.code == 0, done.out
    assert keys.PASSPHRASE not in done.out
    everything = b"".join(
        path.read_bytes() for path in target.root.parent.rglob("*") if path.is_file()
    )
    assert keys.PASSPHRASE.encode() not in everything


def test_in_unsigned_mode_a_pseudo_terminal_passes_and_it_is_said(
    target: Target, tmp_path: object
) -> None:
    """The limit that the documents name: this is why there are keys."""
    from pathlib import Path

    from ategnatos.grimoire.project import Project

    assert isinstance(tmp_path, Path)
    other = Project.create(tmp_path / "unsigned")
    keys.made(other)
    done = at_a_terminal(["art", "approve", "j1#1"], cwd=other.root, answers=["yes"])
    assert done.code == 0
    assert "unsigned" in done.out
    free = Target(other, target.environment)
    shown = ask(free, "art", "show", "j1#1")["data"]
    assert isinstance(shown, dict)
    assert shown["candidates"][0]["standing"] == "unsigned"
    listed = ask(free, "art", "list")["data"]
    assert isinstance(listed, dict)
    assert listed["jobs"][0]["verdicts"] == {"unsigned": 1}
    exported = ask(free, "art", "export", "j1#1", "--as", "x")["data"]
    assert isinstance(exported, dict)
    assert exported["verdict"] == "unsigned"
