"""``eye add``, ``confirm``, ``contradict``, ``retire``, ``merge``: what a person says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.commands.eye import present
from ategnatos.commands.eye.speaking import now, speaker
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.eye.acts import Identity
    from ategnatos.eye.say import Said
    from ategnatos.eye.suggest import Suggestion
    from ategnatos.grimoire.project import Project

Name = Annotated[str, typer.Argument(help="A preference, like p3.")]
SaidBy = Annotated[
    str, typer.Option("--said-by", metavar="NAME", help="Whose words they are; agents must say.")
]
Because = Annotated[str, typer.Option("--because", help="Why, in the person's words.")]
Proofs = Annotated[
    list[str] | None,
    typer.Option("--evidence", metavar="EVENT", help="A verdict behind it, like e00000012."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the eye."""
    command(app, "add", example="ategnatos eye add 'warm light' --category color", dry_run=True)(
        add
    )
    command(app, "confirm", example="ategnatos eye confirm p3")(confirm)
    command(app, "contradict", example="ategnatos eye contradict p3 --because 'too sweet'")(
        contradict
    )
    command(app, "retire", example="ategnatos eye retire p3 --because 'not any more'")(retire)
    command(app, "merge", example="ategnatos eye merge p1 p4")(merge)


def add(
    call: Call,
    text: Annotated[str, typer.Argument(help="The person's own words. Quote them.")] = "",
    category: Annotated[
        str, typer.Option("--category", help="color, texture, composition, style, subject, ...")
    ] = "",
    new_category: Annotated[
        bool, typer.Option("--new-category", help="The category is one of your own.")
    ] = False,
    polarity: Annotated[
        str, typer.Option("--polarity", help="prefer, avoid, or never (a hard limit).")
    ] = "",
    scope: Annotated[
        str,
        typer.Option(
            "--scope", help="all, project:NAME, family:NAME or subject:WORDS. Default: all."
        ),
    ] = "",
    words: Annotated[
        str | None,
        typer.Option("--words", help="What goes into a prompt; default: found in the text."),
    ] = None,
    evidence: Proofs = None,
    suggestion: Annotated[
        str, typer.Option("--from", metavar="SUGGESTION", help="One of 'ategnatos eye suggest'.")
    ] = "",
    because: Because = "",
    said_by: SaidBy = "",
) -> Answer:
    """Write a preference down in the person's own words; saying it is its first evidence."""
    from ategnatos.eye import say

    project = call.project()
    given = _suggested(project, suggestion, text, category, polarity, scope)
    what, proposal = given if given else (None, None)
    if what is None:
        kind = polarity or "prefer"
        heading = category or ("style" if kind == "prefer" else "anti_preferences")
        what = say.identity(heading, text, kind, scope or "all", own=new_category)
    if words is None and proposal is not None and not text and proposal.words:
        words = ", ".join(proposal.words)
    who = speaker(said_by)
    proofs = [*(evidence or ()), *(proposal.evidence if proposal else ())]
    if call.dry_run:
        return _would(project, what, proofs, words)
    said = say.add(
        project,
        what,
        who,
        now=now(),
        words=None if words is None else [words],
        evidence=list(dict.fromkeys(proofs)),
        because=because,
        suggestion=None if proposal is None else proposal.facts(),
    )
    return _answer(call, project, said, "Written down")


def confirm(
    call: Call,
    name: Name,
    because: Because = "",
    evidence: Proofs = None,
    said_by: SaidBy = "",
) -> Answer:
    """Say that it still holds. Counts once a session; 'old1' adopts one without evidence."""
    from ategnatos.eye import say

    project = call.project()
    said = say.confirm(
        project, name, speaker(said_by), now=now(), because=because, evidence=evidence or ()
    )
    return _answer(call, project, said, "Confirmed")


def contradict(
    call: Call,
    name: Name,
    because: Because = "",
    evidence: Proofs = None,
    said_by: SaidBy = "",
) -> Answer:
    """Say that it did not hold this time. As often contradicted as confirmed, it acts no more."""
    from ategnatos.eye import say

    project = call.project()
    said = say.contradict(
        project, name, speaker(said_by), now=now(), because=because, evidence=evidence or ()
    )
    return _answer(call, project, said, "Contradicted")


def retire(call: Call, name: Name, because: Because = "", said_by: SaidBy = "") -> Answer:
    """Let it count no longer. It stays in the record; 'eye add' brings it back."""
    from ategnatos.eye import say

    project = call.project()
    said = say.retire(project, name, speaker(said_by), now=now(), because=because)
    return _answer(call, project, said, "Retired")


def merge(
    call: Call,
    into: Name,
    other: Annotated[str, typer.Argument(help="The one that becomes a part of it.")],
    said_by: SaidBy = "",
) -> Answer:
    """Make two that mean the same one, with the evidence of both."""
    from ategnatos.eye import say

    project = call.project()
    said = say.merge(project, into, other, speaker(said_by), now=now())
    return _answer(call, project, said, f"{other} is now a part of {into}")


def _suggested(
    project: Project, name: str, text: str, category: str, polarity: str, scope: str
) -> tuple[Identity, Suggestion] | None:
    """What a proposal would be; words, category and scope of the person's own go before it."""
    if not name:
        return None
    from ategnatos.eye import say, suggest

    found = suggest.find(suggest.suggest(project), name)
    if polarity and (polarity == "prefer") != (found.polarity == "prefer"):
        raise StudioError(
            USAGE,
            f"The verdicts say {found.polarity} of {found.trait.name!r}, and you say {polarity}."
            " Nothing was written.",
            hint="Leave --from out to say the opposite in your own words.",
        )
    what = found.identity
    return (
        say.identity(
            category or what.category,
            text or what.text,
            polarity or what.polarity,
            scope or what.scope,
        ),
        found,
    )


def _would(project: Project, what: Identity, proofs: list[str], words: str | None) -> Answer:
    from ategnatos.eye import say
    from ategnatos.eye.evidence import gather
    from ategnatos.eye.wording import wording
    from ategnatos.knowledge.taste import knowledge

    gather(project, proofs)
    terms = wording(what.text, None if words is None else say.checked_words([words]), knowledge())
    data = {
        "dry_run": True,
        **what.facts(),
        "words": list(terms.terms),
        "no_words_for": list(terms.left),
        "evidence": proofs,
    }
    told = (
        f"Would write down: {what.polarity} {what.text!r} under {what.category}, for {what.scope}."
    )
    return Answer(data, f"{told}\nIn prompts: {', '.join(terms.terms) or 'nothing'}")


def _answer(call: Call, project: Project, said: Said, verb: str) -> Answer:
    from ategnatos.eye.exchange import conflicts_of
    from ategnatos.eye.ledger import read

    one = said.preference
    data = {
        "act": said.act,
        "event": None if said.event is None else said.event.id,
        "counted": one.confirmations != said.before,
        "preference": present.facts(one),
    }
    words = f"{verb}.\n{present.line(one)}"
    if said.event is None:
        words = f"Said already in this session; nothing new was written.\n{present.line(one)}"
    for conflict in conflicts_of(read(project, judging=False)):
        if one.id in (conflict.one, conflict.other):
            call.warn(
                f"{conflict.one} and {conflict.other} disagree about {conflict.about!r}:"
                f" {conflict.outcome}."
            )
    return Answer(data, words, (f"ategnatos eye why {one.id}", "ategnatos eye preview"))
