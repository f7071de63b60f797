"""Gate 4: what a few steps must show, whatever the trainer's exit status says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ategnatos.fences.decision import Denied
from ategnatos.fences.estimates import Estimates
from ategnatos.fences.events import known
from ategnatos.fences.line import Scene, check
from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.project import Project
from ategnatos.train import gates
from ategnatos.train.gates import dry_run
from ategnatos.train.gates.dry_run import verdict
from ategnatos.train.pace import measured
from ategnatos.train.plan import store
from tests.conftest import Run
from tests.train.gates import fakes, ready
from tests.waiting import wait_until

OOM = (
    "Traceback (most recent call last):\n"
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 5.06 GiB. GPU 0 has a total"
    " capacity of 23.65 GiB of which 336.62 MiB is free.\n"
)
MISSING = (
    'Traceback (most recent call last):\nFileNotFoundError: No such file or directory: "MODEL"\n'
)
NO_KERNEL = (
    "Traceback (most recent call last):\n"
    "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"
)


def test_the_starter_from_nothing_to_four_open_gates(
    project: Project, run: Run, at_terminal: Any
) -> None:
    ready.pictures(project)
    ready.plan(project)
    at = {"cwd": project.root}
    by_hand = f"python -m ategnatos.trainers.starter {project.root}/workspace/training/owl/x.json"

    def fenced() -> str:
        return fence_of(by_hand, project)

    assert "Gate 2" in fenced()
    closed = run("train", "gates", "owl", "--json", **at).data
    assert [one["open"] for one in closed["gates"]] == [True, False, False, False]
    refused = run("train", "dry-run", "owl", "--json", **at).envelope["error"]
    assert (refused["code"], refused["details"]["gate"]) == ("train_gate", 3)
    assert refused["hint"] == "ategnatos train environment owl --trainer starter"

    there = run("train", "environment", "owl", "--json", **at).data
    assert there["fits"]
    assert (project.grimoire / "training" / "owl" / "environment.md").is_file()
    tried = run("train", "dry-run", "owl", "--json", **at).data
    assert tried["passed"]
    assert "Gate 2" in fenced()
    assert tried["drawn"] == [3, 3]
    assert tried["seconds_a_step"] > 0
    assert tried["checkpoint"]["name"] == "owl.safetensors"

    alone = run("train", "confirm", "owl", **at)
    assert alone.code == 1
    assert "a person's act" in alone.err
    person = at_terminal(["train", "confirm", "owl"], cwd=project.root, answers=["yes"])
    assert "rank: 2" in person.out
    assert "What starter does NOT do as the plan says" in person.out
    found = run("train", "gates", "owl", "--json", **at).data
    assert found["open"], found["gates"]
    opened = gates.require(project, store.load(project, "owl"), "starter", "local")
    assert opened.python
    assert opened.seconds_a_step == tried["seconds_a_step"]
    assert fenced() == ""

    # Any change closes what was bound to it; going back opens it again.
    run("train", "plan", "set", "owl", "rank=3", **at)
    found = run("train", "gates", "owl", "--json", **at).data
    assert [one["open"] for one in found["gates"]] == [True, False, False, False]
    assert all(one["why"].endswith(": rank 2 -> 3") for one in found["gates"][1:])
    assert "Gate 2" in fenced()
    run("train", "plan", "set", "owl", "rank=2", **at)
    assert run("train", "gates", "owl", "--json", **at).data["open"]
    run("train", "dataset", "captions", "write", "owls", "001.png", "--text", "zrvkowl, x", **at)
    found = run("train", "gates", "owl", "--json", **at).data
    assert "version 3 now" in found["gates"][0]["why"]


def fence_of(line: str, project: Project) -> str:
    """Why the fence stops a line of an agent in this studio; "" where it does not."""
    root = str(project.root)
    scene = Scene(
        line,
        guarded=known(),
        root=root,
        folder=root,
        home="/home/mo",
        estimates=Estimates("", "", "--confirm"),
    )
    try:
        check(scene)
    except Denied as denied:
        return denied.said
    return ""


def looked(
    studio: Project, run: Run, install: fakes.Install, tmp_path: Path, **values: Any
) -> dict[str, Any]:
    """Gate 3 of the plan 'owl' for a family that the trainer knows."""
    ready.sdxl(studio, tmp_path / "base.safetensors", **values)
    words = ("--trainer", install.trainer, "--home", str(install.home), "--json")
    return run("train", "environment", "owl", *words, cwd=studio.root).data


def tried(studio: Project, run: Run, install: fakes.Install) -> tuple[dict[str, Any], Any]:
    words = ("--trainer", install.trainer, "--steps", "2", "--json")
    found = run("train", "dry-run", "owl", *words, cwd=studio.root).envelope
    return found["data"], found["error"]


# What the trainer plays; the cause, words of the message, words of the mend.
FAULTS: dict[str, list[tuple[dict[str, Any], str, str, str]]] = {
    "kohya": [
        # Exit status 0, and nothing was trained.
        (
            {"log": "no_images", "left": ""},
            "no_training_data",
            "no picture to train on, and ended as if all were well",
            "train dataset audit owls",
        ),
        # Exit status 0, and the loss was no number.
        ({"log": "nan_loss", "left": "nan"}, "nan", "no number", "precision=bf16"),
        # A save that cannot be read back, though everything else went well.
        ({"log": "dry_run_2_steps", "left": "cut"}, "untrained", "cannot be read back", ""),
        ({"log": "dry_run_2_steps", "left": ""}, "untrained", "left no LoRA", ""),
        (
            {"text": OOM, "status": 1, "left": ""},
            "cuda_oom",
            "RTX 4090 has 24 GiB",
            "ategnatos train plan set owl ",
        ),
        (
            {"text": NO_KERNEL, "status": 1, "left": ""},
            "unsupported_gpu",
            "did not run on NVIDIA GeForce RTX 4090",
            "-m pip install 'torch==2.8.*' torchvision --index-url",
        ),
        (
            {"text": "ModuleNotFoundError: No module named 'lycoris.kohya'\n", "status": 1},
            "missing_package",
            "no package lycoris",
            "-m pip install lycoris-lora",
        ),
        (
            {"text": MISSING, "status": 1, "left": ""},
            "failed",
            "does not find MODEL",
            "ategnatos train plan set owl model=",
        ),
    ],
    "ai-toolkit": [
        ({"log": "nan_loss"}, "nan", "no number", "precision=bf16"),
        # It leaves steps out for which memory did not suffice, and goes on.
        (
            {"log": "success", "text": "# OOM during training step, skipping batch 1/3 #\n"},
            "cuda_oom",
            "The next plan that fits",
            "ategnatos train plan set owl ",
        ),
    ],
    "simpletuner": [
        ({"log": "nan_loss", "status": 1, "left": ""}, "nan_loss", "no number", "precision=bf16"),
        ({"log": "no_images", "status": 1, "left": ""}, "no_training_data", "no picture", "audit"),
    ],
}


@pytest.mark.parametrize(
    ("trainer", "log"),
    [("kohya", "dry_run_2_steps"), ("simpletuner", "dry_run_2_steps"), ("ai-toolkit", "success")],
)
def test_what_went_wrong_is_told_with_its_mend_and_what_went_well_opens_the_gate(
    studio: Project,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    trainer: str,
    log: str,
) -> None:
    install, card = fakes.at_home(monkeypatch, tmp_path, trainer)
    assert looked(studio, run, install, tmp_path)["fits"]
    model = str(tmp_path / "base.safetensors")
    for played, cause, says, mend in FAULTS[trainer]:
        said = {key: str(value).replace("MODEL", model) for key, value in played.items()}
        install.plays(**{**said, "status": played.get("status", 0)})
        data, error = tried(studio, run, install)
        assert error["code"] == "dry_run_failed"
        assert error["details"]["cause"] == cause, (played, error)
        assert says.replace("MODEL", model) in error["message"], (played, error)
        assert mend in error["hint"], (played, error)
        assert not data["passed"]
    kept = store.load(studio, "owl")
    gate = gates.states(studio, kept, trainer, "local", (4,))[0]
    assert not gate.open
    assert gate.command == error["hint"]
    assert not documents.read(studio, "vram").peaks

    install.plays(log, used=[str(card.used), "15664"])
    data, error = tried(studio, run, install)
    assert error is None, error
    assert data["passed"]
    assert (data["before_mib"], data["peak_mib"]) == (664, 15000)
    (peak,) = documents.read(studio, "vram").peaks
    assert (peak.gb, peak.trainer) == (round(15000 / 1024, 3), trainer)
    assert peak.machine.endswith("/NVIDIA GeForce RTX 4090")
    pace = measured.by_gpu(studio, kept.plan, trainer)["GeForce RTX 4090"]
    assert pace.seconds == data["seconds_a_step"]
    # What proved itself leaves its log and its verdict, and no weights; nor do those before it.
    folders = sorted((studio.workspace / "training" / "owl" / "dry-runs").iterdir())
    assert len(folders) == len(FAULTS[trainer]) + 1
    assert not [one for one in folders if (one / "dataset").exists()]
    assert not [one for folder in folders for one in folder.rglob("*.safetensors")]
    assert json.loads((folders[-1] / "verdict.json").read_bytes())["passed"]


def test_a_sentence_goes_on_in_another_with_its_names_as_they_are() -> None:
    assert verdict.clause("The loss is no number any more.") == "the loss is no number any more"
    assert verdict.clause("PyTorch has no CUDA.") == "PyTorch has no CUDA"
    assert verdict.clause("CUDA is missing.") == "CUDA is missing"


def test_the_plan_after_a_full_card_is_one_that_should_fit(
    studio: Project, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ategnatos.train.vram.estimate import estimate
    from ategnatos.train.vram.workload import of_plan

    install, _ = fakes.at_home(monkeypatch, tmp_path)
    looked(studio, run, install, tmp_path, batch=4)
    install.plays(text=OOM, status=1, left="")
    _, error = tried(studio, run, install)
    before = store.load(studio, "owl").plan
    words = error["hint"].split()
    assert words[:5] == ["ategnatos", "train", "plan", "set", "owl"]
    assert run(*words[1:], cwd=studio.root).code == 0
    after = store.load(studio, "owl").plan
    assert after.digest() != before.digest()
    likely = [estimate(of_plan(one, "kohya")).likely for one in (before, after)]
    assert likely[1] < likely[0]


def test_ctrl_c_ends_the_trainer_and_all_it_started(
    studio: Project, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install, _ = fakes.at_home(monkeypatch, tmp_path)
    looked(studio, run, install, tmp_path)
    mark = tmp_path / "hangs"
    install.plays(text="loading\n", hang=str(mark), child=True)
    group = _asked(studio, mark, signal.SIGINT)
    assert group is not None
    _gone(group)
    assert not list(journal.read(studio, {dry_run.EVENT}))


def test_a_killed_command_claims_nothing_and_the_next_ends_what_it_left(
    studio: Project, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install, _ = fakes.at_home(monkeypatch, tmp_path)
    looked(studio, run, install, tmp_path)
    mark = tmp_path / "hangs"
    install.plays(text="loading\n", hang=str(mark), child=True)
    group = _asked(studio, mark, signal.SIGKILL)
    assert _living(group), "the trainer outlives a command that could not end it"
    assert not list(journal.read(studio, {dry_run.EVENT}))
    assert not gates.states(studio, store.load(studio, "owl"), "kohya", "local")[3].open
    install.plays("dry_run_2_steps")
    data, error = tried(studio, run, install)
    assert error is None
    assert data["folder"].endswith("/2")
    _gone(group)


def test_one_that_hangs_is_ended_after_its_patience(
    studio: Project, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install, _ = fakes.at_home(monkeypatch, tmp_path)
    looked(studio, run, install, tmp_path)
    mark = tmp_path / "hangs"
    install.plays(text="loading\n", hang=str(mark))
    words = ("--trainer", "kohya", "--minutes", "0.02", "--json")
    error = run("train", "dry-run", "owl", *words, cwd=studio.root).envelope["error"]
    assert error["details"]["cause"] == "late"
    if mark.exists():
        _gone(os.getpgid(int(mark.read_text())) if _lives(int(mark.read_text())) else None)


def _asked(studio: Project, mark: Path, number: int) -> int:
    """Start a dry run, send its command a signal once the trainer hangs; the trainer's group."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ategnatos", "train", "dry-run", "owl", "--trainer", "kohya"],
        cwd=studio.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        wait_until(lambda: mark.exists() and mark.read_text() != "")
        group = os.getpgid(int(mark.read_text()))
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    return group


def _living(group: int) -> list[int]:
    found = []
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            try:
                fields = (one / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] not in "ZX":
                found.append(int(one.name))
    return found


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _gone(group: int | None) -> None:
    limit = time.monotonic() + 30
    while group is not None and _living(group):
        assert time.monotonic() < limit, f"{_living(group)} live on"
        time.sleep(0.05)
