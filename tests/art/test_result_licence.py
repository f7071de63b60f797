"""The licence of a result: the strictest of all that went into it, and unknown stays unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.art import result_licence
from ategnatos.grimoire.documents import edit
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.manifest import Term
from ategnatos.grimoire.schemas.models import ModelFile
from tests.guard import keys

TERMS = st.builds(
    Term,
    of=st.sampled_from(["model", "lora", "dataset", "api"]),
    name=st.sampled_from(["a", "b", "c"]),
    licence=st.sampled_from(["MIT", "unknown", "CC-BY-NC-4.0"]),
    commercial=st.sampled_from(["yes", "conditions", "unknown", "no"]),
    conditions=st.lists(st.sampled_from(["name the author", "share alike"]), max_size=2),
)


def job(project: Project, engine: str, **request: Any) -> store.Job:
    """A job of that engine, without an engine."""
    keys.made(project, 1)
    with database.connect(project) as db:
        made = store.get(db, 1)
    return replace(made, engine=engine, request={**made.request, **request})


def told(project: Project, made: store.Job) -> list[tuple[str, str, str]]:
    return [(one.of, one.licence, one.commercial) for one in result_licence.terms_of(project, made)]


@given(st.lists(TERMS, min_size=1, max_size=6))
def test_a_result_is_never_freer_than_anything_that_went_into_it(terms: list[Term]) -> None:
    found = result_licence.strictest(terms)
    rank = result_licence.STRICTNESS.index
    assert all(rank(found.commercial) >= rank(term.commercial) for term in terms)
    assert any(found.commercial == term.commercial for term in terms)
    assert set(found.conditions) == {text for term in terms for text in term.conditions}
    assert result_licence.strictest(terms[::-1]).commercial == found.commercial


def test_the_starter_is_free_and_an_engine_that_nobody_knows_is_not(project: Project) -> None:
    assert told(project, job(project, "starter")) == [("model", "MIT", "yes")]
    assert told(project, job(project, "pixelhire")) == [
        ("model", "unknown", "unknown"),
        ("api", "unknown", "unknown"),
    ]


@pytest.mark.parametrize(
    ("family", "licence", "commercial"),
    [
        ("flux1/schnell", "Apache-2.0", "yes"),
        ("flux1/dev", "FLUX Non-Commercial", "no"),
        ("sdxl/turbo", "see the model page", "unknown"),
    ],
)
def test_a_family_brings_its_own_terms(
    project: Project, family: str, licence: str, commercial: str
) -> None:
    found = told(project, job(project, "comfyui", family=family))
    assert found == [("model", licence, commercial)], "a program of one's own asks for nothing"


def test_a_lora_and_its_dataset_count_by_what_the_inventory_says(project: Project) -> None:
    loras = [
        {"name": "inky", "sha256": "1" * 64, "weight": 1.0, "trigger": "", "path": "inky"},
        {"name": "odd", "sha256": "2" * 64, "weight": 1.0, "trigger": "", "path": "odd"},
        {"name": "stranger", "sha256": "3" * 64, "weight": 1.0, "trigger": "", "path": "s"},
    ]
    with edit(project, "models") as models:
        facts = {result_licence.DATASET_FACT: "cc-by-nc-4.0"}
        models.files.append(
            ModelFile(name="inky", path="/m/inky", sha256="1" * 64, licence="MIT", facts=facts)
        )
        models.files.append(
            ModelFile(name="odd", path="/m/odd", sha256="2" * 64, licence="Ask my cousin")
        )
    made = job(project, "comfyui", family="flux1/schnell", loras=loras)
    assert told(project, made) == [
        ("model", "Apache-2.0", "yes"),
        ("lora", "MIT", "yes"),
        ("dataset", "CC-BY-NC-4.0", "no"),
        ("lora", "Ask my cousin", "unknown"),
        ("lora", "unknown", "unknown"),
    ]
    terms = result_licence.terms_of(project, made)
    found = result_licence.strictest(terms)
    assert (found.commercial, found.by) == ("no", "dataset of inky")
    assert result_licence.require(project, terms) == ()
    with edit(project, "policy") as policy:
        policy.commercial = True
    with pytest.raises(StudioError) as refused:
        result_licence.require(project, terms)
    assert refused.value.code.code == "family_refused"
    assert "dataset of inky" in refused.value.message
    without = [term for term in terms if term.of != "dataset"]
    with pytest.raises(StudioError) as refused:
        result_licence.require(project, without)
    assert refused.value.code.code == "licence_unknown"
