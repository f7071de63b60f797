"""What a graph needs of the server and the server lacks, said before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ategnatos.engines import ENGINE_CANNOT, Request
from ategnatos.engines.comfyui.errors import UNREACHABLE
from ategnatos.engines.comfyui.prepared import CONTROL, INIT, MASK, Prepared
from ategnatos.engines.comfyui.web import NoAnswer
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.client import Client
    from ategnatos.engines.comfyui.graph.findings import Finding

_LORA_LOADERS = ("LoraLoader", "LoraLoaderModelOnly")
_SHOWN = 8


async def unmet(client: Client, prepared: Prepared) -> StudioError | None:
    """What stops the graph of ``prepared`` at this server, None where nothing does.

    Raises StudioError (``comfyui_unreachable``).
    """
    from ategnatos.engines.comfyui.graph.findings import blocking
    from ategnatos.engines.comfyui.graph.preflight import check

    graph = prepared.graph(prepared.exact.seed)
    names = {str(spec.get("class_type")) for spec in graph.values()}
    version = None
    try:
        if prepared.min_comfyui is not None:
            version = (await client.system())["system"].get("comfyui_version")
        known = await client.classes.of(names)
        found: list[Finding] = []
        for fresh in (False, True):
            # Lists of models go stale: what seems missing is asked for once more.
            if fresh:
                known = await client.classes.of(names, fresh=True)
                if not set(known) >= names:
                    known = await client.classes.all()
            found = blocking(check(graph, known, min_version=prepared.min_comfyui, version=version))
            found = [one for one in found if one.given not in (INIT, MASK, CONTROL)]
            if not found:
                break
    except NoAnswer as silence:
        raise StudioError(
            UNREACHABLE,
            f"No ComfyUI answered at {client.address.url} ({silence}).",
            hint="Start it: ategnatos studio comfyui start",
        ) from silence
    if found:
        return _missing(found, client.address.url)
    paid = sorted(name for name in names if (known.get(name) or {}).get("api_node"))
    return _paid(paid) if paid else None


async def server_names(client: Client, request: Request) -> Callable[[str], str]:
    """How the server calls a LoRA file: with its subfolder, where it lies in one."""
    if not request.loras:
        return lambda name: name
    try:
        loaders = await client.classes.of(_LORA_LOADERS)
    except NoAnswer:
        return lambda name: name
    listed: dict[str, str] = {}
    for loader in loaders.values():
        declared = (loader.get("input", {}).get("required") or {}).get("lora_name")
        choices = declared[0] if isinstance(declared, list) and declared else []
        for choice in choices if isinstance(choices, list) else []:
            listed.setdefault(str(choice).replace("\\", "/").rpartition("/")[2], str(choice))
    return lambda name: listed.get(name, name)


def _missing(found: list[Finding], server: str) -> StudioError:
    lines = []
    for one in found[:_SHOWN]:
        where = f"{one.class_type or one.node}{', ' + one.input if one.input else ''}: "
        lines.append(f"{where}{one.message}" + (f" Get it: {one.mend}" if one.mend else ""))
    if len(found) > _SHOWN:
        lines.append(f"... and {len(found) - _SHOWN} more (--json lists them).")
    first: Any = next((one.mend for one in found if one.mend), "")
    return StudioError(
        ENGINE_CANNOT,
        "\n  ".join([f"The ComfyUI at {server} cannot run this; nothing was sent.", *lines]),
        hint=first or "Put right what is listed, then run the same command again.",
        findings=[one.as_json() for one in found],
        server=server,
    )


def _paid(classes: list[str]) -> StudioError:
    return StudioError(
        ENGINE_CANNOT,
        f"The workflow uses partner nodes, which bill your Comfy account: {', '.join(classes)}. "
        "Nothing was sent.",
        hint="The studio keeps no account there and could not say the price. Take a workflow "
        "without them, or run it in ComfyUI itself.",
        classes=classes,
    )
