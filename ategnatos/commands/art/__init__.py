"""``ategnatos art``: make pictures, judge them, ship the chosen ones."""

from ategnatos.commands.art import (
    brief,
    bring,
    compare,
    freeze,
    history,
    judge,
    library,
    look,
    make,
    recipe,
    reproduce,
    review,
    run,
    search,
    words,
)
from ategnatos.commands.contract import room

app = room("Make pictures, judge them, ship the chosen ones.")
brief.register(app)
make.register(app)
bring.register(app)
recipe.register(app)
reproduce.register(app)
run.register(app)
words.register(app)
look.register(app)
history.register(app)
compare.register(app)
search.register(app)
library.register(app)
judge.register(app)
review.register(app)
freeze.register(app)
