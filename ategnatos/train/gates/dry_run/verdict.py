"""Whether a dry run was one: its steps done, its losses numbers, one save whole and read back.

The exit status alone proves nothing: kohya ends with 0 where it found no picture, and both kohya
and ai-toolkit where the loss was no number. What decides a run decides here too
(``run/outcome.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import sha256_file
from ategnatos.knowledge import failures
from ategnatos.train.checkpoints import integrity
from ategnatos.train.gates.dry_run import mending
from ategnatos.train.run.outcome import Seen, judge

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.gates import Opened
    from ategnatos.train.gates.dry_run.carry import Tried
    from ategnatos.train.plan.store import Kept

# A bar tells whole seconds, and a look takes its time: what is so coarse measures no short step.
_WHOLE_SECOND = 1.0
_TIMES = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it went. ``code`` is a short name for what went wrong, ``mend`` a command or a step.

    ``checkpoint`` is the save that was read back: name, bytes, sha256.
    """

    passed: bool
    code: str
    why: str
    mend: str
    line: str
    seconds_a_step: float | None
    checkpoint: dict[str, Any] = field(default_factory=dict)
    diagnoses: tuple[str, ...] = ()


def weigh(project: Project, kept: Kept, opened: Opened, tried: Tried) -> Verdict:
    """Look at everything that the dry run left. Nothing is written."""
    steps = tried.translation.steps
    found, final = _saved(tried, kept.name)
    lines = tried.log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = failures.diagnose(lines, status=tried.status)
    pace = _pace(tried)
    if tried.late:
        return Verdict(
            False,
            "late",
            f"it did not end within {tried.late / 60:.1f} minutes ({_reached(tried)})",
            f"Look at the end of {tried.log}; --minutes gives it more time.",
            "",
            pace,
        )
    drawn = tried.drawn
    outcome = judge(
        Seen(
            status=tried.status,
            step=drawn[0] if drawn else 0,
            steps=steps,
            drawn=drawn,
            final=final,
            diagnosis=told,
            findings=tried.findings,
            failed=tried.failed,
            failed_as=tried.failed_as,
        )
    )
    why, code = clause(outcome.why), outcome.code
    if outcome.state == "finished":
        code, why = _short_of(tried)
    if not code:
        return Verdict(True, "", "", "", "", pace, found, tuple(one.name for one in told))
    first = told[0] if told and told[0].name == code else None
    line = first.line[:300] if first else tried.failed
    made = mending.mend(project, kept, opened, tried, code, first, lines)
    return Verdict(
        False, code, made.why or why, made.command, line, pace, {}, tuple(o.name for o in told)
    )


def _short_of(tried: Tried) -> tuple[str, str]:
    """What a few steps must not show, though a long run goes on after it."""
    if tried.skipped:
        what = "GPU memory ran out, and the trainer left the step out and went on"
        return "cuda_oom", what
    if tried.no_number:
        return "nan", "a loss was no number, and the trainer went on as if all were well"
    if tried.no_captions:
        return "no_captions", f"the captions are not read: {tried.no_captions.strip()[:200]}"
    if tried.drawn is None or tried.drawn[0] < tried.translation.steps:
        return "short", f"the trainer ended as if all were well, and {_reached(tried)}"
    return "", ""


def clause(text: str) -> str:
    """A sentence as the end of another; a name that it begins with stays as it is (PyTorch)."""
    said = text.rstrip(".")
    return said[:1].lower() + said[1:] if said.partition(" ")[0][1:].islower() else said


def _reached(tried: Tried) -> str:
    steps = tried.translation.steps
    if tried.drawn is None:
        return f"not one of {steps} steps was done"
    return f"{tried.drawn[0]} of {steps} steps were done"


def _saved(tried: Tried, name: str) -> tuple[dict[str, Any], str]:
    """The newest save and why it does not count ("": it is whole and every number is one)."""
    saves = [
        one for one in tried.trainer.checkpoints(tried.output, name) if one.weights is not None
    ]
    if not saves:
        return {}, "it left no LoRA behind"
    weights = saves[-1].weights
    assert weights is not None
    why = integrity.check(weights, thorough=True)
    if why:
        return {}, f"its save {weights.name} cannot be read back: {why}"
    return _facts(weights, tried.output), ""


def _facts(weights: Path, output: Path) -> dict[str, Any]:
    return {
        "name": str(weights.relative_to(output)),
        "bytes": weights.stat().st_size,
        "sha256": sha256_file(weights),
    }


def _pace(tried: Tried) -> float | None:
    """Seconds a step without the first, in which memory is taken and kernels are chosen: between
    the bar's own times, else between those at which they were seen, where either is fine enough;
    else the bar's average.
    """
    from ategnatos.train.gates.dry_run.carry import FAR_SECONDS
    from ategnatos.train.gates.dry_run.ending import NEAR_SECONDS

    look = FAR_SECONDS if tried.place.far else NEAR_SECONDS
    for times, coarse in ((tried.told_times, _WHOLE_SECOND), (tried.step_times, look)):
        # The bar is drawn with 0 before the first step, so the first difference is that step.
        later = [after - before for before, after in pairwise(times)][1:]
        if later and median(later) >= _TIMES * coarse:
            return median(later)
    return tried.told_seconds
