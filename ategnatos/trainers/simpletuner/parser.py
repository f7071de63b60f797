"""SimpleTuner's log: a bar with the epoch in its label, and lines of ``[RANK 0] time [LEVEL]``.

Epoch 1/2, Steps:  50%|#####     | 4/8 [00:04<00:02,  1.61it/s, lr=0.0001, step_loss=1.07]
"""

from __future__ import annotations

import math
import re

from ategnatos.trainers import bars
from ategnatos.trainers.events import (
    Epoch,
    Event,
    Fact,
    Failed,
    Finished,
    Phase,
    Sampled,
    Saved,
    Warned,
)
from ategnatos.trainers.failing import BEGIN, Tracebacks
from ategnatos.trainers.lines import plain

_HEAD = re.compile(
    r"(?:\[RANK \d+\]\s+)?\d{4}-\d\d-\d\d [\d:,]+ \[(?P<level>[A-Z]+)\]\s*(?:\[RANK \d+\]\s*)?"
    r"(?P<text>.*)$"
)
_LABEL = re.compile(r"Epoch (?P<epoch>\d+)/(?P<epochs>\d+),? Steps$")
_CODES = {
    "Error decoding image": "bad_image",
    "Error processing image": "bad_image",
    "No cache file found": "cache",
}
_PHASES = (
    ("Loading diffusion model", "loading"),
    ("Pre-computing", "caching"),
    ("Executing VAE cache update", "caching"),
    ("Resuming from checkpoint", "resuming"),
)


class SimpleTunerParser:
    """Reads the log of one process of SimpleTuner, both streams in whatever order."""

    def __init__(self) -> None:
        self._tracebacks = Tracebacks()
        self._step = 0
        self._loss: float | None = None
        self._epoch: int | None = None
        self._told_of: str = ""

    def parse(self, line: str) -> tuple[Event, ...]:
        """As :meth:`ategnatos.trainers.Parser.parse`."""
        line = plain(line).rstrip("\r\n")
        # A bar that was wiped away leaves its blanks before the record.
        head = _HEAD.match(line.lstrip())
        found = None if head else self._tracebacks.see(line)
        if found is not None:
            return found
        bar = bars.read(line)
        if bar is not None:
            return self._bar(bar)
        if head is not None:
            return self._record(head["level"], head["text"].strip())
        if BEGIN in line and not line.startswith(BEGIN):
            return self._tracebacks.see(line[line.index(BEGIN) :]) or ()
        usage = re.match(r"\S+\.py: error: (.+)$", line)
        if usage is not None:
            return (Failed(usage[1], "bad_config"),)
        caching = re.search(r"caching results: \{.*'cached': (\d+), 'total': (\d+)", line)
        if caching is not None:
            return (Phase("caching", int(caching[1]), int(caching[2]), line.strip()),)
        count = re.match(r"- Total number of images: (\d+)", line.strip())
        return (Fact("images", int(count[1])),) if count else ()

    def _bar(self, bar: bars.Bar) -> tuple[Event, ...]:
        glued = self.parse(bar.rest) if bar.rest.strip() else ()
        label = _LABEL.search(bar.label)
        if label is None:
            return (Phase(bar.label or "preparing", bar.done, bar.total), *glued)
        epoch, epochs = int(label["epoch"]), int(label["epochs"])
        begun: tuple[Event, ...] = ()
        if epoch != self._epoch:
            begun = (Epoch(epoch, epochs),)
        self._epoch = epoch
        figures = bars.values(bar.after)
        loss = figures.get("step_loss", figures.get("loss"))
        # Drawn three times: moved, with the loss of the step before; then twice with its own.
        moved = bar.done != self._step
        of = None if loss is None else bar.done - 1 if moved and loss == self._loss else bar.done
        self._step, self._loss = bar.done, loss
        made = bars.progress(bar, loss, "step", of, figures.get("lr"), epoch=epoch, epochs=epochs)
        bad: tuple[Event, ...] = ()
        if loss is not None and math.isnan(loss):
            bad = (Warned("The loss is not a number.", "nan"),)
        return (*begun, made, *bad, *glued)

    def _record(self, level: str, text: str) -> tuple[Event, ...]:
        if level in ("WARNING", "ERROR", "CRITICAL"):
            if text.startswith("Error traceback:"):
                return ()  # of a picture that it goes on without; the line before named it
            code = next((code for begin, code in _CODES.items() if text.startswith(begin)), "")
            return (Warned(text, code),)
        saved = re.match(r"Saving current state to (?P<path>.+/checkpoint-(?P<step>\d+))$", text)
        if saved is not None:
            return (Saved("state", saved["path"], int(saved["step"])),)
        if "local validation work items" in text:
            return (Sampled(),)
        count = re.search(r"We have (\d+) captions to process", text)
        if count is not None:
            return (Fact("captions", int(count[1])),)
        if text.startswith("- Repeats:"):
            # Of its samplers, for the model's card: the last thing it writes.
            return (Finished(text),)
        for begin, phase in _PHASES:
            if text.startswith(begin):
                return (Phase(phase, text=text),)
        return ()
