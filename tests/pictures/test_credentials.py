"""Content credentials that c2pa's own library signed: found, never broken.

The three files in ``recorded`` were signed with c2pa-python 0.38.1 and a throw-away certificate;
its reader calls each of them Valid.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.pictures import metadata
from ategnatos.pictures.credentials import CREDENTIALS_HELD, find, refuse_edit
from ategnatos.pictures.export import export_picture
from ategnatos.pictures.inspect import picture_info
from ategnatos.pictures.png_chunks import split_chunks

RECORDED = Path(__file__).parent / "recorded"
FILES = {
    "credentials.png": "caBX chunk",
    "credentials.jpg": "APP11 segments",
    "credentials.webp": "C2PA chunk",
}


@pytest.mark.parametrize(("name", "place"), FILES.items())
def test_a_real_manifest_is_found_and_the_file_refused_for_edits(name: str, place: str) -> None:
    path = RECORDED / name
    found = picture_info(path).credentials
    assert found is not None
    assert (found.place, found.size > 1000) == (place, True)
    with pytest.raises(StudioError) as refused:
        refuse_edit(path.read_bytes(), name)
    assert refused.value.code is CREDENTIALS_HELD
    assert name in refused.value.message


def test_settings_and_texts_are_not_put_into_a_signed_file() -> None:
    data = (RECORDED / "credentials.png").read_bytes()
    for edit in (
        lambda: metadata.embed(data, {"seed": 1}),
        lambda: metadata.embed_texts(data, {"a": "b"}),
    ):
        with pytest.raises(StudioError) as refused:
            edit()
        assert refused.value.code is CREDENTIALS_HELD


def test_a_copy_without_metadata_has_no_broken_manifest() -> None:
    data = (RECORDED / "credentials.png").read_bytes()
    assert b"caBX" in {chunk.kind for chunk in split_chunks(data)}
    assert find(metadata.strip(data)) is None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [True, False])
def test_an_export_says_that_the_credentials_stay_behind(name: str, kept: bool) -> None:
    made = export_picture(RECORDED / name, format="png", keep_metadata=kept)
    assert find(made.data) is None
    assert any("content credentials" in note for note in made.notes)


def test_an_ordinary_picture_has_none(samples: Any) -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        assert find(samples.encoded(samples.photo(), kind)) is None


@given(
    head=st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF\0\0\0\0WEBP"]),
    body=st.binary(max_size=200),
    length=st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_looked_through(head: bytes, body: bytes, length: int) -> None:
    find(head + body)
    find(head + struct.pack(">I", length) + body)
