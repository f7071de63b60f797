"""From a recipe and levers to outputs: what would be made, where, with which seed, by which engine.

Pure but for reading the files that a recipe names (LoRAs, a workflow): nothing is written, and an
engine is asked for a plan, never for a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import order as orders
from ategnatos.art.recipes import binding, files
from ategnatos.art.recipes.fields import REQUEST_FIELDS
from ategnatos.art.recipes.origin import Origin
from ategnatos.art.recipes.templates import fill
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.art.order import Order
    from ategnatos.art.recipes.model import Recipe, Template
    from ategnatos.art.recipes.vocabulary import EngineKey, Vocabulary
    from ategnatos.engines import Engine, LoraUse, Request
    from ategnatos.grimoire.project import Project

RECIPE_CANNOT = ErrorCode("recipe_cannot", "The recipe asks an engine for what it has not.")

# More than this in one command is a slip of the hand, and a bill to match.
MOST_OUTPUTS = 1000


@dataclass(frozen=True, slots=True)
class Output:
    """One picture to be: ``order`` is its request with its identity, ``origin`` whose it is.

    ``concept`` is the order of the picture that a person approves first, None where no such step
    comes before it. ``engine`` is the engine that makes the final one.
    """

    engine: Engine
    order: Order
    origin: Origin
    concept: Order | None = None

    @property
    def seed(self) -> int:
        """The effective seed: the recipe's and the child's index together."""
        return self.order.request.seed

    def path(self, project: Project) -> Path:
        """Where its picture lies, or will."""
        from ategnatos.grimoire.content import candidate_path

        one = self.origin
        return candidate_path(project, one.recipe_id, one.binding, one.engine_key, one.child)


# Adds what the caller's taste says to a request: (request, why, for the record), as the eye does.
Season = Callable[["Engine", "Request"], "tuple[Request, dict[str, Any] | None]"]
EngineOf = Callable[[str], "Engine"]


def chosen(recipe: Recipe, on: Iterable[str]) -> tuple[Template, ...]:
    """The templates to run: all that make an output, or those whose engine keys are named.

    Raises StudioError (``recipe_cannot``).
    """
    wanted = tuple(on)
    made_by = {one.key: one for one in recipe.made_by}
    for key in wanted:
        if key not in made_by:
            raise StudioError(
                RECIPE_CANNOT,
                f"{recipe.id} has no output by the engine key {key!r}; nothing was made.",
                hint=f"Its outputs are by: {', '.join(made_by)}.",
                known=list(made_by),
            )
    return tuple(one for key, one in made_by.items() if not wanted or key in wanted)


def plan(
    project: Project,
    recipe: Recipe,
    words: Vocabulary,
    bindings: Iterable[Mapping[str, str]],
    *,
    concepts: int,
    on: Iterable[str],
    engine_of: EngineOf,
    season: Season,
) -> list[Output]:
    """Every output in the order of its binding, child and engine key; nothing is written.

    Raises StudioError (``recipe_cannot``, what an engine refuses, what the eye refuses).
    """
    templates, rows = chosen(recipe, on), [dict(one) for one in bindings]
    count = len(rows) * len(templates) * concepts
    if concepts < 1 or count > MOST_OUTPUTS:
        raise StudioError(
            RECIPE_CANNOT,
            f"That is {count} outputs; one command makes 1 to {MOST_OUTPUTS}. Nothing was made.",
            hint="Sweep fewer levers, or ask for fewer --concepts.",
            outputs=count,
        )
    if recipe.seed + concepts > orders.SEED_LIMIT:
        raise StudioError(
            RECIPE_CANNOT,
            f"The last of {concepts} concepts would have a seed past {orders.SEED_LIMIT - 1}:"
            f" {recipe.id} begins at {recipe.seed}. Nothing was made.",
            hint="Ask for fewer --concepts.",
            seed=recipe.seed,
        )
    planner = _Planner(project, recipe, words, engine_of, season)
    return [
        planner.output(template, levers, child)
        for levers in rows
        for child in range(concepts)
        for template in templates
    ]


class _Planner:
    """Plans each binding and engine key once; its children differ in their seed alone."""

    def __init__(
        self,
        project: Project,
        recipe: Recipe,
        words: Vocabulary,
        engine_of: EngineOf,
        season: Season,
    ) -> None:
        self._project = project
        self._recipe = recipe
        self._words = words
        self._engine_of = engine_of
        self._season = season
        self._engines: dict[str, Engine] = {}
        self._planned: dict[tuple[str, str], Order] = {}

    def output(self, template: Template, levers: dict[str, str], child: int) -> Output:
        recipe, key = self._recipe, self._words.engine_keys[template.key]
        hashed = binding.lever_hash(levers)
        order = self._order(template, levers, hashed, child)
        concept, before = None, None
        if template.concept is not None:
            before = recipe.templates[template.concept]
            concept = self._order(before, levers, hashed, child)
            self._check_reads(template, key)
        origin = Origin(
            str(recipe.id),
            recipe.sha256,
            hashed,
            levers,
            template.key,
            template.output_kind,
            child,
            "" if before is None else before.key,
            "" if before is None else self._words.engine_keys[before.key].engine,
            tuple(recipe.locked["palette"]) if recipe.palette_enforced else (),
        )
        identity = binding.output_identity(str(recipe.id), levers, template.key, child)
        whole = replace(order, recipe_id=str(recipe.id), base=hashed, take=child, binding=identity)
        return Output(self._engine(key), whole, origin, concept)

    def _order(
        self, template: Template, levers: Mapping[str, str], hashed: str, child: int
    ) -> Order:
        known = self._planned.get((template.key, hashed))
        seed = self._recipe.seed + child
        if known is None:
            engine = self._engine(self._words.engine_keys[template.key])
            request, taste = self._season(engine, self.request(template, levers))
            order = orders.plan(engine, request, explicit_seed=seed)
            known = self._planned[template.key, hashed] = replace(order, taste=taste)
        moved = replace(known.request, seed=seed)
        return replace(known, request=moved, canonical=orders.canonical(moved))

    def request(self, template: Template, levers: Mapping[str, str]) -> Request:
        """What the engine is asked, before its own defaults; the seed is not in it."""
        from ategnatos.engines import Request

        key = self._words.engine_keys[template.key]
        said = fill(self._recipe, levers, template.texts)
        for name in key.further or ():
            if name in said:
                raise self._cannot(template, f"nothing takes its field {name!r} to the engine")
        asked: dict[str, Any] = {
            REQUEST_FIELDS[name]: value for name, value in template.locked.items()
        }
        asked["loras"] = tuple(self._lora(one) for one in asked.get("loras", ()))
        if key.negative in said:
            asked["negative"] = said[key.negative]
        if key.family and "family" not in asked:
            asked["family"] = key.family
        if key.model and "model" not in asked:
            asked["model"] = key.model
        workflow = said.get(key.workflow) if key.workflow else None
        if workflow is not None:
            asked["workflow"] = self._workflow(template, workflow)
        return Request(said[key.prompt], 0, 1, **asked)

    def _engine(self, key: EngineKey) -> Engine:
        if key.engine not in self._engines:
            self._engines[key.engine] = self._engine_of(key.engine)
        return self._engines[key.engine]

    def _check_reads(self, template: Template, key: EngineKey) -> None:
        if not self._engine(key).capabilities().image_to_image:
            raise self._cannot(
                template, f"the engine {key.engine} starts from no picture, so a concept is no use"
            )

    def _lora(self, facts: Mapping[str, Any]) -> LoraUse:
        from ategnatos.art.inputs import parse_lora

        path = files.path_of(self._project, str(facts["name"]))
        use = parse_lora(str(path))
        wanted = facts.get("sha256")
        if wanted is not None and use.sha256 != wanted:
            raise StudioError(
                RECIPE_CANNOT,
                f"{self._recipe.id} locks the LoRA {facts['name']} by its hash"
                f" ({str(wanted)[:16]}), and the file is another ({use.sha256[:16]}). Nothing was"
                " made.",
                hint="Bring the right file back, or lock the new one in a version of its own:"
                f" ategnatos art recipe bump {self._recipe.id}",
                found=use.sha256,
            )
        weight = float(facts.get("strength_model", 1.0))
        clip = facts.get("strength_clip")
        return replace(use, weight=weight, clip_weight=None if clip is None else float(clip))

    def _workflow(self, template: Template, name: str) -> str:
        from ategnatos.art.inputs import read_workflow

        if fill(self._recipe, dict.fromkeys(self._recipe.levers, ""), name) != name:
            raise self._cannot(template, "the name of a workflow has no levers in it")
        return read_workflow(files.path_of(self._project, name))

    def _cannot(self, template: Template, why: str) -> StudioError:
        return StudioError(
            RECIPE_CANNOT,
            f"{self._recipe.id} cannot be made by {template.key}: {why}. Nothing was made.",
            hint=f"See the recipe: ategnatos art recipe show {self._recipe.id}",
            engine_key=template.key,
        )
