"""``gate init``, ``trust`` and ``leave``: enter signed mode, know its keys, end it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.keyfile import KeyFile
    from ategnatos.guard.gate.trust import Trust

INIT = "ategnatos gate init"


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the house command."""
    command(app, "init", example="ategnatos gate init --name ada", dry_run=True)(init)
    command(app, "trust", example="ategnatos gate trust", dry_run=True)(trust_keys)
    command(app, "leave", example="ategnatos gate leave --because 'a demo'", dry_run=True)(leave)


def init(
    call: Call,
    name: Annotated[
        str | None, typer.Option("--name", help="Your name among the approvers.")
    ] = None,
) -> Answer:
    """Begin signed mode: make your key, and let only signed verdicts count from now on.

    In a studio that has approvers it prints a request, which one of them grants.
    """
    from ategnatos.guard.actor import login
    from ategnatos.guard.gate import keyfile, trust

    project = call.project()
    name = _checked_name(name or login())
    approvers = trust.known(project)
    if call.dry_run:
        return _would(approvers, keyfile.path().exists(), name)
    if approvers is not None and keyfile.path().exists():
        mine = approvers.approver(keyfile.load().public)
        if mine is not None and mine.active and approvers.signing:
            return Answer(
                {"state": "approver", "name": mine.name, "key": mine.key},
                f"You are an approver of this studio already, as {mine.name}.",
                ("ategnatos gate status",),
            )
    key, private = _key(name)
    if approvers is None:
        return _found(project, key, private, name)
    return _come_back(project, approvers, key, private) or _ask_to_join(
        approvers, key, private, name
    )


def trust_keys(
    call: Call,
    journal: Annotated[
        bool,
        typer.Option("--journal", help="Accept the journal as it is; needs a signature."),
    ] = False,
) -> Answer:
    """Let this account know the studio's approvers, after you compared their fingerprints."""
    from ategnatos.grimoire.errors import StudioError
    from ategnatos.guard import gate
    from ategnatos.guard.gate import acts, record, statements, trust

    project = call.project()
    approvers = trust.load(project)
    if approvers is None:
        return Answer(
            {"state": "unsigned"},
            "This studio has no approvers: there is nothing to trust.",
            (INIT,),
        )
    data = {
        "studio": approvers.studio,
        "approvers": [
            {"name": one.name, "fingerprint": statements.fingerprint(one.key)}
            for one in approvers.active()
        ],
    }
    behind = record.behind_a_mark(project, approvers)
    if call.dry_run:
        known = "knows" if approvers.pins else "does not know"
        words = f"This account {known} these approvers. {behind}".strip()
        return Answer({**data, "dry_run": True, "known": bool(approvers.pins)}, words)
    if behind and not journal:
        raise StudioError(
            trust.GATE_BROKEN,
            f"Before you trust anything: {behind}. Nothing was changed.",
            hint="Bring the journal back from a backup, or accept it as it is with a signature:"
            " ategnatos gate trust --journal",
            why=behind,
        )
    if behind:
        here = acts.anchor(project)
        gate.authorise(
            project,
            "gate.journal",
            {"line": here.line, "line_sha256": here.sha256},
            lines=[behind, "Accept the journal as it is now, with what may be missing?"],
            redo="ategnatos gate trust --journal",
            now=_now(),
            reason=behind,
            needs_signature=True,
        )
        approvers = trust.load(project)
        assert approvers is not None
    elif not approvers.pins:
        gate.confirm(
            [
                "This account has not seen the approvers of this studio before:",
                *(
                    f"  {one.name:<16} {statements.fingerprint(one.key)}"
                    for one in approvers.active()
                ),
                "Have you compared these with the approvers themselves?",
            ],
            redo="ategnatos gate trust",
        )
    acts.complete(project, approvers, now=_now(), mark_here=bool(behind))
    names = ", ".join(one.name for one in approvers.active())
    return Answer({**data, "known": True}, f"This account knows the approvers: {names}.")


def leave(
    call: Call,
    because: Annotated[str, typer.Option("--because", help="Why; it is recorded.")],
) -> Answer:
    """End signed mode, by a signature. Earlier signatures keep their worth."""
    from ategnatos.commands.gate.approvers import signed_act
    from ategnatos.guard.gate import trust

    project = call.project()
    approvers = trust.known(project)
    if approvers is None or not approvers.signing:
        return Answer({"state": "unsigned"}, "This studio is not in signed mode.", (INIT,))
    if call.dry_run:
        words = "Would ask for a signature, then take unsigned verdicts again."
        return Answer({"dry_run": True, "state": "signed"}, words)
    signed_act(
        project,
        approvers,
        trust.LEFT,
        lines=["From then on anybody at a terminal can approve, and no verdict is signed."],
        redo=f"ategnatos gate leave --because {because!r}",
        reason=because,
        now=_now(),
    )
    return Answer({"state": "left"}, "This studio takes unsigned verdicts again.", (INIT,))


def _key(name: str) -> tuple[KeyFile, Ed25519PrivateKey]:
    """This account's key, opened; made where there is none."""
    from ategnatos.guard.gate import choosing, keyfile, signing, terminal

    if keyfile.path().exists():
        key = keyfile.load()
        return key, signing.unsealed(key, ["Open your key."], redo=INIT)
    chosen = choosing.new_passphrase(
        [
            f"A new key for {name}, in {keyfile.path()}.",
            "Choose a passphrase: four or five words that have nothing to do with each other.",
            "It is asked for every signature. Nobody can bring it back if you forget it.",
        ],
        redo=INIT,
        undone="no key was made",
    )
    try:
        return keyfile.create(name, chosen, now=_now())
    finally:
        terminal.wipe(chosen)


def _found(project: Project, key: KeyFile, private: Ed25519PrivateKey, name: str) -> Answer:
    from ategnatos.guard.gate import acts, statements

    approvers = acts.found(project, key, private, name, now=_now())
    mark = statements.fingerprint(key.public)
    return Answer(
        {
            "state": "founded",
            "name": name,
            "studio": approvers.studio,
            "key": key.public,
            "fingerprint": mark,
            "key_file": str(key.path),
        },
        f"This studio takes only signed verdicts now. You are its first approver, as {name}.\n"
        f"  fingerprint  {mark}\n  key          {key.path}\n"
        "Keep a copy of the key file and the fingerprint somewhere else: there is no way back"
        " to a lost key.",
        ("ategnatos gate status", "ategnatos gate unlock   (15 minutes without the passphrase)"),
    )


def _come_back(
    project: Project, approvers: Trust, key: KeyFile, private: Ed25519PrivateKey
) -> Answer | None:
    """Enter signed mode again, where it was left and this key may do it."""
    from ategnatos.guard.gate import acts, statements, trust

    mine = approvers.approver(key.public)
    if approvers.signing or mine is None or not mine.active:
        return None
    statement = statements.make(
        studio=approvers.studio,
        gate=trust.APPROVERS,
        subject=acts.subject_of(project, approvers, trust.RETURNED),
        verdict=trust.AGREED,
        approver=key.public,
        now=_now(),
    )
    signed = statements.Signed(statement, private.sign(statement.to_sign()).hex())
    acts.append(project, signed, now=_now())
    return Answer(
        {"state": "returned", "name": mine.name, "key": key.public},
        "This studio takes only signed verdicts again.",
        ("ategnatos gate status",),
    )


def _ask_to_join(approvers: Trust, key: KeyFile, private: Ed25519PrivateKey, name: str) -> Answer:
    from ategnatos.commands.gate.approvers import as_line
    from ategnatos.guard.gate import acts, statements

    acts.check_free(approvers, name, key.public)
    line = as_line(acts.request(approvers.studio, key, private, name, now=_now()))
    names = ", ".join(one.name for one in approvers.active())
    mark = statements.fingerprint(key.public)
    return Answer(
        {"state": "asked", "name": name, "key": key.public, "fingerprint": mark, "request": line},
        f"This studio has approvers already: {names}. One of them can add you, after comparing\n"
        f"your fingerprint {mark} with you, by running:\n\n  ategnatos gate add {line}\n",
    )


def _would(approvers: Trust | None, has_key: bool, name: str) -> Answer:
    first = "open your key" if has_key else "make a key"
    then = (
        f"begin signed mode with {name} as its first approver"
        if approvers is None
        else "print a request for the present approvers"
    )
    state = "unsigned" if approvers is None else "signed" if approvers.signing else "left"
    words = f"Would {first} with a passphrase asked at the terminal, then {then}."
    return Answer({"dry_run": True, "state": state, "has_key": has_key, "name": name}, words)


def _checked_name(name: str) -> str:
    from ategnatos.grimoire.content import check_name

    return check_name(name, "approver's name")


def _now() -> datetime:
    return datetime.now(UTC)
