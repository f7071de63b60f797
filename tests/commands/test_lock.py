"""``ategnatos lock``: taken by hand, held by a process, a terminal or a lease, given back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from tests.conftest import AtTerminal, Run

NAME = "gpu:local:0"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is told to end."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as one:
        yield one
        one.kill()


def test_without_a_terminal_it_is_a_lease_that_only_its_token_gives_back(
    program: Run, run: Run, tmp_path: Path
) -> None:
    held = program("lock", "acquire", NAME, "--holder", "/train", "--json", cwd=tmp_path).data
    assert held["token"] == 1
    assert held["holder"]["process"] is None
    assert held["next"] == [f"ategnatos lock release {NAME} --token 1"]
    told = run("lock", "check", NAME, "--json").data
    assert (told["held"], told["holder"]["who"]) == (True, "/train")
    refused = run("lock", "acquire", NAME, "--timeout", "0", "--json")
    assert refused.code == 1
    assert "in use by /train" in refused.envelope["error"]["message"]
    assert run("lock", "release", NAME).code == 1
    assert run("lock", "release", NAME, "--token", "2").code == 1
    assert run("lock", "release", NAME, "--token", "1", "--dry-run").code == 0
    assert run("lock", "check", NAME, "--json").data["held"]
    assert run("lock", "acquire", NAME, "--extend", "1", "--lease", "60").code == 0
    assert run("lock", "release", NAME, "--token", "1", "--json").data["released"]
    assert run("lock", "release", NAME).code == 0
    assert run("lock", "list").out == "Nothing is held.\n"


def test_it_can_be_bound_to_a_process_and_ends_with_it(
    run: Run, process: subprocess.Popen[bytes]
) -> None:
    assert run("lock", "acquire", NAME, "--for", str(process.pid), "--holder", "/train").code == 0
    refused = run("lock", "acquire", NAME, "--timeout", "0")
    assert f"in use by /train (PID {process.pid}, started" in refused.err
    # Knowing the token of another's process is not enough.
    assert run("lock", "release", NAME, "--token", "1").code == 1
    process.kill()
    process.wait()
    assert run("lock", "list", "--json").data["locks"][0]["stale"].endswith("has ended")
    taken = run("lock", "acquire", NAME, "--lease", "5", "--json")
    assert taken.data["token"] == 2
    assert "did not release" in taken.envelope["warnings"][0]


def test_in_a_terminal_it_is_held_until_the_terminal_closes(
    at_terminal: AtTerminal, run: Run, tmp_path: Path
) -> None:
    # The program is itself the leader of its terminal's session here: a shell in between.
    script = tmp_path / "by-hand.sh"
    script.write_text(
        f"{sys.executable} -m ategnatos lock acquire {NAME}\n"
        f"{sys.executable} -m ategnatos lock check {NAME}\n"
        f"{sys.executable} -m ategnatos lock release {NAME}\n"
        f"{sys.executable} -m ategnatos lock acquire {NAME}\n"
    )
    seen = at_terminal([], cwd=tmp_path, program=["/bin/sh", str(script)])
    assert "in use by" in seen.out
    assert f"{NAME} is free." in seen.out
    # The terminal is closed by now, and with it the lock taken last.
    told = run("lock", "check", NAME, "--json").data
    assert (told["held"], told["token"]) == (False, 2)


def test_taking_it_away_needs_the_token_that_it_shows_and_is_recorded(
    run: Run, project: Project
) -> None:
    run("lock", "acquire", NAME, "--lease", "5", cwd=project.root)
    refused = run("lock", "force-release", NAME)
    assert refused.code == 1
    assert f"lock force-release {NAME} --token 1" in refused.err
    assert run("lock", "force-release", NAME, "--token", "7").code == 1
    assert run("lock", "force-release", NAME, "--token", "1", "--dry-run").code == 0
    assert run("lock", "check", NAME, "--json").data["held"]
    done = run("lock", "force-release", NAME, "--token", "1")
    assert done.code == 0
    assert "may still be at work" in done.err
    assert run("lock", "force-release", NAME).code == 0
    (event,) = journal.read(project, {"lock_forced"})
    assert event.data["resource"] == NAME


def test_a_dry_run_takes_nothing(run: Run) -> None:
    assert run("lock", "acquire", NAME, "--dry-run", "--json").data["would_hold"]
    assert run("lock", "list", "--json").data["locks"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--timeout", "BASH_VERSINFO[$(touch x)]"),
        ("--timeout", "-1"),
        ("--timeout", "nan"),
        ("--lease", "0"),
        ("--lease", "100000"),
        ("--for", "-1"),
        ("--for", "99999999"),
    ],
    ids=" ".join,
)
def test_bad_values_are_refused(arguments: tuple[str, str], run: Run, tmp_path: Path) -> None:
    refused = run("lock", "acquire", NAME, *arguments, "--json", cwd=tmp_path)
    assert refused.code == 1
    assert not refused.envelope["ok"]
    assert os.listdir(tmp_path) == []
