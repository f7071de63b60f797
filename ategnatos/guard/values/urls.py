"""URLs: http and https, in one spelling, without credentials and without surprises.

What a parser accepts and what a connection then uses must be the same thing: whitespace,
backslashes, control and invisible characters are refused rather than dropped, and the host is
written in its one form (:mod:`ategnatos.guard.values.hosts`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.hosts import Host, Reach, parse_host
from ategnatos.guard.values.shown import shown, shown_url

URL_INVALID = ErrorCode("url_invalid", "The text is no http or https URL that may be used.")
URL_CREDENTIALS = ErrorCode("url_credentials", "A URL must not carry a user name or password.")
URL_NOT_LOCAL = ErrorCode("url_not_local", "Only this machine may be addressed here.")

LONGEST_URL = 8192
PORTS = {"http": 80, "https": 443}
_HEAD = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL
)
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Controls, formats (bidirectional overrides), surrogates, private use, every kind of space.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
# What RFC 3986 lets stand in a path and a query; everything else is percent-encoded.
_PATH = "/:@!$&'()*+,;=-._~%"
_QUERY = _PATH + "?"


@dataclass(frozen=True, slots=True)
class Url:
    """A checked URL. ``path`` begins with ``/``; ``query`` has no ``?``; a fragment is dropped,
    as it never leaves the machine.
    """

    scheme: str
    host: Host
    port: int
    path: str = "/"
    query: str = ""

    @property
    def reach(self) -> Reach:
        """Who can be at the other end."""
        return self.host.reach

    @property
    def authority(self) -> str:
        """``host:port``, the port always written: the way a lock or a record names a server."""
        return f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """``http://host`` or ``http://host:port``, the port only where it is not the usual one."""
        usual = PORTS[self.scheme] == self.port
        return f"{self.scheme}://{self.host}" + ("" if usual else f":{self.port}")

    def __str__(self) -> str:
        return self.origin + self.path + (f"?{self.query}" if self.query else "")


def parse_url(text: str, *, field: str = "The URL") -> Url:
    """``text`` as a URL. ``field`` begins the message (``--url``, ``comfyui.url``).

    Raises StudioError: ``url_invalid``, ``url_credentials``, ``host_invalid``. A refused URL
    with credentials is not repeated in the message.
    """
    if len(text) > LONGEST_URL:
        raise _invalid(text, field, f"it is longer than {LONGEST_URL} characters")
    if unseen := next((c for c in text if unicodedata.category(c) in _UNSEEN or c == "\\"), None):
        raise _invalid(text, field, f"it holds {shown(unseen)}, which no URL may hold")
    found = _HEAD.fullmatch(text)
    if found is None:
        raise _invalid(text, field, "it does not begin with http:// or https://")
    scheme, authority, path, query = found.groups()
    scheme = scheme.lower()
    if "@" in authority:
        raise StudioError(
            URL_CREDENTIALS,
            f"{field} carries a user name or password, which would end up in records and logs."
            " Nothing was sent.",
            hint="Take out the part before the @, and keep the secret with"
            " 'ategnatos studio secrets set NAME'.",
        )
    if scheme not in PORTS:
        raise _invalid(text, field, f"{scheme}:// is not http:// or https://")
    name, port = _split_port(text, authority, field)
    if _ESCAPE.search(path + (query or "")):
        raise _invalid(text, field, "a % in it begins no escape such as %20")
    return Url(
        scheme,
        parse_host(name, field=f"The host of {field[:1].lower() + field[1:]}"),
        PORTS[scheme] if port is None else port,
        quote(path, safe=_PATH) or "/",
        quote(query or "", safe=_QUERY),
    )


def parse_loopback_url(text: str, *, field: str = "The URL") -> Url:
    """As :func:`parse_url`, for this machine only. Raises StudioError (``url_not_local`` too)."""
    url = parse_url(text, field=field)
    if url.reach is not Reach.LOOPBACK:
        raise StudioError(
            URL_NOT_LOCAL,
            f"{field} leads to {url.host}, which is {_WHERE[url.reach]}; only this machine"
            " may be addressed here. Nothing was sent.",
            hint="Use http://127.0.0.1:PORT; reach another machine through an ssh tunnel.",
            host=url.host.text,
            reach=url.reach.value,
        )
    return url


_WHERE = {
    Reach.PRIVATE: "another machine of the local network",
    Reach.PUBLIC: "on the open network",
    Reach.UNUSABLE: "no address of a server",
}


def parse_port(text: str | int, *, field: str = "The port") -> int:
    """A port from 1 to 65535. Raises StudioError (``number_invalid``)."""
    from ategnatos.guard.values.numbers import parse_whole

    return parse_whole(text, field=field, minimum=1, maximum=65535)


def _split_port(text: str, authority: str, field: str) -> tuple[str, int | None]:
    name, colon, port = authority, "", ""
    if authority.startswith("["):
        name, bracket, rest = authority.partition("]")
        name += bracket
        colon, port = rest[:1], rest[1:]
        if not bracket or colon not in {"", ":"}:
            raise _invalid(text, field, "its brackets hold no IPv6 address")
    elif ":" in authority:
        name, colon, port = authority.partition(":")
    if not name:
        raise _invalid(text, field, "it names no host")
    if not colon:
        return name, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise _invalid(text, field, f"{shown(port)} is no port from 1 to 65535")
    return name, int(port)


def _invalid(text: str, field: str, why: str) -> StudioError:
    return StudioError(
        URL_INVALID,
        f"{field} {shown_url(text)} was not taken: {why}. Nothing was sent.",
        hint="Write it out, like http://127.0.0.1:8188 or https://gpu.example.com/comfy.",
    )
