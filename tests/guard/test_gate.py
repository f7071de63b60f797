"""The gate is asked at the terminal and nowhere else."""

from __future__ import annotations

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard import gate
from ategnatos.guard.actor import actor, person


def test_an_agent_is_nobody_at_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDECODE", "1")
    assert not gate.person_present()
    with pytest.raises(StudioError) as refused:
        gate.ask(["?"], "yes:", ["yes"], redo="do it")
    assert refused.value.code is gate.NEEDS_PERSON
    assert "do it" in refused.value.hint


def test_who_acts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert actor().startswith("user:")
    assert person().startswith("person:")
    monkeypatch.setenv("CLAUDECODE", "1")
    assert actor() == "agent:claude-code"
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "abc")
    assert actor() == "agent:claude-code:abc"
