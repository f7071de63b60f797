"""``ategnatos knowledge``: words, and data files with their sources."""

from __future__ import annotations

from pathlib import Path


def test_the_words_are_laid_out_by_what_they_do(run, tmp_path: Path) -> None:
    ran = run("knowledge", "words", cwd=tmp_path)
    assert ran.code == 0
    lines = {line.split("  ")[0]: line for line in ran.out.splitlines()}
    assert "potion (flask, elixir)" in lines["Things"]
    assert "red (crimson, scarlet)" in lines["Colours"]
    assert "or neither" in lines["Sizes"]
    assert "outlined" in lines["Styles"]
    assert "\x1b" not in ran.out


def test_the_words_for_a_machine(run, tmp_path: Path) -> None:
    data = run("knowledge", "words", "--json", cwd=tmp_path).data
    assert data["kinds"]["potion"][0] == "potion"
    assert len(data["colours"]["red"]["ramp"]) == 5


def test_every_data_file_is_listed_with_source_and_date(run, tmp_path: Path) -> None:
    data = run("knowledge", "list", "--json", cwd=tmp_path).data
    assert {"starter_words", "formats"} <= {one["name"] for one in data["files"]}
    for one in data["files"]:
        assert one["date"]
        assert one["sources"]
    assert "starter_words" in run("knowledge", "list", cwd=tmp_path).out


def test_a_data_file_is_shown_whole(run, tmp_path: Path) -> None:
    data = run("knowledge", "show", "formats", "--json", cwd=tmp_path).data
    assert data["content"]["formats"][0]["name"] == "png"
    assert '"name": "png"' in run("knowledge", "show", "formats", cwd=tmp_path).out


def test_an_unknown_name_is_refused_with_the_known_ones(run, tmp_path: Path) -> None:
    ran = run("knowledge", "show", "nope", "--json", cwd=tmp_path)
    assert (ran.code, ran.envelope["error"]["code"]) == (1, "knowledge_unknown")
    assert "starter_words" in ran.envelope["error"]["hint"]


def test_without_a_verb_the_verbs_are_shown(run, tmp_path: Path) -> None:
    ran = run("knowledge", cwd=tmp_path)
    assert ran.code == 0
    for verb in ("list", "show", "words"):
        assert verb in ran.out
