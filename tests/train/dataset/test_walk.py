"""docs/datasets.md, its walk run as it is written: from a folder and a zip to gate 1."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import zipfile
from importlib.resources import as_file, files
from pathlib import Path

from PIL import Image

from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record
from tests.conftest import Run
from tests.train.dataset.pictures import asset

PAGE = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## A walk")[2].partition("\n## ")[0]
COMMANDS = re.findall(r"^    ategnatos (.*)$", SECTION, re.MULTILINE)


def pictures(folder: Path) -> None:
    """The owls, and a zip with one of them enlarged and one cut short."""
    with as_file(files("ategnatos.starter") / "owls") as owls:
        shutil.copytree(owls, folder / "owls")
    whole = (folder / "owls" / "03.png").read_bytes()
    with Image.open(io.BytesIO(whole)) as owl, zipfile.ZipFile(folder / "more.zip", "w") as more:
        raw = io.BytesIO()
        owl.resize((2 * owl.width, 2 * owl.height), Image.Resampling.NEAREST).save(raw, "PNG")
        more.writestr("more/large.png", raw.getvalue())
        more.writestr("more/cut.png", whole[: len(whole) // 2])


def approved(project: Project) -> None:
    """One owl of the studio's own, as an export leaves it."""
    with as_file(files("ategnatos.starter") / "owls") as owls:
        raw = (owls / "05.png").read_bytes()
    asset(project, "owl", raw, "an owl, outlined")


def test_every_command_of_the_walk_works_as_written(
    run: Run, project: Project, tmp_path: Path
) -> None:
    pictures(tmp_path)
    approved(project)
    assert len(COMMANDS) == 24
    told: dict[str, list[str]] = {}
    for line in COMMANDS:
        done = run(*shlex.split(line), cwd=project.root)
        assert done.code == 0, (line, done.out, done.err)
        told.setdefault(" ".join(line.split()[2:3]), []).append(done.out)
    version = record.load(project, "owl")
    names = {one.name for one in version.pictures}
    assert len(names) == 16
    assert "more/large.png" in names
    assert not names & {"03.png", "more/cut.png"}
    assert all(one.caption is not None for one in version.pictures)
    assert {one.split for one in version.pictures} == {"train", "validation"}
    assert all(name in told["quarantine"][0] for name in ("03.png", "more/cut.png"))
    assert told["quarantine"][1].startswith("2 brought back")
    laid = project.workspace / "datasets" / "owl" / "structured" / "starter"
    assert len(list(laid.rglob("*.png"))) == 16
    for trainer in ("kohya", "simpletuner", "ai-toolkit"):
        said = [one for one in told["structure"] if f"\n{trainer} will see " in one]
        assert len(said) == 1, told["structure"]
        assert "14 pictures and 14 captions" in said[0]
    (own,) = record.load(project, "more-owls").pictures
    assert own.caption is not None
    assert own.caption.text == "an owl, outlined"
    assert told["report"][0].splitlines()[0] == "GO"
    assert "is open" in told["report"][1]
