"""What a trainer's checkout says of itself, asked by plain commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ategnatos.trainers import load_trainer


def ask(command: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_simpletuner_says_its_own_version_and_is_installed_from_its_checkout(
    tmp_path: Path,
) -> None:
    package = tmp_path / "simpletuner"
    (package / "helpers" / "configuration").mkdir(parents=True)
    (package / "helpers" / "configuration" / "cmd_args.py").touch()
    (package / "train.py").touch()
    (package / "__init__.py").write_text('import os\n\n__version__ = "4.8.0"\n__all__ = []\n')
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    # Without its packages.
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    python.chmod(0o755)
    found = load_trainer("simpletuner").detect(ask, str(tmp_path))
    assert not found.ok
    assert found.version == "4.8.0"
    assert {"simpletuner", "torchaudio", "torch"} <= set(found.missing)
    # It has no requirements.txt.
    assert found.hint == f"{python} -m pip install -e {tmp_path} torchaudio"


def test_ai_toolkit_says_its_own_version_and_what_it_imports_at_its_start(tmp_path: Path) -> None:
    (tmp_path / "toolkit").mkdir()
    (tmp_path / "extensions_built_in" / "sd_trainer").mkdir(parents=True)
    (tmp_path / "toolkit" / "config_modules.py").touch()
    (tmp_path / "run.py").touch()
    (tmp_path / "version.py").write_text('VERSION = "0.12.26"\n')
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    python.chmod(0o755)
    found = load_trainer("ai-toolkit").detect(ask, str(tmp_path))
    assert found.version == "0.12.26"
    # Missing, each of them ends it before it says a word of the job.
    assert {"torchaudio", "av", "torchao", "optimum", "lycoris"} <= set(found.missing)
