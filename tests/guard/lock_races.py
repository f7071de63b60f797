"""Races of real processes for one lock, as the tests and the benchmark run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
NAME = "gpu:local:0"


class Worker:
    """A process of its own that follows orders."""

    def __init__(self, folder: Path, name: str = NAME) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.guard.lock_worker", str(folder), name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def order(self, what: str) -> None:
        """Give an order; its answer is read apart, so that several can be at work."""
        stream: IO[str] | None = self.process.stdin
        assert stream is not None
        stream.write(what + "\n")
        stream.flush()

    def answer(self) -> str:
        """The answer to the order before."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, what: str) -> str:
        """An order and its answer."""
        self.order(what)
        return self.answer()

    def end(self) -> None:
        """Kill it, as kill -9 does, and collect it."""
        self.process.kill()
        self.process.communicate()


def race(workers: list[Worker], rounds: int) -> tuple[int, int, list[int]]:
    """``rounds`` times all start for the lock at one moment.

    Returns in how many rounds more than one got it, in how many nobody did, and the tokens.
    """
    doubles = none = 0
    tokens: list[int] = []
    for _ in range(rounds):
        for worker in workers:
            worker.order("take")
        answers = [worker.answer() for worker in workers]
        won = [answer for answer in answers if answer.startswith("won")]
        assert all(answer == "lost" for answer in answers if answer not in won), answers
        doubles += len(won) > 1
        none += not won
        tokens += [int(answer.split()[1]) for answer in won]
        for worker in workers:
            worker.order("free")
        for worker in workers:
            worker.answer()
    return doubles, none, tokens
