"""``ategnatos studio policy``: what the pictures are for, and which models that leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.commands.page import Line, Row, draw
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.guard.policy import Judgement, Policy

app = room("What the pictures are for, and which models that leaves.")

_STYLES = {"allowed": "green", "conditions": "", "unknown": "yellow", "refused": "red"}


@command(app, "show", example="ategnatos studio policy show")
def show(call: Call) -> Answer:
    """The policy, and what it says of every model family, with the clause."""
    from ategnatos.art.licences import policy_of

    decided = policy_of(call.project())
    found = _judged(decided)
    data = {**_facts(decided), "families": [_family(one) for one in found]}
    steps = ("ategnatos studio policy set --commercial --revenue-band under-1m --territory DE",)
    return Answer(
        data,
        lambda console: _draw(console, decided, found),
        steps if decided.commercial is None else (),
    )


@command(
    app,
    "set",
    example="ategnatos studio policy set --commercial --revenue-band under-1m --territory DE",
    dry_run=True,
)
def set_policy(
    call: Call,
    commercial: Annotated[
        bool | None,
        typer.Option("--commercial/--not-commercial", help="Whether money is made with them."),
    ] = None,
    revenue_band: Annotated[
        str | None,
        typer.Option("--revenue-band", metavar="BAND", help="under-1m, 1m-to-10m or over-10m."),
    ] = None,
    territory: Annotated[
        list[str] | None,
        typer.Option("--territory", metavar="CODE", help="Where you are: DE, US, UK; repeatable."),
    ] = None,
) -> Answer:
    """Say what the pictures are for. What is left out stays as it is."""
    from ategnatos.art.licences import policy_of
    from ategnatos.grimoire import documents, journal
    from ategnatos.guard.actor import actor
    from ategnatos.guard.policy import Policy, parse_band, parse_territory

    if commercial is None and revenue_band is None and territory is None:
        raise StudioError(
            USAGE,
            "Nothing was said, so nothing was changed.",
            hint="Say for example: ategnatos studio policy set --commercial",
        )
    project = call.project()
    before = policy_of(project)
    after = Policy(
        before.commercial if commercial is None else commercial,
        before.revenue_band if revenue_band is None else parse_band(revenue_band),
        before.territory
        if territory is None
        else tuple(dict.fromkeys(map(parse_territory, territory))),
    )
    if not call.dry_run and after != before:
        with documents.edit(project, "policy") as document:
            document.commercial = after.commercial
            document.revenue_band = after.revenue_band
            document.territory = list(after.territory)
        journal.append(
            project,
            "studio.policy_set",
            actor=actor(),
            data={"before": _facts(before), "after": _facts(after)},
        )
    found = _judged(after)
    data = {
        **_facts(after),
        "before": _facts(before),
        "changed": after != before,
        "dry_run": call.dry_run,
        "refused": [one.family for one in found if one.verdict == "refused"],
    }

    def words(console: Console) -> None:
        if call.dry_run:
            console.print("Nothing was written. This is how it would be:")
        _draw_facts(console, after)
        for verdict in ("refused", "unknown"):
            named = [one.family for one in found if one.verdict == verdict]
            if named:
                console.print(f"{verdict.capitalize()}: {', '.join(named)}", soft_wrap=True)

    return Answer(data, words, ("ategnatos studio policy show",))


def _judged(decided: Policy) -> list[Judgement]:
    from ategnatos.guard.policy import judge
    from ategnatos.knowledge import families

    return [judge(decided, one.key, one.licence) for one in families.every_variant()]


def _facts(policy: Policy) -> dict[str, Any]:
    return {
        "commercial": policy.commercial,
        "revenue_band": policy.revenue_band,
        "territory": list(policy.territory),
    }


def _family(found: Judgement) -> dict[str, Any]:
    return {
        "family": found.family,
        "verdict": found.verdict,
        "licence": found.licence,
        "clauses": list(found.clauses),
        "source": found.source,
        "read": found.read,
    }


def _draw_facts(console: Console, decided: Policy) -> None:
    use = {
        None: "Nobody has decided whether the pictures are sold; no model is ruled out.",
        True: "The pictures are for commercial use.",
        False: "The pictures are not for commercial use.",
    }[decided.commercial]
    console.print(use)
    console.print(f"Revenue: {decided.revenue_band or 'not said'}")
    console.print(f"Territory: {', '.join(decided.territory) or 'not said'}")


def _draw(console: Console, decided: Policy, found: list[Judgement]) -> None:
    _draw_facts(console, decided)
    console.print()
    rows = [
        Row(
            ((one.family, "bold"), (one.verdict, _STYLES[one.verdict])),
            [Line("; ".join((one.licence, *one.clauses)))],
        )
        for one in found
    ]
    draw(console, rows)
    console.print()
    console.print(
        "Refused families make nothing here. Pictures of unknown ones may be tried and not "
        "released. Licences are told as they were read; read them yourself before you sell."
    )
