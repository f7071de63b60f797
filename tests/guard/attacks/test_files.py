"""Attacks through files: the journal, the database, the keys, the pins, another home."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guard import keys
from tests.guard.attacks.conftest import Target
from tests.guard.attacks.outcome import ask, nothing_was_won
from tests.terminal import at_a_terminal

OWN_PASSPHRASE = "the attacker has one of their own"

# What an attacker can do in Python with the program's own modules: everything but sign.
FORGE = """
import sqlite3, sys
from pathlib import Path
from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.jobs import database, store
project = Project(Path(sys.argv[1]))
with database.connect(project) as db:
    one = store.get_candidate(db, 1, 1)
event = journal.append(
    project, "art.verdict", actor="person:ada",
    references={"candidate": "j1#1", "sha256": one.sha256},
    data={"verdict": "approved", "reason": None, "gate": sys.argv[2],
          **({"statement": {}, "signature": "00" * 64} if sys.argv[2] == "signed" else {})},
)
with database.connect(project) as db:
    store.decide(db, 1, 1, "approved", sha256=one.sha256, event=event.id, reason=None,
                 now=event.time)
"""

RECORD_CHOICE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ategnatos.art import verdicts
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.jobs import database, store
project = Project(Path(sys.argv[1]))
with database.connect(project) as db:
    one = store.get_candidate(db, 1, 1)
verdicts.record_choice(project, 1, 1, "approved", sha256=one.sha256, reason=None,
                       actor="person:ada", now=lambda: datetime.now(UTC))
"""


def python(target: Target, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, os.fspath(target.root), *arguments],
        env={**os.environ, **target.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def init_afresh(target: Target, **environment: str) -> str:
    """The attacker's own ``gate init`` on a terminal of their own, with a key of their own."""
    done = at_a_terminal(
        ["gate", "init", "--name", "ada"],
        cwd=target.root,
        answers=[OWN_PASSPHRASE, OWN_PASSPHRASE],
        **{**target.environment, **environment},
    )
    return done.out


@pytest.mark.parametrize("claim", ["unsigned", "signed"])
def test_a_verdict_written_into_journal_and_database(target: Target, claim: str) -> None:
    assert python(target, FORGE, claim).returncode == 0
    assert nothing_was_won(target) == "verdict_broken"
    verified = ask(target, "gate", "verify")
    assert not verified["ok"]
    shown = ask(target, "art", "show", "j1#1")["data"]
    assert isinstance(shown, dict)
    assert shown["candidates"][0]["standing"].startswith("broken")


def test_the_programs_own_function_takes_no_verdict_without_a_signature(target: Target) -> None:
    done = python(target, RECORD_CHOICE)
    assert done.returncode != 0
    assert nothing_was_won(target) == "not_approved"


def test_gate_init_again_founds_nothing(target: Target) -> None:
    before = (target.root / "grimoire/.state/approvers.json").read_bytes()
    init_afresh(target)
    assert (target.root / "grimoire/.state/approvers.json").read_bytes() == before


def test_a_lost_list_of_approvers_is_not_unsigned_mode(target: Target) -> None:
    (target.root / "grimoire/.state/approvers.json").unlink()
    assert python(target, FORGE, "unsigned").returncode == 0
    assert nothing_was_won(target) == "document_missing"
    shutil.rmtree(target.root / "grimoire/.state/backups/approvers")
    assert nothing_was_won(target) == "gate_broken"
    init_afresh(target)
    assert not (target.root / "grimoire/.state/approvers.json").exists()


def test_without_the_list_its_backups_and_the_journal_the_pin_remembers(target: Target) -> None:
    state = target.root / "grimoire/.state"
    (state / "approvers.json").unlink()
    shutil.rmtree(state / "backups/approvers")
    (state / "journal.jsonl").unlink()
    (state / "journal.head").unlink()
    assert python(target, FORGE, "unsigned").returncode == 0
    assert nothing_was_won(target) == "gate_broken"


def test_a_lost_pin_trusts_nobody(target: Target) -> None:
    (target.config / "pins.json").unlink()
    assert python(target, FORGE, "unsigned").returncode == 0
    assert nothing_was_won(target) == "gate_unpinned"


@pytest.mark.parametrize("erase", ["pins", "list", "both lists"])
def test_a_founding_of_ones_own_is_refused_in_the_persons_account(
    target: Target, tmp_path: Path, erase: str
) -> None:
    """A new history, made with another home: the person's own account refuses it."""
    state = target.root / "grimoire/.state"
    (state / "approvers.json").unlink()
    shutil.rmtree(state / "backups/approvers")
    if erase != "pins":
        (state / "journal.jsonl").unlink()
        (state / "journal.head").unlink()
    elsewhere = {"XDG_CONFIG_HOME": str(tmp_path / "eve"), "HOME": str(tmp_path / "eve")}
    init_afresh(target, **elsewhere)
    founded = (state / "approvers.json").exists()
    assert founded is (erase != "pins"), "the journal alone is memory enough"
    if not founded:
        return
    done = at_a_terminal(
        ["art", "approve", "j1#1"],
        cwd=target.root,
        answers=[OWN_PASSPHRASE],
        **{**target.environment, **elsewhere},
    )
    assert done.code == 0, "in a world of their own they are whoever they like"
    assert nothing_was_won(target) == "gate_broken"
    if erase == "both lists":
        shutil.rmtree(target.config)
        assert nothing_was_won(target) == "gate_unpinned", "nobody trusts by default"


def test_ones_own_public_key_in_the_list(target: Target) -> None:
    path = target.root / "grimoire/.state/approvers.json"
    text = path.read_text()
    document = json.loads(text)
    real = document["acts"][0]["statement"]["approver"]
    with keys.account(target.root.parent / "eve"):
        own, _ = keys.make_key("eve")
    path.write_text(text.replace(real, own.public))
    assert nothing_was_won(target) == "gate_broken"


def test_the_attackers_key_in_the_place_of_the_persons(target: Target) -> None:
    with keys.account(target.root.parent / "eve"):
        own, _ = keys.make_key("ada", OWN_PASSPHRASE)
    shutil.copy(own.path, target.config / "approver.key")
    done = at_a_terminal(
        ["art", "approve", "j1#1"],
        cwd=target.root,
        answers=[OWN_PASSPHRASE],
        **target.environment,
    )
    assert done.code == 1
    assert "not among the approvers" in done.out
    assert nothing_was_won(target) == "not_approved"


def test_the_persons_public_half_over_the_attackers_seal(target: Target) -> None:
    with keys.account(target.root.parent / "eve"):
        own, _ = keys.make_key("ada", OWN_PASSPHRASE)
    theirs = json.loads((target.config / "approver.key").read_text())
    mixed = json.loads(own.path.read_text()) | {"public": theirs["public"]}
    (target.config / "approver.key").write_text(json.dumps(mixed))
    done = at_a_terminal(
        ["art", "approve", "j1#1"],
        cwd=target.root,
        answers=[OWN_PASSPHRASE] * 3,
        **target.environment,
    )
    assert done.code == 1
    assert nothing_was_won(target) == "not_approved"


def test_another_home_is_another_person(target: Target, tmp_path: Path) -> None:
    elsewhere = {"XDG_CONFIG_HOME": str(tmp_path / "eve"), "HOME": str(tmp_path / "eve")}
    exported = ask(target, "art", "export", "j1#1", "--as", "loot", **elsewhere)
    error = exported["error"]
    assert isinstance(error, dict)
    assert error["code"] == "gate_unpinned"
    for command in (["gate", "init", "--name", "eve"], ["art", "approve", "j1#1"]):
        done = at_a_terminal(
            command,
            cwd=target.root,
            answers=[OWN_PASSPHRASE] * 3,
            **{**target.environment, **elsewhere},
        )
        assert done.code == 1, done.out
    assert nothing_was_won(target) == "not_approved"


def test_a_key_file_that_others_can_read_is_not_used(target: Target) -> None:
    (target.config / "approver.key").chmod(0o640)
    done = at_a_terminal(
        ["art", "approve", "j1#1"],
        cwd=target.root,
        answers=[keys.PASSPHRASE],
        **target.environment,
    )
    assert done.code == 1
    assert "chmod 600" in done.out


def test_a_real_signature_copied_to_another_candidate_and_studio(
    target: Target, tmp_path: Path
) -> None:
    done = at_a_terminal(
        ["art", "approve", "j1#2"],
        cwd=target.root,
        answers=[keys.PASSPHRASE],
        **target.environment,
    )
    assert done.code == 0, done.out
    copy = """
import json, sys
from pathlib import Path
from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.jobs import database, store
source, target = Project(Path(sys.argv[1])), Project(Path(sys.argv[2]))
real = [e for e in journal.read(source, {"art.verdict"})][-1]
with database.connect(target) as db:
    one = store.get_candidate(db, 1, 1)
event = journal.append(target, "art.verdict", actor=real.actor, data=real.data,
                       references={"candidate": "j1#1", "sha256": one.sha256})
with database.connect(target) as db:
    store.decide(db, 1, 1, "approved", sha256=one.sha256, event=event.id, reason=None,
                 now=event.time)
"""
    assert python(target, copy, os.fspath(target.root)).returncode == 0
    exported = ask(target, "art", "export", "j1#1", "--as", "loot")["error"]
    assert isinstance(exported, dict)
    assert exported["code"] == "verdict_broken"
    from ategnatos.grimoire.project import Project

    other = Project.create(tmp_path / "other")
    keys.made(other)
    with keys.account(Path(target.environment["XDG_CONFIG_HOME"])):
        from ategnatos.guard.gate import acts, keyfile

        key = keyfile.load()
        private = keyfile.unseal(key, bytearray(keys.PASSPHRASE.encode()))
        acts.found(other, key, private, "ada", now=keys.NOW)
    assert python(target, copy, os.fspath(other.root)).returncode == 0
    assert nothing_was_won(Target(other, target.environment)) == "verdict_broken"
