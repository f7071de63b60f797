"""Evaluate on the page: blind until it is over, one vote a pair, a winner that a person signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.project import Project
from ategnatos.pictures.metadata import embed_texts, strip
from ategnatos.train.evaluation import record, verdict, votes
from ategnatos.web import blind
from tests.guard import keys
from tests.train.dataset.pictures import drawn
from tests.web.evaluations import NAMES, finished
from tests.web.serving import Inside, inside
from tests.web.test_agreeing import person

WHERE = "/evaluate/owl/1"


@pytest.fixture
def page(project: Project) -> Iterator[Inside]:
    with inside(project) as page:
        yield page


def test_no_name_is_shown_while_votes_are_blind_and_all_are_after_it(page: Inside) -> None:
    one = finished(page.project)
    with person(page) as client:
        for path in (WHERE, f"{WHERE}?pair", "/evaluate", "/api/v1/evaluations"):
            shown = client.get(path).text
            assert all(name not in shown for name in NAMES), path
        (pair,) = votes.pairs(one, "ann")
        shown = blind.pair_of(one, pair).sha256
        assert shown in client.get(f"{WHERE}?as=ann").text
        cast = {"as": "ann", "pair": pair.id, "choice": "left", "shown": shown}
        assert "has seen every pair" in client.post(f"{WHERE}/vote", json=cast).text
        (kept,) = votes.cast_votes(page.project, one)
        assert (kept.voter, kept.better) == ("ann", pair.left)
        early = client.post(f"{WHERE}/decide", json={"winner": "late@0.5"})
        assert early.json()["error"]["code"] == "votes_blind"
        assert client.post(f"{WHERE}/reveal").status_code == 200
        after = client.get(WHERE).text
        assert all(f"{name}@0.5" in after for name in NAMES)
        late = client.post(f"{WHERE}/vote", json={**cast, "as": "ben"}).text
        assert "known by now" in late
    assert len(votes.cast_votes(page.project, one)) == 1


def test_a_picture_that_was_changed_is_not_shown_and_not_voted_on(page: Inside) -> None:
    one = finished(page.project)
    (pair,) = votes.pairs(one, "ann")
    cell = next(cell for cell in one.cells if cell.checkpoint)
    with person(page) as client:
        assert client.get(f"{WHERE}/picture/{cell.key}").status_code == 200
        one.picture(cell).write_bytes(drawn(99))
        assert client.get(f"{WHERE}/picture/{cell.key}").status_code == 410
        assert client.get(f"{WHERE}/picture/nothing").status_code == 410
        answer = client.post(f"{WHERE}/vote", json={"as": "ann", "pair": pair.id, "choice": "tie"})
        assert "gone or was changed" in answer.text
    assert votes.cast_votes(page.project, one) == []


def test_a_picture_does_not_say_what_made_it(page: Inside) -> None:
    """ComfyUI's pictures hold their workflow: the LoRA's file and its weight."""
    one = finished(page.project)
    cell = next(cell for cell in one.cells if cell.checkpoint)
    plain = drawn(5)
    told = embed_texts(plain, {"prompt": '{"lora_name": "late.safetensors"}'})
    one.picture(cell).write_bytes(told)
    record.save(record.with_pictures(one, {cell.key: sha256_bytes(told)}))
    with person(page) as client:
        given = client.get(f"{WHERE}/picture/{cell.key}").content
    assert b"late" not in given
    assert given == strip(plain)


def test_a_vote_on_pictures_that_were_made_anew_meanwhile_is_not_taken(page: Inside) -> None:
    one = finished(page.project)
    (pair,) = votes.pairs(one, "ann")
    cast = {"as": "ann", "pair": pair.id, "choice": "tie"}
    seen = blind.pair_of(one, pair).sha256
    cell = next(cell for cell in one.cells if cell.checkpoint)
    one.picture(cell).write_bytes(drawn(99))
    again = record.save(record.with_pictures(one, {cell.key: sha256_bytes(drawn(99))}))
    with person(page) as client:
        late = client.post(f"{WHERE}/vote", json={**cast, "shown": seen}).text
        assert "made anew meanwhile" in late
        assert votes.cast_votes(page.project, one) == []
        now = blind.pair_of(again, pair).sha256
        client.post(f"{WHERE}/vote", json={**cast, "shown": now})
    (event,) = journal.read(page.project, {votes.EVENT})
    assert event.data["shown_sha256"] == now


def test_the_winner_that_is_registered_is_that_of_the_evaluation_on_the_page(
    page: Inside,
) -> None:
    one = finished(page.project)
    keys.founded(page.project)
    record.save(replace(one, number=2, digest="1" * 64))
    with person(page) as client:
        client.post(f"{WHERE}/reveal")
        chosen = {"winner": "late@0.5"}
        wanted = client.post(f"{WHERE}/decide", json=chosen).json()["wanted"]
        yes = {**chosen, "agreed": wanted["agreed"], "passphrase": keys.PASSPHRASE}
        assert client.post(f"{WHERE}/decide", json=yes).status_code == 200
        refused = client.post("/evaluate/owl/2/register", json={}).json()["error"]
        assert refused["code"] == "lora_verdict_missing"


def test_the_winner_is_read_signed_and_registered(page: Inside) -> None:
    one = finished(page.project)
    keys.founded(page.project)
    with person(page) as client:
        assert client.post(f"{WHERE}/register", json={}).json()["error"]["code"] == (
            "lora_verdict_missing"
        )
        client.post(f"{WHERE}/reveal")
        chosen = {"winner": "late@0.5", "because": "it keeps the beak"}
        wanted = client.post(f"{WHERE}/decide", json=chosen).json()["wanted"]
        assert any("late" in line for line in wanted["lines"])
        yes = {**chosen, "agreed": wanted["agreed"], "passphrase": keys.PASSPHRASE}
        assert client.post(f"{WHERE}/decide", json=yes).status_code == 200
        found = verdict.standing(page.project, "owl", one)
        assert found is not None
        assert (found.checkpoint, found.signed, found.approver) == ("late", True, "ada")
        said = client.post(f"{WHERE}/register", json={"called": "inky-owl"}).json()
        assert "--lora inky-owl" in said["said"]
        assert "inky-owl" in client.get(WHERE).text
    (row,) = documents.read(page.project, "loras").loras
    assert (row.name, row.sha256) == ("inky-owl", found.sha256)


def test_a_reader_sees_the_pairs_and_casts_no_vote(page: Inside) -> None:
    import httpx

    one = finished(page.project)
    (pair,) = votes.pairs(one, "ann")
    headers = {"Authorization": f"Bearer {page.page.token}", "Origin": page.address}
    with httpx.Client(base_url=page.address, headers=headers, timeout=60) as agent:
        assert "Which is better?" in agent.get(WHERE).text
        for act in ("vote", "reveal", "decide", "register"):
            values: dict[str, Any] = {"as": "ann", "pair": pair.id, "choice": "left"}
            assert agent.post(f"{WHERE}/{act}", json=values).status_code == 403
    assert list(journal.read(page.project, {votes.EVENT, verdict.REVEALED})) == []
