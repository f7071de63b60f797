"""Lambda Cloud: virtual machines at fixed prices, no bids, no pause, one billing line an hour.

Only the refusals that its OpenAPI document (1.10.0) lists prove that a launch made nothing; a
429 proves nothing, for others have found a machine behind one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.budget.teardown import Ending, Outcome
from ategnatos.providers import answers
from ategnatos.providers.adapter import Adapter, facts, live, sent_unknown
from ategnatos.providers.lambda_cloud import reading
from ategnatos.providers.pace import Interval, Pace
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
    Terms,
    Unknown,
    Wanted,
)
from ategnatos.providers.web import Answer, NoAnswer

INTERVALS = (
    Interval("POST", "/api/v1/instance-operations/launch", 12.0),
    Interval("*", ".*", 1.0),
)
_CODES = {
    "instance-operations/launch/insufficient-capacity": Kind.CAPACITY,
    "instance-operations/launch/file-system-in-wrong-region": Kind.REQUEST,
    "global/invalid-parameters": Kind.REQUEST,
    "global/object-does-not-exist": Kind.REQUEST,
    "global/duplicate": Kind.REQUEST,
    "global/quota-exceeded": Kind.QUOTA,
    "global/invalid-api-key": Kind.AUTH,
    "global/forbidden": Kind.AUTH,
    "global/account-inactive": Kind.BALANCE,
    "global/invalid-address": Kind.BALANCE,
    "global/conflict": Kind.REQUEST,
    "filesystems/filesystem-in-use": Kind.REQUEST,
}
_PROVEN = frozenset(_CODES) - {"global/conflict", "global/duplicate", "global/forbidden"}
_GONE = "global/object-does-not-exist"


class LambdaCloud(Adapter):
    """The adapter. The label is the machine's name, and that of the key made for it."""

    name = "lambda_cloud"
    label = "Lambda Cloud"
    secret = "lambda"  # noqa: S105 - the credential's name, not the credential
    address = "https://cloud.lambda.ai"
    address_variable = "LAMBDA_API_URL"

    def usual_pace(self) -> Callable[[str, str], None] | None:
        """As :meth:`Adapter.usual_pace`."""
        return Pace(INTERVALS, sleep=self._sleep)

    def terms(self) -> Terms:
        """As :meth:`Provider.terms`. No key of Lambda can be limited to one machine, so nothing
        on the machine can end it.
        """
        return Terms(
            bills=True,
            unit_seconds=60,
            visible_seconds=180,
            list_seconds=15,
            boot_seconds=1200,
            runs_start=True,
            cap_hint="Lambda has no limit that stops machines: set a budget alert on its page of"
            " usage, and keep 'ategnatos studio reaper' running.",
        )

    def account(self) -> Account:
        """As :meth:`Provider.account`."""
        self.listed()
        return Account(None, "the key works; the API does not say the balance")

    def offers(self, wanted: Wanted) -> Sequence[Offer]:
        """As :meth:`Provider.offers`. There are no bids here."""
        if wanted.bid:
            return []
        found = self.question("offers", "GET", "/api/v1/instance-types") or {}
        return reading.offers(found.get("data"), wanted)

    def create(self, intent: Intent, last_look: Callable[[], None] = lambda: None) -> Creation:
        """As :meth:`Provider.create`. The key is registered under the label first, which costs
        nothing; the account's other keys are not touched.
        """
        no = _impossible(intent) or self._register(intent)
        if no is not None:
            return no
        path = "/api/v1/instance-operations/launch"
        try:
            answer = self.web.send(
                "create", "POST", path, body=reading.launch(intent), last_look=last_look
            )
        except NoAnswer as error:
            return sent_unknown(error)
        if answer.status == 200:
            data = answer.object.get("data")
            made = data.get("instance_ids") if isinstance(data, dict) else None
            if isinstance(made, list) and len(made) == 1 and isinstance(made[0], str) and made[0]:
                return Created(made[0], intent.offer.price)
            return Unknown(f"status 200 without one machine: {answer.text}")
        if answer.status == 429 or (_code(answer) not in _PROVEN and not _blocked(answer)):
            return Unknown(f"status {answer.status}: {self.said(answer)}")
        return self.no_create(answer)

    def get(self, resource: str) -> Instance | None:
        """As :meth:`Provider.get`."""
        found = self.question("get", "GET", _vm(resource), absent=_gone)
        if found is None:
            return None
        if not isinstance(found.get("data"), dict):
            raise answers.silent(self.label, "its answer holds no instance")
        return reading.instance(found["data"])

    def listed(self) -> Sequence[Instance]:
        """Every machine of the account that is not terminated."""
        found = self._data("/api/v1/instances")
        return live([reading.instance(one) for one in found])

    def admit(self, resource: str, public_key: str) -> Ending:
        """The key is given at launch and never later; this only looks whether it was."""
        found = self.question("get", "GET", _vm(resource), absent=_gone)
        data = None if found is None else found.get("data")
        if not isinstance(data, dict):
            return Ending(Outcome.UNKNOWN, "the machine is not visible (yet)")
        names = data.get("ssh_key_names")
        for one in self._data("/api/v1/ssh-keys"):
            if one.get("name") in (names if isinstance(names, list) else []) and _same(
                one.get("public_key"), public_key
            ):
                return Ending(Outcome.ACCEPTED, "it was launched with this key")
        return Ending(Outcome.REFUSED, "it was launched with another key, which cannot be changed")

    def stop(self, resource: str) -> Ending:
        """Lambda has no pause: a machine that is shut down bills on."""
        return Ending(Outcome.REFUSED, "Lambda Cloud cannot stop a machine, only end it")

    def terminate(self, resource: str) -> Ending:
        """As :meth:`Provider.terminate`; an id that the answer leaves out was not accepted."""
        path = "/api/v1/instance-operations/terminate"
        missing = False

        def accepted(answer: Answer) -> bool:
            nonlocal missing
            if answer.status != 200:
                return False
            data = answer.object.get("data")
            ended = data.get("terminated_instances") if isinstance(data, dict) else None
            ids = [one.get("id") for one in ended or [] if isinstance(one, dict)]
            missing = isinstance(ended, list) and resource not in ids
            return resource in ids

        ending = self.order(
            "terminate", "POST", path, body={"instance_ids": [resource]}, done=accepted, gone=_gone
        )
        if missing:
            return Ending(Outcome.REFUSED, "its answer leaves this machine out: not accepted")
        return ending

    def billing_proof(self, resource: str, since: datetime) -> Bill:
        """Lambda's API has no books; what it cost is price times time by our own clock."""
        return Bill(None, "Lambda's API says no bill; the usage page does")

    def leftovers(self) -> Sequence[Leftover]:
        """As :meth:`Provider.leftovers`: file systems, which bill, and keys, which do not."""
        price = Decimal(facts(self.name)["storage"]["filesystem"])
        found = [
            self._file_system(one, price)
            for one in self._data("/api/v1/file-systems")
            if str(one.get("name", "")).startswith(LABEL_PREFIX)
        ]
        used = {one.label for one in self.listed()}
        for one in self._data("/api/v1/ssh-keys"):
            name = answers.text(one.get("name"))
            if name.startswith(LABEL_PREFIX) and name not in used:
                key = answers.text(one.get("id"))
                said = "the key of a machine that is gone"
                found.append(Leftover(self.name, "key", key, name, Decimal(0), None, said))
        return found

    def remove(self, leftover: Leftover) -> Ending:
        """As :meth:`Provider.remove`."""
        folder = {"filesystem": "filesystems", "key": "ssh-keys"}.get(leftover.kind)
        if folder is None:
            return Ending(Outcome.REFUSED, f"Lambda has nothing of the kind {leftover.kind!r}")
        path = f"/api/v1/{folder}/{quote(leftover.id, safe='')}"
        return self.order("remove", "DELETE", path, gone=_gone)

    def kind_of(self, answer: Answer) -> Kind | None:
        """As :meth:`Adapter.kind_of`; by the code alone, and never inside a 5xx."""
        if answer.status == 429:
            return Kind.BUSY
        if _blocked(answer):
            return Kind.BLOCKED
        return _CODES.get(_code(answer)) if 400 <= answer.status < 500 else None

    def said(self, answer: Answer) -> str:
        """As :meth:`Adapter.said`."""
        error = answer.object.get("error")
        if not isinstance(error, dict):
            return answer.text or "no words"
        words = [answers.text(error.get(name)) for name in ("message", "suggestion")]
        return " ".join(one for one in words if one) or _code(answer)

    def _file_system(self, one: dict[str, Any], price: Decimal) -> Leftover:
        used = answers.number(one.get("bytes_used"))
        size = None if used is None else used / 1e9
        monthly = None if size is None else Decimal(str(size)) * price
        said = "in use" if one.get("is_in_use") is True else "not in use"
        name = answers.text(one.get("name"))
        return Leftover(
            self.name, "filesystem", answers.text(one.get("id")), name, monthly, size, said
        )

    def _register(self, intent: Intent) -> Refused | None:
        """See to it that the machine's own key is known under its label; nothing bills yet."""
        try:
            for one in self._data("/api/v1/ssh-keys"):
                if one.get("name") == intent.label:
                    if _same(one.get("public_key"), intent.public_key):
                        return None
                    return Refused(Kind.REQUEST, f"a key called {intent.label} exists already")
            body = {"name": intent.label, "public_key": intent.public_key}
            self.question("admit", "POST", "/api/v1/ssh-keys", body=body)
        except StudioError as error:
            kind = error.details.get("kind")
            if kind is None:
                raise  # no credential: nobody was asked
            said = f"the key could not be registered, nothing was launched: {error.message}"
            known = Kind.BUSY if kind == "silent" else Kind(str(kind))
            return Refused(known, said, error.details.get("wait"))
        return None

    def _data(self, path: str) -> list[dict[str, Any]]:
        found = (self.question("list", "GET", path) or {}).get("data")
        if not isinstance(found, list):
            raise answers.silent(self.label, f"its answer to {path} holds no list")
        return [one for one in found if isinstance(one, dict)]


def _impossible(intent: Intent) -> Refused | None:
    details = intent.offer.details
    if intent.bid is not None:
        return Refused(Kind.REQUEST, "Lambda Cloud takes no bids")
    if not details.get("region"):
        return Refused(Kind.CAPACITY, f"{details.get('type')} is sold out everywhere")
    if intent.disk_gb > intent.offer.disk_gb:
        said = f"the disk is {intent.offer.disk_gb:g} GB and cannot be chosen"
        return Refused(Kind.REQUEST, said)
    if intent.image:
        return Refused(Kind.REQUEST, "container images cannot be chosen; it starts its own system")
    if intent.ports:
        said = "ports are opened for the whole account there; use a tunnel over ssh"
        return Refused(Kind.REQUEST, said)
    if len(intent.label) > 63:
        return Refused(Kind.REQUEST, "the label is longer than 63 characters")
    if len(intent.start) > reading.LONGEST_START:
        return Refused(Kind.REQUEST, "the start script is longer than 1 MB")
    return None


def _code(answer: Answer) -> str:
    error = answer.object.get("error")
    return answers.text(error.get("code")) if isinstance(error, dict) else ""


def _blocked(answer: Answer) -> bool:
    """Cloudflare's own page: it turned the request away before it reached Lambda."""
    return answer.status == 403 and answer.json is None


def _gone(answer: Answer) -> bool:
    return answer.status == 404 and _code(answer) == _GONE


def _same(held: object, wanted: str) -> bool:
    return isinstance(held, str) and held.split()[:2] == wanted.split()[:2]


def _vm(resource: str) -> str:
    return f"/api/v1/instances/{quote(resource, safe='')}"
