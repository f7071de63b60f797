"""A run on a machine behind a real ssh server: cut off in the middle, and lost."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.guard import locks
from ategnatos.machines import MACHINE_TIMEOUT, MACHINE_UNREACHABLE, Machine
from ategnatos.machines.local import LocalMachine
from ategnatos.machines.ssh.machine import SshMachine
from ategnatos.train.checkpoints import ledger
from ategnatos.train.machine import MACHINE_UNKNOWN
from ategnatos.train.plan.store import Kept
from ategnatos.train.run import bringing, control, holding, record, state, status
from ategnatos.train.run.lines import Rhythm
from ategnatos.train.watching import curve
from tests.machines import on_record, sshd
from tests.machines.on_record import NAME
from tests.machines.wire import Wire
from tests.train import fakes
from tests.train.run.studio import QUICK, Here, followed, now, opened, ordered, studio
from tests.waiting import wait_until

pytestmark = pytest.mark.sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Server]:
    if why := sshd.why_not():
        pytest.skip(why)
    running = sshd.Server(tmp_path_factory.mktemp("s") / "m")
    running.start()
    yield running
    running.end()


@pytest.fixture
def wire(server: sshd.Server) -> Iterator[Wire]:
    (server.mine / "known_hosts").unlink(missing_ok=True)
    running = Wire(server.port)
    yield running
    running.close()


@pytest.fixture
def rent(server: sshd.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts the server on a studio's record, with the timer that ends it."""
    monkeypatch.setenv("ATEGNATOS_MACHINES", str(tmp_path / "machines"))

    def put(project: Project, *, timer: bool = True) -> None:
        on_record.put(project, now(), timer=timer)
        on_record.way(tmp_path / "machines", server)

    return put


def reached(server: sshd.Server, wire: Wire) -> Any:
    """The machine through the wire, without waits between tries; this computer by its name."""

    def machine(project: Project, name: str) -> Machine:
        return LocalMachine() if name == "local" else SshMachine(NAME, server.link(wire.port))

    return machine


def order(project: Project, kept: Kept, trainer: str, home: Path) -> record.Run:
    return ordered(project, kept, trainer, home, machine=NAME)


def test_a_far_run_comes_home_though_the_line_breaks_and_its_supervisor_dies(
    server: sshd.Server,
    wire: Wire,
    rent: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    run_it = request.getfixturevalue("run")
    home = fakes.install(
        server.home / tmp_path.name, "simpletuner", {"log": "success", "hold_at": 5}
    )
    project, kept = studio(tmp_path, "sdxl/base", steps=8)
    rent(project)
    run = order(project, kept, "simpletuner", home)
    assert run.gpu == "gpu:runpod:p1"
    # And once more it does not answer, just when the last saves are to come home.
    broken = [MACHINE_TIMEOUT, MACHINE_UNREACHABLE]
    bring = bringing.bring

    def away(place: Any, output: str, *, over: bool) -> bool:
        if over and broken:
            raise StudioError(broken.pop(), "It does not answer.", hint="Wait.")
        return bring(place, output, over=over)

    monkeypatch.setattr(bringing, "bring", away)
    here = Here(machine=reached(server, wire))
    here(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    # The first save is here before the run is over.
    wait_until(lambda: any(one.usable for one in ledger.read(run.folder).entries))
    held = locks.standing(run.gpu, holding.name(run))
    assert held is not None
    assert held.holder.process is None
    wire.refuse = 1 << 30
    wire.cut()
    wait_until(lambda: state.live(run.folder).get("unreachable_since"))
    # Before it has reached the machine again, the supervisor is ended too.
    here.ending.set()
    here.join()
    assert record.load(project, run.id).state == "training"
    wire.refuse = 0
    fakes.go(home)
    run = followed(project, run, machine=reached(server, wire))
    assert run.state == "finished", run.why
    assert not broken
    assert status.bills(project, run)
    page = run_it("train", "status", run.id, "--project", project.root).out
    assert f"{NAME} is still rented and bills; 'ategnatos studio provider down {NAME}'" in page
    with database.connect(project) as db, database.writing(db):
        db.execute("DELETE FROM rental")
    assert not status.bills(project, run)
    saves = [(one.step, one.final) for one in ledger.read(run.folder).entries if one.usable]
    assert saves == [(4, False), (8, False), (8, True)]
    steps = [one.step for one in curve.read(run.folder).points]
    assert steps == sorted(set(steps))
    assert steps[-1] >= 7
    far = Path(state.read(run.folder)["there"])
    assert (run.folder / "attempts/1/log.txt").read_bytes() == (
        far / "attempts/1/log.txt"
    ).read_bytes()
    assert far.is_relative_to(server.home)
    assert str(far) in (run.folder / "simpletuner.json").read_text()
    assert len(fakes.starts(home)) == 1
    assert locks.standing(run.gpu, holding.name(run)) is None


def test_a_run_whose_machine_is_lost_goes_on_here(
    server: sshd.Server, wire: Wire, rent: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = ({"log": "success", "hold_at": 6},)
    home = fakes.install(server.home / tmp_path.name, "simpletuner", *orders)
    project, kept = studio(tmp_path, "sdxl/base", steps=8)
    rent(project)
    run = order(project, kept, "simpletuner", home)
    here = Here(machine=reached(server, wire), rhythm=Rhythm(0.02, 0.05, 1.0, QUICK.patience))
    here(project, control.number_of(run))
    wait_until(lambda: (home / "held").exists())
    wait_until(lambda: any(one.resumable for one in ledger.read(run.folder).entries))
    wire.refuse = 1 << 30
    wire.cut()
    here.join()
    run = record.load(project, run.id)
    assert run.state == "lost"
    assert "has not answered" in run.why
    near = fakes.install(tmp_path / "home", "simpletuner", {"log": "success"})
    after = Here()

    def full(*given: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copytree", full)
        with pytest.raises(StudioError, match="no space") as broken:
            control.resume(
                project, run, actor="user:ann", now=now(), machine="local", require=opened(near),
                begin=after,
            )  # fmt: skip
    assert broken.value.code.code == "disk_full"
    # What could not be taken along does not begin from nothing.
    assert record.every(project)[0].state == "stopped"
    assert control.attend(project, "gpu:local:0", after) is None
    made = control.resume(
        project, run, actor="user:ann", now=now(), machine="local", require=opened(near),
        begin=after,
    )  # fmt: skip
    after.join()
    second = record.load(project, made.run.id)
    assert (made.point, made.step) == ("checkpoint-4", 4)
    assert (second.parent, second.machine, second.state) == (run.id, "local", "finished")
    assert fakes.starts(near)[0]["resume"] == "checkpoint-4"
    assert str(second.folder) in fakes.starts(near)[0]["output"]
    fakes.go(home)


def test_a_machine_without_a_timer_trains_nothing(
    server: sshd.Server, rent: Any, tmp_path: Path
) -> None:
    project, kept = studio(tmp_path, "sdxl/base", steps=8)
    rent(project, timer=False)
    with pytest.raises(StudioError) as refused:
        order(project, kept, "simpletuner", tmp_path)
    # Without one it is no machine at all: what nobody ends is not trained on.
    assert refused.value.code is MACHINE_UNKNOWN
    assert not record.every(project)
