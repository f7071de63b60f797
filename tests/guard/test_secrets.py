"""Secrets: where they are looked for, what is refused, and that no value gets out."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard import secrets
from ategnatos.guard.redaction import loaded, redact
from ategnatos.guard.secrets import Secret, file, find, keyring_store, known, need

ROOT = Path(__file__).parents[2]
VALUE = "rpa_0123456789ABCDEFghij"


@pytest.fixture(autouse=True)
def _an_account_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for kind in known.kinds().values():
        for variable in kind.variables:
            monkeypatch.delenv(variable, raising=False)
    for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "PYTHON_KEYRING_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    loaded.forget()


def keyring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: str) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"tests.guard.keyring_backends.{backend}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("KEYRING_FILE", str(tmp_path / "keyring.json"))


def put(text: str, mode: int = 0o600) -> Path:
    path = file.path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_goes_before_the_keyring_and_the_keyring_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert find("runpod") is None
    put("RUNPOD_API_KEY=from-the-file-1\n")
    found = find("runpod")
    assert found is not None
    assert (found.reveal(), found.source) == ("from-the-file-1", str(file.path()))
    keyring(monkeypatch, tmp_path, "InFile")
    assert keyring_store.write("RUNPOD_API_KEY", "from-the-keyring-1").works
    found = find("RUNPOD_API_KEY")
    assert found is not None
    assert (found.reveal(), found.source) == ("from-the-keyring-1", "keyring")
    monkeypatch.setenv("RUNPOD_API_KEY", " from-the-environment-1\n")
    found = find("RunPod")
    assert found is not None
    assert found.reveal() == "from-the-environment-1"
    assert found.source == "variable RUNPOD_API_KEY"
    assert keyring_store.delete("RUNPOD_API_KEY").works
    assert keyring_store.delete("RUNPOD_API_KEY").works


def test_every_variable_of_a_secret_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VASTAI_API_KEY", VALUE)
    assert need("vastai").source == "variable VASTAI_API_KEY"
    monkeypatch.setenv("MYCLOUD_API_KEY", VALUE)
    assert need("MYCLOUD_API_KEY").reveal() == VALUE


def test_the_refusal_says_the_variable_and_the_file_and_the_next_step() -> None:
    with pytest.raises(StudioError) as refused:
        need("vastai", purpose="rent a GPU")
    assert refused.value.message.startswith(
        "Secret 'VAST_API_KEY' not found. Set it as an env var or add to"
        " ~/.config/ategnatos/secrets"
    )
    assert "needed to rent a GPU" in refused.value.message
    assert "ategnatos studio secrets set vastai" in refused.value.hint


@pytest.mark.parametrize("backend", ["Hanging", "Asking", "Failing", "Crashing", "NoSuchBackend"])
def test_a_keyring_that_misbehaves_is_passed_over(
    backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(f"RUNPOD_API_KEY={VALUE}\n")
    keyring(monkeypatch, tmp_path, backend)
    monkeypatch.setenv(keyring_store.SECONDS_VARIABLE, "1.5")
    began = time.monotonic()
    answer = keyring_store.read(["RUNPOD_API_KEY"])
    assert not answer.works
    assert "sk-" not in answer.problem
    found = find("runpod", keyring=answer)
    assert found is not None
    assert found.reveal() == VALUE
    assert time.monotonic() - began < 10


def test_a_keyring_that_keeps_nothing_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keyring(monkeypatch, tmp_path, "Forgetting")
    assert "did not keep" in keyring_store.write("RUNPOD_API_KEY", VALUE).problem


def test_without_a_desktop_no_keyring_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        pytest.fail("a program was started")

    monkeypatch.setattr(subprocess, "run", started)
    if os.uname().sysname == "Linux":
        assert keyring_store.read(["X_KEY"]).absent == "this machine has no desktop session"
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    assert keyring_store.read(["X_KEY"]).absent == "it is switched off"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o610])
def test_a_file_that_others_can_open_is_refused_with_the_chmod(mode: int) -> None:
    path = put(f"RUNPOD_API_KEY={VALUE}\n", mode)
    with pytest.raises(StudioError) as refused:
        find("runpod")
    assert refused.value.code.code == "secrets_file_open"
    assert f"chmod 600 '{path}'" in refused.value.hint
    with pytest.raises(StudioError):
        file.write("HF_TOKEN", VALUE)
    assert path.read_text() == f"RUNPOD_API_KEY={VALUE}\n"


def test_a_file_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    put(f"RUNPOD_API_KEY={VALUE}\n")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(StudioError) as refused:
        find("runpod")
    assert refused.value.code.code == "secrets_file_owner"


def test_the_file_is_text_and_nothing_in_it_is_run(tmp_path: Path) -> None:
    put(
        "\ufeff# a comment\n\n  export HF_TOKEN = 'quoted value'\n"
        "RUNPOD_API_KEY=$(touch ran)`id`\r\n"
        'CIVITAI_TOKEN="a=b#c"\nVAST_API_KEY='
    )
    assert file.read() == {
        "HF_TOKEN": "quoted value",
        "RUNPOD_API_KEY": "$(touch ran)`id`",
        "CIVITAI_TOKEN": "a=b#c",
        "VAST_API_KEY": "",
    }
    assert find("vastai") is None


@pytest.mark.parametrize("text", [VALUE, "A B=c", "=x", "é=1", "A=1\n\0\0", "x" * 70_000])
def test_a_line_that_is_not_understood_is_named_and_not_repeated(text: str) -> None:
    put(f"# one\n{text}\n")
    with pytest.raises(StudioError) as refused:
        file.read()
    assert refused.value.code.code == "secrets_file_invalid"
    assert VALUE not in str(refused.value)


def test_a_device_or_folder_in_its_place_is_refused() -> None:
    file.path().mkdir(parents=True)
    with pytest.raises(StudioError, match="no plain file"):
        file.read()
    file.path().rmdir()
    os.mkfifo(file.path(), 0o600)
    with pytest.raises(StudioError, match="no plain file"):
        file.read()


def test_writing_keeps_every_other_line_and_the_mode(tmp_path: Path) -> None:
    file.write("HF_TOKEN", "first value")
    path = file.path()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.write_text("# mine\nODD = 'kept as it is'\nHF_TOKEN=1\nHF_TOKEN=2")
    file.write("HF_TOKEN", "new value")
    assert path.read_text() == "# mine\nODD = 'kept as it is'\nHF_TOKEN=new value\n"
    # A link, as people keep their dotfiles, stays a link.
    real = path.rename(tmp_path / "dotfile")
    path.symlink_to(real)
    file.write("HF_TOKEN", None)
    assert path.is_symlink()
    assert real.read_text() == "# mine\nODD = 'kept as it is'\n"


@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60),
)
def test_what_is_written_is_read_back(value: str) -> None:
    file.write("HF_TOKEN", value)
    assert file.read()["HF_TOKEN"] == value


@pytest.mark.parametrize(
    "value", ["", "tiny1", "x" * 5000, "a good start\nX-Header: b", "tab\there and more", "é" * 12]
)
def test_what_is_no_credential_is_refused_and_not_repeated(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudioError) as refused:
        secrets.checked(value, "It")
    assert refused.value.code.code == "secret_invalid"
    assert not value or value not in str(refused.value)


def test_a_secret_shows_itself_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    value = "shapeless words as a key"
    assert redact(f"x {value} y") == f"x {value} y"
    secret = Secret("runpod", value, "here")
    for text in (str(secret), repr(secret), f"{secret}", f"{[secret]}", repr({"a": secret})):
        assert "shapeless" not in text
        assert "*** key" in text
    assert redact(f"x {value} y") == "x *** key y"
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            write(secret)
    assert not hasattr(secret, "__dict__")


def test_every_entry_of_the_data_file_is_whole() -> None:
    seen: set[str] = set()
    for name, kind in known.kinds().items():
        assert name == name.lower()
        assert kind.obtain.startswith("https://")
        assert not seen & set(kind.variables)
        seen |= set(kind.variables)
        assert all(known.VARIABLE.fullmatch(variable) for variable in kind.variables)
