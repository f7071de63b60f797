"""Exact amounts: Decimal where people and vendors meet them, whole millionths in the database.

A float never holds money here. A ledger is named by its unit: ``usd``, or a vendor's own unit
that has no exchange rate (``pixellab-generations``); both are kept to six decimal places.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

USD = "usd"
PLACES = 6
MILLION = 10**PLACES
# Beyond this a number is a slip of the finger; it also keeps every sum inside 64 bits.
LARGEST = Decimal(1_000_000)


def millionths(amount: Decimal) -> int:
    """``amount`` as whole millionths, rounded up: what is owed is never understated.

    Raises ValueError for what is no amount: negative, not finite, or beyond ``LARGEST``.
    """
    if not amount.is_finite() or amount.is_signed() or amount > LARGEST:
        raise ValueError(f"{amount} is no amount between 0 and {LARGEST:f}")
    return int(amount.scaleb(PLACES).to_integral_value(rounding=ROUND_CEILING))


def decimal(amount: int) -> Decimal:
    """Whole millionths as the Decimal they are."""
    return Decimal(amount).scaleb(-PLACES)


def plain(amount: int) -> str:
    """Millionths as a number in text, at least two places: ``3.00``, ``0.0085``."""
    whole, rest = divmod(abs(amount), MILLION)
    places = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}{whole}.{places}"


def spoken(amount: int, unit: str = USD) -> str:
    """For people: ``3.00 USD``, ``20 pixellab-generations``."""
    if unit == USD:
        return f"{plain(amount)} USD"
    number = plain(amount)
    return f"{number.removesuffix('.00')} {unit}"


def of_rate(rate_per_hour: int, seconds: float) -> int:
    """What ``seconds`` at ``rate_per_hour`` cost: started minutes are paid, fractions go up."""
    if seconds <= 0:
        return 0
    minutes = -int(-seconds // 60)
    return -(-rate_per_hour * minutes // 60)
