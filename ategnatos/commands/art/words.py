"""``art prompt``, ``lint``, ``convert``, ``wishes``: the words before any picture is made."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.art.taste import forbidden_words, preferences_for
from ategnatos.commands.art.wanted import WHAT_FOR, WantedFor, wanted_for
from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.commands.page import Line, Row, draw
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.prompts.build import Built
    from ategnatos.prompts.lint import Finding, Trigger
    from ategnatos.prompts.manner import Manner

PROMPT_FAULTY = ErrorCode("prompt_faulty", "The prompt will not work as it is written.")

STARTER = "starter"
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}

Family = Annotated[
    str, typer.Option("--family", metavar="NAME", help="The model family, like flux2/klein-4b.")
]
Negative = Annotated[str, typer.Option("--negative", help="What not to draw.")]
TriggerOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trigger", metavar="LORA=WORDS", help="A LoRA and what it listens to; repeatable."
    ),
]
LoraOption = Annotated[
    list[str] | None,
    typer.Option("--lora", metavar="NAME|FILE", help="A LoRA that names its trigger; repeatable."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the art room."""
    command(app, "prompt", example="ategnatos art prompt 'an owl mascot' --family flux2/klein-4b")(
        prompt
    )
    command(app, "lint", example="ategnatos art lint 'an owl, (hat:1.9' --family sdxl")(lint)
    command(app, "convert", example="ategnatos art convert '((owl:1.2) [dim]:1.1)' --to comfyui")(
        convert
    )
    command(app, "wishes", example="ategnatos art wishes --family sdxl")(wishes)


def prompt(
    call: Call,
    words: Annotated[str, typer.Argument(help="What you want to see, in your words.")] = "",
    family: Family = STARTER,
    negative: Negative = "",
    lora: LoraOption = None,
    trigger: TriggerOption = None,
    no_eye: Annotated[bool, typer.Option("--no-eye", help="Leave your taste out of it.")] = False,
    no_library: Annotated[
        bool, typer.Option("--no-library", help="Leave out what worked before.")
    ] = False,
    wanted: Annotated[str, typer.Option("--for", metavar="NAME", help=WHAT_FOR)] = "",
) -> Answer:
    """Build a prompt in a model's own dialect, and say of each part why it is there."""
    from ategnatos.art.manners import manner_of
    from ategnatos.commands.art import sources
    from ategnatos.prompts.build import build

    goal = wanted_for(call, call.project(), wanted) if wanted else WantedFor()
    if not words.strip() and goal.asset is not None:
        words = str(goal.asset.brief["subject"])
    if not words.strip():
        raise StudioError(
            USAGE,
            "There are no words to build a prompt from.",
            hint="Say what to draw: ategnatos art prompt 'an owl mascot'",
        )
    asked = manner_of((), family)
    triggers = _triggers(call, lora, trigger)
    liked = (
        [] if no_eye else preferences_for(call, asked, family, words, negative, goal.project_name)
    )
    briefed = [] if goal.asset is None else sources.constraints(goal.asset.brief)
    proven = sources.Proven() if no_library else sources.proven(call, asked, family, words, liked)
    built = build(
        words,
        asked,
        brief=briefed,
        preferences=liked,
        library=proven.snippets,
        negative=negative,
        triggers=triggers,
    )
    findings = _findings(built.prompt, asked, built.negative, triggers)
    _policy(call, family)
    data = {
        "family": family,
        "model": asked.model,
        "dialect": asked.dialect.name,
        "prompt": built.prompt,
        "negative": built.negative,
        "parts": [
            {"text": one.text, "source": one.source, "where": one.where, "why": one.why}
            for one in built.parts
        ],
        "advice": list(asked.dialect.advice),
        "findings": [_facts(one) for one in findings],
        "for": goal.facts,
        "worked_before": proven.facts,
    }

    def draw_all(console: Console) -> None:
        _draw_built(console, built, asked, findings)
        proven.draw(console)

    return Answer(data, draw_all, (_generate(built, family, goal),))


def lint(
    call: Call,
    text: Annotated[str, typer.Argument(help="The prompt to look at. Quote it.")],
    family: Family = STARTER,
    negative: Negative = "",
    lora: LoraOption = None,
    trigger: TriggerOption = None,
) -> Answer:
    """Say what will not work in a prompt, where, and the edit that mends it."""
    from ategnatos.art.manners import manner_of
    from ategnatos.prompts.lint import mended

    asked = manner_of((), family)
    forbidden = forbidden_words(call, family, text)
    findings = _findings(text, asked, negative, _triggers(call, lora, trigger), forbidden)
    count = {severity: sum(one.severity == severity for one in findings) for severity in _COLOURS}
    better = mended(text, findings)
    data = {
        "family": family,
        "model": asked.model,
        "dialect": asked.dialect.name,
        "findings": [_facts(one) for one in findings],
        "count": count,
        "mended": {"prompt": better, "negative": mended(negative, findings, "negative")},
    }
    failed = None
    if count["error"]:
        failed = StudioError(
            PROMPT_FAULTY,
            f"{count['error']} of the findings will not work as written; nothing was sent.",
            hint="Make the edits named above and look again.",
            count=count,
        )

    def draw_all(console: Console) -> None:
        _draw_findings(console, text, negative, findings)
        if not findings:
            console.print(f"Nothing to say: {asked.model} can be asked like this.")
        elif better != text:
            console.print(f"With the exact edits made: {better}", soft_wrap=True)

    return Answer(data, draw_all, failed=failed)


def wishes(call: Call, family: Family = STARTER) -> Answer:
    """What 'art vary --change' understands for a model, in groups."""
    from ategnatos.art.manners import manner_of
    from ategnatos.knowledge import feedback

    asked = manner_of((), family)
    meaning = feedback.meaning(asked.dialect.style)
    titles = {name: group["title"] for name, group in feedback.groups().items()}
    groups: dict[str, list[str]] = {}
    for phrase, action in meaning.phrases.items():
        groups.setdefault(titles.get(action.group, "In the model's own words"), []).append(phrase)
    rows = [Row(((title, "bold"),), [Line(", ".join(said))]) for title, said in groups.items()]
    return Answer(
        {"family": family, "style": meaning.style, "groups": groups},
        lambda console: draw(console, rows),
        ("ategnatos art vary 'j1#1' --change 'warmer, less busy'",),
    )


def convert(
    call: Call,
    text: Annotated[str, typer.Argument(help="The prompt to rewrite. Quote it.")],
    source: Annotated[
        str, typer.Option("--from", help="How it is written: a1111, comfyui or prose.")
    ] = "a1111",
    target: Annotated[
        str, typer.Option("--to", help="How it shall be written: a1111, comfyui or prose.")
    ] = "comfyui",
    embedding: Annotated[
        list[str] | None,
        typer.Option("--embedding", help="A word that A1111 reads as an embedding; repeatable."),
    ] = None,
) -> Answer:
    """Rewrite a prompt for another program; every word keeps its weight, what is lost is said."""
    from ategnatos.guard.values.names import parse_choice
    from ategnatos.prompts.convert import convert as rewrite
    from ategnatos.prompts.reading import read
    from ategnatos.prompts.tree import Notation

    known = [one.value for one in Notation]
    before = Notation(parse_choice(source, known, field="The notation --from"))
    after = Notation(parse_choice(target, known, field="The notation --to"))
    made = rewrite(read(text, before), after, embeddings=embedding or ())
    for note in made.notes:
        call.warn(note)
    return Answer({"from": before, "to": after, "prompt": made.text}, made.text)


def _triggers(call: Call, lora: list[str] | None, trigger: list[str] | None) -> tuple[Trigger, ...]:
    from ategnatos.art.inputs import parse_lora
    from ategnatos.art.loras import find, is_file
    from ategnatos.prompts.lint import Trigger

    # A file needs no studio; a name does.
    uses = [
        parse_lora(text) if is_file(text) else find(call.project(), text).use for text in lora or ()
    ]
    found = [Trigger(use.name, use.trigger) for use in uses if use.trigger]
    for text in trigger or ():
        name, equals, words = text.partition("=")
        if not equals or not name.strip() or not words.strip():
            raise StudioError(
                USAGE,
                f"{text!r} does not name a LoRA and its words; nothing was done.",
                hint="Write it like --trigger owl-style=owlstyle",
            )
        found.append(Trigger(name.strip(), words.strip()))
    return tuple(found)


def _findings(
    text: str,
    asked: Manner,
    negative: str,
    triggers: tuple[Trigger, ...],
    forbidden: tuple[str, ...] = (),
) -> list[Finding]:
    from ategnatos.art.token_counts import counter_for
    from ategnatos.prompts.lint import lint as look

    count, limit = counter_for(asked)
    return look(
        text,
        asked,
        negative=negative,
        triggers=triggers,
        forbidden=forbidden,
        count=count,
        limit=limit,
    )


def _policy(call: Call, family: str) -> None:
    """Warn of a family that the policy of this studio rules out; a prompt costs nothing."""
    from ategnatos.art.licences import judged
    from ategnatos.grimoire.project import NO_PROJECT

    if family == STARTER:
        return
    try:
        project = call.project()
    except StudioError as error:
        if error.code is NO_PROJECT:
            return
        raise
    found = judged(project, "comfyui", family)
    if found is not None and found.clauses:
        call.warn(f"{found.family} is {found.verdict} here: {'; '.join(found.clauses)}.")


def _facts(one: Finding) -> dict[str, Any]:
    return {
        "code": one.code,
        "severity": one.severity,
        "where": one.where,
        "start": one.start,
        "end": one.end,
        "means": one.means,
        "edit": one.edit,
        "replacement": one.replacement,
    }


def _generate(built: Built, family: str, goal: WantedFor) -> str:
    words = ["ategnatos", "art", "generate", built.prompt]
    if family != STARTER:
        words += ["--engine", "comfyui", "--family", family]
    if built.negative:
        words += ["--negative", built.negative]
    if goal.asset is not None:
        words += ["--for", goal.asset.full_name]
    return shlex.join(words)


def _draw_built(console: Console, built: Built, asked: Manner, findings: list[Finding]) -> None:
    from ategnatos.commands.terminal import plain

    console.print(plain(built.prompt), style="bold", soft_wrap=True)
    if built.negative:
        console.print(plain(f"Negative: {built.negative}"), soft_wrap=True)
    console.print()
    draw(
        console,
        [
            Row(((one.where, "dim"), (one.source, "dim")), [Line(one.text), Line(one.why, "dim")])
            for one in built.parts
        ],
    )
    console.print()
    model = f"{asked.model[:1].upper()}{asked.model[1:]}"
    console.print(f"{model} is asked in {asked.dialect.title}.")
    for advice in asked.dialect.advice:
        console.print(f"  {advice}")
    if findings:
        console.print()
        _draw_findings(console, built.prompt, built.negative, findings)


def _draw_findings(console: Console, text: str, negative: str, findings: list[Finding]) -> None:
    rows = []
    for one in findings:
        whole = text if one.where == "prompt" else negative
        piece = " ".join(whole[one.start : one.end].split())
        shown = f"{one.where} {one.start}-{one.end}" + (f": {piece[:60]}" if piece else "")
        rows.append(
            Row(
                ((one.severity, _COLOURS[one.severity]), (one.code, "dim")),
                [Line(one.means), Line(one.edit), Line(shown, "dim")],
            )
        )
    draw(console, rows)
