"""The scripts of the phases, run as a machine runs them: each does what is missing, and again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines import MachineFacts, MachineGpu
from ategnatos.studio import phases


def program(home: Path, name: str, text: str) -> None:
    path = home / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def carry_out(home: Path, script: str, *, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": path or f"{home}/bin:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh"], input=script, env=environment, capture_output=True, text=True, check=False
    )


def facts(*gpus: MachineGpu) -> MachineFacts:
    return MachineFacts("h", "Linux", "x86_64", 8, 1 << 34, "/root", 1 << 38, "3.12", gpus)


def test_setup_installs_what_is_missing_once(tmp_path: Path) -> None:
    for name in ("sh", "id", "mkdir", "env", "chmod", "cat"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(found)
    program(tmp_path, "python3", "exit 0")
    program(tmp_path, "sudo", '[ "$1" = -n ] && shift; exec "$@"')
    # What it installs is there from then on, as with the real one.
    program(
        tmp_path,
        "apt-get",
        'echo "$@" >> "$HOME/apt"\nfor one; do case $one in git | curl | rsync | tmux)\n'
        '  printf "#!/bin/sh\\n" > "$HOME/bin/$one"; chmod +x "$HOME/bin/$one";; esac; done',
    )
    only = str(tmp_path / "bin")
    first = carry_out(tmp_path, phases.script("setup"), path=only)
    assert (first.returncode, first.stderr) == (0, "")
    asked = (tmp_path / "apt").read_text().splitlines()
    assert asked == [
        "-qq update",
        "-qq install -y --no-install-recommends git curl rsync tmux",
    ]
    assert (tmp_path / "ategnatos" / "data").is_dir()
    assert carry_out(tmp_path, phases.script("setup"), path=only).returncode == 0
    assert (tmp_path / "apt").read_text().splitlines() == asked
    (tmp_path / "bin" / "tmux").unlink()
    (tmp_path / "bin" / "apt-get").unlink()
    without = carry_out(tmp_path, phases.script("setup"), path=only)
    assert without.returncode == 1
    assert "missing: tmux" in without.stderr


PYTHON = """case "$*" in
"-m venv "*) for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python";;
*"torch.cuda.is_available()"*) [ -e "$HOME/torch" ];;
"-m pip"*) echo "$*" >> "$HOME/pip"; case "$*" in *torchvision*) touch "$HOME/torch";; esac;;
"main.py "*) echo $$ > "$HOME/pid"; echo "$*" > "$HOME/server"; exec sleep 600;;
esac"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Path]:
    """A machine whose git, python and curl are played: ComfyUI answers once it was started."""
    program(
        tmp_path,
        "git",
        'for last; do :; done\nmkdir -p "$last"; touch "$last/main.py" "$last/requirements.txt"\n'
        'echo clone >> "$HOME/cloned"',
    )
    program(tmp_path, "python3", PYTHON)
    program(tmp_path, "curl", '[ -e "$HOME/server" ]')
    yield tmp_path
    if (tmp_path / "pid").exists():
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_comfyui_is_installed_once_and_answers_on_loopback_alone(machine: Path) -> None:
    card = MachineGpu(0, "NVIDIA GeForce RTX 4090", 24564, 24000, "550.54.14", "12.4")
    script = phases.script("comfyui", lambda: facts(card))
    first = carry_out(machine, script)
    assert first.returncode == 0, first.stderr
    assert "answers on port 8188" in first.stdout
    assert (machine / "server").read_text() == "main.py --listen 127.0.0.1 --port 8188\n"
    pips = (machine / "pip").read_text()
    assert "--index-url https://download.pytorch.org/whl/cu12" in pips
    assert carry_out(machine, script).returncode == 0
    assert (machine / "cloned").read_text() == "clone\n"
    # The second time only what ComfyUI itself asks for is looked at, which pip finds there.
    again = (machine / "pip").read_text().removeprefix(pips)
    assert "torchvision" not in again


def test_a_card_that_no_pytorch_runs_on_is_told_before_anything_is_installed() -> None:
    old = MachineGpu(0, "NVIDIA GeForce RTX 5090", 32607, 32000, "470.1", "11.4")
    with pytest.raises(StudioError) as error:
        phases.script("comfyui", lambda: facts(old))
    assert error.value.code.code == "no_build"


def test_a_server_that_does_not_come_up_shows_its_log(machine: Path) -> None:
    program(machine, "python3", PYTHON.replace("echo $$ >", "echo broken; exit 3; echo $$ >"))
    done = carry_out(machine, phases.script("comfyui", facts))
    assert done.returncode == 1
    assert "broken" in done.stderr
