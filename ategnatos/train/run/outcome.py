"""How a try ended, from all that was seen: never from its exit status alone.

kohya ends with 0 where it found no picture and where the loss was no number; ai-toolkit where it
was interrupted; and a launcher that is killed says 1. So the files and the steps decide, and the
log says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ategnatos.knowledge.failures import Diagnosis
    from ategnatos.train.watching.values import Finding

OOM = "cuda_oom"
# Findings that say of a run that it went wrong, and what it then is.
_DIVERGED = frozenset({"nan", "divergence"})
_PAUSED = frozenset({"disk_stop"})
# The log of a process that somebody ended.
_ENDED = frozenset({"interrupted", "terminated"})
_STATUS = {130: "interrupted", 143: "terminated", -2: "interrupted", -15: "terminated"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A try that is over.

    ``status`` is its exit status as a shell or as Python says it, None where nobody could write
    it down. ``asked`` is who had it stopped, ``because`` the finding for which the program did.
    ``drawn`` is the bar's last count and what it counts to; ``step`` of ``steps`` are those of the
    plan. ``final`` says of the finished LoRA: "" it is there and whole, else why not. ``failed``
    are the trainer's own words about its end, ``failed_as`` its parser's name for them.
    ``unbegun``: nobody ever heard of its start, and it was kept from beginning later.
    """

    status: int | None
    step: int
    steps: int
    drawn: tuple[int, int] | None
    final: str
    diagnosis: Sequence[Diagnosis] = ()
    findings: Sequence[Finding] = ()
    asked: str = ""
    because: Finding | None = None
    failed: str = ""
    failed_as: str = ""
    unbegun: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """``state`` as in :data:`~ategnatos.train.run.record.STATES`; ``code`` a short name for why
    ("" where all went well), ``why`` in words, ``mend`` what to do.
    """

    state: str
    code: str = ""
    why: str = ""
    mend: tuple[str, ...] = field(default=())


def judge(seen: Seen) -> Outcome:
    """What became of the try.

    A stop that comes when everything is trained and lies there whole has stopped nothing.
    """
    done = not seen.final and _trained(seen)
    if seen.asked and not done:
        return Outcome("stopped", "stopped", f"{seen.asked} stopped it at step {seen.step}.")
    if seen.unbegun:
        why = (
            "Nothing was heard of its start for too long, so it was kept from beginning: nothing of"
            " it runs, and nothing will."
        )
        return Outcome("failed", "not_begun", why)
    stopped = seen.because
    if stopped is not None and stopped.code in _PAUSED:
        if not done:
            return Outcome("stopped", stopped.code, stopped.text)
        stopped = None
    nan = next((one for one in seen.findings if one.code in _DIVERGED), None)
    if stopped is not None and stopped.code in _DIVERGED:
        nan = stopped
    if nan is not None and nan.weight == "stop":
        return Outcome("diverged", nan.code, nan.text)
    if stopped is not None:
        return Outcome("failed", stopped.code, stopped.text)
    if done:
        return Outcome("finished", why=_late(seen))
    return _failed(seen)


def _late(seen: Seen) -> str:
    """What there is to say of the end of one that trained every step."""
    if seen.asked:
        return f"{seen.asked} asked it to stop when every step was done."
    if seen.status in (0, None):
        return ""
    return f"Its process ended with status {seen.status} after the last step."


def _trained(seen: Seen) -> bool:
    """Whether every step was done: by our count, or as the bar's own last drawing says."""
    whole = seen.drawn is not None and seen.drawn[0] >= seen.drawn[1] > 0
    return seen.step > 0 and (seen.step >= seen.steps or whole)


def _failed(seen: Seen) -> Outcome:
    cause = seen.diagnosis[0] if seen.diagnosis else None
    name = cause.name if cause else seen.failed_as or _STATUS.get(seen.status or 0, "")
    if name in _ENDED:
        return Outcome(
            "stopped", name, f"Somebody else ended the trainer at step {seen.step} of {seen.steps}."
        )
    if name == "nan_loss":
        return Outcome("diverged", name, _words(cause), cause.failure.fix if cause else ())
    if cause is not None and (seen.status != 0 or seen.final):
        return Outcome("failed", name, _words(cause), cause.failure.fix)
    if seen.status == 0 and seen.final:
        why = (
            f"The trainer ended as if all were well (status 0) at step {seen.step} of {seen.steps},"
            f" and {seen.final}."
        )
        return Outcome("failed", "untrained", why)
    if seen.status == 0:
        why = f"The trainer ended with status 0 after {seen.step} of {seen.steps} steps."
        return Outcome("failed", "short", why)
    if seen.status is None:
        why = (
            f"The trainer and its keeper are gone at step {seen.step} of {seen.steps}, and left no"
            " exit status: killed, or the machine was started anew."
        )
        return Outcome("failed", "killed", why)
    said = f" It says: {seen.failed}" if seen.failed else ""
    why = f"The trainer ended with status {seen.status} at step {seen.step} of {seen.steps}.{said}"
    return Outcome("failed", "failed", why)


def _words(cause: Diagnosis | None) -> str:
    if cause is None:
        return "The loss is no number any more."
    said = cause.line.strip()[:200]
    return f"{cause.failure.title}. {cause.failure.cause} The log says: {said}"
