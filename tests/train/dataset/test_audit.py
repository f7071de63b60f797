"""The audit: what is broken is found, what is whole is not accused, nothing is looked at twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.audit import passing
from ategnatos.train.dataset.audit.auditing import Audited, audit, chooser
from ategnatos.train.dataset.audit.look import Look, look_at
from ategnatos.train.dataset.audit.meanings import MEANINGS
from ategnatos.train.dataset.audit.workers import look_at_all
from ategnatos.train.dataset.importing import bring
from ategnatos.train.dataset.version import Version
from tests.conftest import Run
from tests.train.dataset import generated, hostile

SEED = generated.todays_seed()
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def imported(project: Project, folder: Path) -> Version:
    offered = bring.gather(project, [folder], None)
    brought = bring.bring(project, "ann", offered, actor="user:ann", now=NOW)
    assert brought.version is not None
    return brought.version


def audited(project: Project, folder: Path) -> Audited:
    return audit(project, imported(project, folder), choose=chooser("kohya", 512))


def codes(done: Audited) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in done.findings:
        found.setdefault(one.file, set()).add(one.code)
    return found


def test_every_broken_file_is_found(project: Project, tmp_path: Path) -> None:
    broken = hostile.broken(SEED)
    hostile.fill(tmp_path / "in", {name: data for name, (data, _) in broken.items()})
    found = codes(audited(project, tmp_path / "in"))
    for name, (_, wanted) in broken.items():
        assert found.get(name, set()) & wanted, (SEED, name, found.get(name))
        assert any(MEANINGS[code].level == "stop" for code in found[name])


def test_no_whole_file_is_called_broken(project: Project, tmp_path: Path) -> None:
    hostile.fill(tmp_path / "in", hostile.whole(SEED))
    done = audited(project, tmp_path / "in")
    assert not [name for name, look in done.passed.looks.items() if look.problem]
    found = codes(done)
    assert "cmyk" in found["cmyk.jpg"]
    assert "sixteen_bits" in found["sixteen.png"]
    assert "palette" in found["palette.png"]
    assert "grey" in found["grey.jpg"]
    assert {"small", "aspect"} <= found["thin.png"]


def test_names_that_break_scripts_are_ordinary_here(project: Project, tmp_path: Path) -> None:
    names = hostile.with_hostile_names(tmp_path / "in")
    version = imported(project, tmp_path / "in")
    assert len(version.pictures) == len(names)
    found = codes(audit(project, version))
    assert "renamed" in found["a_b.png"]
    assert "name" in found["ann [1].png"]
    assert "name" in found["50%.png"]
    assert all(len(one.name.encode()) <= 255 for one in version.pictures)
    assert {one.source.name for one in version.pictures} >= {"a\nb.png", "not-\\xff-text.png"}


def test_what_a_file_is_beside_its_pixels(project: Project, tmp_path: Path) -> None:
    image = generated.painted(np.random.default_rng([SEED, 40]), 400, 300)
    folder = tmp_path / "in"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "turned.jpg", exif=exif)
    image.save(folder / "really.png", format="JPEG")
    image.save(folder / "frames.gif", save_all=True, append_images=[image.rotate(9)] * 3)
    clear = image.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda v: v and 255))
    clear.paste((255, 0, 0, 0), (0, 0, 400, 60))
    pixels = np.asarray(clear).copy()
    pixels[:60, :, 0] = np.arange(400) % 251
    Image.fromarray(pixels).save(folder / "clear.png")
    found = codes(audited(project, folder))
    assert "rotated" in found["turned.jpg"]
    assert "suffix" in found["really.png"]
    assert "animated" in found["frames.gif"]
    assert {"alpha", "hidden_colour"} <= found["clear.png"]


def test_what_is_wrong_with_the_pixels(project: Project, tmp_path: Path) -> None:
    image = generated.painted(np.random.default_rng(5), 768, 768)
    noisy = np.asarray(image, int) + np.random.default_rng(6).normal(0, 9, (768, 768, 1))
    sharp = Image.fromarray(noisy.clip(0, 255).astype("u1"))
    folder = tmp_path / "in"
    folder.mkdir()
    sharp.save(folder / "sharp.png")
    generated.soften(sharp, 7).save(folder / "blurred.png")
    sharp.resize((256, 256)).resize((768, 768), Image.Resampling.BICUBIC).save(folder / "up.png")
    sharp.resize((192, 192)).resize((768, 768), Image.Resampling.NEAREST).save(folder / "big.png")
    sharp.resize((96, 96)).resize((768, 768)).save(folder / "blocks.jpg", quality=4)
    Image.new("RGB", (512, 512), (4, 4, 6)).save(folder / "black.png")
    Image.new("RGB", (512, 512), (90, 120, 200)).save(folder / "flat.png")
    bars = sharp.copy()
    ImageDraw.Draw(bars).rectangle((0, 0, 768, 90), fill="black")
    ImageDraw.Draw(bars).rectangle((0, 678, 768, 768), fill="black")
    bars.save(folder / "bars.png")
    ImageOps.expand(sharp, 40, (120, 60, 60)).save(folder / "border.png")
    found = codes(audited(project, folder))
    assert not found.get("sharp.png", set()) - {"duplicate"}
    assert "blurred" in found["blurred.png"]
    assert found["up.png"] & {"upscaled", "blurred"}
    assert "upscaled" in found["big.png"]
    assert "blocks" in found["blocks.jpg"]
    assert "black" in found["black.png"]
    assert "flat" in found["flat.png"]
    assert "letterbox" in found["bars.png"]
    assert "border" in found["border.png"]


def test_a_page_of_text_is_told_from_a_dithered_picture(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    font = ImageFont.load_default(size=22)
    for name, ground, ink in (("page", "white", "black"), ("night", "#101418", "#e8e8e0")):
        page = Image.new("RGB", (768, 768), ground)
        for y in range(20, 740, 33):
            words = "The keeper of the lamp writes one more line of plain words and turns the page"
            ImageDraw.Draw(page).text((20, y), words, ink, font)
        page.save(folder / f"{name}.png")
    painted = generated.painted(np.random.default_rng(5), 768, 768)
    painted.save(folder / "painted.png")
    painted.convert("1").save(folder / "dithered.png")
    small = painted.resize((256, 256)).convert("1")
    small.resize((768, 768), Image.Resampling.NEAREST).save(folder / "large-dots.png")
    ramp = np.tile(np.linspace(0, 255, 768).astype("u1"), (768, 1))
    Image.fromarray(ramp).convert("1").save(folder / "ramp.png")
    found = codes(audited(project, folder))
    accused = {name for name, said in found.items() if "text" in said}
    assert accused == {"page.png", "night.png"}


def test_a_mark_in_the_same_corner_of_many_pictures(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(10):
        image = generated.cloud(np.random.default_rng([8, n]), 512, 512)
        if n < 7:
            draw = ImageDraw.Draw(image)
            for k in range(5):
                draw.ellipse((410 + 16 * k, 460 + 6 * (k % 3), 422 + 16 * k, 490), fill="white")
        image.save(folder / f"x{n}a.png")
    found = codes(audited(project, folder))
    marked = {name for name, what in found.items() if "watermark" in what}
    assert marked == {f"x{n}a.png" for n in range(7)}


def test_a_second_audit_looks_at_no_file(project: Project, tmp_path: Path) -> None:
    generated.make(tmp_path / "in", 20, SEED, smallest=100, largest=160)
    version = imported(project, tmp_path / "in")
    first = passing.looks(project, version)
    second = passing.looks(project, version)
    assert (first.fresh, second.fresh) == (len({one.sha256 for one in version.pictures}), 0)
    for name, look in first.looks.items():
        assert second.looks[name].facts == look.facts


def test_a_file_changed_behind_the_record_is_found(project: Project, tmp_path: Path) -> None:
    generated.make(tmp_path / "in", 10, SEED, smallest=100, largest=160)
    version = imported(project, tmp_path / "in")
    audit(project, version)
    path = store.file_path(project, "ann", version.pictures[0].sha256)
    path.chmod(0o644)
    path.write_bytes(hostile.encoded(Image.new("RGB", (99, 99), "blue"), "PNG"))
    assert "changed" in codes(audit(project, version))[version.pictures[0].name]


def killing(path: str, sha256: str = "", *, full: bool = True) -> Look:
    """Looks as usual, and dies of one picture as a decoder with a fault would."""
    if Path(path).read_bytes().startswith(b"kills"):
        os.kill(os.getpid(), signal.SIGKILL)
    return look_at(path, sha256, full=full)


def test_a_picture_that_kills_its_decoder_is_a_finding(tmp_path: Path) -> None:
    generated.make(tmp_path, 30, SEED, smallest=100, largest=140)
    (tmp_path / "zz.png").write_bytes(b"kills the decoder")
    tasks = [(str(path), "") for path in sorted(tmp_path.iterdir())]
    found = dict(look_at_all(tasks, full=True, workers=2, looker=killing))
    assert set(found) == {path for path, _ in tasks}
    problems = {Path(path).name: look.problem[0] for path, look in found.items() if look.problem}
    assert problems == {"zz.png": "kills_decoder"}


def test_a_killed_audit_goes_on_where_it_was(project: Project, tmp_path: Path) -> None:
    generated.make(tmp_path / "in", 50, SEED, smallest=300, largest=500)
    version = imported(project, tmp_path / "in")
    code = "import sys; from ategnatos.cli import main; sys.argv[0] = 'ategnatos'; main()"
    command = [sys.executable, "-c", code, "train", "dataset", "audit", "ann", "--workers", "1"]
    running = subprocess.Popen(
        command, cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    table = store.home(project, "ann") / "looks.sqlite"
    workers: set[psutil.Process] = set()
    try:
        deadline = time.monotonic() + 60
        while _kept(table) == 0 and running.poll() is None and time.monotonic() < deadline:
            workers |= set(psutil.Process(running.pid).children())
            time.sleep(0.02)
    finally:
        running.kill()
        running.wait()
    # Nobody else ends them.
    assert workers
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    kept = _kept(table)
    assert kept > 0
    rest = passing.looks(project, version)
    assert rest.fresh == len({one.sha256 for one in version.pictures}) - kept


def _kept(table: Path) -> int:
    if not table.exists():
        return 0
    try:
        connection = sqlite3.connect(table, timeout=10)
        try:
            return int(connection.execute("SELECT count(*) FROM looks").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return 0


def test_ctrl_c_keeps_what_is_done(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated.make(tmp_path / "in", 40, SEED, smallest=100, largest=160)
    version = imported(project, tmp_path / "in")

    def stop(step: passing.Progress) -> None:
        if step.done == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        passing.looks(project, version, progress=stop)
    rest = passing.looks(project, version)
    assert rest.fresh == len({one.sha256 for one in version.pictures}) - 17


def test_a_table_of_looks_that_is_none_is_begun_anew(project: Project, tmp_path: Path) -> None:
    generated.make(tmp_path / "in", 10, SEED, smallest=100, largest=140)
    version = imported(project, tmp_path / "in")
    store.home(project, "ann").joinpath("looks.sqlite").write_bytes(b"no database" * 200)
    assert passing.looks(project, version).fresh > 0


def test_apply_sets_aside_and_undo_brings_back_with_everything(
    project: Project, tmp_path: Path, run: Run
) -> None:
    generated.make(tmp_path / "in", 10, SEED, smallest=100, largest=140)
    (tmp_path / "in" / "cut.jpg").write_bytes(hostile.broken(SEED)["cut-0.5-a.jpg"][0])
    (tmp_path / "in" / "cut.txt").write_text("ann, cut short", encoding="utf-8")
    before = imported(project, tmp_path / "in")
    failed = run("train", "dataset", "audit", "ann", "--json", cwd=project.root)
    assert failed.code == 1
    assert failed.envelope["error"]["code"] == "audit_stops"
    done = run("train", "dataset", "audit", "ann", "--apply", "--json", cwd=project.root)
    assert "cut.jpg" in done.data["moved"]
    assert "cut.jpg" not in record.load(project, "ann").by_name()
    assert list((store.home(project, "ann") / "quarantine").glob("cut.*.jpg"))
    run("train", "dataset", "quarantine", "ann", "--undo", cwd=project.root)
    assert record.load(project, "ann").digest() == before.digest()
    assert not list((store.home(project, "ann") / "quarantine").iterdir())
    sha = before.by_name()["cut.jpg"].sha256
    assert store.file_path(project, "ann", sha).is_file()
