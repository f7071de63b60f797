"""One GET to a server that may be anything: bounded in bytes and in time as a whole.

A server that sends a byte a second would keep httpx's own timeouts waiting for ever, as they
begin anew with each byte. No proxy of the environment and no redirect is followed: what is
asked about is this address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LARGEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask: an absolute URL and headers."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """``status`` 0: no HTTP answer; ``problem`` then says why: ``refused``, ``silent``, ``other``.

    ``body`` has at most :data:`LARGEST_BYTES`. Header names are lower case.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    problem: str = ""


def ask(questions: Sequence[Question], *, patience: float) -> list[Reply]:
    """Ask all at once; returns after at most ``patience`` seconds, in the order asked."""
    return asyncio.run(_ask(questions, patience))


async def _ask(questions: Sequence[Question], patience: float) -> list[Reply]:
    import httpx

    timeout = httpx.Timeout(patience)
    async with httpx.AsyncClient(trust_env=False, verify=True, timeout=timeout) as client:
        return list(await asyncio.gather(*(_one(client, q, patience) for q in questions)))


async def _one(client: Any, question: Question, patience: float) -> Reply:
    import httpx

    try:
        return await asyncio.wait_for(_read(client, question), patience)
    except (TimeoutError, httpx.TimeoutException):
        return Reply(0, problem="silent")
    except httpx.ConnectError:
        return Reply(0, problem="refused")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return Reply(0, problem="other")


async def _read(client: Any, question: Question) -> Reply:
    async with client.stream("GET", question.url, headers=dict(question.headers)) as response:
        body = b""
        async for piece in response.aiter_bytes(65536):
            body += piece
            if len(body) > LARGEST_BYTES:
                body = body[:LARGEST_BYTES]
                break
        return Reply(
            response.status_code, {k.lower(): v for k, v in response.headers.items()}, body
        )
