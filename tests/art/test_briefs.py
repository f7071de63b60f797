"""From a brief to its approved picture: versions, pages, trees, comparisons, the library."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ategnatos.art import briefs, dimensions, verdicts
from ategnatos.engines import Capabilities
from ategnatos.grimoire import journal, views
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.knowledge import asset_specs, families
from tests.conftest import Ran, Run

FAST = ("--steps", "1", "--count", "2")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def art(run: Run, project: Project, *words: str) -> Ran:
    return run("art", *words, "--json", cwd=project.root)


def brief(run: Run, project: Project, name: str = "site/owl", *more: str) -> Ran:
    words = ("brief", "new", name, "--subject", "a red potion, outlined", "--size", "64x64", *more)
    return art(run, project, *words)


def judge(project: Project, reference: str, verdict: str, reason: str | None = None) -> Any:
    job, number = (int(part) for part in reference.removeprefix("j").split("#"))
    with database.connect(project) as db:
        sha256 = store.get_candidate(db, job, number).sha256
    return verdicts.record_choice(
        project, job, number, verdict, sha256=sha256, reason=reason, actor="test", now=lambda: NOW
    )


def refusal(ran: Ran) -> str:
    assert ran.code == 1
    return str(ran.envelope["error"]["code"])


def pages(project: Project, name: str = "site/owl") -> dict[str, str]:
    folder, short = name.split("/")
    home = project.grimoire / "projects" / folder / "assets" / short
    return {path.name: path.read_text() for path in home.iterdir()}


def test_a_brief_names_kinds_of_assets_and_keeps_their_sizes(run: Run, project: Project) -> None:
    made = brief(
        *(run, project, "site/owl", "--spec", "og-image", "--spec", "favicon"),
        *("--constraint", "no text", "--audience", "children", "--format", ".PNG"),
    ).data
    outputs = {one["name"]: (one["width"], one["height"]) for one in made["brief"]["outputs"]}
    assert outputs["og-image"] == (1200, 630)
    assert outputs["favicon-16"] == (16, 16)
    assert outputs["64x64"] == (64, 64)
    assert made["brief"]["formats"] == ["png"]
    assert made["brief"]["specs"][0]["source"].startswith("https://")
    spec = pages(project)["spec.md"]
    assert "| og-image | 1200x630 |" in spec
    assert "- no text" in spec
    (event,) = journal.read(project, {briefs.EVENT_KIND})
    assert (event.id, event.data["brief"]) == (made["event"], made["brief"])


def test_an_edit_replaces_what_is_given_and_keeps_the_rest(run: Run, project: Project) -> None:
    brief(run, project, "site/owl", "--audience", "children", "--constraint", "no text")
    changed = art(run, project, "brief", "edit", "owl", "--audience", "", "--purpose", "a site")
    assert changed.data["revision"] == 2
    kept = changed.data["brief"]
    assert (kept["audience"], kept["purpose"]) == ("", "a site")
    assert kept["constraints"] == ["no text"]
    assert [one["name"] for one in kept["outputs"]] == ["64x64"]
    same = art(run, project, "brief", "edit", "owl", "--purpose", "a site").data
    assert (same["changed"], same["revision"]) == (False, 2)
    cleared = art(run, project, "brief", "edit", "owl", "--constraint", "", "--size", "").data
    assert (cleared["brief"]["constraints"], cleared["brief"]["outputs"]) == ([], [])
    assert len(list(journal.read(project, {briefs.EVENT_KIND}))) == 3


def test_a_dry_run_of_a_brief_writes_nothing(run: Run, project: Project) -> None:
    before = sorted(project.root.rglob("*"))
    planned = brief(run, project, "site/owl", "--spec", "sprite", "--dry-run").data
    assert planned["brief"]["rules"]
    assert sorted(project.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("new", "owl", "--subject", "x"), "brief_name"),
        (("new", "site/v3", "--subject", "x"), "brief_name"),
        (("new", "../owl", "--subject", "x"), "name_invalid"),
        (("new", "site/..", "--subject", "x"), "name_invalid"),
        (("new", "site/a/b", "--subject", "x"), "brief_name"),
        (("new", "site/owl"), "brief_empty"),
        (("new", "site/owl", "--subject", "x", "--spec", "og-imge"), "asset_spec"),
        (("new", "site/owl", "--subject", "x", "--size", "big"), "size"),
        (("new", "site/owl", "--subject", "x" * 2001), "brief_empty"),
        (("edit", "site/owl", "--subject", "x"), "brief_unknown"),
        (("edit", "site/owl"), "usage"),
        (("show", "owl"), "brief_unknown"),
    ],
)
def test_what_is_no_brief_is_refused(
    run: Run, project: Project, words: tuple[str, ...], code: str
) -> None:
    assert refusal(art(run, project, "brief", *words)) == code
    assert not list(journal.read(project))
    assert not list((project.grimoire / "projects").iterdir())


def test_a_name_alone_is_enough_where_it_is_the_only_one(run: Run, project: Project) -> None:
    brief(run, project)
    brief(run, project, "game/fox")
    assert art(run, project, "brief", "show", "fox").data["asset"] == "game/fox"
    brief(run, project, "game/owl")
    ran = art(run, project, "brief", "show", "owl")
    assert refusal(ran) == "brief_unknown"
    assert "game/owl, site/owl" in ran.envelope["error"]["message"]
    assert refusal(brief(run, project)) == "brief_exists"
    wrong = art(run, project, "generate", "a gem", "--for", "site/owel", "--dry-run")
    assert "'site/owl'" in wrong.envelope["error"]["hint"]
    listed = art(run, project, "brief", "list", "game").data
    assert [one["asset"] for one in listed["briefs"]] == ["game/owl", "game/fox"]


def test_every_kind_of_asset_has_sizes_and_a_source() -> None:
    found = asset_specs.specs()
    wanted = {"og-image", "favicon", "hero", "banner", "app-icon", "social-square", "sprite"}
    assert wanted | {"tile", "card", "wallpaper"} <= set(found)
    for one in found.values():
        assert one.title
        assert one.source
        assert one.largest.width * one.largest.height >= max(
            out.width * out.height for out in one.outputs
        )


def test_a_studio_adds_a_kind_of_asset_as_data(run: Run, project: Project) -> None:
    home = project.grimoire / "knowledge"
    home.mkdir()
    own = {
        "description": "Ours.",
        "date": "2026-11-21",
        "source": "our printer",
        "specs": {
            "beer-mat": {
                "title": "Beer mat",
                "outputs": [{"name": "mat", "width": 1110, "height": 1110}],
                "constraints": ["round"],
            },
            "og-image": {"title": "Ours", "outputs": [{"name": "o", "width": 10, "height": 20}]},
        },
    }
    (home / "asset_specs.json").write_text(json.dumps(own))
    made = brief(run, project, "pub/mat", "--spec", "beer-mat", "--spec", "og-image").data["brief"]
    assert [(one["of"], one["width"]) for one in made["outputs"] if "of" in one] == [
        ("beer-mat", 1110),
        ("og-image", 10),
    ]
    shown = art(run, project, "brief", "specs", "beer-mat").data["specs"][0]
    assert (shown["own"], shown["source"]) == (True, "our printer")
    own["specs"]["beer-mat"]["outputs"][0]["width"] = "wide"
    (home / "asset_specs.json").write_text(json.dumps(own))
    assert refusal(art(run, project, "brief", "specs")) == "asset_spec"


ABLE = Capabilities(True, True, True, True, False, (), (), 1024, 1024, 64, 4096, 64)


@pytest.mark.parametrize(
    ("wanted", "family", "made"),
    [
        ((1200, 630), "sdxl", (1344, 768)),
        ((512, 512), "sdxl", (1024, 1024)),
        ((1080, 1920), "sdxl", (768, 1344)),
        ((1200, 630), None, (1200, 630)),
        ((16, 16), None, (64, 64)),
        ((8192, 4096), None, (4096, 2048)),
    ],
)
def test_a_size_is_the_assets_own_or_the_nearest_that_the_model_does_well(
    wanted: tuple[int, int], family: str | None, made: tuple[int, int]
) -> None:
    outputs = [
        {"name": "small", "width": 8, "height": 8},
        {"name": "large", "width": wanted[0], "height": wanted[1]},
    ]
    sizes = None if family is None else families.find(family).sizes
    chosen = dimensions.size_for({"outputs": outputs}, ABLE, sizes)
    assert chosen is not None
    assert (chosen.width, chosen.height) == made
    assert bool(chosen.note) == (wanted != made)


def test_every_family_gets_a_size_on_its_grid_within_its_limits() -> None:
    for variant in families.every_variant():
        for shape in ((1200, 630), (600, 900), (3840, 1240), (48, 48)):
            brief = {"outputs": [{"name": "one", "width": shape[0], "height": shape[1]}]}
            chosen = dimensions.size_for(brief, ABLE, variant.sizes)
            assert chosen is not None
            for side in (chosen.width, chosen.height):
                assert side % variant.sizes.multiple == 0, variant.key
                assert side <= max(variant.sizes.most, *map(max, variant.sizes.buckets or [(0,)]))


def test_an_order_for_an_asset_is_a_version_in_its_size(run: Run, project: Project) -> None:
    brief(run, project)
    made = art(run, project, "generate", *FAST, "--for", "owl").data
    assert (made["prompt"], made["version"]) == ("a red potion, outlined", "site/owl/v1")
    assert {(one["width"], one["height"]) for one in made["candidates"]} == {(64, 64)}
    again = art(run, project, "generate", *FAST, "--for", "site/owl").data
    assert (again["fresh"], again["version"]) == (False, "site/owl/v1")
    own = art(run, project, "generate", *FAST, "--size", "96x96", "--for", "owl", "--dry-run")
    assert own.data["request"]["width"] == 96
    (ordered,) = journal.read(project, {"art.ordered"})
    assert (ordered.references["asset"], ordered.references["version"]) == ("site/owl", "v1")


def test_the_same_order_for_a_second_asset_is_a_version_of_both(run: Run, project: Project) -> None:
    brief(run, project)
    brief(run, project, "game/potion")
    first = art(run, project, "generate", *FAST, "--for", "owl").data
    second = art(run, project, "generate", *FAST, "--for", "potion").data
    assert (second["job"], second["fresh"]) == (first["job"], False)
    assert second["version"] == "game/potion/v1"
    (assigned,) = journal.read(project, {"art.assigned"})
    assert assigned.references["asset"] == "game/potion"
    assert "## v1 (j1," in pages(project, "game/potion")["iterations.md"]
    varied = art(run, project, "vary", "j1#1", "--change", "blue", *FAST[2:], "--dry-run")
    assert "made for site/owl, game/potion" in " ".join(varied.envelope["warnings"])


def test_back_to_version_1_but_blue(run: Run, project: Project) -> None:
    brief(run, project)
    art(run, project, "generate", *FAST, "--for", "owl")
    judge(project, "j1#1", "rejected", "too round")
    second = art(run, project, "vary", "v1", "--change", "green", "--count", "1").data
    assert (second["parent"], second["version"]) == ("j1#2", "site/owl/v2")
    third = art(
        *(run, project, "vary", "site/owl/v1#1", "--change", "blue", "--count", "1"),
        *("--because", "the logo is blue"),
    ).data
    assert (third["parent"], third["version"]) == ("j1#1", "site/owl/v3")
    assert third["reason"] == "the logo is blue"
    assert third["prompt"] == "a blue potion, outlined"
    shown = pages(project)["iterations.md"]
    for told in ("## v3 (j3, awaiting_review)", "- **Because**: the logo is blue", "too round"):
        assert told in shown
    assert "a blue potion, outlined" in shown
    assert refusal(art(run, project, "vary", "v9", "--change", "blue")) == "version_unknown"
    again = art(
        *(run, project, "vary", "site/owl/v1#1", "--change", "blue", "--count", "1"),
        *("--because", "on second thoughts"),
    )
    assert again.data["job"] == "j3"
    assert "because the logo is blue; that stays" in " ".join(again.envelope["warnings"])


def test_a_version_for_a_verdict_must_name_one_picture(run: Run, project: Project) -> None:
    brief(run, project)
    art(run, project, "generate", *FAST, "--for", "owl")
    for vague in ("v1", "owl/v1"):
        ran = art(run, project, "approve", vague, "--dry-run")
        assert refusal(ran) == "reference", vague
    for exact in ("owl/v1#2", "v1#2"):  # of the only asset there is
        assert art(run, project, "approve", exact, "--dry-run").data["candidate"] == "j1#2"
    brief(run, project, "site/fox")
    art(run, project, "generate", "a blue fox", *FAST, "--for", "fox")
    ran = art(run, project, "approve", "v1#2", "--dry-run")
    assert refusal(ran) == "reference"
    assert "/v1#2'" in ran.envelope["error"]["hint"]


def test_a_history_is_a_tree_with_changes_and_reasons(run: Run, project: Project) -> None:
    brief(run, project)
    art(run, project, "generate", *FAST, "--for", "owl")
    for change in ("green", "blue"):
        art(run, project, "vary", "v1#1", "--change", change, "--count", "1")
    art(run, project, "vary", "v2", "--change", "yellow", "--count", "1", "--because", "sunny")
    art(run, project, "generate", "a gem", *FAST)
    data = art(run, project, "history", "site/owl").data
    (root,) = data["tree"]
    assert [child["version"] for child in root["children"]] == ["v2", "v3"]
    (last,) = root["children"][0]["children"]
    assert (last["version"], last["parent"], last["change"]) == ("v4", "j2#1", "yellow")
    assert (last["reason"], last["engine"]) == ("sunny", "starter")
    assert last["hashes"]["model"] == root["hashes"]["model"]
    assert last["settings"]["steps"] == 1
    told = run("art", "history", "v4", cwd=project.root).out
    lines = told.splitlines()
    assert any(line.startswith("│  └─ v4 (j4)  from j2#1: yellow  <") for line in lines)
    assert any(line.startswith("└─ v3 (j3)  from j1#1: blue") for line in lines)
    assert "ordered as site/owl/v4" in told
    of_job = art(run, project, "history", "j3").data
    assert [step["job"] for step in of_job["steps"]] == ["j1", "j3"]
    assert of_job["tree"][0]["job"] == "j1"
    everything = art(run, project, "history").data["tree"]
    assert [one["job"] for one in everything] == ["j5", "j1"]


def test_a_chain_of_a_thousand_variations_is_drawn(run: Run, project: Project) -> None:
    with database.connect(project) as db, database.writing(db):
        db.executemany(
            "INSERT INTO job (kind, state, engine, recipe_id, base, take, binding, asked, request,"
            " parent, change, created_at, updated_at)"
            " VALUES ('image','failed','starter','prompt','b',0,?,'a gem',?,?,'warmer','','')",
            [
                (
                    f"{number:016x}",
                    '{"prompt": "", "negative": "", "seed": 1}',
                    None if number == 1 else f"j{number - 1}#1",
                )
                for number in range(1, 1201)
            ],
        )
    ran = run("art", "history", "j1200", cwd=project.root)
    assert ran.code == 0
    assert "j1200" in ran.out


def test_a_comparison_shows_the_pictures_and_every_difference(run: Run, project: Project) -> None:
    brief(run, project)
    art(run, project, "generate", *FAST, "--for", "owl")
    art(run, project, "vary", "v1#1", "--change", "blue", "--count", "1", "--from-seed")
    found = art(run, project, "compare", "v1#1", "v2", "j1#2").data
    assert [one["candidate"] for one in found["pictures"]] == ["j1#1", "j2#1", "j1#2"]
    assert found["prompt"]["B"]["plain"] == "a [-red-] {+blue+} potion, outlined"
    assert found["prompt"]["C"]["words"] == []
    differs = {one["name"]: one["values"] for one in found["differs"]}
    assert set(differs) == {"seed"}
    assert differs["seed"]["C"] == differs["seed"]["A"] + 1 == differs["seed"]["B"] + 1
    assert found["same"]["steps"] == 1
    with Image.open(found["sheet"]) as sheet:
        assert sheet.width > 480
    told = run("art", "compare", "v1#1", "v2", cwd=project.root).out
    assert "prompt A -> B: a [-red-] {+blue+} potion, outlined" in told
    for wrong in (("v1#1",), ("v1#1", "j1#1"), ("v1#1",) * 5):
        assert refusal(art(run, project, "compare", *wrong)) == "comparison"


def test_an_edited_page_is_kept_aside_and_pages_are_read_only(run: Run, project: Project) -> None:
    brief(run, project)
    home = project.grimoire / "projects/site/assets/owl"
    page = home / "iterations.md"
    assert stat.S_IMODE(page.stat().st_mode) == 0o444
    assert not views.is_edited(page.read_bytes())
    page.chmod(0o644)
    page.write_text(page.read_text() + "mine\n")
    art(run, project, "generate", *FAST, "--for", "owl")
    assert "mine" in (home / "iterations.md.edited").read_text()
    assert "mine" not in page.read_text()
    (home / "spec.md").unlink()
    written = art(run, project, "brief", "render").data["written"]
    assert written == ["grimoire/projects/site/assets/owl/spec.md"]
    assert art(run, project, "brief", "render").data["written"] == []


def test_a_hostile_prompt_stays_text_on_a_page(run: Run, project: Project) -> None:
    brief(run, project)
    words = "a gem | `x` <script>alert(1)</script> ![x](y)\n# Heading"
    art(run, project, "generate", words, *FAST, "--for", "owl")
    page = pages(project)["iterations.md"]
    assert page.count("<script>") == page.count("\\<script>") == 1
    assert "\n# Heading" not in page


def test_an_approval_keeps_its_prompt_in_the_library(run: Run, project: Project) -> None:
    brief(run, project)
    art(run, project, "generate", *FAST, "--for", "owl")
    told = judge(project, "j1#2", "approved")
    page = project.grimoire / "library/starter/owl.md"
    assert told.notes == ("In the library: grimoire/library/starter/owl.md",)
    text = page.read_text()
    for part in (
        "> a red potion, outlined",
        "j1#2",
        "- **steps**: 1",
        "![",
        "**SHA-256 of model**",
    ):
        assert part in text
    assert stat.S_IMODE(page.stat().st_mode) == 0o444
    with Image.open(page.with_suffix(".png")) as small:
        assert max(small.size) <= 256
    judge(project, "j1#1", "approved")
    (entry,) = art(run, project, "library", "list").data["entries"]
    assert (entry["approvals"], entry["pictures"]) == (2, ["j1#1", "j1#2"])
    assert "## Approved pictures: 2" in page.read_text()
    assert "## j1#1 (v1)" in pages(project)["approved.md"]
    art(run, project, "export", "owl/v1#1", "--as", "owl")
    assert "**Shipped as**: exports/loose/owl/v1/owl.png" in pages(project)["approved.md"]
    kept = [event.references for event in journal.read(project, {"art.library_kept"})]
    assert [one["candidate"] for one in kept] == ["j1#2"]


def test_another_prompt_of_the_same_name_gets_a_name_of_its_own(run: Run, project: Project) -> None:
    for words in ("a red potion", "a red potion, outlined"):
        brief(run, project, f"{words.count(',')}x/potion")
        art(run, project, "generate", words, *FAST, "--for", f"{words.count(',')}x/potion")
    judge(project, "j1#1", "approved")
    judge(project, "j2#1", "approved")
    names = {one["entry"] for one in art(run, project, "library", "list").data["entries"]}
    assert names == {"starter/potion", "starter/potion-2"}


def test_what_worked_is_built_into_the_next_prompt_and_says_why(run: Run, project: Project) -> None:
    art(run, project, "generate", "a red potion, outlined, shiny", *FAST)
    judge(project, "j1#1", "approved")
    built = art(run, project, "prompt", "a green potion").data
    assert built["prompt"] == "a green potion, outlined, shiny"
    library = [part for part in built["parts"] if part["source"] == "library"]
    assert "library/starter/a-red-potion-outlined-shiny.md" in library[0]["why"]
    assert built["worked_before"][0]["shared_words"] == ["potion"]
    assert art(run, project, "prompt", "a green potion", "--no-library").data["prompt"] == (
        "a green potion"
    )
    assert art(run, project, "prompt", "a green ship").data["worked_before"] == []
    other = art(run, project, "prompt", "a green potion", "--family", "sdxl").data
    assert other["worked_before"] == [], "what one family reads is no proof for another"


def test_the_eye_counts_before_the_library(run: Run, project: Project) -> None:
    art(run, project, "generate", "a red potion, outlined, shiny", *FAST)
    judge(project, "j1#1", "approved")
    run("eye", "add", "nothing shiny", "--polarity", "never", "--words", "shiny", cwd=project.root)
    assert art(run, project, "prompt", "a green potion").data["prompt"] == (
        "a green potion, outlined"
    )


def test_a_brief_goes_into_the_prompt_that_is_built(run: Run, project: Project) -> None:
    brief(run, project, "site/owl", "--constraint", "no text", "--constraint", "flat background")
    built = art(run, project, "prompt", "--for", "owl", "--family", "sdxl").data
    by_source = {(part["source"], part["where"]): part for part in built["parts"]}
    assert by_source["words", "prompt"]["text"] == "a red potion, outlined"
    assert by_source["brief", "prompt"]["text"] == "flat background"
    assert by_source["brief", "negative"]["text"] == "text"
    assert built["next"][0].endswith("--for site/owl")
    unread = art(run, project, "prompt", "--for", "owl", "--family", "flux2/klein-4b").data
    (left,) = [part for part in unread["parts"] if part["where"] == "left out"]
    assert "reads no negative prompt" in left["why"]


def test_library_notes_removal_and_return(run: Run, project: Project) -> None:
    art(run, project, "generate", "a red potion", *FAST)
    judge(project, "j1#1", "approved")
    page = project.grimoire / "library/starter/a-red-potion.md"
    art(run, project, "library", "note", "a-red-potion", "holds at 16 pixels")
    assert "holds at 16 pixels" in page.read_text()
    assert art(run, project, "library", "list", "16", "pixels").data["entries"]
    art(run, project, "library", "remove", "a-red-potion")
    assert not page.exists()
    assert not page.with_suffix(".png").exists()
    assert refusal(art(run, project, "library", "show", "a-red-potion")) == "library_unknown"
    assert art(run, project, "prompt", "a green potion").data["worked_before"] == []
    judge(project, "j1#2", "approved")
    assert "holds at 16 pixels" in page.read_text()


def test_an_approval_that_a_crash_left_out_comes_in_later(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ategnatos.art import consequences

    art(run, project, "generate", "a red potion", *FAST)
    with monkeypatch.context() as patched:
        patched.setattr(consequences, "of_verdict", lambda *a, **k: ())
        judge(project, "j1#1", "approved")
    assert art(run, project, "library", "list").data["entries"] == []
    assert art(run, project, "library", "sync", "--dry-run").data["missing"] == ["j1#1"]
    assert art(run, project, "library", "sync").data["kept"] == ["starter/a-red-potion"]
    assert art(run, project, "library", "sync").data["kept"] == []


def test_a_page_that_cannot_be_written_is_said_and_the_verdict_stands(
    run: Run, project: Project
) -> None:
    art(run, project, "generate", "a red potion", *FAST)
    (project.grimoire / "library/starter").write_text("in the way")
    told = judge(project, "j1#1", "approved")
    assert "The verdict is recorded. Its pages are behind" in told.notes[0]
    with database.connect(project) as db:
        assert store.get_candidate(db, 1, 1).verdict == "approved"
    (project.grimoire / "library/starter").unlink()
    art(run, project, "library", "sync")
    assert (project.grimoire / "library/starter/a-red-potion.md").is_file()


def test_a_forged_approval_is_not_kept(run: Run, project: Project) -> None:
    art(run, project, "generate", "a red potion", *FAST)
    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE candidate SET verdict='approved', verdict_event='e00000001'")
    assert art(run, project, "library", "sync").data["kept"] == []


def test_a_search_finds_it_again(run: Run, project: Project) -> None:
    brief(run, project, "site/owl", "--purpose", "landing page")
    art(run, project, "generate", *FAST, "--for", "owl")
    art(run, project, "generate", "a green gem", *FAST)
    judge(project, "j1#1", "approved")
    (hit,) = art(run, project, "search", "potion", "--approved", "--since", "7d").data["found"]
    assert (hit["job"], hit["versions"]) == ("j1", ["site/owl/v1"])
    assert Path(hit["verdicts"][0]["path"]).is_file()
    assert [one["job"] for one in art(run, project, "search", "landing").data["found"]] == ["j1"]
    assert art(run, project, "search", "--undecided", "--for", "owl").data["total"] == 1
    assert art(run, project, "search", "--for", "site").data["total"] == 1
    assert art(run, project, "search", "--family", "starter").data["total"] == 2
    assert art(run, project, "search", "--since", "2030-01-01").data["found"] == []
    assert refusal(art(run, project, "search", "--since", "long ago")) == "since"
    assert refusal(art(run, project, "search", "--approved", "--rejected")) == "usage"
    told = run("art", "search", "nowhere", cwd=project.root)
    assert told.code == 0
    assert "Nothing was found" in told.out
