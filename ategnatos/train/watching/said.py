"""What a trainer says in words: findings that need no arithmetic, each of them once."""

from __future__ import annotations

from ategnatos.train.watching.values import Finding, Weight
from ategnatos.trainers import events

# What a code of a trainer's warning means: its weight, and a sentence for people.
_WARNINGS: dict[str, tuple[Weight, str]] = {
    "no_captions": (
        "warn",
        "The trainer reads no caption files: it will learn one sentence for every picture. Stop it "
        "and check the caption extension.",
    ),
    "bad_image": ("warn", "A picture could not be read and is left out."),
    "bad_caption_encoding": ("warn", "A caption is not in UTF-8."),
    "optimizer_not_loaded": (
        "warn",
        "The optimizer's state could not be loaded: the run goes on with a fresh one, so the first "
        "steps may jump.",
    ),
    "optimizer_not_saved": (
        "warn",
        "The optimizer's state could not be saved, often for want of space: nothing can be resumed "
        "exactly from this save.",
    ),
    "initial_epoch": ("note", "The step that the state names is not used; the epoch decides."),
    "no_regularisation": (
        "warn",
        "The trainer finds none of the plan's regularisation pictures, so nothing holds the LoRA "
        "back from spreading.",
    ),
    "stopped": ("note", "The trainer was asked to stop, saved, and stops."),
}
# Of what a trainer calls an error. Without a code it may go on all the same.
_FAILURES: dict[str, tuple[Weight, str]] = {
    "no_training_data": (
        "stop",
        "The trainer found no picture to train on. It may end as if it had succeeded.",
    ),
    "nan": ("stop", "The trainer ends because the loss is not a number."),
}


class Said:
    """What was said once is not said again. ``priors``: there are regularisation pictures to be
    found.
    """

    def __init__(self, priors: bool = False) -> None:
        self._keys: set[str] = set()
        self.priors = priors

    def once(self, key: str, finding: Finding) -> list[Finding]:
        """The finding, the first time."""
        if key in self._keys:
            return []
        self._keys.add(key)
        return [finding]

    def nan(self, step: int, row: int, final: bool) -> list[Finding]:
        """The loss of a step is no number; ``row`` such steps in a row."""
        evidence = {"step": step, "in_a_row": row}
        if final:
            many = "" if row == 1 else f" {row} times in a row"
            text = f"The loss is not a number{many} (step {step}). Every further step is worthless"
            text += ", and the weights may be spoiled: go back to a checkpoint before it, with a"
            text += " lower learning rate or another precision."
            self._keys.add("nan-once")
            return self.once("nan", Finding("nan", "stop", text, evidence))
        text = f"The loss of step {step} is not a number. Some trainers leave such a step out; the"
        text += " run is stopped if it stays so."
        return self.once("nan-once", Finding("nan_step", "warn", text, evidence))

    def elsewhere(self, value: int, begun: int) -> list[Finding]:
        """It goes on from another step than it was to; one step off is its own way of counting."""
        evidence = {"resumed_at": value, "expected": begun}
        if begun:
            text = f"The trainer goes on from step {value}; it was to go on from step {begun}."
            return self.once("elsewhere", Finding("resumed_elsewhere", "warn", text, evidence))
        text = f"The trainer goes on from step {value} of something that lay in its folder (a dry "
        text += "run, an older training); it was to begin anew. What it makes would be of neither."
        return self.once("elsewhere", Finding("resumed_elsewhere", "stop", text, evidence))

    def gone(self, step: int, steps: int) -> list[Finding]:
        """The process is no more, and nobody said that it is done."""
        text = f"The trainer's process is gone at step {step} of {steps}, without having said that"
        text += " it is done."
        return self.once("gone", Finding("process_gone", "warn", text, {"step": step}))


def told(said: Said, event: events.Event, step: int, begun: int = 0) -> list[Finding]:
    """What a warning, a failure or a step that was left out means, at ``step``.

    ``begun`` is the step that the process was to begin at.
    """
    match event:
        case events.Skipped():
            text = f"GPU memory ran out and a step was left out ({event.number} of {event.most} in "
            text += f"a row before the trainer stops), around step {step}."
            key = f"skipped-{event.number}"
            evidence = {"step": step, "number": event.number, "most": event.most}
            return said.once(key, Finding("skipped_steps", "warn", text, evidence))
        case events.Fact(name="resumed_at") if abs(event.value - begun) > 1:
            return said.elsewhere(event.value, begun)
        case events.Warned(code="nan"):
            return said.nan(step, 1, False)
        case events.Warned(code="no_regularisation") if not said.priors:
            # kohya says so of every plan that wants none.
            return []
        case events.Warned():
            return _known(said, _WARNINGS.get(event.code), event.code, event.text, step)
        case events.Failed():
            code = event.code if event.code in _FAILURES else "failed"
            known = _FAILURES.get(code, ("warn", "The trainer reports an error."))
            return _known(said, known, code, event.text, step, event.code)
        case _:
            return []


def _known(
    said: Said,
    known: tuple[Weight, str] | None,
    code: str,
    words: str,
    step: int,
    named: str = "",
) -> list[Finding]:
    if known is None:
        return []
    weight, text = known
    evidence = {"step": step, **({"code": named} if named else {})}
    finding = Finding(code, weight, f"{text} It says: {words[:300]}", evidence)
    return said.once(f"{code}:{words[:120]}" if code == "failed" else code, finding)
