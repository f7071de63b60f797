"""``ategnatos studio secrets``: credentials kept where only you can read them.

A value comes from a hidden prompt or from standard input, never from the command line, where the
shell's history and every other account's list of processes would have it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.guard.secrets import Secret
    from ategnatos.guard.secrets.known import SecretKind

SECRET_ARGUMENT = ErrorCode("secret_argument", "A secret was given on the command line.")
SECRET_NOT_STORED = ErrorCode("secret_not_stored", "The keyring did not take the secret.")

app = room("Credentials: store them, see where each comes from, check what is missing.")


class Place(StrEnum):
    """Where a secret can be stored."""

    KEYRING = "keyring"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class _Row:
    """One secret as it was found; ``problem`` is a refusal met on the way."""

    name: str
    kind: SecretKind
    secret: Secret | None
    problem: StudioError | None


Name = Annotated[str, typer.Argument(help="A name of 'secrets list', or a variable's name.")]


@command(app, "set", example="ategnatos studio secrets set runpod", dry_run=True)
def store(
    call: Call,
    name: Name,
    extra: Annotated[list[str] | None, typer.Argument(hidden=True, metavar=" ")] = None,
    to: Annotated[
        Place | None, typer.Option(help="Default: the keyring if there is one, else the file.")
    ] = None,
) -> Answer:
    """Store a secret. You are asked for it, and it is not shown; or pipe it in.

    In a script: printf '%s' "$KEY" | ategnatos studio secrets set runpod
    """
    from ategnatos.guard.secrets import Secret, checked, file, keyring_store
    from ategnatos.guard.secrets.known import kind_of

    if extra or "=" in name:
        raise StudioError(
            SECRET_ARGUMENT,
            "The value was given on the command line, so your shell's history may hold it now;"
            " it was not stored.",
            hint="Remove that line from the history, and replace the key where it was issued if"
            " others use this machine. Then: 'ategnatos studio secrets set"
            f" {name.partition('=')[0].lower()}', and answer the question.",
        )
    own, kind = kind_of(name)
    place = to or (Place.FILE if keyring_store.why_absent() else Place.KEYRING)
    if call.dry_run:
        return Answer(
            {"name": own, "stored_in": place.value, "stored": False},
            f"{kind.label} would be stored in {_place(place)}.",
        )
    secret = Secret(own, checked(_asked(kind)), place.value)
    if place is Place.KEYRING:
        answer = keyring_store.write(kind.stored_as, secret.reveal())
        if not answer.works and to is None:
            call.warn(f"The keyring cannot be used ({answer.absent or answer.problem}).")
            place = Place.FILE
        elif not answer.works:
            raise StudioError(
                SECRET_NOT_STORED,
                f"The keyring cannot be used ({answer.absent or answer.problem}); the secret was"
                " not stored.",
                hint=f"Store it in the file: 'ategnatos studio secrets set {own} --to file'.",
            )
    if place is Place.FILE:
        file.write(kind.stored_as, secret.reveal())
    _warn_of_others(call, kind, place)
    return Answer(
        {"name": own, "stored_in": place.value, "stored": True, "end": secret.end},
        f"{kind.label} ({secret.end}) is stored in {_place(place)}.",
        ("ategnatos studio secrets list",),
    )


@command(app, "list", example="ategnatos studio secrets list")
def listed(call: Call) -> Answer:
    """Every secret the studio can use, where each comes from and how it ends; never its value."""
    rows = _rows(call)
    return Answer({"secrets": [_facts(row) for row in rows]}, lambda console: _draw(console, rows))


@command(app, "check", example="ategnatos studio secrets check runpod")
def check(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Those that must be there. Default: look at all.")
    ] = None,
) -> Answer:
    """What is missing, and what cannot be done without it. Fails where a named one is missing."""
    from ategnatos.guard.secrets import missing

    rows = _rows(call, names)
    problem = next((row.problem for row in rows if row.problem is not None), None)
    absent = [row for row in rows if row.secret is None and row.problem is None]
    if problem is None and names and absent:
        problem = missing(absent[0].name)
    lines = [f"{row.name}: found in {row.secret.source}." for row in rows if row.secret]
    lines += [f"{row.name}: missing. Needed for {row.kind.needed_for}." for row in absent]
    lines += [f"{row.name}: unknown." for row in rows if row.problem]
    return Answer(
        {"secrets": [_facts(row) for row in rows], "missing": [row.name for row in absent]},
        "\n".join(lines),
        () if problem else tuple(f"ategnatos studio secrets set {row.name}" for row in absent[:1]),
        failed=problem,
    )


@command(app, "remove", example="ategnatos studio secrets remove runpod", dry_run=True)
def remove(call: Call, name: Name) -> Answer:
    """Take a secret out of the keyring and the file. It still works where it was issued."""
    from ategnatos.guard.secrets import file, keyring_store
    from ategnatos.guard.secrets.known import kind_of

    own, kind = kind_of(name)
    entries = file.read()
    places = [Place.FILE] if any(one in entries for one in kind.variables) else []
    if kind.stored_as in keyring_store.read([kind.stored_as]).values:
        places.append(Place.KEYRING)
    if not call.dry_run:
        if Place.KEYRING in places and not (answer := keyring_store.delete(kind.stored_as)).works:
            raise StudioError(
                SECRET_NOT_STORED,
                f"The keyring did not let go of it ({answer.problem}); nothing was removed.",
                hint="Take it out with the program of your desktop, under 'ategnatos'.",
            )
        if Place.FILE in places:
            for variable in kind.variables:
                file.write(variable, None)
    where = " and ".join(_place(place) for place in places)
    done = "would be" if call.dry_run else "was"
    words = (
        f"{kind.label} {done} removed from {where}." if places else f"{kind.label} is not stored."
    )
    if places and kind.obtain:
        words += f" To make it useless everywhere, revoke it at {kind.obtain}"
    return Answer({"name": own, "removed_from": [place.value for place in places]}, words)


def _asked(kind: SecretKind) -> str:
    """The value, typed unseen at a terminal or read from standard input."""
    from ategnatos.guard.secrets import LONGEST, checked

    if sys.stdin is not None and sys.stdin.isatty():
        import getpass

        return getpass.getpass(f"{kind.label} key (not shown while you type): ")
    given = sys.stdin.read(LONGEST * 4) if sys.stdin is not None else ""
    return checked(given, "What came on standard input")


def _place(place: Place) -> str:
    from ategnatos.guard.secrets import file

    return str(file.path()) if place is Place.FILE else "the keyring"


def _rows(call: Call, names: list[str] | None = None) -> list[_Row]:
    """What is found of the named secrets, or of all that are known. The keyring is asked once."""
    from ategnatos.guard.secrets import file, find, keyring_store, known

    try:
        stored = [] if names else [key for key in file.read() if known.VARIABLE.fullmatch(key)]
    except StudioError as error:
        stored = []
        call.warn(f"{error.message} {error.hint}")
    wanted = dict(known.kind_of(name) for name in names or [*known.kinds(), *stored])
    keyring = keyring_store.read(kind.stored_as for kind in wanted.values())
    if keyring.problem:
        call.warn(f"The keyring could not be looked at: {keyring.problem}.")
    rows = []
    for name, kind in wanted.items():
        try:
            rows.append(_Row(name, kind, find(name, keyring=keyring), None))
        except StudioError as error:
            rows.append(_Row(name, kind, None, error))
    return rows


def _facts(row: _Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "found": row.secret is not None,
        "source": row.secret.source if row.secret else None,
        "end": row.secret.end if row.secret else None,
        "variables": list(row.kind.variables),
        "needed_for": row.kind.needed_for,
        "obtain": row.kind.obtain or None,
        "problem": row.problem.message if row.problem else None,
    }


def _draw(console: Console, rows: list[_Row]) -> None:
    from ategnatos.commands.page import Line, Row, draw

    page = []
    for row in rows:
        if row.secret is not None:
            lines = [Line(f"{row.secret.end}  from {row.secret.source}")]
        elif row.problem is not None:
            lines = [Line("cannot be told; see the note")]
        else:
            lines = [Line("not there")]
            if row.kind.obtain:
                lines.append(Line(f"get one at {row.kind.obtain}", "dim", whole=True))
        lines.append(Line(f"for {row.kind.needed_for}; {', '.join(row.kind.variables)}", "dim"))
        page.append(Row(((row.name, "bold"),), lines))
    draw(console, page)


def _warn_of_others(call: Call, kind: SecretKind, place: Place) -> None:
    """A value found earlier in the order goes before the one stored now."""
    from ategnatos.guard.secrets import keyring_store

    for variable in kind.variables:
        if os.environ.get(variable, "").strip():
            call.warn(f"The variable {variable} is set, and goes before what is stored.")
    if place is Place.FILE and keyring_store.read([kind.stored_as]).values:
        call.warn("The keyring holds one too, and goes before the file.")
