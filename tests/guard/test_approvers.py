"""Two people, one studio: asking to join, being added, knowing each other, leaving, coming back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import pins
from tests.conftest import Ran, Run
from tests.guard import keys
from tests.terminal import at_a_terminal

HERS = "grace has another passphrase"


def test_two_people_and_every_act(project: Project, tmp_path: Path, run: Run) -> None:
    homes = {"ada": tmp_path / "ada", "grace": tmp_path / "grace"}
    passphrases = {"ada": keys.PASSPHRASE, "grace": HERS}
    for name, home in homes.items():
        with keys.account(home):
            keys.make_key(name, passphrases[name])

    def does(name: str, *words: str, answers: list[str] | None = None) -> Ran:
        return at_a_terminal(
            list(words),
            cwd=project.root,
            answers=[passphrases[name]] if answers is None else answers,
            XDG_CONFIG_HOME=str(homes[name]),
        )

    def told(name: str, *words: str) -> dict[str, object]:
        with keys.account(homes[name]):
            return run(*words, "--json", cwd=project.root).envelope

    founded = does("ada", "gate", "init", "--name", "ada")
    assert "first approver" in founded.out
    assert told("grace", "gate", "verify")["error"]["code"] == "gate_unpinned"
    assert not told("grace", "gate", "status")["data"]["known"]
    # Whoever joins must know the others first: comparing goes both ways.
    assert "yes or no" in does("grace", "gate", "trust", answers=["yes"]).out
    asked = does("grace", "gate", "init", "--name", "grace", "--json")
    request = json.loads(asked.out[asked.out.index("{") :])["data"]["request"]
    mine = does("grace", "gate", "add", request)
    assert "no approver" in mine.out or "not among the approvers" in mine.out
    changed = ("B" if request[80] != "B" else "C").join((request[:80], request[81:]))
    assert told("ada", "gate", "add", changed)["error"]["code"] == "request_invalid"
    assert "is an approver" in does("ada", "gate", "add", request).out
    assert told("ada", "gate", "add", request)["error"]["code"] == "approver_taken"
    listed = told("grace", "gate", "list")["data"]["approvers"]
    assert [one["name"] for one in listed] == ["ada", "grace"]

    keys.made(project)
    assert "signed by grace" in does("grace", "art", "approve", "j1#1").out
    assert "signed by ada" in does("ada", "art", "reject", "j1#2", "--because", "no").out
    gone = does("ada", "gate", "revoke", "grace", "--because", "moved on")
    assert "is revoked" in gone.out, gone.out
    assert told("grace", "gate", "verify")["ok"], "what she signed still counts"
    refused = does("grace", "gate", "leave", "--because", "spite")
    assert "was revoked in" in refused.out
    last = told("ada", "gate", "revoke", "ada", "--because", "x", "--dry-run")
    assert last["error"]["code"] == "last_approver"
    assert "unsigned verdicts again" in does("ada", "gate", "leave", "--because", "a demo").out
    assert told("ada", "gate", "status")["data"]["mode"] == "left"
    assert "signed verdicts again" in does("ada", "gate", "init", "--name", "ada").out
    counts = told("ada", "gate", "verify")["data"]["counts"]
    assert counts["journal"] == {"signed": 2}
    assert counts["approvers"] == {"signed": 5}
    with keys.account(homes["grace"]):
        assert {pin.acts for pin in pins.find(project, None)} == {3}, "seen when she verified"


def test_a_founder_named_by_fingerprint_is_enough_on_a_build_server(
    project: Project, tmp_path: Path, run: Run
) -> None:
    with keys.account(tmp_path / "ada"):
        keys.founded(project)
        (ada,) = run("gate", "list", "--json", cwd=project.root).data["approvers"]
    checked = run("gate", "verify", "--founder", ada["fingerprint"], "--json", cwd=project.root)
    assert checked.data["mode"] == "signed"
    other = run("gate", "verify", "--founder", "0000", "--json", cwd=project.root)
    assert other.envelope["error"]["code"] == "founder_differs"


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (["short"], "at least 12 characters"),
        (["aaaaaaaaaaaaaaaa"], "at least 12 characters"),
        (["seven green lanterns", "seven green lantern"], "differ"),
        ([""], "No clear answer"),
    ],
    ids=["short", "one letter", "differ", "empty"],
)
def test_a_key_that_is_not_made_leaves_nothing(
    project: Project, tmp_path: Path, answers: list[str], why: str
) -> None:
    done = at_a_terminal(
        ["gate", "init"], cwd=project.root, answers=answers, XDG_CONFIG_HOME=str(tmp_path / "ada")
    )
    assert done.code == 1
    assert why in done.out
    assert not (tmp_path / "ada/ategnatos/approver.key").exists()
    assert not (project.state / "approvers.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("init",),
        ("unlock",),
        ("leave", "--because", "x"),
        ("trust",),
    ],
    ids=lambda words: words[0],
)
def test_without_a_terminal_the_gate_says_why(
    project: Project, tmp_path: Path, program: Callable[..., Ran], words: tuple[str, ...]
) -> None:
    home = tmp_path / "ada"
    with keys.account(home):
        keys.founded(project)
        if words[0] == "init":
            (home / "ategnatos/approver.key").unlink()
        if words[0] == "trust":
            (home / "ategnatos/pins.json").unlink()
    done = program("gate", *words, "--json", cwd=project.root, XDG_CONFIG_HOME=str(home))
    assert done.code == 1
    assert done.envelope["error"]["code"] in {"needs_person", "unlock_refused"}
    assert "terminal" in done.envelope["error"]["message"]


def test_a_request_to_look_waits_until_the_verdict(project: Project, run: Run) -> None:
    first, _ = keys.made(project)
    ask = ("art", "request-review", "j1#1", "--note", "is the outline  right?", "--json")
    asked = run(*ask, cwd=project.root).data
    assert run(*ask, cwd=project.root).data["event"] == asked["event"], "asking twice is once"
    for page in (("status",), ("art", "list")):
        (waiting,) = run(*page, "--json", cwd=project.root).data["review_requests"]
        assert waiting["note"] == "is the outline right?"
    assert "please look at j1#1" in run("status", cwd=project.root).out
    keys.give(project, first, None)
    for page in (("status",), ("art", "list")):
        assert run(*page, "--json", cwd=project.root).data["review_requests"] == []
    late = run(*ask, cwd=project.root)
    assert late.envelope["error"]["code"] == "verdict_final"
    assert "asked to look" in run("art", "history", "j1", cwd=project.root).out
