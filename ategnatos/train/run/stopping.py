"""What a stop costs, and a stop that waits for the next save."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.train.checkpoints import ledger
from ategnatos.train.run import attempts, preparing, state
from ategnatos.trainers import saving

if TYPE_CHECKING:
    from ategnatos.train.run.attempts import Attempt
    from ategnatos.train.run.record import Run


@dataclass(frozen=True, slots=True)
class Losing:
    """What is lost where a run is stopped now: ``steps`` since its newest save, at step ``saved``,
    and about so many ``seconds`` of training. ``following`` is the step of the next save (None: not
    known). ``saves``: it saves before it ends, and nothing is lost.
    """

    steps: int
    seconds: float | None
    saved: int
    following: int | None
    saves: bool

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "steps": 0 if self.saves else self.steps,
            "seconds": 0.0 if self.saves else self.seconds,
            "saved_at": self.saved,
            "next_save_at": self.following,
            "saves_when_stopped": self.saves,
        }


def losing(run: Run, seen: dict[str, Any]) -> Losing:
    """What a stop would cost; ``seen`` is the run's snapshot."""
    saves = [one.step for one in ledger.read(run.folder).resumable()]
    saved = max(saves, default=0)
    step = int(seen["step"])
    pace = seen["seconds_a_step"]
    tried = attempts.last(run.folder)
    every = _every(run.folder, sorted({0, *saves}))
    following = None if not every else saved + every * max(1, -(-(step + 1 - saved) // every))
    if following is not None and seen["steps"] and following > seen["steps"]:
        following = int(seen["steps"])
    steps = max(0, step - saved)
    return Losing(
        steps,
        None if pace is None else steps * float(pace),
        saved,
        following,
        run.trainer in saving.AT_THE_END or (tried is not None and asking(run, tried) is not None),
    )


def _every(folder: Path, saves: list[int]) -> int:
    """Steps from one save to the next; 0 where nobody can know."""
    try:
        planned = preparing.plan_of(folder).save_every_steps
    except OSError:
        planned = 0
    return planned or (saves[-1] - saves[-2] if len(saves) > 1 else 0)


def want(run: Run, who: str, *, after_save: bool) -> None:
    """Have whoever follows the run stop it: now, or right after its next save."""
    state.want_stop(run.folder, who, after=_newest(run.folder) if after_save else None)


def wanted(folder: Path) -> str:
    """Who wants it stopped now; "" nobody, or not before its next save."""
    wish = state.wish(folder)
    who = str(wish.get("stop", ""))
    if who and "after" in wish and wish["after"] == _newest(folder):
        return ""
    return who


def _newest(folder: Path) -> str:
    return next((one.name for one in ledger.read(folder).resumable()), "")


def asking(run: Run, tried: Attempt) -> saving.Asking | None:
    """How its trainer is asked for a save; None where it cannot be, or not in this try."""
    way = saving.BY_FILE.get(run.trainer)
    there = way is not None and (tried.folder(run.folder) / way.name).is_file()
    return way if there else None
