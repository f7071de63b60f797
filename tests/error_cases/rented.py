"""One real refusal for every error code of rented machines; ssh and the provider are played."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

from ategnatos.commands.contract import Call
from ategnatos.commands.studio import provider, provider_end, provider_phase, provider_work
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved
from ategnatos.machines.ssh.dead_man import Limits
from ategnatos.providers.local import Local
from ategnatos.providers.values import Instance, Leftover, SshPlace, State, Wanted
from ategnatos.studio import fleet, market, moving_in, ways
from ategnatos.studio.renting import keys
from tests.machines import on_record
from tests.machines.on_record import LABEL, NAME

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

_SSH = r"""#!/bin/sh
while [ "$1" != -E ]; do shift; done
printf 'Authenticated to x\n' >> "$2"
printf 'debug1: client_input_channel_req: channel 0 rtype exit-status reply 0\n' >> "$2"
exit 5
"""


@contextmanager
def _rented(folder: Path) -> Iterator[Project]:
    """A studio with one machine, whose ssh answers everything with status 5."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "ssh").write_text(_SSH)
    (programs / "ssh").chmod(0o755)
    own = {
        "ATEGNATOS_MACHINES": str(folder / "machines"),
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    with patch.dict(os.environ, own):
        project = Project.create(folder / "studio")
        approved.ensure_file(project)
        keys.make(LABEL)
        on_record.put(project, NOW)
        yield project


def _call(project: Project) -> Call:
    return Call("test", json=True, project_option=project.root)


def _no_way(folder: Path) -> None:
    with patch.dict(os.environ, {"ATEGNATOS_MACHINES": str(folder)}):
        ways.link(LABEL, NAME)


def _which(folder: Path) -> None:
    ways.one(Project.create(folder / "studio"), None)


def _offer_name(folder: Path) -> None:
    market.find("nothing", Wanted())


def _offer_gone(folder: Path) -> None:
    market.find("local:no such offer", Wanted())


def _nobody(folder: Path) -> None:
    with _rented(folder) as project, patch.dict(os.environ):
        os.environ.pop("RUNPOD_API_KEY", None)
        provider.offers(_call(project), provider=["runpod"])


class _Hopeless(Local):
    def get(self, resource: str) -> Instance | None:
        return Instance("local", resource, LABEL, State.PENDING, hopeless="its image is broken")


def _not_up(folder: Path) -> None:
    with _rented(folder) as project:
        rental, _ = ways.one(project, None)
        moving_in.move_in(
            project,
            _Hopeless(folder / "local"),
            rental,
            LABEL,
            Limits(60),
            actor="user:test",
            clock=lambda: NOW,
        )


def _failed(folder: Path) -> None:
    with _rented(folder) as project:
        ways.keep(NAME, LABEL, SshPlace("127.0.0.1", 22, "root"))
        failed = provider_work.run(_call(project), NAME, ["--", "false"]).failed
        assert failed is not None
        raise failed


def _no_script(folder: Path) -> None:
    with _rented(folder) as project:
        ways.keep(NAME, LABEL, SshPlace("127.0.0.1", 22, "root"))
        provider_phase.phase(_call(project), "train")


def _fleet(folder: Path) -> None:
    with _rented(folder) as project:
        way = ways.keep(NAME, LABEL, SshPlace("127.0.0.1", 22, "root"))
        fleet.look(ways.link(way.label, f"{project.root.name}"))


def _results(folder: Path) -> None:
    with _rented(folder) as project:
        ways.keep(NAME, LABEL, SshPlace("127.0.0.1", 22, "root"))
        seen = fleet.Health(0.1, 1, 0.0, (), {"owl-1": "trains"})
        with patch.object(fleet, "look", return_value=seen):
            provider_end.down(_call(project))


def _unfit(folder: Path) -> None:
    with _rented(folder) as project:
        ways.keep(NAME, LABEL, SshPlace("127.0.0.1", 22, "root"))
        failed = provider_work.validate(_call(project)).failed
        assert failed is not None
        raise failed


class _Leaving(Local):
    def leftovers(self) -> list[Leftover]:
        return [Leftover("local", "volume", "v1", "ateg-v", Decimal("2.80"))]


def _left(folder: Path) -> None:
    with _rented(folder) as project, patch("ategnatos.providers.load_provider") as load:
        load.return_value = _Leaving(folder / "local")
        failed = provider_end.leftovers(_call(project), provider=["local"]).failed
        assert failed is not None
        raise failed


CASES: dict[str, Callable[[Path], None]] = {
    "no_way": _no_way,
    "no_phase_script": _no_script,
    "fleet_odd": _fleet,
    "results_there": _results,
    "which_machine": _which,
    "offer_name": _offer_name,
    "offer_gone": _offer_gone,
    "no_provider_answered": _nobody,
    "machine_not_up": _not_up,
    "remote_failed": _failed,
    "machine_unfit": _unfit,
    "left_over": _left,
}
