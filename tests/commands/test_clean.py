"""``ategnatos clean``: what goes is listed, and nothing goes in a dry run."""

from __future__ import annotations

import os
import time

from ategnatos.commands.clean import in_units
from ategnatos.grimoire.project import Project


def left_over(project: Project) -> str:
    path = project.outputs / ".tmp-old"
    path.write_bytes(b"x" * 1500)
    os.utime(path, (time.time() - 7200,) * 2)
    return str(path.relative_to(project.root))


def test_a_dry_run_lists_and_keeps(run, project: Project) -> None:
    path = left_over(project)
    ran = run("clean", "--dry-run", cwd=project.root)
    assert path in ran.out
    assert "1 file, 1.5 KB would be freed." in ran.out
    assert "Next:\n  ategnatos clean\n" in ran.out
    assert (project.root / path).exists()


def test_it_frees_and_says_how_much(run, project: Project) -> None:
    path = left_over(project)
    data = run("clean", "--json", cwd=project.root).data
    assert data["bytes"] == 1500
    assert [one["path"] for one in data["files"]] == [path]
    assert not (project.root / path).exists()
    assert "There is nothing to free." in run("clean", cwd=project.root).out


def test_sizes_are_in_units_that_people_use() -> None:
    assert [in_units(n) for n in (0, 999, 1000, 2_340_000, 5_000_000_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.0 KB",
        "2.3 MB",
        "5.0 TB",
    ]
