"""docs/fences.md names for each fence its lock and the test that shows it: all of them exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "fences.md").read_text(encoding="utf-8")
HELD = PAGE.partition("## What is held")[2].partition("\n## ")[0]
LOCKS = PAGE.partition("## Fences, not locks")[2].partition("\n## ")[0]


def rules(text: str) -> set[str]:
    """The fences that the first column of a table names."""
    first = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return {rule for cell in first for rule in re.findall(r"`([a-z]+)`", cell)}


def test_every_fence_has_its_row() -> None:
    assert len(rules(HELD)) > 8
    assert rules(LOCKS) == rules(HELD)


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[^`]+\.py)::(test_[a-z0-9_]+)`", LOCKS)
    assert len(named) > 10
    for path, test in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", text, re.MULTILINE), f"{path}::{test}"
