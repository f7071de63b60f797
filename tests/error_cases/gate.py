"""How to provoke every error code of the human gate."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from ategnatos.art import ship
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.guard import gate
from ategnatos.guard.gate import (
    account,
    acts,
    keyfile,
    pins,
    requests,
    signing,
    sockets,
    statements,
    trust,
    unlocked,
    unlocked_client,
)
from tests.guard import keys


def _studio(folder: Path) -> Project:
    return Project.create(folder / "studio")


def _trust(project: Project) -> trust.Trust:
    found = trust.load(project)
    assert found is not None
    return found


def signature_needed(folder: Path) -> None:
    gate.authorise(
        _studio(folder),
        "budget.override",
        {},
        lines=["Pass the cap"],
        redo="ategnatos ...",
        now=keys.NOW,
        needs_signature=True,
    )


def key_unsafe(folder: Path) -> None:
    with keys.account(folder):
        keys.make_key()
        keyfile.path().chmod(0o644)
        keyfile.load()


def pins_damaged(folder: Path) -> None:
    with keys.account(folder):
        (account.make_folder() / pins.FILE).write_text("{}")
        (account.folder() / pins.FILE).chmod(0o600)
        trust.load(_studio(folder))


def no_key(folder: Path) -> None:
    with keys.account(folder):
        keyfile.load()


def key_damaged(folder: Path) -> None:
    with keys.account(folder):
        keys.make_key()
        keyfile.path().write_text("{}")
        keyfile.load()


def passphrase_weak(_: Path) -> None:
    keyfile.check_strength(bytearray(b"123"))


def passphrase_wrong(folder: Path) -> None:
    with keys.account(folder):
        key, _ = keys.make_key()
        keyfile.unseal(key, bytearray(b"seven green lanterns him"))


def key_changed(folder: Path) -> None:
    with keys.account(folder):
        key, private = keys.make_key()
        key.path.unlink()
        keys.make_key("grace")
        keyfile.reseal(key, private, bytearray(b"another passphrase"))


def gate_broken(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        keys.founded(project)
        (project.state / "approvers.json").write_text('{"_schema_version": "1.0", "acts": []}')
        trust.load(project)


def gate_unpinned(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        keys.founded(project)
    with keys.account(folder / "elsewhere"):
        trust.known(project)


def approver_unknown(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        keys.founded(project)
        found = _trust(project)
    with keys.account(folder / "elsewhere"):
        signing.require_approver(found, keys.make_key("eve")[0])


def _statement(private: object) -> statements.Statement:
    return keys.signature(private, "s", "art.review", {}, "approved").statement  # type: ignore[arg-type]


def signature_refused(folder: Path) -> None:
    with keys.account(folder):
        key, private = keys.make_key()
        with mock.patch.object(unlocked_client, "signature", return_value="00" * 64):
            signing.sign_statement(_statement(private), key, [], redo="ategnatos ...")


def unlocked_refused(folder: Path) -> None:
    """Somebody sits in the place of the unlocked key and says no."""
    screen, terminal_of_test = os.openpty()
    with keys.account(folder), socket.socket(socket.AF_UNIX) as listener:
        _, private = keys.make_key()
        place = Path(tempfile.mkdtemp()) / "s"
        listener.bind(str(place))
        listener.listen()

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                sockets.receive(connection)
                sockets.send(connection, {"refused": "process 1 is in another session"})

        answering = threading.Thread(target=refuse)
        answering.start()
        opened = mock.patch.object(
            unlocked_client.terminal, "opened", return_value=os.fdopen(screen, "r+b", buffering=0)
        )
        with opened, mock.patch.object(sockets, "path_of_session", return_value=place):
            try:
                unlocked_client.signature(_statement(private), ["?"], redo="ategnatos ...")
            finally:
                answering.join()
                os.close(terminal_of_test)
                shutil.rmtree(place.parent)


def unlock_refused(_: Path) -> None:
    with mock.patch.dict("os.environ", {"TMUX": "/tmp/tmux-0/default,1,0"}):
        unlocked.check_terminal()


def approver_taken(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        keys.founded(project, "ada")
        acts.check_free(_trust(project), "ada", "0" * 64)


def approver_missing(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        keys.founded(project)
        acts.find(_trust(project), "nobody")


def last_approver(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        keys.founded(project)
        acts.check_not_last(_trust(project))


def request_invalid(folder: Path) -> None:
    project = _studio(folder)
    with keys.account(folder):
        keys.founded(project)
        acts.check_request(_trust(project), None)


def _exported(folder: Path, *, sign: bool) -> Project:
    """A studio whose one approval was given before it had keys; then exported if ``sign``."""
    project = _studio(folder)
    keys.approved(project)
    if sign:
        keys.founded(project)
    return project


def review_note(folder: Path) -> None:
    requests.ask(_studio(folder), "j1#1", "  ", actor="test", now=keys.NOW)


def verdict_unsigned(folder: Path) -> None:
    with keys.account(folder):
        project = _exported(folder, sign=True)
        ship.ship(project, 1, 1, "square", ship.Options(), actor="test", now=lambda: keys.NOW)


def verdict_broken(folder: Path) -> None:
    project = _exported(folder, sign=False)
    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE candidate SET verdict='approved', verdict_event='e00000001'")
    ship.ship(project, 1, 2, "square", ship.Options(), actor="test", now=lambda: keys.NOW)


def verdicts_broken(folder: Path) -> None:
    project = _exported(folder, sign=False)
    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE candidate SET verdict='rejected'")
    keys.through_cli("gate", "verify", "--project", str(project.root))


def founder_differs(folder: Path) -> None:
    with keys.account(folder):
        project = _exported(folder, sign=True)
        keys.through_cli("gate", "verify", "--founder", "0000", "--project", str(project.root))


CASES: dict[str, Callable[[Path], None]] = {
    case.__name__: case
    for case in (
        signature_needed,
        key_unsafe,
        pins_damaged,
        no_key,
        key_damaged,
        passphrase_weak,
        passphrase_wrong,
        key_changed,
        gate_broken,
        gate_unpinned,
        approver_unknown,
        signature_refused,
        unlocked_refused,
        unlock_refused,
        approver_taken,
        approver_missing,
        last_approver,
        request_invalid,
        review_note,
        verdict_unsigned,
        verdict_broken,
        verdicts_broken,
        founder_differs,
    )
}
