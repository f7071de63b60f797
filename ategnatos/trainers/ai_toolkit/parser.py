"""ai-toolkit's log: one bar that is labelled with the job's name, and plain words.

    mystyle:  40%|####      | 4/10 [00:41<00:58,  9.77s/it, lr: 1.0e-04 loss: 1.184e+00]

A loss that is not a number is drawn as ``0.000e+00``; the words ``loss is nan`` are on the other
stream. The loss appears before the count moves.
"""

from __future__ import annotations

import math
import re

from ategnatos.trainers import bars
from ategnatos.trainers.events import (
    Event,
    Fact,
    Failed,
    Phase,
    Sampled,
    Saved,
    Skipped,
    Warned,
)
from ategnatos.trainers.failing import BEGIN, Tracebacks
from ategnatos.trainers.lines import plain

_OOM = re.compile(r"# OOM during training step, skipping batch (\d+)/(\d+) #")
_LOADED = re.compile(r"Found step (\d+) in metadata")


class AiToolkitParser:
    """Reads the log of one process of ai-toolkit, both streams in whatever order."""

    def __init__(self) -> None:
        self._tracebacks = Tracebacks()
        self._last: tuple[int, float | None, int | None] = (-1, None, None)
        self._saving: int | None = None
        self._nan = False
        self._failed = ""

    def parse(self, line: str) -> tuple[Event, ...]:
        """As :meth:`ategnatos.trainers.Parser.parse`."""
        line = plain(line).rstrip("\r\n")
        # Its own words come on the other stream, also in the middle of a traceback.
        own = line.startswith(tuple(_BEGINNINGS))
        found = None if own else self._tracebacks.see(line)
        if found is not None:
            # A picture that cannot be read is told with a traceback and left out: the run goes on.
            return tuple(
                Warned(one.text, "exception") if isinstance(one, Failed) and not one.code else one
                for one in found
            )
        bar = bars.read(line)
        if bar is not None:
            return self._bar(bar)
        if BEGIN in line:
            return self._tracebacks.see(line[line.index(BEGIN) :]) or ()
        return self._told(line.strip())

    def _bar(self, bar: bars.Bar) -> tuple[Event, ...]:
        glued = self.parse(bar.rest) if bar.rest.strip() else ()
        figures = bars.values(bar.after)
        # The job's own bar has its name, which has no blank; all others have none or a sentence.
        training = "loss" in figures or re.fullmatch(r"[\w.-]+", bar.label) is not None
        if not training and bar.label == "Generating Images":
            return (Sampled(), *glued)
        if not training:
            return (Phase(bar.label or "preparing", bar.done, bar.total), *glued)
        drawn = figures.get("loss")
        before, loss_before, of_before = self._last
        if drawn is None:
            of = None
        elif drawn == loss_before and bar.done == before + 1:
            of = bar.done
        elif drawn == loss_before and bar.done == before:
            of = of_before
        else:
            of = bar.done + 1
        self._last = (bar.done, drawn, of)
        loss = math.nan if drawn == 0 else drawn
        made = bars.progress(bar, loss, "step", of, figures.get("lr"))
        bad = self._diverged() if loss is not None and math.isnan(loss) else ()
        return (made, *bad, *glued)

    def _diverged(self) -> tuple[Event, ...]:
        if self._nan:
            return ()
        self._nan = True
        return (Warned("The loss is not a number.", "nan"),)

    def _told(self, line: str) -> tuple[Event, ...]:
        if line == "loss is nan":
            return self._diverged()
        for begin, tell in _BEGINNINGS.items():
            if line.startswith(begin):
                return tell(self, line.removeprefix(begin).strip())
        skipped = _OOM.search(line)
        if skipped is not None:
            return (Skipped(int(skipped[1]), int(skipped[2])),)
        loaded = _LOADED.match(line)
        if loaded is not None:
            return (Fact("resumed_at", int(loaded[1])),)
        modules = re.match(r"create LoRA for [^:]+: (\d+) modules", line)
        if modules is not None:
            return (Fact("modules", int(modules[1])),)
        images = re.match(r"-\s+Found (\d+) images", line)
        if images is not None:
            return (Fact("images", int(images[1])),)
        return ()

    def _saves(self, text: str) -> tuple[Event, ...]:
        self._saving = int(text) if text.isdigit() else None
        return ()

    def _saved(self, path: str) -> tuple[Event, ...]:
        step = re.search(r"_(\d{9})\.safetensors$", path)
        number = int(step[1]) if step else None
        return (Saved("weights", path, number, final=step is None),)

    def _kept(self, path: str) -> tuple[Event, ...]:
        step, self._saving = self._saving, None
        return (Saved("state", path, step, final=step is None),)

    def _ended(self, text: str) -> tuple[Event, ...]:
        self._failed = text
        return (Failed(text),)

    def _stopped(self, text: str) -> tuple[Event, ...]:
        return (Failed("Job stopped", "interrupted"),)

    def _resuming(self, text: str) -> tuple[Event, ...]:
        return (Phase("resuming", text=text.strip("# ")),)

    def _bad_image(self, text: str) -> tuple[Event, ...]:
        return (Warned(f"Error processing image: {text}", "bad_image"),)

    def _no_state(self, text: str) -> tuple[Event, ...]:
        return (Warned(f"Failed to load optimizer state {text}", "optimizer_not_loaded"),)

    def _no_save(self, text: str) -> tuple[Event, ...]:
        return (Warned("Could not save optimizer", "optimizer_not_saved"),)


_BEGINNINGS = {
    "Saving at step": AiToolkitParser._saves,
    "Saved checkpoint to": AiToolkitParser._saved,
    "Saved optimizer to": AiToolkitParser._kept,
    "Error running job:": AiToolkitParser._ended,
    "Job stopped": AiToolkitParser._stopped,
    "#### IMPORTANT RESUMING FROM": AiToolkitParser._resuming,
    "Error processing image:": AiToolkitParser._bad_image,
    "Failed to load optimizer state": AiToolkitParser._no_state,
    "Could not save optimizer": AiToolkitParser._no_save,
}
