"""A rented machine looked at from inside: its card and driver against the matrix of builds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ategnatos.knowledge import cuda
from ategnatos.machines.ssh.link import Link
from ategnatos.studio import validating
from tests.studio.near import near

SMI = """#!/bin/sh
case "$*" in
*query-gpu*) echo '{card}';;
*) echo '| NVIDIA-SMI {driver}   Driver Version: {driver}   CUDA Version: {cuda} |';;
esac
"""
# Any question of ours to python3 is answered with the version of a PyTorch; so is --version.
PYTHON = "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo Python 3.12.3; exit; }}\necho '{torch}'\n"


@dataclass
class Machine:
    """A machine whose card, driver and PyTorch the test chooses."""

    bin: Path
    link: Link

    def looks(
        self, card: str, driver: str, *, cuda: str = "12.8", torch: str = ""
    ) -> dict[str, validating.Checked]:
        """What ``validate`` says of it, by what was looked at."""
        line = f"0, {card}, {driver}"
        self._put("nvidia-smi", SMI.format(card=line, driver=driver, cuda=cuda))
        self._put("python3", PYTHON.format(torch=torch))
        self._put("curl", "#!/bin/sh\nexit 0\n")
        return {one.what: one for one in validating.look(self.link, "m").checks}

    def _put(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "bin", near(tmp_path))


CARD_4090 = "NVIDIA GeForce RTX 4090, 24564, 24000"
CARD_5090 = "NVIDIA GeForce RTX 5090, 32607, 32000"


def test_a_card_whose_driver_is_new_enough_is_told_its_build(machine: Machine) -> None:
    found = machine.looks(CARD_4090, "550.54.14", torch="2.8.0+cu128")
    assert found["CUDA"].ok
    assert "https://download.pytorch.org/whl/cu12" in found["CUDA"].found
    assert found["PyTorch"].ok
    assert found["PyTorch"].found.startswith("2.8.0+cu128 is there")


def test_a_card_of_the_fifty_series_needs_a_newer_driver_and_build(machine: Machine) -> None:
    old = machine.looks(CARD_5090, "550.54.14", torch="2.7.0+cu126")
    assert not old["CUDA"].ok
    assert "570.26" in old["CUDA"].found
    new = machine.looks(CARD_5090, "575.51.03", torch="2.7.0+cu126")
    assert new["CUDA"].ok
    assert not new["PyTorch"].ok
    assert "no code for compute capability 12.0" in new["PyTorch"].found


def test_a_driver_too_old_for_the_pytorch_that_is_there_is_said(machine: Machine) -> None:
    found = machine.looks(CARD_4090, "550.54.14", torch="2.13.0+cu130")
    assert found["CUDA"].ok
    assert not found["PyTorch"].ok
    assert "580.65.06" in found["PyTorch"].found


def test_what_nobody_knows_is_said_and_not_held_against_the_machine(machine: Machine) -> None:
    found = machine.looks("NVIDIA Next Year, 99999, 99000", "999.1", torch="2.8.0")
    assert found["CUDA"].ok
    assert "not in the table" in found["CUDA"].found
    assert "PyTorch" not in machine.looks(CARD_4090, "550.54.14", torch="9.9.9+cu999")


def test_the_name_of_an_installed_pytorch_is_read() -> None:
    table = cuda.matrix()
    plain, tagged = table.installed("2.8.0"), table.installed("2.8.1+cu126")
    assert plain is not None
    assert plain.default
    assert tagged is not None
    assert tagged.cuda == "12.6"
    for text in ("", "2.8.0+cpu", "nonsense"):
        assert table.installed(text) is None
