"""Keyrings as keyring itself loads them: one in a file, and several that misbehave."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class InFile(KeyringBackend):
    """Keeps everything in the file that KEYRING_FILE names."""

    priority = 9  # type: ignore[assignment]

    def _all(self) -> dict[str, str]:
        path = Path(os.environ["KEYRING_FILE"])
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _keep(self, entries: dict[str, str]) -> None:
        Path(os.environ["KEYRING_FILE"]).write_text(json.dumps(entries))

    def get_password(self, service: str, username: str) -> str | None:
        print("a backend that chats on standard output")
        return self._all().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._keep({**self._all(), f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        entries = self._all()
        if f"{service}/{username}" not in entries:
            raise PasswordDeleteError(username)
        del entries[f"{service}/{username}"]
        self._keep(entries)


class Hanging(InFile):
    """Waits for a window that nobody sees."""

    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(60)
        return None


class Asking(InFile):
    """Asks for its master password at the terminal."""

    def get_password(self, service: str, username: str) -> str | None:
        import getpass

        return getpass.getpass("Master password: ")


class Failing(InFile):
    """The service is there and refuses."""

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError("org.freedesktop.DBus.Error sk-abcdefghij1234567890")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.get_password(service, username)


class Crashing(InFile):
    """A library below it takes the whole process down."""

    def get_password(self, service: str, username: str) -> str | None:
        os.abort()


class Forgetting(InFile):
    """Says yes and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        return None
