"""A provider from outside: all that somebody has to write to rent from a vendor of their own.

One class in one module, and one entry point that names it (see ``entry_points.txt`` beside it).
It needs the standard library and the values of ``ategnatos.providers``, and nothing else of the
house: no registry is edited, no base class inherited.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.budget.teardown import Ending, Look, Outcome, Presence
from ategnatos.providers import PROVIDER_REFUSED, PROVIDER_SILENT
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

STATES = {"building": State.PENDING, "ready": State.RUNNING, "broken": State.STOPPING}
REFUSALS = {401: Kind.AUTH, 402: Kind.BALANCE, 409: Kind.CAPACITY, 429: Kind.BUSY}


@dataclass
class Said:
    """An answer. ``status`` 0: none came; ``sent`` is whether the request may have arrived."""

    status: int
    body: Any
    sent: bool = True


class Toys:
    """The adapter of the Cloud of Toys; address and key from the environment."""

    name = "toys"
    label = "Cloud of Toys"

    def __init__(self) -> None:
        self.address = os.environ.get("TOYS_ADDRESS", "127.0.0.1:1")
        self.key = os.environ.get("TOYS_KEY", "")
        self.patience = float(os.environ.get("TOYS_PATIENCE", "10"))

    def terms(self) -> Terms:
        return Terms(bills=True, unit_seconds=60, visible_seconds=180, runs_start=True)

    def account(self) -> Account:
        return Account(Decimal(str(self._question("GET", "/account")["left"])))

    def offers(self, wanted: Wanted) -> Sequence[Offer]:
        found = [
            Offer("toys", one["id"], one["gpu"], 1, one["memory"], Decimal(one["price"]))
            for one in self._question("GET", "/offers")
        ]
        found = [
            one
            for one in found
            if (wanted.gpu is None or wanted.gpu.lower() in one.gpu.lower())
            and (wanted.vram_gb is None or one.vram_gb >= wanted.vram_gb)
            and (wanted.max_price is None or one.price <= wanted.max_price)
        ]
        return sorted(found, key=lambda one: (one.price, one.id))

    def create(self, intent: Intent, last_look: Callable[[], None] = lambda: None) -> Creation:
        body = {"name": intent.label, "offer": intent.offer.id, "key": intent.public_key}
        said = self._ask("POST", "/toys", body, last_look)
        if said.status == 201 and isinstance(said.body, dict):
            return Created(said.body["id"], Decimal(said.body["price"]))
        if not said.sent:
            return Refused(Kind.BUSY, "nobody listens")
        if said.status in REFUSALS and isinstance(said.body, dict):
            return Refused(REFUSALS[said.status], str(said.body))
        return Unknown(f"status {said.status}")

    def find(self, label: str) -> Sequence[Instance]:
        return [one for one in self._listed() if one.label == label]

    def ours(self) -> Sequence[Instance]:
        return [one for one in self._listed() if one.label.startswith(LABEL_PREFIX)]

    def get(self, resource: str) -> Instance | None:
        found = self._question("GET", f"/toys/{resource}", absent=True)
        return None if found is None else _instance(found)

    def ssh(self, resource: str) -> Sequence[SshPlace]:
        found = self.get(resource)
        return () if found is None else found.ssh

    def admit(self, resource: str, public_key: str) -> Ending:
        found = self._question("GET", f"/toys/{resource}", absent=True) or {}
        held = found.get("key") == public_key
        return Ending(Outcome.ACCEPTED if held else Outcome.REFUSED, "looked at its key")

    def stop(self, resource: str) -> Ending:
        return Ending(Outcome.REFUSED, "toys cannot pause")

    def terminate(self, resource: str) -> Ending:
        said = self._ask("DELETE", f"/toys/{resource}")
        if said.status in (0, 429, 503):
            said = self._ask("DELETE", f"/toys/{resource}")
        outcome = {
            204: Outcome.ACCEPTED,
            404: Outcome.ALREADY_GONE,
            401: Outcome.REFUSED,
            423: Outcome.REFUSED,
        }.get(said.status, Outcome.UNKNOWN)
        return Ending(outcome, f"status {said.status}")

    def observe(self, resource: str) -> Look:
        try:
            one = self.get(resource)
            there = one is not None or any(other.id == resource for other in self._listed())
        except StudioError as error:
            return Look(Presence.UNKNOWN, error.message)
        return Look(Presence.PRESENT if there else Presence.ABSENT)

    def billing_proof(self, resource: str, since: datetime) -> Bill:
        found = self._question("GET", f"/bills/{resource}", absent=True)
        return Bill(None, "no bill") if found is None else Bill(Decimal(found["usd"]), "its bill")

    def leftovers(self) -> Sequence[Leftover]:
        return [
            Leftover("toys", "box", one["id"], one["name"], Decimal("1.50"))
            for one in self._question("GET", "/boxes")
            if one["name"].startswith(LABEL_PREFIX)
        ]

    def remove(self, leftover: Leftover) -> Ending:
        said = self._ask("DELETE", f"/boxes/{leftover.id}")
        outcome = {204: Outcome.ACCEPTED, 404: Outcome.ALREADY_GONE}
        return Ending(outcome.get(said.status, Outcome.UNKNOWN), f"status {said.status}")

    def _listed(self) -> list[Instance]:
        return [_instance(one) for one in self._question("GET", "/toys")]

    def _question(self, method: str, path: str, *, absent: bool = False) -> Any:
        said = self._ask(method, path)
        if said.status in (0, 429, 503):
            said = self._ask(method, path)
        if said.status == 404 and absent:
            return None
        if said.status == 200 and said.body is not None:
            return said.body
        kind = REFUSALS.get(said.status)
        code = PROVIDER_SILENT if kind is None else PROVIDER_REFUSED
        raise StudioError(
            code,
            f"The Cloud of Toys answered with status {said.status}.",
            hint="Look at its page.",
            kind="silent" if kind is None else kind.value,
        )

    def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        last_look: Callable[[], None] = lambda: None,
    ) -> Said:
        line = http.client.HTTPConnection(self.address, timeout=self.patience)
        try:
            try:
                line.connect()
            except OSError:
                return Said(0, None, sent=False)
            last_look()
            headers = {"Authorization": f"Bearer {self.key}"}
            line.request(method, path, None if body is None else json.dumps(body), headers)
            answer = line.getresponse()
            content = answer.read()
            try:
                return Said(answer.status, json.loads(content) if content else None)
            except ValueError:
                return Said(-1, None)
        except (OSError, http.client.HTTPException):
            return Said(0, None)
        finally:
            line.close()


def _instance(one: dict[str, Any]) -> Instance:
    state = STATES.get(one["state"], State.UNKNOWN)
    place = (SshPlace("203.0.113.9", 2222, "toy"),) if state is State.RUNNING else ()
    return Instance(
        provider="toys",
        id=one["id"],
        label=one["name"],
        state=state,
        raw=one["state"],
        hopeless="it is broken" if one["state"] == "broken" else "",
        rate=Decimal(one["price"]),
        started=datetime.fromtimestamp(one["made"], UTC),
        ssh=place,
    )
