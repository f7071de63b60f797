"""``ategnatos studio secrets`` as it is used: typed unseen, piped in, listed, checked, removed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ategnatos.guard.secrets import file, known
from tests.conftest import AtTerminal, Run
from tests.guard.test_secrets import keyring

VALUE = "rpa_0123456789ABCDEFghij"


@pytest.fixture(autouse=True)
def _an_account_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in known.kinds().values():
        for variable in kind.variables:
            monkeypatch.delenv(variable, raising=False)
    for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "PYTHON_KEYRING_BACKEND"):
        monkeypatch.delenv(name, raising=False)


def piped(text: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ategnatos", "studio", "secrets", *arguments],
        input=text,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_secret_is_typed_unseen(at_terminal: AtTerminal, run: Run, tmp_path: Path) -> None:
    seen = at_terminal(["studio", "secrets", "set", "runpod"], cwd=tmp_path, answers=[VALUE])
    assert seen.code == 0
    assert "0123456789" not in seen.out
    assert file.read() == {"RUNPOD_API_KEY": VALUE}
    listed = run("studio", "secrets", "list", "--json")
    (found,) = [one for one in listed.data["secrets"] if one["found"]]
    assert (found["name"], found["end"], found["source"]) == ("runpod", "***ghij", str(file.path()))
    assert "0123456789" not in listed.out
    words = run("studio", "secrets", "list")
    assert "***ghij" in words.out
    assert "0123456789" not in words.out


def test_a_secret_is_piped_in_and_can_be_removed(run: Run, tmp_path: Path) -> None:
    done = piped(VALUE + "\n", "set", "huggingface", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["data"]["stored_in"] == "file"
    assert VALUE not in done.stdout + done.stderr
    assert run("studio", "secrets", "remove", "HF_TOKEN", "--dry-run").code == 0
    assert file.read() == {"HF_TOKEN": VALUE}
    assert (
        "revoke it at https://huggingface.co" in run("studio", "secrets", "remove", "HF_TOKEN").out
    )
    assert file.read() == {}
    assert "not stored" in run("studio", "secrets", "remove", "huggingface").out
    for bad in ("", "short\n", VALUE + "\n" + VALUE):
        assert piped(bad, "set", "runpod", cwd=tmp_path).returncode == 1
    assert file.read() == {}


@pytest.mark.parametrize("words", [("runpod", "Tr0ub4dor&3"), ("runpod=Tr0ub4dor&3",)], ids=str)
def test_a_value_on_the_command_line_is_refused_and_not_repeated(
    words: tuple[str, ...], run: Run
) -> None:
    for form in ((), ("--json",)):
        refused = run("studio", "secrets", "set", *words, *form)
        assert refused.code == 1
        assert "Tr0ub4dor" not in refused.out + refused.err
        assert "history" in refused.out + refused.err


def test_check_says_what_is_missing_for_what(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", VALUE)
    assert run("studio", "secrets", "check", "runpod").code == 0
    done = run("studio", "secrets", "check")
    assert done.code == 0
    assert "runpod: found in variable RUNPOD_API_KEY." in done.out
    assert "vastai: missing. Needed for renting GPUs from Vast.ai." in done.out
    missing = run("studio", "secrets", "check", "runpod", "vastai", "--json")
    assert missing.code == 1
    assert missing.envelope["error"]["code"] == "secret_missing"
    assert missing.envelope["data"]["missing"] == ["vastai"]


def test_a_file_open_to_others_fails_the_check_and_is_noted_once(run: Run, tmp_path: Path) -> None:
    piped(VALUE, "set", "runpod", cwd=tmp_path)
    file.path().chmod(0o644)
    checked = run("studio", "secrets", "check")
    assert checked.code == 1
    assert "chmod 600" in checked.err
    listed = run("studio", "secrets", "list")
    assert listed.code == 0
    assert (listed.out + listed.err).count("chmod 600") == 1


def test_a_keyring_is_used_where_there_is_one(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keyring(monkeypatch, tmp_path, "InFile")
    done = json.loads(piped(VALUE, "set", "runpod", "--json", cwd=tmp_path).stdout)
    assert done["data"]["stored_in"] == "keyring"
    assert not file.path().exists()
    assert "keyring" in run("studio", "secrets", "list").out
    done = json.loads(piped(VALUE, "set", "runpod", "--to", "file", "--json", cwd=tmp_path).stdout)
    assert done["warnings"] == ["The keyring holds one too, and goes before the file."]
    removed = run("studio", "secrets", "remove", "runpod", "--json")
    assert removed.data["removed_from"] == ["file", "keyring"]


def test_a_broken_keyring_is_noted_and_the_file_is_used(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keyring(monkeypatch, tmp_path, "Failing")
    done = json.loads(piped(VALUE, "set", "runpod", "--json", cwd=tmp_path).stdout)
    assert done["data"]["stored_in"] == "file"
    assert done["warnings"] == ["The keyring cannot be used (RuntimeError)."]
    refused = piped(VALUE, "set", "runpod", "--to", "keyring", cwd=tmp_path)
    assert refused.returncode == 1
    assert "--to file" in refused.stderr
    assert "keyring could not be looked at" in run("studio", "secrets", "list").err


def test_a_secret_of_a_plug_in_needs_no_entry(run: Run, tmp_path: Path) -> None:
    assert piped(VALUE, "set", "MYCLOUD_API_KEY", cwd=tmp_path).returncode == 0
    names = [one["name"] for one in run("studio", "secrets", "list", "--json").data["secrets"]]
    assert "MYCLOUD_API_KEY" in names
    assert piped(VALUE, "set", "runpot", cwd=tmp_path).returncode == 1
