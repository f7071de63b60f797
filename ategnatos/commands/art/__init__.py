"""``ategnatos art``: make pictures, judge them, ship the chosen ones."""

from ategnatos.commands.art import brief, judge, look, make, words
from ategnatos.commands.contract import room

app = room("Make pictures, judge them, ship the chosen ones.")
brief.register(app)
make.register(app)
words.register(app)
look.register(app)
judge.register(app)
