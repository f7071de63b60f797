"""Host keys: pinned from what the provider says, or on first contact; then held for good.

A machine's ``known_hosts`` is a file of its own in its folder, under its own name and not its
address: an address that a provider gives to somebody else's machine tomorrow has no key here.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.guard.values.shown import shown
from ategnatos.machines.ssh.address import KNOWN_HOSTS

if TYPE_CHECKING:
    from ategnatos.machines.ssh.address import Address

HOST_KEY_INVALID = ErrorCode("ssh_host_key_invalid", "The text is no public host key of ssh.")

_KINDS = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
    }
)


def pin(address: Address, keys: Sequence[str]) -> None:
    """Hold the machine to ``keys`` (lines of kind and base64, as in ``ssh_host_*_key.pub``).

    Raises StudioError (``ssh_host_key_invalid``), with nothing changed.
    """
    lines = [f"{address.alias} {_key(one)}\n" for one in keys]
    address.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(address.home / KNOWN_HOSTS, "".join(lines).encode(), 0o600)


def pinned(address: Address) -> bool:
    """Whether a key of that machine is known; if not, its first one will be kept."""
    try:
        text = (address.home / KNOWN_HOSTS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return any(line.split()[:1] == [address.alias] for line in text.splitlines())


def _key(text: str) -> str:
    kind, _, rest = text.strip().partition(" ")
    body = rest.split(" ", 1)[0]
    try:
        raw = base64.b64decode(body, validate=True)
        (length,) = struct.unpack(">I", raw[:4])
        sound = kind in _KINDS and raw[4 : 4 + length] == kind.encode() and len(raw) > 4 + length
    except (binascii.Error, struct.error, ValueError):
        sound = False
    if not sound:
        raise StudioError(
            HOST_KEY_INVALID,
            f"{shown(text)} is no public host key; none was pinned.",
            hint="It is one line like 'ssh-ed25519 AAAA...', from the provider's own page or API.",
        )
    return f"{kind} {body}"
