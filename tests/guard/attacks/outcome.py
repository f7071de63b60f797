"""What an attack has won: nothing, as every page of the studio tells it."""

from __future__ import annotations

import contextlib
import io
import json
from unittest import mock

from ategnatos import cli
from tests.guard.attacks.conftest import Target


def ask(target: Target, *arguments: str, **environment: str) -> dict[str, object]:
    """What a command says in the person's own environment."""
    printed = io.StringIO()
    with (
        mock.patch.dict("os.environ", {**target.environment, **environment}),
        mock.patch("sys.argv", ["ategnatos", "--project", str(target.root), *arguments, "--json"]),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        cli.main()
    found = json.loads(printed.getvalue())
    assert isinstance(found, dict)
    return found


def nothing_was_won(target: Target, candidate: str = "j1#1") -> str:
    """The candidate cannot leave the studio, and no signed verdict on it exists.

    Returns the code with which its export was refused.
    """
    exported = ask(target, "art", "export", candidate, "--as", "loot")
    assert not exported["ok"], exported
    assert not (target.root / "exports" / "loose" / "loot").exists()
    verified = ask(target, "gate", "verify")
    data = verified["data"]
    if isinstance(data, dict):
        assert "signed" not in data["counts"].get("journal", {}), data
    error = exported["error"]
    assert isinstance(error, dict)
    return str(error["code"])
