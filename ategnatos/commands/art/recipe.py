"""``art recipe``: write, check and compare recipes; what a recipe can make, before any of it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.art.recipe_words import (
    draw_candidates,
    draw_list,
    draw_recipe,
    draw_rows,
)
from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.art.recipes.model import Recipe
    from ategnatos.grimoire.project import Project

Id = Annotated[str, typer.Argument(help="The recipe's id; without .vN its newest version.")]
Lock = Annotated[
    list[str] | None,
    typer.Option("--lock", metavar="FIELD=VALUE", help="A locked field; repeatable."),
]


def register(app: typer.Typer) -> None:
    """Add the noun of this module to the art room."""
    noun = room("What a kind of asset is made from, frozen, with a few levers.")
    command(
        noun,
        "new",
        example="ategnatos art recipe new alchemy.object.potion.v1 --lever colour=red,green,blue"
        " --lever size=small,big --prompt 'a {size} {colour} potion, outlined' --seed 31337"
        " --size 256x256",
        dry_run=True,
    )(new)
    command(noun, "validate", example="ategnatos art recipe validate")(validate)
    command(noun, "list", example="ategnatos art recipe list")(list_recipes)
    command(noun, "show", example="ategnatos art recipe show alchemy.object.potion")(show)
    command(noun, "enumerate", example="ategnatos art recipe enumerate alchemy.object.potion")(
        enumerate_bindings
    )
    command(noun, "candidates", example="ategnatos art recipe candidates alchemy.object.potion")(
        candidates
    )
    command(
        noun,
        "diff",
        example="ategnatos art recipe diff alchemy.object.potion.v1 alchemy.object.potion.v2",
    )(diff)
    command(
        noun,
        "bump",
        example="ategnatos art recipe bump alchemy.object.potion --lock steps=20",
        dry_run=True,
    )(bump)
    command(noun, "self-test", example="ategnatos art recipe self-test")(self_test)
    app.add_typer(noun, name="recipe")


def new(
    call: Call,
    recipe: Annotated[str, typer.Argument(help="Its id: <realm>.<kind>.<slug>.v1.")],
    lever: Annotated[
        list[str] | None,
        typer.Option(
            "--lever",
            metavar="NAME[=A,B,C]",
            help="A lever and its values; without values those of the vocabulary. Repeatable.",
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            metavar="[KEY:]TEXT",
            help="What is asked, with {lever} in it; KEY is an engine key, default starter.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first output.")] = 31337,
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Size in pixels.")
    ] = None,
    lock: Lock = None,
    sub_kind: Annotated[
        str, typer.Option("--sub-kind", help="The second half of its output kind.")
    ] = "",
    about: Annotated[str, typer.Option("--about", help="What it is for.")] = "",
) -> Answer:
    """Write a new recipe. It is checked first, and never written over another."""
    from ategnatos.art.order import parse_size
    from ategnatos.art.recipes import vocabulary, writing

    project = call.project()
    locked: dict[str, Any] = {"seed_production": seed}
    if size:
        locked["canvas_width"], locked["canvas_height"] = parse_size(size)
    locked |= {name: value for name, value in _locked(lock).items() if value is not None}
    keys = vocabulary.of(project).engine_keys
    prompts = {}
    for text in prompt or []:
        head, colon, tail = text.partition(":")
        key, said = (head, tail) if colon and head in keys else ("starter", text)
        prompts[key] = said.strip()
    made = writing.draft(
        project,
        recipe,
        sub_kind=sub_kind,
        levers=_lever_values(lever),
        prompts=prompts,
        locked=locked,
        about=about,
    )
    if call.dry_run:
        return Answer(
            {"dry_run": True, "content": made},
            f"Would write:\n{json.dumps(made, ensure_ascii=False, indent=2)}",
        )
    path = writing.put(project, made)
    return Answer(
        {"recipe": made["recipe_id"], "path": str(path), "content": made},
        f"{made['recipe_id']} is written: {path.relative_to(project.root)}",
        (
            f"ategnatos art recipe validate {made['recipe_id']}",
            f"ategnatos art run {made['recipe_id']} --all --dry-run",
        ),
    )


def validate(
    call: Call,
    recipes: Annotated[
        list[str] | None, typer.Argument(help="Ids or files; default: every recipe.")
    ] = None,
    require: Annotated[
        list[Path] | None,
        typer.Option("--require", metavar="FILE", help="JSON with required_recipe_ids."),
    ] = None,
) -> Answer:
    """Check recipes: their form, that used versions did not change, and that engines take them."""
    from ategnatos.art.recipes import checking, shelf
    from ategnatos.engines import load_engine

    project = call.project()
    absent = checking.missing(project, require or [])
    found = [
        checking.check_file(project, path, load_engine)
        for path in _paths(project, recipes, shelf.FOLDER)
    ]
    wrong = [one for one in found if one.problems]
    lines = []
    for one in found:
        lines.append(f"{one.name}: {'does not hold' if one.problems else 'sound'}")
        lines += [f"  {problem}" for problem in one.problems]
        lines += [f"  note: {note}" for note in one.notes]
    lines += [str(one) for one in absent]
    problems = sum(len(one.problems) for one in found) + len(absent)
    failed = None
    if problems:
        failed = StudioError(
            checking.RECIPES_UNSOUND,
            f"{len(wrong)} of {len(found)} recipes do not hold, {len(absent)} required ones are"
            " missing. Nothing was changed.",
            hint="Mend what is named above, then run it again.",
            problems=problems,
        )
    facts = [
        {
            "recipe": one.name,
            "sound": not one.problems,
            "problems": [{"where": each.where, "what": each.what} for each in one.problems],
            "notes": list(one.notes),
        }
        for one in found
    ]
    return Answer(
        {
            "recipes": facts,
            "missing": [{"where": one.where, "what": one.what} for one in absent],
            "problems": problems,
        },
        "\n".join(lines) or "There are no recipes yet.",
        failed=failed,
    )


def list_recipes(call: Call) -> Answer:
    """List the recipes with their levers and how many outputs each can make."""
    from ategnatos.art.recipes import shelf

    project = call.project()
    known, rows = shelf.frozen(project), []
    for recipe_id in shelf.ids(project):
        try:
            recipe = shelf.read(project, recipe_id)
        except StudioError as error:
            if error.code.code != "recipe_invalid":
                raise
            rows.append({"recipe": str(recipe_id), "sound": False, "problem": error.message})
            continue
        rows.append({**_facts(recipe), "sound": True, "used": str(recipe_id) in known})
    return Answer({"recipes": rows}, lambda console: draw_list(console, rows))


def show(call: Call, recipe: Id) -> Answer:
    """Show a recipe: levers, locked fields, templates, and what was made of it so far."""
    from ategnatos.art.recipes import shelf

    project = call.project()
    found = shelf.load(project, recipe)
    made = _made(project, str(found.id))
    facts = {
        **_facts(found),
        "used": str(found.id) in shelf.frozen(project),
        "made": made,
        "path": str(shelf.path_of(project, found.id)),
        "content": found.content,
    }
    example = " ".join(f"--{name} {values[0]}" for name, values in found.levers.items())
    return Answer(
        facts,
        lambda console: draw_recipe(console, facts),
        (f"ategnatos art run {found.id} {example}".rstrip(),),
    )


def enumerate_bindings(call: Call, recipe: Id) -> Answer:
    """Name every output that a recipe can make: levers, binding hash, seed and path."""
    from ategnatos.art.recipes import binding, shelf
    from ategnatos.grimoire.content import candidate_path

    project = call.project()
    found = shelf.load(project, recipe)
    rows = []
    for levers in binding.every(found):
        hashed = binding.lever_hash(levers)
        for template in found.made_by:
            path = candidate_path(project, str(found.id), hashed, template.key, 0)
            rows.append(
                {
                    "binding": hashed,
                    "levers": levers,
                    "engine_key": template.key,
                    "output_kind": template.output_kind,
                    "seed": found.seed,
                    "path": str(path),
                    "on_disk": path.is_file(),
                }
            )
    facts = {"recipe": str(found.id), "bindings": found.bindings, "count": len(rows)}
    return Answer({**facts, "outputs": rows}, lambda console: draw_rows(console, facts, rows))


def candidates(call: Call, recipe: Id) -> Answer:
    """List what was made of a recipe so far: each candidate with its levers and verdict."""
    from ategnatos.art.recipes import origin, shelf
    from ategnatos.grimoire.jobs import database, store

    project = call.project()
    recipe_id, rows = str(shelf.find(project, recipe)), []
    if database.exists(project):
        with database.connect(project) as db:
            found = db.execute("SELECT id FROM job WHERE recipe_id=? ORDER BY id", (recipe_id,))
            jobs = [store.get(db, int(row[0])) for row in found.fetchall()]
            made = [(job, one) for job in jobs for one in store.candidates(db, job.id)]
        for job, one in made:
            made_from = origin.of(job)
            assert made_from is not None, "only a recipe's run writes its id into a job"
            rows.append(
                {
                    "candidate": one.reference,
                    "binding": made_from.binding,
                    "levers": made_from.levers,
                    "engine_key": made_from.engine_key,
                    "child": made_from.child,
                    "seed": one.seed,
                    "concept": origin.is_concept(one),
                    "state": job.state,
                    "verdict": one.verdict,
                    "path": str(project.root / one.path),
                    "sha256": one.sha256,
                }
            )
    return Answer(
        {"recipe": recipe_id, "candidates": rows},
        lambda console: draw_candidates(console, recipe_id, rows),
    )


def diff(
    call: Call,
    before: Annotated[str, typer.Argument(help="One recipe.")],
    after: Annotated[str, typer.Argument(help="The other.")],
) -> Answer:
    """Say every field in which two recipes differ."""
    from ategnatos.art.recipes import shelf
    from ategnatos.art.recipes.versions import differences

    project = call.project()
    one, other = (shelf.read(project, shelf.find(project, text)) for text in (before, after))
    found = differences(one.content, other.content)
    words = "\n".join(f"  {each}" for each in found) or "  nothing that decides a picture differs"
    return Answer(
        {
            "before": str(one.id),
            "after": str(other.id),
            "changes": [each.facts() for each in found],
        },
        f"{one.id} -> {other.id}\n{words}",
    )


def bump(call: Call, recipe: Id, lock: Lock = None) -> Answer:
    """Make the next version of a recipe; the old one stays as it was used."""
    from ategnatos.art.recipes import writing

    project = call.project()
    done = writing.bump(project, recipe, _locked(lock), write=not call.dry_run)
    lines = [
        f"{done.recipe.id} {'would be' if call.dry_run else 'is'} the next version of"
        f" {done.before}:",
        *(f"  {each}" for each in done.changes),
    ]
    if done.restored:
        how = "would be put" if call.dry_run else "was put"
        lines.append(f"The file of {done.before} {how} back to what it said when it was used.")
    return Answer(
        {
            "dry_run": call.dry_run,
            "recipe": str(done.recipe.id),
            "before": str(done.before),
            "changes": [each.facts() for each in done.changes],
            "restored": done.restored,
            "content": done.recipe.content,
        },
        "\n".join(lines),
        () if call.dry_run else (f"ategnatos art run {done.recipe.id} --all --dry-run",),
    )


def self_test(call: Call) -> Answer:
    """Check the check: broken recipes must be refused, a sound one must pass."""
    from ategnatos.art.recipes import checking

    rows = checking.self_test()
    failed = None
    if not all(seen for _, seen, _ in rows):
        failed = StudioError(
            checking.RECIPES_UNSOUND,
            "The check let a broken recipe pass, or refused a sound one.",
            hint="Install the program again: pip install --force-reinstall ategnatos",
        )
    words = "\n".join(
        f"{'seen  ' if seen else 'MISSED'}  {name}: {said}" for name, seen, said in rows
    )
    facts = [{"case": name, "as_expected": seen, "said": said} for name, seen, said in rows]
    return Answer({"cases": facts}, words, failed=failed)


def _paths(project: Project, given: Sequence[str] | None, folder: str) -> list[Path]:
    from ategnatos.art.recipes import shelf

    if not given:
        return sorted((project.grimoire / folder).glob("*.json"))
    return [
        Path(text) if text.endswith(".json") else shelf.path_of(project, shelf.find(project, text))
        for text in given
    ]


def _facts(recipe: Recipe) -> dict[str, Any]:
    return {
        "recipe": str(recipe.id),
        "kind": recipe.kind,
        "about": recipe.about,
        "sha256": recipe.sha256,
        "levers": {name: list(values) for name, values in recipe.levers.items()},
        "bindings": recipe.bindings,
        "outputs": recipe.bindings * len(recipe.made_by),
        "engine_keys": [one.key for one in recipe.made_by],
        "concept_keys": sorted({one.concept for one in recipe.made_by if one.concept}),
        "output_kinds": list(recipe.output_kinds),
        "seed": recipe.seed,
    }


def _made(project: Project, recipe_id: str) -> dict[str, int]:
    """How many jobs of a recipe stand in each state."""
    from ategnatos.grimoire.jobs import database

    if not database.exists(project):
        return {}
    with database.connect(project) as db:
        rows = db.execute(
            "SELECT state, COUNT(*) FROM job WHERE recipe_id=? GROUP BY state ORDER BY state",
            (recipe_id,),
        ).fetchall()
    return {str(row[0]): int(row[1]) for row in rows}


def _lever_values(given: Sequence[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given or ():
        name, _, values = text.partition("=")
        if name in found:
            raise _usage(f"The lever {name!r} is named twice", text)
        found[name.strip()] = [one.strip() for one in values.split(",") if one.strip()]
    return found


def _locked(given: Sequence[str] | None) -> dict[str, Any]:
    """``steps=20``, ``sampler=ddim``, ``palette=["#101010", ...]``; an empty value takes away."""
    found: dict[str, Any] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise _usage(f"{text!r} locks nothing: write FIELD=VALUE", text)
        try:
            found[name.strip()] = json.loads(value) if value.strip() else None
        except ValueError:
            found[name.strip()] = value
    return found


def _usage(what: str, given: str) -> StudioError:
    return StudioError(
        USAGE,
        f"{what}; nothing was written.",
        hint="See the options: ategnatos art recipe new --help",
        given=given,
    )
