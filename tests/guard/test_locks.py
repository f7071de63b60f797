"""A resource has one holder or none, whatever happens to the processes that want it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard import locks
from ategnatos.guard.locks import Held, acquire, resource, resources
from ategnatos.guard.locks.holder import Holder, ago
from ategnatos.guard.locks.names import parse_resource
from ategnatos.guard.locks.process import Process, alive, of, this
from ategnatos.guard.locks.store import Facts, Store
from tests.guard.lock_races import NAME, Worker, race

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "locks")


@pytest.fixture
def workers(store: Store) -> Iterator[list[Worker]]:
    two = [Worker(store.folder), Worker(store.folder)]
    yield two
    for worker in two:
        worker.end()


def holder(**changes: object) -> Holder:
    facts = Holder(NAME, "/train", this(), "train", NOON, NOON, 60.0, 0)
    return replace(facts, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("comfyui:LOCALHOST:8188", "comfyui:127.0.0.1:8188"),
        ("comfyui:[::1]:8188", "comfyui:127.0.0.1:8188"),
        ("comfyui:0x7f.1:8188", "comfyui:127.0.0.1:8188"),
        ("comfyui:[FD00::1]:8188", "comfyui:[fd00::1]:8188"),
        ("ComfyUI:gpu.example.com:443", "comfyui:gpu.example.com:443"),
        ("gpu:Local:0", "gpu:local:0"),
        ("gpu:runpod:GPU-ab_1", "gpu:runpod:GPU-ab_1"),
        ("training:owl-7", "training:owl-7"),
    ],
)
def test_a_resource_has_one_spelling(text: str, spelling: str) -> None:
    assert parse_resource(text) == spelling == parse_resource(spelling)


@pytest.mark.parametrize(
    "text",
    ["", "gpu", "gpu:", "gpu:local", "gpu:../x:0", "comfyui:8188", "comfyui:a:0", "comfyui:a:x",
     "training:", "training:a/b", "other:1", "gpu:local:$(id)", "gpu:local:BASH[$(x)]"],
)  # fmt: skip
def test_what_names_no_resource_is_refused(text: str) -> None:
    with pytest.raises(StudioError):
        parse_resource(text)


def test_two_processes_race_and_one_of_them_wins_each_time(workers: list[Worker]) -> None:
    doubles, none, tokens = race(workers, 60)
    print(f"60 races of two processes: {doubles} double holds, {none} without a holder")
    assert (doubles, none) == (0, 0)
    assert tokens == sorted(set(tokens))


def test_two_processes_taking_turns_are_never_inside_together(workers: list[Worker]) -> None:
    for worker in workers:
        worker.order("loop 40")
    assert [worker.answer() for worker in workers] == ["doubles 0", "doubles 0"]


def test_the_next_one_gets_it_at_once_when_its_holder_is_killed(
    store: Store, workers: list[Worker]
) -> None:
    assert workers[0].do("take") == "won 1"
    # Killed and not collected by its parent: a zombie holds nothing.
    workers[0].process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, workers[0].process.pid, os.WEXITED | os.WNOWAIT)
    said: list[str] = []
    began = time.monotonic()
    with resource(NAME, who="/art", timeout=5, store=store, warn=said.append) as held:
        assert time.monotonic() - began < 1
        assert held.token == 2
    assert f"its process (PID {workers[0].process.pid}) has ended" in said[0]


def test_a_stopped_holder_still_holds(store: Store, workers: list[Worker]) -> None:
    assert workers[0].do("take") == "won 1"
    os.kill(workers[0].process.pid, signal.SIGSTOP)
    late = NOON + timedelta(days=3650)
    with pytest.raises(StudioError, match="in use by w"):
        acquire(NAME, who="x", process=this(), timeout=0, store=store, now=lambda: late)
    os.kill(workers[0].process.pid, signal.SIGCONT)
    assert workers[0].do("free") == "done"


def test_a_forked_child_that_leaves_the_block_releases_nothing(
    store: Store, workers: list[Worker]
) -> None:
    assert workers[0].do("take") == "won 1"
    assert workers[0].do("fork") == "done"
    assert workers[1].do("take") == "lost"


def test_the_refusal_says_who_holds_it_and_since_when(store: Store) -> None:
    store.take(holder(since=datetime.now(UTC) - timedelta(minutes=10, seconds=5)), NOON)
    with pytest.raises(StudioError) as refused, resource(NAME, who="/art", timeout=0, store=store):
        pass
    assert refused.value.message.startswith(
        f"{NAME} is in use by /train (PID {os.getpid()}, started 10m ago). Wait or cancel?"
    )
    assert refused.value.details["holder"]["token"] == 1


def test_waiting_says_so_and_ends_when_it_becomes_free(store: Store) -> None:
    first = acquire(NAME, who="/train", process=this(), store=store)
    said: list[str] = []
    waiting = threading.Event()

    def progress(text: str) -> None:
        said.append(text)
        waiting.set()

    def free() -> None:
        assert waiting.wait(10)
        first.give_back()

    thread = threading.Thread(target=free)
    thread.start()
    with resource(NAME, who="/art", timeout=20, progress=progress, store=store) as held:
        assert held.token == 2
    thread.join()
    assert "Waiting for gpu:local:0: in use by /train (PID" in said[0]


def test_the_number_of_a_process_used_again_is_another_process(store: Store) -> None:
    store.take(holder(process=replace(this(), started="another time")), NOON)
    assert acquire(NAME, who="x", process=this(), timeout=0, store=store).token == 2


def test_processes_are_told_apart(workers: list[Worker]) -> None:
    process = of(workers[0].process.pid)
    assert process is not None
    assert alive(process)
    assert of(2**22 + 1) is None
    assert alive(replace(process, machine="elsewhere")) is None
    workers[0].end()
    assert alive(process) is False


def test_a_holder_elsewhere_holds_until_it_is_silent_for_too_long(store: Store) -> None:
    far = Process(1, "then", "another machine", "gpu-box")
    first, _ = store.take(holder(process=far), NOON)
    assert first is not None
    for seconds, gone in ((0, False), (60, False), (89, False), (91, True)):
        assert bool(first.gone(NOON + timedelta(seconds=seconds))) is gone
    assert "PID 1 on gpu-box" in first.words(NOON)
    assert store.renew(NAME, 1, NOON + timedelta(seconds=60))
    later = NOON + timedelta(seconds=100)
    assert store.take(holder(), later)[0] is None
    taken, before = store.take(holder(), later + timedelta(seconds=60))
    assert taken is not None
    assert before is not None
    # The one who slept comes back and finds that it is no longer its own.
    assert not store.renew(NAME, 1, later)
    with pytest.raises(StudioError) as lost:
        Held(store, first, lambda: later).verify()
    assert lost.value.code is locks.LOCK_LOST


def test_a_living_holder_is_heard_of(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "BEAT_SECONDS", 0.01)
    times = iter(NOON + timedelta(seconds=number) for number in range(100_000))
    with resource(NAME, who="/train", store=store, now=lambda: next(times)):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = store.look(NAME).holder
            assert found is not None
            if found.renewed > found.since + timedelta(seconds=3):
                break
        else:
            pytest.fail("nothing was heard of the holder")


def test_a_lock_taken_away_is_noticed_and_the_new_holder_keeps_it(store: Store) -> None:
    with resource(NAME, who="/train", store=store) as held:
        held.verify()
        assert store.give_back(NAME, held.token)
        with pytest.raises(StudioError, match="now held by nobody"):
            held.verify()
        acquire(NAME, who="/art", process=this(), store=store)
        with pytest.raises(StudioError, match="now held by /art"):
            held.verify()
    found = store.look(NAME)
    assert found.holder is not None
    assert (found.holder.who, found.token) == ("/art", 2)


def test_the_same_command_does_not_wait_for_itself(store: Store) -> None:
    began = time.monotonic()
    with (
        resource(NAME, who="x", store=store),
        pytest.raises(StudioError, match="this very command"),
        resource(NAME, who="x", timeout=60, store=store),
    ):
        pass
    assert time.monotonic() - began < 30
    with resource(NAME, who="x", timeout=0, store=store) as held:
        assert held.token == 2


def test_several_are_taken_in_one_order_so_that_nobody_blocks_anybody(store: Store) -> None:
    names = ["gpu:local:0", "comfyui:localhost:8188", "comfyui:127.0.0.1:8188"]
    finished: list[int] = []

    def work(order: list[str]) -> None:
        for number in range(15):
            with resources(*order, who="w", timeout=60, store=store) as held:
                assert [one.holder.resource for one in held] == sorted(
                    {parse_resource(name) for name in names}
                )
                finished.append(number)

    threads = [threading.Thread(target=work, args=(order,)) for order in (names, names[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(finished) == 30


def test_damaged_facts_count_as_held(store: Store) -> None:
    held = acquire(NAME, who="x", process=this(), store=store)
    held.give_back()
    (path,) = store.folder.glob("*.json")
    for text in ("", "{}", "[]", "null", '{"token": 1, "holder": {"who": 1}}', '{"token": "x"}'):
        path.write_text(text)
        with pytest.raises(StudioError) as refused:
            acquire(NAME, who="x", process=this(), timeout=0, store=store)
        assert refused.value.code.code == "lock_damaged"


def test_the_folder_is_closed_to_others(store: Store) -> None:
    acquire(NAME, who="x", process=this(), store=store)
    assert store.folder.stat().st_mode & 0o777 == 0o700


@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "free", "renew", "wait"]), st.integers(0, 2)),
        max_size=25,
    )
)
def test_whatever_is_done_there_is_one_holder_and_the_token_only_grows(
    steps: list[tuple[str, int]],
) -> None:
    """Leases of three holders against a model of who may have it; no disk, as rules are shown."""
    store = _InMemory()
    moment = until = NOON
    held: dict[int, int] = {}
    tokens = [0]
    for what, number in steps:
        if what == "wait":
            moment += timedelta(seconds=number * 25)
        elif what == "take":
            wanted = holder(process=None, who=str(number), since=moment, renewed=moment)
            got, _ = store.take(wanted, moment)
            assert (got is not None) == (not held or moment > until)
            if got is not None:
                assert got.token > tokens[-1]
                tokens.append(got.token)
                held, until = {number: got.token}, got.until
        elif what == "free" and number in held:
            assert store.give_back(NAME, held.pop(number))
        elif what == "renew" and number in held:
            assert store.renew(NAME, held[number], moment)
            until = moment + timedelta(seconds=60)
        assert not store.give_back(NAME, tokens[-1] + 1)
    assert store.look(NAME).token == tokens[-1]


class _InMemory(Store):
    """The rules of the store over a variable in place of a file."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))
        object.__setattr__(self, "facts", Facts())

    @contextmanager
    def _changing(self, resource: str) -> Iterator[Path]:
        yield Path(resource)

    def _read(self, path: Path) -> Facts:
        return self.facts  # type: ignore[attr-defined, no-any-return]

    def _write(self, path: Path, facts: Facts) -> None:
        object.__setattr__(self, "facts", facts)


def test_times_are_said_in_their_largest_unit() -> None:
    spans = {0: "0s", 59: "59s", 600: "10m", 7200: "2h", 200_000: "2d", -5: "0s"}
    for seconds, words in spans.items():
        assert ago(NOON, NOON + timedelta(seconds=seconds)) == words
