"""``ategnatos grimoire``: the record, read, changed, checked, backed up and brought back."""

from ategnatos.commands.contract import room
from ategnatos.commands.grimoire import checking, keeping, values

app = room("The record: read, change, check, back up, restore.")
values.register(app)
checking.register(app)
keeping.register(app)

__all__ = ["app"]
