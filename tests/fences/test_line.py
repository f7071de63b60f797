"""Which command lines a fence stops."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.fences.decision import Denied
from ategnatos.fences.estimates import Estimates
from ategnatos.fences.events import known
from ategnatos.fences.line import Scene, check
from ategnatos.fences.shell import parse
from ategnatos.fences.starts import starts
from ategnatos.fences.word_reader import NotUnderstood
from tests.fences.corpus import ALLOWED, DENIED

GUARDED = known()
NOTHING_SHOWN = Estimates("", "", "--confirm")


def judged(line: str, estimates: Estimates = NOTHING_SHOWN, folder: str = "/studio") -> str:
    """The rule that stops ``line``, "" where none does."""
    scene = Scene(
        line,
        guarded=GUARDED,
        root="/studio",
        folder=folder,
        home="/home/mo",
        estimates=estimates,
    )
    try:
        check(scene)
    except Denied as denied:
        return denied.rule if denied.reason.endswith(".") else denied.reason
    return ""


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    lines = [*ALLOWED, *(line for _, line in DENIED)]
    assert len(lines) == len(set(lines)) >= 150


def test_what_must_be_stopped_is_stopped_by_the_right_fence() -> None:
    wrong = {line: found for rule, line in DENIED if (found := judged(line)) != rule}
    assert not wrong


def test_at_most_two_in_a_hundred_ordinary_lines_are_stopped() -> None:
    stopped = [line for line in ALLOWED if judged(line)]
    assert len(stopped) / len(ALLOWED) <= 0.02, stopped


@given(st.text(max_size=60).filter(lambda text: "\x00" not in text))
def test_any_prompt_in_single_quotes_passes(prompt: str) -> None:
    assert judged(f"ategnatos art generate {shlex.quote('an owl ' + prompt)} --count 4") == ""


_WORDS = st.text(alphabet="ab {},$'\"\\~*?[]\n-/=#;&|<>().x", min_size=1, max_size=12)


@given(st.lists(_WORDS, min_size=1, max_size=4))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    (command,) = parse("echo " + " ".join(shlex.quote(word) for word in words), {}, "/home/mo")
    assert [word.text for word in command.words[1:]] == words
    assert all(word.known for word in command.words)


TRICKS = (
    "a'b'\"c\"d",
    "\\a\\ b",
    "$'\\x61\\142\\u0063\\n'",
    '"a\\"b\\$c\\`d\\e"',
    "{a,b}c{d,e}",
    "'{a,b}' \"{a,b}\" \\{a,b\\}",
    "{a} {,x} a{b,c{d,e}}f",
    "~ ~/x '~/x' a~",
    "a#b #c",
    "a\\\nb",
    "x=1 y",
    "-- '' \"\" z",
    'a"b c"d',
    "1>/dev/null 2>&1 after",
    "<<<'here' after",
)


@pytest.mark.parametrize("trick", TRICKS)
def test_words_are_what_bash_makes_of_them(trick: str, tmp_path: Path) -> None:
    line = "printf '%s\\0' start " + trick
    told = subprocess.run(
        ["bash", "-c", line + ' "end" >&3' if "/dev/null" in trick else line],
        capture_output=True,
        cwd=tmp_path,
        env={"HOME": "/home/mo", "PATH": "/usr/bin:/bin"},
        check="/dev/null" not in trick,
    )
    ours = [word.text for word in parse(line, {}, "/home/mo")[0].words[1:]]
    if "/dev/null" in trick:
        assert ours == ["%s\\0", "start", "after"]
        return
    assert "".join(word + "\0" for word in ours[1:]) == told.stdout.decode()


@pytest.mark.parametrize(
    "line",
    [
        "echo 'unfinished",
        'echo "unfinished',
        "echo $(unfinished",
        "echo `unfinished",
        "cat <<EOF\nno end",
        "echo )",
        "(",
        "x=(1 2)",
        "f() { ls; }",
        "case a in b) ls;; esac",
        "echo ${x:-$(ls)}",
        "cat <<EOF\n$(ls)\nEOF",
        "$(" * 100,
        "echo \x00",
        "a" * 300_000,
    ],
)
def test_what_cannot_be_read_is_said_and_stops_only_what_is_guarded(line: str) -> None:
    with pytest.raises(NotUnderstood):
        starts(line, variables={}, home="/home/mo", folder="/studio")
    assert judged(line) == ""
    assert judged(line + " # exports/") == "plain"


def test_a_price_passes_once_it_was_shown(tmp_path: Path) -> None:
    estimates = Estimates(str(tmp_path / "shown"), "s-1", "--confirm")
    assert judged("ategnatos art generate 'an owl' --engine cloud --confirm", estimates) == "price"
    estimates.note(["art", "generate", "an owl", "--engine", "cloud"])
    assert judged("ategnatos art generate 'an owl' --engine cloud --confirm", estimates) == ""
    assert judged('ategnatos art generate "an owl" --confirm --engine cloud', estimates) == ""
    assert (
        judged("ategnatos art generate 'two owls' --engine cloud --confirm", estimates) == "price"
    )
    other = Estimates(str(tmp_path / "shown"), "s-2", "--confirm")
    assert judged("ategnatos art generate 'an owl' --engine cloud --confirm", other) == "price"


def test_outside_a_studio_only_people_prices_and_secrets_are_guarded() -> None:
    scene = Scene(
        "rm -rf exports grimoire",
        guarded=GUARDED,
        root="",
        folder="/elsewhere",
        home="/home/mo",
        estimates=NOTHING_SHOWN,
    )
    check(scene)


def test_a_folder_inside_the_studio_is_judged_from_there() -> None:
    assert judged("rm -rf ../exports", folder="/studio/workspace") == "record"
    assert judged("rm -rf exports", folder="/studio/workspace") == ""
    assert judged("rm eye.md", folder="/studio/grimoire") == "record"
    assert judged("rm hero.json", folder="/studio/grimoire/recipes") == ""


def test_a_link_into_the_record_is_followed(tmp_path: Path) -> None:
    root = tmp_path / "studio"
    (root / "grimoire" / ".state").mkdir(parents=True)
    (tmp_path / "harmless").symlink_to(root / "grimoire" / ".state")
    scene = Scene(
        f"rm {tmp_path}/harmless/journal.jsonl",
        guarded=GUARDED,
        root=str(root),
        folder=str(tmp_path),
        home="/home/mo",
        estimates=NOTHING_SHOWN,
    )
    with pytest.raises(Denied, match=r"\.state"):
        check(scene)
