"""Changing a passphrase: the key stays, the old passphrase counts until the new file is whole."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import keyfile
from tests.conftest import AtTerminal, Run
from tests.guard import keys

NEW = "nine brown kettles sing"
CHANGE = ("gate", "passphrase")


def opens(passphrase: str) -> bool:
    try:
        keyfile.unseal(keyfile.load(), bytearray(passphrase.encode()))
    except StudioError as error:
        if error.code is not keyfile.PASSPHRASE_WRONG:
            raise
        return False
    return True


def test_the_same_key_opens_with_the_new_passphrase_and_signs_as_before(
    project: Project, at_terminal: AtTerminal, run: Run
) -> None:
    keys.made(project)
    keys.founded(project)
    before = keyfile.load()
    first = at_terminal(["art", "approve", "j1#1"], cwd=project.root, answers=[keys.PASSPHRASE])
    assert first.code == 0, first.out

    changed = at_terminal([*CHANGE], cwd=project.root, answers=[keys.PASSPHRASE, NEW, NEW])
    assert changed.code == 0, changed.out
    assert NEW not in changed.out
    assert keys.PASSPHRASE not in changed.out
    after = keyfile.load()
    assert (after.public, after.name, after.created_at) == (
        before.public,
        before.name,
        before.created_at,
    )
    assert stat.S_IMODE(after.path.stat().st_mode) == 0o600
    assert (opens(keys.PASSPHRASE), opens(NEW)) == (False, True)
    # Whatever the key was sealed with before, it is sealed now as a key of today.
    assert after.sealed["kdf"]["n"] == keyfile.SCRYPT_N
    assert after.sealed["kdf"]["salt"] != before.sealed["kdf"]["salt"]

    second = at_terminal(["art", "approve", "j1#2"], cwd=project.root, answers=[NEW])
    assert "signed by ada" in second.out
    counts = run("gate", "verify", "--json", cwd=project.root).data["counts"]
    assert counts["journal"] == {"signed": 2}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([""], "No clear answer"),
        (["wrong wrong wrong"] * 3, "does not open"),
        ([keys.PASSPHRASE, ""], "No clear answer"),
        ([keys.PASSPHRASE, "short"], "at least"),
        ([keys.PASSPHRASE, NEW, NEW + "!"], "differ"),
    ],
    ids=["no", "not the old one", "no new one", "too short", "mistyped"],
)
def test_a_change_that_does_not_happen_leaves_the_file_as_it_was(
    tmp_path: Path, at_terminal: AtTerminal, answers: list[str], said: str
) -> None:
    key, _ = keys.make_key()
    before = key.path.read_bytes()
    refused = at_terminal([*CHANGE], cwd=tmp_path, answers=answers)
    assert refused.code == 1
    assert said in refused.out
    assert key.path.read_bytes() == before
    assert sorted(os.listdir(key.path.parent)) == [key.path.name]


@pytest.mark.parametrize("more", [{}, {"CLAUDECODE": "1"}], ids=["no terminal", "an agent"])
def test_without_a_person_nothing_is_asked_or_changed(
    tmp_path: Path, program: Run, more: dict[str, str]
) -> None:
    key, _ = keys.make_key()
    before = key.path.read_bytes()
    refused = program(*CHANGE, "--json", cwd=tmp_path, **more)
    assert refused.envelope["error"]["code"] == "needs_person"
    assert key.path.read_bytes() == before
    would = program(*CHANGE, "--dry-run", "--json", cwd=tmp_path, **more)
    assert would.data["dry_run"] is True
    assert key.path.read_bytes() == before


def test_an_account_without_a_key_is_told_how_to_make_one(tmp_path: Path, program: Run) -> None:
    assert program(*CHANGE, "--json", cwd=tmp_path).envelope["error"]["code"] == "no_key"


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_process_killed_while_it_writes_leaves_the_old_passphrase(call: str) -> None:
    key, _ = keys.make_key()
    script = (
        "import os, signal\n"
        "from ategnatos.guard.gate import keyfile\n"
        "key = keyfile.load()\n"
        f"private = keyfile.unseal(key, bytearray({keys.PASSPHRASE.encode()!r}))\n"
        f"os.{call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"keyfile.reseal(key, private, bytearray({NEW.encode()!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -9
    assert keyfile.load() == key
    assert opens(keys.PASSPHRASE)
    # What was being written is not readable to others, and no door to anything by itself.
    for left in key.path.parent.iterdir():
        assert stat.S_IMODE(left.stat().st_mode) == 0o600


def test_a_key_that_another_process_put_there_is_never_replaced() -> None:
    key, private = keys.make_key()
    key.path.unlink()
    other, _ = keys.make_key("grace")
    with pytest.raises(StudioError) as refused:
        keyfile.reseal(key, private, bytearray(NEW.encode()))
    assert refused.value.code is keyfile.KEY_CHANGED
    assert keyfile.load() == other


@pytest.mark.skipif(sys.platform != "linux", reason="unlocking asks the kernel who connects")
def test_unlocked_keys_are_locked_by_a_change(
    project: Project, at_terminal: AtTerminal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    keys.founded(project)
    runtime = tmp_path_factory.mktemp("r")
    program = f"{sys.executable} -m ategnatos"
    script = f"{program} gate unlock && {program} gate passphrase && {program} gate status --json"
    ran = at_terminal(
        [script],
        cwd=project.root,
        answers=[keys.PASSPHRASE, keys.PASSPHRASE, NEW, NEW],
        program=("/bin/sh", "-c"),
        XDG_RUNTIME_DIR=str(runtime),
    )
    assert ran.code == 0, ran.out
    assert "Unlocked keys were locked (1)" in ran.out
    told = json.loads(ran.out[ran.out.index('{"ok"') :].splitlines()[0])
    assert told["data"]["unlocked"] == []
