"""Running a workflow as it is and bringing every file that it makes, of whatever kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.locks import resource

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.address import Address
    from ategnatos.engines.comfyui.bringing import Finished
    from ategnatos.engines.comfyui.events import Event

LOCK_SECONDS = 3600.0
Graph = dict[str, Any]


def run(
    address: Address,
    graph: Graph,
    files: list[tuple[str, str, Path]],
    *,
    folder: Path,
    timeout: float | None,
    on_event: Callable[[Event], None],
    say: Callable[[str], None],
    extra_data: dict[str, Any] | None = None,
) -> Finished:
    """Run ``graph`` and put what it makes below ``folder``.

    ``files`` are (node, input, path) to upload first. Raises StudioError (``comfyui_*``,
    ``resource_held``).
    """

    async def work() -> Finished:
        from ategnatos.engines.comfyui.client import Client

        async with Client(address) as client:
            ready = await _with_files(client, graph, files)
            return await client.run(
                ready, timeout=timeout, on_event=on_event, folder=folder, extra_data=extra_data
            )

    with resource(address.lock_name, who="/studio", timeout=LOCK_SECONDS, progress=say, warn=say):
        return asyncio.run(work())


def submit(address: Address, graph: Graph, files: list[tuple[str, str, Path]]) -> str:
    """Send ``graph`` and do not wait; its prompt id. Raises StudioError (``comfyui_*``)."""

    async def work() -> str:
        from ategnatos.engines.comfyui.client import Client

        async with Client(address) as client:
            return await client.submit(await _with_files(client, graph, files))

    return asyncio.run(work())


def collect(
    address: Address,
    prompt_id: str,
    *,
    folder: Path,
    timeout: float | None,
    on_event: Callable[[Event], None],
) -> Finished:
    """Bring what an earlier prompt left, waiting for its end. Raises StudioError."""

    async def work() -> Finished:
        from ategnatos.engines.comfyui.client import Client

        async with Client(address) as client:
            return await client.collect(
                prompt_id, timeout=timeout, on_event=on_event, folder=folder
            )

    return asyncio.run(work())


def cancel(address: Address, prompt_id: str) -> str:
    """Stop one prompt and no other; where it was. Raises StudioError."""

    async def work() -> str:
        from ategnatos.engines.comfyui.client import Client

        async with Client(address) as client:
            sighting = await client.look(prompt_id)
            if sighting.where in ("waiting", "running"):
                await client.cancel(prompt_id)
            return sighting.where

    return asyncio.run(work())


async def _with_files(client: Any, graph: Graph, files: list[tuple[str, str, Path]]) -> Graph:
    """``graph`` with files uploaded and named as the server names them."""
    ready = {
        node: {**spec, "inputs": dict(spec.get("inputs") or {})} for node, spec in graph.items()
    }
    for node, name, path in files:
        try:
            data = path.read_bytes()
        except OSError as error:
            from ategnatos.engines.comfyui.errors import SETTING

            raise StudioError(
                SETTING,
                f"{path} cannot be read ({error.strerror}); nothing was sent.",
                hint="Check the name: --set NODE.INPUT=@FILE",
                path=str(path),
            ) from error
        ready[node]["inputs"][name] = await client.upload(data, path.name)
    return ready
