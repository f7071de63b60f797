"""What can be locked: a table of kinds, and the one spelling of each name.

Two spellings of one thing would be two locks, and two hands on one GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.hosts import Reach, parse_host
from ategnatos.guard.values.names import parse_id
from ategnatos.guard.values.numbers import parse_whole
from ategnatos.guard.values.shown import shown

RESOURCE_INVALID = ErrorCode("resource_invalid", "The text names nothing that can be locked.")


@dataclass(frozen=True, slots=True)
class Kind:
    """``form`` is shown to people; ``canonical`` turns what follows the colon into one spelling."""

    form: str
    canonical: Callable[[str], str]


def parse_resource(text: str) -> str:
    """The name of a resource in its one spelling.

    ``comfyui:LOCALHOST:8188`` is ``comfyui:127.0.0.1:8188``. Raises StudioError
    (``resource_invalid``, and what the parts raise: ``host_invalid``, ``number_invalid``,
    ``id_invalid``).
    """
    kind, colon, rest = text.partition(":")
    kind = kind.lower()
    if kind not in KINDS or not colon or not rest:
        raise _invalid(text)
    return f"{kind}:{KINDS[kind].canonical(rest)}"


def _server(rest: str) -> str:
    host, colon, port = rest.rpartition(":")
    if not colon:
        raise _invalid(f"comfyui:{rest}")
    found = parse_host(host, field="The host of the lock")
    # One server listens on all names of this machine; which was typed must not matter.
    name = "127.0.0.1" if found.reach is Reach.LOOPBACK else str(found)
    return f"{name}:{parse_whole(port, field='The port of the lock', maximum=65535)}"


def _card(rest: str) -> str:
    provider, colon, card = rest.partition(":")
    if not colon:
        raise _invalid(f"gpu:{rest}")
    return f"{parse_id(provider, field='The provider').lower()}:{parse_id(card, field='The GPU')}"


def _run(rest: str) -> str:
    return parse_id(rest, field="The run")


KINDS: dict[str, Kind] = {
    "comfyui": Kind("comfyui:HOST:PORT", _server),
    "gpu": Kind("gpu:PROVIDER:ID", _card),
    "training": Kind("training:RUN", _run),
}


def _invalid(text: str) -> StudioError:
    forms = ", ".join(kind.form for kind in KINDS.values())
    return StudioError(
        RESOURCE_INVALID,
        f"{shown(text)} names nothing that can be locked. Nothing was done.",
        hint=f"Write one of: {forms}. For example: gpu:local:0",
    )
