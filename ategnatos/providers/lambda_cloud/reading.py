"""Lambda's shapes: what a launch says, and what instances and types mean to us."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ategnatos.providers import answers
from ategnatos.providers.values import Instance, Intent, Offer, SshPlace, State, Wanted

# Every status of the OpenAPI document; what is not here is UNKNOWN. Nobody says whether an
# unhealthy machine bills, so it counts as billing.
STATES: Mapping[str, State] = {
    "booting": State.PENDING,
    "active": State.RUNNING,
    "unhealthy": State.UNKNOWN,
    "terminating": State.STOPPING,
    "terminated": State.TERMINATED,
    "preempted": State.TERMINATED,
}
LONGEST_START = 1_000_000


def offers(types: Any, wanted: Wanted) -> list[Offer]:
    """One offer for each type and region with capacity; sold out types once, at the end."""
    found: list[Offer] = []
    for one in types.values() if isinstance(types, dict) else []:
        if isinstance(one, dict) and isinstance(one.get("instance_type"), dict):
            found += _of_type(one["instance_type"], one.get("regions_with_capacity_available"))
    kept = [
        one
        for one in found
        if one.gpu_count == wanted.count
        and (wanted.gpu is None or wanted.gpu.lower() in f"{one.gpu} {one.id}".lower())
        and (wanted.vram_gb is None or one.vram_gb >= wanted.vram_gb)
        and (wanted.max_price is None or one.price <= wanted.max_price)
        and (wanted.region is None or wanted.region.lower() in one.region.lower())
        and one.disk_gb >= wanted.disk_gb
    ]
    kept.sort(key=lambda one: (not one.available, one.price, one.id))
    return kept[: wanted.limit]


def launch(intent: Intent) -> dict[str, Any]:
    """The body of a launch. The key of that name is registered before."""
    body: dict[str, Any] = {
        "region_name": intent.offer.details["region"],
        "instance_type_name": intent.offer.details["type"],
        "ssh_key_names": [intent.label],
        "name": intent.label,
        "tags": [{"key": "ateg-run", "value": intent.run}],
        "file_system_names": [],
    }
    if script := _script(intent):
        body["user_data"] = script
    return body


def instance(one: dict[str, Any]) -> Instance:
    """A virtual machine as an instance; a status that is not known is UNKNOWN."""
    raw = answers.text(one.get("status"))
    state = STATES.get(raw, State.UNKNOWN)
    kind = one.get("instance_type") if isinstance(one.get("instance_type"), dict) else {}
    specs = (kind or {}).get("specs")
    region = one.get("region") if isinstance(one.get("region"), dict) else {}
    host = answers.text(one.get("ip"))
    return Instance(
        provider="lambda_cloud",
        id=answers.text(one.get("id")),
        label=answers.text(one.get("name")),
        state=state,
        raw=raw,
        said=_no_end(one.get("actions")),
        hopeless="its host is unhealthy" if raw == "unhealthy" else "",
        rate=_dollars((kind or {}).get("price_cents_per_hour")),
        gpu=answers.text((kind or {}).get("gpu_description")),
        gpu_count=int(answers.number((specs or {}).get("gpus")) or 0),
        region=answers.text((region or {}).get("name")),
        ssh=(SshPlace(host, 22, "ubuntu"),) if host and state is State.RUNNING else (),
    )


def _of_type(kind: dict[str, Any], regions: Any) -> list[Offer]:
    price = _dollars(kind.get("price_cents_per_hour"))
    specs = kind.get("specs") if isinstance(kind.get("specs"), dict) else {}
    if price is None or not specs:
        return []
    name = answers.text(kind.get("name"))
    said = answers.text(kind.get("gpu_description"))
    memory = re.search(r"(\d+) ?GB", said)
    names = [answers.text(r.get("name")) for r in regions or [] if isinstance(r, dict)]
    return [
        Offer(
            provider="lambda_cloud",
            id=f"{name}-{region}" if region else name,
            gpu=said.split(" (")[0],
            gpu_count=int(answers.number(specs.get("gpus")) or 0),
            vram_gb=float(memory[1]) if memory else 0.0,
            price=price,
            region=region,
            available=bool(region),
            left="" if region else "sold out",
            disk_gb=answers.number(specs.get("storage_gib")) or 0.0,
            cpu_cores=answers.number(specs.get("vcpus")),
            memory_gb=answers.number(specs.get("memory_gib")),
            details={"type": name, "region": region},
        )
        for region in names or [""]
    ]


def _dollars(cents: Any) -> Decimal | None:
    found = answers.money(cents)
    return None if found is None else found / 100


def _no_end(actions: Any) -> str:
    """Why it cannot be ended now, where Lambda says so."""
    end = actions.get("terminate") if isinstance(actions, dict) else None
    if not isinstance(end, dict) or end.get("available") is not False:
        return ""
    return f"it cannot be ended now ({answers.text(end.get('reason_code')) or 'no reason given'})"


def _script(intent: Intent) -> str:
    """The start script, after the variables that this provider has no field for."""
    lines = [
        f"printf '%s\\n' {shlex.quote(f'{name}={value}')} >> /etc/environment"
        f"\nexport {name}={shlex.quote(value)}"
        for name, value in intent.env.items()
    ]
    if not lines and not intent.start:
        return ""
    return "\n".join(["#!/bin/sh", *lines, intent.start, ""])
