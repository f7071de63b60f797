"""Lambda Cloud's API 1.10.0, as far as its adapter asks it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.providers.clouds import recorded
from tests.providers.clouds.cloud import Cloud, Fault, Rented, Reply

_SHAPES = {
    Fault.UNAUTHORIZED: "unauthorized",
    Fault.NO_MONEY: "account_inactive",
    Fault.NO_CAPACITY: "launch_no_capacity",
    Fault.TOO_MANY: "rate_limited",
    Fault.REFUSE: "launch_quota",
    Fault.ERROR_BEFORE: "launch_503_but_created",
    Fault.ERROR_AFTER: "launch_503_but_created",
}


class LambdaCloudServer(Cloud):
    """Virtual machines, keys and file systems."""

    provider = "lambda_cloud"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.keys: dict[str, dict[str, Any]] = {}
        self.file_systems: dict[str, dict[str, Any]] = {}
        self.add_key("mine", "ssh-ed25519 AAAAmine me@example.com")

    def add_key(self, name: str, public_key: str) -> dict[str, Any]:
        """A key of the account."""
        made = {"id": f"key{len(self.keys) + 1}-{name}", "name": name, "public_key": public_key}
        self.keys[made["id"]] = made
        return made

    def outbid(self, resource: str) -> None:
        """There are no bids; the enum has a preempted machine, which is gone."""
        self.force(resource, "preempted")
        self.rented[resource].ended = self.clock()

    def offline(self, resource: str) -> None:
        """Lambda calls it unhealthy."""
        self.force(resource, "unhealthy")

    def break_start(self, resource: str) -> None:
        """Lambda calls that unhealthy too."""
        self.force(resource, "unhealthy")

    def leave_behind(self, name: str) -> str:
        """A file system."""
        made = f"fs{len(self.file_systems) + 1}"
        self.file_systems[made] = {
            "id": made,
            "name": name,
            "mount_point": f"/lambda/nfs/{name}",
            "created": "2026-11-20T10:00:00Z",
            "created_by": {"id": "u1", "email": "me@example.com", "status": "active"},
            "is_in_use": False,
            "region": {"name": "us-east-1", "description": "Virginia, USA"},
            "bytes_used": 50_000_000_000,
        }
        return made

    def left_behind(self) -> list[str]:
        """The file systems."""
        return list(self.file_systems)

    def shape(self, fault: Fault, verb: str) -> Reply:
        """``{"error": {"code", "message"}}``."""
        if fault is Fault.REFUSE and verb == "terminate":
            return recorded.reply(self.provider, "terminate_not_accepted")
        return recorded.reply(self.provider, _SHAPES[fault])

    def verb(self, method: str, path: str) -> str:
        """As :meth:`Cloud.verb`."""
        rest = path.removeprefix("/api/v1/")
        if rest.startswith("instance-operations/"):
            return "create" if rest.endswith("launch") else "terminate"
        if rest.startswith("instances"):
            return "list" if rest == "instances" else "get"
        if rest.startswith("ssh-keys"):
            return {"POST": "admit", "DELETE": "remove"}.get(method, "keys")
        if rest.startswith(("filesystems", "file-systems")):
            return "remove" if method == "DELETE" else "leftovers"
        return "offers"

    def route(self, method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        """As :meth:`Cloud.route`."""
        verb = self.verb(method, path)
        last = path.rsplit("/", 1)[1]
        if verb == "offers":
            return recorded.reply(self.provider, "instance_types")
        if verb == "create":
            return self._launch(body)
        if verb == "list":
            now = self.clock()
            shown = [one for one in self.alive() if now >= one.made + self.lag]
            return Reply(200, {"data": [self._instance(one) for one in shown]})
        if verb == "keys":
            return Reply(200, {"data": list(self.keys.values())})
        if verb == "admit":
            return Reply(200, {"data": self.add_key(body["name"], body["public_key"])})
        if verb == "leftovers":
            return Reply(200, {"data": list(self.file_systems.values())})
        if verb == "remove":
            return self._remove(path, last)
        if verb == "terminate":
            return self._terminate(body["instance_ids"])
        found = self.rented.get(last)
        now = self.clock()
        if found is None or found.gone(now) or now < found.made + self.get_lag:
            return recorded.reply(self.provider, "get_not_found")
        return Reply(200, {"data": self._instance(found)})

    def _launch(self, body: dict[str, Any]) -> Reply:
        names = {one["name"] for one in self.keys.values()}
        if any(name not in names for name in body["ssh_key_names"]):
            return recorded.reply(self.provider, "launch_unknown_key")
        number = f"{len(self.rented) + 1:032x}"
        made = Rented(
            number, body["name"], self.clock(), Decimal("0.75"), self.boot, self.linger, body
        )
        self.rented[number] = made
        return Reply(200, {"data": {"instance_ids": [number]}})

    def _terminate(self, ids: list[str]) -> Reply:
        now = self.clock()
        ended = []
        for number in ids:
            found = self.rented.get(number)
            if found is None or found.gone(now):
                return recorded.reply(self.provider, "get_not_found")
            if found.ended is None:
                found.ended = now
            ended.append({**self._instance(found), "status": "terminating"})
        return Reply(200, {"data": {"terminated_instances": ended}})

    def _remove(self, path: str, last: str) -> Reply:
        if "ssh-keys" in path:
            there = self.keys.pop(last, None)
            return Reply(200, {"data": {}}) if there else self._nothing()
        if self.file_systems.pop(last, None) is None:
            return self._nothing()
        return Reply(200, {"data": {"deleted_ids": [last]}})

    def _nothing(self) -> Reply:
        return recorded.reply(self.provider, "get_not_found")

    def _instance(self, one: Rented) -> dict[str, Any]:
        status = one.forced
        if not status:
            booting = one.stuck or self.clock() - one.made < one.boot
            status = "booting" if booting else "active"
            if one.ended is not None:
                status = "terminating"
        shown = "get_active" if status == "active" else "get_booting"
        found: dict[str, Any] = recorded.body(self.provider, shown)["data"]
        keys = [] if self.lose_keys else one.request["ssh_key_names"]
        found.update(
            id=one.id,
            name=one.label,
            status=status,
            ssh_key_names=keys,
            tags=one.request.get("tags", []),
        )
        return found
