"""Codes of what a run saved: a ledger that is damaged, a name that is not there, a way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ategnatos.train.checkpoints import aside, ledger, verifying
from tests.train.checkpoints import saves

LATER = datetime.now(UTC) + timedelta(hours=1)


def _damaged(folder: Path) -> None:
    (folder / "ledger.json").write_text('{"version": 1')
    ledger.read(folder)


def _in_the_way(folder: Path) -> None:
    made = ledger.record(folder, saves.starter(folder / "output"), now=LATER)
    assert made is not None
    (folder / made.weights).write_bytes(b"damaged")
    verifying.verify(folder)
    aside.move(folder, [made.name], now=LATER)
    (folder / made.weights).write_bytes(b"another")
    aside.bring_back(folder, made.name)


CASES = {
    "ledger_broken": _damaged,
    "checkpoint_unknown": lambda folder: ledger.find(folder, "best"),
    "not_aside": lambda folder: aside.bring_back(folder, "checkpoint-1-20261121-1200"),
    "in_the_way": _in_the_way,
}
