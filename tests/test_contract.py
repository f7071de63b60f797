"""One output contract for every command: envelope, exit codes, plain text, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ategnatos import cli
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.project import Project
from tests.conftest import Run
from tests.waiting import wait_until


def test_a_command_that_succeeds_prints_one_object(run: Run, project: Project) -> None:
    done = run("art", "list", "--json", cwd=project.root)
    assert done.code == 0
    assert done.envelope["command"] == "art list"
    assert done.data["jobs"] == []


def test_shared_options_work_before_the_command_too(run: Run, project: Project) -> None:
    done = run("--json", "--project", project.root, "art", "list")
    assert done.envelope["ok"]


def test_an_expected_refusal_is_exit_1_with_code_and_hint(run: Run, tmp_path: Path) -> None:
    done = run("art", "list", "--json", cwd=tmp_path)
    assert done.code == 1
    assert done.envelope["error"]["code"] == "no_project"
    assert "ategnatos init" in done.envelope["error"]["hint"]
    assert done.envelope["data"] is None


@pytest.mark.parametrize(
    "arguments",
    [("art", "lisst"), ("art", "list", "--bogus"), ("bogus",), ("art", "show")],
    ids=" ".join,
)
def test_a_mistyped_command_line_is_exit_1(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--json")
    assert done.code == 1
    assert done.envelope["error"]["code"] == "usage"
    spoken = run(*arguments)
    assert spoken.code == 1
    assert spoken.out == ""
    assert "--help" in spoken.err


def test_something_unplanned_is_exit_2_and_names_itself(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nobody planned this")

    monkeypatch.setattr("ategnatos.grimoire.jobs.store.jobs", broken)
    done = run("art", "list", "--json", cwd=project.root)
    assert done.code == 2
    assert done.envelope["error"]["code"] == "unexpected"
    assert "ZeroDivisionError" in done.envelope["error"]["message"]


def test_no_arguments_shows_the_help(run: Run) -> None:
    done = run()
    assert done.code == 0
    assert "quickstart" in done.out


@pytest.mark.parametrize("name", list(cli.ROOMS))
def test_every_room_has_help_with_an_example(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert done.code == 0
    if "COMMAND" not in done.out.splitlines()[1]:
        assert "Example:" in done.out


def test_the_version_is_said(run: Run) -> None:
    from ategnatos._version import __version__

    assert run("--version").out == f"ategnatos {__version__}\n"


def test_control_characters_never_reach_a_terminal() -> None:
    assert plain("a\x1b[31mred\x07") == "a\\x1b[31mred\\x07"
    assert plain("two\nlines\tand é 日本 👩‍🎨") == "two\nlines\tand é 日本 👩‍🎨"
    assert plain("\u202eright to left") == "\\u202eright to left"


def test_no_escape_reaches_a_pipe_even_when_colour_is_forced(
    program: Run, project: Project
) -> None:
    for arguments in (("art", "list"), ("--help",), ("status",)):
        done = program(*arguments, cwd=project.root, FORCE_COLOR="1", TERM="xterm-256color")
        assert "\x1b" not in done.out + done.err


def test_native_windows_is_refused_with_the_way_out() -> None:
    from ategnatos.grimoire.errors import StudioError

    with pytest.raises(StudioError) as refused:
        cli.check_platform("win32")
    assert "WSL" in refused.value.hint


def test_a_reader_that_leaves_early_is_no_traceback(project: Project) -> None:
    done = subprocess.run(
        f"{sys.executable} -m ategnatos --help | true",
        shell=True,
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_ctrl_c_exits_130_and_the_next_run_goes_on(project: Project) -> None:
    command = [sys.executable, "-m", "ategnatos", "art", "generate", "a red potion", "--json"]
    slow = [*command, "--steps", "200", "--count", "16"]
    process = subprocess.Popen(
        slow,
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores SIGINT, and what it starts inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: _generating(project))
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert '"interrupted"' in out
    assert not list(project.outputs.rglob("*.png"))


def test_a_ctrl_c_while_classes_are_made_exits_130_too(tmp_path: Path) -> None:
    program = """
import ategnatos.cli as cli

def run(call):
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        return 130

cli._run = run
cli.main()
"""
    (tmp_path / "front_door.py").write_text(program)
    ended = subprocess.run([sys.executable, "-m", "front_door"], cwd=tmp_path, timeout=60)
    assert ended.returncode == 130


def _generating(project: Project) -> bool:
    from ategnatos.grimoire.jobs import database, store

    if not project.database.exists():
        return False
    with database.connect(project) as db:
        return bool(store.jobs(db, states=[store.GENERATING]))
