"""What is laid out is what the trainer sees: pictures, captions, buckets, batches, steps."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.structure import (
    arithmetic,
    buckets,
    concepts,
    kohya,
    laying,
    layout,
    prepare,
    split,
    stage,
)
from ategnatos.train.dataset.version import Picture, Source, Version
from tests.conftest import Ran, Run
from tests.train.dataset import readers
from tests.train.dataset.pictures import NOW, dataset, drawn

SIZES = ((96, 96), (128, 96), (64, 160), (300, 200), (201, 303), (512, 64), (97, 95))
BOUND = {"dataset": "owls", "number": 1, "digest": "d"}


def frame(trainer: str, **more: Any) -> layout.Frame:
    return layout.Frame(trainer, "owls", **{"resolution": 256, "epochs": 2, **more})


def laid(
    project: Project, version: Version, chosen: layout.Frame, **ask: Any
) -> tuple[layout.Layout, Path]:
    plan = prepare.prepare(project, version, chosen, prepare.Ask(**ask))
    place = project.workspace / "datasets" / "owls" / "structured" / chosen.trainer
    made = laying.LAY_OUT[chosen.trainer](plan, place)
    stage.put(project, made, place, BOUND)
    return made, place


def seen_by(trainer: str, place: Path, made: layout.Layout) -> readers.Seen:
    batch = made.frame.batch
    if trainer == "kohya":
        return readers.kohya(place / "dataset.toml")
    by = layout.alignment(trainer, made.frame.family)
    if trainer == "musubi":
        return readers.musubi(place / "dataset.toml", step=by)
    if trainer == "ai-toolkit":
        return readers.ai_toolkit(place / "datasets.yaml", divisibility=by, batch=batch)
    if trainer in ("starter", "accelerate"):
        repeats = {
            str(Path(name).parent): one.repeats
            for name, one in made.links.items()
            if not one.validation
        }
        return getattr(readers, trainer)(place, repeats, batch=batch)
    return readers.simpletuner(place / "multidatabackend.json", alignment=by, batch=batch)


def counted(made: layout.Layout) -> Counter[tuple[int, int]]:
    found: Counter[tuple[int, int]] = Counter()
    for one in made.buckets:
        found[one.size] += one.shown
    return found


@pytest.mark.parametrize(
    ("trainer", "batch", "upscale"),
    [
        ("kohya", 1, True),
        ("kohya", 3, False),
        ("ai-toolkit", 1, True),
        ("ai-toolkit", 3, True),
        ("simpletuner", 3, True),
        ("musubi", 3, True),
        ("musubi", 1, False),
        ("starter", 3, True),
        ("accelerate", 3, True),
    ],
)
def test_the_trainers_own_rules_see_what_is_reported(
    project: Project, trainer: str, batch: int, upscale: bool
) -> None:
    version = dataset(project, count=14, sizes=SIZES, captioned=True)
    made, place = laid(project, version, frame(trainer, batch=batch, upscale=upscale), repeats=3)
    seen = seen_by(trainer, place, made)
    facts = made.facts()
    assert len(seen.captions) == facts["pictures"] == facts["captions"] == 14
    assert seen.uncaptioned == seen.broken == []
    # Not the folder's name, not an empty text, not a doubled blank: the caption itself.
    wanted = {one.caption.text for one in version.pictures if one.caption}
    assert set(seen.captions.values()) == wanted
    assert seen.buckets == counted(made)
    assert seen.batches == made.steps.batches
    assert made.steps.steps == 2 * made.steps.steps_an_epoch


@pytest.mark.parametrize("trainer", sorted(laying.LAY_OUT))
def test_hostile_names_and_formats_reach_the_trainer_or_are_named(
    project: Project, trainer: str
) -> None:
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(io.BytesIO(drawn(3, (160, 96)))).save(turned, "JPEG", exif=exif)
    moving = io.BytesIO()
    frames = [Image.open(io.BytesIO(drawn(seed))) for seed in (4, 5)]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    files = {
        "a.png": drawn(1),
        "a.jpg": drawn(2, form="JPEG"),
        "A.PNG": drawn(6),
        "sub/a.png": drawn(7),
        ".hidden.png": drawn(8),
        "default.png": drawn(9),
        "x_1_2_3_4_5.png": drawn(10),
        "na\nme ' [1] % * ü.png": drawn(11),
        "wrong.txt": drawn(12),
        "old.tif": drawn(13, form="TIFF"),
        "Big.BMP": drawn(14, form="BMP"),
        "turned.jpg": turned.getvalue(),
        "moves.gif": moving.getvalue(),
        "cut.jpg": drawn(15, (200, 200), "JPEG")[:600],
        "empty.png": b"",
        "page.png": b"<html></html>",
    }
    with record.edit(project, "owls", actor="a", because="x", now=NOW, new=True) as draft:
        draft.settings["trigger"] = "zrvkowl"
        for name, raw in files.items():
            sha, size, _ = store.put(project, "owls", [raw])
            source = Source("folder", "/in", name, record.stamp(NOW))
            draft.pictures[name] = Picture(name, sha, size, 96, 96, source)
            draft.caption(name, f"zrvkowl, picture called {name!a}", author="person")
    version = record.load(project, "owls")
    made, place = laid(project, version, frame(trainer))
    assert {name for name, _ in made.dropped} == {
        "moves.gif",
        "cut.jpg",
        "empty.png",
        "page.png",
    }
    seen = seen_by(trainer, place, made)
    assert len(seen.captions) == made.facts()["pictures"] == 12
    assert seen.uncaptioned == seen.broken == []
    assert seen.buckets == counted(made)
    # Each picture still goes with its own caption.
    by_caption = {text: path for path, text in seen.captions.items()}
    for name, raw in files.items():
        path = by_caption.get(f"zrvkowl, picture called {name!a}")
        if path is not None and name not in made.facts()["rewritten"]:
            assert Path(path).read_bytes() == raw
    # Nobody trains it lying on its side.
    with Image.open(by_caption["zrvkowl, picture called 'turned.jpg'"]) as image:
        stored = image.size
        upright = (image.height, image.width) if image.getexif().get(0x0112) == 6 else image.size
    assert upright == (96, 160)
    assert trainer != "kohya" or stored == (96, 160)


def test_kohya_fills_up_with_regularisation_pictures_and_some_are_never_shown(
    project: Project,
) -> None:
    version = dataset(project, count=4, sizes=SIZES, captioned=True)
    prior = dataset(project, "anyowl", 20, sizes=SIZES, captioned=True)
    made, place = laid(project, version, frame("kohya"), repeats=3, regularisation=prior)
    seen = readers.kohya(place / "dataset.toml")
    assert seen.buckets == counted(made)
    assert seen.buckets.total() == 24
    assert any("8 of 20 regularisation pictures would never be shown" in w for w in made.warnings)
    few, _ = laid(project, version, frame("kohya"), repeats=6, regularisation=prior)
    assert counted(few).total() == 48


def test_what_kohya_would_divide_by_nothing_is_left_out(project: Project) -> None:
    sizes = ((96, 96), (1800, 100), (50, 300))
    version = dataset(project, count=3, sizes=sizes, captioned=True)
    kept, _ = laid(project, version, frame("kohya"))
    assert kept.facts()["pictures"] == 3
    made, place = laid(project, version, frame("kohya", upscale=False))
    assert [name for name, _ in made.dropped] == ["002.png", "003.png"]
    assert readers.kohya(place / "dataset.toml").buckets == counted(made)
    with pytest.raises(ZeroDivisionError):
        buckets.kohya(256, least=256, most=512, upscale=False)((1800, 100))


@pytest.mark.parametrize("trainer", sorted(laying.LAY_OUT))
def test_regularisation_pictures_are_marked_as_such(project: Project, trainer: str) -> None:
    version = dataset(project, count=4, captioned=True)
    prior = dataset(project, "anyowl", 3, captioned=True)
    made, place = laid(project, version, frame(trainer), repeats=1, regularisation=prior)
    assert (made.facts()["pictures"], made.facts()["regularisation"]) == (4, 3)
    seen = seen_by(trainer, place, made)
    assert len(seen.captions) == 7
    assert seen.buckets == counted(made)


@pytest.mark.parametrize("trainer", sorted(laying.LAY_OUT))
def test_what_is_set_apart_is_not_trained_on(project: Project, trainer: str) -> None:
    dataset(project, count=8, sizes=SIZES, captioned=True)
    with record.edit(project, "owls", actor="a", because="split", now=NOW) as draft:
        for name in ("002.png", "005.png"):
            draft.change(name, split="validation")
    made, place = laid(project, record.load(project, "owls"), frame(trainer), repeats=2)
    facts = made.facts()
    assert (facts["pictures"], facts["validation"], facts["captions"]) == (6, 2, 6)
    if trainer == "kohya":
        apart = readers.kohya(place / "dataset.toml", validation=True)
        assert sorted(os.path.basename(path) for path in apart.captions) == ["002.png", "005.png"]
        assert apart.uncaptioned == []
        training = readers.kohya(place / "dataset.toml")
        assert training.buckets == counted(made)
        assert training.batches == made.steps.batches
    else:
        seen = seen_by(trainer, place, made)
        assert not {os.path.basename(p) for p in seen.captions} & {"002.png", "005.png"}
        assert seen.buckets == counted(made)


_NO_MASKS = {"starter", "accelerate", "musubi"}


@pytest.mark.parametrize("trainer", sorted(_NO_MASKS))
def test_a_trainer_that_reads_no_masks_says_so(project: Project, trainer: str) -> None:
    version = dataset(project, count=3, captioned=True)
    dataset(project, "allmasks", 3)
    made, _ = laid(project, version, frame(trainer, masks="allmasks"))
    assert not made.masks
    assert any("no masks" in text for text in made.warnings)


@pytest.mark.parametrize("trainer", sorted(set(laying.LAY_OUT) - _NO_MASKS))
def test_masks_lie_where_the_trainer_looks_for_them(project: Project, trainer: str) -> None:
    version = dataset(project, count=3, captioned=True)
    dataset(project, "owlmasks", 2)
    with pytest.raises(StudioError, match="no mask"):
        laid(project, version, frame(trainer, masks="owlmasks"))
    dataset(project, "allmasks", 3)
    made, place = laid(project, version, frame(trainer, masks="allmasks"))
    assert len(made.masks) == 3
    for name in made.masks:
        with Image.open(place / name) as mask:
            assert (mask.mode, mask.format) == ("L", "PNG")
    text = "".join((place / name).read_text() for name in made.small if not name.endswith(".txt"))
    key = {
        "kohya": "conditioning_data_dir",
        "ai-toolkit": "mask_path",
        "simpletuner": '"conditioning_type": "mask"',
    }[trainer]
    assert key in text
    seen_by(trainer, place, made)


def test_simpletuner_would_stop_at_a_thin_bucket_and_that_is_said_before(project: Project) -> None:
    version = dataset(project, count=7, sizes=SIZES, captioned=True)
    made, place = laid(project, version, frame("simpletuner", batch=4), repeats=1)
    assert any("SimpleTuner stops" in text for text in made.warnings)
    with pytest.raises(ValueError, match="insufficient"):
        readers.simpletuner(place / "multidatabackend.json", alignment=64, batch=4)


def test_a_ground_is_laid_under_what_is_transparent_and_nothing_else(project: Project) -> None:
    clear = io.BytesIO()
    ghost = Image.new("RGBA", (96, 96), (255, 0, 0, 0))
    ghost.paste((0, 0, 255, 255), (20, 20, 60, 60))
    ghost.save(clear, "PNG")
    version = dataset(
        project,
        count=2,
        captioned=True,
        bytes_of=lambda i: clear.getvalue() if i == 0 else drawn(5),
    )
    made, place = laid(project, version, frame("kohya", ground=laying.parse_ground("white")))
    assert made.facts()["rewritten"] == ["001.png"]
    with Image.open(next(place.rglob("001.png"))) as image:
        assert (image.mode, image.getpixel((0, 0))) == ("RGB", (255, 255, 255))
        assert image.getpixel((30, 30)) == (0, 0, 255)
    assert next(place.rglob("002.png")).stat().st_nlink == 2
    other = frame("kohya", ground=laying.parse_ground("grey"))
    _, place = laid(project, version, other)
    with Image.open(next(place.rglob("001.png"))) as image:
        assert image.getpixel((0, 0)) == (128, 128, 128)
    with pytest.raises(StudioError):
        laying.parse_ground("see-through")


def test_laying_out_again_changes_nothing_and_mends_what_was_broken(project: Project) -> None:
    version = dataset(project, count=3, captioned=True)
    chosen = frame("kohya")
    made, place = laid(project, version, chosen)
    picture = next(place.rglob("001.png"))
    before = picture.stat()
    assert before.st_nlink == 2
    again = stage.put(project, made, place, BOUND)
    assert (again.changed, again.linked) == (False, 3)
    assert picture.stat().st_ino == before.st_ino
    (place / "train" / "stale_sd.npz").write_bytes(b"old")
    assert stage.put(project, made, place, BOUND).changed is False
    next(place.rglob("002.txt")).write_text("somebody wrote here")
    assert stage.put(project, made, place, BOUND).changed is True
    assert not list(place.rglob("*.npz"))
    assert "zrvkowl" in next(place.rglob("002.txt")).read_text()
    picture.unlink()
    assert stage.put(project, made, place, BOUND).changed is True
    # What a killed process left a day ago goes; what somebody builds now stays.
    for name, age in ((".tmp-1-dead", 90_000), (".tmp-2-alive", 5)):
        (place.parent / name).mkdir()
        stamp = (place.parent).stat().st_mtime - age
        os.utime(place.parent / name, (stamp, stamp))
    copied = stage.put(project, made, place, BOUND, copy=True)
    assert [p.name for p in place.parent.iterdir() if p.name.startswith(".tmp-")] == [
        ".tmp-2-alive"
    ]
    (place.parent / ".tmp-2-alive").rmdir()
    assert (copied.changed, copied.linked) == (True, 0)
    assert [p for p in place.parent.iterdir() if p.name.startswith(".tmp-")] == []


def test_a_folder_of_somebody_else_and_a_failure_half_way_leave_all_as_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = dataset(project, count=3, captioned=True)
    made, place = laid(project, version, frame("kohya"))
    other = place.parent / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("x")
    with pytest.raises(StudioError) as refused:
        stage.put(project, made, other, BOUND)
    assert refused.value.code.code == "structure_not_ours"
    assert [p.name for p in other.iterdir()] == ["thesis.txt"]
    before = sorted(str(p) for p in place.rglob("*"))
    calls = []

    def full(source: Any, target: Any) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        os.link(source, target)

    monkeypatch.setattr("ategnatos.train.dataset.structure.stage.os.link", full)
    monkeypatch.setattr(
        "ategnatos.train.dataset.structure.stage.shutil.copyfile",
        lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")),
    )
    with pytest.raises(StudioError) as stopped:
        stage.put(project, made, place, {**BOUND, "number": 2})
    assert stopped.value.code.code == "disk_full"
    assert sorted(str(p) for p in place.rglob("*")) == before
    assert [p for p in place.parent.iterdir() if p.name.startswith(".tmp-")] == []


@given(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 4000)), min_size=1, max_size=20),
    st.sampled_from([256, 512, 768, 1024]),
    st.sampled_from([16, 32, 64]),
)
@settings(max_examples=60, deadline=None)
def test_buckets_are_the_readers_own_for_any_size(
    sizes: list[tuple[int, int]], resolution: int, by: int
) -> None:
    ours = buckets.ai_toolkit(resolution, divisibility=by)
    tuner, fixed = buckets.simpletuner(resolution, alignment=by), {}
    least, most, step = kohya.limits(layout.Frame("kohya", "d", resolution))
    general = {"min_bucket_reso": least, "max_bucket_reso": most, "bucket_reso_steps": step}
    for size in sizes:
        if max(size) > 20 * min(size):
            continue  # left out before any bucket is chosen
        assert ours(size) == readers._aitk_bucket(*size, resolution, by)
        assert tuner(size) == readers._simpletuner_size(size, resolution, by, fixed)
        up = buckets.kohya(resolution, least=least, most=most, steps=step)
        assert up(size) == readers._kohya_bucket(
            size, {**general, "bucket_no_upscale": False}, resolution
        )


@pytest.mark.parametrize(
    ("pictures", "target", "epochs", "repeats"),
    [
        (20, 1500, 15, 5),
        (200, 1500, 15, 1),
        (1, 1500, 15, 100),
        (100, 1500, 15, 1),
        (33, 999, 7, 5),
    ],
)
def test_automatic_repeats_are_the_formula(
    pictures: int, target: int, epochs: int, repeats: int
) -> None:
    assert arithmetic.automatic_repeats(pictures, target=target, epochs=epochs) == repeats


def test_two_hundred_pictures_do_not_silently_become_three_thousand_steps() -> None:
    steps = arithmetic.count([200], epochs=15)
    advice = arithmetic.advise(steps, 1500)
    assert (steps.steps, advice.epochs_for_target) == (3000, 8)
    assert "2.0 times the 1,500 wanted: far too many" in advice.says
    assert "8 epochs instead of 15 come to 1,600" in advice.says
    fine = arithmetic.advise(arithmetic.count([100], epochs=15), 1500)
    assert "as good as" in fine.says
    few = arithmetic.advise(arithmetic.count([100], epochs=15, batch=4, accumulation=2), 1500)
    assert (few.steps, "too few" in few.says) == (195, True)


def picture(name: str, sha: str) -> Picture:
    return Picture(name, sha, 1, 1, 1, Source("folder", "", name, ""))


@given(
    st.lists(st.integers(0, 30), min_size=2, max_size=40),
    st.lists(st.lists(st.integers(0, 39), min_size=2, max_size=5), max_size=8),
    st.floats(0, 0.5),
    st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_no_group_stands_on_both_sides_of_a_split(
    hashes: list[int], groups: list[list[int]], share: float, seed: int
) -> None:
    pictures = [picture(f"{i}.png", f"{sha:064x}") for i, sha in enumerate(hashes)]
    named = [[f"{i}.png" for i in group] for group in groups]
    chosen = split.split(pictures, named, share, seed)
    assert chosen == split.split(list(reversed(pictures)), list(reversed(named)), share, seed)
    for group in named:
        assert len({chosen[name] for name in group if name in chosen}) <= 1
    for sha in set(hashes):
        assert len({chosen[f"{i}.png"] for i, one in enumerate(hashes) if one == sha}) == 1
    apart = sum(side == "validation" for side in chosen.values())
    assert apart <= round(share * len(pictures))
    assert apart < len(pictures)


def test_concepts_are_folders_of_their_own(project: Project) -> None:
    dataset(project, count=4, captioned=True)
    parsed = concepts.parse("3_style, 5_knight")
    assert [(one.name, one.repeats) for one in parsed] == [("style", 3), ("knight", 5)]
    for wrong in ("3_style,3_style", "0_x", "a b", "3_"):
        with pytest.raises(StudioError):
            concepts.parse(wrong)
    with pytest.raises(StudioError) as refused:
        laid(project, record.load(project, "owls"), frame("kohya"), concepts=parsed)
    assert refused.value.code.code == "concept_unknown"
    with record.edit(project, "owls", actor="a", because="c", now=NOW) as draft:
        for name in list(draft.pictures):
            draft.change(name, notes={"concept": "style" if name < "003" else "knight"})
        first = draft.picture("001.png")
        del draft.pictures["001.png"]
        # A folder in front of the name says it as well.
        draft.pictures["style/001.png"] = replace(first, name="style/001.png", notes={})
    _, place = laid(project, record.load(project, "owls"), frame("kohya"), concepts=parsed)
    assert sorted(p.name for p in (place / "train").iterdir()) == ["3_style", "5_knight"]
    assert readers.kohya(place / "dataset.toml").buckets.total() == 2 * 3 + 2 * 5


def test_the_folder_way_of_kohya_works_too(project: Project) -> None:
    version = dataset(project, count=2, captioned=True)
    _, place = laid(project, version, frame("kohya"), repeats=4)
    # config_util.extract_dreambooth_params: --train_data_dir names the parent.
    (folder,) = (place / "train").iterdir()
    tokens = folder.name.split("_")
    assert (int(tokens[0]), "_".join(tokens[1:])) == (4, "zrvkowl")
    with pytest.raises(AssertionError):
        assert all(
            readers._kohya_caption(one, ".caption") is not None
            for one in readers._kohya_images(str(folder))
        )


def train(run: Run, project: Project, *words: str) -> Ran:
    return run("train", "dataset", *words, "--json", cwd=project.root)


def test_the_commands_lay_out_say_the_steps_and_write_it_down(run: Run, project: Project) -> None:
    dataset(project, count=6, captioned=True)
    dry = train(run, project, "structure", "owls", "--resolution", "256", "--dry-run").data
    assert not Path(dry["place"]).exists()
    assert dry["concepts"][0]["repeats"] == 17
    assert dry["steps"] == 6 * 17 * 15
    made = train(run, project, "structure", "owls", "--resolution", "256").data
    assert (made["changed"], made["linked"]) == (True, 6)
    again = train(run, project, "structure", "owls", "--resolution", "256").data
    assert again["changed"] is False
    (event,) = journal.read(project, {"dataset.structured"})
    assert event.references["digest"] == made["digest"]
    manifest = json.loads((Path(made["place"]) / stage.MANIFEST).read_text())
    assert manifest["version"]["digest"] == made["digest"]
    other = train(
        run,
        project,
        "structure",
        "owls",
        "--trainer",
        "simpletuner",
        "--out",
        "workspace/runs/first",
        "--resolution",
        "256",
    ).data
    assert other["place"] == str(project.root / "workspace" / "runs" / "first")
    outside = train(run, project, "structure", "owls", "--out", "/etc/owls")
    assert outside.envelope["error"]["code"] == "zone_escape"
    for wrong in (
        ("--trainer", "onetrainer"),
        ("--repeats", "-1"),
        ("--resolution", "1000"),
        ("--batch", "0"),
    ):
        refused = train(run, project, "structure", "owls", *wrong)
        assert refused.envelope["error"]["code"] == "structure_option", wrong
    words = run("train", "dataset", "structure", "owls", "--resolution", "256", cwd=project.root)
    assert "kohya will see 6 pictures and 6 captions" in words.out
    uncaptioned = dataset(project, "bare", 2)
    refused = train(run, project, "structure", "bare")
    assert refused.envelope["error"]["code"] == "captions_missing"
    assert train(run, project, "structure", "bare", "--uncaptioned").data["captions"] == 2
    assert uncaptioned.pictures[0].caption is None


def test_split_and_concept_by_the_commands(run: Run, project: Project) -> None:
    same = drawn(1)
    dataset(
        project, count=10, captioned=True, bytes_of=lambda i: same if i in (3, 4) else drawn(i + 20)
    )
    made = train(run, project, "split", "owls", "--share", "0.3").data
    assert len(made["validation"]) == 3
    assert ["004.png", "005.png"] in made["groups"]
    sides = {one.name: one.split for one in record.load(project, "owls").pictures}
    assert sides["004.png"] == sides["005.png"]
    assert train(run, project, "split", "owls", "--share", "0.9").code == 1
    back = train(run, project, "split", "owls", "--share", "0").data
    assert back["validation"] == []
    assert train(run, project, "concept", "owls", "knight", "001.png").data["concepts"] == {
        "(none)": 9,
        "knight": 1,
    }
    assert train(run, project, "concept", "owls", "a b", "001.png").code == 1
