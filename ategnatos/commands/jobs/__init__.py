"""``ategnatos jobs``: the line of work, who is on it, and how to steer it."""

from __future__ import annotations

from ategnatos.commands.contract import room
from ategnatos.commands.jobs import look, steer, work

app = room("The line of work: what runs, what waits, who carries it on.")
for part in (look, steer, work):
    part.register(app)
