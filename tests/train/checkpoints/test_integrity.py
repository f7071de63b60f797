"""Is a save whole? Every place where a file can be cut off, every bit of its header."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ategnatos.train.checkpoints.integrity import check
from tests.train.checkpoints import saves

SMALL = save({"a.lora_down.weight": np.ones((2, 3), np.float16), "a.alpha": np.float32([2.0])})


@pytest.mark.parametrize("make", [saves.kohya, saves.simpletuner, saves.ai_toolkit, saves.starter])
def test_what_a_trainer_saved_is_whole(tmp_path: Path, make: object) -> None:
    made = make(tmp_path)  # type: ignore[operator]
    for path in (made.weights, made.state):
        assert check(path) == ""
        assert check(path, thorough=True) == ""


def test_a_file_cut_off_anywhere_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for length in range(len(SMALL)):
        path.write_bytes(SMALL[:length])
        assert check(path), length
    path.write_bytes(SMALL)
    assert check(path) == ""
    path.write_bytes(SMALL + b"\0")
    assert "belong to no tensor" in check(path)


def test_a_flipped_bit_of_the_header_is_found_or_harmless(tmp_path: Path) -> None:
    """Harmless: every number is where it was, and only a name or a note is spelled differently.

    That, too, is found where the bytes are held against the recorded hash.
    """
    path = tmp_path / "x.safetensors"
    end = 8 + int.from_bytes(SMALL[:8], "little")
    before = load(SMALL)
    found = 0
    for bit in range(end * 8):
        raw = bytearray(SMALL)
        raw[bit // 8] ^= 1 << bit % 8
        path.write_bytes(raw)
        if check(path):
            found += 1
            continue
        try:
            after = load(bytes(raw))
        except SafetensorError:
            pytest.fail(f"bit {bit} makes the file unreadable, and nothing was said")
        assert sorted(one.tobytes() for one in after.values()) == sorted(
            one.tobytes() for one in before.values()
        ), bit
        assert {one.dtype for one in after.values()} == {one.dtype for one in before.values()}
    assert found > end * 4


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_numbers_that_are_not_finite_are_found(tmp_path: Path, number: float, kind: type) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(saves.tensors(fill=number, kind=kind))
    assert "not finite" in check(path)


def test_brain_floats_and_eight_bits_are_read_as_they_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    cases = [
        ("BF16", b"\x80\x3f", b"\x80\x7f"),
        ("F8_E4M3", b"\x38", b"\xff"),
        ("F8_E5M2", b"\x3c", b"\x7c"),
    ]
    for kind, good, bad in cases:
        for raw, whole in ((good * 8, True), (good * 7 + bad, False)):
            text = (
                f'{{"w":{{"dtype":"{kind}","shape":[8],"data_offsets":[0,{len(raw)}]}}}}'.encode()
            )
            path.write_bytes(len(text).to_bytes(8, "little") + text + raw)
            assert (check(path) == "") is whole, kind


def test_a_large_tensor_is_sampled_and_thoroughly_read_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    weights = np.zeros(400_000, np.float32)
    weights[100_000] = np.nan
    path.write_bytes(save({"w": weights}))
    assert check(path) == ""
    assert "not finite" in check(path, thorough=True)
    weights[:] = np.nan
    path.write_bytes(save({"w": weights}))
    assert "not finite" in check(path)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimizer.bin", "scheduler.bin", "random_states_0.pkl"]
)
def test_a_state_of_kohya_needs_each_of_its_files_whole(tmp_path: Path, name: str) -> None:
    state = saves.kohya(tmp_path).state
    assert state is not None
    raw = (state / name).read_bytes()
    (state / name).write_bytes(raw[: len(raw) // 2])
    assert name in check(state)
    (state / name).unlink()
    assert check(state) == f"{name} is missing: the save broke off"


def test_train_state_json_alone_proves_nothing(tmp_path: Path) -> None:
    """As after a full disk: the first file is written, the second cut off, no other there."""
    state = saves.kohya(tmp_path).state
    assert state is not None
    for file in state.iterdir():
        if file.name == "model.safetensors":
            file.write_bytes(file.read_bytes()[:100])
        elif file.name != "train_state.json":
            file.unlink()
    assert check(state)


@pytest.mark.parametrize("name", ["checkpoint_manifest.json", ".guard"])
def test_simpletuners_last_files_are_what_makes_it_whole(tmp_path: Path, name: str) -> None:
    state = saves.simpletuner(tmp_path).state
    assert state is not None
    (state / name).unlink()
    assert check(state) == f"{name} is missing, which is written last: the save broke off"


def test_every_file_that_simpletuner_lists_has_to_be_there(tmp_path: Path) -> None:
    state = saves.simpletuner(tmp_path).state
    assert state is not None
    (state / "scheduler.bin").unlink()
    assert "scheduler.bin is missing" in check(state)
    (state / "checkpoint_manifest.json").write_text('{"files": ["../../secret"]}')
    assert "outside of its folder" in check(state)
    (state / "checkpoint_manifest.json").write_text('{"files": ')
    assert "no JSON" in check(state)


def test_a_torch_file_cut_off_anywhere_is_found_and_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "optimizer.pt"
    raw = saves.torch_file()
    # Its pickle would end this process if it were loaded.
    path.write_bytes(raw)
    assert check(path, thorough=True) == ""
    for length in range(0, len(raw), 3):
        path.write_bytes(raw[:length])
        assert check(path), length


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 2047), bit=st.integers(0, 7))
def test_a_flipped_bit_of_an_optimizer_is_found_thoroughly(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    path = tmp_path_factory.mktemp("x") / "optimizer.pt"
    raw = bytearray(saves.torch_file())
    begin = raw.index(bytes(saves.numbers(0)))
    raw[begin + place] ^= 1 << bit
    path.write_bytes(raw)
    assert check(path, thorough=True)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([".safetensors", ".pt", ".pkl", ".json"]))
def test_whatever_a_file_holds_it_is_judged_and_nothing_fails(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("x") / f"x{suffix}"
    path.write_bytes(b"\x80" + raw if suffix == ".pkl" else raw)
    assert isinstance(check(path, thorough=True), str)


def test_what_is_no_file_of_its_own(tmp_path: Path) -> None:
    assert check(tmp_path / "none.safetensors") == "it is not there"
    (tmp_path / "empty.safetensors").touch()
    assert check(tmp_path / "empty.safetensors") == "it is empty"
    (tmp_path / "link.safetensors").symlink_to("/etc/passwd")
    assert "link" in check(tmp_path / "link.safetensors")
    (tmp_path / "x-state").mkdir()
    assert check(tmp_path / "x-state") == "it is an empty folder"
    os.mkfifo(tmp_path / "pipe.safetensors")
    assert check(tmp_path / "pipe.safetensors") == "it is no ordinary file"
    shutil.rmtree(tmp_path / "x-state")
