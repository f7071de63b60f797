"""Secrets: found by name in the environment, the keyring or a file, and never shown.

``need("runpod", purpose="rent a GPU").reveal()`` where it is sent, and nowhere else. What was
found is masked from then on in everything that this process says (``guard.redaction``).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.redaction import loaded, shapes

if TYPE_CHECKING:
    from ategnatos.guard.secrets.keyring_store import Answer

SECRET_MISSING = ErrorCode("secret_missing", "A credential that is needed was not found.")
SECRET_INVALID = ErrorCode("secret_invalid", "The text cannot be a credential.")

LONGEST = 4096


class Secret:
    """A value that shows itself only when asked by name.

    ``name`` is that of the data file; ``source`` says where it was found, for people.
    """

    __slots__ = ("_value", "name", "source")

    def __init__(self, name: str, value: str, source: str) -> None:
        self.name = name
        self.source = source
        self._value = value
        loaded.remember(value)

    def reveal(self) -> str:
        """The value itself, for the request that needs it."""
        return self._value

    @property
    def end(self) -> str:
        """``***`` and, of a value long enough to spare them, its last four characters."""
        return shapes.masked(self._value) if len(self._value) >= 16 else "***"

    def __repr__(self) -> str:
        return f"<secret {self.name}: {self.end}>"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")


def find(name: str, *, keyring: Answer | None = None) -> Secret | None:
    """The secret called ``name`` (``runpod``, or a variable's name), or None.

    Looked for in the environment, the keyring, then the file. A keyring that does not answer is
    passed over; ``keyring`` is what it has said already, for who looks for several. Raises
    StudioError: ``secret_unknown``, ``secret_invalid`` (found, and no credential),
    ``secrets_file_open``, ``secrets_file_owner``, ``secrets_file_invalid``.
    """
    from ategnatos.guard.secrets import file, keyring_store
    from ategnatos.guard.secrets.known import kind_of

    own, kind = kind_of(name)
    for variable in kind.variables:
        if value := os.environ.get(variable, "").strip():
            return Secret(own, checked(value, f"The variable {variable}"), f"variable {variable}")
    answer = keyring or keyring_store.read([kind.stored_as])
    if held := answer.values.get(kind.stored_as):
        return Secret(own, checked(held, "What the keyring holds"), "keyring")
    entries = file.read()
    for variable in kind.variables:
        if entry := entries.get(variable):
            return Secret(own, checked(entry, f"{variable} in {file.path()}"), str(file.path()))
    return None


def need(name: str, *, purpose: str = "") -> Secret:
    """As :func:`find`, for work that cannot be done without it.

    ``purpose`` says what it was wanted for, as in "rent a GPU". Raises StudioError
    (``secret_missing`` too).
    """
    if secret := find(name):
        return secret
    raise missing(name, purpose)


def missing(name: str, purpose: str = "") -> StudioError:
    """The refusal where a secret is needed and is nowhere."""
    from ategnatos.guard.secrets.known import kind_of

    own, kind = kind_of(name)
    wanted = f" It is needed to {purpose}, which was not done." if purpose else " Nothing was sent."
    where = f" Get one at {kind.obtain}" if kind.obtain else ""
    return StudioError(
        SECRET_MISSING,
        f"Secret '{kind.stored_as}' not found. Set it as an env var or add to"
        f" ~/.config/ategnatos/secrets.{wanted}",
        hint=f"Run 'ategnatos studio secrets set {own}', which asks for it without showing it."
        + where,
        secret=own,
        variables=list(kind.variables),
    )


def checked(value: str, what: str = "The value") -> str:
    """``value`` as a credential: one line of 8 to 4,096 visible ASCII characters.

    ``what`` begins the message, which never repeats the value. Raises StudioError
    (``secret_invalid``).
    """
    value = value.strip()
    why = ""
    if len(value) < loaded.SHORTEST:
        why = f"it is shorter than {loaded.SHORTEST} characters"
    elif len(value) > LONGEST:
        why = f"it is longer than {LONGEST} characters"
    elif not value.isascii() or not value.isprintable():
        why = "it holds characters that no credential holds, such as a line break"
    if why:
        raise StudioError(
            SECRET_INVALID,
            f"{what} cannot be a credential: {why}. It was not used.",
            hint="Copy it again from the page that issued it, as one line.",
        )
    return value
