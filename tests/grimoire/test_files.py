"""Bytes are written whole or not at all, and a hash means one value."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import (
    binding_hash,
    canonical_json,
    read_whole,
    sha256_file,
    write_atomic,
)

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_the_binding_hash_of_the_design_is_reproduced() -> None:
    assert binding_hash({"mood": "stoic", "hair": "red"}) == "a22d2e3975203893"


@given(JSON_VALUES)
def test_canonical_json_reads_back_and_is_a_fixed_point(value: Any) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON_VALUES, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    turned = dict(reversed(list(value.items())))
    assert canonical_json(turned) == canonical_json(value)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (0, False), ("1", 1), (None, "null"), ([], {})]
)
def test_values_that_look_alike_have_their_own_hashes(one: Any, other: Any) -> None:
    assert binding_hash({"v": one}) != binding_hash({"v": other})


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1: "a"}, {"a": {None: 1}}, "\ud800", b"x", {"s": {1, 2}}]
)
def test_what_json_cannot_say_has_no_hash(value: Any) -> None:
    with pytest.raises(StudioError) as raised:
        canonical_json(value)
    assert raised.value.code.code == "not_json"


def test_a_value_that_contains_itself_has_no_hash() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(StudioError):
        canonical_json(loop)


def test_a_write_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"one")
    write_atomic(path, b"two", mode=0o444)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("x" * 255), b"one")


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("target")
    write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == b"mine"
    assert not (tmp_path / "link").is_symlink()


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"old")

    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StudioError) as raised:
        write_atomic(path, b"new")
    assert raised.value.code.code == "write_failed"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@given(st.binary(max_size=3_000_000))
def test_a_file_has_the_hash_of_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(data)
    assert sha256_file(path) == hashlib.sha256(data).hexdigest()
    assert read_whole(str(path)) == data


def test_a_bare_name_is_written_where_one_stands_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = os.open

    def watched(path: Any, *given: Any, **more: Any) -> int:
        opened.append(os.path.abspath(path))
        return real(path, *given, **more)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "open", watched)
    write_atomic(Path("card.png"), b"x")
    assert (tmp_path / "card.png").read_bytes() == b"x"
    assert {os.path.dirname(one) for one in opened} <= {str(tmp_path), str(tmp_path.parent)}
