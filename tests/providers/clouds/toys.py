"""The Cloud of Toys: the smallest provider that can be rented from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.providers.clouds.cloud import Cloud, Fault, Rented, Reply

_STATUS = {
    Fault.UNAUTHORIZED: 401,
    Fault.NO_MONEY: 402,
    Fault.NO_CAPACITY: 409,
    Fault.TOO_MANY: 429,
    Fault.REFUSE: 423,
    Fault.ERROR_BEFORE: 503,
    Fault.ERROR_AFTER: 503,
}
_OFFERS = [
    {"id": "small", "gpu": "Toy 8", "memory": 8, "price": "0.10"},
    {"id": "big", "gpu": "Toy 24", "memory": 24, "price": "0.30"},
]


class ToyCloud(Cloud):
    """Toys, and boxes that cost money without a toy."""

    provider = "toys"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "check": False})
        self.boxes: dict[str, str] = {}

    def outbid(self, resource: str) -> None:
        self.force(resource, "broken")

    def offline(self, resource: str) -> None:
        self.force(resource, "lost sight of")

    def break_start(self, resource: str) -> None:
        self.force(resource, "broken")

    def leave_behind(self, name: str) -> str:
        made = f"box{len(self.boxes) + 1}"
        self.boxes[made] = name
        return made

    def left_behind(self) -> list[str]:
        return list(self.boxes)

    def shape(self, fault: Fault, verb: str) -> Reply:
        return Reply(_STATUS[fault], {"no": fault.value})

    def verb(self, method: str, path: str) -> str:
        if path.startswith("/toys"):
            if method == "POST":
                return "create"
            if method == "DELETE":
                return "terminate"
            return "list" if path == "/toys" else "get"
        if path.startswith("/boxes"):
            return "remove" if method == "DELETE" else "leftovers"
        return path.split("/")[1]

    def route(self, method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        verb, last, now = self.verb(method, path), path.rsplit("/", 1)[1], self.clock()
        if verb == "account":
            return Reply(200, {"left": "12.50"})
        if verb == "offers":
            return Reply(200, _OFFERS)
        if verb == "create":
            price = next(Decimal(one["price"]) for one in _OFFERS if one["id"] == body["offer"])
            made = Rented(
                f"t{len(self.rented)}", body["name"], now, price, self.boot, self.linger, body
            )
            self.rented[made.id] = made
            return Reply(201, self._toy(made))
        if verb == "list":
            shown = [one for one in self.alive() if now >= one.made + self.lag]
            return Reply(200, [self._toy(one) for one in shown])
        if verb == "leftovers":
            return Reply(200, [{"id": key, "name": name} for key, name in self.boxes.items()])
        if verb == "remove":
            return Reply(204 if self.boxes.pop(last, None) else 404, None)
        found = self.rented.get(last)
        if verb == "bills" and found is not None:
            return Reply(200, {"usd": str(found.cost(now))})
        if found is None or found.gone(now) or now < found.made + self.get_lag:
            return Reply(404, {"no": "no such toy"})
        if verb == "terminate":
            found.ended = now if found.ended is None else found.ended
            return Reply(204)
        return Reply(200, self._toy(found))

    def _toy(self, one: Rented) -> dict[str, Any]:
        building = one.stuck or self.clock() - one.made < one.boot
        return {
            "id": one.id,
            "name": one.label,
            "state": one.forced or ("building" if building else "ready"),
            "price": str(one.rate),
            "made": one.made,
            "key": "" if self.lose_keys else one.request["key"],
        }
