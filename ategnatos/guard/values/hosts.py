"""Hosts: what an address is, decided by its number and never by how its text begins.

``10.evil.com`` is a name on the internet, ``127.0.0.2`` and ``::1`` are this machine, and
``0x7f.1`` and ``2130706433`` are ``127.0.0.1`` in other spellings: all are read as the URL
Standard reads them (https://url.spec.whatwg.org/#host-parsing) and written in one form, so that
no later reader can take them for something else.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.shown import shown

HOST_INVALID = ErrorCode("host_invalid", "The text is neither a host name nor an address.")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_NAME = 253
# Letters, digits and hyphens (RFC 1123); the underscore for the names of container networks.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Reach(StrEnum):
    """Who can be at the other end.

    ``LOOPBACK``: this machine. ``PRIVATE``: the local network (RFC 1918, RFC 4193). ``PUBLIC``:
    anybody, and every name, for whoever answers for a name decides where it leads. ``UNUSABLE``:
    no server of yours: every interface at once (0.0.0.0), link-local (where clouds keep their
    credentials), multicast, reserved, documentation.
    """

    LOOPBACK = "loopback"
    PRIVATE = "private"
    PUBLIC = "public"
    UNUSABLE = "unusable"


# First match decides. The networks are written out because ``ipaddress.is_private`` means other
# things in other versions of Python. Source: the IANA special-purpose registries (RFC 6890).
_NETWORKS: tuple[tuple[Reach, tuple[str, ...]], ...] = (
    (Reach.LOOPBACK, ("127.0.0.0/8", "::1/128")),
    (Reach.PRIVATE, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
    (
        Reach.UNUSABLE,
        (
            "0.0.0.0/8",
            "169.254.0.0/16",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "::/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001:db8::/32",
            "2002::/16",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Host:
    """A host in its one spelling. ``address`` is None for a name; ``text`` has no brackets."""

    text: str
    reach: Reach
    address: Address | None = None

    def __str__(self) -> str:
        """As it stands in a URL: an IPv6 address in brackets."""
        return f"[{self.text}]" if ":" in self.text else self.text


def reach_of(address: Address) -> Reach:
    """What ``address`` is. An IPv4 address inside an IPv6 one (``::ffff:10.0.0.1``) is itself."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    for reach, networks in _NETWORKS:
        for text in networks:
            network = ipaddress.ip_network(text)
            if network.version == address.version and address in network:
                return reach
    return Reach.PUBLIC


def parse_host(text: str, *, field: str = "The host") -> Host:
    """A host name or address, with or without the brackets of IPv6.

    ``localhost`` is loopback; every other name is public. International names become their
    ASCII form (IDNA 2008, with the mapping of UTS 46). ``field`` begins the message. Raises
    StudioError (``host_invalid``).
    """
    bare = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    if ":" in bare:
        return _ipv6(bare, text, field)
    if bare != text:
        raise _invalid(text, field, "brackets are for IPv6 addresses")
    name = (bare if bare.isascii() else _ascii(bare, field)).lower()
    labels = name.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(labels, text, field)
    if len(name) > LONGEST_NAME + 1:
        raise _invalid(text, field, f"a name has at most {LONGEST_NAME} characters")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise _invalid(text, field, f"{shown(label)} is no part of a host name")
        if label.startswith("xn--"):
            _decoded(label, text, field)
    name = ".".join(labels)
    return Host(name, Reach.LOOPBACK if name == "localhost" else Reach.PUBLIC)


def _ipv6(bare: str, text: str, field: str) -> Host:
    try:
        address = ipaddress.IPv6Address(bare)
    except ValueError as error:
        raise _invalid(text, field, "it is no IPv6 address") from error
    if address.scope_id is not None:
        raise _invalid(text, field, "an address with an interface name means nothing elsewhere")
    if address.ipv4_mapped is not None:
        mapped = address.ipv4_mapped
        return Host(str(mapped), reach_of(mapped), mapped)
    return Host(str(address), reach_of(address), address)


def _ipv4(labels: list[str], text: str, field: str) -> Host:
    why = "it is written as a number and is no IPv4 address"
    if len(labels) > 4:
        raise _invalid(text, field, why)
    numbers = [_number(label, text, field) for label in labels]
    room = 256 ** (5 - len(numbers))
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= room:
        raise _invalid(text, field, why)
    value = numbers[-1]
    for place, number in enumerate(numbers[:-1]):
        value += number * 256 ** (3 - place)
    address = ipaddress.IPv4Address(value)
    return Host(str(address), reach_of(address), address)


def _number(label: str, text: str, field: str) -> int:
    base, digits = 10, label
    if label.startswith("0x"):
        base, digits = 16, label[2:] or "0"
    elif len(label) > 1 and label.startswith("0"):
        base, digits = 8, label[1:]
    try:
        # int() alone would take 1_0 and +1, and work long on thousands of digits.
        if not _NUMBER.fullmatch(label) or len(digits) > 32:
            raise ValueError("no number of an address")
        return int(digits, base)
    except ValueError as error:
        raise _invalid(text, field, f"{shown(label)} is no part of an address") from error


def _ascii(name: str, field: str) -> str:
    import idna

    try:
        if len(name) > LONGEST_NAME:
            raise idna.IDNAError(f"a name has at most {LONGEST_NAME} characters")
        return idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise _invalid(name, field, f"it is no international name ({error})") from error


def _decoded(label: str, text: str, field: str) -> None:
    import idna

    try:
        idna.decode(label)
    except (idna.IDNAError, UnicodeError) as error:
        raise _invalid(text, field, f"{shown(label)} encodes no name ({error})") from error


def _invalid(text: str, field: str, why: str) -> StudioError:
    return StudioError(
        HOST_INVALID,
        f"{field} {shown(text)} was not taken: {why}. Nothing was sent.",
        hint="Give a host such as 127.0.0.1, localhost, [::1] or gpu.example.com.",
    )
