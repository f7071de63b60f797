"""Memory ran out and then the supervisor died: the next one makes the same change, and once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, store
from ategnatos.train.run import attempts, control, ladder, preparing, record, state
from tests.train import fakes
from tests.train.run.studio import followed, now, ordered, studio


class Died(KeyboardInterrupt):
    """As a kill: nothing after it runs, and what was written stays."""


def dying(real: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """The same function, that dies once before or after it has done its work."""
    left = [1]

    def call(*given: Any, **more: Any) -> Any:
        if not left:
            return real(*given, **more)
        left.clear()
        if after:
            real(*given, **more)
        raise Died

    return call


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("module", "name"),
    [(state, "change"), (preparing, "keep_plan"), (journal, "append"), (record, "note")],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_wherever_it_dies_the_batch_is_halved_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: bool
) -> None:
    project, kept = studio(tmp_path, "sdxl/base", steps=10, batch=8, accumulation=1)
    run = ordered(project, kept, "ai-toolkit", tmp_path)
    tried = attempts.Attempt(1, 0, "", "output", 10, record.iso(now()), end="failed")
    attempts.put(run.folder, tried)
    said: list[str] = []

    def decide() -> Any:
        return ladder.decide(project, run, tried, clock=now, say=said.append)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, dying(getattr(module, name), after=after))
        with pytest.raises(Died):
            decide()
    change = decide()
    assert change == decide() == ladder.decided(run, tried)
    assert (change.plan.batch, change.plan.accumulation) == (4, 2)
    assert preparing.plan_of(run.folder) == change.plan
    assert list(record.load(project, run.id).changes) == [change.said]
    assert len(list(journal.read(project, {ladder.CHANGED_EVENT}))) == 1
    assert record.load(project, run.id).state == "preparing"
    # And after the next try that ran out of it, once more.
    again = attempts.Attempt(
        2, 0, "", "output", 10, record.iso(now()), end="failed", change=change.facts()
    )
    attempts.put(run.folder, again)
    second = ladder.decide(project, run, again, clock=now, say=said.append)
    assert second is not None
    assert second.plan.batch == 2
    assert len(record.load(project, run.id).changes) == 2


@pytest.mark.parametrize("after", [False, True])
def test_a_supervisor_that_dies_while_the_next_try_is_laid_out_loses_no_rung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    home = fakes.install(tmp_path / "home", "ai-toolkit", {"log": "success", "oom_above": 1})
    project, kept = studio(tmp_path, "sdxl/base", steps=10, batch=4, accumulation=1)
    run = ordered(project, kept, "ai-toolkit", home)
    real, calls = preparing.attempt, []

    def attempt(*given: Any, **more: Any) -> Any:
        calls.append(more["change"])
        if len(calls) != 2:
            return real(*given, **more)
        if after:
            real(*given, **more)
        raise Died

    monkeypatch.setattr(preparing, "attempt", attempt)
    with pytest.raises(Died):
        followed(project, run)
    with database.connect(project) as db:
        assert not store.get(db, control.number_of(run)).held(db.now())
    run = followed(project, run)
    assert run.state == "finished", run.why
    starts = [(one["batch"], one["accumulation"]) for one in fakes.starts(home)]
    assert starts == [(4, 1), (2, 2), (1, 4)]
    tries = attempts.every(run.folder)
    assert [one.change.get("name", "") for one in tries] == ["", "smaller batch", "smaller batch"]
    assert len(run.changes) == 2
