"""The keeper: a trainer of its own, apart from whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from ategnatos.machines.local import LocalMachine
from ategnatos.train.run.keeper import Keeper, Look, command_file
from ategnatos.trainers import Step
from tests.waiting import wait_until

# Says its number, then does what is asked, whether or not signals come.
BODY = """
import os, signal, sys, time
print("pid", os.getpid(), flush=True)
{body}
"""


def kept(tmp_path: Path, body: str, attempt: int = 1) -> Keeper:
    folder = tmp_path / "a run 'quoted'"
    place = folder / "attempts" / str(attempt)
    place.mkdir(parents=True, exist_ok=True)
    script = BODY.format(body=body)
    command = command_file([sys.executable, "-c", script], str(tmp_path), {"SAID": "a 'b' $c"})
    (place / "command.sh").write_bytes(command)
    keeper = Keeper(LocalMachine(), str(folder), sys.executable)
    keeper.install()
    return keeper


def over(keeper: Keeper, attempt: int = 1) -> Look:
    wait_until(lambda: keeper.look(attempt, 0).over)
    return keeper.look(attempt, 0)


def test_it_says_how_it_ended_and_gives_the_log_from_any_byte(tmp_path: Path) -> None:
    body = (
        "sys.stdout.buffer.write(b'\\xff\\r\\x1b[0m half'); print(os.environ['SAID']); sys.exit(3)"
    )
    keeper = kept(tmp_path, body)
    assert not keeper.look(1, 0).began
    keeper.start(1)
    look = over(keeper)
    assert look.status == 3
    assert look.log.endswith(b"\xff\r\x1b[0m halfa 'b' $c\n")
    assert look.size == len(look.log)
    assert keeper.look(1, look.size - 3).log == look.log[-3:]
    assert keeper.look(1, look.size).log == b""
    assert look.disk_free is not None
    assert 0 < (look.disk_used_share or 0) < 1


def test_a_try_is_started_once_however_often_it_is_asked(tmp_path: Path) -> None:
    keeper = kept(tmp_path, "time.sleep(60)")
    for _ in range(3):
        keeper.start(1)
    wait_until(lambda: keeper.look(1, 0).log.startswith(b"pid") and keeper.look(1, 0).alive)
    assert keeper.look(1, 0).log.count(b"pid") == 1
    keeper.signal(1, "KILL")
    assert over(keeper).status == 137
    keeper.start(1)
    assert over(keeper).log.count(b"pid") == 1


def test_it_outlives_its_starter_and_takes_sigint_though_the_starter_ignored_it(
    tmp_path: Path,
) -> None:
    keeper = kept(tmp_path, "time.sleep(600)")
    script = f"{keeper.folder}/keeper.sh"
    # As a shell starts what runs in its background: SIGINT ignored; and then the shell is gone.
    starter = subprocess.Popen(
        ["sh", script, "start", keeper.place(1), sys.executable],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        start_new_session=True,
    )
    starter.wait()
    wait_until(lambda: b"pid" in keeper.look(1, 0).log)
    look = keeper.look(1, 0)
    assert look.alive
    assert look.pid is not None
    assert os.getsid(look.pid) == look.pid
    assert keeper.signal(1, "INT")
    ended = over(keeper)
    assert b"KeyboardInterrupt" in ended.log
    assert ended.status == 130


def test_a_signal_reaches_what_the_first_process_started_and_left_behind(tmp_path: Path) -> None:
    # As 'accelerate launch' does: the first process dies, its child goes on.
    body = (
        "import subprocess\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "os.kill(os.getpid(), signal.SIGTERM)"
    )
    keeper = kept(tmp_path, body)
    keeper.start(1)
    wait_until(lambda: keeper.look(1, 0).status == 143)
    look = keeper.look(1, 0)
    assert look.alive
    assert not look.over
    assert keeper.signal(1, "TERM")
    assert over(keeper).status == 143
    assert not keeper.signal(1, "TERM")


def test_a_killed_keeper_leaves_the_trainer_and_the_end_without_a_status(tmp_path: Path) -> None:
    keeper = kept(tmp_path, "time.sleep(600)")
    keeper.start(1)
    wait_until(lambda: keeper.look(1, 0).keeper_pid and keeper.look(1, 0).alive)
    number = keeper.look(1, 0).keeper_pid
    assert number is not None
    os.kill(number, signal.SIGKILL)
    wait_until(lambda: not keeper.look(1, 0).kept)
    assert keeper.look(1, 0).alive
    keeper.signal(1, "KILL")
    assert over(keeper).status is None


def test_a_number_that_another_process_has_by_now_is_left_alone(tmp_path: Path) -> None:
    keeper = kept(tmp_path, "pass")
    keeper.start(1)
    over(keeper)
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        Path(keeper.place(1), "pid").write_text(f"{other.pid} 12345\n")
        assert not keeper.look(1, 0).alive
        assert not keeper.signal(1, "KILL")
        assert other.poll() is None
        other.kill()


def test_a_python_that_is_not_there_is_said_in_the_log(tmp_path: Path) -> None:
    keeper = kept(tmp_path, "pass")
    missing = Keeper(keeper.machine, keeper.folder, "/nowhere/python")
    missing.start(1)
    look = over(missing)
    assert look.status == 127
    assert b"/nowhere/python cannot be started" in look.log


def stepped(tmp_path: Path, attempt: int, *bodies: str) -> tuple[Keeper, Path]:
    """A keeper whose try has a step for each of ``bodies`` before its command, which says done."""
    folder = tmp_path / "run"
    place = folder / "attempts" / str(attempt)
    place.mkdir(parents=True)
    marks = tmp_path / "it's done"
    steps = [
        Step(f"do {number}", (sys.executable, "-c", body), str(marks / str(number)))
        for number, body in enumerate(bodies, 1)
    ]
    done = [sys.executable, "-c", "import os; print('trained', os.environ['SAID'])"]
    script = command_file(done, str(tmp_path), {"SAID": "so"}, steps)
    (place / "command.sh").write_bytes(script)
    keeper = Keeper(LocalMachine(), str(folder), sys.executable)
    keeper.install()
    keeper.start(attempt)
    return keeper, marks


def test_steps_come_before_the_command_once_and_in_their_order(tmp_path: Path) -> None:
    said = "import os; print('step', os.environ['SAID'])"
    keeper, marks = stepped(tmp_path, 1, said, said)
    look = over(keeper)
    assert look.status == 0
    assert look.log.decode().splitlines() == [
        "ategnatos: step 1 of 3, do 1",
        "step so",
        "ategnatos: step 2 of 3, do 2",
        "step so",
        "trained so",
    ]
    assert sorted(one.name for one in marks.iterdir()) == ["1", "2"]
    (marks / "2").unlink()
    again, _ = stepped(tmp_path, 2, said, said)
    assert over(again, 2).log.decode().splitlines() == [
        "ategnatos: step 1 of 3, do 1: done before",
        "ategnatos: step 2 of 3, do 2",
        "step so",
        "trained so",
    ]


def test_a_step_that_fails_is_the_end_with_its_own_status(tmp_path: Path) -> None:
    keeper, marks = stepped(tmp_path, 1, "import sys; sys.exit('no encoder')", "print('second')")
    look = over(keeper)
    assert look.status == 1
    assert look.log.decode().splitlines() == [
        "ategnatos: step 1 of 3, do 1",
        "no encoder",
        "ategnatos: step 1 of 3, do 1: ended with status 1; the training was not started",
    ]
    assert not marks.exists()


def test_a_signal_in_a_step_ends_all_of_it_and_leaves_no_mark(tmp_path: Path) -> None:
    body = "import time; print('at it', flush=True); time.sleep(60)"
    keeper, marks = stepped(tmp_path, 1, body)
    wait_until(lambda: b"at it" in keeper.look(1, 0).log)
    assert keeper.signal(1, "TERM")
    look = over(keeper)
    assert look.status == 143
    assert b"trained" not in look.log
    assert not marks.exists()


def test_a_step_that_left_too_little_was_not_done(tmp_path: Path) -> None:
    folder = tmp_path / "it's left"
    body = f"open({str(folder / 'a_1.bin')!r}, 'w'); open({str(folder / 'a_2.txt')!r}, 'w')"
    folder.mkdir()
    left = ((str(folder), "a_*.bin", 1),)

    def tried(attempt: int, wanted: tuple[tuple[str, str, int], ...]) -> Look:
        place = tmp_path / "run" / "attempts" / str(attempt)
        place.mkdir(parents=True)
        step = Step("do it", (sys.executable, "-c", body), str(tmp_path / "mark"), wanted)
        done = [sys.executable, "-c", "print('trained')"]
        (place / "command.sh").write_bytes(command_file(done, str(tmp_path), {}, [step]))
        keeper = Keeper(LocalMachine(), str(tmp_path / "run"), sys.executable)
        keeper.install()
        keeper.start(attempt)
        return over(keeper, attempt)

    few = tried(1, ((str(folder), "a_*.bin", 2),))
    assert few.status == 98
    assert few.log.decode().splitlines()[-1] == (
        f"ategnatos: step 1 of 2, do it: left fewer than 2 files in {folder};"
        " the training was not started"
    )
    assert not (tmp_path / "mark").exists()
    assert tried(2, left).log.decode().splitlines() == ["ategnatos: step 1 of 2, do it", "trained"]
    assert b"done before" in tried(3, left).log
    (folder / "a_1.bin").unlink()
    assert b"done before" not in tried(4, left).log
