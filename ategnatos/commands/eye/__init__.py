"""``ategnatos eye``: the person's taste, with what bears it out, and what it does to a prompt."""

from __future__ import annotations

from ategnatos.commands.contract import room
from ategnatos.commands.eye import change, find, look, team

app = room("Your taste: what you like, why the studio thinks so, what it does to a prompt.")
for part in (look, change, find, team):
    part.register(app)
