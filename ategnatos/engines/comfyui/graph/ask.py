"""What a server offers, for the commands that check and convert: from a file or from the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ategnatos.engines.comfyui.address import Address
from ategnatos.engines.comfyui.graph.kept import Kept, Server, current
from ategnatos.engines.comfyui.graph.node_classes import Catalogue
from ategnatos.grimoire.errors import ErrorCode, StudioError

OBJECT_INFO_UNREADABLE = ErrorCode(
    "object_info_unreadable", "The file is no answer of a server's /object_info."
)
OBJECT_INFO_UNREACHED = ErrorCode(
    "object_info_unreached", "No server told which node classes it has."
)

_WHOLE_SECONDS = 60.0


def from_file(path: Path) -> Catalogue:
    """The classes in a saved ``/object_info``. Raises StudioError (``object_info_unreadable``)."""
    try:
        content = json.loads(path.expanduser().read_bytes())
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(content, dict) or not all(
        isinstance(entry, dict) and "input" in entry for entry in content.values()
    ):
        raise _unreadable(path, "it is no object of node classes")
    return Catalogue(content)


def from_server(address: Address, wanted: Iterable[str], folder: Path) -> Kept:
    """The classes of the server at ``address``, kept below ``folder`` between calls.

    Raises StudioError (``object_info_unreached``, ``comfyui_sign_in``).
    """
    return asyncio.run(_from_server(address, list(wanted), folder))


async def _from_server(address: Address, wanted: list[str], folder: Path) -> Kept:
    from urllib.parse import quote

    from ategnatos.engines.comfyui.web import NoAnswer, Web

    web = Web(address)

    async def version() -> str:
        answer = await web.get("/api/system_stats")
        told = answer.json
        system = told.get("system") if isinstance(told, dict) else None
        if answer.status != 200 or not isinstance(system, dict):
            raise _unreached(address, "what answers there is not ComfyUI")
        return str(system.get("comfyui_version") or "unknown")

    async def one(name: str) -> Any:
        answer = await web.get(f"/api/object_info/{quote(name, safe='')}")
        told = answer.json
        return told.get(name) if isinstance(told, dict) else None

    async def whole() -> dict[str, Any]:
        told = (await web.get("/api/object_info", read_seconds=_WHOLE_SECONDS)).json
        if not isinstance(told, dict):
            raise _unreached(address, "its answer is no list of node classes")
        return told

    try:
        return await current(Server(address.url, version, one, whole), folder, wanted)
    except NoAnswer as error:
        raise _unreached(address, str(error)) from error
    finally:
        await web.close()


def _unreached(address: Address, why: str) -> StudioError:
    return StudioError(
        OBJECT_INFO_UNREACHED,
        f"No ComfyUI at {address.host}:{address.port} told which node classes it has ({why});"
        " nothing was checked or converted.",
        hint="Start it ('ategnatos studio comfyui start'), name another with --server, or give a"
        " saved answer with --object-info FILE.",
        host=address.host,
        port=address.port,
    )


def _unreadable(path: Path, why: str) -> StudioError:
    return StudioError(
        OBJECT_INFO_UNREADABLE,
        f"{path} is no answer of a server's /object_info: {why}. Nothing was checked.",
        hint="Save one from a running server: curl -o object_info.json"
        " http://127.0.0.1:8188/api/object_info",
        path=str(path),
    )
