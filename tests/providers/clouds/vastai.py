"""Vast.ai's API, as far as its adapter asks it: offers, contracts, keys of one contract."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from tests.providers.clouds import recorded
from tests.providers.clouds.cloud import Cloud, Fault, Rented, Reply

_SHAPES = {
    Fault.UNAUTHORIZED: "auth_bad",
    Fault.NO_MONEY: "no_credit",
    Fault.NO_CAPACITY: "create_no_such_ask",
    Fault.REFUSE: "create_bad_args",
}


# Name, memory in MB and USD an hour of the cards that are on offer, over and over.
_CARDS = [("RTX 4090", 24564, 0.312), ("RTX 3090", 24576, 0.19), ("H100 SXM", 81559, 2.1)]


class VastCloud(Cloud):
    """Contracts and volumes. Every offer can be taken once."""

    provider = "vastai"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.volumes: dict[str, dict[str, Any]] = {}
        self.taken: set[str] = set()
        self.page_size = 25

    def outbid(self, resource: str) -> None:
        """Somebody bid more."""
        self.force(resource, "outbid")
        self.rented[resource].more["is_bid"] = True

    def offline(self, resource: str) -> None:
        """The host is gone from the network."""
        self.force(resource, "offline")

    def break_start(self, resource: str) -> None:
        """The container cannot be made."""
        self.force(resource, "created")
        self.rented[resource].more["status_msg"] = recorded.body(self.provider, "get_oci_failed")[
            "instances"
        ]["status_msg"]

    def leave_behind(self, name: str) -> str:
        """A volume without a machine; volumes bear no name there."""
        made = str(700 + len(self.volumes))
        self.volumes[made] = {"id": int(made), "disk_space": 100.0, "instances": []}
        return made

    def left_behind(self) -> list[str]:
        """The volumes."""
        return list(self.volumes)

    def shape(self, fault: Fault, verb: str) -> Reply:
        """JSON with ``error`` and ``msg``, a text, or a gateway's page."""
        if fault in (Fault.ERROR_BEFORE, Fault.ERROR_AFTER):
            return Reply(502, "<html>502 Bad Gateway</html>", {"Content-Type": "text/html"})
        if fault is Fault.TOO_MANY:
            name = {
                "create": "rate_limited_json",
                "terminate": "destroy_rate_limited",
                "offers": "search_quota",
            }.get(verb, "rate_limited_text")
            return recorded.reply(self.provider, name)
        return recorded.reply(self.provider, _SHAPES[fault])

    def verb(self, method: str, path: str) -> str:
        """As :meth:`Cloud.verb`."""
        if path.startswith("/api/v0/asks/"):
            return "create"
        if path.startswith("/api/v1/instances"):
            return "list"
        if path.endswith("/ssh/"):
            return "admit" if method == "POST" else "keys"
        if path.startswith("/api/v0/instances/"):
            return {"PUT": "stop", "DELETE": "terminate"}.get(method, "get")
        if path.startswith("/api/v0/volumes"):
            return "remove" if method == "DELETE" else "leftovers"
        if path.startswith("/api/v0/users"):
            return "account"
        return "billing" if "charges" in path else "offers"

    def route(self, method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        """As :meth:`Cloud.route`."""
        verb = self.verb(method, path)
        if verb == "offers":
            return self._offers(body)
        if verb == "create":
            return self._create(path.split("/")[4], body)
        if verb == "list":
            return self._list(query)
        if verb == "account":
            return recorded.reply(self.provider, "user")
        if verb == "billing":
            return self._billing()
        if verb == "leftovers":
            return Reply(200, {"volumes": list(self.volumes.values())})
        if verb == "remove":
            there = self.volumes.pop(str(body["id"]), None)
            return Reply(200, {"success": True}) if there else self._gone()
        return self._one(verb, path, body)

    def _one(self, verb: str, path: str, body: Any) -> Reply:
        found = self.rented.get(path.split("/")[4])
        now = self.clock()
        if found is None or found.gone(now) or now < found.made + self.get_lag:
            if verb == "get":
                return recorded.reply(self.provider, "get_null")
            return self._gone()
        if verb == "terminate":
            if found.ended is None:
                found.ended = now
            return recorded.reply(self.provider, "destroy_ok")
        if verb == "stop":
            found.forced = "stopped"
            return recorded.reply(self.provider, "stop_ok")
        if verb == "admit":
            if not self.lose_keys:
                found.keys.append(body["ssh_key"])
            return recorded.reply(self.provider, "ssh_attach")
        if verb == "keys":
            held = [{"id": n, "public_key": key} for n, key in enumerate(found.keys)]
            return Reply(200, {"success": True, "ssh_keys": json.dumps(held)})
        return Reply(200, {"instances": self._instance(found)})

    def _offers(self, body: dict[str, Any]) -> Reply:
        answer = recorded.body(self.provider, "search")
        first = answer["offers"][0]
        answer["offers"] = [
            {
                **first,
                "id": first["id"] + number,
                "ask_contract_id": first["id"] + number,
                "machine_id": first["machine_id"] + number,
                "gpu_name": name,
                "gpu_ram": memory,
                "dph_total": price,
            }
            for number, (name, memory, price) in enumerate(_CARDS * 4)
            if str(first["id"] + number) not in self.taken
            and memory >= body.get("gpu_ram", {}).get("gte", 0)
        ]
        return Reply(200, answer)

    def _create(self, ask: str, body: dict[str, Any]) -> Reply:
        if ask in self.taken:
            return recorded.reply(self.provider, "create_gone")
        self.taken.add(ask)
        number = str(1234568 + len(self.rented))
        first = recorded.body(self.provider, "search")["offers"][0]["id"]
        asked = _CARDS[(int(ask) - first) % len(_CARDS)][2]
        rate = Decimal(str(body.get("price", asked)))
        made = Rented(number, body["label"], self.clock(), rate, self.boot, self.linger, body)
        made.more["is_bid"] = "price" in body
        self.rented[number] = made
        if "price" in body and body["price"] < 0.1:
            # Vast's own trap: an error, and a stopped machine that bills its disk.
            made.forced = "stopped"
            answer = recorded.reply(self.provider, "create_error_but_created")
            answer.body["new_contract"] = int(number)
            return answer
        answer = recorded.reply(self.provider, "create_ok")
        answer.body["new_contract"] = int(number)
        return answer

    def _list(self, query: dict[str, str]) -> Reply:
        filters = json.loads(query.get("select_filters", "{}"))
        labels = filters.get("label", {}).get("in")
        now = self.clock()
        found = [
            one
            for one in self.alive()
            if now >= one.made + self.lag and (labels is None or one.label in labels)
        ]
        start = int(query.get("after_token", "0"))
        end = start + self.page_size
        answer = recorded.body(self.provider, "list_by_label")
        answer.update(
            instances=[self._instance(one) for one in found[start:end]],
            instances_found=len(found[start:end]),
            total_instances=len(found),
            label_counts={one.label: 1 for one in found},
            next_token=str(end) if end < len(found) else None,
        )
        return Reply(200, answer)

    def _instance(self, one: Rented) -> dict[str, Any]:
        ran = self.clock() - one.made
        raw = one.forced
        if not raw:
            raw = "running"
            if one.stuck or ran < one.boot:
                raw = "loading" if ran >= one.boot / 2 else "provisioning"
        shape = {
            "running": "get_running",
            "loading": "get_loading",
            "provisioning": "get_provisioning",
            "outbid": "get_outbid",
            "offline": "get_offline",
            "exited": "get_exited",
            "frozen": "get_frozen",
            "unknown": "get_unknown",
        }.get(raw, "get_provisioning")
        found: dict[str, Any] = recorded.body(self.provider, shape)["instances"]
        found.update(id=int(one.id), label=one.label, start_date=one.made)
        if raw in ("stopped", "created") or raw not in _KNOWN:
            found["actual_status"] = raw
        if raw == "stopped":
            found.update(intended_status="stopped", cur_state="stopped", next_state="stopped")
        found.update(one.more)
        found["dph_total"] = float(one.rate)
        return found

    def _billing(self) -> Reply:
        answer = recorded.body(self.provider, "charges")
        answer["results"] = [
            {
                **answer["results"][0],
                "source": f"instance-{one.id}",
                "amount": float(one.cost(self.clock())),
            }
            for one in self.rented.values()
        ]
        return Reply(200, answer)

    def _gone(self) -> Reply:
        return recorded.reply(self.provider, "destroy_gone")


_KNOWN = {
    "running", "loading", "provisioning", "outbid", "offline", "exited", "frozen", "unknown"
}  # fmt: skip
