"""A process that wants a lock when told to, for tests and the benchmark.

Usage: lock_worker.py FOLDER RESOURCE. Each line on standard input is an order: ``take`` answers
``won TOKEN`` or ``lost``; ``free`` answers ``done``; ``fork`` lets a child leave the block.
``loop N`` takes and frees N times and answers ``doubles D``: how often the resource was in use
by somebody else while it was held here.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.locks import resource
from ategnatos.guard.locks.store import Store


def main() -> None:
    """Follow orders until the input ends."""
    store, name = Store(Path(sys.argv[1])), sys.argv[2]
    in_use = store.folder.with_name("in-use")
    held = ExitStack()
    for order in sys.stdin:
        what, _, count = order.strip().partition(" ")
        if what == "take":
            try:
                token = held.enter_context(resource(name, who="w", timeout=0, store=store)).token
                say(f"won {token}")
            except StudioError as error:
                say("lost" if error.code.code == "resource_held" else f"error {error}")
        elif what == "free":
            held.close()
            say("done")
        elif what == "fork":
            child = os.fork()
            if child == 0:
                held.close()
                os._exit(0)
            os.waitpid(child, 0)
            say("done")
        else:
            doubles = 0
            for _ in range(int(count)):
                with resource(name, who="w", timeout=60, store=store):
                    try:
                        os.close(os.open(in_use, os.O_CREAT | os.O_EXCL))
                    except FileExistsError:
                        doubles += 1
                    else:
                        in_use.unlink()
            say(f"doubles {doubles}")


def say(answer: str) -> None:
    """One line to whoever gives the orders."""
    print(answer, flush=True)


if __name__ == "__main__":
    main()
