"""musubi-tuner's log: bars, what it prints, and records of Python's logging on one line each.

    INFO:musubi_tuner.dataset.datasources:found 5 images

The programs that encode come first, in the same log; their bars have no end (``3it [00:02, ...]``).
"""

from __future__ import annotations

import re
from dataclasses import replace

from ategnatos.trainers import bars
from ategnatos.trainers.averages import AverageBar
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
from ategnatos.trainers.kohya_ss.files import saved
from ategnatos.trainers.lines import plain

_RECORD = re.compile(r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):(?P<who>[\w.]+):(?P<text>.*)$")
_ENDLESS = re.compile(r"\s*(?P<done>\d+)it \[\d[\d:]*, ")
# What it prints about the run, before " / " and the same in Japanese.
_COUNTS = {
    "num train items": "images_shown",
    "num batches per epoch": "batches_an_epoch",
    "num epochs": "epochs",
    "batch size per device": "batch",
    "gradient accumulation steps": "accumulation",
    "total optimization steps": "steps",
}
_COUNT = re.compile(
    r"\s+(?P<name>num [a-z ]+|batch size per device|gradient accumulation steps"
    r"|total optimization steps)\s/.*[:=]\s*(?P<value>\d+)(?:, \d+)*\s*$"
)
_CODES = {
    "Text encoder output cache file not found": "bad_image",
    "Invalid user config": "bad_dataset_config",
}
# What the script that starts all of them says: ategnatos.train.run.keeper.command_file.
_STEP = re.compile(r"ategnatos: step (?P<number>\d+) of (?P<of>\d+), (?P<name>[^:]+)(?P<how>.*)$")
_STATE = re.compile(r"saving (?:state at (?P<what>epoch|step) (?P<number>\d+)|last state\.)$")


class MusubiParser:
    """Reads the log of one process of musubi-tuner and of the programs before it."""

    def __init__(self) -> None:
        self._tracebacks = Tracebacks()
        self._average = AverageBar()
        self._epoch: int | None = None
        self._epochs: int | None = None
        self._failed = False

    def parse(self, line: str) -> tuple[Event, ...]:
        """As :meth:`ategnatos.trainers.Parser.parse`."""
        line = plain(line).rstrip("\r\n")
        found = self._tracebacks.see(line)
        if found is not None:
            self._failed |= bool(found)
            return found
        bar = bars.read(line)
        if bar is not None:
            glued = self.parse(bar.rest) if bar.rest.strip() else ()
            if bar.label == "steps":
                seen = replace(bar, seconds=_seconds(bar))
                return self._average.progress(seen, self._epoch, self._epochs) + glued
            return (Phase(bar.label or "preparing", bar.done, bar.total), *glued)
        endless = _ENDLESS.match(line)
        if endless is not None:
            return (Phase("encoding", int(endless["done"])),)
        record = _RECORD.search(line)
        return _recorded(record) if record is not None else self._told(line)

    def _told(self, line: str) -> tuple[Event, ...]:
        step = _STEP.match(line)
        if step is not None:
            if "not started" in step["how"] and not self._failed:
                return (Failed(line),)
            return (Phase(step["name"], int(step["number"]), int(step["of"])),)
        if BEGIN in line:
            return self._tracebacks.see(line[line.index(BEGIN) :]) or ()
        epoch = re.match(r"epoch (\d+)/(\d+)\s*$", line)
        if epoch is not None:
            self._epoch, self._epochs = int(epoch[1]), int(epoch[2])
            return (Epoch(self._epoch, self._epochs),)
        if line.startswith("running training"):
            return (Phase("training"),)
        if line.startswith("saving checkpoint: "):
            return (saved("weights", line.removeprefix("saving checkpoint: ").strip()),)
        count = _COUNT.match(line)
        name = _COUNTS.get(count["name"].strip()) if count is not None else None
        return (Fact(name, int(count["value"])),) if count is not None and name else ()


def _seconds(bar: bars.Bar) -> float | None:
    """A step's time. Its clock is set to 0 after the first step, and that one is counted in."""
    if bar.seconds is None or bar.done < 2:
        return None
    return bar.seconds * bar.done / (bar.done - 1)


def _recorded(record: re.Match[str]) -> tuple[Event, ...]:
    """What one record of its log tells."""
    text = record["text"].strip()
    code = next((code for begin, code in _CODES.items() if text.startswith(begin)), "")
    if record["level"] in ("ERROR", "CRITICAL"):
        return (Failed(text, code),)
    if record["level"] == "WARNING":
        return (Warned(text, code),)
    state = _STATE.match(text)
    if state is not None:
        number = int(state["number"]) if state["number"] else None
        step, epoch = (number, None) if state["what"] == "step" else (None, number)
        return (Saved("state", "", step, epoch, number is None),)
    found = re.match(r"found (\d+) images$", text)
    if found is not None:
        return (Fact("images", int(found[1])),)
    found = re.match(r"create LoRA for [^:]+: (\d+) modules", text)
    if found is not None:
        return (Fact("modules", int(found[1])),)
    found = re.match(r"resume training from local state: (.+)$", text)
    if found is not None:
        return (Phase("resuming", text=found[1].strip()),)
    if text.startswith("Encoding"):
        return (Phase("encoding", text=text),)
    if text.startswith(("Loading", "loading")):
        return (Phase("loading", text=text),)
    if text.startswith("generating sample images"):
        return (Sampled(),)
    return (Finished(text),) if text == "model saved." else ()
