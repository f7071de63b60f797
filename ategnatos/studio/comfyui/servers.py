"""Is this ComfyUI? Told by the shape of its answer to ``/system_stats``, never by a word in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ategnatos.studio.comfyui.web import Question, Reply, ask

PATIENCE_SECONDS = 3.0


class What(StrEnum):
    """What is at an address: ComfyUI, another program, one that never answers, or nothing."""

    COMFYUI = "comfyui"
    OTHER = "other"
    SILENT = "silent"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Device:
    """What pictures are made on; memory in bytes."""

    name: str
    type: str
    memory: int
    free: int


@dataclass(frozen=True, slots=True)
class Server:
    """What a ComfyUI says of itself. ``version`` "" and ``argv`` None: it does not say."""

    version: str
    python: str
    torch: str
    argv: tuple[str, ...] | None
    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found at ``url`` (``http://host:port``); ``detail`` in words."""

    url: str
    what: What
    server: Server | None = None
    detail: str = ""


def probe(url: str, *, patience: float = PATIENCE_SECONDS) -> Probe:
    """Ask one address; returns within ``patience`` seconds."""
    return probe_all([url], patience=patience)[0]


def probe_all(urls: Sequence[str], *, patience: float = PATIENCE_SECONDS) -> list[Probe]:
    """Ask several addresses at once, each ``scheme://host:port``."""
    replies = ask([Question(f"{url}/system_stats") for url in urls], patience=patience)
    return [judge(url, reply) for url, reply in zip(urls, replies, strict=True)]


def judge(url: str, reply: Reply) -> Probe:
    """What an answer to ``/system_stats`` says about who gave it."""
    if reply.problem == "refused":
        return Probe(url, What.NOTHING, detail="nothing listens there")
    if reply.problem == "silent":
        return Probe(url, What.SILENT, detail="something listens there and does not answer")
    if reply.problem:
        return Probe(url, What.OTHER, detail="what listens there does not speak HTTP")
    if reply.status in {401, 403, 407}:
        return Probe(url, What.OTHER, detail=f"a server that asks for a login ({reply.status})")
    server = recognise(reply.body) if reply.status == 200 else None
    if server is not None:
        return Probe(url, What.COMFYUI, server, f"ComfyUI {server.version or 'of unknown version'}")
    said = reply.headers.get("server", "")[:40]
    return Probe(url, What.OTHER, detail="another web server" + (f" ({said})" if said else ""))


def recognise(body: bytes) -> Server | None:
    """The server that ``body`` describes; None where it is not what ComfyUI answers.

    Source of the shape: ``server.py`` of ComfyUI 0.3.64, route ``/system_stats``.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    system, devices = said.get("system"), said.get("devices")
    if not isinstance(system, dict) or not isinstance(devices, list):
        return None
    texts = all(isinstance(system.get(key), str) for key in ("os", "python_version"))
    # Versions before 0.3 gave no version of their own, but this one word.
    own = isinstance(system.get("comfyui_version"), str) or isinstance(
        system.get("embedded_python"), bool
    )
    if not (texts and own and all(_is_device(one) for one in devices)):
        return None
    argv = system.get("argv")
    return Server(
        version=str(system.get("comfyui_version") or ""),
        python=str(system["python_version"]).split()[0] if system["python_version"] else "",
        torch=str(system.get("pytorch_version") or ""),
        argv=tuple(map(str, argv)) if isinstance(argv, list) else None,
        devices=tuple(
            Device(one["name"], one["type"], _bytes(one, "vram_total"), _bytes(one, "vram_free"))
            for one in devices
        ),
    )


def _is_device(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(k), str) for k in ("name", "type"))


def _bytes(device: dict[str, Any], key: str) -> int:
    value = device.get(key)
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**60 else 0
