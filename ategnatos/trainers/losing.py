"""The loss report: what a translation could not say, gathered while it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.trainers import TRAINER_CANNOT, Loss, Trainer

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan


class Losses:
    """Collects losses of one plan. A value that nobody asked for is no loss: the plan's own
    default, where it means "nothing", is passed over by the callers.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._facts = plan.facts()
        self._found: dict[str, Loss] = {}

    def dropped(self, field: str, why: str, gets: str = "nothing") -> None:
        """The trainer does not do it at all."""
        self._found[field] = Loss(field, "dropped", self._asked(field), gets, why)

    def approximated(self, field: str, gets: Any, why: str) -> None:
        """The trainer does it in another way."""
        self._found[field] = Loss(field, "approximated", self._asked(field), _text(gets), why)

    def fixed(self, field: str, gets: Any, why: str) -> None:
        """The trainer cannot be told otherwise."""
        self._found[field] = Loss(field, "fixed", self._asked(field), _text(gets), why)

    def all(self) -> tuple[Loss, ...]:
        """Every loss, by field."""
        return tuple(self._found[field] for field in sorted(self._found))

    def _asked(self, field: str) -> str:
        return _text(self._facts.get(field))


def cannot(trainer: Trainer, plan: Plan, why: str, then: str) -> StudioError:
    """The refusal of a plan that no loss report could save."""
    return StudioError(
        TRAINER_CANNOT,
        f"{trainer.name} cannot train the plan {plan.name!r}: {why}. Nothing was written.",
        hint=then,
        trainer=trainer.name,
        plan=plan.name,
        why=why,
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return f"{len(value)} prompts"
    return str(value)
