"""A person's leave to pass the caps, given when an order is queued, and kept by whoever works."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved
from tests.conftest import AtTerminal, Run
from tests.engines.toll import Vendor
from tests.guard import keys

ORDER = ("art", "generate", "a square", "--engine", "toll", "-n", "1", "--queue", "--confirm")
LEAVE = ("--override", "--because", "a deadline")


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """A vendor of 30 USD a picture, past every cap; its engine is installed as a stranger's is."""
    with Vendor() as running:
        site = tmp_path / "site"
        facts = site / "toll-1.0.dist-info"
        facts.mkdir(parents=True)
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: toll\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text("[ategnatos.engines]\ntoll = dear_toll:Dear\n")
        (site / "dear_toll.py").write_text(
            "from decimal import Decimal\n"
            "from tests.engines.toll import Toll\n"
            "class Dear(Toll):\n"
            f"    def __init__(self):\n        super().__init__({running.port}, Decimal(30))\n"
        )
        root = Path(__file__).parents[2]
        monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{root}")
        yield running


@pytest.fixture
def studio(project: Project) -> Project:
    """A studio in signed mode, with the caps of the first day."""
    approved.ensure_file(project)
    keys.founded(project)
    return project


def money(project: Project) -> list[tuple[str, int, bool]]:
    with database.connect(project) as db:
        rows = db.execute("SELECT status, counts, override_event FROM spend").fetchall()
    return [(row[0], row[1], row[2] is not None) for row in rows]


def test_a_signed_leave_goes_with_the_order_to_the_worker_and_holds_once(
    studio: Project, vendor: Vendor, at_terminal: AtTerminal, program: Run
) -> None:
    queued = at_terminal([*ORDER, *LEAVE, "--json"], cwd=studio.root, answers=[keys.PASSPHRASE])
    assert queued.code == 0, queued.out
    assert "past the budget" in queued.out
    assert (vendor.calls, money(studio)) == (0, [])

    worked = program("jobs", "work", "--until-idle", "--json", cwd=studio.root)
    assert worked.data["waiting_for_a_person"] == ["j1"], worked.err
    assert [str(billed) for billed in vendor.till] == ["30"]
    assert money(studio) == [("settled", 30_000_000, True)]
    assert any("a deadline" in str(event.data) for event in journal.read(studio))

    # The next take is another call: yesterday's leave does not hold for it.
    again = program(*ORDER, "--again", "--json", cwd=studio.root)
    assert again.code == 0, again.err
    program("jobs", "work", "--until-idle", "--json", cwd=studio.root)
    assert vendor.calls == 1
    assert money(studio) == [("settled", 30_000_000, True)]


def test_without_a_leave_a_queued_order_past_the_caps_is_never_sent(
    studio: Project, vendor: Vendor, program: Run
) -> None:
    assert program(*ORDER, "--json", cwd=studio.root).code == 0
    program("jobs", "work", "--until-idle", "--json", cwd=studio.root)
    assert (vendor.calls, money(studio)) == (0, [])
    shown = program("jobs", "show", "j1", "--json", cwd=studio.root).data
    assert (shown["state"], shown["error"]["code"]) == ("failed", "budget_refused")


@pytest.mark.parametrize("answers", [["not the passphrase"] * 3, [""], ["\x04"]])
def test_who_cannot_sign_queues_nothing(
    studio: Project, vendor: Vendor, at_terminal: AtTerminal, answers: list[str]
) -> None:
    refused = at_terminal([*ORDER, *LEAVE], cwd=studio.root, answers=answers)
    assert refused.code == 1, refused.out
    with database.connect(studio) as db:
        assert db.execute("SELECT COUNT(*) FROM job").fetchone()[0] == 0
    assert vendor.calls == 0


def test_an_agent_without_a_terminal_queues_nothing(
    studio: Project, vendor: Vendor, program: Run
) -> None:
    refused = program(*ORDER, *LEAVE, "--json", cwd=studio.root)
    assert refused.envelope["error"]["code"] == "needs_person"
    with database.connect(studio) as db:
        assert db.execute("SELECT COUNT(*) FROM job").fetchone()[0] == 0
    assert vendor.calls == 0
