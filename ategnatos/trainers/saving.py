"""How a trainer can be brought to save before it is ended; most cannot.

kohya and ai-toolkit end at a signal and save nothing (ai-toolkit's own page asks for a save through
its database, which a run of ours has not). musubi-tuner does as kohya.
"""

from __future__ import annotations

from dataclasses import dataclass

# Where a resumed trainer counts its steps from 0 again it saves into a folder of its own, so that
# nothing is overwritten: this, and the step of the plan that it was resumed at.
COUNTED_ANEW = "output-from-"

# These save by themselves when they are told to end.
AT_THE_END = frozenset({"starter", "accelerate"})


@dataclass(frozen=True, slots=True)
class Asking:
    """A file that the trainer looks at after every step, named by an environment variable: what
    stands in it when the trainer begins, and what asks for a save.
    """

    variable: str
    name: str
    quiet: bytes
    save: bytes


# SimpleTuner, simpletuner/train.py: _build_signal_consumer; its launcher has the same file.
BY_FILE = {
    "simpletuner": Asking(
        "SIMPLETUNER_ACCELERATE_SIGNAL_FILE",
        "save-now.json",
        b"{}\n",
        b'{"manual_checkpoint": 1}\n',
    )
}
