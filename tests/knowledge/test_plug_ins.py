"""Plug-ins are found as importlib.metadata finds them, and what is installed now counts."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from ategnatos.knowledge.plug_ins import PlugIn, declared

GROUP = "ategnatos.engines"


def package(folder: Path, name: str, content: str | None, ending: str = "dist-info") -> Path:
    """Lay a package's facts where an installer would."""
    facts = folder / f"{name}.{ending}"
    facts.mkdir(parents=True)
    named = name.rpartition("-")[0] or name
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {named}\nVersion: 1.0\n")
    if content is not None:
        (facts / "entry_points.txt").write_text(content)
    return facts


def theirs(group: str = GROUP) -> set[PlugIn]:
    return {PlugIn(one.name, one.value) for one in metadata.entry_points(group=group)}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.mark.parametrize(
    "group", [GROUP, "console_scripts", "pytest11", "no.such.group", "keyring.backends"]
)
def test_all_that_is_installed_here_is_seen_as_the_library_sees_it(group: str) -> None:
    assert set(declared(group)) == theirs(group)


@pytest.mark.parametrize(
    "content",
    [
        f"[{GROUP}]\nmine = a.b:C\n",
        f"# a remark\n[other]\nx = y:z\n\n[{GROUP}]\n  mine=a.b:C  \n# no\nsecond = a:D [extra]\n",
        f"[{GROUP}]\r\nmine = a:B\r\n[other]\r\nnot = a:B\r\n",
        f"[{GROUP}]\n[other]\nmine = a:B\n",
        "",
    ],
)
@pytest.mark.parametrize("ending", ["dist-info", "egg-info"])
def test_a_strangers_package_is_read_as_the_library_reads_it(
    site: Path, content: str, ending: str
) -> None:
    package(site, "stranger-1.0", content, ending)
    assert set(declared(GROUP)) == theirs()


def test_of_two_packages_of_one_name_the_first_on_the_path_counts(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(site, "my.Plug_in-2.0", f"[{GROUP}]\nmine = later:C\n")
    earlier = tmp_path / "earlier"
    package(earlier, "My_plug.in-1.0", None)
    monkeypatch.syspath_prepend(str(earlier))
    assert "mine" not in {one.name for one in declared(GROUP)}
    assert set(declared(GROUP)) == theirs()


def test_what_is_installed_or_removed_meanwhile_counts_at_once(site: Path) -> None:
    assert "mine" not in {one.name for one in declared(GROUP)}
    facts = package(site, "stranger-1.0", f"[{GROUP}]\nmine = a:B\n")
    assert "mine" in {one.name for one in declared(GROUP)}
    (facts / "entry_points.txt").write_text(f"[{GROUP}]\nyours = a:B\n")
    assert {"yours"} == {one.name for one in declared(GROUP)} & {"mine", "yours"}
    (facts / "entry_points.txt").unlink()
    assert "yours" not in {one.name for one in declared(GROUP)}


def test_a_zip_on_the_path_is_asked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "zipped.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped-1.0.dist-info/METADATA", "Name: zipped\nVersion: 1.0\n")
        file.writestr("zipped-1.0.dist-info/entry_points.txt", f"[{GROUP}]\nzipped = a:B\n")
    monkeypatch.syspath_prepend(str(archive))
    assert PlugIn("zipped", "a:B") in declared(GROUP)


def test_a_finder_of_somebodys_own_is_asked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, "own-1.0", f"[{GROUP}]\nown = a:B\n")

    class Finder(metadata.DistributionFinder):
        def find_spec(self, *_: object) -> None:
            return None

        def find_distributions(self, context: object = None) -> list[metadata.Distribution]:
            return [metadata.PathDistribution(tmp_path / "own-1.0.dist-info")]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert PlugIn("own", "a:B") in declared(GROUP)


def test_what_is_named_is_loaded_and_what_is_not_there_is_said(site: Path) -> None:
    (site / "stranger_module.py").write_text("class Outer:\n    class Inner:\n        pass\n")
    assert PlugIn("a", "stranger_module:Outer.Inner").load().__name__ == "Inner"
    assert PlugIn("a", "stranger_module").load().__name__ == "stranger_module"
    assert PlugIn("a", "stranger_module:Outer [extra]").load().__name__ == "Outer"
    for value in ("no_such_module:X", "stranger_module:Missing", "not a reference:"):
        with pytest.raises(ImportError):
            PlugIn("a", value).load()


def test_looking_costs_no_import_of_the_library() -> None:
    script = (
        "import sys\n"
        "from ategnatos.knowledge.plug_ins import declared\n"
        f"assert [one for one in declared({GROUP!r}) if one.name == 'starter']\n"
        "assert 'importlib.metadata' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
