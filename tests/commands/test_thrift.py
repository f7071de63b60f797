"""Coercion that waits for a value gives what typer's own gives."""

from __future__ import annotations

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
    ["--file", "some/where"],
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
    assert thrifty == usual
    assert said == refused
    types = [{key: type(value) for key, value in one.items()} for one in thrifty]
    assert types == [{key: type(value) for key, value in one.items()} for one in usual]
