"""One GET of a file from another machine: redirects followed with care, tokens kept at home.

A token goes to the host it belongs to and to no other that it redirects to. No step leads from
https to http, nor from the outside to this machine or its network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.hosts import Reach
from ategnatos.guard.values.urls import Url, parse_url
from ategnatos.studio.models.sources import Credentials, site_of

REDIRECT_REFUSED = ErrorCode("redirect_refused", "A download was sent to where it must not go.")
DOWNLOAD_REFUSED = ErrorCode("download_refused", "The server does not hand the file out.")

_MOST_REDIRECTS = 10
_CONNECT_SECONDS = 20.0
# How far out an address is: a redirect may lead out, never in.
_OUTSIDE = {Reach.LOOPBACK: 0, Reach.UNUSABLE: 0, Reach.PRIVATE: 1, Reach.PUBLIC: 2}
_SHA256 = re.compile(r'(?:W/)?"?([0-9a-f]{64})"?')


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer whose body is not read yet. ``final`` is where it came from in the end.

    ``size`` is that of the whole file, None where it does not say; ``start`` the first byte of
    this body. ``sha256`` where the site states it; ``name`` as the server calls the file.
    """

    status: int
    final: Url
    start: int
    size: int | None
    validator: str
    sha256: str
    name: str
    content_type: str
    raw: Any

    def pieces(self) -> Iterator[bytes]:
        """The body as it came. Raises httpx.HTTPError where the connection breaks."""
        # Without a chunk size: with one, httpx holds back what a cut then loses.
        yield from self.raw.iter_raw()


@contextmanager
def get(
    url: Url, *, credentials: Credentials, patience: float, start: int = 0, validator: str = ""
) -> Iterator[Reply]:
    """Ask for ``url`` from byte ``start`` on, provided that it still is what ``validator`` named.

    ``patience`` is for each silence, in seconds. Statuses are handed on, but for 401, 403, 404,
    410 and 451. Raises StudioError (``redirect_refused``, ``download_refused``) and
    httpx.HTTPError.
    """
    import httpx

    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        headers["If-Range"] = validator
    timeout = httpx.Timeout(patience, connect=min(_CONNECT_SECONDS, patience))
    stated: dict[str, str] = {}
    token = credentials(url)
    here = url
    with httpx.Client(timeout=timeout, trust_env=url.reach is Reach.PUBLIC) as client:
        for _ in range(_MOST_REDIRECTS + 1):
            own = dict(headers)
            if token is not None and here.origin == url.origin:
                own["Authorization"] = f"Bearer {token.reveal()}"
            with client.stream("GET", str(here), headers=own) as response:
                stated |= _stated(response.headers)
                if response.status_code in {301, 302, 303, 307, 308}:
                    here = _next(here, response.headers.get("location", ""))
                    continue
                _refuse(response.status_code, url, here, token is not None)
                yield _reply(response, here, stated)
                return
    raise _refused_redirect(url, f"it was redirected more than {_MOST_REDIRECTS} times")


def _next(here: Url, location: str) -> Url:
    if not location:
        raise _refused_redirect(here, "it was redirected without an address")
    to = parse_url(urljoin(str(here), location), field="The redirect's URL")
    if here.scheme == "https" and to.scheme != "https":
        raise _refused_redirect(here, f"it was redirected to {to.host} without encryption")
    if _OUTSIDE[to.reach] < _OUTSIDE[here.reach] or to.reach is Reach.UNUSABLE:
        raise _refused_redirect(here, f"it was redirected to {to.host}, inside this network")
    return to


def _stated(headers: Mapping[str, str]) -> dict[str, str]:
    """What Hugging Face states of a file before it redirects to its store."""
    found = {}
    if sha := _SHA256.fullmatch(headers.get("x-linked-etag", "")):
        found["sha256"] = sha[1]
    if headers.get("x-linked-size", "").isdecimal():
        found["size"] = headers["x-linked-size"]
    return found


def _reply(response: Any, final: Url, stated: dict[str, str]) -> Reply:
    headers = response.headers
    start, size = 0, None
    if response.status_code == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("content-range", ""))
        start = int(span[1]) if span else -1
        size = int(span[2]) if span and span[2] != "*" else None
    elif response.status_code == 416:
        span = re.fullmatch(r"bytes \*/(\d+)", headers.get("content-range", ""))
        size = int(span[1]) if span else None
    elif headers.get("content-length", "").isdecimal():
        size = int(headers["content-length"])
    if size is None and "size" in stated:
        size = int(stated["size"])
    etag = headers.get("etag", "")
    return Reply(
        status=response.status_code,
        final=final,
        start=start,
        size=size,
        # A weak ETag does not promise the same bytes (RFC 9110, 13.1.5).
        validator=headers.get("last-modified", "") if not etag or etag.startswith("W/") else etag,
        sha256=stated.get("sha256", ""),
        name=_name(headers.get("content-disposition", ""), final),
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        raw=response,
    )


def _name(disposition: str, url: Url) -> str:
    extended = re.search(r"filename\*=(?:UTF-8|utf-8)''([^;]+)", disposition)
    plain = re.search(r'filename="([^"]+)"|filename=([^;"\s]+)', disposition)
    if extended:
        name = unquote(extended[1])
    elif plain:
        name = plain[1] or plain[2]
    else:
        name = unquote(url.path)
    return name.replace("\\", "/").rpartition("/")[2]


def _refuse(status: int, url: Url, here: Url, with_token: bool) -> None:
    if status not in {401, 403, 404, 410, 451}:
        return
    site = site_of(url)
    message, hint = f"{here.host} answered {status}", "Look at the address in a browser."
    if status in {401, 403}:
        message += ": it wants " + ("another account or a licence" if with_token else "a login")
        if site is not None:
            hint = f"Give it a token: 'ategnatos studio secrets set {site.secret}'."
            hint = site.accept if with_token else f"{hint} {site.accept}"
    elif status in {404, 410}:
        message += ": there is no such file"
    raise StudioError(
        DOWNLOAD_REFUSED,
        f"{message}. Nothing was downloaded.",
        hint=hint,
        status=status,
        host=here.host.text,
    )


def _refused_redirect(url: Url, why: str) -> StudioError:
    return StudioError(
        REDIRECT_REFUSED,
        f"Nothing more was downloaded from {url.host}: {why}.",
        hint="Look at the address in a browser; give that of the file itself.",
    )
