"""What each value of a plan means in plain words, what it may be, and why it is as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.plan import presets
from ategnatos.trainers.plan import Plan

if TYPE_CHECKING:
    from ategnatos.train.plan.store import Kept

PLAN_FIELD = ErrorCode("plan_field", "A value for a plan was not understood.")


class Words(BaseModel):
    """``means`` what it is, ``why`` one chooses it, ``wrong`` what happens, ``ask`` the question
    where a person should be asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str
    means: str
    why: str
    wrong: str
    ask: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: dict[str, str]
    fields: dict[str, Words]


@dataclass(frozen=True, slots=True)
class Explained:
    """One value of one plan with its words. ``because`` says where the value comes from."""

    name: str
    group: str
    value: Any
    because: str
    words: Words


@cache
def _file() -> _File:
    from ategnatos.knowledge import loader

    return loader.load("plan_fields", _File)


def groups() -> dict[str, str]:
    """The groups of values with their titles, in order."""
    return dict(_file().groups)


def words() -> dict[str, Words]:
    """The words of every value, in order."""
    return dict(_file().fields)


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of a plan."""
    return Plan.model_json_schema()


def described(*, asked_only: bool = False) -> list[dict[str, Any]]:
    """Every value for an agent: its words, its type, what it may be, its default."""
    made = schema()
    return [
        {
            "name": name,
            "group": said.group,
            "question": said.ask,
            "means": said.means,
            "why": said.why,
            "wrong": said.wrong,
            "required": name in made["required"],
            **_kind(made, made["properties"][name]),
        }
        for name, said in words().items()
        if said.ask or not asked_only
    ]


def explain(kept: Kept) -> Iterator[Explained]:
    """Every value of a plan with why it is so."""
    plan = kept.plan
    facts = plan.facts()
    try:
        origin = presets.origins(plan.family, plan.preset)
    except StudioError:  # a plan of a family or preset that is no longer known keeps its values
        origin = {}
    for name, said in words().items():
        if name in kept.chosen:
            because = "chosen by you"
            if name in origin and origin[name][0] != facts[name]:
                because += f"; {plan.preset} has {shown(origin[name][0])}"
        elif name in origin:
            because = origin[name][1]
        else:
            because = ""
        yield Explained(name, said.group, facts[name], because, said)


_ANOTHER = "A plan keeps it; 'ategnatos train plan new' makes another plan."
_VERSION = "Say it with --dataset-version N, or newest; the plan takes the hash by itself."
_PRIOR = "Say it with --regularisation-version N, or newest; the plan takes the hash by itself."
# What is said in another way than NAME=VALUE, and how.
_NOT_SET = {
    "name": _ANOTHER, "preset": _ANOTHER, "dataset": _ANOTHER,
    "dataset_version": _VERSION, "dataset_digest": _VERSION,
    "regularisation_version": _PRIOR, "regularisation_digest": _PRIOR,
}  # fmt: skip


_WORDS = {"yes": True, "no": False}


def parse(pairs: list[str]) -> dict[str, Any]:
    """``rank=16 optimizer=adamw`` as values. What is no JSON is text.

    Raises StudioError (``plan_field``) for an unknown name or no ``=``.
    """
    import difflib
    import json

    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in words() or name in _NOT_SET:
            close = difflib.get_close_matches(name, list(words()), n=1)
            raise StudioError(
                PLAN_FIELD,
                f"{pair[:80]!r} sets no value of a plan; nothing was changed."
                + (f" Did you mean {close[0]}=...?" if close and close[0] != name else ""),
                hint=_NOT_SET.get(name)
                or "Write NAME=VALUE; 'ategnatos train plan fields' lists the names.",
                given=pair[:80],
            )
        kind = schema()["properties"][name]
        if kind.get("type") == "string" or "enum" in kind:
            found[name] = text
            continue
        if kind.get("type") == "boolean" and text.strip().lower() in _WORDS:
            # As 'plan show' and 'plan fields' write it.
            found[name] = _WORDS[text.strip().lower()]
            continue
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
        if name == "samples":
            found[name] = _prompts(found[name])
    return found


def _prompts(said: Any) -> Any:
    """``samples='a cat'`` and ``samples=["a cat", "a dog"]`` as the plan keeps them."""
    if isinstance(said, str):
        return [{"prompt": said}] if said.strip() else []
    if isinstance(said, list):
        return [{"prompt": one} if isinstance(one, str) else one for one in said]
    return said


def version_number(text: str) -> int | None:
    """A dataset's version; None for ``newest``. Raises StudioError (``plan_field``)."""
    said = text.strip().lower()
    if said == "newest":
        return None
    if said.isascii() and said.isdigit() and int(said):
        return int(said)
    raise StudioError(
        PLAN_FIELD,
        f"{text[:40]!r} is no version of a dataset; nothing was changed.",
        hint="Give its number, or 'newest'.",
        given=text[:40],
    )


def prior_version(plan: Plan, given: dict[str, Any], text: str) -> dict[str, Any]:
    """``text`` (a number, or ``newest``) as the version of the prior pictures that ``given`` or
    else ``plan`` names; 0 is the newest. Raises StudioError (``plan_field``).
    """
    if not given.get("regularisation", plan.regularisation):
        raise StudioError(
            PLAN_FIELD,
            f"The plan {plan.name!r} names no prior pictures, so they have no version; nothing was"
            " changed.",
            hint=f"ategnatos train plan set {plan.name} regularisation=DATASET",
            plan=plan.name,
        )
    return {"regularisation_version": version_number(text) or 0}


def nothing_given(name: str) -> StudioError:
    """The refusal of a change without a value."""
    return StudioError(
        PLAN_FIELD,
        f"No value for the plan {name!r} is given; nothing was changed.",
        hint=f"ategnatos train plan set {name} rank=16; 'ategnatos train plan fields' lists them.",
        plan=name,
    )


def shown(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return f"{len(value)} prompts" if len(value) != 1 else "1 prompt"
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items()) or "none"
    return str(value) if value not in ("", None) else "none"


def _kind(made: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": given.get("type", "text"), "default": given.get("default")}
    if given is made["properties"]["preset"]:
        kind["choices"] = list(presets.known().presets)
    if "enum" in given:
        kind["choices"] = given["enum"]
    for key, ours in (("minimum", "least"), ("exclusiveMinimum", "above"), ("maximum", "most")):
        if key in given:
            kind[ours] = given[key]
    if "exclusiveMaximum" in given:
        kind["below"] = given["exclusiveMaximum"]
    if given.get("items"):
        reference = str(given["items"].get("$ref", "")).rsplit("/", 1)[-1]
        kind["items"] = sorted(made.get("$defs", {}).get(reference, {}).get("properties", {}))
    return kind
