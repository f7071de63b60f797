"""Who gets in, and who may decide: asked of the running page as an agent's program would ask."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import record
from ategnatos.web import desk
from tests.guard import keys
from tests.web.serving import Served, served, without_terminal


@contextmanager
def person(page: Served) -> Iterator[httpx.Client]:
    """A client that came in with the code from the terminal."""
    headers = {"Origin": page.address}
    with httpx.Client(base_url=page.address, headers=headers, timeout=30) as client:
        answer = client.get(page.link.removeprefix(page.address))
        assert answer.status_code == 303
        shown = client.get("/").text
        client.headers["X-CSRF-Token"] = shown.partition('data-csrf="')[2].partition('"')[0]
        yield client


def first(project: Project) -> store.Candidate:
    with database.connect(project) as db:
        return store.candidates(db, 1)[0]


def choice(project: Project) -> dict[str, str]:
    one = first(project)
    return {"name": one.reference, "sha256": one.sha256, "verdict": "approved"}


def verdicts(project: Project) -> list[journal.Event]:
    return list(journal.read(project, {record.VERDICT_EVENT}))


def test_an_agent_without_the_cookie_gets_nothing_and_decides_nothing(page_of: Served) -> None:
    project, wanted = page_of.project, choice(page_of.project)
    with httpx.Client(base_url=page_of.address, timeout=30) as agent:
        assert agent.get("/").headers["location"] == "/enter"
        assert agent.get("/api/v1/status").status_code == 403
        for headers in ({}, {"Origin": page_of.address}):
            for path in ("/review/choose", "/review/sign", "/eye/act", "/make/again"):
                answer = agent.post(path, json=wanted, headers=headers)
                assert answer.status_code == 403, path
        reading = {"Authorization": f"Bearer {page_of.state['token']}"}
        assert agent.get("/api/v1/status", headers=reading).status_code == 200
        answer = agent.post(
            "/review/choose", json=wanted, headers={**reading, "Origin": page_of.address}
        )
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "read_only"
        assert "ategnatos_jobs{" in agent.get("/metrics").text
    assert desk.waiting(project)["choices"] == []
    assert verdicts(project) == []


def test_a_forged_origin_a_foreign_host_or_a_missing_token_is_refused(page_of: Served) -> None:
    wanted = choice(page_of.project)
    with person(page_of) as client:
        for headers, code in (
            ({"Origin": "http://evil.example"}, "origin"),
            ({"Origin": "null"}, "origin"),
            ({"Origin": page_of.address.replace("127.0.0.1", "127.0.0.2")}, "origin"),
            ({"Host": "evil.example"}, "host"),
            ({"X-CSRF-Token": "guess"}, "csrf"),
        ):
            answer = client.post("/review/choose", json=wanted, headers=headers)
            assert answer.json()["error"]["code"] == code
            assert answer.status_code == (421 if code == "host" else 403)
        del client.headers["Origin"]
        assert client.post("/review/choose", json=wanted).json()["error"]["code"] == "origin"
        client.headers["Origin"] = page_of.address
        assert desk.waiting(page_of.project)["choices"] == []
        assert client.post("/review/choose", json=wanted).json() == {"choices": 1}
    (kept,) = desk.waiting(page_of.project)["choices"]
    assert kept["name"] == "j1#1"


def test_every_answer_forbids_frames_scripts_from_elsewhere_and_sharing(page_of: Served) -> None:
    with person(page_of) as client:
        for path in ("/", "/gallery", "/static/page.css", "/api/v1/status", "/nothing"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in headers


def test_a_code_works_once_and_lies_in_no_file_and_no_argument(page_of: Served) -> None:
    code = page_of.link.partition("code=")[2]
    written = [p for p in page_of.project.root.rglob("*") if p.is_file()]
    assert written
    assert all(code.encode() not in p.read_bytes() for p in written)
    arguments = Path(f"/proc/{page_of.child}/cmdline")
    if arguments.exists():
        assert code.encode() not in arguments.read_bytes()
    with httpx.Client(base_url=page_of.address, timeout=30) as client:
        assert client.get(f"/enter?code={code}").status_code == 303
        assert client.get("/").status_code == 200
    with httpx.Client(base_url=page_of.address, timeout=30) as other:
        assert other.get(f"/enter?code={code}").status_code == 403
        assert other.get("/").headers["location"] == "/enter"


def test_a_second_start_finds_the_first_and_says_no_code_itself(page_of: Served) -> None:
    page_of.wait_for("code=")
    done = subprocess.run(
        [sys.executable, "-m", "ategnatos", "web", "--json"],
        cwd=page_of.project.root,
        capture_output=True,
        text=True,
        check=True,
    )
    data = json.loads(done.stdout)["data"]
    assert data["running"] is True
    assert data["read_only"] is False
    assert data["address"] == f"{page_of.address}/"
    assert "code=" not in done.stdout + done.stderr


def test_without_a_terminal_the_page_can_be_looked_at_and_decides_nothing(
    project: Project,
) -> None:
    keys.made(project, 2)
    process = without_terminal(project)
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())["data"]
        assert facts["read_only"] is True
        token = json.loads((project.state / "locks" / "web.json").read_bytes())["token"]
        address = facts["address"].rstrip("/")
        with httpx.Client(base_url=address, headers={"Origin": address}, timeout=30) as client:
            assert client.post("/knock").json() == {"written": False}
            assert client.get(f"/enter?code={token}").status_code == 303
            shown = client.get("/review")
            assert shown.status_code == 200
            assert "read-only" in shown.text
            client.headers["X-CSRF-Token"] = shown.text.partition('data-csrf="')[2].partition('"')[
                0
            ]
            answer = client.post("/review/choose", json=choice(project))
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "read_only")
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert verdicts(project) == []


def test_the_page_never_approves_unsigned_where_the_studio_has_keys(signing: Project) -> None:
    keys.made(signing, 2)
    with served(signing) as page, person(page) as client:
        wanted = choice(signing)
        assert client.post("/review/choose", json=wanted).json() == {"choices": 1}
        shown = {"choices": client.get("/api/v1/waiting").json()["choices"]}
        answer = client.post("/review/sign", json=shown)
        assert answer.json()["error"]["code"] == "signature_needed"
        answer = client.post("/review/sign", json={**shown, "passphrase": "not the passphrase"})
        assert answer.json()["error"]["code"] == "passphrase_wrong"
        other = {"choices": [{**shown["choices"][0], "sha256": "0" * 64}]}
        answer = client.post("/review/sign", json={**other, "passphrase": keys.PASSPHRASE})
        assert answer.json()["error"]["code"] == "choices_changed"
        assert verdicts(signing) == []
        # The key was opened by the last: the next batch needs no passphrase in this browser.
        done = client.post("/review/sign", json=shown).json()
        assert [one["signed"] for one in done["recorded"]] == [True]
        assert keys.PASSPHRASE not in page.seen
    (event,) = verdicts(signing)
    assert event.data["gate"] == record.SIGNED


def test_a_port_of_somebody_else_is_refused_with_another(project: Project) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = subprocess.run(
            [sys.executable, "-m", "ategnatos", "web", "--port", str(other.getsockname()[1])],
            cwd=project.root,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "--port" in done.stderr


@pytest.mark.parametrize("path", ["/picture/j1-1/{0}", "/thumbnail/j1-1/{0}"])
def test_only_the_bytes_that_were_made_are_shown(page_of: Served, path: str) -> None:
    one = first(page_of.project)
    file = page_of.project.root / one.path
    with person(page_of) as client:
        file.chmod(0o644)
        file.write_bytes(file.read_bytes() + b"more")
        assert client.get(path.format(one.sha256)).status_code == 410
        assert client.get(path.format("0" * 64)).status_code == 410
        assert client.get("/picture/j99-1/" + one.sha256).status_code == 410
