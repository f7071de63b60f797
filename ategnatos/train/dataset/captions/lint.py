"""Judge the captions of a dataset: findings, worst first, and the figures behind them.

    judged = lint.judge(protocol.told(version, measured), protocol.wanted(version))

``metrics`` is what ``train dataset audit --json`` shows under ``captions``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from ategnatos.train.dataset.captions import each, together
from ategnatos.train.dataset.captions.findings import (
    SEVERITIES,
    Finding,
    Subject,
    rules,
    style_terms,
)
from ategnatos.train.dataset.captions.protocol import body, phrases, spoken, told, wanted
from ategnatos.train.dataset.captions.tokens import counter_for

if TYPE_CHECKING:
    from ategnatos.train.dataset.captions.protocol import Told, Wanted
    from ategnatos.train.dataset.version import Version


@dataclass(frozen=True, slots=True)
class Judged:
    """``findings`` worst first, in the order of the pictures; ``metrics`` are JSON values."""

    findings: tuple[Finding, ...]
    metrics: dict[str, Any]

    @property
    def errors(self) -> int:
        """How many findings let a training fail or teach something false."""
        return sum(one.severity == "error" for one in self.findings)


def judge(captions: Sequence[Told], like: Wanted) -> Judged:
    """Every finding and figure. Raises StudioError (``tokenizer_unreadable``, ...)."""
    subject = Subject(captions, like, counter_for(like))
    found = [
        *(one for check in together.CHECKS for one in check(subject)),
        *(one for caption in captions for check in each.CHECKS for one in check(subject, caption)),
    ]
    found.sort(key=lambda one: SEVERITIES.index(one.severity))
    return Judged(tuple(found), _metrics(subject, found))


def of_version(
    version: Version, measured: Mapping[str, Mapping[str, float]] | None = None
) -> Judged:
    """The judgement of one version; ``measured`` are facts of the audit by SHA-256."""
    return judge(told(version, measured), wanted(version))


def metrics(
    version: Version, measured: Mapping[str, Mapping[str, float]] | None = None
) -> dict[str, Any]:
    """What the audit shows of the captions: figures, and the findings by their code."""
    judged = of_version(version, measured)
    return {**judged.metrics, "findings": [one.facts() for one in judged.findings]}


def _metrics(subject: Subject, found: Sequence[Finding]) -> dict[str, Any]:
    written = [one for one in subject.told if one.text.strip()]
    counts = [subject.counter.count(one.text) for one in written]
    budget = subject.budget
    contents = [
        one.parts.get("content") or body(one.text, subject.wanted.trigger) for one in written
    ]
    kinds = Counter(together.dialect_of(text) or "unclear" for text in contents)
    vocabulary = Counter(
        word for text in contents for piece in phrases(text) for word in piece.split()
    )
    sides = Counter(side for one in written for side in each.style_sides(one.text))
    trigger = subject.wanted.trigger
    return {
        "pictures": len(subject.told),
        "captioned": len(written),
        "in_parts": sum(
            bool(one.parts.get("content") and one.parts.get("style")) for one in written
        ),
        "trigger": {
            "word": trigger,
            "tokens": subject.counter.count(trigger) if trigger else 0,
            "first": round(together.first_share(subject), 4) if trigger else 0.0,
        },
        "tokens": {
            "counted_by": subject.counter.name,
            "exact": subject.counter.exact,
            "error": subject.counter.error,
            "least": min(counts, default=0),
            "median": median(counts) if counts else 0,
            "most": max(counts, default=0),
            "under_budget": sum(count < budget["least"] for count in counts),
            "over_budget": sum(count > budget["most"] for count in counts),
            "budget": dict(budget),
            "window": subject.counter.window,
        },
        "dialects": dict(sorted(kinds.items())),
        "vocabulary": {"words": vocabulary.total(), "distinct": len(vocabulary)},
        "style_sides": {side: sides[side] for side in rules()["style_terms"]},
        "with_style_terms": sum(bool(spoken(one.text, list(style_terms()))) for one in written),
        "by_severity": {s: sum(one.severity == s for one in found) for s in SEVERITIES},
        "by_code": dict(sorted(Counter(one.code for one in found).items())),
    }
