"""RunPod's REST API v2, as far as its adapter asks it."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.providers.clouds import recorded
from tests.providers.clouds.cloud import Cloud, Fault, Rented, Reply

_ACTIONS = {
    "PROVISIONING": ["stop", "terminate"],
    "STARTING": ["stop", "terminate"],
    "RUNNING": ["stop", "restart", "terminate"],
    "EXITED": ["start", "terminate"],
    "ERROR": ["start", "terminate"],
    "TERMINATED": [],
}
_SHAPES = {
    Fault.UNAUTHORIZED: "unauthorized",
    Fault.NO_MONEY: "create_insufficient_balance",
    Fault.NO_CAPACITY: "create_no_capacity",
    Fault.TOO_MANY: "rate_limited",
    Fault.REFUSE: "action_conflict",
    Fault.ERROR_BEFORE: "create_500_but_created",
    Fault.ERROR_AFTER: "create_500_but_created",
}


class RunPodCloud(Cloud):
    """Pods and network volumes."""

    provider = "runpod"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.volumes: dict[str, dict[str, Any]] = {}
        self.dearer = Decimal(1)
        """A pod costs so many times what the catalogue said."""

    def outbid(self, resource: str) -> None:
        """There are no bids; the closest is a pod that was stopped from outside."""
        self.force(resource, "EXITED")

    def offline(self, resource: str) -> None:
        """RunPod has no word for it; one that nobody has seen yet stands for it."""
        self.force(resource, "HOST_UNREACHABLE")

    def break_start(self, resource: str) -> None:
        """Its container failed for good."""
        self.force(resource, "ERROR")

    def leave_behind(self, name: str) -> str:
        """A network volume."""
        made = f"vol{len(self.volumes) + 1}"
        self.volumes[made] = {
            "id": made,
            "name": name,
            "size": 100,
            "dataCenter": "US-KS-2",
            "type": "HIGH_PERFORMANCE",
        }
        return made

    def left_behind(self) -> list[str]:
        """The volumes."""
        return list(self.volumes)

    def shape(self, fault: Fault, verb: str) -> Reply:
        """problem+json."""
        return recorded.reply(self.provider, _SHAPES[fault])

    def verb(self, method: str, path: str) -> str:
        """As :meth:`Cloud.verb`."""
        if path == "/v2/pods":
            return "create" if method == "POST" else "list"
        if path.startswith("/v2/pods/"):
            if path.endswith("/action"):
                return "stop"
            return "terminate" if method == "DELETE" else "get"
        if path.startswith("/v2/network-volumes"):
            return "remove" if method == "DELETE" else "leftovers"
        return "billing" if "/billing/" in path else "offers"

    def route(self, method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        """As :meth:`Cloud.route`."""
        verb = self.verb(method, path)
        if verb == "offers":
            return recorded.reply(self.provider, "list_gpu_types")
        if verb == "create":
            return Reply(201, self._pod(self._made(body)))
        if verb == "list":
            now = self.clock()
            shown = [one for one in self.alive() if now >= one.made + self.lag]
            return Reply(200, {"pods": [self._pod(one) for one in shown]})
        if verb == "leftovers":
            return Reply(200, {"networkVolumes": list(self.volumes.values())})
        if verb == "remove":
            found = self.volumes.pop(path.rsplit("/", 1)[1], None)
            return Reply(204) if found else self._not_found()
        if verb == "billing":
            return self._billing(query)
        return self._one(method, path, verb)

    def _one(self, method: str, path: str, verb: str) -> Reply:
        found = self.rented.get(path.split("/")[3])
        now = self.clock()
        if found is None or found.gone(now) or now < found.made + self.get_lag:
            return self._not_found()
        if verb == "terminate":
            if found.ended is None:
                found.ended = now
            return Reply(204)
        if verb == "stop":
            found.forced = "EXITED"
        return Reply(200, self._pod(found))

    def _made(self, body: dict[str, Any]) -> Rented:
        number = f"pod{len(self.rented) + 1}"
        price = {"SECURE": "0.44", "COMMUNITY": "0.31"}[body.get("cloud", "SECURE")]
        rate = Decimal(price) * body["gpu"]["count"] * self.dearer
        made = Rented(number, body["name"], self.clock(), rate, self.boot, self.linger, body)
        self.rented[number] = made
        return made

    def _status(self, one: Rented) -> str:
        if one.forced:
            return one.forced
        ran = self.clock() - one.made
        if one.stuck or ran < one.boot:
            return "STARTING" if ran >= one.boot / 2 else "PROVISIONING"
        return "RUNNING"

    def _pod(self, one: Rented) -> dict[str, Any]:
        status = self._status(one)
        shown = "get_running" if status == "RUNNING" else "get_provisioning"
        pod: dict[str, Any] = recorded.body(self.provider, shown)
        asked = one.request
        env = dict(asked.get("env", {}))
        if self.lose_keys:
            env.pop("PUBLIC_KEY", None)
        gpu = {"id": asked["gpu"]["id"], "count": asked["gpu"]["count"]}
        pod.update(
            id=one.id,
            name=one.label,
            status=status,
            actions=_ACTIONS.get(status, []),
            image=asked["image"],
            disk=asked.get("disk", 20),
            ports=asked.get("ports", []),
            env=env,
            mounts=copy.deepcopy(asked.get("mounts", {})),
            gpu=gpu,
            cloud=asked.get("cloud", "SECURE"),
            cost=0.0 if status in ("EXITED", "TERMINATED") else float(one.rate),
            createdAt=datetime.fromtimestamp(one.made, UTC).isoformat().replace("+00:00", "Z"),
        )
        return pod

    def _billing(self, query: dict[str, str]) -> Reply:
        answer = recorded.body(self.provider, "billing")
        one = self.rented.get(query.get("podId", ""))
        if one is None:
            answer["records"] = []
            return Reply(200, answer)
        amount = float(one.cost(self.clock()))
        answer["records"][0].update(podId=one.id, totalAmount=amount)
        return Reply(200, answer)

    def _not_found(self) -> Reply:
        return recorded.reply(self.provider, "get_not_found")
