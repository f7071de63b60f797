"""One real way to provoke each error of ``ategnatos.train.demonstration``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.studio.init import init_studio
from ategnatos.train.demonstration import owl, process


def _order_that_cannot_be_read(folder: Path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    project = init_studio(folder / "studio").project
    kept = owl.plan(project, owl.owls(project, "test", now), False, "test", now)
    laid = owl.lay_out(project, kept)
    (laid.place / "starter.json").write_text("{")
    process.run(laid, lambda event: None)


CASES: dict[str, Callable[[Path], None]] = {"demonstration_failed": _order_that_cannot_be_read}
