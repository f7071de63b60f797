"""What somebody saw leads to a page, a first help, and a next plan that holds together."""

from __future__ import annotations

import shlex

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import loader
from ategnatos.knowledge.pages.page import pages
from ategnatos.train.evaluation import seen
from ategnatos.train.plan import fields, presets, store
from ategnatos.trainers.plan import Plan

REMEDIES = loader.read("training_remedies").content["remedies"]


def _plan(family: str = "sdxl/base", preset: str = "standard", **values: object) -> Plan:
    base = {"training": "character", "trigger": "zrvk", **values}
    return store.draft("owl", family=family, preset=preset, dataset=("o", 1, "0"), values=base)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("too strong", "burnt_lora"),
        ("Bleeds", "trigger_bleeds"),
        ("a rigid pose", "copies_training"),
        ("rigid-pose", "copies_training"),
        ("overtrained", "copies_training"),
        ("too weak", "weak_lora"),
        ("to strong", "burnt_lora"),
    ],
)
def test_people_are_understood_in_their_words(said: str, fault: str) -> None:
    assert seen.find(said).fault == fault


@pytest.mark.parametrize("said", ["", "mauve", "nice"])
def test_what_is_no_fault_is_not_guessed_at(said: str) -> None:
    with pytest.raises(StudioError) as refused:
        seen.find(said)
    assert refused.value.code is seen.SIGHT_UNKNOWN


@pytest.mark.parametrize("family", list(presets.known().families))
@pytest.mark.parametrize("fault", list(REMEDIES))
def test_each_remedy_makes_a_plan_that_holds_for_every_family(family: str, fault: str) -> None:
    plan = _plan(family)
    sight = seen.find(REMEDIES[fault]["words"][0])
    found = seen.propose(plan, [sight])
    values = {name: now for name, (_, now) in found.values.items()}
    if values:
        made = store.changed(plan, values)
        assert made.digest() != plan.digest()
        words = shlex.split(found.line("owl", [sight.said]))
        assert fields.parse(words[5:-2]) == pytest.approx(values)


def test_what_was_seen_twice_is_mended_once() -> None:
    plan = _plan("starter", steps=200, learning_rate=0.002)
    both = seen.propose(plan, [seen.find("too strong"), seen.find("rigid pose")])
    assert both.values["steps"] == (200, 120)
    assert both.values["learning_rate"] == (0.002, 0.001)


def test_faults_that_pull_a_value_both_ways_leave_it_alone() -> None:
    plan = _plan("starter", steps=200, learning_rate=0.002)
    found = seen.propose(plan, [seen.find("too strong"), seen.find("too weak")])
    assert not {"steps", "learning_rate"} & set(found.values)
    assert any("both ways" in text for text in found.left)
    assert found.line("owl", []) == ""


def test_an_optimizer_that_finds_its_rate_keeps_it() -> None:
    found = seen.propose(_plan(optimizer="prodigy", learning_rate=1.0), [seen.find("too strong")])
    assert "learning_rate" not in found.values
    assert any("finds its own rate" in text for text in found.left)


def test_every_remedy_is_of_a_known_fault_and_names_a_page_that_is_there() -> None:
    faults = loader.read("picture_faults").content["faults"]
    assert set(REMEDIES) <= {name for name, one in faults.items() if one["kind"] == "lora"}
    assert {one["page"] for one in REMEDIES.values()} <= {one.name for one in pages()}
