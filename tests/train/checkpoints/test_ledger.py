"""The ledger: what is entered, what is found again, what survives a crash."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.values.paths import PATH_OUTSIDE
from ategnatos.train.checkpoints import aside, ledger, ledger_file, retention, verifying
from ategnatos.train.checkpoints.entry import Entry, extract_step
from ategnatos.train.checkpoints.ledger import Ledger
from ategnatos.train.watching.values import Losses
from ategnatos.trainers import Checkpoint, load_trainer
from tests.train.checkpoints import saves

# Files of these tests are written now: an hour later nothing of them is fresh.
NOW = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "owl-1"


def enter(run: Path, found: Checkpoint, step: int, loss: float = 0.1, **more: object) -> Entry:
    made = ledger.record(
        run,
        found,
        step=step,
        losses=Losses(step, 1, loss, loss, **more),
        now=NOW,  # type: ignore[arg-type]
    )
    assert made is not None
    return made


def test_an_entry_says_what_was_known_when_it_was_saved(run: Path) -> None:
    made = ledger.record(
        run,
        saves.starter(run / "output"),
        losses=Losses(12, 2, 0.11, 0.10, 0.13, 1e-4, 1.5, 0),
        samples=["output/samples/owl-000012-1.png"],
        facts={"dataset": "owls v3"},
        now=NOW,
    )
    assert made is not None
    assert made.name == f"checkpoint-12-{NOW:%Y%m%d-%H%M}"
    assert extract_step(made.name) == 12
    assert (made.weights, made.state) == (
        "output/owl-000012.safetensors",
        "output/state-000012.safetensors",
    )
    known = (made.epoch, made.loss, made.smoothed, made.validation, made.rate, made.effort)
    assert known == (2, 0.11, 0.10, 0.13, 1e-4, 1.5)
    assert made.whole
    assert len(made.sha256) == 64
    assert made.samples == ("output/samples/owl-000012-1.png",)
    assert ledger.read(run).entries == (made,)
    beside = json.loads((run / "output/.owl-000012.ledger.json").read_text())
    assert beside["name"] == made.name


def test_what_is_entered_already_is_not_entered_again(run: Path) -> None:
    found = saves.starter(run / "output")
    first = enter(run, found, 12)
    before = (run / "ledger.json").stat().st_mtime_ns
    assert enter(run, found, 12, loss=9.0) == first
    assert (run / "ledger.json").stat().st_mtime_ns == before


def test_weights_first_and_the_state_later_are_one_save(run: Path) -> None:
    """kohya writes the weights, then the folder to resume from."""
    found = saves.kohya(run / "output")
    first = enter(run, Checkpoint(found.weights, None, None, 1), 4, loss=0.2)
    then = enter(run, found, 4, loss=0.9)
    assert (then.name, then.loss) == (first.name, 0.2)
    assert then.resumable
    assert len(ledger.read(run).entries) == 1
    assert (run / "output/owl-000001-state/.ledger.json").is_file()


def test_the_one_optimizer_of_ai_toolkit_belongs_to_its_newest_save(run: Path) -> None:
    trainer, output = load_trainer("ai-toolkit"), run / "output"
    for step in (4, 8, 12):
        saves.ai_toolkit(output, step=step)
        for one in trainer.checkpoints(output, "owl"):
            assert one.step is not None
            enter(run, one, one.step)
    known = ledger.read(run)
    assert [(one.step, one.resumable) for one in known.entries] == [
        (4, False),
        (8, False),
        (12, True),
    ]
    # No file of ours begins with the run's name: the trainer would take it for a checkpoint.
    assert not list(output.glob("owl*.json"))


def test_what_is_still_being_written_is_left_for_later(run: Path) -> None:
    found = saves.starter(run / "output")
    assert found.weights is not None
    raw = found.weights.read_bytes()
    found.weights.write_bytes(raw[:200])
    soon = datetime.now(UTC)
    assert ledger.record(run, found, now=soon) is None
    assert ledger.read(run).entries == ()
    broken = ledger.record(run, found, now=soon + timedelta(minutes=5))
    assert broken is not None
    assert (broken.whole, broken.usable) == (False, False)
    assert "claims a header" in broken.why
    found.weights.write_bytes(raw)
    again = ledger.record(run, found, now=soon + timedelta(minutes=6))
    assert again is not None
    assert again.whole
    assert [one.usable for one in ledger.read(run).entries] == [False, True]


def test_a_file_that_its_writer_has_locked_is_left_for_later(run: Path) -> None:
    found = saves.starter(run / "output")
    hold = (
        "import fcntl,sys,time;f=open(sys.argv[1],'rb');fcntl.flock(f,fcntl.LOCK_EX);"
        "print('held',flush=True);time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(found.weights)], stdout=subprocess.PIPE
    ) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == b"held\n"
        assert ledger.record(run, found, now=NOW) is None
        held.kill()
    assert ledger.record(run, found, now=NOW) is not None


def test_best_latest_final_and_a_step_are_found(run: Path) -> None:
    output = run / "output"
    for step, loss in ((10, 0.3), (20, 0.1), (30, 0.2)):
        enter(run, saves.starter(output, step=step, seed=step), step, loss)
    last = output / "owl.safetensors"
    last.write_bytes(saves.tensors(99))
    enter(run, Checkpoint(last, None, 30, None, final=True), 30, 0.2)
    known = ledger.read(run)
    assert known.metric() == "smoothed"
    found = {key: known.find(key) for key in ("best", "latest", "final", "20", "owl-000010")}
    assert {key: one.step for key, one in found.items() if one} == {
        "best": 20,
        "latest": 30,
        "final": 30,
        "20": 20,
        "owl-000010": 10,
    }
    assert found["final"] is not None
    assert found["final"].name.endswith("-2")
    assert [one.step for one in known.resumable()] == [30, 20, 10]
    with pytest.raises(StudioError) as raised:
        ledger.find(run, "nobody")
    assert raised.value.code is ledger.CHECKPOINT_UNKNOWN


def test_validation_decides_where_it_is_known_and_broken_ones_are_never_best(run: Path) -> None:
    output = run / "output"
    for step, smoothed, validation in ((1, 0.1, 0.5), (2, 0.3, 0.2), (3, 0.2, 0.1)):
        found = saves.starter(output, step=step, seed=step)
        if step == 3:
            assert found.weights is not None
            found.weights.write_bytes(saves.tensors(fill=math.nan))
        enter(run, found, step, smoothed, validation=validation)
    known = ledger.read(run)
    best = known.best()
    assert best is not None
    assert (best.step, known.metric()) == (2, "validation")
    by_loss = known.best("smoothed")
    assert by_loss is not None
    assert by_loss.step == 1
    assert [one.step for one in known.resumable()] == [2, 1]


def test_a_lost_or_broken_ledger_is_made_again_from_what_lies_beside(run: Path) -> None:
    for step in (4, 8):
        enter(run, saves.simpletuner(run / "output", step), step)
    enter(run, saves.kohya(run / "output"), 9)
    before = ledger.read(run).entries
    (run / "ledger.json").write_text('{"version": 1, "entr')
    with pytest.raises(StudioError) as raised:
        ledger.read(run)
    assert raised.value.code is ledger_file.LEDGER_BROKEN
    assert ledger_file.rebuild(run) == before
    assert (run / "ledger.json.broken").is_file()


def test_a_path_that_leads_out_of_the_run_is_refused(run: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.safetensors"
    stranger.write_bytes(saves.tensors())
    with pytest.raises(StudioError) as raised:
        ledger.record(run, Checkpoint(stranger, None, 1, None), now=NOW)
    assert raised.value.code is PATH_OUTSIDE
    assert ledger.read(run).entries == ()


def test_a_validation_after_the_save_of_its_step_belongs_to_it(run: Path) -> None:
    """Trainers save first and validate then: the one before says nothing of this save."""
    for step in (10, 20):
        enter(run, saves.starter(run / "output", step=step), step, validation=0.5)
    ledger.complete(run, {10: 0.2, 15: 0.1, 20: math.nan})
    known = ledger.read(run)
    assert [one.validation for one in known.entries] == [0.2, 0.5]
    assert known.best() == known.entries[0]
    assert ledger_file.rebuild(run) == known.entries


def test_one_number_in_a_large_file_that_is_not_finite_is_found_when_it_is_entered(
    run: Path,
) -> None:
    found = saves.starter(run / "output")
    assert found.weights is not None
    large = np.zeros(400_000, np.float32)
    large[100_000] = np.nan
    found.weights.write_bytes(save({"w": large}))
    made = enter(run, found, 12)
    assert (made.whole, made.usable) == (False, False)
    assert "not finite" in made.why


def test_use_is_noted(run: Path) -> None:
    made = enter(run, saves.starter(run / "output"), 12)
    noted = ledger.used(run, made.name, by="evaluation owl/1", now=NOW)
    assert noted.used == ({"by": "evaluation owl/1", "at": ledger_file.stamped(NOW)},)
    assert ledger.read(run).entries[0].used == noted.used


def test_verifying_hashes_again_and_moves_what_is_broken_aside_and_back(run: Path) -> None:
    good = enter(run, saves.kohya(run / "output", epoch=1), 4)
    bad = enter(run, saves.kohya(run / "output", epoch=2), 8)
    odd = enter(run, saves.kohya(run / "output", epoch=3), 12)
    state = run / bad.state / "optimizer.bin"
    state.write_bytes(state.read_bytes()[:500])
    weights = run / odd.weights
    weights.write_bytes(saves.tensors(seed=77))
    seen = {one.entry.step: (one.state, one.why) for one in verifying.verify(run, dry_run=True)}
    assert [seen[step][0] for step in (4, 8, 12)] == ["whole", "broken", "broken"]
    assert "optimizer.bin" in seen[8][1]
    assert "not those that were recorded" in seen[12][1]
    assert all(one.why == "" for one in ledger.read(run).entries)
    verifying.verify(run)
    moved = aside.move(run, [one.name for one in ledger.read(run).entries], now=NOW)
    assert [one.step for one in moved] == [8, 12]
    assert not (run / bad.state).exists()
    assert (run / bad.weights).exists()
    assert not weights.exists()
    known = ledger.read(run)
    assert [one.step for one in known.resumable()] == [4]
    assert [one.step for one in known.entries if one.usable] == [4, 8]
    assert json.loads((run / "aside" / bad.name / "note.json").read_text())["why"]
    for one in (bad, odd):
        aside.bring_back(run, one.name)
    assert state.exists()
    assert weights.exists()
    assert not list((run / "aside").iterdir())
    assert [one.resumable for one in ledger.read(run).entries] == [True, False, False]
    assert good.name == known.entries[0].name
    with pytest.raises(StudioError) as raised:
        aside.bring_back(run, bad.name)
    assert raised.value.code is aside.NOT_ASIDE


def test_nothing_is_put_back_over_something_else(run: Path) -> None:
    made = enter(run, saves.starter(run / "output"), 12)
    weights = run / made.weights
    weights.write_bytes(b"broken")
    verifying.verify(run)
    aside.move(run, [made.name], now=NOW)
    another = saves.tensors()
    weights.write_bytes(another)
    with pytest.raises(StudioError) as raised:
        aside.bring_back(run, made.name)
    assert raised.value.code is aside.IN_THE_WAY
    assert weights.read_bytes() == another


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_a_move_that_was_cut_off_is_finished_by_the_next(
    run: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    made = enter(run, saves.kohya(run / "output"), 4)
    (run / made.weights).write_bytes(b"broken")
    (run / made.state / "optimizer.bin").write_bytes(b"broken")
    verifying.verify(run)
    put, done = aside._put, 0

    def killed(old: Path, new: Path) -> None:
        nonlocal done
        if done == moves:
            raise KeyboardInterrupt
        put(old, new)
        done += 1
        if done == moves == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(aside, "_put", killed)
    with pytest.raises(KeyboardInterrupt):
        aside.move(run, [made.name], now=NOW)
    assert not ledger.read(run).entries[0].aside
    monkeypatch.undo()
    verifying.gone(run)
    verifying.verify(run)
    aside.move(run, [made.name], now=NOW)
    assert not (run / made.weights).exists()
    assert not (run / made.state).exists()
    known = ledger.read(run).entries[0]
    assert (known.aside, known.removed) == (f"aside/{made.name}", False)
    back = aside.bring_back(run, made.name)
    assert (run / back.weights).read_bytes() == b"broken"
    assert (run / back.state / "optimizer.bin").read_bytes() == b"broken"


def test_what_the_trainer_deleted_itself_is_marked(run: Path) -> None:
    entries = [enter(run, saves.starter(run / "output", step=step), step) for step in (1, 2, 3)]
    for part in (entries[0].weights, entries[0].state, entries[1].state):
        (run / part).unlink()
    assert [one.step for one in verifying.gone(run, dry_run=True)] == [1]
    assert not any(one.removed for one in ledger.read(run).entries)
    verifying.gone(run)
    known = ledger.read(run).entries
    assert [(one.removed, one.resumable) for one in known] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert verifying.gone(run) == []


def made_up(step: int, smoothed: float | None, flags: int) -> Entry:
    return Entry(
        f"checkpoint-{step}-20261121-1200",
        step,
        None,
        f"w{step}.safetensors" if flags & 1 else "",
        f"s{step}" if flags & 2 or not flags & 1 else "",
        "",
        100,
        "2026-11-21T12:00:00Z",
        smoothed=smoothed,
        whole=not flags & 4,
        state_whole=not flags & 8,
        final=bool(flags & 16),
        removed=bool(flags & 32) and bool(flags & 64),
        state_bytes=200,
    )


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.none() | st.floats(0.01, 2), st.integers(0, 127)), min_size=1, max_size=25
    ),
    last=st.integers(0, 5),
    milestone=st.integers(0, 7),
    states=st.integers(0, 3),
    used=st.sets(st.integers(1, 25)),
)
def test_no_rule_ever_takes_the_best_the_last_or_the_only_way_on(
    rows: list[tuple[float | None, int]], last: int, milestone: int, states: int, used: set[int]
) -> None:
    known = Ledger(tuple(made_up(step, *row) for step, row in enumerate(rows, 1)))
    in_use = {one.name for one in known.entries if one.step in used}
    choice = retention.choose(known, retention.Rules(last, "", milestone, states), in_use=in_use)
    gone = {one.entry.name for one in choice.removals if one.part == "all"}
    without_state = {one.entry.name for one in choice.removals if one.part == "state"}
    best, latest, resumable = known.best(), known.latest(), known.resumable()
    for one in (best if known.metric() else None, latest, *resumable[:1]):
        assert one is None or one.name not in gone
    if resumable:
        assert resumable[0].name not in without_state
    assert not gone & in_use
    assert not without_state & in_use
    assert not gone & {one.name for one in known.entries if one.final or one.removed}
    assert gone.isdisjoint(one.entry.name for one in choice.kept)
    assert choice.bytes == sum(
        300 - (0 if one.entry.weights else 100) - (0 if one.entry.state else 200)
        if one.part == "all"
        else 200
        for one in choice.removals
    ) or any(not one.entry.weights or not one.entry.state for one in choice.removals)


def test_what_no_rule_keeps_goes_and_the_rest_says_why_it_stays(run: Path) -> None:
    for step, loss in enumerate((0.5, 0.4, 0.1, 0.3, 0.2, 0.25), 1):
        enter(run, saves.kohya(run / "output", epoch=step, seed=step), step * 10, loss)
    choice = retention.choose(ledger.read(run), retention.Rules(last=2, states=1))
    assert [(one.entry.step, one.part) for one in choice.removals] == [
        (10, "all"),
        (20, "all"),
        (30, "state"),
        (40, "all"),
        (50, "state"),
    ]
    assert {one.entry.step: one.why for one in choice.kept} == {
        30: ("the best: lowest smoothed loss",),
        50: ("one of the last 2",),
        60: ("one of the last 2", "what the run goes on from"),
    }
    retention.apply(run, choice.removals)
    left = sorted(one.name for one in (run / "output").iterdir() if not one.name.startswith("."))
    assert left == [
        "owl-000003.safetensors",
        "owl-000005.safetensors",
        "owl-000006-state",
        "owl-000006.safetensors",
    ]
    known = ledger.read(run)
    assert [one.step for one in known.entries if one.usable] == [30, 50, 60]
    assert retention.choose(known, retention.Rules(last=2, states=1)).removals == ()


_WORK = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
sys.path.insert(0, {root!r})
from ategnatos.train.checkpoints import ledger, retention
from ategnatos.train.watching.values import Losses
from tests.train.checkpoints import saves
run = Path(sys.argv[1])
now = datetime.now(UTC) + timedelta(hours=1)
print("begun", flush=True)
for step in range(1, 400):
    found = saves.starter(run / "output", step=step, seed=step)
    ledger.record(run, found, losses=Losses(step, 1, 1 / step, 1 / step), now=now)
    print(step, flush=True)
    if step % 4 == 0:
        known = ledger.read(run)
        retention.apply(run, retention.choose(known, retention.Rules(last=2)).removals)
"""


@pytest.mark.parametrize("after", [3, 8, 13])
def test_a_crash_at_any_moment_loses_nothing_that_was_entered(run: Path, after: int) -> None:
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        [sys.executable, "-c", _WORK.format(root=root), str(run)], stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        told = 0
        for line in worker.stdout:
            if line.strip().isdigit():
                told = int(line)
            if told == after:
                time.sleep(0.003 * (after % 5))
                os.kill(worker.pid, signal.SIGKILL)
                break
        # What it managed to say between the wish and the signal counts too.
        told = max([told, *(int(one) for one in worker.stdout if one.strip().isdigit())])
    known = ledger.read(run)
    steps = [one.step for one in known.entries]
    assert steps[:told] == list(range(1, told + 1))
    for one in known.entries:
        if one.usable:
            assert (run / one.weights).is_file()
    retention.apply(run, retention.unfinished(run, known))
    for one in ledger.read(run).entries:
        if one.removed:
            assert not (run / one.weights).exists()
    newest = max(path.name for path in (run / "output").glob("owl-*.safetensors"))
    for found in load_trainer("starter").checkpoints(run / "output", "owl"):
        ledger.record(run, found, now=NOW + timedelta(hours=1))
    latest = ledger.read(run).latest()
    assert latest is not None
    assert latest.weights.endswith(newest)
    assert {one.name for one in ledger_file.rebuild(run) if not one.removed} == {
        one.name for one in ledger.read(run).entries if not one.removed
    }
