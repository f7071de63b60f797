"""This computer as a provider: nothing is billed, and the same verbs do the same things.

A machine here is a group of processes, begun with the start script of the intent and ended with
it. What it is stands in one file, made exclusively under its label: so one label is one machine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ategnatos.guard.budget.teardown import Ending, Look, Outcome
from ategnatos.guard.locks import process
from ategnatos.providers import answers
from ategnatos.providers.values import (
    Account,
    Bill,
    Created,
    Creation,
    Instance,
    Intent,
    Kind,
    Leftover,
    Offer,
    Refused,
    SshPlace,
    State,
    Terms,
    Wanted,
)

# A machine without a start script is there until it is ended, and does nothing by itself.
_IDLE = "while :; do sleep 3600; done"
# Seconds after a polite order to end before the next order is not polite.
_POLITE_SECONDS = 10.0
# In the environment of every process of a machine: by it one is found whose maker died before
# the file named it. A file that names none after this many seconds has none.
_MARK = "ATEG_MACHINE"
_STILLBORN_SECONDS = 60.0


class Local:
    """The adapter. ``folder`` keeps the machines' files; default: the account's state folder."""

    name = "local"
    label = "This computer"

    def __init__(self, folder: Path | None = None) -> None:
        self._given = folder

    @property
    def folder(self) -> Path:
        """Where the machines' files lie."""
        if self._given is not None:
            return self._given
        from platformdirs.unix import Unix

        named = os.environ.get("ATEGNATOS_MACHINES", "")
        state = Unix("ategnatos", appauthor=False).user_state_path
        return Path(named) if named else state / "machines"

    def terms(self) -> Terms:
        """As :meth:`Provider.terms`."""
        return Terms(
            bills=False,
            visible_seconds=0,
            list_seconds=1,
            boot_seconds=60,
            runs_start=True,
            cap_hint="Nothing is billed; a timer still ends what runs too long.",
        )

    def account(self) -> Account:
        """As :meth:`Provider.account`."""
        return Account(None, "no account is needed")

    def offers(self, wanted: Wanted) -> Sequence[Offer]:
        """One offer, this computer, where it is what is wanted."""
        from ategnatos.machines.local import LocalMachine

        facts = LocalMachine().facts()
        gpus = facts.gpus
        memory = min((one.memory_mib for one in gpus), default=0) / 1024
        gpu = gpus[0].name if gpus else "no GPU"
        free = self._free_gb()
        missing = (
            wanted.bid
            or (wanted.gpu is not None and wanted.gpu.lower() not in gpu.lower())
            or (wanted.vram_gb is not None and memory < wanted.vram_gb)
            or (wanted.region not in (None, "", "local"))
            or len(gpus) < (wanted.count if wanted.count > 1 else 0)
        )
        if missing:
            return []
        return [
            Offer(
                provider=self.name,
                id="this",
                gpu=gpu,
                gpu_count=len(gpus),
                vram_gb=round(memory, 1),
                price=Decimal(0),
                region="local",
                available=free >= wanted.disk_gb,
                left="" if free >= wanted.disk_gb else f"only {free:.0f} GB of disk are free",
                disk_gb=free,
                cpu_cores=float(facts.cores),
                memory_gb=round(facts.memory / (1 << 30), 1),
                driver=gpus[0].driver if gpus else "",
                cuda=gpus[0].cuda if gpus else "",
            )
        ]

    def create(self, intent: Intent, last_look: Callable[[], None] = lambda: None) -> Creation:
        """As :meth:`Provider.create`; ``sh`` runs the start script in a session of its own."""
        if intent.bid is not None or intent.image or intent.ports:
            return Refused(Kind.REQUEST, "this computer takes no bid, image or port")
        free = self._free_gb()
        if free < intent.disk_gb:
            return Refused(Kind.CAPACITY, f"only {free:.0f} GB of disk are free here")
        path = self._path(intent.label)
        if path is None:
            return Refused(Kind.REQUEST, f"{intent.label!r} cannot be the name of a file")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        last_look()
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return Refused(Kind.REQUEST, f"a machine called {intent.label} exists already")
        with os.fdopen(handle, "w") as file:
            child = subprocess.Popen(
                ["sh", "-c", intent.start or _IDLE],
                env={**os.environ, **intent.env, "ATEG_RUN": intent.run, _MARK: intent.label},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            found = process.of(child.pid)
            entry = {
                "label": intent.label,
                "pid": child.pid,
                "started": found.started if found is not None else "",
                "machine": process.machine(),
                "at": datetime.now(UTC).isoformat(),
            }
            json.dump(entry, file)
        return Created(intent.label, Decimal(0))

    def find(self, label: str) -> Sequence[Instance]:
        """As :meth:`Provider.find`."""
        return [one for one in self.ours() if one.label == label]

    def ours(self) -> Sequence[Instance]:
        """As :meth:`Provider.ours`: every machine here is of our making."""
        found = [self.get(path.stem) for path in sorted(self.folder.glob("*.json"))]
        there = [one for one in found if one is not None and one.state is not State.TERMINATED]
        return answers.oldest_first(there)

    def get(self, resource: str) -> Instance | None:
        """As :meth:`Provider.get`. A process that ended, or a restart, ended the machine."""
        path = self._path(resource)
        if path is None or not path.exists():
            return None
        entry = _read(path) or _searched(resource)
        if not entry:
            return self._instance(resource, State.UNKNOWN, {}, "its file names no process (yet)")
        alive = process.alive(_process(entry))
        if alive is None:
            return self._instance(resource, State.UNKNOWN, entry, "it belongs to another computer")
        if not alive:
            return self._instance(resource, State.TERMINATED, entry, "its process has ended")
        state = State.STOPPING if "asked" in entry else State.RUNNING
        return self._instance(resource, state, entry, "")

    def ssh(self, resource: str) -> Sequence[SshPlace]:
        """No ssh leads here; ``machines.local`` works without."""
        return ()

    def admit(self, resource: str, public_key: str) -> Ending:
        """Whoever can ask is here already."""
        if self.get(resource) is None:
            return Ending(Outcome.UNKNOWN, "there is no such machine here (yet)")
        return Ending(Outcome.ACCEPTED, "no key is needed on this computer")

    def stop(self, resource: str) -> Ending:
        """As :meth:`terminate`: a halted process keeps nothing."""
        return self.terminate(resource)

    def terminate(self, resource: str) -> Ending:
        """A polite signal to the whole group, and a hard one when asked again after 10 s."""
        path = self._path(resource)
        if path is None or not path.exists():
            return Ending(Outcome.ALREADY_GONE, "there is no such machine here")
        entry = _read(path) or _searched(resource)
        if not entry and time.time() - path.stat().st_mtime > _STILLBORN_SECONDS:
            path.unlink(missing_ok=True)
            return Ending(Outcome.ALREADY_GONE, "no process was ever started for it")
        alive = process.alive(_process(entry)) if entry else None
        if alive is None:
            return Ending(Outcome.REFUSED, "it is not known to be a process of this computer")
        if not alive:
            path.unlink(missing_ok=True)
            return Ending(Outcome.ALREADY_GONE, "its process has ended")
        asked = answers.moment(entry.get("asked"))
        now = datetime.now(UTC)
        hard = asked is not None and (now - asked).total_seconds() > _POLITE_SECONDS
        if asked is None:
            from ategnatos.grimoire.files import write_atomic

            write_atomic(path, json.dumps({**entry, "asked": now.isoformat()}).encode())
        try:
            os.killpg(int(entry["pid"]), signal.SIGKILL if hard else signal.SIGTERM)
        except ProcessLookupError:
            return Ending(Outcome.ALREADY_GONE, "its process has ended")
        except PermissionError as error:
            return Ending(Outcome.REFUSED, str(error))
        return Ending(Outcome.ACCEPTED, "killed" if hard else "asked to end")

    def observe(self, resource: str) -> Look:
        """As :meth:`Provider.observe`."""
        return answers.observe(lambda: self.get(resource), self.ours, resource)

    def billing_proof(self, resource: str, since: datetime) -> Bill:
        """Nothing is billed here."""
        return Bill(Decimal(0), "this computer bills nothing")

    def leftovers(self) -> Sequence[Leftover]:
        """Nothing outlives a machine here."""
        return []

    def remove(self, leftover: Leftover) -> Ending:
        """There is nothing to remove."""
        return Ending(Outcome.ALREADY_GONE, "nothing is left over on this computer")

    def _instance(self, label: str, state: State, entry: dict[str, Any], said: str) -> Instance:
        return Instance(
            provider=self.name,
            id=label,
            label=label,
            state=state,
            raw=state.value,
            said=said,
            rate=Decimal(0),
            region="local",
            started=answers.moment(entry.get("at")),
        )

    def _path(self, label: str) -> Path | None:
        sound = label.replace("-", "").replace("_", "")
        if not (sound.isascii() and sound.isalnum() and len(label) <= 100):
            return None
        return self.folder / f"{label}.json"

    def _free_gb(self) -> float:
        there = self.folder
        while not there.exists():
            there = there.parent
        try:
            return shutil.disk_usage(there).free / 1e9
        except OSError as error:
            raise answers.silent(self.label, f"the disk cannot be read: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    whole = isinstance(found, dict) and isinstance(found.get("pid"), int)
    return found if whole else {}


def _searched(label: str) -> dict[str, Any]:
    """The leader of the group that bears the label's mark, as its file would have named it."""
    import psutil

    for one in psutil.process_iter():
        try:
            marked = one.environ().get(_MARK) == label and os.getsid(one.pid) == one.pid
        except (psutil.Error, OSError):
            continue  # somebody else's, or gone meanwhile
        found = process.of(one.pid) if marked else None
        if found is not None:
            return {"pid": found.pid, "started": found.started, "machine": found.machine}
    return {}


def _process(entry: dict[str, Any]) -> process.Process:
    return process.Process(
        int(entry["pid"]), str(entry.get("started")), str(entry.get("machine")), "local"
    )
