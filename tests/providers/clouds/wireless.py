"""A provider's adapter on a fake cloud without a wire between: for long runs in virtual time."""

from __future__ import annotations

import httpx

from tests.providers.clouds.cloud import Cloud


class Wireless(httpx.BaseTransport):
    """Hands each request to the cloud and says of it what a socket would have said."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request; a lost answer becomes the error that a lost answer is."""
        trace = request.extensions.get("trace")
        if trace is not None:
            trace("http11.send_request_headers.started", {})
        headers = {name.lower(): value for name, value in request.headers.items()}
        target = request.url.raw_path.decode("ascii")
        reply = self._cloud.answer(request.method, target, headers, request.read())
        if reply.end == "slow":
            raise httpx.ReadTimeout("no answer in time", request=request)
        if reply.end == "drop":
            raise httpx.RemoteProtocolError("the line dropped", request=request)
        return httpx.Response(reply.status, headers=reply.headers, content=reply.content)
