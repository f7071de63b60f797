"""How fast a run goes, when it will be done, and when its silence is too long for it.

Everything is measured by the run itself: a step of two minutes is no stall where steps take two
minutes, and a save that took a minute of silence may take one again.
"""

from __future__ import annotations

import math
from collections import deque

from ategnatos.train.watching.values import Finding

# No silence is too long before these many seconds.
SHORTEST = 300.0
# Models are loaded and pictures cached before the first step, often without a word.
BEFORE_FIRST = 1800.0
STEPS_OF_SILENCE, TIMES_LONGEST, WHILE_BUSY = 20.0, 3.0, 4.0
_SAMPLES = 512
# What arrives in less than this share of the time that its steps took was read at once.
_AT_ONCE = 0.2


class Pace:
    """Told of signs of life and of steps, with the time of each in seconds."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque(maxlen=_SAMPLES)
        self._told: float | None = None
        self._sign: float | None = None
        self._moved: float | None = None
        self._longest = 0.0
        self._busy = False
        self._said: set[str] = set()

    def sign(self, at: float, *, busy: bool = False) -> None:
        """There is something new in the log. ``busy``: it saves, samples or prepares."""
        if self._sign is not None and self._moved is not None:
            self._longest = max(self._longest, at - self._sign)
        self._sign = at if self._sign is None else max(self._sign, at)
        self._busy = busy
        self._said.discard("stall")

    def step(self, step: int, at: float, said: float | None = None) -> None:
        """A step is done; ``said`` is the trainer's own figure for one, in seconds."""
        self.sign(at)
        if said is not None and math.isfinite(said) and said > 0:
            self._told = said
        if self._steps and step <= self._steps[-1][1]:
            if step < self._steps[-1][1]:
                self._steps.clear()
                self._steps.append((at, step))
            return
        self._keep(at, step)
        self._moved = at
        self._said.discard("no_steps")

    def known(self, step: int, at: float, said: float | None) -> None:
        """A step of the past, from the curve: it tells of the pace and is no sign of life."""
        if said is not None and math.isfinite(said) and said > 0:
            self._told = said
        if self._steps:
            begin, before = self._steps[-1]
            own = (self._told or 0.0) * (step - before)
            # A gap that no step explains is a pause between two processes.
            if step <= before or at < begin or at - begin > SHORTEST + 10 * own:
                self._steps.clear()
        self._keep(at, step)

    def pause(self) -> None:
        """What comes is another process: the time until its first step is no step's."""
        self._steps.clear()

    def advances(self, at: float) -> None:
        """What comes before the steps goes on: pictures are being cached."""
        if self._moved is not None:
            self._moved = at

    def _keep(self, at: float, step: int) -> None:
        """Steps that were read at once took longer than that: the last of them counts."""
        if self._steps:
            begin, before = self._steps[-1]
            if at - begin <= _AT_ONCE * (self._told or 0.0) * (step - before):
                self._steps.pop()
        self._steps.append((at, step))

    @property
    def seconds_a_step(self) -> float | None:
        """Over the steps that are kept, pauses included; before there are any, as it was told."""
        if len(self._steps) >= 2:
            (begin, first), (end, last) = self._steps[0], self._steps[-1]
            if end > begin:
                return (end - begin) / (last - first)
        return self._told

    def eta(self, left: int) -> float | None:
        """Seconds for ``left`` more steps."""
        each = self.seconds_a_step
        return None if each is None else each * max(0, left)

    def limit(self) -> float:
        """How many seconds of silence are still this run's own pace."""
        if self._moved is None:
            return BEFORE_FIRST
        own = max(
            SHORTEST,
            STEPS_OF_SILENCE * (self.seconds_a_step or 0.0),
            TIMES_LONGEST * self._longest,
        )
        return own * WHILE_BUSY if self._busy else own

    def look(self, at: float) -> list[Finding]:
        """Whether it has been silent for too long, or writes without a step."""
        if self._sign is None:
            self._sign = at
            return []
        silent, limit = at - self._sign, self.limit()
        if silent > limit and "stall" not in self._said:
            self._said.add("stall")
            return [self._finding("stall", silent, limit)]
        idle = 0.0 if self._moved is None else at - self._moved
        most = WHILE_BUSY * WHILE_BUSY * self.limit()
        if silent <= limit and idle > most and "no_steps" not in self._said:
            self._said.add("no_steps")
            return [self._finding("no_steps", idle, most)]
        return []

    def _finding(self, code: str, seconds: float, limit: float) -> Finding:
        each = self.seconds_a_step
        by = f"a step takes {each:.3g} s" if each else "there is no step yet"
        last = self._steps[-1][1] if self._steps else None
        if code == "stall":
            text = f"Nothing new in the log for {seconds:.0f} s; {by}, so {limit:.0f} s would be"
            text += " long for this run. The process lives, but it may hang: look at the GPU's load"
            text += " and the end of the log."
        else:
            text = f"The log grows, but no step was done for {seconds:.0f} s; {by}. It may be busy"
            text += " with samples or with a warning that repeats: look at the end of the log."
        return Finding(
            code,
            "warn",
            text,
            {"seconds": seconds, "limit": limit, "seconds_a_step": each, "step": last},
        )
