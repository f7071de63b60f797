"""How long the client waits for what; in seconds. Tests shorten them, nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits of every wait. None of them ends a run that the server says it works on.

    ``watch``: silence about a run after which HTTP is asked. ``nearby``: how often HTTP is asked
    while there is no socket. ``heal``: silence about a running prompt after which the socket is
    opened anew (a server that forgot it tells nobody). ``gone``: how long a server that refuses
    connections may be away (a tunnel that reconnects) before the run counts as lost. ``frozen``:
    the same for one that accepts connections and answers nothing. ``confirm``: pause before a
    run that cannot be found is looked for once more. ``goodbye``: the most that cancelling at
    the server may take. ``answer``: what one request may take. ``retry``: pause between tries.
    """

    watch: float = 5.0
    nearby: float = 0.5
    heal: float = 30.0
    gone: float = 30.0
    frozen: float = 180.0
    confirm: float = 0.4
    goodbye: float = 5.0
    answer: float = 15.0
    retry: float = 0.2


USUAL = Patience()
