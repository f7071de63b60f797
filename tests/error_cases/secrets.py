"""One real refusal for every error code of the secrets and their command."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from ategnatos.commands.contract import Call
from ategnatos.commands.studio import secrets as commands
from ategnatos.guard import secrets
from ategnatos.guard.secrets import file, known


def _put(text: str, mode: int = 0o600) -> None:
    path = file.path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def secrets_file_open(folder: Path) -> None:
    _put("HF_TOKEN=12345678\n", 0o644)
    file.read()


def secrets_file_owner(folder: Path) -> None:
    _put("HF_TOKEN=12345678\n")
    with mock.patch.object(os, "geteuid", return_value=os.getuid() + 1):
        file.read()


def secrets_file_invalid(folder: Path) -> None:
    _put("no key here\n")
    file.read()


def secret_not_stored(folder: Path) -> None:
    environment = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch.object(commands, "_asked", return_value="12345678"),
    ):
        commands.store(Call("secrets set"), "runpod", None, commands.Place.KEYRING)


CASES: dict[str, Callable[[Path], None]] = {
    "secret_unknown": lambda _: known.kind_of("runpot") and None,
    "secret_missing": lambda _: secrets.need("MYCLOUD_API_KEY") and None,
    "secret_invalid": lambda _: secrets.checked("short") and None,
    "secrets_file_open": secrets_file_open,
    "secrets_file_owner": secrets_file_owner,
    "secrets_file_invalid": secrets_file_invalid,
    "secret_argument": lambda _: commands.store(Call("s"), "runpod", ["x"], None) and None,
    "secret_not_stored": secret_not_stored,
}
