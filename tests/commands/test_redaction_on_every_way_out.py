"""No command lets a credential out: not in words, JSON, the journal, pictures or a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from tests.conftest import AtTerminal, Run

SHAPED = "sk-Zq8RtY2mNb5VxW3cKp7L"
SHAPELESS = "plain0looking7value"


@pytest.fixture(autouse=True)
def _a_credential_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_CLOUD_TOKEN", SHAPELESS)


def clean(text: str) -> bool:
    return "q8RtY2mNb5" not in text and "looking7" not in text


@pytest.fixture
def prompted(program: Run, project: Project) -> Project:
    """A studio whose first job was asked for with two credentials in its words."""
    words = f"a red potion {SHAPED} {SHAPELESS}"
    done = program("art", "generate", words, "--count", "1", "--json", cwd=project.root)
    assert done.code == 0, done.out + done.err
    assert clean(done.out + done.err)
    assert "replace it where it was issued" in done.envelope["warnings"][0]
    return project


def test_what_is_pasted_into_a_prompt_is_masked_wherever_it_would_be_seen(
    prompted: Project, run: Run, at_terminal: AtTerminal
) -> None:
    assert "sk-***Kp7L" in prompted.journal_path.read_text()
    # Not in the journal, nor in the database, nor in any other file of the studio.
    for path in prompted.root.rglob("*"):
        if path.is_file():
            assert clean(path.read_bytes().decode("latin-1")), path
    assert journal.verify(prompted).sound
    for arguments in (
        ("art", "show", "j1"),
        ("art", "show", "j1", "--json"),
        ("art", "list"),
        ("art", "list", "--json"),
        ("status",),
        ("status", "--json"),
        ("grimoire", "verify"),
    ):
        done = run(*arguments, cwd=prompted.root)
        assert clean(done.out + done.err), arguments
    shown = at_terminal(["art", "show", "j1"], cwd=prompted.root)
    assert "sk-***" in shown.out
    assert clean(shown.out)


def test_a_value_set_by_hand_is_masked_in_the_record(run: Run, project: Project) -> None:
    done = run("grimoire", "set", "studio", "note", SHAPED, "--new", cwd=project.root)
    assert "credential stood on the command line" in done.err
    assert run("grimoire", "get", "studio", "note", cwd=project.root).out == "sk-***Kp7L\n"
    for path in project.grimoire.rglob("*"):
        assert not path.is_file() or clean(path.read_bytes().decode("latin-1")), path


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["words", "json"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("art", "show", SHAPED),
        ("art", "generate", f"x {SHAPELESS}", "--engine", SHAPED),
        ("grimoire", "get", SHAPED),
        ("grimoire", "set", "studio", SHAPED, SHAPELESS),
        ("knowledge", "show", SHAPED),
        ("lock", "check", f"gpu:{SHAPED}:{SHAPELESS}"),
        ("lock", "acquire", "gpu:local:0", "--holder", SHAPED),
        ("studio", "secrets", "set", SHAPED),
        ("nonsense", SHAPED),
        ("status", f"--{SHAPED}"),
        ("--project", SHAPED, "status"),
    ],
    ids=lambda words: " ".join(words).replace(SHAPED, "X").replace(SHAPELESS, "Y"),
)
def test_what_is_given_on_the_command_line_is_not_repeated(
    arguments: tuple[str, ...], form: tuple[str, ...], run: Run, project: Project
) -> None:
    done = run(*arguments, *form, cwd=project.root)
    assert done.out + done.err
    assert clean(done.out + done.err)
    assert clean(project.journal_path.read_text() if project.journal_path.exists() else "")


def test_a_traceback_is_masked_too(project: Project) -> None:
    code = (
        "from ategnatos import cli\n"
        "from ategnatos.commands import contract\n"
        f"def broken(*_): raise RuntimeError('{SHAPED} {SHAPELESS}')\n"
        "contract.Call.project = broken\n"
        "cli.main()\n"
    )
    for debug in ("", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code, "status"],
            cwd=project.root,
            env={"ATEGNATOS_DEBUG": debug, "SOME_CLOUD_TOKEN": SHAPELESS, "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert ("Traceback" in done.stderr) is bool(debug)
        assert "sk-***Kp7L ***alue" in done.stderr
        assert clean(done.stdout + done.stderr)


def test_every_event_passes_the_redactor_whoever_writes_it(project: Project) -> None:
    """Importing any part of the guard is enough; nothing has to be called."""
    code = (
        "import sys; from pathlib import Path\n"
        "from ategnatos.grimoire import journal; from ategnatos.grimoire.project import Project\n"
        "import ategnatos.guard.actor\n"
        "journal.append(Project(Path(sys.argv[1])), 'noted', actor='x',\n"
        "    references={'about': sys.argv[2]}, data={'deep': [{'text': sys.argv[2]}]})\n"
    )
    subprocess.run([sys.executable, "-c", code, str(project.root), SHAPED], check=True)
    (event,) = journal.read(project)
    assert clean(json.dumps(event.data) + json.dumps(event.references))
    assert event.data["deep"][0]["text"] == "sk-***Kp7L"
    assert journal.verify(project).sound


def test_every_command_is_built_on_the_contract_that_registers_the_redactor() -> None:
    code = (
        "import ategnatos.commands.contract\n"
        "from ategnatos.grimoire import outgoing\n"
        f"print(outgoing.redacted({{'a': '{SHAPED}'}}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'a': 'sk-***Kp7L'}"
    folder = Path(__file__).parents[2] / "ategnatos" / "commands"
    for path in folder.rglob("*.py"):
        text = path.read_text()
        if "@app.command" in text or ".command(" in text:
            assert path.name == "contract.py", f"{path} registers a command around the contract"
