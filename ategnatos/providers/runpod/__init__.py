"""RunPod through its REST API v2: on demand only, for it has no spot machines any more.

Sources: the OpenAPI document of v2 and docs.runpod.io, as of August 2026. No idempotency key
exists; a create that was answered with 5xx may have made a pod (v1 is known to have done so).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from ategnatos.guard.budget.teardown import Ending, Outcome
from ategnatos.providers import answers
from ategnatos.providers.adapter import Adapter, facts, live, sent_unknown
from ategnatos.providers.runpod import reading
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

_REFUSALS: Mapping[int, Kind] = {
    400: Kind.REQUEST,
    401: Kind.AUTH,
    402: Kind.BALANCE,
    403: Kind.AUTH,
    404: Kind.REQUEST,
    422: Kind.REQUEST,
    429: Kind.BUSY,
}
# A 400 is a wrong request or no capacity, and no field tells which; these words do.
_FULL = ("no longer any instances", "no instances", "not available", "no available", "capacity")
# The pod's own key; whether it may do this, nobody has seen.
_SELF_END = (
    'curl -fsS -X DELETE -H "Authorization: Bearer $RUNPOD_API_KEY"'
    ' "https://api.runpod.io/v2/pods/$RUNPOD_POD_ID"'
)


class RunPod(Adapter):
    """The adapter. A machine is a pod; the label is its name."""

    name = "runpod"
    label = "RunPod"
    secret = "runpod"  # noqa: S105 - the credential's name, not the credential
    address = "https://api.runpod.io"
    address_variable = "RUNPOD_API_BASE_URL"

    def terms(self) -> Terms:
        """As :meth:`Provider.terms`."""
        return Terms(
            bills=True,
            unit_seconds=1,
            visible_seconds=180,
            list_seconds=10,
            boot_seconds=600,
            stops=True,
            self_end=_SELF_END,
            self_end_sure=False,
            cap_hint="RunPod has a limit of spending an hour for the account: ask its support to"
            " lower it. Keep automatic top-up off, and the balance near what you mean to spend.",
        )

    def account(self) -> Account:
        """As :meth:`Provider.account`."""
        self.listed()
        return Account(None, "the key works; the API does not say the balance")

    def offers(self, wanted: Wanted) -> Sequence[Offer]:
        """As :meth:`Provider.offers`. There are no bids here."""
        if wanted.bid:
            return []
        query = {"include": "AVAILABILITY", "product": "POD"}
        if wanted.count > 1:
            query["count"] = str(wanted.count)
        found = self.question("offers", "GET", "/v2/catalog/gpus", query=query) or {}
        return reading.chosen(reading.offers(found.get("gpus"), wanted), wanted)

    def create(self, intent: Intent, last_look: Callable[[], None] = lambda: None) -> Creation:
        """As :meth:`Provider.create`."""
        no = _impossible(intent)
        if no is not None:
            return no
        try:
            answer = self.web.send(
                "create", "POST", "/v2/pods", body=reading.body(intent), last_look=last_look
            )
        except NoAnswer as error:
            return sent_unknown(error)
        made = answers.text(answer.object.get("id"))
        if 200 <= answer.status < 300:
            if not made:
                return Unknown(f"status {answer.status} without an id: {answer.text}")
            return Created(made, answers.money(answer.object.get("cost")))
        return self.no_create(answer)

    def get(self, resource: str) -> Instance | None:
        """As :meth:`Provider.get`."""
        found = self.question("get", "GET", _pod(resource), absent=_not_found)
        return None if found is None else reading.instance(found)

    def listed(self) -> Sequence[Instance]:
        """Every pod of the account that is not terminated."""
        found = self.question("list", "GET", "/v2/pods") or {}
        pods = found.get("pods")
        if not isinstance(pods, list):
            raise answers.silent(self.label, "its list of pods has no pods")
        return live([reading.instance(one) for one in pods if isinstance(one, dict)])

    def admit(self, resource: str, public_key: str) -> Ending:
        """The key is given at create and never later; this only looks whether it was."""
        found = self.question("get", "GET", _pod(resource), absent=_not_found)
        if found is None:
            return Ending(Outcome.UNKNOWN, "the pod is not visible (yet)")
        env = found.get("env")
        given = env.get("PUBLIC_KEY", "") if isinstance(env, dict) else ""
        if public_key.split()[:2] == str(given).split()[:2]:
            return Ending(Outcome.ACCEPTED, "it was created with this key")
        return Ending(Outcome.REFUSED, "it was created with another key, which cannot be changed")

    def stop(self, resource: str) -> Ending:
        """As :meth:`Provider.stop`: the container disk is erased, a volume is kept and bills."""
        return self.order("stop", "POST", f"{_pod(resource)}/action", body={"action": "stop"})

    def terminate(self, resource: str) -> Ending:
        """As :meth:`Provider.terminate`. A 404 is an answer, and no proof."""
        return self.order("terminate", "DELETE", _pod(resource))

    def billing_proof(self, resource: str, since: datetime) -> Bill:
        """As :meth:`Provider.billing_proof`; how fresh the books are is not documented."""
        query = {
            "podId": resource,
            "bucketSize": "hour",
            "startTime": since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        found = self.question("billing", "GET", "/v2/billing/pods", query=query) or {}
        records = found.get("records")
        lines: list[tuple[str, Decimal]] = []
        for one in records if isinstance(records, list) else []:
            amount = answers.money(one.get("totalAmount")) if isinstance(one, dict) else None
            if amount is not None:
                lines.append((answers.text(one.get("startTime")), amount))
        if not lines:
            return Bill(None, "its books have nothing of this pod (yet)")
        total = sum((amount for _, amount in lines), Decimal(0))
        return Bill(total, f"billed in {len(lines)} hours", tuple(lines))

    def leftovers(self) -> Sequence[Leftover]:
        """As :meth:`Provider.leftovers`: network volumes, which bill until they are deleted."""
        found = self.question("list", "GET", "/v2/network-volumes") or {}
        volumes = found.get("networkVolumes")
        return [
            self._volume(one)
            for one in (volumes if isinstance(volumes, list) else [])
            if isinstance(one, dict) and str(one.get("name", "")).startswith(LABEL_PREFIX)
        ]

    def remove(self, leftover: Leftover) -> Ending:
        """As :meth:`Provider.remove`."""
        if leftover.kind != "volume":
            return Ending(Outcome.REFUSED, f"RunPod has nothing of the kind {leftover.kind!r}")
        return self.order("remove", "DELETE", f"/v2/network-volumes/{quote(leftover.id, safe='')}")

    def kind_of(self, answer: Answer) -> Kind | None:
        """As :meth:`Adapter.kind_of`."""
        kind = _REFUSALS.get(answer.status)
        if kind is None or answer.status == 429:
            return kind
        if not answer.object:
            return Kind.BLOCKED if answer.status == 403 else None
        full = any(words in self.said(answer).lower() for words in _FULL)
        return Kind.CAPACITY if answer.status == 400 and full else kind

    def said(self, answer: Answer) -> str:
        """As :meth:`Adapter.said`: problem+json (RFC 9457)."""
        found = answer.object
        errors = found.get("errors")
        more = [answers.text(one) for one in errors] if isinstance(errors, list) else []
        detail = answers.text(found.get("detail")) or answers.text(found.get("title"))
        return " ".join([detail or answer.text or "no words", *more])

    def _volume(self, one: dict[str, Any]) -> Leftover:
        size = answers.number(one.get("size"))
        storage = facts(self.name)["storage"]
        monthly = None
        if size is not None:
            # Each GB at the price of its size class, as the price list has it.
            rate = "network_volume" if size < 1000 else "network_volume_large"
            monthly = Decimal(str(size)) * Decimal(storage[rate])
        return Leftover(
            self.name,
            "volume",
            answers.text(one.get("id")),
            answers.text(one.get("name")),
            monthly,
            size,
            f"network volume in {answers.text(one.get('dataCenter'))}",
        )


def _pod(resource: str) -> str:
    return f"/v2/pods/{quote(resource, safe='')}"


def _not_found(answer: Answer) -> bool:
    return answer.status == 404


def _impossible(intent: Intent) -> Refused | None:
    if intent.bid is not None or intent.offer.bid:
        said = "RunPod has no spot machines any more; rent on demand, or bid at Vast.ai"
        return Refused(Kind.REQUEST, said)
    if intent.start:
        return Refused(Kind.REQUEST, "RunPod runs no start script; run it over ssh")
    return None
