"""Gate 3: what a machine lacks is told with what mends it, and what changes closes the gate."""

from __future__ import annotations

import ast
import hashlib
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.models import ModelFile
from ategnatos.machines import MachineFacts, MachineGpu
from ategnatos.train import gates
from ategnatos.train.gates.environment import (
    checks,
    graphics,
    needs,
    on_processor,
    probe,
    recording,
)
from ategnatos.train.gates.environment.recording import Checked
from ategnatos.train.plan import base_model, store
from ategnatos.train.plan.store import Kept
from tests.conftest import Run
from tests.train.gates import fakes, ready


def check(studio: Project, kept: Kept, install: fakes.Install, **more: str) -> Checked:
    return recording.check(studio, kept, install.trainer, "local", home=str(install.home), **more)


def told(found: Checked) -> dict[str, tuple[str, str, str]]:
    return {one.what: (one.level, one.found, one.mend) for one in found.checks}


def state(studio: Project, kept: Kept, trainer: str = "kohya") -> gates.Gate:
    return gates.states(studio, kept, trainer, "local", (3,))[0]


def test_a_machine_that_has_everything(
    studio: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    install, _ = fakes.at_home(monkeypatch, tmp_path)
    kept = ready.sdxl(studio, tmp_path / "base.safetensors")
    words = ("--trainer", "kohya", "--home", str(install.home))
    made = run("train", "environment", "owl", *words, "--json", cwd=studio.root).data
    assert made["fits"], made["stops"]
    assert made["gpu"] == "NVIDIA GeForce RTX 4090"
    assert made["torch"] == {"version": "2.8.0+cu128", "cuda": "12.8", "hip": ""}
    assert made["python"] == str(install.home / "venv" / "bin" / "python")
    assert len(made["commit"]) == 40
    levels = {one["what"]: one["level"] for one in made["checks"]}
    assert levels["PyTorch"] == levels["GPU memory"] == levels["base model"] == "ok"
    # Its commit is not the one that was read for the translation: to know, not to stop.
    assert levels["trainer"] == "note"
    text = Path(made["page"]).read_text()
    assert text.startswith("# owl, environment: GO\n")
    assert "driver: 570.86.10" in text
    assert state(studio, kept).open
    # The checkout's place is kept: nobody says it twice.
    again = run("train", "environment", "owl", "--trainer", "kohya", "--json", cwd=studio.root)
    assert again.data["home"] == str(install.home)
    words_ = run("train", "environment", "owl", "--dry-run", cwd=studio.root)
    assert words_.code == 0
    assert "local will do" in words_.out


def test_every_change_closes_it_and_going_back_opens_it(
    studio: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install, card = fakes.at_home(monkeypatch, tmp_path)
    kept = ready.sdxl(studio, tmp_path / "base.safetensors")
    recording.write(studio, check(studio, kept, install), actor="user:ann", now=ready.NOW)
    assert state(studio, kept).open

    def changed(says: str) -> None:
        gate = state(studio, kept)
        assert not gate.open
        assert says in gate.why
        assert gate.command == "ategnatos train environment owl --trainer kohya"

    card.is_(name="NVIDIA GeForce RTX 4090", total=24564, free=23900, driver="580.65.06")
    changed("driver was 570.86.10 when it was checked and is 580.65.06 now")
    # Less free memory is no other machine.
    card.is_(name="NVIDIA GeForce RTX 4090", total=24564, free=2000, driver="570.86.10")
    assert state(studio, kept).open
    install.torch("2.9.0+cu128", "12.8")
    changed("torch was 2.8.0+cu128 for CUDA 12.8")
    install.torch("2.8.0+cu128", "12.8")
    script = install.home / "sdxl_train_network.py"
    script.write_text("print('mine')\n")
    changed("trainer's own changes")
    install.commit("mine")
    changed("trainer's commit was")
    install.git("reset", "-q", "--hard", "HEAD~1")
    assert state(studio, kept).open
    model = tmp_path / "base.safetensors"
    raw = model.read_bytes()
    model.write_bytes(raw + b"x")
    changed(f"file {model} was")
    model.unlink()
    changed("is missing now")
    (install.home / "venv" / "bin" / "python").unlink()
    gate = state(studio, kept)
    assert "could not be looked at" in gate.why


def test_what_is_missing_is_told_with_its_mend(
    studio: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    install, card = fakes.at_home(monkeypatch, tmp_path)
    model = tmp_path / "base.safetensors"
    kept = ready.sdxl(
        studio,
        model,
        model_sha256="0" * 64,
        network="lokr",
        optimizer="prodigy",
        vae=str(tmp_path / "no.safetensors"),
    )
    card.is_(name="NVIDIA GeForce RTX 4090", total=24564, free=3000, driver="570.86.10")
    install.torch("2.8.0+cpu", "")
    install.without("lycoris")
    hub = tmp_path / "hub"
    (hub / "models--openai--clip-vit-large-patch14" / "blobs").mkdir()
    (hub / "models--openai--clip-vit-large-patch14" / "blobs" / "a.incomplete").touch()
    found = check(studio, kept, install)
    assert not found.fits
    said = told(found)
    python = str(install.home / "venv" / "bin" / "python")
    level, text, mend = said["PyTorch"]
    assert (level, mend) == (
        "stop",
        f"{python} -m pip install 'torch==2.8.*' torchvision --index-url"
        " https://download.pytorch.org/whl/cu128",
    )
    assert "built without CUDA" in text
    assert said["package lycoris"][2] == f"{python} -m pip install lycoris-lora"
    assert said["package prodigyopt"][0] == "ok"
    level, text, mend = said["base model"]
    assert level == "stop"
    assert hashlib.sha256(model.read_bytes()).hexdigest()[:12] in text
    assert said["vae"][1] == f"there is no {tmp_path / 'no.safetensors'}"
    assert said["vae"][2].startswith("ategnatos train plan set owl vae=")
    (tokenizer,) = [one for one in found.checks if one.what == "a tokenizer" and one.mend]
    assert "only in part" in tokenizer.found
    assert "openai/clip-vit-large-patch14" in tokenizer.mend
    assert "other programs hold" in said["GPU memory"][1]
    page = recording.write(studio, found, actor="a", now=ready.NOW)[0].read_text()
    assert page.startswith("# owl, environment: STOP\n")
    assert "## What has to be mended" in page
    gate = state(studio, kept)
    assert gate.why == (
        "the check found faults: PyTorch, GPU memory, package lycoris, base model, vae, a tokenizer"
    )
    error = run(
        "train", "environment", "owl", "--trainer", "kohya", "--json", cwd=studio.root
    ).envelope["error"]
    assert error["code"] == "environment_unfit"
    assert len(error["details"]["stops"]) >= 5


def test_simpletuner_needs_the_settings_of_a_single_file_and_sound_of_the_same_build(
    studio: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install, _ = fakes.at_home(monkeypatch, tmp_path, "simpletuner")
    kept = ready.sdxl(studio, tmp_path / "base.safetensors")
    found = check(studio, kept, install)
    assert found.fits, told(found)
    assert told(found)["the model's settings"][0] == "ok"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    install.torch("2.8.0+cpu", "")
    said = told(check(studio, kept, install))
    level, _, mend = said["the model's settings"]
    assert level == "stop"
    # Of seven gigabytes the settings alone.
    assert "stable-diffusion-xl-base-1.0" in mend
    assert "allow_patterns" in mend
    assert said["PyTorch"][0] == "stop"
    assert " torchvision torchaudio --index-url " in said["PyTorch"][2]


def test_no_trainer_no_gpu_an_old_python(
    studio: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install, card = fakes.at_home(monkeypatch, tmp_path, "simpletuner")
    kept = ready.sdxl(studio, tmp_path / "base.safetensors")
    (card.folder / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    (install.home / "venv" / "site" / "sitecustomize.py").write_text(
        "import collections, sys\n"
        "kind = collections.namedtuple('v', 'major minor micro releaselevel serial')\n"
        "sys.version_info = kind(3, 10, 3, 'final', 0)\n"
    )
    said = told(check(studio, kept, install))
    assert said["Python"][0] == "stop"
    assert said["Python"][1] == "3.10.3, and simpletuner needs >=3.12"
    assert said["GPU"][0] == "stop"
    assert "does not answer" in said["GPU"][1]
    # No checkout at all.
    bare = recording.check(studio, kept, "kohya", "local")
    assert told(bare)["trainer"][0] == "stop"
    assert "--home" in told(bare)["trainer"][2]
    assert not bare.fits
    # One without a package that it imports before it reads a setting.
    kohya, _ = fakes.at_home(monkeypatch, tmp_path / "kohya", "kohya")
    for name in ("imagesize", "einops"):
        shutil.rmtree(kohya.home / "venv" / "site" / name)
    level, found, mend = told(check(studio, kept, kohya))["trainer"]
    assert (level, found.partition("; ")[2].partition(" lacks ")[2]) == (
        "stop",
        "imagesize, einops",
    )
    assert mend.endswith("-m pip install -r " + str(kohya.home / "requirements.txt"))
    # One whose Python cannot be started.
    (install.home / "venv" / "bin" / "python").write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    said = told(check(studio, kept, install))
    assert said["trainer"][0] == "stop"


def test_the_packages_of_the_python_that_is_named_are_looked_for(
    studio: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    install, _ = fakes.at_home(monkeypatch, tmp_path)
    ready.sdxl(studio, tmp_path / "base.safetensors")
    words = ("train", "environment", "owl", "--trainer", "kohya", "--home", str(install.home))
    # A checkout whose own Python has it all, and another that has nothing.
    bare = tmp_path / "bare" / "python"
    bare.parent.mkdir()
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    refused = run(*words, "--python", bare, "--json", cwd=studio.root).envelope["error"]
    assert f"{bare} lacks torch, " in refused["message"]
    # A checkout without any, and one that lies elsewhere, named from here.
    python = install.home / "venv"
    python.rename(install.home.parent / "elsewhere")
    assert run(*words, "--json", cwd=studio.root).code == 1
    script = install.home.parent / "elsewhere" / "bin" / "python"
    script.write_text(script.read_text().replace(str(python), str(script.parents[1])))
    made = run(
        *words, "--python", f"../{script.relative_to(tmp_path)}", "--json", cwd=studio.root
    ).data
    assert made["fits"], made["stops"]
    assert made["python"] == str(studio.root / ".." / script.relative_to(tmp_path))
    gone = run(*words, "--python", "no/python", "--json", cwd=studio.root).envelope["error"]
    assert f"There is no Python at {studio.root}/no/python" in gone["message"]


def test_another_gpu_of_the_machine_is_the_one_that_is_judged(
    studio: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    install, card = fakes.at_home(monkeypatch, tmp_path)
    kept = ready.sdxl(studio, tmp_path / "base.safetensors")
    script = (card.folder / "nvidia-smi").read_text()
    second = 'echo "1, NVIDIA GeForce RTX 3090, 24576, 24000, 570.86.10"'
    busy = script.replace(", 23900,", ", 900,").replace("*query-gpu*) ", f"*query-gpu*) {second}; ")
    (card.folder / "nvidia-smi").write_text(busy)
    words = ("train", "environment", "owl", "--trainer", "kohya", "--home", str(install.home))
    first = run(*words, "--json", cwd=studio.root).envelope["error"]
    assert "other programs hold" in first["message"]
    made = run(*words, "--gpu", "1", "--json", cwd=studio.root).data
    assert made["fits"], made["stops"]
    assert (made["gpu"], made["gpu_index"]) == ("NVIDIA GeForce RTX 3090", 1)
    assert state(studio, kept).open
    none = run(*words, "--gpu", "7", "--dry-run", "--json", cwd=studio.root).envelope["error"]
    assert "there is no GPU 7 (there are: 1, 0)" in none["message"]
    install.plays("dry_run_2_steps")
    tried = run("train", "dry-run", "owl", "--steps", "2", "--json", cwd=studio.root).data
    begun = (studio.root / tried["folder"] / "attempts" / "1" / "command.sh").read_text()
    assert "CUDA_VISIBLE_DEVICES=1" in begun


def test_the_processor_by_a_persons_word_alone(
    studio: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run
) -> None:
    install, card = fakes.at_home(monkeypatch, tmp_path)
    kept = ready.sdxl(studio, tmp_path / "base.safetensors", optimizer="adamw8bit")
    words = ("train", "environment", "owl", "--trainer", "kohya", "--home", str(install.home))
    stopped = run(*words, "--gpu", "cpu", "--json", cwd=studio.root).envelope
    assert stopped["error"]["details"]["stops"] == ["precision: a processor does not train in fp16"]
    assert stopped["error"]["hint"] == "ategnatos train plan set owl precision=fp32"
    # What opens it again is the same choice.
    assert state(studio, kept).command.endswith("--trainer kohya --gpu cpu")
    values = {"precision": "fp32", "learning_rate": 2e-4}
    kept = store.change(studio, "owl", values, actor="a", because="", now=ready.NOW)
    made = run(*words, "--gpu", "CPU", "--json", cwd=studio.root).data
    assert made["fits"], made["stops"]
    assert (made["processor"], made["gpu"], made["gpus"]) == (True, "", [])
    said = {one["what"]: (one["level"], one["found"]) for one in made["checks"]}
    assert said["GPU"][0] == "note"
    assert "tens to hundreds of times" in said["GPU"][1]
    assert said["optimizer"][0] == "note"
    assert said["PyTorch"] == ("ok", "2.8.0+cu128, on the processor")
    # ai-toolkit does not even start with such a build and Triton.
    ends, mend = on_processor.build("ai-toolkit", {"version": "2.8.0+cu128", "cuda": "12.8"}, "py")
    assert "Found no NVIDIA driver" in ends
    assert "'torch==2.8.0' torchvision --index-url https://download.pytorch.org/whl/cpu" in mend
    assert on_processor.build("ai-toolkit", {"version": "2.8.0+cpu"}, "py") == ("", "")
    assert "GPU memory" not in said
    assert state(studio, kept).open
    # A GPU that comes or goes is nothing to it.
    (card.folder / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    assert state(studio, kept).open
    install.plays("dry_run_2_steps")
    tried = run("train", "dry-run", "owl", "--steps", "2", "--json", cwd=studio.root).data
    begun = (studio.root / tried["folder"] / "attempts" / "1" / "command.sh").read_text()
    assert " CUDA_VISIBLE_DEVICES= " in begun
    cores = made["cores"]
    assert f"launch --cpu --num_cpu_threads_per_process {cores} --num_processes 1" in begun
    assert tried["peak_mib"] is None
    wrong = run(*words, "--gpu", "fast", "--json", cwd=studio.root).envelope["error"]
    assert wrong["code"] == "gpu_choice"
    assert state(studio, kept).open


@pytest.mark.parametrize(
    ("card", "driver", "torch", "says"),
    [
        ("NVIDIA GeForce RTX 5090", "570.86.10", ("2.7.1+cu126", "12.6"), "no code for compute"),
        ("NVIDIA GeForce RTX 5090", "570.86.10", ("2.6.0+cu124", "12.4"), "no kernel image"),
        ("NVIDIA GeForce RTX 4090", "520.10", ("2.8.0+cu128", "12.8"), "needs driver 525.60.13"),
        ("NVIDIA GeForce RTX 4090", "520.10", ("2.99.0+cu129", "12.9"), "needs driver 525.60.13"),
        ("NVIDIA GeForce RTX 5090", "570.86.10", ("2.8.0+cu128", "12.8"), ""),
        ("NVIDIA GeForce RTX 4090", "570.86.10", ("2.6.0+cu124", "12.4"), ""),
    ],
)
def test_the_build_of_pytorch_is_held_against_the_matrix(
    card: str, driver: str, torch: tuple[str, str], says: str
) -> None:
    gpu = MachineGpu(0, card, 32000 if "5090" in card else 24564, 24000, driver, "12.8")
    facts = MachineFacts("h", "Linux", "x86_64", 8, 1, "/h", 1, gpus=(gpu,))
    said = graphics.torch({"version": torch[0], "cuda": torch[1], "hip": ""}, facts, "/v/python")
    assert says in said.refused
    assert bool(said.refused) is bool(says)
    if says and "525" not in says:
        assert said.mend.startswith("/v/python -m pip install 'torch==2.")
        assert said.mend.endswith(("cu128", "cu129", "cu130"))
    if says and "525" in says:
        assert "newer driver" in said.mend


def test_a_plan_takes_its_base_model_from_the_inventory(
    studio: Project, tmp_path: Path, run: Run
) -> None:
    kept = ready.plan(studio, "sdxl/base")
    first, second = tmp_path / "base.safetensors", fakes.weights(tmp_path / "other.safetensors")

    def files(*paths: tuple[Path, str, str]) -> None:
        with documents.edit(studio, "models", now=ready.NOW) as document:
            document.files = [
                ModelFile(
                    name=path.name, kind="checkpoint", family=family, path=str(path), sha256=sha
                )
                for path, family, sha in paths
            ]

    def config(*words: str) -> Any:
        return run(
            "train", "config", "owl", "--trainer", "kohya", "--json", *words, cwd=studio.root
        ).envelope

    files((first, "pony", "a" * 64))
    assert base_model.fitting(studio, kept.plan, "kohya") == []
    files((first, "sdxl", "a" * 64), (tmp_path / "gone.safetensors", "sdxl", "c" * 64))
    dry = config("--dry-run")
    assert any("the only sdxl/base in the inventory" in one for one in dry["warnings"])
    assert store.load(studio, "owl").plan.model == ""
    files((first, "sdxl", "a" * 64), (second, "sdxl", "b" * 64))
    error = config()["error"]
    assert error["code"] == "model_ambiguous"
    assert error["details"]["choices"] == [str(first), str(second)]
    assert error["hint"] == f"ategnatos train plan set owl model={first}"
    # The same bytes twice are one choice.
    files((first, "sdxl", "a" * 64), (second, "sdxl", "a" * 64))
    made = config()
    assert str(first) in made["data"]["files"]["kohya.toml"]
    kept = store.load(studio, "owl")
    assert (kept.number, kept.plan.model, kept.plan.model_sha256) == (2, str(first), "a" * 64)
    assert kept.because == "the only sdxl/base in the inventory of models"
    assert config()["data"]["number"] == 2
    # A newer family in one file is for kohya alone.
    flux = kept.plan.change(family="flux1/dev", model="")
    files((first, "flux1", "a" * 64))
    assert base_model.fitting(studio, flux, "ai-toolkit") == []
    assert len(base_model.fitting(studio, flux, "kohya")) == 1


def test_the_starters_command_is_filled_in(studio: Project, run: Run) -> None:
    import sys

    ready.plan(studio)
    made = run("train", "config", "owl", "--trainer", "starter", "--json", cwd=studio.root).data
    assert made["command"][0] == sys.executable


def test_every_trainer_and_tokenizer_of_the_data_is_real() -> None:
    from ategnatos.knowledge import families
    from ategnatos.trainers import known

    for name, one in needs.known().items():
        if name in ("kohya", "simpletuner", "ai-toolkit"):
            assert set(one.tokenizers) <= set(known.trainer(name).families)
            assert one.repository.startswith("https://github.com/")
        for family in one.tokenizers:
            assert families.find(family)


@given(st.text(max_size=40).filter(lambda text: "\0" not in text))
def test_a_repositorys_name_stays_a_name(name: str) -> None:
    words = shlex.split(checks.fetching("python", name, "a tokenizer"))
    (_, call) = ast.parse(words[2]).body
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert ast.literal_eval(call.value.args[0]).encode("utf-16", "surrogatepass") == name.encode(
        "utf-16", "surrogatepass"
    )


def test_the_probe_answers_for_what_is_not_there(tmp_path: Path) -> None:
    assert probe.checkout(str(tmp_path / "none")) == {}
    assert probe.checkout("") == {}
    assert probe.one_file(str(tmp_path), False)["whole"] is False
    assert probe.one_file(str(tmp_path / "x"), False) == {"kind": ""}
    assert probe.versions(["no-such-package-anywhere"]) == {"no-such-package-anywhere": ""}
    assert probe.there("no.such.module") is False
    assert probe.free(str(tmp_path / "not" / "made" / "yet")) > 0
    assert probe.repository(tmp_path, "a/b", "c") == ""


def test_an_unknown_machine_is_refused_with_those_that_are_there(studio: Project) -> None:
    kept = ready.plan(studio)
    with pytest.raises(StudioError) as caught:
        recording.check(studio, kept, "starter", "runpod:nobody")
    assert caught.value.code.code == "train_machine_unknown"
    assert caught.value.details["machines"] == ["local"]
    for one in gates.states(studio, kept, "starter", "runpod:nobody", (3, 4)):
        assert not one.open
