"""The parts of the page by themselves: sessions, what is noticed, windows of pictures, the API."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.art import batch
from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, job_words, picture_rows
from ategnatos.grimoire.jobs.job_words import Query
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import held, requests, trust
from ategnatos.web import api, desk, thumbnails
from ategnatos.web.changes import Changes
from ategnatos.web.colours import Colours
from ategnatos.web.pages import review
from ategnatos.web.sessions import CODE_SECONDS, KEY_SECONDS, PERSON, READER, Doorkeeper, spoken
from tests.guard import keys


@given(st.text(max_size=40))
def test_no_word_but_the_code_lets_a_person_in(word: str) -> None:
    keeper = Doorkeeper("the token")
    code = keeper.new_code(0.0)
    if word.strip().lower().replace("-", "") != code and word != "the token":
        assert keeper.enter(word, 1.0) is None
    found = keeper.enter(spoken(code), 1.0)
    assert found is not None
    assert found[1].role == PERSON
    assert keeper.enter(code, 1.0) is None


def test_a_code_runs_out_and_guessing_voids_it() -> None:
    keeper = Doorkeeper("the token")
    assert keeper.enter(keeper.new_code(0.0), CODE_SECONDS + 1) is None
    code = keeper.new_code(0.0)
    for _ in range(10):
        assert keeper.enter("guess", 1.0) is None
    assert keeper.enter(code, 1.0) is None
    found = keeper.enter("the token", 1.0)
    assert found is not None
    assert found[1].role == READER
    assert not found[1].may_decide


def test_an_opened_key_is_let_go_and_never_shows_itself(signing: Project) -> None:
    approvers = trust.known(signing)
    assert approvers is not None
    keeper = Doorkeeper("the token")
    entered = keeper.enter(keeper.new_code(0.0), 1.0)
    assert entered is not None
    cookie, session = entered
    key = held.opened(approvers, keys.PASSPHRASE)
    assert repr(key) == "HeldKey(...)"
    with pytest.raises(TypeError):
        key.__reduce__()
    session.hold(key, 10.0)
    assert session.key(10.0 + KEY_SECONDS - 1) is key
    assert session.key(10.0 + KEY_SECONDS) is None
    assert session.held is None
    session.hold(key, 10.0)
    keeper.leave(cookie)
    assert session.held is None
    assert keeper.find(cookie, 11.0) is None


def test_who_comes_back_gets_exactly_what_it_missed(project: Project) -> None:
    def tick(number: int) -> journal.Event:
        now = datetime.now(UTC)
        return journal.append(project, "bench.tick", actor="t", data={"n": number}, now=now)

    async def follow() -> list[int]:
        changes = Changes(project)
        first = tick(0)
        async with changes.following(), changes.reading() as reader:
            assert changes.head == journal.event_number(first.id)
            for number in range(1, 40):
                await asyncio.to_thread(tick, number)
            heard = []
            while len(heard) < 39:
                kind, event = await asyncio.wait_for(reader.queue.get(), 60)
                if kind == "journal":
                    heard.append(event.data["n"])
        assert [one.data["n"] for one in changes.since(changes.head - 3)] == [37, 38, 39]
        return heard

    assert asyncio.run(follow()) == list(range(1, 40))


def test_windows_of_pictures_are_the_whole_once_and_narrowed_by_their_own_verdict(
    project: Project,
) -> None:
    approved = keys.approved(project)
    keys.made(project, 9)
    with database.connect(project) as db:
        job_words.catch_up(db)
        total = picture_rows.count(db, Query())
        rows = [
            row
            for offset in range(0, total, 4)
            for row in picture_rows.window(db, Query(), offset=offset, limit=4)
        ]
        assert len({row.reference for row in rows}) == len(rows) == total
        (only,) = picture_rows.window(db, Query(verdict="approved"), offset=0, limit=9)
        assert only.reference == approved.reference
        assert picture_rows.count(db, Query(verdict="none")) == total - 1


def test_a_thumbnail_is_made_once_and_never_of_other_bytes(project: Project) -> None:
    one = keys.made(project, 1)[0]
    path = project.root / one.path
    small = thumbnails.thumbnail(path, one.sha256)
    assert small is not None
    assert small[:4] == b"RIFF"
    path.chmod(0o644)
    path.write_bytes(b"other")
    assert thumbnails.thumbnail(path, one.sha256) == small, "kept by the hash of what was made"
    thumbnails.place_of(one.sha256).unlink()
    assert thumbnails.thumbnail(path, one.sha256) is None


def test_the_document_names_every_endpoint_and_every_reason_is_understood() -> None:
    described = api.document()
    assert described["openapi"].startswith("3.")
    routes = {route.path.removeprefix("/api/v1") for route in api.routes()} - {"/openapi.json"}
    assert set(described["paths"]) == routes
    said = review.reasons()
    assert len(said) == len(set(said)) >= 12


def test_the_page_has_the_line_of_the_terminal_and_reads_a_window_of_it(project: Project) -> None:
    made = [one for count in (3, 4, 5) for one in keys.made(project, count)]
    keys.give(project, made[4], None)
    now = datetime.now(UTC)
    requests.ask(project, made[7].reference, "look", actor="test", now=now)
    with database.connect(project) as db, database.writing(db):
        for one in made[:2]:
            told = json.dumps({**one.settings, "recipe_stage": "concept"})
            db.execute(
                "UPDATE candidate SET settings=? WHERE job=? AND number=?",
                (told, one.job, one.number),
            )
    line = batch.line(project)
    assert line == [one.reference for _, one in batch.waiting(project)]
    assert line[0] == made[7].reference
    assert made[0].reference not in line, "what was made from a concept is decided, not it"
    assert batch.line(project, ["j2"]) == [f"j2#{n}" for n in (1, 3, 4)]
    window = desk.waiting(project, offset=2, limit=3)
    assert [one["name"] for one in window["pictures"]] == line[2:5]
    assert (window["total"], window["choices"]) == (len(line), [])
    (asked,) = desk.shown(project, [made[7].reference])["pictures"]
    assert asked["asked"]["note"] == "look"
    assert desk.shown(project, [made[4].reference, "j99#1"])["pictures"] == []


def test_pictures_are_found_by_colours_that_were_measured_once(project: Project) -> None:
    made = keys.made(project, 3)
    (project.root / made[2].path).unlink()
    colours = Colours(project)
    colours.begin()
    assert colours.wait(60)
    with database.connect(project) as db:
        job_words.catch_up(db)
        assert picture_rows.unmeasured(db, 9) == []
        assert picture_rows.count_unmeasured(db) == 0
        named = picture_rows.facets(db)["colour"]
        assert named
        found = {
            row.reference
            for name in named
            for row in picture_rows.window(db, Query(colour=name), offset=0, limit=9)
        }
        assert found == {one.reference for one in made[:2]}, "what is gone has no colours"
        assert picture_rows.count(db, Query(colour="no-such-colour")) == 0
    colours.end()
    colours.begin()
    assert colours.wait(0), "a page that ended begins nothing"
