"""The concept gate: a person sees the cheap picture before the dear one is paid for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ategnatos.art import verdicts
from ategnatos.art.recipes import origin, running
from ategnatos.engines import Capabilities, Engine, ProgressCallback, Request, Result, load_engine
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, moves, store
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved
from tests.art.potion_recipe import WITCH, add_words, gated, noon, put, waiting_concept
from tests.conftest import AtTerminal, Run
from tests.engines.toll import Toll, Vendor


@dataclass
class Sculptor(Toll):
    """A billed engine that starts from a picture, and remembers which."""

    started_from: list[bytes | None] = field(default_factory=list)

    def capabilities(self) -> Capabilities:
        return replace(super().capabilities(), image_to_image=True)

    def plan(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        exact, said = super().plan(replace(request, init_image=None, cfg=None, steps=None))
        return replace(exact, init_image=request.init_image), said

    def generate(self, request: Request, on_progress: ProgressCallback | None = None) -> Result:
        self.started_from.append(request.init_image)
        return super().generate(replace(request, init_image=None), on_progress)


@pytest.fixture
def sculptor() -> Iterator[tuple[Sculptor, Vendor]]:
    with Vendor() as vendor:
        yield Sculptor(vendor.port, each=Decimal("0.25")), vendor


@dataclass
class Waiting:
    """A studio whose witch waits at her concept gate, and the engine behind it."""

    project: Project
    engine: Sculptor
    vendor: Vendor

    def engine_of(self, name: str) -> Engine:
        return self.engine if name == self.engine.name else load_engine(name)

    def carry_on(self) -> bool:
        with database.connect(self.project) as db:
            job = store.get(db, 1)
            return running.carry_out(
                self.project, db, job, self.engine_of, now=noon, actor="user:ann"
            )

    def judge(self, number: int, verdict: str, reason: str | None = None) -> None:
        with database.connect(self.project) as db:
            one = store.get_candidate(db, 1, number)
        verdicts.record_choice(
            self.project,
            1,
            number,
            verdict,
            sha256=one.sha256,
            reason=reason,
            actor="user:ann",
            now=noon,
        )

    @property
    def state(self) -> str:
        with database.connect(self.project) as db:
            return store.get(db, 1).state

    @property
    def candidates(self) -> list[store.Candidate]:
        with database.connect(self.project) as db:
            return store.candidates(db, 1)


@pytest.fixture
def waiting(tmp_path: Path, sculptor: tuple[Sculptor, Vendor]) -> Waiting:
    engine, vendor = sculptor

    def engine_of(name: str) -> Engine:
        return engine if name == engine.name else load_engine(name)

    project, _ = waiting_concept(tmp_path, engine_of, engine.name)
    approved.ensure_file(project)
    return Waiting(project, engine, vendor)


def test_the_concept_waits_and_nothing_is_paid(waiting: Waiting) -> None:
    assert waiting.state == running.CONCEPT_GATE
    assert not waiting.carry_on()
    (concept,) = waiting.candidates
    assert origin.is_concept(concept)
    assert origin.finals(waiting.candidates) == []
    assert "/starter/000.png" in concept.path
    assert (waiting.vendor.calls, waiting.vendor.till) == (0, [])


def test_an_approved_concept_is_what_the_paid_step_starts_from(waiting: Waiting) -> None:
    waiting.judge(1, store.APPROVED)
    assert waiting.state == "rotation_generating"
    assert waiting.carry_on()
    concept, final = waiting.candidates
    assert waiting.engine.started_from == [(waiting.project.root / concept.path).read_bytes()]
    assert waiting.vendor.till == [Decimal("0.25")]
    assert "/stone/000.png" in final.path
    assert final.settings["concept_sha256"] == concept.sha256
    assert origin.finals(waiting.candidates) == [final]
    assert waiting.state == store.AWAITING_REVIEW
    waiting.judge(2, store.APPROVED)
    assert waiting.state == store.APPROVED


def test_a_rejected_concept_is_the_end_and_never_reaches_the_paid_step(waiting: Waiting) -> None:
    waiting.judge(1, store.REJECTED, "not a witch")
    assert waiting.state == store.REJECTED
    assert not waiting.carry_on()
    with database.connect(waiting.project) as db:
        for move in (moves.retry, moves.cancel):
            with pytest.raises(StudioError):
                move(db, 1, who="user:ann")
    with pytest.raises(StudioError) as refused:
        waiting.judge(1, store.APPROVED)
    assert refused.value.code is store.VERDICT_FINAL
    assert waiting.vendor.calls == 0


def test_a_rejected_final_is_the_end_though_its_concept_was_approved(waiting: Waiting) -> None:
    waiting.judge(1, store.APPROVED)
    waiting.carry_on()
    waiting.judge(2, store.REJECTED, "too dark")
    assert waiting.state == store.REJECTED


def test_an_approval_in_the_database_alone_pays_for_nothing(waiting: Waiting) -> None:
    (concept,) = waiting.candidates
    with database.connect(waiting.project) as db:
        facts: dict[str, Any] = {"sha256": concept.sha256, "event": "e00000009", "reason": None}
        store.decide(db, 1, 1, store.APPROVED, now="2026-11-21T12:00:00Z", **facts)
    with pytest.raises(StudioError) as refused:
        waiting.carry_on()
    assert refused.value.code.code == "concept_gate"
    assert (waiting.vendor.calls, waiting.state) == (0, store.FAILED)


def test_a_concept_whose_bytes_changed_pays_for_nothing(waiting: Waiting) -> None:
    waiting.judge(1, store.APPROVED)
    (concept,) = waiting.candidates
    (waiting.project.root / concept.path).write_bytes(b"another picture")
    with pytest.raises(StudioError) as refused:
        waiting.carry_on()
    assert refused.value.code is verdicts.BYTES_CHANGED
    assert waiting.vendor.calls == 0


def test_a_verdict_that_only_the_journal_holds_is_carried_on_by_the_next_run(
    waiting: Waiting,
) -> None:
    """Killed between the journal and the database: the word was given, and counts."""
    from unittest import mock

    with (
        mock.patch.object(store, "decide", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        waiting.judge(1, store.APPROVED)
    assert waiting.state == running.CONCEPT_GATE
    with database.connect(waiting.project) as db:
        running.settle(waiting.project, db, store.get(db, 1))
    assert waiting.state == "rotation_generating"


def test_the_gate_at_the_command_line(tmp_path: Path, run: Run, at_terminal: AtTerminal) -> None:
    """The whole way with the starter on both sides of the gate."""
    project, job = waiting_concept(tmp_path)
    asked = ("art", "run", WITCH, "--colour", "red", "--size", "big", "--json")
    data = run(*asked, cwd=project.root).data
    assert (data["found"], data["outputs"][0]["state"]) == (1, running.CONCEPT_GATE)
    assert data["outputs"][0]["concept"]["engine_key"] == "starter"
    at_terminal(["art", "approve", f"{job.name}#1"], cwd=project.root, answers=["yes"])
    (made,) = run(*asked, cwd=project.root).data["outputs"]
    assert made["state"] == store.AWAITING_REVIEW
    assert [one["candidate"] for one in made["candidates"]] == ["j1#1", "j1#2"]
    assert made["path"] == made["candidates"][1]["path"]


def test_a_kind_without_a_gate_goes_straight_to_its_step(tmp_path: Path, run: Run) -> None:
    recipe = gated()["recipe"]
    del recipe["prompt_templates_by_backend"]["stone"]
    project = Project.create(tmp_path / "studio")
    put(project, recipe)
    asked = ("art", "run", WITCH, "--colour", "red", "--size", "big", "--json")
    assert run(*asked, cwd=project.root).data["outputs"][0]["state"] == store.AWAITING_REVIEW


def test_a_price_is_said_first_and_nothing_is_written_without_a_yes(
    tmp_path: Path,
    run: Run,
    sculptor: tuple[Sculptor, Vendor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ategnatos import engines

    engine, vendor = sculptor
    known = engines.load_engine

    def engine_of(name: str, *place: Any) -> Engine:
        return engine if name == engine.name else known(name, *place)

    monkeypatch.setattr(engines, "load_engine", engine_of)
    facts = gated()
    facts["vocabulary"]["engine_keys"]["stone"]["engine"] = engine.name
    project = Project.create(tmp_path / "studio")
    approved.ensure_file(project)
    add_words(project, facts["vocabulary"])
    put(project, facts["recipe"])
    asked = ("art", "run", WITCH, "--size", "big", "--sweep", "colour", "--json")
    planned = run(*asked, "--dry-run", cwd=project.root).data
    assert (planned["price_usd"], planned["to_make"]) == ("0.75", 3)
    refused = run(*asked, cwd=project.root)
    assert refused.envelope["error"]["code"] == "price_not_confirmed"
    assert not database.exists(project)
    data = run(*asked, "--confirm", cwd=project.root).data
    assert {one["state"] for one in data["outputs"]} == {running.CONCEPT_GATE}
    assert data["awaiting_person"] == 3
    assert vendor.calls == 0
