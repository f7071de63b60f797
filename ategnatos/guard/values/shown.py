"""How a refused value is shown in a message: short, on one line, with nothing invisible."""

from __future__ import annotations

LONGEST = 60


def shown(value: object) -> str:
    """``value`` as a Python literal of at most about 60 characters, the rest as an ellipsis."""
    if isinstance(value, str) and len(value) > LONGEST:
        # Cut first: the literal of a megabyte is not worth making.
        return ascii(value[: LONGEST - 1]) + "..."
    text = ascii(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
    return text if len(text) <= LONGEST + 2 else text[:LONGEST] + "..."


def shown_url(text: str) -> str:
    """As :func:`shown`, for a URL: what stands before an ``@`` may be a password: left out."""
    before, at, after = text.rpartition("@")
    return shown(f"***@{after}" if at and before else text)
