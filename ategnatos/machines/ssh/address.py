"""Where a machine answers to ssh, read from what a provider said: names that ssh cannot misread."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.hosts import parse_host
from ategnatos.guard.values.shown import shown
from ategnatos.guard.values.urls import parse_port

SSH_ADDRESS = ErrorCode("ssh_address", "What was given is no address that ssh may be handed.")

KEY = "key"
KNOWN_HOSTS = "known_hosts"

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
# The name that the host key is kept under, and that of a machine's folder.
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Address:
    """One machine. ``home`` is its folder here: ``key`` (the private key), ``known_hosts``.

    ssh is started in that folder, so that no path of ours has to be quoted for its parser.
    ``alias`` is the name its host key is pinned under: an address may change, the machine not.
    """

    host: str
    port: int
    user: str
    home: Path
    alias: str


def parse_address(*, host: str, port: int | str, user: str, home: Path, alias: str) -> Address:
    """The same, checked. Raises StudioError (``ssh_address``, ``invalid_host``, ``invalid_url``).

    A host like ``-oProxyCommand=...`` or a user like ``-l`` is refused before ssh sees it.
    """
    name = parse_host(host, field="The machine's address").text
    number = parse_port(port, field="The machine's ssh port")
    if not _USER.fullmatch(user):
        raise _refusal("user", user)
    if not _ALIAS.fullmatch(alias):
        raise _refusal("name", alias)
    return Address(name, number, user, home, alias)


def _refusal(what: str, text: str) -> StudioError:
    return StudioError(
        SSH_ADDRESS,
        f"The machine's {what} {shown(text)} cannot be handed to ssh; nothing was sent.",
        hint="Look at the machine with 'ategnatos studio provider status'; if the provider really"
        " says so, end the machine with 'ategnatos studio provider down'.",
    )
