"""SkyPilot: many clouds through one program, ``sky``, in an environment of its own.

It is run and never imported. It finds the cheapest cloud and tears a cluster down when it idles;
a total budget and a search for orphans it lacks, so it stands under ours like every provider.
A cluster bears our label as its name, so asking twice for one finds the first.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.budget.teardown import Ending, Look, Outcome, Presence
from ategnatos.providers import PROVIDER_SILENT, answers
from ategnatos.providers.sky import program
from ategnatos.providers.values import (
    LABEL_PREFIX,
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
    Unknown,
    Wanted,
)

# Seconds for one run of the program. A launch provisions, and tries cloud after cloud.
LIMITS: Mapping[str, float] = {"launch": 3600.0, "status": 180.0, "down": 900.0, "books": 60.0}

# sky/utils/status_lib.py of SkyPilot 0.14.1. INIT may be live or down.
STATES: Mapping[str, State] = {
    "INIT": State.PENDING,
    "PENDING": State.PENDING,
    "UP": State.RUNNING,
    "STOPPED": State.STOPPING,
    "AUTOSTOPPING": State.STOPPING,
}

# What it says before it has asked any cloud for a machine.
_REFUSALS: tuple[tuple[str, Kind], ...] = (
    ("No cloud access is set up", Kind.AUTH),
    ("No enabled cloud", Kind.AUTH),
    ("Invalid resources YAML", Kind.REQUEST),
    ("Invalid task YAML", Kind.REQUEST),
    ("Catalog does not contain any instances satisfying the request", Kind.REQUEST),
    ("accelerators.csv", Kind.BLOCKED),
)


class Sky:
    """The adapter. ``run`` runs the program (for tests); ``say`` is given its lines of progress."""

    name = "sky"
    label = "SkyPilot"

    def __init__(self, run: program.Run = program.run) -> None:
        self._run = run
        self.say: Callable[[str], None] = lambda line: None

    def terms(self) -> Terms:
        """As :meth:`Provider.terms`. It bills where it is there, and was ever used by us."""
        return Terms(
            bills=program.used() and program.found() is not None,
            # A launch is one run of the program, and its cluster may show late in it.
            visible_seconds=LIMITS["launch"],
            list_seconds=30.0,
            boot_seconds=LIMITS["launch"],
            cap_hint="Set a budget at each cloud that 'sky check' lists; SkyPilot has none.",
        )

    def account(self) -> Account:
        """Which clouds it may use; money is each cloud's own."""
        done = self._run(["check", "-o", "json"], LIMITS["status"], self.say)
        found = _json(done)
        # By workspace; each holds the clouds that its credentials open.
        spaces = list(found.values()) if isinstance(found, dict) else []
        clouds = sorted({one for space in spaces if isinstance(space, dict) for one in space})
        return Account(None, f"clouds: {', '.join(clouds) or 'none'}")

    def offers(self, wanted: Wanted) -> Sequence[Offer]:
        """None: what it takes it chooses itself, under the highest price in the task."""
        return ()

    def create(self, intent: Intent, last_look: Callable[[], None] = lambda: None) -> Creation:
        """Launch the task in ``offer.details["task"]``, once, as a cluster of the label's name."""
        text = intent.offer.details.get("task")
        if not isinstance(text, str):
            return Refused(Kind.REQUEST, "a task is launched: ategnatos studio provider sky up")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "task.yaml"
            path.write_text(text, encoding="utf-8")
            line = ["launch", "--yes", "--detach-run", "--cluster", intent.label, str(path)]
            program.need()
            program.mark_used()
            last_look()
            done = self._run(line, LIMITS["launch"], self.say)
        if done.status == 0:
            return Created(intent.label, said=answers.text(done.last))
        for words, kind in _REFUSALS:
            if words in done.text:
                return Refused(kind, answers.text(done.last))
        return Unknown(f"sky launch ended with {done.status}: {answers.text(done.last)}")

    def find(self, label: str) -> Sequence[Instance]:
        """As :meth:`Provider.find`."""
        return [one for one in self._listed([]) if one.label == label]

    def ours(self) -> Sequence[Instance]:
        """As :meth:`Provider.ours`, as the program remembers them: it made them all itself."""
        if not program.used():
            return []
        return [one for one in self._listed([]) if one.label.startswith(LABEL_PREFIX)]

    def get(self, resource: str) -> Instance | None:
        """As :meth:`Provider.get`: asked of its cloud, not of the program's memory."""
        found = self._listed(["--refresh"])
        return next((one for one in found if one.id == resource), None)

    def ssh(self, resource: str) -> Sequence[SshPlace]:
        """None: it keeps the way to its clusters itself (``ssh NAME``)."""
        return ()

    def admit(self, resource: str, public_key: str) -> Ending:
        """It lets in its own key only."""
        return Ending(Outcome.REFUSED, "SkyPilot keeps the key of its clusters itself")

    def stop(self, resource: str) -> Ending:
        """Not offered: a cluster that is stopped bills its disk, and nobody looks at it."""
        return Ending(Outcome.REFUSED, "end it instead: what is stopped bills on")

    def terminate(self, resource: str) -> Ending:
        """As :meth:`Provider.terminate`. The program answers 0 also for a name it does not know."""
        try:
            done = self._run(["down", "--yes", resource], LIMITS["down"], self.say)
        except StudioError as error:
            return Ending(Outcome.UNKNOWN, error.message)
        if "Cluster(s) not found" in done.text:
            return Ending(Outcome.ALREADY_GONE, answers.text(done.last))
        if done.status == 0:
            return Ending(Outcome.ACCEPTED, answers.text(done.last))
        return Ending(Outcome.UNKNOWN, f"status {done.status}: {answers.text(done.last)}")

    def observe(self, resource: str) -> Look:
        """As :meth:`Provider.observe`. What it knows, it knows from files on this computer: absent
        is a cluster that its history holds and its list does not, never one that it forgot.
        """
        look = answers.observe(lambda: self.get(resource), lambda: self._listed([]), resource)
        if look.presence is not Presence.ABSENT:
            return look
        try:
            known = any(one.get("name") == resource for one in self._books())
        except StudioError as error:
            return Look(Presence.UNKNOWN, error.message)
        if known:
            return Look(Presence.ABSENT, "not in SkyPilot's list, and in its history")
        return Look(Presence.UNKNOWN, "SkyPilot's files do not hold it: ask the cloud itself")

    def billing_proof(self, resource: str, since: datetime) -> Bill:
        """Its own reckoning: time up and the catalogue's price. No cloud was asked."""
        total = None
        for one in self._books():
            if one.get("name") == resource:
                cost = answers.money(one.get("total_cost"))
                total = cost if total is None or cost is None else total + cost
        if total is None:
            return Bill(None, "SkyPilot's cost report does not hold it")
        return Bill(total, f"SkyPilot reckons {total} USD by its price list; no cloud was asked")

    def leftovers(self) -> Sequence[Leftover]:
        """None that is known: a task of ours makes no volume and no bucket."""
        return ()

    def remove(self, leftover: Leftover) -> Ending:
        """Nothing of it is ours to remove."""
        return Ending(Outcome.REFUSED, "it is not SkyPilot's")

    def _listed(self, options: list[str]) -> list[Instance]:
        hidden = ["--no-show-managed-jobs", "--no-show-services", "--no-show-pools"]
        rows = self._rows(["status", "-o", "json", *hidden, *options], LIMITS["status"])
        return answers.oldest_first([_instance(one) for one in rows])

    def _books(self) -> list[dict[str, Any]]:
        return self._rows(["cost-report", "-o", "json"], LIMITS["books"])

    def _rows(self, arguments: list[str], seconds: float) -> list[dict[str, Any]]:
        done = self._run(arguments, seconds, self.say)
        found = _json(done)
        if not isinstance(found, list):
            raise StudioError(
                PROVIDER_SILENT,
                f"SkyPilot did not list its clusters (status {done.status}:"
                f" {answers.text(done.last)}). What is there counts as billing.",
                hint="Look with 'sky status'; its server may have to be started: sky api start.",
                kind="silent",
            )
        return [one for one in found if isinstance(one, dict)]


def _instance(one: dict[str, Any]) -> Instance:
    name = answers.text(one.get("name"))
    raw = answers.text(one.get("status"))
    state = STATES.get(raw, State.UNKNOWN)
    # A cluster that was up and was found out of order is shown as INIT again.
    if raw == "INIT" and one.get("init_kind") == "unhealthy":
        state = State.UNKNOWN
    return Instance(
        provider=Sky.name,
        id=name,
        label=name,
        state=state,
        raw=raw,
        said=answers.text(one.get("init_status_reason")) or answers.text(one.get("resources_str")),
        gpu=answers.text(one.get("accelerators")),
        region=f"{answers.text(one.get('cloud'))} {answers.text(one.get('region'))}".strip(),
        started=answers.moment(one.get("launched_at")),
    )


def _json(done: program.Done) -> Any:
    """What it printed as JSON; before it may stand a word of its server that was started."""
    if done.status != 0:
        return None
    for place, letter in enumerate(done.text):
        if letter in "[{":
            try:
                return json.JSONDecoder().raw_decode(done.text[place:])[0]
            except ValueError:
                continue
    return None
