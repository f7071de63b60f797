"""``python -m ategnatos``: the same front door."""

from ategnatos.cli import main

main()
