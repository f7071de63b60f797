"""``ategnatos gate``: keys, and what only a person with a key may decide."""

from ategnatos.commands.contract import room
from ategnatos.commands.gate import approvers, begin, look, passphrase, unlocking

app = room("Keys and signatures: what only a person may decide.")
begin.register(app)
approvers.register(app)
unlocking.register(app)
passphrase.register(app)
look.register(app)
