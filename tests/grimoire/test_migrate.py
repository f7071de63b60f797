"""Hand-written pages come into the record whole: every cell, every line, once."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.grimoire import documents, drift, migrate, views
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project

STUDIO = """\
# Studio

My machine since 2024.

## Environment
- **Primary**: Local RTX 4090
- **CUDA**: 12.10
- **ComfyUI**: Local, http://127.0.0.1:8190
- **VRAM**: 24 GB
- a line of its own

## Models
| Name | Type | Base | Good For | Location | Settings | Rating |
|------|------|------|----------|----------|----------|--------|
| Pony V6 XL | Checkpoint | SDXL | Stylized \\| character | /models/ | CFG 7, clip_skip 2 | 0012 |
| Flux | | Flux | | C:\\models\\flux | null |
| too | many | cells | in | this | one | row | here |

## LoRAs
| Name | Trigger | Weight Range | Trained On | Location |
|------|---------|-------------|------------|----------|
| mibera-style-v2 | mibera | 0.6-0.8 | Character style<br>and faces | /models/loras/ |

## Active Instances
| Provider | GPU | Status | Cost/hr | Started |
|----------|-----|--------|---------|---------|
| vastai | RTX 4090 | running | 0.30 | 2024-05-01 |

## Wishes
- a bigger card
"""

EYE = """\
# Taste Profile

## Color
- Warm palettes preferred (earth tones, amber) [confirmed: 5 sessions]
- Muted > saturated [confirmed: 3 sessions]

## Texture
- AVOID: flat vector, glossy 3D [confirmed: 2 sessions]

## Style
- (preferences accumulate here)

## Anti-Preferences
- NEVER: photorealistic skin rendering
- stock photo aesthetic

## Model Combos
- Pony V6 + CFG 7 + mibera-lora@0.7 = consistent good results [3 approvals]

## Lighting
Soft is best.
- rim light
  from behind
"""


def handwritten(project: Project, name: str, text: str) -> Path:
    page = views.path_of(project, name)
    page.unlink(missing_ok=True)
    page.write_text(text)
    return page


def test_the_tables_of_the_earlier_layout_come_in(project: Project) -> None:
    handwritten(project, "studio", STUDIO)
    migrate.migrate(project, "studio")
    found = json.loads((project.state / "studio.json").read_text())
    environment = found["environment"]
    assert (environment["primary"], environment["cuda"]) == ("Local RTX 4090", "12.10")
    assert environment["comfyui"] == {
        "host": "127.0.0.1",
        "port": 8190,
        "status": "unknown",
        "location": "Local, http://127.0.0.1:8190",
    }
    assert environment["vram"] == "24 GB"
    pony, flux = found["models"]
    assert pony["good_for"] == "Stylized | character"
    assert pony["rating"] == "0012"
    assert (flux["location"], flux["settings"]) == ("C:\\models\\flux", "null")
    assert found["loras"][0]["trained_on"] == "Character style\nand faces"
    instance = found["active_instances"][0]
    assert (instance["cost_per_hour"], instance["gpu"]) == ("0.30", "RTX 4090")


def test_nothing_is_dropped_and_what_fits_nowhere_is_reported(project: Project) -> None:
    handwritten(project, "studio", STUDIO)
    result = migrate.migrate(project, "studio")
    found = documents.read(project, "studio")
    for line in (
        "My machine since 2024.",
        "- a line of its own",
        "| too | many | cells | in | this | one | row | here |",
        "## Wishes",
        "- a bigger card",
    ):
        assert line in found.notes.split("\n")
        assert line in result.notes
    assert result.named == ["imported-1"]
    assert result.imported == {"environment": 4, "models": 2, "loras": 1, "active_instances": 1}


def test_the_original_is_kept_and_the_page_is_rendered(project: Project) -> None:
    page = handwritten(project, "studio", STUDIO)
    result = migrate.migrate(project, "studio")
    assert result.kept is not None
    assert result.kept.read_text() == STUDIO
    assert stat.S_IMODE(result.kept.stat().st_mode) == 0o444
    assert not views.is_handwritten(page.read_bytes())
    assert drift.check(project, ["studio"])[0].state is drift.State.CLEAN
    assert page.with_name("studio.md.bak").read_text() == STUDIO


def test_the_eye_comes_in_with_its_counts_and_limits(project: Project) -> None:
    handwritten(project, "eye", EYE)
    result = migrate.migrate(project, "eye")
    found = [
        (p.category, p.polarity, p.text, p.confirmations)
        for p in documents.read(project, "eye").earlier
    ]
    assert found == [
        ("color", "prefer", "Warm palettes preferred (earth tones, amber)", 5),
        ("color", "prefer", "Muted > saturated", 3),
        ("texture", "avoid", "flat vector, glossy 3D", 2),
        ("style", "prefer", "(preferences accumulate here)", 0),
        ("anti_preferences", "never", "photorealistic skin rendering", 0),
        ("anti_preferences", "avoid", "stock photo aesthetic", 0),
        (
            "model_combos",
            "prefer",
            "Pony V6 + CFG 7 + mibera-lora@0.7 = consistent good results",
            3,
        ),
        ("Lighting", "prefer", "rim light\nfrom behind", 0),
    ]
    assert result.notes == ["## Lighting", "Soft is best."]


@pytest.mark.parametrize(("name", "text"), [("studio", STUDIO), ("eye", EYE)])
def test_a_second_import_of_the_same_page_adds_nothing(
    project: Project, tmp_path: Path, name: str, text: str
) -> None:
    source = tmp_path / "page.md"
    source.write_text(text)
    migrate.migrate(project, name, source=source)
    before = (project.state / f"{name}.json").read_bytes()
    migrate.migrate(project, name, source=source)
    assert (project.state / f"{name}.json").read_bytes() == before


def test_a_dry_run_says_the_same_and_writes_nothing(project: Project) -> None:
    page = handwritten(project, "studio", STUDIO)
    before = (project.state / "studio.json").read_bytes()
    result = migrate.migrate(project, "studio", dry_run=True)
    assert result.imported["models"] == 2
    assert result.kept is None
    assert (project.state / "studio.json").read_bytes() == before
    assert page.read_text() == STUDIO


def test_what_the_record_already_says_otherwise_is_a_conflict(project: Project) -> None:
    page = handwritten(project, "studio", STUDIO)
    with documents.edit(project, "studio") as studio:
        studio.environment.cuda = "13.0"
        studio.models.append({"name": "Pony V6 XL", "settings": "CFG 9"})
    before = (project.state / "studio.json").read_bytes()
    with pytest.raises(StudioError) as raised:
        migrate.migrate(project, "studio")
    assert raised.value.code.code == "migrate_conflict"
    assert set(raised.value.details["conflicts"]) == {"environment.cuda", "models[Pony V6 XL]"}
    assert (project.state / "studio.json").read_bytes() == before
    assert page.read_text() == STUDIO


def test_what_the_record_knows_beyond_the_page_stays(project: Project) -> None:
    handwritten(project, "studio", STUDIO)
    with documents.edit(project, "studio") as studio:
        studio.models.append({"name": "SDXL"})
    migrate.migrate(project, "studio")
    names = [model.name for model in documents.read(project, "studio").models]
    assert names == ["SDXL", "Pony V6 XL", "Flux"]


def test_the_earlier_programs_header_is_no_hindrance(project: Project) -> None:
    header = (
        "<!-- GENERATED — DO NOT EDIT. Source: grimoire/.state/studio.json (hash: a1b2c3d4) -->\n"
        "<!-- Use /studio to modify. Manual edits will be overwritten. -->\n"
    )
    handwritten(project, "studio", header + STUDIO)
    result = migrate.migrate(project, "studio")
    assert result.imported["models"] == 2
    assert not any("GENERATED" in line for line in result.notes)


def test_a_comment_of_ones_own_is_kept(project: Project) -> None:
    handwritten(project, "studio", "<!-- mine -->\n# Studio\n")
    assert migrate.migrate(project, "studio").notes == ["<!-- mine -->"]


def test_two_headings_that_make_one_name_lose_no_cell(project: Project) -> None:
    handwritten(project, "studio", "## Models\n| Name | A b | a-B |\n|--|--|--|\n| x | 1 | 2 |\n")
    migrate.migrate(project, "studio")
    row = json.loads((project.state / "studio.json").read_text())["models"][0]
    assert (row["a_b"], row["a-B"]) == ("1", "2")


def test_windows_line_ends_and_a_byte_order_mark_are_read(project: Project) -> None:
    page = handwritten(project, "eye", "")
    page.write_bytes(b"\xef\xbb\xbf" + EYE.replace("\n", "\r\n").encode())
    migrate.migrate(project, "eye")
    assert documents.read(project, "eye").earlier[0].confirmations == 5


CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12
).filter(lambda text: text.strip("-: ") and not text.endswith("\\") and "\\|" not in text)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=4))
def test_whatever_stands_in_a_table_comes_in(
    template: Project, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    home = tmp_path_factory.mktemp("any")
    project = Project(Path(shutil.copytree(template.root, home / "studio")).resolve())
    lines = ["# Studio", "", "## LoRAs", "| Name | Trigger | My Own |", "|---|---|---|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    source = home / "page.md"
    source.write_text("\n".join(lines) + "\n")
    migrate.migrate(project, "studio", source=source)
    found = json.loads((project.state / "studio.json").read_text())
    came = [(row["name"], row["trigger"], row["my_own"]) for row in found["loras"]]
    assert came == [tuple(_read(cell) for cell in row) for row in rows]


def _read(cell: str) -> str:
    return re.sub(r"<br\s*/?>", "\n", cell.strip(), flags=re.IGNORECASE)
