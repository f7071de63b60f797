"""What a verdict covers, held to what is there when its LoRA is put to use."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.files import sha256_file
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import agreement
from ategnatos.train.evaluation import record, verdict
from tests.conftest import AtTerminal, Run
from tests.train.registering import chosen

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _exchanged(project: Project) -> tuple[record.Evaluation, Path]:
    """Another picture in the place of one that was made with the winner."""
    one = record.load(project, "owl")
    cell = next(cell for cell in one.cells if cell.checkpoint == "late" and cell.weight == 0.8)
    Image.new("RGB", (16, 16), (9, 99, 199)).save(one.picture(cell))
    return one, one.picture(cell)


def _register(run: Run, project: Project) -> str:
    failed = run("train", "register", "owl", "--json", cwd=project.root).envelope["error"]
    assert documents.read(project, "loras").loras == []
    return str(failed["code"])


def test_a_picture_exchanged_after_the_verdict_is_found_at_register(
    run: Run, studio: Project
) -> None:
    _exchanged(studio)
    assert _register(run, studio) == "evaluation_picture"


def test_nor_does_it_pass_with_its_hash_in_the_record(run: Run, studio: Project) -> None:
    one, path = _exchanged(studio)
    cells = tuple(
        replace(cell, sha256=sha256_file(path)) if one.picture(cell) == path else cell
        for cell in one.cells
    )
    record.save(replace(one, cells=cells))
    assert _register(run, studio) == "lora_verdict_missing"


def test_a_picture_that_is_gone_is_found_at_register(run: Run, studio: Project) -> None:
    _exchanged(studio)[1].unlink()
    assert _register(run, studio) == "evaluation_picture"


def test_nothing_is_revealed_or_signed_while_a_picture_is_another(
    at_terminal: AtTerminal, tmp_path: Path
) -> None:
    project = chosen.studio(tmp_path)
    _exchanged(project)
    done = at_terminal(["train", "verdict", "owl"], cwd=project.root, answers=[])
    assert done.code == 1
    assert "is gone or was changed" in done.out
    assert list(journal.read(project, (verdict.REVEALED,))) == []


def test_a_verdict_from_before_pictures_were_covered_counts_and_says_what_it_covers(
    run: Run, studio: Project
) -> None:
    """Its subject says nothing of pictures, as all did then."""
    new = verdict.standing(studio, "owl")
    assert new is not None
    assert new.covers.endswith("every picture.")
    (said,) = agreement.authorisations(studio, verdict.GATE)
    subject = {key: value for key, value in said.subject.items() if key != "pictures_sha256"}
    journal.append(
        studio,
        "gate.authorised",
        actor="user:ann",
        data={"for": verdict.GATE, "subject": subject, "reason": None, "gate": "unsigned"},
        now=NOW,
    )
    old = verdict.standing(studio, "owl")
    assert old is not None
    assert (old.pictures_sha256, old.checkpoint) == ("", new.checkpoint)
    assert old.covers.endswith("no picture.")
    data = run("train", "register", "owl", "--json", cwd=studio.root).data
    assert any("no picture" in text for text in data["notes"])
