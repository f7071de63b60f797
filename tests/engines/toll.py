"""A billed engine for tests: pictures from a vendor on the loopback interface that keeps a till.

Its failures are those of real vendors: no before billing, a lost reply after it, a server error
that billed all the same, a bill above the price, pictures that never come.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ategnatos.engines import (
    ENGINE_UNAVAILABLE,
    Capabilities,
    Health,
    PriceEstimate,
    ProgressCallback,
    Request,
    Result,
)
from ategnatos.grimoire.errors import ErrorCode, StudioError
from tests.engines.painter import Painter

VENDOR_UNCLEAR = ErrorCode("test_vendor_unclear", "The vendor's answer got lost.")


class Vendor:
    """Bills ``price`` a picture, in ``ledger``. ``mood`` decides the next answers:

    fair, no (402, nothing billed), lost (billed, then hangs up), created (billed, then 500),
    dear (bills twice the price), mute (bills and does not say how much).
    """

    def __init__(self) -> None:
        self.mood = "fair"
        self.till: list[Decimal] = []
        self.calls = 0
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                vendor.calls += 1
                price = Decimal(asked["price"])
                if vendor.mood == "no":
                    self._answer(402, {})
                    return
                billed = price * 2 if vendor.mood == "dear" else price
                vendor.till.append(billed)
                if vendor.mood == "lost":
                    self.close_connection = True
                    self.connection.close()
                elif vendor.mood == "created":
                    self._answer(500, {})
                else:
                    said = {} if vendor.mood == "mute" else {asked["ledger"]: str(billed)}
                    self._answer(200, {"usage": said})

            def _answer(self, status: int, body: dict[str, object]) -> None:
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Vendor:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass
class Toll:
    """An engine that pays :class:`Vendor` ``each`` a picture, then paints squares."""

    port: int
    each: Decimal = Decimal("0.50")
    ledger: str = "usd"
    name: str = "toll"
    label: str = "toll (billed squares, for tests)"
    painter: Painter = field(default_factory=Painter)

    def capabilities(self) -> Capabilities:
        return self.painter.capabilities()

    def health(self) -> Health:
        return Health(ok=True, message="The till is open.")

    def estimate(self, request: Request) -> PriceEstimate:
        amount = self.each * request.count
        if self.ledger == "usd":
            return PriceEstimate(amount, "a price a square")
        return PriceEstimate(Decimal(0), "units a square", {self.ledger: amount})

    def plan(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        return self.painter.plan(request)

    def generate(self, request: Request, on_progress: ProgressCallback | None = None) -> Result:
        charged = self._pay(self.each * request.count)
        made = self.painter.generate(request, on_progress)
        return replace(made, charged=charged)

    def _pay(self, price: Decimal) -> Mapping[str, Decimal] | None:
        body = json.dumps({"price": str(price), "ledger": self.ledger})
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/pictures", body)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        except (OSError, HTTPException) as error:
            raise StudioError(
                VENDOR_UNCLEAR, "The vendor's answer got lost.", hint="Look at the account."
            ) from error
        finally:
            connection.close()
        if answer.status == 402:
            raise StudioError(
                ENGINE_UNAVAILABLE, "The vendor said no; nothing was billed.", hint="Pay first."
            )
        if answer.status != 200:
            raise StudioError(VENDOR_UNCLEAR, "The vendor broke.", hint="Look at the account.")
        return {unit: Decimal(amount) for unit, amount in said["usage"].items()} or None
