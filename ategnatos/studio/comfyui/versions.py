"""Version numbers compared by their numbers, and which known holes a version has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.studio.comfyui.facts import Advisory

Version = tuple[int, ...]

_VERSION = re.compile(r"[vV]?(\d{1,6}(?:\.\d{1,6}){0,4})(?:\.?(?:a|b|rc|dev|post)\d*)?(?![\w.])")


def parse(text: str) -> Version | None:
    """``V3.38`` is (3, 38); None where ``text`` begins with no version (a commit's hash)."""
    found = _VERSION.match(text.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else None


def older(version: Version, than: Version) -> bool:
    """Whether ``version`` comes before ``than``; 0.3 and 0.3.0 are the same."""
    length = max(len(version), len(than))
    return _filled(version, length) < _filled(than, length)


def affected(version: Version, fixed: Sequence[str]) -> bool:
    """Whether a hole that was mended in the ``fixed`` versions is still open in ``version``.

    A repair is made once for each release line: 3.39.2 and 4.0.5 leave 4.0.1 open and 3.40 not.
    """
    repairs = sorted(found for text in fixed if (found := parse(text)))
    same_line = [one for one in repairs if one[0] == version[0]]
    if same_line:
        return older(version, same_line[-1])
    return bool(repairs) and older(version, repairs[-1])


def holes(package: str, text: str, advisories: Sequence[Advisory]) -> list[Advisory]:
    """The advisories for ``package`` that a version written as ``text`` still has.

    A text that is no version has none: what is not known is not claimed.
    """
    version = parse(text)
    if version is None:
        return []
    return [a for a in advisories if a.package == package and affected(version, a.fixed)]


def _filled(version: Version, length: int) -> Version:
    return version + (0,) * (length - len(version))
