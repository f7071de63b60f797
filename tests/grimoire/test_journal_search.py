"""Searching the journal for marks finds what walking it line by line finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project

MARKS = (b'"kind":"a"', b'"kind":"ab"', b"x")
LINES = st.lists(
    st.one_of(
        st.sampled_from([b"", b"x", b'{"kind":"a"}', b'{"kind":"ab","t":"x"}', b'{"kind":"b"}']),
        st.binary(max_size=20).map(lambda one: one.replace(b"\n", b"")),
    ),
    max_size=40,
)


@given(
    lines=LINES,
    marks=st.sets(st.sampled_from(MARKS)),
    torn=st.booleans(),
    piece=st.sampled_from([1, 7, 64, 1 << 20]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_search_is_a_walk_that_skips(
    project: Project, lines: list[bytes], marks: set[bytes], torn: bool, piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(journal, "_PIECE", piece)
        end = b"" if torn else b"\n"
        project.journal_path.write_bytes(b"\n".join(lines) + end)
        walked = [
            (number, line)
            for number, line in journal.lines(project)
            if any(mark in line for mark in marks)
        ]
        assert list(journal.lines_with(project, marks)) == walked


def test_no_journal_holds_nothing(tmp_path: Path) -> None:
    assert list(journal.lines_with(Project(tmp_path), MARKS)) == []
