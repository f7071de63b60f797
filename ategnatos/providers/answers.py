"""What every adapter makes of an answer that is no good: a refusal, silence, an unknown end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.budget.teardown import Ending, Look, Outcome, Presence
from ategnatos.providers import PROVIDER_REFUSED, PROVIDER_SILENT
from ategnatos.providers.values import Instance, Kind, State
from ategnatos.providers.web import Answer, NoAnswer

HINTS = {
    Kind.AUTH: "Give a key that may do this: ategnatos studio secrets set {secret}",
    Kind.BALANCE: "Put money on the account at the provider's own page, then try again.",
    Kind.QUOTA: "The account's own limit is reached: ask the provider to raise it, or end a"
    " machine: ategnatos studio provider status",
    Kind.CAPACITY: "Take another offer: ategnatos studio provider offers",
    Kind.BUSY: "Wait a little and run the same command again.",
    Kind.BLOCKED: "Something between here and the provider answered instead of it. Try from"
    " another network, or later.",
    Kind.REQUEST: "Look at the words above; asking again changes nothing.",
}


def refused(label: str, secret: str, kind: Kind, said: str, wait: float | None) -> StudioError:
    """A question that the provider refused."""
    pause = "" if wait is None else f" It may be asked again in {wait:g} seconds."
    return StudioError(
        PROVIDER_REFUSED,
        f"{label} refused ({kind.value}): {said}.{pause} Nothing was changed.",
        hint=HINTS[kind].format(secret=secret),
        kind=kind.value,
        wait=wait,
    )


def silent(label: str, said: str) -> StudioError:
    """A question that nobody answered clearly."""
    return StudioError(
        PROVIDER_SILENT,
        f"{label} gave no clear answer ({said}). Nothing was changed, and nothing is known: what"
        " was rented there counts as billing.",
        hint="Check the network and the provider's status page, then run the same command again.",
        kind="silent",
    )


def unclear(label: str, answer: Answer) -> NoReturn:
    """Raise for an answer that is not of the shape that the provider promises."""
    raise silent(label, f"status {answer.status}: {answer.text or 'an empty answer'}")


def ending_unknown(error: NoAnswer) -> Ending:
    """What to say of an order that may or may not have arrived."""
    if not error.sent:
        return Ending(Outcome.UNKNOWN, f"it was not asked: {error}")
    return Ending(Outcome.UNKNOWN, f"asked, and no answer came: {error}")


def observe(
    get: Callable[[], Instance | None], listed: Callable[[], Sequence[Instance]], resource: str
) -> Look:
    """Absent only where both the machine's own page and the list do without it."""
    try:
        one = get()
        if one is not None and one.state is not State.TERMINATED:
            return Look(Presence.PRESENT, one.raw or one.state.value)
        if any(other.id == resource for other in listed()):
            return Look(Presence.PRESENT, "still in the list")
    except StudioError as error:
        return Look(Presence.UNKNOWN, error.message)
    return Look(Presence.ABSENT, "not found, and not in the list")


def money(value: Any) -> Decimal | None:
    """A number of the provider's JSON as exact dollars; None where it is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found >= 0 else None


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e18 else None


def text(value: Any) -> str:
    """A string as one printable line, anything else as nothing."""
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value)[:500].strip()


def moment(value: Any) -> datetime | None:
    """An ISO time, or seconds since 1970, as an aware time; None where it is neither."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def oldest_first(found: list[Instance]) -> list[Instance]:
    """By the start that the provider says; what says none comes last."""
    last = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda one: (one.started or last, one.id))
