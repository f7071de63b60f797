"""The loop, end to end: words, candidates, a person's verdict, a frozen file with its story."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
from PIL import Image

from ategnatos.grimoire import journal
from ategnatos.grimoire.files import sha256_file
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.pictures import metadata
from tests.conftest import AtTerminal, Ran, Run

FAST = ("--steps", "2", "--size", "64x64")


def _make(run: Run, project: Project, *more: str) -> Ran:
    return run(
        "art", "generate", "a red potion, outlined", *FAST, *more, "--json", cwd=project.root
    )


def test_a_prompt_becomes_four_candidates_with_their_settings_inside(
    run: Run, project: Project
) -> None:
    made = _make(run, project).data
    assert made["job"] == "j1"
    assert made["state"] == "awaiting_review"
    assert made["awaiting_person"]
    assert len(made["candidates"]) == 4
    seeds = [one["seed"] for one in made["candidates"]]
    assert seeds == list(range(seeds[0], seeds[0] + 4))
    for number, one in enumerate(made["candidates"], start=1):
        path = Path(one["path"])
        assert path.name == f"{number - 1:03d}.png"
        assert sha256_file(path) == one["sha256"]
        with Image.open(path) as image:
            assert image.size == (64, 64)
            assert image.mode == "RGBA"
        inside = metadata.read(path)["ategnatos"]
        assert inside["candidate"] == one["candidate"]
        assert inside["asked"] == "a red potion, outlined"
        assert inside["settings"]["seed"] == one["seed"]
        assert inside["settings"]["steps"] == 2
        assert "starter engine" in inside["settings"]["made_by"]
    with Image.open(made["sheet"]) as sheet:
        assert max(sheet.size) <= 1568


def test_the_same_order_makes_nothing_new_and_again_is_the_next_take(
    run: Run, project: Project
) -> None:
    first = _make(run, project).data
    second = _make(run, project).data
    assert second["job"] == first["job"]
    assert first["fresh"]
    assert not second["fresh"]
    third = _make(run, project, "--again").data
    assert third["job"] == "j2"
    assert third["take"] == 1
    assert third["candidates"][0]["seed"] == first["candidates"][3]["seed"] + 1
    assert _make(run, project, "--again").data["take"] == 2


def test_a_seed_is_honoured_and_decides_the_pictures(run: Run, project: Project) -> None:
    one = _make(run, project, "--seed", "7", "--count", "1").data
    assert one["candidates"][0]["seed"] == 7
    other = _make(run, project, "--seed", "8", "--count", "1").data
    assert other["candidates"][0]["sha256"] != one["candidates"][0]["sha256"]


def test_a_missing_picture_is_made_again_and_is_the_same(run: Run, project: Project) -> None:
    made = _make(run, project).data
    lost = Path(made["candidates"][1]["path"])
    lost.unlink()
    again = _make(run, project).data
    assert again["fresh"]
    assert sha256_file(lost) == made["candidates"][1]["sha256"]


def test_a_dry_run_writes_nothing(run: Run, project: Project) -> None:
    before = sorted(project.root.rglob("*"))
    planned = _make(run, project, "--dry-run").data
    assert planned["dry_run"]
    assert planned["price_usd"] == "0"
    assert planned["stands_as"] is None
    assert sorted(project.root.rglob("*")) == before
    assert _make(run, project).data["binding"] == planned["binding"]
    assert _make(run, project, "--dry-run").data["stands_as"] == "j1"


def test_unknown_words_are_announced_with_what_became_of_them(run: Run, project: Project) -> None:
    done = run(
        "art", "generate", "a red potoin dragon", *FAST, "--json", "--dry-run", cwd=project.root
    )
    warnings = " ".join(done.envelope["warnings"])
    assert "potoin" in warnings
    assert "dragon" in warnings
    assert "potion" in warnings, "near words are named"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("generate", "   "), "prompt"),
        (("generate", "x" * 20_001), "prompt"),
        (("generate", "a red potion", "--size", "512xx"), "size"),
        (("generate", "a red potion", "--size", "0x5"), "size"),
        (("generate", "a red potion", "--seed", "-1"), "seed"),
        (("generate", "a red potion", "--engine", "nope"), "engine_unknown"),
        (("generate", "a red potion", "--count", "0"), "engine_cannot"),
        (("generate", "a red potion", "--steps", "0"), "engine_cannot"),
        (("generate", "a red potion", "--sampler", "nope"), "engine_cannot"),
        (("generate", "a red potion", "--strength", "0.5"), "engine_cannot"),
        (("generate", "a red potion", "--init", "nope.png"), "input_file"),
        (("generate", "a red potion", "--lora", "nope.safetensors:0.8"), "input_file"),
        (("generate", "a red potion", "--lora", "x:heavy"), "lora_weight"),
        (("show", "j99"), "job_unknown"),
        (("show", "banana"), "reference"),
        (("approve", "j1"), "reference"),
        (("list", "--state", "bogus"), "state_unknown"),
        (("sheet",), "no_pictures"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else value,
)
def test_bad_input_is_refused_and_nothing_is_recorded(
    run: Run, project: Project, arguments: tuple[str, ...], code: str
) -> None:
    done = run("art", *arguments, "--json", cwd=project.root)
    assert done.code == 1
    assert done.envelope["error"]["code"] == code
    with database.connect(project) as db:
        assert store.jobs(db) == []


def test_without_a_terminal_nobody_approves(run: Run, program: Run, project: Project) -> None:
    _make(run, project)
    done = program("art", "approve", "j1#1", "--json", cwd=project.root)
    assert done.code == 1
    assert done.envelope["error"]["code"] == "needs_person"
    assert "art approve 'j1#1'" in done.envelope["error"]["hint"]


def test_an_agent_is_refused_even_at_a_terminal(
    run: Run, at_terminal: AtTerminal, project: Project
) -> None:
    _make(run, project)
    done = at_terminal(["art", "approve", "j1#1"], cwd=project.root, answers=[], CLAUDECODE="1")
    assert done.code == 1
    assert "person's act" in done.out


def test_a_verdict_is_bound_to_the_bytes_and_final(
    run: Run, at_terminal: AtTerminal, project: Project
) -> None:
    made = _make(run, project).data
    done = at_terminal(["art", "approve", "j1#2"], cwd=project.root, answers=["yes"])
    assert done.code == 0, done.out
    assert made["candidates"][1]["sha256"] in done.out, "the person sees the hash"
    shown = run("art", "show", "j1#2", "--json", cwd=project.root).data
    assert shown["candidates"][0]["verdict"] == "approved"
    again = at_terminal(["art", "reject", "j1#2", "--because", "no"], cwd=project.root)
    assert again.code == 1
    assert "final" in again.out
    events = [event for event in journal.read(project) if event.kind == "art.verdict"]
    assert len(events) == 1
    assert events[0].references["sha256"] == made["candidates"][1]["sha256"]
    assert events[0].actor.startswith("person:")


def test_no_means_no_and_a_rejection_says_why(
    run: Run, at_terminal: AtTerminal, project: Project
) -> None:
    _make(run, project)
    done = at_terminal(["art", "approve", "j1#1"], cwd=project.root, answers=["no"])
    assert done.code == 1
    done = at_terminal(
        ["art", "reject", "j1#1", "--because", "too dark"], cwd=project.root, answers=["yes"]
    )
    assert done.code == 0, done.out
    shown = run("art", "show", "j1#1", "--json", cwd=project.root).data
    assert shown["candidates"][0]["reason"] == "too dark"


def test_changed_bytes_take_no_verdict(run: Run, at_terminal: AtTerminal, project: Project) -> None:
    made = _make(run, project).data
    path = Path(made["candidates"][0]["path"])
    picture = io.BytesIO()
    Image.new("RGBA", (64, 64), "red").save(picture, "PNG")
    path.write_bytes(picture.getvalue())
    done = at_terminal(["art", "approve", "j1#1"], cwd=project.root, answers=["yes"])
    assert done.code == 1
    assert "not the one that was made" in done.out


def test_a_verdict_that_a_crash_cut_short_is_completed(run: Run, project: Project) -> None:
    made = _make(run, project).data
    journal.append(
        project,
        "art.verdict",
        actor="person:test",
        references={"candidate": "j1#1", "sha256": made["candidates"][0]["sha256"]},
        data={"verdict": "approved", "reason": None, "gate": "unsigned"},
    )
    done = run("art", "export", "j1#1", "--as", "potion", "--json", cwd=project.root)
    assert done.code == 0, done.out


def test_export_needs_an_approval(run: Run, project: Project) -> None:
    _make(run, project)
    done = run("art", "export", "j1#1", "--as", "potion", "--json", cwd=project.root)
    assert done.code == 1
    assert done.envelope["error"]["code"] == "not_approved"
    assert not (project.exports / "loose").exists()


def test_an_approved_candidate_ships_frozen_with_its_provenance(
    run: Run, at_terminal: AtTerminal, project: Project
) -> None:
    made = _make(run, project).data
    at_terminal(["art", "approve", "j1#1"], cwd=project.root, answers=["yes"])
    base = ("art", "export", "j1#1", "--as", "potion", "--json")
    planned = run(*base, "--dry-run", cwd=project.root).data
    assert planned["dry_run"]
    assert not (project.exports / "loose").exists()
    done = run(*base, "--size", "120x63", "--fit", "pad", cwd=project.root).data
    path = Path(done["path"])
    assert path == project.exports / "loose" / "potion" / "v1" / "potion.png"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    with Image.open(path) as image:
        assert image.size == (120, 63)
    assert metadata.read(path) == {}, "prompts do not leave with a shipped file"
    manifest = json.loads((project.exports / "manifest.json").read_text())
    entry = manifest["entries"][0]
    assert manifest["_schema_version"]
    assert entry["sha256"] == sha256_file(path)
    assert entry["provenance"]["prompt"] == "a red potion, outlined"
    assert entry["provenance"]["source_sha256"] == made["candidates"][0]["sha256"]
    same = run(*base, "--size", "120x63", "--fit", "pad", cwd=project.root).data
    assert not same["fresh"]
    assert same["version"] == 1
    other = run(*base, "--format", "jpg", "--background", "white", cwd=project.root).data
    assert other["version"] == 2
    kept = run(*base, "--keep-metadata", cwd=project.root).data
    assert metadata.read(Path(kept["path"]))["ategnatos"]["settings"]["steps"] == 2


@pytest.mark.parametrize("broken", ["journal.append", "documents.edit", "manifest.manifest_add"])
def test_an_export_that_a_crash_cut_short_is_completed(
    run: Run,
    at_terminal: AtTerminal,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    _make(run, project)
    at_terminal(["art", "approve", "j1#1"], cwd=project.root, answers=["yes"])
    base = ("art", "export", "j1#1", "--as", "potion", "--json")
    with monkeypatch.context() as crash:

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        name = "ategnatos.art.freezing.edit" if "edit" in broken else f"ategnatos.grimoire.{broken}"
        crash.setattr(name, die)
        assert run(*base, cwd=project.root).code == 130
    second = run(*base, cwd=project.root).data
    assert second["version"] == 1
    manifest = json.loads((project.exports / "manifest.json").read_text())
    assert len(manifest["entries"]) == 1
    exported = [event for event in journal.read(project) if event.kind == "art.exported"]
    assert len(exported) == 1
    assets = json.loads((project.state / "assets.json").read_text())
    assert len(assets["assets"]) == 1


def test_vary_changes_one_thing_and_remembers_its_parent(run: Run, project: Project) -> None:
    made = _make(run, project).data
    varied = run(
        "art", "vary", "j1#2", "--change", "blue", "--count", "1", "--json", cwd=project.root
    ).data
    assert varied["prompt"] == "a blue potion, outlined"
    assert varied["parent"] == "j1#2"
    assert varied["edits"] == ["red -> blue"]
    assert varied["candidates"][0]["seed"] == made["candidates"][1]["seed"]
    shown = run("art", "show", varied["job"], "--json", cwd=project.root).data
    request = shown["request"]
    assert request["init"] == made["candidates"][1]["sha256"]
    first = run("art", "show", "j1", "--json", cwd=project.root).data["request"]
    for key in ("negative", "model", "width", "height", "steps", "cfg", "sampler"):
        assert request[key] == first[key], f"{key} is pinned"
    steps = run("art", "history", varied["job"], "--json", cwd=project.root).data["steps"]
    assert [step["job"] for step in steps] == ["j1", varied["job"]]
    assert steps[1]["change"] == "blue"
    plain = run("art", "history", varied["job"], cwd=project.root)
    assert "asked: blue" in plain.out


def test_a_picture_of_older_weights_can_still_be_varied_and_it_is_said(
    run: Run, project: Project
) -> None:
    made = _make(run, project).data
    with database.connect(project) as db:
        request = store.get(db, 1).request | {"model": "starter@00000000"}
        with database.writing(db):
            db.execute("UPDATE job SET request=? WHERE id=1", (json.dumps(request),))
    done = run(
        "art", "vary", "j1#2", "--change", "blue", "--count", "1", "--json", cwd=project.root
    )
    assert done.data["candidates"][0]["seed"] == made["candidates"][1]["seed"]
    assert any("starter@00000000" in text for text in done.envelope["warnings"])


def test_a_wish_that_changes_nothing_is_refused(run: Run, project: Project) -> None:
    _make(run, project)
    done = run("art", "vary", "j1#1", "--change", "glorious", "--json", cwd=project.root)
    assert done.code == 1
    assert done.envelope["error"]["code"] == "no_difference"


def test_image_to_image_and_inpaint_start_from_files(
    run: Run, project: Project, tmp_path: Path
) -> None:
    made = _make(run, project, "--count", "1").data
    source = Path(made["candidates"][0]["path"])
    mask = tmp_path / "mask.png"
    canvas = Image.new("L", (64, 64))
    canvas.paste(255, (0, 0, 64, 32))
    canvas.save(mask)
    base = ("art", "generate", "a blue potion", *FAST, "--count", "1", "--json")
    painted = run(
        *base, "--init", source, "--strength", "0.9", "--mask", mask, cwd=project.root
    ).data
    with Image.open(source) as before, Image.open(painted["candidates"][0]["path"]) as after:
        kept = (0, 32, 64, 64)
        assert before.crop(kept).tobytes() == after.crop(kept).tobytes()
        assert before.tobytes() != after.tobytes()


def test_a_failed_job_keeps_its_reason_and_can_be_tried_again(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ategnatos.engines.starter import StarterEngine

    with monkeypatch.context() as broken:

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("the engine caught fire")

        broken.setattr(StarterEngine, "generate", fail)
        done = _make(run, project)
        assert done.code == 2
    shown = run("art", "show", "j1", "--json", cwd=project.root).data
    assert shown["state"] == "failed"
    assert "caught fire" in shown["error"]["message"]
    again = _make(run, project).data
    assert again["job"] == "j1"
    assert again["state"] == "awaiting_review"
    assert run("art", "show", "j1", "--json", cwd=project.root).data["attempts"] == 2
