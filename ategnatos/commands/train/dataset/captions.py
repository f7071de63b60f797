"""``train dataset captions``: what is said of each picture."""

from __future__ import annotations

from ategnatos.commands.contract import room
from ategnatos.commands.train.dataset import captions_judge, captions_make, captions_write

app = room("Captions: look at pictures, tell of them, judge and mend what is told.")
for part in (captions_make, captions_write, captions_judge):
    part.register(app)
