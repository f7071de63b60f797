"""``python -m ategnatos.trainers.accelerate ORDER.json``: carry out one order."""

from __future__ import annotations

import sys

from ategnatos.trainers.accelerate.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
