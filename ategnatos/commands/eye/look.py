"""``eye show``, ``eye why`` and ``eye preview``: what is kept, and what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.eye import present
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.eye.ledger import Ledger
    from ategnatos.grimoire.schemas.eye import Evidence


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the eye."""
    command(app, "show", example="ategnatos eye show")(show)
    command(app, "why", example="ategnatos eye why p3")(why)
    command(app, "preview", example="ategnatos eye preview --family sdxl --prompt 'an owl'")(
        preview
    )


def show(
    call: Call,
    name: Annotated[str, typer.Argument(help="A preference (p3) or a category (color).")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Those that no longer count, too.")
    ] = False,
) -> Answer:
    """The taste profile: what counts, how often it was borne out, what contradicts what."""
    from ategnatos.eye import say
    from ategnatos.eye.evidence import standing
    from ategnatos.eye.exchange import conflicts_of
    from ategnatos.eye.ledger import read
    from ategnatos.grimoire import documents

    project = call.project()
    document = documents.read(project, "eye")
    shown = [one for one in document.preferences if everything or one.standing == "active"]
    categories = {*document.titles, *(one.category for one in document.preferences)}
    if name in categories:
        shown = [one for one in shown if one.category == name]
    elif name:
        shown = [say.find(document, name)]
    disagreeing = conflicts_of(read(project, judging=False)) if shown else []
    acting = [one for one in shown if one.standing == "active"]
    for broken, problem in standing(project, acting).items():
        call.warn(f"{broken} does not act: {problem}.")
    for one in disagreeing:
        call.warn(f"{one.one} and {one.other} disagree about {one.about!r}: {one.outcome}.")
    waiting = [
        {"name": f"old{n}", **row.model_dump(mode="json")}
        for n, row in enumerate(document.earlier, start=1)
        if not row.adopted
    ]
    data = {
        "preferences": [present.facts(one) for one in shown],
        "earlier": waiting,
        "conflicts": [
            {"one": one.one, "other": one.other, "about": one.about, "outcome": one.outcome}
            for one in disagreeing
        ],
        "categories": document.titles,
    }
    lines = present.page(document, shown)
    steps: tuple[str, ...] = ("ategnatos eye preview",) if shown else ("ategnatos eye suggest",)
    if not shown and not waiting:
        lines = ["No taste is written down yet; pictures are made from your words alone."]
        steps = ("ategnatos eye add 'warm light' --category color", "ategnatos eye suggest")
    return Answer(data, _drawn(lines), steps)


def why(call: Call, name: Annotated[str, typer.Argument(help="A preference, like p3.")]) -> Answer:
    """What bears a preference out: every verdict and statement, and whether it still stands."""
    from ategnatos.eye import say
    from ategnatos.eye.evidence import standing
    from ategnatos.eye.ledger import read
    from ategnatos.grimoire import documents

    project = call.project()
    one = say.find(documents.read(project, "eye"), name)
    ledger = read(project)
    rows = [_evidence(proof, ledger) for proof in sorted(one.evidence, key=lambda it: it.at)]
    problem = standing(project, [one]).get(one.id, "")
    if problem:
        call.warn(f"{one.id} does not act: {problem}.")
    lines = [present.line(one), f"  category {one.category}, scope {one.scope}", ""]
    for row in rows:
        lines += _told(row)
    data = {"preference": present.facts(one), "evidence": rows, "acts": not problem}
    return Answer(data, _drawn(lines))


def preview(
    call: Call,
    prompt: Annotated[str, typer.Option("--prompt", help="The prompt it would be added to.")] = "",
    family: Annotated[
        str, typer.Option("--family", metavar="NAME", help="The model family; default: starter.")
    ] = "starter",
    negative: Annotated[str, typer.Option("--negative", help="A negative of your own.")] = "",
    project_name: Annotated[
        str, typer.Option("--for", metavar="NAME", help="A project whose taste counts too.")
    ] = "",
) -> Answer:
    """Exactly what the eye would add to a prompt for a model, and why; nothing is made."""
    from ategnatos.art.manners import manner_of
    from ategnatos.eye.acting import Situation, act, as_facts
    from ategnatos.eye.leans import leans

    found, problems = leans(call.project())
    manner = manner_of((), family)
    asked = prompt or _SUBJECT.get(family, "an owl")
    acted = act(found, manner, asked, negative, Situation(_key(family), project_name))
    for name, problem in problems.items():
        call.warn(f"{name} does not act: {problem}.")
    lines = [f"For {manner.model}, from the prompt: {asked}", ""]
    for one in acted.applied:
        lines += [f"  + {one.where}: {one.written}", f"      {one.why}"]
    for left in acted.left_out:
        lines.append(f"  - {left['words']} ({left['preference']}): {left['why']}")
    lines += [f"  i {text} (shown only)" for text in acted.advice]
    if not acted.applied:
        lines.append("  Nothing is added.")
    lines += ["", f"prompt    {acted.prompt}", f"negative  {acted.negative or '(none)'}"]
    data = {"family": _key(family), "asked": asked, **as_facts(acted)}
    return Answer(data, _drawn(lines), ("ategnatos eye show",))


# What a preview without a prompt is shown for: a thing that the model knows.
_SUBJECT = {"starter": "a potion"}


def _key(family: str) -> str:
    from ategnatos.knowledge import families
    from ategnatos.knowledge.feedback import STARTER_FAMILY

    return family if family == STARTER_FAMILY else families.find(family).key


def _evidence(proof: Evidence, ledger: Ledger) -> dict[str, Any]:
    from ategnatos.eye.acts import Proof

    bare = Proof(proof.studio, proof.event, proof.sha256, proof.at, proof.kind, proof.session)
    row = proof.model_dump(mode="json")
    row["problem"] = ledger.holds(bare)
    row["foreign"] = proof.studio != ledger.studio
    row["from"] = ledger.studios.get(proof.studio, proof.studio) if row["foreign"] else ""
    judged = ledger.judged.get((proof.event, proof.sha256))
    row["standing"] = judged.standing.value if judged and not row["foreign"] else ""
    return row


def _told(row: dict[str, Any]) -> list[str]:
    what = f"verdict on {row['candidate']}" if row["kind"] == "verdict" else "statement"
    where = f", from {row['from']} (their {row['event']})" if row["foreign"] else ""
    signed = f", {row['standing']}" if row["standing"] else ""
    because = f": {row['because']}" if row["because"] else ""
    broken = f"  BROKEN: {row['problem']}" if row["problem"] else ""
    return [
        f"  {row['event']}  {row['at'][:10]}  {row['stance']:<8} {what} by {row['by']}"
        f"{where}{signed}{because}{broken}"
    ]


def _drawn(lines: list[str]) -> Any:
    def words(console: Console) -> None:
        for line in lines:
            console.print(plain(line), soft_wrap=True)

    return words
