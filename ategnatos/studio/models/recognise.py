"""What a model file is: its kind and family, from tensor names, shapes and what it states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ategnatos.knowledge import loader
from ategnatos.studio.comfyui.facts import Fact

if TYPE_CHECKING:
    from ategnatos.guard.values.tensor_header import Header


class KindRule(Fact):
    """Every pattern of ``has`` is in some name; ``most``: no more tensors than that."""

    kind: str
    has: list[str]
    most: int | None = None


class FamilyRule(Fact):
    """As :class:`KindRule`, for files of one of ``kinds``.

    ``shape``: the first tensor whose name matches ``of`` has the length ``is`` along ``axis``.
    """

    family: str
    kinds: list[str]
    has: list[str]
    shape: dict[str, str | int] | None = None


class Signatures(Fact):
    """``model_signatures``."""

    kinds: list[KindRule]
    families: list[FamilyRule]
    stated: dict[str, str]
    names: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Known:
    """``kind`` and ``family`` "" where nothing fits; ``how`` the family was told: ``tensors``,
    ``metadata`` (it states so) or ``name`` (only its file name says so).
    """

    kind: str
    family: str
    how: str


def recognise(header: Header, file_name: str = "") -> Known:
    """What the file is. Reads no weights."""
    known = _signatures()
    names = "\n".join(header.tensors)
    kind = next(
        (rule.kind for rule in known.kinds if _fits(rule.has, names)
         and (rule.most is None or len(header.tensors) <= rule.most)), ""
    )  # fmt: skip
    family, how = _stated(header, known), "metadata"
    if not family:
        how = "tensors"
        family = next(
            (rule.family for rule in known.families if _is(rule, kind, names, header)), ""
        )
    # Fine-tunes of one base have the same tensors: only a name tells them apart.
    for part, derived in known.names.get(family, {}).items():
        if part in file_name.lower():
            return Known(kind, derived, "name")
    return Known(kind, family, how if family else "")


def _stated(header: Header, known: Signatures) -> str:
    keys = ("ss_base_model_version", "modelspec.architecture")
    said = " ".join(header.metadata.get(key, "") for key in keys).lower()
    return next((family for part, family in known.stated.items() if part in said), "")


def _is(rule: FamilyRule, kind: str, names: str, header: Header) -> bool:
    if kind not in rule.kinds or not _fits(rule.has, names):
        return False
    if rule.shape is None:
        return True
    pattern = re.compile(str(rule.shape["of"]))
    axis, length = int(rule.shape["axis"]), int(rule.shape["is"])
    found = next((t for name, t in header.tensors.items() if pattern.search(name)), None)
    return found is not None and len(found.shape) > axis and found.shape[axis] == length


def _fits(patterns: list[str], names: str) -> bool:
    return all(re.search(pattern, names, re.MULTILINE) for pattern in patterns)


@cache
def _signatures() -> Signatures:
    return loader.load("model_signatures", Signatures)
