"""Becomes ComfyUI: run as a program, it reads its orders from a file and replaces itself.

It exists so that the process whose id we know *is* the server, with or without tmux: the log is
attached, and SIGINT works again, which a shell's background had set to ignored. Standard
library only, run with ``python -I``. The orders may hold the environment with its secrets, so
the file is read once and deleted.
"""

from __future__ import annotations

import json
import os
import signal
import sys


def main(orders_path: str) -> None:
    """Do what the orders say; does not return."""
    with open(orders_path, "rb") as file:  # noqa: PTH123
        orders = json.load(file)
    os.unlink(orders_path)  # noqa: PTH108
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    if sys.stdout.isatty():
        sys.stdout.write(f"ComfyUI runs here; its log is {orders['log']}\nCtrl-C ends it.\n")
        sys.stdout.flush()
    log = os.open(orders["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(orders["folder"])
    try:
        program = orders["command"][0]
        os.execve(program, orders["command"], orders["environment"])  # noqa: S606
    except OSError as error:
        os.write(2, f"{orders['command'][0]} cannot be run: {error}\n".encode())
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1])
