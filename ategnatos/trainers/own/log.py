"""What the training process says, one line a fact, and how that is read again."""

from __future__ import annotations

import re
from collections.abc import Callable

from ategnatos.trainers import events
from ategnatos.trainers.events import Event

_NUMBER = r"(?:[0-9.e+-]+|nan|inf|-inf)"
_STEP = re.compile(
    rf"step (\d+)/(\d+) epoch (\d+)/(\d+) loss ({_NUMBER}) rate ({_NUMBER}) "
    rf"({_NUMBER}) s/step ({_NUMBER}) s gone ({_NUMBER}) s left"
)


def loading(what: str) -> str:
    """Said first."""
    return f"loading {what}"


def begin(pictures: int, prior: int, modules: int, numbers: int, steps: int, batch: int) -> str:
    """What the training consists of."""
    kept = f" and {prior} prior pictures" if prior else ""
    return (
        f"training {modules} layers ({numbers:,} numbers) on {pictures} pictures{kept}: "
        f"{steps} steps of {batch}"
    )


def resumed(step: int, path: str) -> str:
    """Where it goes on from."""
    return f"resumed at step {step} from {path}"


def step(
    number: int, total: int, epoch: int, epochs: int, loss: float, rate: float,
    seconds: float, gone: float,
) -> str:  # fmt: skip
    """One step done; ``seconds`` a step on average, ``gone`` in this process."""
    left = seconds * (total - number)
    return (
        f"step {number}/{total} epoch {epoch}/{epochs} loss {loss:.6f} rate {rate:.3e} "
        f"{seconds:.3f} s/step {gone:.1f} s gone {left:.1f} s left"
    )


def saved(kind: str, path: str, number: int) -> str:
    """A file that is whole and on the disk; ``kind`` is weights or state."""
    return f"saved {kind} at step {number}: {path}"


def finished(path: str, number: int) -> str:
    """The LoRA of the whole training is on the disk."""
    return f"finished at step {number}: {path}"


def sampled(path: str) -> str:
    """A picture made on the way."""
    return f"sample picture: {path}"


def validated(loss: float, number: int) -> str:
    """The loss over pictures that are not trained on."""
    return f"validation loss {loss:.6f} at step {number}"


def stopped(signal: str, number: int) -> str:
    """Asked to stop, and a state saved."""
    return f"stopped by {signal} at step {number}; nothing is lost, resume from the state"


def warning(text: str) -> str:
    """Something a person should know."""
    return f"warning: {text}"


def error(text: str) -> str:
    """Why it failed."""
    return f"error: {text}"


class LogParser:
    """Reads the lines above. Anything else says nothing."""

    def parse(self, line: str) -> tuple[Event, ...]:
        """What one line says."""
        text = line.strip()
        for pattern, read in _READERS:
            if match := pattern.fullmatch(text):
                return read(match)
        return ()


def _read_step(match: re.Match[str]) -> tuple[Event, ...]:
    whole = [int(match[number]) for number in range(1, 5)]
    loss, rate, each, gone, left = (float(match[number]) for number in range(5, 10))
    return (
        events.Progress(
            step=whole[0],
            total=whole[1],
            loss=loss,
            rate=rate,
            seconds_a_step=each,
            elapsed=gone,
            remaining=left,
            epoch=whole[2],
            epochs=whole[3],
        ),
    )


def _read_begin(match: re.Match[str]) -> tuple[Event, ...]:
    modules, pictures, steps, batch = (int(match[number]) for number in range(1, 5))
    facts = {"modules": modules, "images": pictures, "steps": steps, "batch": batch}
    return tuple(events.Fact(name, value) for name, value in facts.items())


def _read_saved(match: re.Match[str]) -> tuple[Event, ...]:
    kind = "state" if match[1] == "state" else "weights"
    return (events.Saved(kind, match[3], int(match[2])),)  # type: ignore[arg-type]


def _read_finished(match: re.Match[str]) -> tuple[Event, ...]:
    return (
        events.Saved("weights", match[2], int(match[1]), final=True),
        events.Finished(match[0]),
    )


def _read_error(match: re.Match[str]) -> tuple[Event, ...]:
    return (events.Failed(match[1], "nan" if "not a number" in match[1] else ""),)


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[Event, ...]]], ...] = (
    (_STEP, _read_step),
    (re.compile(r"loading (.+)"), lambda m: (events.Phase("loading", text=m[1]),)),
    (
        re.compile(
            r"training (\d+) layers \([\d,]+ numbers\) on (\d+) pictures"
            r"(?: and \d+ prior pictures)?: (\d+) steps of (\d+)"
        ),
        _read_begin,
    ),
    (
        re.compile(r"resumed at step (\d+) from .+"),
        lambda m: (events.Fact("resumed_at", int(m[1])),),
    ),
    (re.compile(r"saved (weights|state) at step (\d+): (.+)"), _read_saved),
    (re.compile(r"finished at step (\d+): (.+)"), _read_finished),
    (re.compile(r"sample picture: (.+)"), lambda m: (events.Sampled(m[1]),)),
    (
        re.compile(rf"validation loss ({_NUMBER}) at step (\d+)"),
        lambda m: (events.Validated(float(m[1]), int(m[2])),),
    ),
    (re.compile(r"stopped by .+"), lambda m: (events.Warned(m[0], "stopped"),)),
    (re.compile(r"warning: (.+)"), lambda m: (events.Warned(m[1]),)),
    (re.compile(r"error: (.+)"), _read_error),
)
