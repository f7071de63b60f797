"""A server is started, found again, and ended: real processes, real signals, real ports."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.studio.comfyui import installs, instances, logs, overview, processes, start, stop
from ategnatos.studio.comfyui.processes import Ladder
from tests.studio.comfyui.conftest import MakeComfyUI, Serve, ladder
from tests.waiting import LONG_SECONDS, wait_until

SILENT = ["--cpu", "--listen", "127.0.0.1"]
HEARD = ladder()


def begin(
    folder: Path, port: int, *, patience: float = LONG_SECONDS, tmux: bool = False
) -> start.Started:
    line = start.command_line(installs.one(folder), [*SILENT, "--port", str(port)])
    return start.start(
        line,
        folder=folder,
        port=port,
        patience=patience,
        tmux=tmux,
        now=lambda: datetime(2026, 11, 20, tzinfo=UTC),
        say=lambda _: None,
    )


def end(
    port: int, *, anyone: bool = False, force: bool = False, rungs: Ladder = HEARD
) -> stop.Stopped:
    return stop.stop(port, anyone=anyone, force=force, say=lambda _: None, ladder=rungs)


def has_ended(pid: int) -> bool:
    """Whether it is gone; as an orphan it is a zombie until its new parent looks."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_a_server_starts_in_a_session_of_its_own_and_ends(comfyui: MakeComfyUI, port: int) -> None:
    started = begin(comfyui(start_seconds=0.3), port)
    assert started.fresh
    assert started.waited >= 0.3
    assert started.server.version == "0.3.64"
    instance = started.instance
    assert instance is not None
    assert os.getsid(instance.pid) == instance.pid != os.getsid(0)
    assert instances.read(port) == instance
    ended = end(port)
    assert (ended.pid, ended.signal) == (instance.pid, "SIGINT")
    assert processes.listener(port) is None
    assert instances.read(port) is None
    assert logs.tail(instances.log_path(port), 1) == ["Stopped server"]
    assert instances.usual_start(port) == pytest.approx(started.waited, abs=0.01)


def test_starting_twice_starts_once(comfyui: MakeComfyUI, port: int) -> None:
    folder = comfyui()
    first, second = begin(folder, port), begin(folder, port)
    assert (first.fresh, second.fresh) == (True, False)
    assert first.instance is not None
    assert second.instance is not None
    assert first.instance.pid == second.instance.pid


def test_two_starts_at_once_give_one_server(comfyui: MakeComfyUI, port: int) -> None:
    folder = comfyui(start_seconds=0.2)
    found: list[object] = []

    def one() -> None:
        try:
            found.append(begin(folder, port).fresh)
        except StudioError as error:
            found.append(error.code.code)

    both = [threading.Thread(target=one) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(LONG_SECONDS)
    assert sorted(map(str, found)) in (["False", "True"], ["True", "resource_held"])


def test_a_server_that_ignores_sigint_is_ended_by_sigterm(comfyui: MakeComfyUI, port: int) -> None:
    begin(comfyui(ignore=["SIGINT"]), port)
    assert end(port, rungs=ladder(signal.SIGINT)).signal == "SIGTERM"


def test_one_that_ignores_both_is_killed_with_what_it_started(
    comfyui: MakeComfyUI, port: int
) -> None:
    folder = comfyui(ignore=["SIGINT", "SIGTERM"], child=True)
    begin(folder, port)
    child = int((folder / "child.pid").read_text())
    assert psutil.pid_exists(child)
    assert end(port, rungs=ladder(signal.SIGINT, signal.SIGTERM)).signal == "SIGKILL"
    wait_until(lambda: has_ended(child))


def test_one_that_was_started_with_sigint_ignored_hears_it_again(
    comfyui: MakeComfyUI, port: int
) -> None:
    """A shell's background sets SIGINT to ignored, and a child inherits that."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        begin(comfyui(), port)
    finally:
        signal.signal(signal.SIGINT, before)
    assert end(port).signal == "SIGINT"


def test_a_server_that_dies_is_told_with_the_end_of_its_log(
    comfyui: MakeComfyUI, port: int
) -> None:
    folder = comfyui(die="AssertionError: Torch not compiled with CUDA enabled")
    with pytest.raises(StudioError) as raised:
        begin(folder, port)
    assert raised.value.code is start.COMFYUI_DIED
    assert "Torch not compiled with CUDA enabled" in raised.value.message
    assert "build for processors only" in raised.value.message
    assert "--cpu" in raised.value.hint
    assert instances.read(port) is None


def test_a_slow_server_is_left_running_and_joined_by_the_next_start(
    comfyui: MakeComfyUI, port: int
) -> None:
    folder = comfyui(wait_for="let-it-start")
    with pytest.raises(StudioError) as raised:
        begin(folder, port, patience=0.2)
    assert raised.value.code is start.COMFYUI_SLOW
    assert overview.states([port])[0].word == "starting"
    (folder / "let-it-start").touch()
    joined = begin(folder, port)
    assert joined.instance is not None
    assert joined.instance.pid == raised.value.details["pid"]


def test_a_port_of_another_program_is_left_alone(comfyui: MakeComfyUI, serve: Serve) -> None:
    folder, port = comfyui(), serve(lambda handler: handler.send_error(404))
    with pytest.raises(StudioError) as raised:
        begin(folder, port)
    assert raised.value.code is start.PORT_TAKEN
    assert raised.value.details["pid"] == os.getpid()
    with pytest.raises(StudioError) as refused:
        end(port, anyone=True)
    assert refused.value.code is stop.NOT_OURS


def test_a_server_at_work_is_ended_only_by_force(comfyui: MakeComfyUI, port: int) -> None:
    begin(comfyui(queue=2), port)
    with pytest.raises(StudioError) as raised:
        end(port)
    assert raised.value.code is stop.AT_WORK
    assert raised.value.details["running"] == 2
    assert end(port, force=True).pid is not None


def test_a_comfyui_started_elsewhere_is_ended_only_when_asked_for(
    comfyui: MakeComfyUI, port: int
) -> None:
    folder = comfyui()
    foreign = subprocess.Popen(
        [sys.executable, str(folder / "main.py"), "--port", str(port)],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: overview.states([port])[0].word == "running")
        with pytest.raises(StudioError) as raised:
            end(port)
        assert raised.value.code is stop.NOT_OURS
        assert "--any" in raised.value.hint
        assert not begin(folder, port).fresh
        # It may ignore SIGINT, as what was started in the background does.
        assert end(port, anyone=True, rungs=ladder(signal.SIGINT)).pid == foreign.pid
    finally:
        foreign.kill()
        foreign.wait(LONG_SECONDS)


def test_a_reused_process_id_is_never_ended(port: int) -> None:
    # A Python that begins may lose a SIGINT, and one that began in the background ignores it.
    code = (
        "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler);"
        " print('ready', flush=True); time.sleep(120)"
    )
    sleeper = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert sleeper.stdout is not None
        assert sleeper.stdout.readline() == b"ready\n"
        true = processes.identify(sleeper.pid)
        assert true is not None
        other = processes.Identity(sleeper.pid, true.started - 1000)
        assert not other.alive
        assert processes.end(other, ladder=ladder()) == ""
        assert sleeper.poll() is None
        assert processes.end(true, ladder=ladder()) == "SIGINT"
    finally:
        sleeper.kill()
        sleeper.communicate(timeout=LONG_SECONDS)


def test_a_dead_server_is_said_to_be_dead(comfyui: MakeComfyUI, port: int) -> None:
    started = begin(comfyui(), port)
    assert started.instance is not None
    identity = started.instance.identity
    os.kill(identity.pid, signal.SIGKILL)
    wait_until(lambda: not identity.alive)
    assert overview.states([port])[0].word == "dead"
    assert end(port).pid is None


def test_stopping_nothing_is_done(port: int) -> None:
    assert end(port) == stop.Stopped(port, None, "", 0.0)


def test_what_is_addressed_to_this_program_is_not_handed_on(
    comfyui: MakeComfyUI, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEN", "yes")
    monkeypatch.setenv("ATEGNATOS_COMFYUI", "secret")
    begin(comfyui(), port)
    log = instances.log_path(port).read_text()
    assert "seen: yes" in log
    assert "secret" not in log
    assert list(instances.home().glob(".tmp-*")) == []


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_with_tmux_it_runs_in_a_session_that_shows_its_log(comfyui: MakeComfyUI, port: int) -> None:
    started = begin(comfyui(), port, tmux=True)
    assert started.instance is not None
    assert started.instance.tmux == f"comfyui-{port}"
    windows = subprocess.run(
        ["tmux", "list-windows", "-t", f"=comfyui-{port}", "-F", "#{window_name}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert windows == ["server", "log"]
    assert end(port).signal == "SIGINT"
    after = subprocess.run(["tmux", "has-session", "-t", f"=comfyui-{port}"], capture_output=True)
    assert after.returncode != 0


def test_a_log_is_kept_for_each_run_and_only_so_many(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "8188.log"
    for run in range(logs.KEPT + 3):
        logs.rotate(log)
        log.write_text(f"run {run}")
    kept = sorted(path.name for path in folder.iterdir())
    assert kept == ["8188.log", *(f"8188.log.{n}" for n in range(1, logs.KEPT + 1))]
    assert (folder / "8188.log.1").read_text() == f"run {logs.KEPT + 1}"


def test_a_log_that_grew_is_cut_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "8188.log"
    with log.open("ab", buffering=0) as server:
        server.write(b"x" * 100)
        assert logs.trim(log, largest=50)
        server.write(b"after\n")
    assert log.read_bytes() == b"after\n"
    assert (tmp_path / "8188.log.1").stat().st_size == 100
    assert not logs.trim(log, largest=50)


def test_a_progress_bar_in_the_log_is_its_last_state(tmp_path: Path) -> None:
    log = tmp_path / "8188.log"
    log.write_bytes(b"got prompt\r\n 10%|#\r 50%|#####\r100%|##########\nPrompt executed\n\n")
    assert logs.tail(log, 2) == ["100%|##########", "Prompt executed"]
    assert logs.tail(tmp_path / "none.log", 2) == []
