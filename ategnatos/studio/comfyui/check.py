"""May this address be used? Who can reach it, what the server says of itself, what is known.

Nothing is sent to a public address before ``allow_remote`` says that it may be.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from ategnatos.guard.values.hosts import Reach
from ategnatos.studio.comfyui import judgement, servers
from ategnatos.studio.comfyui.verdict import Level, Verdict
from ategnatos.studio.comfyui.web import Question, ask

if TYPE_CHECKING:
    from ategnatos.guard.values.urls import Url

# RFC 5737 and 3849. They stand for public addresses in every example, so they are judged as such.
_EXAMPLES = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
_MANAGER_PATHS = ("/manager/version", "/v2/manager/version")


def check(
    url: Url, *, allow_remote: bool = False, patience: float = servers.PATIENCE_SECONDS
) -> Verdict:
    """Judge ``url``. A server that does not answer is only noted: the address is judged alone."""
    verdict = Verdict(url.origin, reach_of(url).value)
    if not _judge_address(verdict, url, allow_remote):
        return verdict
    base = url.origin
    questions = [
        Question(f"{base}/system_stats"),
        Question(f"{base}/system_stats", {"Origin": judgement.STRANGER}),
        *(Question(base + path) for path in _MANAGER_PATHS),
    ]
    plain, strange, *managers = ask(questions, patience=patience)
    probe = servers.judge(base, plain)
    if probe.server is None:
        verdict.add(Level.NOTE, "answer", f"No ComfyUI answers at {base}: {probe.detail}.")
        return verdict
    verdict.server = probe.server
    judgement.judge_origin(verdict, strange)
    judgement.judge_flags(verdict, probe.server)
    judgement.judge_version(verdict, probe.server)
    judgement.judge_manager(verdict, managers)
    return verdict


def reach_of(url: Url) -> Reach:
    """As the guard says, but addresses kept for examples count as public."""
    address = url.host.address
    if address is not None and any(
        network.version == address.version and address in network for network in _EXAMPLES
    ):
        return Reach.PUBLIC
    return url.reach


def _judge_address(verdict: Verdict, url: Url, allow_remote: bool) -> bool:
    """Judge who can be at the other end; False where nothing may be sent there."""
    from ategnatos.studio.comfyui import tunnel

    reach = reach_of(url)
    if reach is Reach.LOOPBACK:
        verdict.tunnel = tunnel.at(url.port)
        text = f"{url.host} is this machine."
        if verdict.tunnel is not None:
            text = f"{url.host}:{url.port} is the near end of an ssh tunnel to "
            text += f"{verdict.tunnel.destination or 'another machine'}: encrypted."
        verdict.add(Level.PASS, "address", text)
        return True
    if reach is Reach.UNUSABLE:
        verdict.add(
            Level.FAIL,
            "address",
            f"{url.host} is no address of a server. Nothing was sent.",
            "Use http://127.0.0.1:8188, or the address of the machine that runs ComfyUI.",
        )
        return False
    mend = f"Reach it through ssh: ssh -N -L {url.port}:127.0.0.1:{url.port} {url.host.text}"
    mend += f" and then use http://127.0.0.1:{url.port}."
    if reach is Reach.PRIVATE:
        verdict.add(
            Level.WARN,
            "address",
            f"{url.host} is another machine of your network: ComfyUI has no password, so"
            " everybody on that network can use it and run programs through it.",
            mend,
        )
        return True
    if not allow_remote:
        verdict.add(
            Level.FAIL,
            "address",
            f"{url.host} is on the open network: ComfyUI has no password, so anybody could use it"
            " and run programs through it. Nothing was sent.",
            f"{mend} If you must use it as it is, add --allow-remote.",
        )
        return False
    verdict.tunnel = tunnel.to(url.host.text, url.port)
    if verdict.tunnel is not None:
        near = f"http://127.0.0.1:{verdict.tunnel.port}"
        verdict.add(
            Level.WARN,
            "address",
            f"An ssh tunnel to {url.host} stands (process {verdict.tunnel.pid}), but this address"
            " goes past it, over the open network.",
            f"Use the tunnel's near end: {near}",
        )
        return True
    clear = " What is sent can be read on the way." if url.scheme == "http" else ""
    verdict.add(
        Level.WARN,
        "address",
        f"{url.host} is on the open network and no ssh tunnel leads there; it is used because"
        f" --allow-remote says so.{clear}",
        mend,
    )
    return True
