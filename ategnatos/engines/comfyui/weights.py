"""Which weights made a picture: the hashes that the studio's inventory has of the server's files.

ComfyUI hands out no hash of a model, and hashing gigabytes for each picture would take longer
than the picture. ``studio models scan`` has hashed the files once. The server says the size and
the time of change of its own: where these and the name agree, it is that file, and the hash
holds. What cannot be told stays unknown. No byte of a model is read here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.engines.comfyui.web import NoAnswer

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.client import Client
    from ategnatos.engines.comfyui.following import Graph

# The input that names a file, and the server's folder for it.
_FOLDERS = {
    "ckpt_name": "checkpoints",
    "unet_name": "diffusion_models",
    **{f"clip_name{number}": "text_encoders" for number in ("", 1, 2, 3, 4)},
    "vae_name": "vae",
    "lora_name": "loras",
    "control_net_name": "controlnet",
}
# A server's clock of files is a float of seconds; its last digits are lost.
_SAME_NS = 1_000_000

Entry = Mapping[str, Any]


async def hashes(client: Client, inventory: Path | None, graph: Graph) -> dict[str, str]:
    """SHA-256 of the files that ``graph`` names, by the name there; the unknown ones are absent."""
    known = _on_record(inventory)
    named = dict(sorted(_files(graph))) if known else {}
    wanted = {name: folder for name, folder in named.items() if _plain(name) in known}
    folders = sorted(set(wanted.values()))
    try:
        listed = await asyncio.gather(*(client.model_files(folder) for folder in folders))
    except NoAnswer:
        return {}
    there = dict(zip(folders, listed, strict=True))
    found: dict[str, str] = {}
    for name, folder in wanted.items():
        seen = next((one for one in there[folder] if _plain(one.get("name")) == _plain(name)), {})
        digest = next((one["sha256"] for one in known[_plain(name)] if _same(one, seen)), "")
        if digest:
            found[name] = digest
    return found


def _files(graph: Graph) -> Iterator[tuple[str, str]]:
    for spec in graph.values():
        for key, value in (spec.get("inputs") or {}).items():
            if key in _FOLDERS and isinstance(value, str):
                yield value, _FOLDERS[key]


def _on_record(inventory: Path | None) -> dict[str, list[Entry]]:
    """The entries with a hash, by name. Read without the document's schema, as every call needs it.

    A missing or broken inventory is the doctor's business; the hashes are unknown then.
    """
    if inventory is None:
        return {}
    try:
        entries = json.loads(inventory.read_bytes())["files"]
        known: dict[str, list[Entry]] = {}
        for one in entries:
            if one["sha256"]:
                known.setdefault(_plain(one["name"]), []).append(one)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return known


def _plain(name: object) -> str:
    return str(name).replace("\\", "/")


def _same(entry: Entry, seen: Entry) -> bool:
    size, modified = seen.get("size"), seen.get("modified")
    if not isinstance(size, int) or not isinstance(modified, int | float):
        return False
    recorded = entry.get("modified_ns", 0)
    return size == entry.get("bytes") and abs(modified * 1e9 - recorded) < _SAME_NS
