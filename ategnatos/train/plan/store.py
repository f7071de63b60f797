"""The record of plans: make one from a preset, change it, read a version, list what there is.

A version never changes: every change makes the next one, and a change that changes nothing makes
none. Journal: ``plan.version``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.content import check_name
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.plan import presets
from ategnatos.trainers.plan import Plan, read

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.plans import PlanRow

PLAN_UNKNOWN = ErrorCode("plan_unknown", "There is no training plan or version of that name.")
PLAN_EXISTS = ErrorCode("plan_exists", "There is a training plan of that name already.")

VERSION_EVENT = "plan.version"

# Of a long list of changes, so many are told in one sentence.
_TOLD = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """One version of a plan as it stands in the record. ``chosen``: values somebody set."""

    plan: Plan
    number: int
    versions: int
    at: str
    actor: str
    because: str
    chosen: tuple[str, ...]

    @property
    def name(self) -> str:
        """The plan's name."""
        return self.plan.name

    @property
    def digest(self) -> str:
        """What a gate or a run is bound to."""
        return self.plan.digest()


def load(project: Project, name: str, version: int | None = None) -> Kept:
    """One version of a plan, by default the newest. Raises StudioError (``plan_unknown``)."""
    row = documents.read(project, "plans").find(name)
    if row is None:
        raise _unknown(project, name)
    return _kept(row, version)


def every(project: Project) -> list[Kept]:
    """The newest version of every plan, in the order in which they were made."""
    return [_kept(row, None) for row in documents.read(project, "plans").plans]


def new(
    project: Project,
    name: str,
    *,
    family: str,
    preset: str,
    dataset: tuple[str, int, str],
    values: dict[str, Any],
    actor: str,
    now: datetime,
    chosen: tuple[str, ...] | None = None,
    because: str = "",
) -> Kept:
    """Make a plan as :func:`draft` and keep it. ``chosen`` are those of ``values`` that somebody
    set (default: all), ``because`` what it is for. Raises StudioError as :func:`draft` and
    :func:`bound`, and ``plan_exists``.
    """
    made = bound(project, draft(name, family=family, preset=preset, dataset=dataset, values=values))
    with documents.edit(project, "plans", now=now) as document:
        if document.find(name) is not None:
            raise StudioError(
                PLAN_EXISTS,
                f"There is a plan called {name!r} already; nothing was changed.",
                hint=f"Change it with 'ategnatos train plan set {name} ...', or take another name.",
                plan=name,
            )
        marked = sorted(values if chosen is None else chosen)
        _add(project, document, made, marked, actor, because or f"preset {preset}", now)
    return load(project, name)


def draft(
    name: str, *, family: str, preset: str, dataset: tuple[str, int, str], values: dict[str, Any]
) -> Plan:
    """The plan of ``preset`` for ``family``; ``dataset`` is its name, version and digest.

    ``values`` count before the preset's. Raises StudioError: ``name_invalid``,
    ``preset_unknown``, ``plan_invalid``.
    """
    base: dict[str, Any] = {
        "name": check_name(name, "name of the plan"),
        "preset": preset,
        "family": family,
        "dataset": dataset[0],
        "dataset_version": dataset[1],
        "dataset_digest": dataset[2],
        **presets.values(family, preset),
    }
    return read(_settled(base, values))


def change(
    project: Project,
    name: str,
    values: dict[str, Any],
    *,
    actor: str,
    because: str,
    now: datetime,
    chosen: tuple[str, ...] | None = None,
) -> Kept:
    """Set ``values``; the same values again make no version. ``chosen`` are those that somebody
    set (default: all). Raises StudioError
    (``plan_unknown``, ``plan_invalid``, and as :func:`bound`).
    """
    with documents.edit(project, "plans", now=now) as document:
        row = document.find(name)
        if row is None:
            raise _unknown(project, name)
        before = _kept(row, None)
        made = changed(before.plan, values)
        # A plan from before prior versions were named stays as it is where nothing is changed.
        if made.digest() != before.digest or "regularisation_version" in values:
            made = bound(project, made)
        if made.digest() != before.digest:
            marked = sorted({*before.chosen, *(values if chosen is None else chosen)})
            _add(project, document, made, marked, actor, because, now)
    return load(project, name)


def changed(plan: Plan, values: dict[str, Any]) -> Plan:
    """The plan with ``values``; nothing is kept. Raises StudioError (``plan_invalid``).

    Other prior pictures name no version yet: :func:`bound` gives them one.
    """
    named = values.get("regularisation", plan.regularisation) == plan.regularisation
    fresh = {} if named else {"regularisation_version": 0, "regularisation_digest": ""}
    return read(_settled({**plan.facts(), **fresh}, values))


def bound(project: Project, plan: Plan) -> Plan:
    """The plan with the version of its prior pictures named, by default their newest, and with the
    digest of that version; nothing is kept.

    Raises StudioError (``dataset_unknown``, ``dataset_damaged``).
    """
    from ategnatos.train.dataset import record

    if not plan.regularisation:
        found = (0, "")
    else:
        version = record.load(project, plan.regularisation, plan.regularisation_version or None)
        found = (version.number, version.digest())
    return plan.change(regularisation_version=found[0], regularisation_digest=found[1])


def differences(first: Plan, second: Plan) -> dict[str, tuple[Any, Any]]:
    """Every value that differs: what it was, what it is."""
    one, other = first.facts(), second.facts()
    return {name: (one[name], other[name]) for name in other if one[name] != other[name]}


def since(project: Project, kept: Kept, digest: str) -> str:
    """What differs in the plan since the newest of its versions with ``digest``, for the end of a
    sentence (``: rank 8 -> 16``); "" where none has it.
    """
    from ategnatos.train.plan.fields import shown

    row = documents.read(project, "plans").find(kept.name)
    then = [one for one in row.versions if one.digest == digest] if row else []
    if not then:
        return ""
    told = [
        f"{name} {shown(was)} -> {shown(now)}"
        for name, (was, now) in differences(read(then[-1].plan), kept.plan).items()
        if not name.endswith("_digest")
    ]
    more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return f": {', '.join(told[:_TOLD])}{more}" if told else ""


# Setting one of a pair clears the other: nobody means both.
_PAIRS = (
    ("epochs", "steps"),
    ("save_every_epochs", "save_every_steps"),
    ("sample_every_epochs", "sample_every_steps"),
)


def _settled(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    made = {**base, **values}
    for one, other in _PAIRS:
        for given, cleared in ((one, other), (other, one)):
            if values.get(given) and cleared not in values:
                made[cleared] = 0
    return made


def _add(
    project: Project,
    document: Any,
    made: Plan,
    chosen: list[str],
    actor: str,
    because: str,
    now: datetime,
) -> None:
    from ategnatos.grimoire.schemas.plans import PlanRow, PlanVersionRow

    row = document.find(made.name)
    entry = PlanVersionRow(
        number=row.versions[-1].number + 1 if row else 1,
        digest=made.digest(),
        at=now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        actor=actor,
        because=because,
        plan=made.facts(),
        chosen=chosen,
    )
    if row is None:
        document.plans = [*document.plans, PlanRow(name=made.name, versions=[entry])]
    else:
        row.versions = [*row.versions, entry]
    journal.append(
        project,
        VERSION_EVENT,
        actor=actor,
        references={"plan": made.name, "version": entry.number, "digest": entry.digest},
        data={"because": because},
        now=now,
    )


def _kept(row: PlanRow, version: int | None) -> Kept:
    wanted = next(
        (one for one in row.versions if one.number == version),
        row.versions[-1] if version is None else None,
    )
    if wanted is None:
        raise StudioError(
            PLAN_UNKNOWN,
            f"The plan {row.name!r} has no version {version}; nothing was done.",
            hint=f"It has the versions 1 to {row.versions[-1].number}.",
            plan=row.name,
        )
    return Kept(
        read(wanted.plan),
        wanted.number,
        len(row.versions),
        wanted.at,
        wanted.actor,
        wanted.because,
        tuple(wanted.chosen),
    )


def _unknown(project: Project, name: str) -> StudioError:
    known = [one.name for one in documents.read(project, "plans").plans]
    return StudioError(
        PLAN_UNKNOWN,
        f"There is no plan called {name[:80]!r}; nothing was done.",
        hint=f"The plans are: {', '.join(known)}."
        if known
        else "Make one with 'ategnatos train plan new NAME --dataset DATASET --family FAMILY'.",
        known=known,
    )
