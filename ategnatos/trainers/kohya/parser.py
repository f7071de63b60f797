"""kohya's log: bars on one stream, its own words in rich's columns, folded where it is narrow.

    2026-11-20 10:22:24 INFO     Saving current state to         accelerator.py:3241
                                 /workspace/runs/success/mystyle
                                 -000001-state

A folded word is cut where the column ends, so pieces that fill it are put together without a
blank. A record ends with the first line that is not indented under it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ategnatos.trainers import bars
from ategnatos.trainers.averages import AverageBar
from ategnatos.trainers.events import (
    Epoch,
    Event,
    Fact,
    Failed,
    Phase,
    Sampled,
    Validated,
    Warned,
)
from ategnatos.trainers.failing import BEGIN, Tracebacks
from ategnatos.trainers.kohya_ss.files import saved
from ategnatos.trainers.lines import plain

_HEAD = re.compile(
    r"\s*(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s+)?(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\s"
)
_PLACE = re.compile(r"\s(?P<place>[\w.-]+\.py:\d+)\s*$")
_LEVEL_WIDTH = 9
_INDENT = 20
# What it prints about the run, before " / " and the same in Japanese.
_COUNTS = {
    "num train images * repeats": "images_shown",
    "num validation images * repeats": "validation_images",
    "num reg images": "regularisation_images",
    "num batches per epoch": "batches_an_epoch",
    "num epochs": "epochs",
    "batch size per device": "batch",
    "gradient accumulation steps": "accumulation",
    "total optimization steps": "steps",
}
_COUNT = re.compile(
    r"\s+(?P<name>num [a-z *]+|batch size per device|gradient accumulation steps"
    r"|total optimization steps)\s/.*[:=]\s*(?P<value>\d+)\s*$"
)
_CODES = {
    "No data found": "no_training_data",
    "No caption file found": "no_captions",
    "no regularization images": "no_regularisation",
    "illegal char in file": "bad_caption_encoding",
    "failed to get image size": "bad_image",
    "Error loading file": "bad_image",
    "Invalid user config": "bad_dataset_config",
    "steps from the state is ignored": "initial_epoch",
}


@dataclass(slots=True)
class _Record:
    """One line of its log while it is put together; ``width`` is that of the text's column."""

    level: str
    text: str
    width: int
    full: bool = field(default=False)

    def add(self, piece: str) -> None:
        self.text += piece if self.full or not self.text else f" {piece}"
        self.full = len(piece) == self.width


class KohyaParser:
    """Reads the log of one process of kohya, both streams in whatever order."""

    def __init__(self) -> None:
        self._record: _Record | None = None
        self._tracebacks = Tracebacks()
        self._average = AverageBar()
        self._epoch: int | None = None
        self._epochs: int | None = None

    def parse(self, line: str) -> tuple[Event, ...]:
        """As :meth:`ategnatos.trainers.Parser.parse`."""
        line = plain(line).rstrip("\r\n")
        if self._record is not None and line.startswith(" " * _INDENT) and not _HEAD.match(line):
            self._record.add(line.strip())
            return ()
        ended = self._end()
        found = self._tracebacks.see(line)
        if found is not None:
            return ended + found
        bar = bars.read(line)
        if bar is not None:
            return ended + self._bar(bar)
        head = _HEAD.match(line)
        if head is not None:
            self._begin(line, head)
            return ended
        return ended + self._told(line)

    def _bar(self, bar: bars.Bar) -> tuple[Event, ...]:
        glued = self.parse(bar.rest) if bar.rest.strip() else ()
        if bar.label == "steps":
            return self._average.progress(bar, self._epoch, self._epochs) + glued
        if bar.label.endswith("validation steps"):
            loss = bars.values(bar.after).get("val_epoch_avg_loss")
            if bar.done == bar.total and loss is not None:
                return (Validated(loss, self._average.step, self._epoch), *glued)
            return glued
        return (Phase(bar.label or "preparing", bar.done, bar.total), *glued)

    def _begin(self, line: str, head: re.Match[str]) -> None:
        start = head.start("level") + _LEVEL_WIDTH
        place = _PLACE.search(line)
        end = place.start("place") - 1 if place else len(line)
        text = line[start:end].strip()
        width = end - start if place else 0
        self._record = _Record(head["level"], text, width, len(text) == width)

    def _end(self) -> tuple[Event, ...]:
        record, self._record = self._record, None
        if record is None:
            return ()
        text = record.text
        code = next((code for begin, code in _CODES.items() if text.startswith(begin)), "")
        if record.level in ("ERROR", "CRITICAL"):
            return (Failed(text, code),)
        if record.level == "WARNING":
            return (Warned(text, code),)
        return _said(text)

    def _told(self, line: str) -> tuple[Event, ...]:
        """A line of its other stream, which is not folded."""
        if BEGIN in line:
            return self._tracebacks.see(line[line.index(BEGIN) :]) or ()
        epoch = re.match(r"epoch (\d+)/(\d+)\s*$", line)
        if epoch is not None:
            self._epoch, self._epochs = int(epoch[1]), int(epoch[2])
            return (Epoch(self._epoch, self._epochs),)
        if line.startswith("saving checkpoint: "):
            return (saved("weights", line.removeprefix("saving checkpoint: ").strip()),)
        if line.startswith("generating sample images"):
            return (Sampled(),)
        count = _COUNT.match(line)
        if count is not None:
            name = _COUNTS.get(count["name"].strip())
            return (Fact(name, int(count["value"])),) if name else ()
        return ()


def _said(text: str) -> tuple[Event, ...]:
    """What an INFO record tells."""
    found = re.match(r"Saving current state to (.+)$", text)
    if found is not None:
        return (saved("state", found[1].strip()),)
    found = re.match(r"found directory (.+) contains (\d+) image files$", text)
    if found is not None:
        return (Fact("images", int(found[2])),)
    found = re.match(r"create LoRA for [^:]+: (\d+) modules", text)
    if found is not None:
        return (Fact("modules", int(found[1])),)
    found = re.match(r"resume training from local state: (.+)$", text)
    if found is not None:
        return (Phase("resuming", text=found[1].strip()),)
    if text.startswith("caching latents"):
        return (Phase("caching", text=text),)
    if text.startswith(("loading model", "load StableDiffusion", "Loading settings")):
        return (Phase("loading", text=text),)
    return ()
