"""The words before a picture, as commands: build, check, wish, policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ategnatos.art import licences
from ategnatos.art.moves import carry, differing
from ategnatos.art.order import canonical
from ategnatos.engines import LoraUse, Request
from ategnatos.engines.starter import StarterEngine
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard.policy import LICENCE_UNKNOWN
from ategnatos.prompts.change import Move
from tests.conftest import Run

FAST = ("--steps", "2", "--size", "64x64", "--count", "1")


def test_a_prompt_is_built_and_explained_without_a_studio(run: Run, tmp_path: Path) -> None:
    made = run("art", "prompt", "an owl mascot", "--family", "pony", "--json", cwd=tmp_path).data
    assert made["prompt"] == "score_9, score_8_up, score_7_up, an owl mascot"
    assert {part["source"] for part in made["parts"]} == {"words", "family"}
    assert "--family pony" in made["next"][0]
    shown = run("art", "prompt", "an owl mascot", "--family", "flux2/klein-4b", cwd=tmp_path)
    assert "An owl mascot." in shown.out
    assert "your words, as a sentence" in shown.out


def test_a_faulty_prompt_fails_with_its_place_and_edit(run: Run, tmp_path: Path) -> None:
    found = run("art", "lint", "an owl, (hat:1,9)", "--family", "sdxl", "--json", cwd=tmp_path)
    assert found.code == 1
    body = found.envelope
    assert body["error"]["code"] == "prompt_faulty"
    one = body["data"]["findings"][0]
    assert (one["code"], one["start"], one["end"]) == ("weight_unreadable", 13, 16)
    assert body["data"]["mended"]["prompt"] == "an owl, (hat:1.9)"
    good = run("art", "lint", "a red potion", cwd=tmp_path)
    assert good.code == 0
    assert "Nothing to say" in good.out


def test_a_trigger_is_looked_for(run: Run, tmp_path: Path) -> None:
    found = run(
        *("art", "lint", "an owl", "--family", "sdxl", "--trigger", "owls=owlstyle", "--json"),
        cwd=tmp_path,
    ).data
    assert "trigger_missing" in {one["code"] for one in found["findings"]}
    assert run("art", "lint", "an owl", "--trigger", "owls", cwd=tmp_path).code == 1


def test_wishes_are_listed(run: Run, tmp_path: Path) -> None:
    found = run("art", "wishes", "--family", "sdxl", "--json", cwd=tmp_path).data
    assert len(found["groups"]) >= 10
    assert "less busy" in found["groups"]["Busy and plain"]


def test_a_variation_shows_the_exact_difference_and_pins_the_rest(
    run: Run, project: Project
) -> None:
    made = run("art", "generate", "a blue potion, shiny", *FAST, "--json", cwd=project.root).data
    varied = run(
        *("art", "vary", "j1#1", "--change", "warmer, less busy, change less", "-n", "1", "--json"),
        cwd=project.root,
    ).data
    assert varied["prompt"] == "a purple potion, flat"
    difference = varied["difference"]
    assert difference["prompt"]["plain"] == "a [-blue-] {+purple+} potion, [-shiny-] {+flat+}"
    assert [(one["change"], one["word"]) for one in difference["prompt"]["words"]] == [
        ("removed", "blue"),
        ("added", "purple"),
        ("removed", "shiny"),
        ("added", "flat"),
    ]
    assert difference["settings"] == [{"name": "strength", "before": None, "after": 0.55}]
    assert varied["candidates"][0]["seed"] == made["candidates"][0]["seed"]


def test_a_setting_alone_can_be_wished_for(run: Run, project: Project) -> None:
    run("art", "generate", "a blue potion", *FAST, cwd=project.root)
    dry = ("--dry-run", "--json")
    change = run("art", "vary", "j1#1", "--change", "follow the words more", *dry, cwd=project.root)
    settings = {one["name"]: one for one in change.data["difference"]["settings"]}
    assert settings["cfg"] == {"name": "cfg", "before": 2.0, "after": 3.5}
    assert change.data["difference"]["prompt"]["words"] == []
    shown = run("art", "vary", "j1#1", "--change", "too literal", "--dry-run", cwd=project.root)
    assert "cfg: 2.0 -> 1.0" in shown.out


@pytest.mark.parametrize(
    ("wish", "said", "hint"),
    [
        ("warmr", "no phrase", "--change 'warmer'"),
        ("weaker lora", "no LoRA is in use", "art wishes"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_is_near(
    wish: str, said: str, hint: str, run: Run, project: Project
) -> None:
    run("art", "generate", "a blue potion", *FAST, cwd=project.root)
    refused = run("art", "vary", "j1#1", "--change", wish, "--json", cwd=project.root)
    error = refused.envelope["error"]
    assert error["code"] == "no_difference"
    assert said in error["message"]
    assert hint in error["hint"]


def test_a_move_that_the_engine_refuses_is_left_out_and_said() -> None:
    engine = StarterEngine()
    request = Request("a potion", 1, steps=2, width=64, height=64)
    planned, _ = engine.plan(request)
    moves = [
        Move("steps", 10_000, 1, 20_000, "unfinished"),
        Move("cfg", 1.5, 1.0, 15.0, "follow the words"),
    ]
    carried = carry(engine, request, planned, moves)
    assert carried.moved
    assert carried.request.steps == 2
    assert carried.planned.cfg == (planned.cfg or 0) + 1.5
    assert carried.notes[0].startswith("steps stays (unfinished)")
    assert [one.name for one in differing(canonical(planned), carried.planned)] == ["cfg"]


def test_a_model_without_guidance_keeps_its_one() -> None:
    engine = StarterEngine()
    request = Request("a potion", 1, steps=2, cfg=1.0, width=64, height=64)
    planned, _ = engine.plan(request)
    carried = carry(engine, request, planned, [Move("cfg", 1.5, 1.0, 15.0, "follow the words")])
    assert not carried.moved
    assert "without guidance" in carried.notes[0]


def test_a_lora_is_weighed_within_bounds() -> None:
    class Willing(StarterEngine):
        def plan(self, request: Request) -> tuple[Request, tuple[str, ...]]:
            return request, ()

    request = Request("a potion", 1, loras=(LoraUse("owl", "owl.safetensors", 1.4),))
    move = Move("lora_weight", 0.2, 0.0, 1.5, "stronger style")
    carried = carry(Willing(), request, request, [move])
    assert carried.planned.loras[0].weight == 1.5
    assert carried.notes == ("LoRA owl 1.4 -> 1.5 (stronger style)",)
    assert not carry(Willing(), carried.request, carried.planned, [move]).moved


def test_a_policy_is_set_shown_journalled_and_obeyed(run: Run, project: Project) -> None:
    assert run("studio", "policy", "show", "--json", cwd=project.root).data["commercial"] is None
    words = ("studio", "policy", "set", "--commercial", "--territory", "de")
    dry = run(*words, "--dry-run", "--json", cwd=project.root).data
    assert dry["changed"]
    assert not (project.state / "policy.json").exists()
    done = run(*words, "--json", cwd=project.root).data
    assert done["territory"] == ["EU"]
    assert "flux1/dev" in done["refused"]
    assert "minimax-h3/base" in done["refused"]
    assert [e.kind for e in journal.read(project)][-1] == "studio.policy_set"
    assert not run(*words, "--json", cwd=project.root).data["changed"]
    refused = run(
        *("art", "generate", "an owl", "--engine", "comfyui", "--family", "flux1/dev"),
        *("--dry-run", "--json"),
        cwd=project.root,
    )
    error = refused.envelope["error"]
    assert error["code"] == "family_refused"
    assert "no commercial use" in error["message"]
    warned = run("art", "prompt", "an owl", "--family", "flux1/dev", "--json", cwd=project.root)
    assert "refused" in warned.envelope["warnings"][0]
    own = run("art", "generate", "a potion", *FAST, "--dry-run", "--json", cwd=project.root)
    assert own.envelope["warnings"] == []


def test_nothing_said_changes_no_policy(run: Run, project: Project) -> None:
    assert run("studio", "policy", "set", cwd=project.root).code == 1
    assert run("studio", "policy", "set", "--revenue-band", "x", cwd=project.root).code == 1


def test_a_model_of_no_known_licence_is_tried_and_not_exported(run: Run, project: Project) -> None:
    run("studio", "policy", "set", "--commercial", cwd=project.root)
    for family in (None, "flux3/klein"):
        told = licences.check(project, "comfyui", family, release=False)
        assert "not released" in told[0]
        with pytest.raises(StudioError) as raised:
            licences.check(project, "comfyui", family, release=True)
        assert raised.value.code is LICENCE_UNKNOWN
    assert licences.check(project, "comfyui", "z-image/turbo", release=True) == ()
    assert licences.check(project, "starter", None, release=True) == ()
    assert "OpenRAIL" in licences.check(project, "comfyui", "sdxl", release=True)[0]


def test_a_prompt_is_rewritten_for_another_program(run: Run, tmp_path: Path) -> None:
    text = "a ((red:1.2) owl:1.1) BREAK [dim] light"
    made = run("art", "convert", text, "--to", "comfyui", "--json", cwd=tmp_path)
    assert made.data["prompt"] == "a (red:1.32) (owl:1.1), (dim:0.909) light"
    assert any("strength" in note for note in made.envelope["warnings"])
    assert run("art", "convert", text, "--to", "latin", cwd=tmp_path).code == 1
