"""``gate list``, ``add`` and ``revoke``: who may sign."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.statements import Signed
    from ategnatos.guard.gate.trust import Trust

_NONE = "This studio has no approvers: verdicts are unsigned."


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the house command."""
    command(app, "list", example="ategnatos gate list")(list_approvers)
    command(app, "add", example="ategnatos gate add REQUEST", dry_run=True)(add)
    command(app, "revoke", example="ategnatos gate revoke ada --because 'left us'", dry_run=True)(
        revoke
    )


def list_approvers(call: Call) -> Answer:
    """Who may sign in this studio, with the fingerprints to compare."""
    from ategnatos.guard.gate import statements, trust

    approvers = trust.load(call.project())
    if approvers is None:
        return Answer({"mode": "unsigned", "approvers": []}, _NONE, ("ategnatos gate init",))
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "key": one.key,
            "fingerprint": statements.fingerprint(one.key),
            "since": one.since,
            "active": one.active,
            "revoked_at": one.revoked_at or None,
            "revoked_because": one.revoked_because or None,
        }
        for one in approvers.approvers
    ]

    def words(console: Console) -> None:
        for row in rows:
            state = "" if row["active"] else f"  revoked {row['revoked_at']}"
            reason = f" because {row['revoked_because']}" if row["revoked_because"] else ""
            name = plain(str(row["name"]))
            console.print(f"{name:<16} {row['fingerprint']}  since {row['since']}{state}{reason}")
        if not approvers.pins:
            console.print("This account has not seen them before: 'ategnatos gate trust'.")

    mode = "signed" if approvers.signing else "left"
    return Answer({"mode": mode, "known": bool(approvers.pins), "approvers": rows}, words)


def add(
    call: Call,
    request: Annotated[str, typer.Argument(help="The line that their 'gate init' printed.")],
) -> Answer:
    """Let somebody else sign too; needs the signature of an approver."""
    from ategnatos.guard.gate import acts, statements, trust

    project = call.project()
    approvers = _required(project)
    wish = _from_line(request)
    name, key = acts.check_request(approvers, wish)
    mark = statements.fingerprint(key)
    if call.dry_run:
        return Answer(
            {"dry_run": True, "name": name, "fingerprint": mark},
            f"Would ask for your signature to add {name} ({mark}).",
        )
    signed_act(
        project,
        approvers,
        trust.ADDED,
        lines=[f"Add the approver {name}?", f"  their fingerprint {mark}", "Compare it with them."],
        redo=f"ategnatos gate add {request}",
        now=_now(),
        possession=wish,
        name=name,
        public=key,
    )
    return Answer(
        {"name": name, "key": key, "fingerprint": mark},
        f"{name} is an approver of this studio.",
        ("ategnatos gate list",),
    )


def revoke(
    call: Call,
    approver: Annotated[str, typer.Argument(help="A name or a fingerprint of 'gate list'.")],
    because: Annotated[str, typer.Option("--because", help="Why; it is recorded.")],
) -> Answer:
    """Take a key out; needs a signature. What it signed before keeps its worth."""
    from ategnatos.guard.gate import acts, statements, trust

    project = call.project()
    approvers = _required(project)
    leaving = acts.find(approvers, approver)
    acts.check_not_last(approvers)
    mark = statements.fingerprint(leaving.key)
    if call.dry_run:
        return Answer(
            {"dry_run": True, "name": leaving.name, "fingerprint": mark},
            f"Would ask for a signature to revoke the key of {leaving.name} ({mark}).",
        )
    signed_act(
        project,
        approvers,
        trust.REVOKED,
        lines=[f"Revoke the key of {leaving.name} ({mark})? It can never sign here again."],
        redo=f"ategnatos gate revoke {approver!r} --because {because!r}",
        reason=because,
        now=_now(),
        name=leaving.name,
        public=leaving.key,
    )
    return Answer(
        {"name": leaving.name, "key": leaving.key, "revoked": True},
        f"The key of {leaving.name} is revoked. What it signed until now still counts.",
        ("ategnatos gate list",),
    )


def signed_act(
    project: Project,
    approvers: Trust,
    act: str,
    *,
    lines: Sequence[str],
    redo: str,
    now: datetime,
    reason: str | None = None,
    possession: Signed | None = None,
    **more: str,
) -> Trust:
    """Have an approver sign one act, and add it to the chain."""
    from ategnatos.guard.gate import acts, signing, trust

    signed = signing.sign(
        project,
        approvers,
        gate=trust.APPROVERS,
        subject=acts.subject_of(project, approvers, act, **more),
        verdict=trust.AGREED,
        reason=reason,
        lines=lines,
        redo=redo,
        now=now,
    )
    return acts.append(project, signed, now=now, possession=possession)


def as_line(request: Signed) -> str:
    """A request as one word for a command line."""
    return base64.urlsafe_b64encode(json.dumps(request.data()).encode()).decode()


def _from_line(text: str) -> Signed | None:
    from ategnatos.guard.gate import statements

    try:
        return statements.parse_signed(json.loads(base64.urlsafe_b64decode(text.encode())))
    except (ValueError, binascii.Error, RecursionError):
        return None


def _required(project: Project) -> Trust:
    from ategnatos.grimoire.errors import StudioError
    from ategnatos.guard import gate
    from ategnatos.guard.gate import trust

    approvers = trust.known(project)
    if approvers is None or not approvers.signing:
        raise StudioError(
            gate.SIGNATURE_NEEDED,
            "This studio is not in signed mode, so there is nobody to add to; nothing was changed.",
            hint="Begin it in a terminal: ategnatos gate init",
        )
    return approvers


def _now() -> datetime:
    return datetime.now(UTC)
