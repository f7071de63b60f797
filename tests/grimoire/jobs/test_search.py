"""Assets, the search and the library on both databases: the same rows, the same answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.jobs import assets, database, job_words, library, overviews, store
from ategnatos.grimoire.jobs.database import Database
from ategnatos.grimoire.jobs.folded import fold, patterns, words_of
from ategnatos.grimoire.jobs.job_words import Query
from ategnatos.grimoire.project import Project

NOW = "2026-11-21T12:00:00Z"
_numbers = itertools.count(1)

Order = Callable[..., store.Job]


def order(db: Database, asked: str, **said: Any) -> store.Job:
    """A job with two pictures, as an engine would have made it."""
    number = next(_numbers)
    request = {
        "prompt": said.get("used", asked),
        "negative": "",
        "model": said.get("model", "starter"),
        "family": said.get("family"),
        "seed": said.get("seed", 100),
        "count": 2,
        "loras": [{"name": name, "sha256": "0" * 64} for name in said.get("loras", ())],
    }
    job, fresh = store.record(
        db,
        kind="image",
        engine=said.get("engine", "comfyui"),
        recipe_id="prompt",
        base=f"{number:016x}",
        take=0,
        binding=f"{number:016x}",
        asked=asked,
        request=request,
        now=said.get("now", NOW),
        parent=said.get("parent"),
        change=said.get("change"),
        reason=said.get("reason"),
    )
    assert fresh
    with database.writing(db):
        store.put_candidates(
            db,
            job.id,
            [
                store.Candidate(
                    job.id, n, f"{number}-{n}.png", sha256_bytes(f"{number}{n}".encode()), 1, 8, 8,
                    request["seed"] + n - 1, {"model_sha256": "ab" * 32},
                )
                for n in (1, 2)
            ],
            warnings=[],
        )  # fmt: skip
    return job


def judge(
    db: Database, job: store.Job, number: int, verdict: str, reason: str | None = None
) -> None:
    one = store.get_candidate(db, job.id, number)
    store.decide(db, job.id, number, verdict, sha256=one.sha256, event="e1", reason=reason, now=NOW)


def found(db: Database, **query: Any) -> list[int]:
    job_words.catch_up(db)
    ids, total = job_words.find(db, Query(**query), limit=100)
    assert total == len(ids)
    return ids


@pytest.fixture
def filled(either: Project) -> Any:
    """Four jobs of different kinds; yields (database, jobs by name)."""
    with database.connect(either) as db:
        jobs = {
            "owl": order(db, "An Owl, outlined", family="sdxl/base", seed=100, loras=["ink-v2"]),
            "bowl": order(db, "a bowl of soup", family="pony/v6", seed=200, engine="starter"),
            "warm": order(
                db, "a warm owl", family="sdxl/turbo", seed=300, parent="j1#1",
                change="warmer", reason="the client finds it cold", now="2026-11-01T00:00:00Z",
            ),
            "umlaut": order(db, "ein ÜBERGROßER Uhu, 100% _wild_", model="flux.safetensors"),
        }  # fmt: skip
        yield db, jobs


def test_a_word_is_found_where_a_word_begins_with_it(filled: Any) -> None:
    db, jobs = filled
    owl, warm = jobs["owl"].id, jobs["warm"].id
    assert found(db, words="owl") == [warm, owl], "and no bowl"
    assert found(db, words="OWL outl") == [owl]
    assert found(db, words='"an owl"') == [owl]
    assert found(db, words='"owl an"') == []
    assert found(db, words="übergross") == [jobs["umlaut"].id]
    assert found(db, words="cold warmer") == [warm], "the change and its reason are words too"
    assert found(db, words="") == sorted((job.id for job in jobs.values()), reverse=True)


def test_wildcards_of_a_query_are_no_wildcards(filled: Any) -> None:
    db, jobs = filled
    assert found(db, words="%owl") == found(db, words="owl")
    assert found(db, words="o_l") == []
    assert found(db, words="100%") == [jobs["umlaut"].id]
    assert found(db, words="'; DROP TABLE job; --") == []


def test_every_filter_narrows(filled: Any) -> None:
    db, jobs = filled
    owl, bowl, warm, umlaut = (jobs[name].id for name in ("owl", "bowl", "warm", "umlaut"))
    assert found(db, family="sdxl") == [warm, owl]
    assert found(db, family="sdxl/base") == [owl]
    assert found(db, engine="starter") == [bowl]
    assert found(db, model="flux") == [umlaut]
    assert found(db, lora="ink") == [owl]
    assert found(db, seed=201) == [bowl]
    assert found(db, seed=202) == []
    assert found(db, since="2026-11-10T00:00:00Z", words="owl") == [owl]
    assert found(db, until="2026-11-10T00:00:00Z") == [warm]


def test_verdicts_and_their_reasons_are_found_and_a_new_index_says_the_same(filled: Any) -> None:
    db, jobs = filled
    owl, bowl = jobs["owl"], jobs["bowl"]
    judge(db, bowl, 1, "rejected", "spilled Soße")
    assert found(db, words="sosse") == [bowl.id], "a reason from before the first search"
    judge(db, owl, 1, "approved")
    judge(db, owl, 2, "rejected", "too dark")
    assert found(db, words="dark") == [owl.id], "and one from after it"
    assert found(db, verdict="approved") == [owl.id]
    assert found(db, verdict="rejected") == [bowl.id, owl.id]
    assert owl.id not in found(db, verdict="none")
    queries = ({"words": "dark"}, {"words": "sosse"}, {"words": "owl"}, {"lora": "ink"})
    before = [found(db, **one) for one in queries]
    assert job_words.rebuild(db) == 4
    assert [found(db, **one) for one in queries] == before
    assert job_words.catch_up(db) == 0


def test_versions_are_numbered_once_each_within_their_asset(filled: Any) -> None:
    db, jobs = filled
    brief = {"subject": "a mascot", "notes": "for Ätna"}
    owl = assets.put(db, "site", "owl", brief, event="e1", now=NOW)
    sign = assets.put(db, "site", "sign", {"subject": "x"}, event="e2", now=NOW)
    first, fresh = assets.add_version(db, owl.id, jobs["owl"].id, now=NOW)
    assert (first.name, fresh) == ("v1", True)
    assert assets.add_version(db, owl.id, jobs["owl"].id, now=NOW) == (first, False)
    assert assets.add_version(db, owl.id, jobs["warm"].id, now=NOW)[0].name == "v2"
    assert assets.add_version(db, sign.id, jobs["owl"].id, now=NOW)[0].name == "v1"
    of_owl = assets.versions_of_jobs(db, [jobs["owl"].id, jobs["bowl"].id])
    assert {job: [one.asset for one in some] for job, some in of_owl.items()} == {
        jobs["owl"].id: [owl.id, sign.id]
    }
    changed = assets.put(db, "site", "owl", {"subject": "b"}, event="e3", now=NOW)
    assert (changed.id, changed.revision, changed.brief) == (owl.id, 2, {"subject": "b"})
    assets.put(db, "site", "owl", brief, event="e4", now=NOW)
    assert found(db, words="ätna") == [jobs["warm"].id, jobs["owl"].id]
    assert found(db, words="ätna outlined") == [jobs["owl"].id]
    assert found(db, asset=sign.id) == [jobs["owl"].id]
    assert found(db, project="site") == [jobs["warm"].id, jobs["owl"].id]
    assert assets.worked_on_last(db) is not None
    assert assets.count(db) == assets.count(db, "site") == 2


def test_the_library_keeps_one_entry_a_prompt_and_its_name_for_ever(filled: Any) -> None:
    db, jobs = filled
    judge(db, jobs["owl"], 1, "approved")
    judge(db, jobs["warm"], 2, "approved")
    owl, warm = jobs["owl"].id, jobs["warm"].id
    assert library.not_kept(db) == [(owl, 1), (warm, 2)]

    def kept() -> library.Entry:
        return library.add(
            db, "sdxl", "owl", identity="one", job=owl, texts=["An Owl"], event="e1", now=NOW
        )

    entry = kept()
    library.add_picture(db, entry.id, owl, 1)
    library.add_picture(db, entry.id, owl, 1)
    assert library.not_kept(db) == [(warm, 2)]
    library.add_picture(db, entry.id, warm, 2)
    (seen,) = library.find(db, words="owl")
    assert (seen.approvals, seen.full_name) == (2, "sdxl/owl")
    noted = library.note(db, seen, {"text": "Holds at 16", "actor": "a", "time": NOW}, event="e2")
    assert noted.notes[0]["text"] == "Holds at 16"
    assert library.find(db, words="holds 16", family="sdxl")
    assert not library.find(db, family="pony")
    library.remove(db, noted, event="e3", now=NOW)
    assert not library.find(db)
    assert not library.named(db, "owl")
    assert library.names(db, "sdxl") == {"owl"}
    assert kept().id == entry.id, "the same prompt comes back as what it was"
    assert library.named(db, "sdxl/owl")[0].notes == noted.notes


def test_a_page_is_counted_by_the_database(filled: Any) -> None:
    db, jobs = filled
    with database.writing(db):
        db.execute(
            "UPDATE job SET state='awaiting_review', runnable=0 WHERE id IN (?,?)",
            (jobs["owl"].id, jobs["bowl"].id),
        )
    judge(db, jobs["owl"], 1, "approved")
    waiting = {("picture", "awaiting_review")}
    counted = overviews.counts(db)
    assert counted.states[("picture", "awaiting_review")] == 1
    assert counted.runnable == 2
    assert [job.id for job in overviews.newest(db, waiting, 5)] == [jobs["bowl"].id]
    assert overviews.pictures_waiting(db, waiting) == 2
    assert overviews.undecided(db, [jobs["owl"].id, jobs["bowl"].id]) == {
        jobs["owl"].id: 1,
        jobs["bowl"].id: 2,
    }
    assert [reference for reference, _ in overviews.approved(db)] == [f"j{jobs['owl'].id}#1"]
    asked = {f"j{jobs['owl'].id}#1", f"j{jobs['owl'].id}#2", "j999#1", "nonsense"}
    assert overviews.without_verdict(db, asked) == {f"j{jobs['owl'].id}#2"}


@given(st.lists(st.text(max_size=30), max_size=4))
def test_every_word_of_a_text_is_found_in_it_and_folding_twice_changes_nothing(
    texts: list[str],
) -> None:
    folded = fold(texts)
    assert folded.startswith(" ")
    assert folded.endswith(" ")
    assert "%" not in folded
    assert "\n" not in folded
    assert fold([folded]) == folded
    for text in texts:
        for word in words_of(text):
            for pattern in patterns(word):
                assert pattern.strip("%").rstrip() in folded.rstrip() + " "
