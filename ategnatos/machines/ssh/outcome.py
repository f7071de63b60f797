"""What ssh's own log says of one call: did it connect, did the command start, did it end?

The log (``-E``, DEBUG1) is ssh's alone: what the far side prints goes elsewhere and cannot
stand in for it. Lines as OpenSSH 7.4 to 9.9 write them (ssh.c, clientloop.c, sshconnect.c).
"""

from __future__ import annotations

import re
from enum import StrEnum


class Outcome(StrEnum):
    """How far a call got.

    ENDED: the command ran and its status is known. UNREACHED: no connection came about, so the
    command surely did not run; a later try may reach it. REFUSED: the machine answered and took
    neither the key nor us. STRANGER: another host key than the one pinned. LOST: the line went
    after the command could have been sent; it may have run, or run still. UNCLEAR: ssh itself
    failed in a way nobody listed; taken as LOST is.
    """

    ENDED = "ended"
    UNREACHED = "unreached"
    REFUSED = "refused"
    STRANGER = "stranger"
    LOST = "lost"
    UNCLEAR = "unclear"


_ENDED = re.compile(
    r"^debug1: client_input_channel_req: channel \d+ rtype exit-(status|signal)", re.M
)
_AUTHENTICATED = re.compile(r"^(Authenticated to |debug1: Authentication succeeded )", re.M)
_SENT = re.compile(
    r"^debug1: (Sending command|Sending subsystem|Entering interactive session)", re.M
)
_STRANGER = re.compile(
    r"^(Host key verification failed|.*REMOTE HOST IDENTIFICATION HAS CHANGED"
    r"|No \S+ host key is known for )",
    re.M,
)
_REFUSED = re.compile(r"^(\S+: )?(Permission denied|.*Too many authentication failures)", re.M)
_UNREACHED = re.compile(
    r"^(ssh: connect to (host|address) .*"
    r"|ssh: Could not resolve hostname .*"
    r"|(ssh_exchange_identification|kex_exchange_identification|banner exchange): .*"
    r"|Connection (closed|reset) by .*"
    r"|Connection to .* (closed|reset|timed out).*"
    r"|Connection timed out during banner exchange.*"
    r"|ssh_dispatch_run_fatal: .*"
    r"|Disconnected from .*"
    r"|Timeout, server .* not responding.*"
    r"|(Read|read) from (socket|remote host) .*(failed|reset|timed out).*"
    r"|client_loop: .*)",
    re.M,
)


def of(status: int, log: str) -> Outcome:
    """The outcome of a call that ended with ``status`` and wrote ``log``.

    Only what is proven counts as UNREACHED: no login, nothing sent, and a line that says why.
    """
    if _ENDED.search(log):
        return Outcome.ENDED
    if _AUTHENTICATED.search(log) or _SENT.search(log):
        return Outcome.LOST
    if _STRANGER.search(log):
        return Outcome.STRANGER
    if _REFUSED.search(log):
        return Outcome.REFUSED
    if _UNREACHED.search(log) and status != 0:
        return Outcome.UNREACHED
    return Outcome.UNCLEAR


def why(log: str) -> str:
    """ssh's own words for a failure, for people: its last line that is not a debug line."""
    lines = [
        line.strip()
        for line in log.splitlines()
        if line.strip()
        and not line.startswith(("debug", "Warning: ", "Transferred: ", "Bytes per second: "))
    ]
    told = [line for line in lines if _UNREACHED.match(line) or _REFUSED.match(line)]
    rest = [line for line in lines if not _AUTHENTICATED.match(line)]
    return (told or rest or ["it ended without a word"])[-1][:300]
