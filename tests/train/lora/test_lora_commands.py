"""The verbs on LoRA files, as a user calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ategnatos.starter.model import load_model
from tests.conftest import Run
from tests.starter.lora_files import random_pairs, write_kohya


@pytest.fixture
def loras(tmp_path: Path) -> Path:
    facts = {"ss_base_model_version": "ategnatos_starter", "modelspec.trigger_phrase": "zrvk owl"}
    for seed, name in enumerate(("a", "b")):
        pairs = random_pairs(load_model(), ("unet",), seed=seed, only="mid_block")
        write_kohya(tmp_path / f"{name}.safetensors", pairs, facts)
    return tmp_path


def test_show_tells_family_trigger_and_ranks(run: Run, loras: Path) -> None:
    facts = run("train", "lora", "show", "a.safetensors", "--json", cwd=loras).data
    assert facts["family"] == "starter"
    assert facts["triggers"] == ["zrvk owl"]
    assert "rank 4" in run("train", "lora", "show", "a.safetensors", cwd=loras).out


@pytest.mark.parametrize(
    "words",
    [
        ["tag", "a.safetensors", "trigger=brvk"],
        ["convert", "a.safetensors", "--to", "diffusers"],
        ["merge", "a.safetensors:0.7", "b.safetensors:0.3"],
        ["resize", "a.safetensors", "--rank", "2"],
    ],
)
def test_a_dry_run_says_what_would_be_written_and_writes_nothing(
    run: Run, loras: Path, words: list[str]
) -> None:
    command = ["train", "lora", *words, "--out", "out.safetensors"]
    dry = run(*command, "--dry-run", cwd=loras)
    assert dry.code == 0
    assert "Would write" in dry.out
    assert sorted(path.name for path in loras.glob("*")) == ["a.safetensors", "b.safetensors"]
    assert run(*command, "--json", cwd=loras).data["dry_run"] is False
    assert run("train", "lora", "show", "out.safetensors", cwd=loras).code == 0
    again = run(*command, "--json", cwd=loras)
    assert again.envelope["error"]["code"] == "lora_exists"
