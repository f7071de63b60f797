"""Vast.ai: a market of strangers' machines, on demand or by bids. Own client, single sends.

Its own client sends a create again after a timeout or a 502, which can rent twice. Sources: its
OpenAPI document, the package vastai 1.9.1 and docs.vast.ai, as of August 2026.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ategnatos.guard.budget.teardown import Ending, Outcome
from ategnatos.providers import answers
from ategnatos.providers.adapter import Adapter, live, sent_unknown
from ategnatos.providers.pace import Interval, Pace
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
    Terms,
    Unknown,
    Wanted,
)
from ategnatos.providers.vastai import reading
from ategnatos.providers.web import Answer, NoAnswer

# Seconds between two calls, by its own documents (x-rate-limit.threshold).
INTERVALS = (
    Interval("PUT", r"/api/v0/asks/\d+/", 4.5),
    Interval("DELETE", r"/api/v0/instances/\d+/", 3.0),
    Interval("GET", r"/api/v0/instances/\d+/", 2.0),
    Interval("GET", r"/api/v1/instances/", 1.0),
    Interval("PUT", r"/api/v0/instances/\d+/", 1.0),
    Interval("POST", r"/api/v0/bundles/", 6.0),
    Interval("GET", r"/api/v0/charges/", 1.0),
    Interval("POST", r"/api/v0/instances/\d+/ssh/", 1.0),
)
LONGEST_START = 4000
_PAGES = 40
# Made for this one machine, and able to end nothing else.
_SELF_END = (
    'curl -fsS -X DELETE -H "Authorization: Bearer $CONTAINER_API_KEY"'
    ' -H "Content-Type: application/json" -d "{}"'
    ' "https://console.vast.ai/api/v0/instances/$CONTAINER_ID/"'
)
_ERRORS = {
    "no_such_ask": Kind.CAPACITY,
    "invalid_args": Kind.REQUEST,
    "invalid_price": Kind.REQUEST,
    "no_ssh_key_for_vm": Kind.REQUEST,
    "no_ssh_key": Kind.REQUEST,
    "team_ssh_keys_not_supported": Kind.REQUEST,
    "missing_billing": Kind.BALANCE,
    "spend_rate_limit": Kind.QUOTA,
    "auth_error": Kind.AUTH,
    "no_such_instance": Kind.REQUEST,
    "no_such_volume": Kind.REQUEST,
    "not_found": Kind.REQUEST,
}


class VastAi(Adapter):
    """The adapter. A machine is a contract; the label is its label."""

    name = "vastai"
    label = "Vast.ai"
    secret = "vastai"  # noqa: S105 - the credential's name, not the credential
    address = "https://console.vast.ai"
    address_variable = "VAST_URL"

    def usual_pace(self) -> Callable[[str, str], None] | None:
        """As :meth:`Adapter.usual_pace`."""
        return Pace(INTERVALS, sleep=self._sleep)

    def terms(self) -> Terms:
        """As :meth:`Provider.terms`."""
        return Terms(
            bills=True,
            unit_seconds=1,
            visible_seconds=180,
            list_seconds=5,
            boot_seconds=900,
            stops=True,
            bids=True,
            self_end=_SELF_END,
            self_end_sure=True,
            cap_hint="Vast.ai spends what is on the account: switch automatic top-up off, remove"
            " the saved card, and load only what you mean to spend.",
            runs_start=True,
        )

    def account(self) -> Account:
        """As :meth:`Provider.account`: the prepaid credit."""
        found = self.question("get", "GET", "/api/v0/users/current/") or {}
        return Account(answers.money(found.get("credit")), "the key works")

    def offers(self, wanted: Wanted) -> Sequence[Offer]:
        """As :meth:`Provider.offers`; ten searches a minute, and a number of them a day."""
        body = reading.search(wanted)
        found = self.question("offers", "POST", "/api/v0/bundles/", body=body) or {}
        return reading.offers(found.get("offers"), wanted)

    def create(self, intent: Intent, last_look: Callable[[], None] = lambda: None) -> Creation:
        """As :meth:`Provider.create`. One offer can be rented once, which helps; the label finds
        what an answer that was lost has made.
        """
        no = _impossible(intent)
        if no is not None:
            return no
        path = f"/api/v0/asks/{intent.offer.id}/"
        try:
            answer = self.web.send(
                "create", "PUT", path, body=reading.create(intent), last_look=last_look
            )
        except NoAnswer as error:
            return sent_unknown(error)
        found = answer.object
        made = found.get("new_contract")
        if isinstance(made, int) and not isinstance(made, bool):
            if 200 <= answer.status < 300 and found.get("success") is True:
                return Created(str(made))
            # A bid that was too low makes a stopped machine and says so in an error.
            return Created(str(made), said=self.said(answer), fault=self.said(answer))
        if 200 <= answer.status < 300 and "error" not in found:
            return Unknown(f"status {answer.status} without a contract: {answer.text}")
        return self.no_create(answer)

    def get(self, resource: str) -> Instance | None:
        """As :meth:`Provider.get`."""
        found = self.question(
            "get", "GET", _instance(resource), query={"owner": "me"}, absent=_gone
        )
        if found is None:
            return None
        one = found.get("instances", found)
        if one is None:
            return None
        if not isinstance(one, dict):
            raise answers.silent(self.label, "its answer holds no instance")
        return reading.instance(one)

    def listed(self) -> Sequence[Instance]:
        """Every contract of the account that is not destroyed."""
        return self._pages({})

    def find(self, label: str) -> Sequence[Instance]:
        """As :meth:`Provider.find`, filtered by the server and once more by us."""
        found = self._pages({"label": {"in": [label]}})
        return answers.oldest_first([one for one in found if one.label == label])

    def admit(self, resource: str, public_key: str) -> Ending:
        """The key is attached to the one instance: one that a script appends is wiped again."""
        path = f"{_instance(resource)}ssh/"
        if self._holds(path, public_key):
            return Ending(Outcome.ACCEPTED, "the key is attached")
        asked = self.order("admit", "POST", path, body={"ssh_key": public_key}, gone=_never)
        if asked.outcome is not Outcome.ACCEPTED:
            return asked
        if self._holds(path, public_key):
            return Ending(Outcome.ACCEPTED, "the key is attached")
        return Ending(Outcome.UNKNOWN, "the key was taken, and is not in the instance's list")

    def stop(self, resource: str) -> Ending:
        """As :meth:`Provider.stop`: a stopped disk costs more, and the GPU may be gone after."""
        body = {"state": "stopped"}
        return self.order("stop", "PUT", _instance(resource), body=body, done=_success, gone=_gone)

    def terminate(self, resource: str) -> Ending:
        """As :meth:`Provider.terminate`."""
        return self.order(
            "terminate", "DELETE", _instance(resource), body={}, done=_success, gone=_gone
        )

    def billing_proof(self, resource: str, since: datetime) -> Bill:
        """As :meth:`Provider.billing_proof`, from its charges by day."""
        day = {
            "gte": int(since.astimezone(UTC).replace(hour=0, minute=0, second=0).timestamp()),
            "lte": int((datetime.now(UTC) + timedelta(days=1)).timestamp()),
        }
        filters = {"day": day, "type": {"in": ["instance", "volume"]}}
        lines: list[tuple[str, Decimal]] = []
        for page in self._paged("billing", "/api/v0/charges/", filters):
            for one in _objects(page.get("results")):
                amount = answers.money(one.get("amount"))
                if one.get("source") == f"instance-{resource}" and amount is not None:
                    lines.append((answers.text(one.get("description")), amount))
        if not lines:
            return Bill(None, "its books have nothing of this machine (yet)")
        total = sum((amount for _, amount in lines), Decimal(0))
        return Bill(total, f"{len(lines)} charges", tuple(lines))

    def leftovers(self) -> Sequence[Leftover]:
        """As :meth:`Provider.leftovers`. Volumes bear no name there, so none is known for ours."""
        found = self.question("list", "GET", "/api/v0/volumes/") or {}
        return [
            Leftover(
                self.name,
                "volume",
                str(one.get("id", "")),
                f"volume {one.get('id')}",
                None,
                answers.number(one.get("disk_space")),
                "Vast.ai gives volumes no name: it may be yours from elsewhere",
                ours=False,
            )
            for one in _objects(found.get("volumes"))
            if not one.get("instances")
        ]

    def remove(self, leftover: Leftover) -> Ending:
        """As :meth:`Provider.remove`; what is not known for ours is refused."""
        if leftover.kind != "volume" or not leftover.ours or not leftover.id.isdigit():
            return Ending(Outcome.REFUSED, "it is not known to be ours")
        body = {"id": int(leftover.id)}
        return self.order(
            "remove", "DELETE", "/api/v0/volumes/", body=body, done=_success, gone=_gone
        )

    def kind_of(self, answer: Answer) -> Kind | None:
        """As :meth:`Adapter.kind_of`; the words count before the status, which varies."""
        if answer.status == 429:
            exhausted = answer.object.get("error") == "search_quota_exceeded"
            return Kind.QUOTA if exhausted else Kind.BUSY
        if answer.status >= 500 or not answer.object:
            return Kind.BLOCKED if answer.status == 403 else None
        words = f"{answer.object.get('error', '')} {self.said(answer)}".lower()
        if "no_such_ask" in words:
            return Kind.CAPACITY
        if answer.status in (401, 403) or "invalid user key" in words:
            return Kind.AUTH
        if answer.status == 402 or "credit" in words:
            return Kind.BALANCE
        known = _ERRORS.get(str(answer.object.get("error")))
        if known is None and answer.status in (400, 404, 410, 422):
            return Kind.REQUEST
        return known

    def said(self, answer: Answer) -> str:
        """As :meth:`Adapter.said`."""
        found = answer.object
        detail = answers.text(found.get("msg")) or answers.text(found.get("detail"))
        return detail or answers.text(found.get("error")) or answer.text or "no words"

    def wait(self, answer: Answer) -> float | None:
        """The interval that its 429 names, where no header says more."""
        if answer.wait is not None or answer.status != 429:
            return answer.wait
        if answer.object.get("error") == "search_quota_exceeded":
            now = datetime.now(UTC)
            midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            return (midnight - now).total_seconds()
        found = re.search(r"threshold=([0-9.]{1,8})", answer.text)
        return float(found[1]) if found and found[1].count(".") < 2 else None

    def _holds(self, path: str, public_key: str) -> bool:
        found = self._answered("admit", path)
        wanted = public_key.split()[:2]
        return any(one.split()[:2] == wanted for one in reading.keys(found))

    def _answered(self, verb: str, path: str) -> dict[str, Any]:
        try:
            return self.web.read(verb, "GET", path).object
        except NoAnswer:
            return {}  # not known to hold the key: it is asked for (again)

    def _pages(self, filters: dict[str, Any]) -> list[Instance]:
        found: list[Instance] = []
        for page in self._paged("list", "/api/v1/instances/", filters):
            if not isinstance(page.get("instances"), list):
                raise answers.silent(self.label, "its list of instances has no instances")
            found += [reading.instance(one) for one in _objects(page["instances"])]
        return live(found)

    def _paged(self, verb: str, path: str, filters: dict[str, Any]) -> list[dict[str, Any]]:
        """Every page; a list that was cut short would make machines vanish, so that raises."""
        pages: list[dict[str, Any]] = []
        query = {"select_filters": json.dumps(filters, separators=(",", ":")), "limit": "25"}
        for _ in range(_PAGES):
            page = self.question(verb, "GET", path, query=query) or {}
            pages.append(page)
            token = page.get("next_token")
            if not token:
                return pages
            query = {**query, "after_token": str(token)}
        raise answers.silent(self.label, f"its list does not end after {_PAGES} pages")


def _impossible(intent: Intent) -> Refused | None:
    if not intent.offer.id.isdigit():
        return Refused(Kind.REQUEST, f"{intent.offer.id!r} is no offer of Vast.ai")
    if intent.offer.bid and intent.bid is None:
        # Without a price such an offer is rented on demand, at the full price.
        return Refused(Kind.REQUEST, "an interruptible offer needs a bid")
    if intent.bid is not None and not intent.offer.bid:
        return Refused(Kind.REQUEST, "a bid needs an interruptible offer")
    if len(intent.start) > LONGEST_START:
        return Refused(Kind.REQUEST, f"the start script is longer than {LONGEST_START} characters")
    if len(intent.label) > 256:
        return Refused(Kind.REQUEST, "the label is longer than 256 characters")
    return None


def _instance(resource: str) -> str:
    digits = resource if resource.isascii() and resource.isdigit() else "0"
    return f"/api/v0/instances/{digits}/"


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _success(answer: Answer) -> bool:
    return 200 <= answer.status < 300 and answer.object.get("success") is True


def _gone(answer: Answer) -> bool:
    error = answer.object.get("error")
    if error == "no_such_instance":
        return True
    return answer.status == 404 and "user key" not in answer.text.lower()


def _never(answer: Answer) -> bool:
    return False
