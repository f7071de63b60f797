"""An evaluation: what is made, once; what is counted; what is told; what it costs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ategnatos.engines import Request
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved
from ategnatos.knowledge import families, loader
from ategnatos.starter.words import normalise
from ategnatos.train.dataset import store
from ategnatos.train.dataset.version import Version
from ategnatos.train.evaluation import (
    choosing,
    making,
    pairs,
    paying,
    planning,
    prompts,
    record,
    reporting,
    verdict,
)
from ategnatos.train.evaluation.planning import Planned
from ategnatos.train.evaluation.record import Evaluation, Prompt
from tests.engines.toll import Toll, Vendor
from tests.train.dataset.pictures import dataset
from tests.train.evaluation.blender import Blender

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PROMPTS = (Prompt("p1", "near", "zrvkowl sitting"), Prompt("p2", "other", "a <b>chest</b>"))


def lora(folder: Path, name: str, seed: int = 0) -> Path:
    path = folder / f"{name}.safetensors"
    pair = {"x.lora_down.weight": (1, 4), "x.lora_up.weight": (3, 1)}
    random = np.random.default_rng(seed)
    tensors = {key: random.standard_normal(shape, np.float32) for key, shape in pair.items()}
    save_file(tensors, path, {"modelspec.trigger_phrase": "zrvkowl", "ss_steps": str(100 + seed)})
    return path


def planned(
    project: Project,
    engine: Blender | Toll,
    *names: str,
    version: Version | None = None,
    weights: tuple[float, ...] = (0.0, 0.5, 1.0),
    seeds: tuple[int, ...] = (7, 8),
) -> Planned:
    folder = project.root.parent
    paths = [
        folder / f"{name}.safetensors"
        if (folder / f"{name}.safetensors").exists()
        else lora(folder, name, seed)
        for seed, name in enumerate(names or ("early", "late"))
    ]
    found = choosing.of_files(project, paths)
    bound = ("", 0, "") if version is None else (version.dataset, version.number, version.digest())
    subject = planning.Subject("owl", "starter", "object", "zrvkowl", bound)
    ask = planning.Ask(found, weights, PROMPTS, seeds, {})
    files = {one.name: choosing.file_of(project, one) for one in found}
    return planning.plan(project, engine, subject, ask, files, NOW)


def made(project: Project, engine: Blender | Toll, one: Planned) -> Evaluation:
    return making.carry_out(project, engine, one, actor="user:ann", now=lambda: NOW)


def test_the_model_alone_is_made_once_for_all_checkpoints(project: Project) -> None:
    engine = Blender()
    one = planned(project, engine)
    assert len(one.evaluation.cells) == 2 * 2 * (1 + 2 * 2) == one.pictures
    alone = [row for row in one.missing if row.cells[0].weight == 0]
    assert len(alone) == 2
    assert all(len(row.cells) == 2 for row in one.missing)
    done = made(project, engine, one)
    assert done.finished_at
    assert all(cell.sha256 for cell in done.cells)
    assert [event.references["plan"] for event in journal.read(project, (making.EVENT,))] == ["owl"]


def test_the_same_question_again_makes_nothing(project: Project) -> None:
    engine = Blender()
    first = made(project, engine, planned(project, engine))
    calls = engine.calls
    again = planned(project, engine)
    assert (again.stood, again.pictures, again.evaluation) == (True, 0, first)
    assert made(project, engine, again) == first
    assert engine.calls == calls
    assert len(list(journal.read(project, (making.EVENT,)))) == 1


def test_a_new_weight_makes_only_its_own_pictures(project: Project) -> None:
    engine = Blender()
    made(project, engine, planned(project, engine))
    more = planned(project, engine, weights=(0.0, 0.5, 1.0, 1.2))
    assert more.pictures == 2 * 2 * 2
    assert made(project, engine, more).number == 2


def test_a_picture_that_is_lost_is_made_again_alone(project: Project) -> None:
    engine = Blender()
    first = made(project, engine, planned(project, engine))
    lost = first.cells[5]
    first.picture(lost).unlink()
    again = planned(project, engine)
    assert [row.cells for row in again.missing] == [(replace(lost, sha256=""),)]
    assert made(project, engine, again) == first
    assert engine.asked[-1].seed == lost.seed


def test_an_evaluation_that_is_stopped_keeps_its_rows_and_goes_on(project: Project) -> None:
    engine = Blender()

    def stop() -> None:
        if engine.calls > 4:
            raise KeyboardInterrupt

    engine.before_paint = stop
    with pytest.raises(KeyboardInterrupt):
        made(project, engine, planned(project, engine))
    halfway = record.load(project, "owl")
    assert halfway.finished_at == ""
    engine.before_paint = lambda: None
    rest = planned(project, engine)
    assert rest.stood
    assert rest.pictures == len(halfway.cells) - 8
    done = made(project, engine, rest)
    other = Blender()
    elsewhere = Project.create(project.root.parent / "elsewhere")
    straight = made(elsewhere, other, planned(elsewhere, other))
    assert [one.sha256 for one in done.cells] == [one.sha256 for one in straight.cells]


def test_an_engine_that_makes_too_few_is_not_believed(project: Project) -> None:
    engine = Blender(forget_one=True)
    with pytest.raises(StudioError) as refused:
        made(project, engine, planned(project, engine))
    assert refused.value.code is making.EVALUATION_SHORT
    assert record.load(project, "owl").finished_at == ""


def test_pictures_like_the_training_pictures_are_counted_and_named(project: Project) -> None:
    version = dataset(project, captioned=True)
    copied = store.path_of(project, "owls", "003.png", version.by_name()["003.png"].sha256)

    def draws(request: Request, seed: int) -> bytes | None:
        strong = any(one.weight == 1 for one in request.loras)
        return copied.read_bytes() if strong and "zrvkowl" in request.prompt else None

    engine = Blender(draws=draws)
    done = made(project, engine, planned(project, engine, "late", version=version))
    columns = {(one["checkpoint"], one["weight"]): one for one in done.numbers["columns"]}
    strong = columns["late", 1.0]
    assert strong["likeness"] == pytest.approx(1)
    assert strong["diversity"] == 0
    assert strong["copies"] == 2
    assert columns["late", 0.5]["copies"] == 0
    assert {one["like"] for one in done.numbers["copies"]} == {"003.png"}
    assert columns["", 0.0]["effect"] == 0
    assert columns["late", 0.5]["bleed"] > 0.1
    notes = " ".join(reporting.notes(done))
    assert "late from 1 on draws near-copies" in notes
    assert "late from 0.5 on changes prompts that do not call it" in notes
    assert "seeds that differ by 0.00 only" in notes


def test_without_a_dataset_only_what_can_be_known_is_counted(project: Project) -> None:
    engine = Blender()
    done = made(project, engine, planned(project, engine))
    assert all(one["likeness"] is None and one["leak"] is None for one in done.numbers["columns"])
    assert done.numbers["dataset"] == {"pictures": 0, "likeness": None}


def test_the_report_is_one_file_that_needs_nothing_else(project: Project) -> None:
    engine = Blender()
    done = made(project, engine, planned(project, engine))
    html = (done.folder / reporting.REPORT).read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:)', html)
    assert html.count('src="data:image/png;base64,') == 3
    assert "a &lt;b&gt;chest&lt;/b&gt;" in html
    assert "<b>" not in html
    page = (project.root / "grimoire/training/owl/eval.md").read_text(encoding="utf-8")
    for name in re.findall(r"\]\((eval/[^)]+)\)", page):
        assert (project.root / "grimoire/training/owl" / name).is_file()
    assert "hidden" in page


def test_what_people_said_stands_in_the_report_after_the_reveal(project: Project) -> None:
    engine = Blender()
    done = made(project, engine, planned(project, engine))
    path = done.folder / reporting.REPORT
    assert "What people said" not in path.read_text(encoding="utf-8")
    verdict.reveal(project, done, actor="person:ann", now=NOW)
    reporting.write(project, done)
    assert "What people said" in path.read_text(encoding="utf-8")


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as open_now:
        yield open_now


def _spent(project: Project) -> list[tuple[str, int]]:
    with database.connect(project) as db:
        found = db.execute("SELECT status, counts FROM spend ORDER BY key").fetchall()
    return [(row[0], row[1]) for row in found]


def test_on_an_engine_that_bills_each_row_is_paid_once(project: Project, vendor: Vendor) -> None:
    approved.ensure_file(project)
    engine = Toll(vendor.port, each=Decimal("0.01"), painter=Blender())
    one = planned(project, engine)
    price = paying.price(engine, one.missing)
    assert price.units == {"usd": Decimal("0.20")}
    assert paying.breaches(project, engine, price, now=NOW) == []
    made(project, engine, one)
    assert _spent(project) == [("settled", 20_000)] * 10
    assert sum(vendor.till) == Decimal("0.20")
    made(project, engine, planned(project, engine))
    assert vendor.calls == 10


def test_past_a_cap_nothing_more_is_sent(project: Project, vendor: Vendor) -> None:
    approved.ensure_file(project)
    engine = Toll(vendor.port, each=Decimal("2"), painter=Blender())
    one = planned(project, engine)
    assert paying.breaches(project, engine, paying.price(engine, one.missing), now=NOW)
    with pytest.raises(StudioError) as refused:
        made(project, engine, one)
    assert refused.value.code.code == "budget_refused"
    assert len(_spent(project)) == vendor.calls


def test_a_row_whose_end_nobody_knows_is_not_sent_again(project: Project, vendor: Vendor) -> None:
    approved.ensure_file(project)
    engine = Toll(vendor.port, each=Decimal("0.01"), painter=Blender())
    vendor.mood = "lost"
    with pytest.raises(StudioError, match="lost"):
        made(project, engine, planned(project, engine))
    assert _spent(project) == [("unknown", 20_000)]
    vendor.mood = "fair"
    with pytest.raises(StudioError) as refused:
        made(project, engine, planned(project, engine))
    assert refused.value.code is paying.EVALUATION_BILL
    assert vendor.calls == 1


def test_a_no_of_the_vendor_gives_the_money_back(project: Project, vendor: Vendor) -> None:
    approved.ensure_file(project)
    engine = Toll(vendor.port, each=Decimal("0.01"), painter=Blender())
    vendor.mood = "no"
    with pytest.raises(StudioError):
        made(project, engine, planned(project, engine))
    assert _spent(project) == [("released", 0)]
    vendor.mood = "fair"
    made(project, engine, planned(project, engine))
    assert sum(vendor.till) == Decimal("0.20")


def test_a_file_that_was_changed_since_is_not_taken_for_it(project: Project) -> None:
    found = choosing.of_files(project, [lora(project.root.parent, "early")])
    lora(project.root.parent, "early", seed=9)
    with pytest.raises(StudioError) as refused:
        choosing.file_of(project, found[0])
    assert refused.value.code is choosing.EVALUATION_FILES


def test_two_files_of_the_same_bytes_are_one_checkpoint(project: Project) -> None:
    first = lora(project.root.parent, "early")
    twin = first.with_name("twin.safetensors")
    twin.write_bytes(first.read_bytes())
    (only,) = choosing.of_files(project, [first, twin])
    assert (only.step, only.trigger) == (100, "zrvkowl")


@pytest.mark.parametrize(
    "text", ["", "0", "a", "-1", "5", ",".join(str(n / 10) for n in range(20))]
)
def test_weights_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(StudioError) as refused:
        choosing.parse_weights(text)
    assert refused.value.code is choosing.EVALUATION_WEIGHTS


def test_weights_rise_and_the_model_alone_is_always_there() -> None:
    assert choosing.parse_weights("1, 0.5,1.0") == (0.0, 0.5, 1.0)


@pytest.mark.parametrize("training", ["character", "style", "object"])
@pytest.mark.parametrize("family", ["starter", *families.names()])
def test_every_family_has_prompts_that_show_what_was_learnt(family: str, training: str) -> None:
    found = prompts.chosen(
        "default", training=training, family=family, trigger="zrvk", version=None
    )
    kinds = {one.kind for one in found}
    assert {"near", "far", "other"} <= kinds
    assert len({one.text for one in found}) == len(found) == len({one.name for one in found})
    for one in found:
        assert prompts.has(one.text, "zrvk") == (one.kind in prompts.CALLED)
        assert "{" not in one.text
        assert one.why.endswith("?") or one.kind == "held"


def test_prompts_for_the_starter_are_in_words_that_it_knows() -> None:
    for training in loader.read("evaluation_prompts").content["sets"]["starter"]:
        for one in prompts.chosen(
            "default", training=training, family="starter", trigger="owl", version=None
        ):
            assert normalise(one.text, ["owl"]).dropped == ()


def test_captions_set_apart_are_asked_and_the_common_one_without_its_trigger(
    project: Project,
) -> None:
    version = dataset(project, captioned=True)
    pictures = [replace(version.pictures[0], split="validation"), *version.pictures[1:]]
    found = prompts.chosen(
        "default",
        training="character",
        family="sdxl/base",
        trigger="zrvkowl",
        version=replace(version, pictures=tuple(pictures)),
    )
    (held,) = [one for one in found if one.kind == "held"]
    assert pictures[0].caption is not None
    assert held.text == pictures[0].caption.text
    bare = [one.text for one in found if one.kind == "without"]
    assert any("series" in text for text in bare)
    assert not any("zrvkowl" in text for text in bare)


def test_prompts_of_a_file_have_kinds_said_or_told_by_the_trigger(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("# mine\nfar: {trigger} in snow\na zrvk owl\na chest\n\na chest\n", "utf-8")
    found = prompts.chosen(
        str(path), training="object", family="sdxl", trigger="zrvk", version=None
    )
    assert [(one.kind, one.text) for one in found] == [
        ("near", "a zrvk owl"),
        ("far", "zrvk in snow"),
        ("other", "a chest"),
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "far:\n", "x" * 1001, "a\n" * 0 + "\0" * 3])
def test_a_file_of_no_prompts_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text(text, encoding="utf-8")
    if text.strip("\0 \n") or not text:
        with pytest.raises(StudioError) as refused:
            prompts.chosen(str(path), training="object", family="sdxl", trigger="", version=None)
        assert refused.value.code is prompts.EVALUATION_PROMPTS


def test_the_record_is_json_that_reads_back(project: Project) -> None:
    engine = Blender()
    done = made(project, engine, planned(project, engine))
    raw = json.loads((done.folder / record.FILE).read_bytes())
    assert raw["_schema_version"] == "1.0"
    assert "home" not in raw
    assert record.load(project, "owl") == done


def test_a_picture_that_was_changed_is_not_taken_for_the_one_that_was_made(
    project: Project,
) -> None:
    engine = Blender()
    first = made(project, engine, planned(project, engine))
    path = first.picture(first.cells[5])
    path.write_bytes(first.picture(first.cells[6]).read_bytes())
    with pytest.raises(StudioError) as refused:
        made(project, engine, planned(project, engine))
    assert refused.value.code is pairs.EVALUATION_PICTURE
    assert record.load(project, "owl") == first
    path.unlink()
    assert made(project, engine, planned(project, engine)) == first


def test_grids_show_the_picture_that_was_made_anew(project: Project) -> None:
    engine = Blender()
    first = made(project, engine, planned(project, engine))
    lost = next(cell for cell in first.cells if cell.checkpoint == "early")
    grid = first.folder / "grid-1.png"
    before = grid.read_bytes()
    first.picture(lost).unlink()
    engine.shift += 1  # the engine paints otherwise by now
    again = made(project, engine, planned(project, engine))
    assert again.cells != first.cells
    assert grid.read_bytes() != before


def test_two_that_were_planned_at_once_get_each_a_number_and_make_nothing_twice(
    project: Project,
) -> None:
    engine = Blender()
    one, same = planned(project, engine), planned(project, engine)
    other = planned(project, engine, weights=(0.0, 0.5))
    assert one.evaluation.number == same.evaluation.number == other.evaluation.number == 1
    first = made(project, engine, one)
    calls = engine.calls
    assert made(project, engine, same) == first
    second = made(project, engine, other)
    assert engine.calls == calls
    assert (second.number, record.load(project, "owl", 1)) == (2, first)


def test_the_price_is_said_of_all_pictures_and_not_of_one_row(project: Project) -> None:
    engine = Blender()
    said = paying.price(engine, planned(project, engine).missing).basis
    assert said.startswith("20 pictures in 10 rows; each: ")


class _Talker(Blender):
    """Says something of every prompt, and something of one."""

    def plan(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        exact, notes = super().plan(request)
        own = ("It cannot sit.",) if "sitting" in request.prompt else ()
        return exact, (*notes, *own, "It is slow.")


def test_what_an_engine_says_of_one_prompt_names_that_prompt(project: Project) -> None:
    one = planned(project, _Talker())
    assert one.evaluation.warnings == ("Of 'zrvkowl sitting' (near): It cannot sit.", "It is slow.")
