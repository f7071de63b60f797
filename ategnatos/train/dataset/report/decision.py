"""GO or NO-GO, with the reasons: what stops a training, and what only makes it poorer.

A reason ``stops`` where the training would fail, teach something false, or be forbidden; everything
else is said and left to the person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.train.dataset import rights
from ategnatos.train.dataset.audit.meanings import MEANINGS
from ategnatos.train.dataset.captions.fixes import LOOK_AGAIN
from ategnatos.train.dataset.report import GO, NO_GO

if TYPE_CHECKING:
    from ategnatos.train.dataset.audit.findings import Finding
    from ategnatos.train.dataset.captions.lint import Judged
    from ategnatos.train.dataset.coach.coaching import Coached
    from ategnatos.train.dataset.rights import Judgement
    from ategnatos.train.dataset.version import Version


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was weighed. ``then`` is the command that mends it, "" where none does."""

    stops: bool
    says: str
    then: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict and its reasons, those that stop first."""

    verdict: str
    reasons: tuple[Reason, ...]

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"verdict": self.verdict, "reasons": [asdict(one) for one in self.reasons]}


def decide(
    version: Version,
    judged: Judged,
    allowed: Judgement,
    coached: Coached,
    broken: Sequence[tuple[str, str]],
    looks: Sequence[Finding] = (),
) -> Decision:
    """Weigh one version. ``broken`` are pictures that cannot be trained on, with why; ``looks``
    what the audit asks a person to decide.
    """
    name = version.dataset
    command = f"ategnatos train dataset {{}} {name}"
    found: list[Reason] = []
    if broken:
        says = f"{len(broken)} pictures cannot be used ({_names([one for one, _ in broken])})."
        found.append(Reason(True, says, command.format("audit")))
    if not version.pictures:
        found.append(Reason(True, "There is no picture in it.", command.format("show")))
    by_what = Counter(MEANINGS[one.code].what for one in looks)
    if by_what:
        told = "; ".join(f"{what} ({count})" for what, count in by_what.most_common(5))
        says = f"The audit asks for a look at some pictures: {told}."
        found.append(Reason(False, says, command.format("audit")))
    found += _captions(judged, name)
    found += _rights(allowed, command)
    if coached.advice.verdict == "few":
        found.append(Reason(True, coached.advice.says, command.format("coach")))
    elif coached.advice.verdict != "good":
        found.append(Reason(False, coached.advice.says, command.format("coach")))
    for leak in coached.leaks:
        says = f"The same picture is trained on and measured with: {_names(leak)}."
        found.append(Reason(True, says, command.format("split")))
    copies = [one for one in coached.related if one.kind == "copies"]
    if copies:
        says = (
            f"{sum(len(one.pictures) - one.keep for one in copies)} pictures are copies of others:"
            " they count double and the LoRA leans to them."
        )
        found.append(Reason(False, says, command.format("dedup")))
    series = [one for one in coached.related if one.kind == "series"]
    if series:
        says = f"{len(series)} series of nearly equal frames: choose some of each."
        found.append(Reason(False, says, command.format("coach")))
    one_sided = [
        f"{row.title.lower()}: mostly {cell.plural}"
        for row in coached.rows
        for cell in row.cells
        if row.known and cell.share > row.most and len(cell.pictures) > 2
    ]
    if one_sided:
        says = f"It is one-sided ({'; '.join(one_sided)}): the LoRA will be, too."
        found.append(Reason(False, says, command.format("coach")))
    ordered = sorted(found, key=lambda one: not one.stops)
    return Decision(NO_GO if any(one.stops for one in found) else GO, tuple(ordered))


def _captions(judged: Judged, name: str) -> list[Reason]:
    counts = judged.metrics["by_severity"]
    by_code: dict[str, int] = {}
    for one in judged.findings:
        if one.severity == "error":
            by_code[one.code] = by_code.get(one.code, 0) + max(1, len(one.pictures))
    found = []
    missing = by_code.pop("caption_missing", 0)
    if missing:
        then = f"ategnatos train dataset captions next {name}"
        found.append(Reason(True, f"{missing} pictures have no caption.", then))
    if by_code:
        named = ", ".join(f"{code.replace('_', ' ')} ({n})" for code, n in by_code.items())
        # What only an eye can mend is listed with the pictures; the rest mends itself.
        verb = "lint" if set(by_code) & LOOK_AGAIN else "fix"
        then = f"ategnatos train dataset captions {verb} {name}"
        found.append(Reason(True, f"Captions hold errors: {named}.", then))
    if counts["warning"]:
        says = f"{counts['warning']} warnings about captions: the LoRA will be less free for them."
        found.append(Reason(False, says, f"ategnatos train dataset captions lint {name}"))
    return found


def _rights(allowed: Judgement, command: str) -> list[Reason]:
    if allowed.verdict in (rights.REFUSED, rights.UNKNOWN):
        names = allowed.pictures[allowed.verdict]
        why = next(why for verdict, why, _ in allowed.reasons if verdict == allowed.verdict)
        says = f"{len(names)} pictures may not be trained on: {why} ({_names(names)})."
        return [Reason(True, says, command.format("rights"))]
    found = []
    if allowed.overridden:
        says = f"Pictures of unknown origin are let pass, because: {allowed.overridden}"
        found.append(Reason(False, says, command.format("rights")))
    if allowed.verdict == rights.CONDITIONS:
        why = "; ".join(why for verdict, why, _ in allowed.reasons if verdict == rights.CONDITIONS)
        found.append(Reason(False, f"Conditions come with the pictures: {why}."))
    return found


def _names(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
