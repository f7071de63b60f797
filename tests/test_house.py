"""The house holds: layers, types, style, and nothing imported that was not asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import types

ROOT = Path(__file__).parents[1]

HEAVY = {
    "cryptography",
    "torch",
    "diffusers",
    "transformers",
    "scipy",
    "imagehash",
    "numpy",
    "PIL",
    "psycopg",
    "safetensors",
    "pynvml",
}


def _run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
    ],
    ids=" ".join,
)
def test_the_code_passes(command: tuple[str, ...]) -> None:
    done = _run("-m", *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_types_hold(pytestconfig: pytest.Config) -> None:
    status, said = types.checked(pytestconfig)
    assert status == 0, said


def test_the_layers_hold() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command as main; main()"
    done = _run("-c", code)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 3 kept, 0 broken" in done.stdout


def _imported(*arguments: str, cwd: Path) -> set[str]:
    code = (
        "import sys, json\n"
        "sys.argv = ['ategnatos', *json.loads(sys.argv[1])]\n"
        "from ategnatos.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('\\n' + json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = _run("-c", code, json.dumps(arguments), cwd=cwd)
    return set(json.loads(done.stderr.strip().splitlines()[-1]))


def test_help_enters_no_room(tmp_path: Path) -> None:
    modules = _imported("--help", cwd=tmp_path)
    assert not modules & HEAVY
    own = {name for name in modules if name.startswith("ategnatos.")}
    assert own <= {
        "ategnatos.cli",
        "ategnatos._version",
        "ategnatos.commands",
        "ategnatos.commands.contract",
        "ategnatos.commands.lazy",
        "ategnatos.commands.terminal",
        "ategnatos.commands.thrift",
        "ategnatos.grimoire",
        "ategnatos.grimoire.errors",
        "ategnatos.grimoire.outgoing",
        "ategnatos.guard",
        "ategnatos.guard.redaction",
        "ategnatos.guard.redaction.loaded",
        "ategnatos.guard.redaction.shapes",
        "ategnatos.guard.redaction.stream",
    }


@pytest.mark.parametrize(
    ("command", "rooms"),
    [
        (("status", "--json"), {"pictures", "art", "prompts"}),
        (("art", "list", "--json"), {"starter", "pictures", "studio", "prompts", "engines"}),
    ],
    ids=["status", "art list"],
)
def test_a_command_enters_only_its_own_rooms(
    command: tuple[str, ...], rooms: set[str], project: object, tmp_path: Path
) -> None:
    modules = _imported(*command, cwd=tmp_path / "studio")
    assert not modules & HEAVY
    entered = {name.split(".")[1] for name in modules if name.startswith("ategnatos.")}
    assert not entered & rooms
    # Status asks every engine for its name and label, which is not the work of an engine.
    starter = {name for name in modules if name.startswith("ategnatos.starter.")}
    assert starter <= {"ategnatos.starter.limits", "ategnatos.starter.errors"}


def test_an_order_for_the_line_is_planned_without_arithmetic_or_an_eye_that_is_empty(
    project: object, tmp_path: Path
) -> None:
    modules = _imported("art", "generate", "a red potion", "--queue", cwd=tmp_path / "studio")
    assert not modules & HEAVY
    assert "ategnatos.starter.planning" in modules
    assert not modules & {"ategnatos.starter.unet", "ategnatos.eye.acting", "ategnatos.art.billing"}


def test_options_that_nobody_gave_build_no_machinery(project: object, tmp_path: Path) -> None:
    modules = _imported("art", "list", "--json", cwd=tmp_path / "studio")
    assert "typer._adapters" not in modules
    assert "pydantic" not in modules
