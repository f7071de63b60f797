"""Walks a flow through a fresh studio and keeps what each command answered."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ategnatos import cli
from tests.pack import eyes
from tests.pack.flow import Step, at, empty, equal, steps
from tests.terminal import at_a_terminal

PASSPHRASE = "four words of mine"
# How often a person is asked, by the command they typed; "yes" where nothing else is said.
_ANSWERS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("gate", "init"): (PASSPHRASE, PASSPHRASE),
    ("train", "vote"): ("left",),
    ("train", "verdict"): ("yes", "yes"),
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What one command of the agent's printed, and where it stands."""

    words: tuple[str, ...]
    envelope: dict[str, Any]


@dataclass(slots=True)
class Walk:
    """One flow in one studio. ``names`` holds what the flow has given a name."""

    place: Path
    answered: list[Answered] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    signed: bool = False

    def through(self, page: Path) -> None:
        """Take every step of ``page``; an AssertionError names the line that is wrong."""
        for step in steps(page.read_text(encoding="utf-8")):
            self._step(f"{page.parent.parent.name}/{page.stem}:{step.line}", step)

    def _step(self, where: str, step: Step) -> None:
        if step.written is not None:
            self._write(step)
            return
        words = [self._filled(one) for one in shlex.split(step.command)][1:]
        if words[:2] == ["art", "generate"] and "comfyui" not in words:
            # What a picture shows is not looked at here: two steps of twelve are enough.
            words += ["--steps", "2"]
        if step.person:
            self._person(where, words)
            envelope: dict[str, Any] = {}
        else:
            envelope = ask(words, self.place)
            self.answered.append(Answered(tuple(words), envelope))
            refused = [one for one in step.expected if one.path == "error.code"]
            problem = f"{where}: {step.command}: {envelope['error']}"
            assert envelope["ok"] == (not refused), problem
        for one in step.expected:
            what = f"{where}: after '{step.command}': {one.path}"
            if one.kind == "file":
                assert list(self.place.glob(one.path)), what
            elif one.kind == "answers":
                eyes.answer(envelope, self.place / one.path)
            else:
                found = list(at(envelope, one.path))
                assert found, f"{what} is not there: {json.dumps(envelope)[:2000]}"
                if one.value is not None:
                    assert any(equal(value, one.value) for value in found), f"{what}: {found}"
                else:
                    assert not all(empty(value) for value in found), f"{what} is empty"
                if one.name:
                    self.names[one.name] = str(found[0])

    def _filled(self, word: str) -> str:
        """``word`` with what the flow has given a name: alone, or before an ``@``."""
        name, sign, rest = word.partition("@")
        return f"{self.names[name]}{sign}{rest}" if name in self.names else word

    def _write(self, step: Step) -> None:
        path = self.place / step.command
        before = ""
        if step.person:
            before = path.read_text("utf-8") + "A line by hand.\n"
            path.chmod(0o644)
        path.write_text(before + "".join(f"{line}\n" for line in step.written or ()), "utf-8")

    def _person(self, where: str, words: list[str]) -> None:
        answers = _ANSWERS.get(tuple(words[:2]))
        if answers is None:
            answers = (PASSPHRASE,) if self.signed else ("yes",)
        self.signed = self.signed or words[:2] == ["gate", "init"]
        done = at_a_terminal(words, cwd=self.place, answers=answers)
        assert done.code == 0, f"{where}: {done.out}"


def ask(words: list[str], folder: Path) -> dict[str, Any]:
    """Run the front door in this process, with ``--json``, and return its one object."""
    said, before = io.StringIO(), (sys.argv, Path.cwd())
    more = [] if "--json" in words else ["--json"]
    os.chdir(folder)
    sys.argv = ["ategnatos", *words, *more]
    try:
        with (
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(io.StringIO()),
            pytest.raises(SystemExit) as left,
        ):
            cli.main()
    finally:
        sys.argv = before[0]
        os.chdir(before[1])
    assert left.value.code in (0, 1), (words, said.getvalue())
    found = json.loads(said.getvalue())
    assert isinstance(found, dict)
    return found
