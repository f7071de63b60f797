"""Vast.ai's shapes: what a search and a create say, and what instances and prices mean to us.

Where its OpenAPI document and its own clients differ, the clients are followed: ``ports`` and
``env`` are objects, the type of a search is ``on-demand``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ategnatos.providers import answers
from ategnatos.providers.adapter import facts
from ategnatos.providers.values import Instance, Intent, Offer, SshPlace, State, Wanted

# Every ``actual_status`` that its documents and clients name; what is not here is UNKNOWN. A
# frozen machine is paused with its memory, and its GPU is charged.
STATES: Mapping[str, State] = {
    "created": State.PENDING,
    "loading": State.PENDING,
    "rebooting": State.PENDING,
    "running": State.RUNNING,
    "frozen": State.RUNNING,
    "stopped": State.STOPPING,
    "exited": State.STOPPING,
    "unknown": State.UNKNOWN,
    "offline": State.UNKNOWN,
    "destroyed": State.TERMINATED,
}
# None of these becomes "running" by itself, say its own tests.
_HOPELESS = {
    "exited": "its container has ended",
    "offline": "its host is offline",
    "stopped": "it is stopped",
}
# The words by which Vast's own test of a machine takes a loading one for lost.
_FATAL = ("oci runtime", "error", "failed", "exception", "traceback", "permission denied")
_OUTBID = ("intended_status", "cur_state", "next_state")


def search(wanted: Wanted) -> dict[str, Any]:
    """The body of a search. Memory is in MB there, and the disk changes the price."""
    body: dict[str, Any] = {
        "verified": {"eq": True},
        "external": {"eq": False},
        "rentable": {"eq": True},
        "rented": {"eq": False},
        "num_gpus": {"eq": wanted.count},
        "reliability": {"gte": 0.98},
        "inet_down": {"gte": 300},
        "direct_port_count": {"gte": 1},
        "disk_space": {"gte": wanted.disk_gb},
        "type": "bid" if wanted.bid else "on-demand",
        "allocated_storage": wanted.disk_gb,
        "order": [["dph_total", "asc"], ["reliability", "desc"]],
        # A name or region is chosen from what comes back: the search knows exact names only.
        "limit": 200 if wanted.gpu or wanted.region else max(wanted.limit, 1),
    }
    if wanted.vram_gb is not None:
        # A "24 GB" card says 24564 of 24576 MB, or a little less.
        body["gpu_ram"] = {"gte": int(wanted.vram_gb * 1000)}
    return body


def offers(found: Any, wanted: Wanted) -> list[Offer]:
    """Those that are wanted, the cheapest first."""
    kept: list[Offer] = []
    for one in found if isinstance(found, list) else []:
        offer = _offer(one, wanted) if isinstance(one, dict) else None
        if offer is None:
            continue
        if wanted.gpu is not None and wanted.gpu.lower() not in offer.gpu.lower():
            continue
        if wanted.region is not None and wanted.region.lower() not in offer.region.lower():
            continue
        if wanted.max_price is not None and offer.hourly(wanted.disk_gb) > wanted.max_price:
            continue
        kept.append(offer)
    kept.sort(key=lambda one: (one.price, one.id))
    return kept[: wanted.limit]


def create(intent: Intent) -> dict[str, Any]:
    """The body of a create. ``cancel_unavail`` always: else a machine that cannot start is kept
    stopped, and its disk bills.
    """
    body: dict[str, Any] = {
        "client_id": "me",
        "image": intent.image or facts("vastai")["image"],
        "disk": intent.disk_gb,
        "label": intent.label,
        "runtype": "ssh_direct",
        "env": {
            **intent.env,
            "ATEG_RUN": intent.run,
            **{f"-p {port}:{port}": "1" for port in intent.ports},
        },
        # tmux by itself would stand between ssh and what is run over it.
        "onstart": "touch ~/.no_auto_tmux\n" + intent.start,
        "cancel_unavail": True,
    }
    if intent.bid is not None:
        body["price"] = float(intent.bid)
    return body


def instance(one: dict[str, Any]) -> Instance:
    """A contract as an instance; a status that is not known is UNKNOWN."""
    raw = one.get("actual_status")
    state = State.PENDING if raw is None else STATES.get(str(raw), State.UNKNOWN)
    hopeless = _hopeless(one, state)
    return Instance(
        provider="vastai",
        id=str(one.get("id", "")),
        label=answers.text(one.get("label")),
        state=state,
        raw=answers.text(raw) or ("provisioning" if raw is None else repr(raw)[:60]),
        said=answers.text(one.get("status_msg")),
        hopeless=hopeless,
        rate=answers.money(one.get("dph_total")),
        gpu=answers.text(one.get("gpu_name")),
        gpu_count=int(answers.number(one.get("num_gpus")) or 0),
        region=answers.text(one.get("geolocation")),
        host=str(one.get("machine_id") or ""),
        started=answers.moment(one.get("start_date")),
        bid=one.get("is_bid") is True,
        ssh=_places(one) if state is State.RUNNING else (),
    )


def keys(found: dict[str, Any]) -> list[str]:
    """The public keys of an instance: a JSON text inside the JSON, or a list."""
    said = found.get("ssh_keys")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            said = None
    held = [one.get("public_key") for one in said or [] if isinstance(one, dict)]
    return [one for one in held if isinstance(one, str)]


def _offer(one: dict[str, Any], wanted: Wanted) -> Offer | None:
    price = answers.money(one.get("dph_total"))
    if wanted.bid:
        price = answers.money(one.get("min_bid")) or price
    number = one.get("id")
    if price is None or not isinstance(number, int):
        return None
    duration = answers.number(one.get("duration"))
    return Offer(
        provider="vastai",
        id=str(number),
        gpu=answers.text(one.get("gpu_name")),
        gpu_count=int(answers.number(one.get("num_gpus")) or 1),
        vram_gb=round((answers.number(one.get("gpu_ram")) or 0) / 1024, 1),
        price=price,
        region=answers.text(one.get("geolocation")),
        available=one.get("rentable") is not False,
        left="",
        bid=wanted.bid,
        # ``dph_total`` has the disk of the search in it.
        disk_gb=float(wanted.disk_gb),
        disk_price=answers.money(one.get("storage_cost")) or Decimal(0),
        down_price=answers.money(one.get("inet_down_cost")) or Decimal(0),
        up_price=answers.money(one.get("inet_up_cost")) or Decimal(0),
        cpu_cores=answers.number(one.get("cpu_cores_effective")),
        memory_gb=round((answers.number(one.get("cpu_ram")) or 0) / 1024, 1),
        cuda=str(one.get("cuda_max_good") or ""),
        driver=answers.text(one.get("driver_version")),
        down_mbps=answers.number(one.get("inet_down")),
        reliability=answers.number(one.get("reliability")),
        max_hours=None if duration is None else duration / 3600,
        details={"machine": str(one.get("machine_id") or "")},
    )


def _hopeless(one: dict[str, Any], state: State) -> str:
    raw = str(one.get("actual_status"))
    if state is State.STOPPING and all(one.get(name) == "stopped" for name in _OUTBID):
        return "it was outbid" if one.get("is_bid") is True else "it was stopped"
    if raw in _HOPELESS:
        return _HOPELESS[raw]
    said = answers.text(one.get("status_msg")).lower()
    if state is State.PENDING and any(words in said for words in _FATAL):
        return "its container cannot start"
    return ""


def _places(one: dict[str, Any]) -> tuple[SshPlace, ...]:
    found: list[SshPlace] = []
    ports = one.get("ports")
    mapped = ports.get("22/tcp") if isinstance(ports, dict) else None
    host = answers.text(one.get("public_ipaddr"))
    if host and isinstance(mapped, list) and mapped and isinstance(mapped[0], dict):
        port = str(mapped[0].get("HostPort", ""))
        if port.isdigit():
            found.append(SshPlace(host, int(port), "root"))
    proxy, listens = answers.text(one.get("ssh_host")), answers.number(one.get("ssh_port"))
    if proxy and listens:
        # Its proxy counts one further for images that bring Jupyter.
        further = 1 if "jupyter" in str(one.get("image_runtype", "")) else 0
        found.append(SshPlace(proxy, int(listens) + further, "root", way="proxy"))
    return tuple(found)
