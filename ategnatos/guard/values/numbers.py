"""Numbers with bounds: plain digits, nothing that only some readers would call a number."""

from __future__ import annotations

import math
import re

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.shown import shown

NUMBER_INVALID = ErrorCode("number_invalid", "The value is no number within its bounds.")

# No seed, size, count or time of ours is larger; JSON readers keep whole numbers up to here.
LARGEST = 2**53
_WHOLE = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_REAL = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?", re.ASCII)


def parse_whole(
    value: object, *, field: str = "The number", minimum: int = 1, maximum: int = LARGEST
) -> int:
    """A whole number from ``minimum`` to ``maximum``, from digits or an int.

    Refused: signs other than ``-``, spaces, ``1_000``, ``1,000``, ``1e3``, ``1.0``, digits of
    other scripts, true and false. Raises StudioError (``number_invalid``).
    """
    number: int | None = None
    if isinstance(value, str):
        number = int(value) if _WHOLE.fullmatch(value) else None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    if number is None or not minimum <= number <= maximum:
        raise _invalid(value, field, "a whole number", minimum, maximum)
    return number


def parse_real(
    value: object,
    *,
    field: str = "The number",
    minimum: float = 0.0,
    maximum: float = float(LARGEST),
    above_minimum: bool = False,
) -> float:
    """A finite number from ``minimum`` to ``maximum``, written like ``0.75``, or a float or int.

    ``above_minimum`` leaves ``minimum`` itself out. Not for money, which is Decimal. Raises
    StudioError (``number_invalid``).
    """
    number: float | None = None
    if isinstance(value, str):
        number = float(value) if _REAL.fullmatch(value) else None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # A whole number that no float can hold is out of every bound.
        number = float(value) if abs(value) < 2**1000 else None
    if (
        number is None
        or not math.isfinite(number)
        or not minimum <= number <= maximum
        or (above_minimum and number == minimum)
    ):
        words = "a number above the first bound," if above_minimum else "a number"
        raise _invalid(value, field, words, minimum, maximum)
    return number


def _invalid(value: object, field: str, kind: str, minimum: float, maximum: float) -> StudioError:
    return StudioError(
        NUMBER_INVALID,
        f"{field} is {shown(value)}, and it must be {kind} from {minimum:,} to {maximum:,}."
        " Nothing was done.",
        hint="Write plain digits, like 30; no separators, no units.",
        minimum=minimum,
        maximum=maximum,
    )
