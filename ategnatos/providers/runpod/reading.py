"""RunPod's shapes: what a create says, and what pods and prices mean to us."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ategnatos.providers import answers
from ategnatos.providers.adapter import facts
from ategnatos.providers.values import Instance, Intent, Offer, SshPlace, State, Wanted

# Every status of the OpenAPI document (PodStatus); what is not here is UNKNOWN. EXITED and ERROR
# keep their volume, which bills double.
STATES: Mapping[str, State] = {
    "PROVISIONING": State.PENDING,
    "STARTING": State.PENDING,
    "RUNNING": State.RUNNING,
    "EXITED": State.STOPPING,
    "ERROR": State.STOPPING,
    "TERMINATED": State.TERMINATED,
}
_HOPELESS = {
    "EXITED": "its container has ended",
    "ERROR": "its container failed for good",
}


def body(intent: Intent) -> dict[str, Any]:
    """The body of a create; unknown fields are rejected by RunPod."""
    gpu: dict[str, Any] = {
        "id": intent.offer.details["gpu"],
        "count": intent.offer.gpu_count,
    }
    body: dict[str, Any] = {
        "name": intent.label,
        "image": intent.image or facts("runpod")["image"],
        "gpu": gpu,
        "cloud": intent.offer.details["cloud"],
        "disk": intent.disk_gb,
        "ports": ["22/tcp", *(f"{port}/tcp" for port in intent.ports)],
        "startSsh": True,
        # Set by us, so that the account's own keys are neither needed nor let in.
        "env": {
            **intent.env,
            "ATEG_RUN": intent.run,
            "PUBLIC_KEY": intent.public_key,
            "SSH_PUBLIC_KEY": intent.public_key,
        },
    }
    if centers := intent.offer.details.get("centers"):
        body["dataCenterIds"] = list(centers)
    return body


def offers(gpus: Any, wanted: Wanted) -> list[Offer]:
    """One offer for each GPU and cloud that has a price."""
    storage = facts("runpod")["storage"]
    found: list[Offer] = []
    known = [one for one in gpus if isinstance(one, dict)] if isinstance(gpus, list) else []
    names_used = [answers.text(one.get("name")) for one in known]
    for one in known:
        if not isinstance(one.get("price"), dict):
            continue
        centers = [c for c in one.get("dataCenters") or [] if isinstance(c, dict)]
        if wanted.region is not None:
            region = wanted.region.lower()
            centers = [c for c in centers if region in f"{c.get('id')} {c.get('name')}".lower()]
            if not centers:
                continue
        most = one.get("maxCount") if isinstance(one.get("maxCount"), dict) else {}
        for cloud in ("secure", "community"):
            price = answers.money(one["price"].get(cloud))
            if not one.get(cloud) or not price or (most or {}).get(cloud, 0) < wanted.count:
                continue
            left = answers.text(one.get("availability")).lower()
            gpu = answers.text(one.get("id"))
            name = answers.text(one.get("name")) or gpu
            names = [answers.text(c.get("id")) for c in centers]
            found.append(
                Offer(
                    provider="runpod",
                    id=_offer_id(
                        gpu if names_used.count(name) > 1 else name,
                        wanted.count,
                        cloud,
                        names if wanted.region else [],
                    ),
                    gpu=name,
                    gpu_count=wanted.count,
                    vram_gb=answers.number(one.get("memory")) or 0.0,
                    price=price * wanted.count,
                    region=", ".join(names) or "any",
                    available=left not in ("none", ""),
                    left=left,
                    disk_price=Decimal(storage["container_disk"]),
                    details={
                        "gpu": gpu,
                        "cloud": cloud.upper(),
                        "centers": names if wanted.region is not None else [],
                    },
                )
            )
    return found


def _offer_id(gpu: str, count: int, cloud: str, centers: list[str]) -> str:
    parts = [*gpu.split(), f"x{count}", cloud, *centers]
    return "-".join(parts)


def chosen(found: list[Offer], wanted: Wanted) -> list[Offer]:
    """Those that are wanted, what is free first, then the cheapest."""
    kept = [
        one
        for one in found
        if (wanted.gpu is None or wanted.gpu.lower() in f"{one.gpu} {one.details['gpu']}".lower())
        and (wanted.vram_gb is None or one.vram_gb >= wanted.vram_gb)
        and (wanted.max_price is None or one.hourly(wanted.disk_gb) <= wanted.max_price)
    ]
    kept.sort(key=lambda one: (not one.available, one.price, one.id))
    return kept[: wanted.limit]


def instance(pod: dict[str, Any]) -> Instance:
    """A pod as an instance; a status that is not known is UNKNOWN."""
    raw = answers.text(pod.get("status"))
    gpu = pod.get("gpu") if isinstance(pod.get("gpu"), dict) else {}
    ssh = pod.get("ssh") if isinstance(pod.get("ssh"), dict) else {}
    return Instance(
        provider="runpod",
        id=answers.text(pod.get("id")),
        label=answers.text(pod.get("name")),
        state=STATES.get(raw, State.UNKNOWN),
        raw=raw,
        hopeless=_HOPELESS.get(raw, ""),
        rate=answers.money(pod.get("cost")),
        gpu=answers.text((gpu or {}).get("id")),
        gpu_count=int(answers.number((gpu or {}).get("count")) or 0),
        region=answers.text(pod.get("dataCenterId")),
        started=answers.moment(pod.get("createdAt")),
        ssh=_places((ssh or {}).get("direct")),
    )


def _places(direct: Any) -> tuple[SshPlace, ...]:
    # The proxy takes no scp and no forwarding, so it is no place to work over.
    if not isinstance(direct, dict):
        return ()
    host, port = answers.text(direct.get("host")), answers.number(direct.get("port"))
    if not host or not port:
        return ()
    return (SshPlace(host, int(port), answers.text(direct.get("username")) or "root"),)
