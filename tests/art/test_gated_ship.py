"""Both gates of a paid recipe, each with a signature: concept, paid step, final, shipment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.art import batch, freezing, promote, shipping
from ategnatos.grimoire import manifest
from ategnatos.grimoire.documents import edit
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import keyfile
from tests.art.potion_recipe import WITCH
from tests.art.test_recipe_gate import Sculptor, Waiting, sculptor, waiting
from tests.guard import keys

__all__ = ["sculptor", "waiting"]


@pytest.fixture
def signing(waiting: Waiting, tmp_path: Path) -> Iterator[Waiting]:
    """The studio of the waiting concept, with keys, and a budget that a person has allowed."""
    with keys.account(tmp_path / "account"):
        keys.founded(waiting.project)
        yield waiting


def shown(project: Project) -> list[str]:
    return [one.reference for _, one in batch.waiting(project)]


def sign(project: Project, number: int, verdict: str = "approved") -> None:
    private = keyfile.unseal(keyfile.load(), bytearray(keys.PASSPHRASE.encode()))
    with database.connect(project) as db:
        one = store.get_candidate(db, 1, number)
    keys.give(project, one, keys.approval(project, private, one, verdict=verdict))


def test_a_concept_is_judged_then_paid_for_then_the_final_is_judged_and_shipped(
    signing: Waiting,
) -> None:
    project = signing.project
    assert shown(project) == ["j1#1"]
    assert signing.vendor.calls == 0, "nothing is paid before the concept is approved"
    sign(project, 1)
    with pytest.raises(StudioError) as refused:
        promote.prepare(project, 1, 1)
    assert refused.value.code is freezing.CONCEPT_ONLY
    assert signing.carry_on()
    assert signing.vendor.calls == 1
    assert shown(project) == ["j1#2"]
    with pytest.raises(StudioError) as refused:
        promote.prepare(project, 1, 2)
    assert refused.value.code is freezing.NOT_APPROVED
    sign(project, 2)
    assert shipping.approved_of(project, WITCH) == [(1, 2)]
    with edit(project, "policy") as policy:
        policy.commercial = True
    with pytest.raises(StudioError) as refused:
        promote.prepare(project, 1, 2)
    assert refused.value.code.code == "licence_unknown", "a service whose terms nobody knows"
    with edit(project, "policy") as policy:
        policy.commercial = False
    ready = [promote.prepare(project, 1, 2)]
    (done,) = shipping.ship(project, ready, actor="user:ann", now=lambda: keys.NOW, redo="again")
    assert done.asset == WITCH
    assert done.files[0].path.parts[-2:] == ("stone", "000.png")
    (asset,) = manifest.manifest_read(project).assets
    assert asset.licence.commercial == "unknown"
    assert {term.of for term in asset.licence.terms} == {"model", "api"}


def test_a_concept_that_was_approved_before_the_keys_frees_nothing_that_is_paid(
    waiting: Waiting,
    tmp_path: Path,
) -> None:
    with keys.account(tmp_path / "account"):
        waiting.judge(1, "approved")
        keys.founded(waiting.project)
        with pytest.raises(StudioError) as refused:
            waiting.carry_on()
        assert refused.value.code.code == "concept_gate"
        assert waiting.vendor.calls == 0
        assert isinstance(waiting.engine, Sculptor)
