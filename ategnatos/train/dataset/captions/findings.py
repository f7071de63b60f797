"""What the linter of captions finds, in the words of ``caption_rules.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ategnatos.knowledge import loader

if TYPE_CHECKING:
    from ategnatos.train.dataset.captions.protocol import Told, Wanted
    from ategnatos.train.dataset.captions.tokens import Counter

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth saying about one caption, or about several (``pictures``).

    ``said`` are the words that it is about. ``means`` says what it does to the training,
    ``edit`` what to do.
    """

    code: str
    severity: str
    pictures: tuple[str, ...]
    said: str
    means: str
    edit: str

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "pictures": list(self.pictures)}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: the captions, what they should be like, and how tokens are counted."""

    told: Sequence[Told]
    wanted: Wanted
    counter: Counter

    @property
    def budget(self) -> Mapping[str, int]:
        """The limits in tokens for this dataset's dialect or model."""
        budgets: Mapping[str, Mapping[str, int]] = rules()["budgets"]
        return budgets.get(self.wanted.family) or budgets[self.wanted.dialect]


@cache
def rules() -> Mapping[str, Any]:
    """The tables of ``caption_rules.json``. Raises StudioError (``knowledge_broken``)."""
    return loader.read("caption_rules").content


@cache
def style_terms() -> Mapping[str, str]:
    """Every term of technique with the side of it that it tells: medium, line, ..."""
    return {term: side for side, terms in rules()["style_terms"].items() for term in terms}


def finding(code: str, pictures: Sequence[str], said: str = "", **values: object) -> Finding:
    """A finding in the words of the data file."""
    rule = rules()["rules"][code]
    filled = {"said": said, **values}
    return Finding(
        code,
        rule["severity"],
        tuple(pictures),
        said,
        rule["means"].format(**filled),
        rule["edit"].format(**filled),
    )
