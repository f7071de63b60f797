"""What a person changes on the page: limits with their agreement, policies, machines ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ategnatos.art.licences import policy_of
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard import gate
from ategnatos.guard.budget import approved, consent
from ategnatos.guard.gate import at_page
from tests.guard import keys
from tests.web.serving import Inside, inside


@pytest.fixture
def page(project: Project) -> Iterator[Inside]:
    approved.ensure_file(project)
    with inside(project) as page:
        yield page


@contextmanager
def person(page: Inside) -> Iterator[httpx.Client]:
    headers = {"Origin": page.address}
    with httpx.Client(base_url=page.address, headers=headers, timeout=60) as client:
        assert client.get(page.link.removeprefix(page.address)).status_code == 303
        shown = client.get("/").text
        client.headers["X-CSRF-Token"] = shown.partition('data-csrf="')[2].partition('"')[0]
        yield client


def cap(project: Project) -> int | None:
    return approved.load(project).max_daily_cost


def test_less_is_written_at_once_and_more_is_read_first(page: Inside) -> None:
    lower = {"field": "max_daily_cost", "value": "5.00"}
    higher = {"field": "max_daily_cost", "value": "80.00"}
    with person(page) as client:
        assert client.post("/settings/limit", json=lower).status_code == 200
        assert cap(page.project) == 5_000_000
        asked = client.post("/settings/limit", json=higher)
        assert asked.status_code == 409
        wanted = asked.json()["wanted"]
        assert any("80.00" in line for line in wanted["lines"])
        assert wanted["needs_key"] is False
        for agreed in ("", "0" * 64, True):
            again = client.post("/settings/limit", json={**higher, "agreed": agreed})
            assert again.json()["error"]["code"] == "agreement_wanted"
        assert cap(page.project) == 5_000_000
        done = client.post("/settings/limit", json={**higher, "agreed": wanted["agreed"]})
        assert "80.00" in done.json()["said"]
    assert cap(page.project) == 80_000_000
    (agreement,) = consent.given(page.project, consent.CAPS)
    assert not agreement.signed


def test_what_changed_after_it_was_read_is_shown_again(page: Inside) -> None:
    higher = {"field": "max_daily_cost", "value": "80.00"}
    with person(page) as client:
        first = client.post("/settings/limit", json=higher).json()["wanted"]
        client.post("/settings/limit", json={"field": "max_job_cost", "value": "1.00"})
        late = client.post("/settings/limit", json={**higher, "agreed": first["agreed"]})
        assert late.json()["error"]["code"] == "agreement_wanted"
        assert late.json()["wanted"]["agreed"] != first["agreed"]
    assert cap(page.project) == 25_000_000


def test_with_keys_a_limit_is_raised_by_a_signature_and_the_passphrase_opens_it(
    page: Inside,
) -> None:
    keys.founded(page.project)
    higher = {"field": "max_daily_cost", "value": "80.00"}
    with person(page) as client:
        wanted = client.post("/settings/limit", json=higher).json()["wanted"]
        assert (wanted["signs"], wanted["needs_key"]) == (True, True)
        yes = {**higher, "agreed": wanted["agreed"]}
        assert client.post("/settings/limit", json=yes).json()["error"]["code"] == "key_closed"
        wrong = client.post("/settings/limit", json={**yes, "passphrase": "not the passphrase"})
        assert wrong.json()["error"]["code"] == "passphrase_wrong"
        assert cap(page.project) == 25_000_000
        done = client.post("/settings/limit", json={**yes, "passphrase": keys.PASSPHRASE})
        assert done.status_code == 200
    assert cap(page.project) == 80_000_000
    (agreement,) = consent.given(page.project, consent.CAPS)
    assert (agreement.signed, agreement.approver) == (True, "ada")


def test_a_reader_or_a_program_without_a_session_changes_no_limit(page: Inside) -> None:
    values = {"field": "max_daily_cost", "value": "1.00"}
    paths = ("/settings/limit", "/settings/limits", "/settings/use", "/money/end", "/money/resolve")
    headers = {"Authorization": f"Bearer {page.page.token}", "Origin": page.address}
    with httpx.Client(base_url=page.address, timeout=60) as agent:
        for path in paths:
            assert (
                agent.post(path, json=values, headers={"Origin": page.address}).status_code == 403
            )
            assert agent.post(path, json=values, headers=headers).status_code == 403
    assert cap(page.project) == 25_000_000


def test_a_file_edited_by_hand_is_approved_or_written_anew(page: Inside) -> None:
    file = page.project.grimoire / "cost-config.json"
    before = file.read_bytes()
    file.write_bytes(before.replace(b"25.00", b"99.00"))
    with person(page) as client:
        assert "edited it" in client.get("/settings").text
        assert client.post("/settings/limits", json={"act": "restore"}).status_code == 200
        assert cap(page.project) == 25_000_000
        file.write_bytes(before.replace(b"25.00", b"99.00"))
        wanted = client.post("/settings/limits", json={"act": "approve"}).json()["wanted"]
        agreed = {"act": "approve", "agreed": wanted["agreed"]}
        assert client.post("/settings/limits", json=agreed).status_code == 200
    assert cap(page.project) == 99_000_000


def test_what_the_pictures_are_for_is_said_as_by_the_command(page: Inside) -> None:
    said = {"commercial": "yes", "revenue_band": "under-1m", "territory": "de, us"}
    with person(page) as client:
        answer = client.post("/settings/use", json=said)
        assert answer.status_code == 200, answer.text
        assert client.post("/settings/use", json={"territory": "atlantis"}).status_code == 409
    found = policy_of(page.project)
    assert (found.commercial, found.revenue_band) == (True, "under-1m")
    assert len(found.territory) == 2
    (event,) = journal.read(page.project, {"studio.policy_set"})
    assert event.data["after"]["commercial"] is True


def test_memory_is_reckoned_for_what_is_typed(page: Inside) -> None:
    asked: dict[str, Any] = {"family": "sdxl", "gpu": "RTX 4090", "rank": "32", "batch": "1"}
    with person(page) as client:
        fits = client.get("/settings/memory", params=asked).text
        assert "It fits" in fits
        large = client.get("/settings/memory", params={**asked, "batch": "64", "shown": "yes"}).text
        assert "It does not fit" in large
        odd = client.get("/settings/memory", params={**asked, "rank": "many"})
        assert odd.status_code == 200
        assert "rank" in odd.text


def test_at_the_page_no_terminal_is_asked_and_a_terminal_is_asked_again_after_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDECODE", "1")
    now = datetime.now(UTC)

    def ask() -> gate.Authorisation:
        return gate.authorise(
            project, "test", {"what": "x"}, lines=["x?"], redo="again", now=now, reason="why"
        )

    with at_page.reading("", None), pytest.raises(StudioError) as refused:
        ask()
    assert refused.value.code is at_page.AGREEMENT_WANTED
    assert refused.value.details["lines"] == ["x?", "because why"]
    with at_page.reading(str(refused.value.details["agreed"]), None):
        assert ask().subject == {"what": "x"}
    with pytest.raises(StudioError) as closed:
        ask()
    assert closed.value.code is gate.NEEDS_PERSON
    assert len(gate.authorisations(project, "test")) == 1
