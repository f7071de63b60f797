"""Coercion that waits for a value gives what typer's own gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from ategnatos.commands.thrift import defer_coercion

GIVEN: list[list[str]] = [
    [],
    ["--count", "7"],
    ["--count", "x"],
    ["--count", "99"],
    ["--cfg", "2.5"],
    ["--cfg", "7"],
    ["--lora", "a", "--lora", "b"],
    ["--count", "007"],
    ["--count", "0"],
    ["--count", "-3"],
    ["--count", "+5"],
    ["--count", " 5 "],
    ["--count", "1_0"],
    ["--count", "7.0"],
    ["--count", "٣"],
    ["--count", "12345678901234567890"],
    ["--cfg", "1e3"],
    ["--cfg", "-0.5"],
    ["--cfg", ".5"],
    ["--cfg", "inf"],
    ["--cfg", "nan"],
    ["--cfg", "0.1234567890123456789"],
    ["--ratio", "2"],
    ["--ratio", "0.25"],
    ["--ratio", "9.5"],
    ["--file", "some/where"],
    ["--file", ""],
    ["--file", "~/x"],
    ["--file", "-"],
    ["--file", "."],
    ["--kept", "no/such/file"],
    ["--kept", "."],
    ["--lora", ""],
    ["--size", "3", "--size", "4"],
    ["--again"],
    ["--name", "7"],
]


def _command(seen: list[dict[str, Any]]) -> Any:
    app = typer.Typer()

    @app.command()
    def verb(
        count: Annotated[int, typer.Option(min=1, max=20)] = 4,
        cfg: Annotated[float | None, typer.Option()] = None,
        name: Annotated[str, typer.Option()] = "none",
        file: Annotated[Path | None, typer.Option()] = None,
        kept: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
        ratio: Annotated[float, typer.Option(min=0, max=5)] = 1,
        size: Annotated[list[int] | None, typer.Option()] = None,
        lora: Annotated[list[str] | None, typer.Option()] = None,
        again: Annotated[bool, typer.Option("--again")] = False,
    ) -> None:
        seen.append({**locals(), "seen": None})

    return typer.main.get_command(app)


def _outcome(arguments: list[str], *, deferred: bool) -> tuple[list[dict[str, Any]], str]:
    seen: list[dict[str, Any]] = []
    command = _command(seen)
    if deferred:
        defer_coercion(command)
    try:
        command(arguments, standalone_mode=False)
    except Exception as error:
        return seen, str(error)
    return seen, ""


@pytest.mark.parametrize("arguments", GIVEN, ids=" ".join)
def test_it_is_what_typer_makes_of_it(arguments: list[str]) -> None:
    usual, refused = _outcome(arguments, deferred=False)
    thrifty, said = _outcome(arguments, deferred=True)
    # As text, because nan is not equal to itself.
    assert repr(thrifty) == repr(usual)
    assert said == refused
    types = [{key: type(value) for key, value in one.items()} for one in thrifty]
    assert types == [{key: type(value) for key, value in one.items()} for one in usual]


def test_a_file_that_may_not_be_read_is_refused_as_typer_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    # The superuser may read everything, so the answer is put in the system's mouth.
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != secret)
    usual, refused = _outcome(["--file", str(secret)], deferred=False)
    assert (_outcome(["--file", str(secret)], deferred=True)) == (usual, refused)
    assert "not readable" in refused


def test_plain_values_are_read_without_pydantic() -> None:
    """What an agent's usual call gives costs no import."""
    script = (
        "import sys, typer\n"
        "from tests.commands.test_thrift import _outcome\n"
        "words = ['--count', '7', '--cfg', '2.5', '--file', 'a/b', '--lora', 'c', '--ratio', '2']\n"
        "seen, refused = _outcome(words, deferred=True)\n"
        "assert not refused, refused\n"
        "assert seen[0]['count'] == 7 and seen[0]['lora'] == ['c'], seen\n"
        "assert 'pydantic.type_adapter' not in sys.modules\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True)
