"""The engine ``comfyui``: families and workflows on a ComfyUI server, on this machine or behind a
tunnel. What it needs there is checked before anything is sent; without a server it hands out the
workflow to load by hand.
"""

from __future__ import annotations

import time
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ategnatos.engines import (
    ENGINE_UNAVAILABLE,
    Capabilities,
    Health,
    Image,
    Place,
    PriceEstimate,
    ProgressCallback,
    Request,
    Result,
)
from ategnatos.engines.comfyui.address import find_address
from ategnatos.engines.comfyui.errors import UNREACHABLE
from ategnatos.engines.comfyui.prepare import MAX_COUNT, MAX_SIDE, MIN_SIDE, prepare
from ategnatos.engines.comfyui.prepared import CONTROL, INIT, MASK, Prepared
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.client import Client
    from ategnatos.engines.comfyui.following import Graph
    from ategnatos.engines.comfyui.held import Held

_SIDE = 512
# Two programs at one server at once: the second waits its turn, and says so.
LOCK_SECONDS = 3600.0


class ComfyUIEngine:
    """Engine ``comfyui``. :meth:`settle` says where its server is; nothing is opened before use."""

    name = "comfyui"
    label = "a model on your ComfyUI"

    def __init__(self) -> None:
        self._place = Place()

    def settle(self, place: Place) -> None:
        """Work at ``place`` from now on. Raises StudioError for an address that is refused."""
        self._place = place
        self.__dict__.pop("_held", None)
        self._address  # noqa: B018 - a refused address is said before anything is planned

    @property
    def _address(self) -> Any:
        place = self._place
        return find_address(place.record, server=place.server, allow_remote=place.allow_remote)

    @cached_property
    def _held(self) -> Held:
        from ategnatos.engines.comfyui.held import Held

        return Held(self._address)

    def capabilities(self) -> Capabilities:
        """What it can do, whatever models the server has."""
        from ategnatos.knowledge import families, loader

        return Capabilities(
            text_to_image=True,
            image_to_image=True,
            inpaint=True,
            lora=True,
            transparency=False,
            families=tuple(families.names()),
            samplers=tuple(loader.read("comfyui_samplers").content["samplers"]),
            default_width=_SIDE,
            default_height=_SIDE,
            min_side=MIN_SIDE,
            max_side=MAX_SIDE,
            max_count=MAX_COUNT,
            control=("pose", "depth", "canny"),
        )

    def health(self) -> Health:
        """Whether a ComfyUI answers, and what it is."""
        try:
            address = self._address
            told = self._held.use(lambda client: client.system())
        except StudioError as error:
            return Health(ok=False, message=error.message, hint=error.hint, details=error.details)
        system = told["system"]
        devices = told.get("devices") or [{}]
        version = str(system.get("comfyui_version", "unknown"))
        return Health(
            ok=True,
            message=f"ComfyUI {version} answers at {address.url}.",
            details={
                "server": address.url,
                "version": version,
                "device": str(devices[0].get("name", "")),
                "vram_total": devices[0].get("vram_total"),
            },
        )

    def estimate(self, request: Request) -> PriceEstimate:
        """Nothing: it is computed on a machine that is yours or rented on its own account."""
        return PriceEstimate(
            Decimal(0),
            f"{request.count} picture(s) computed by your ComfyUI; a rented machine bills by the "
            "hour on its own.",
        )

    def plan(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        """The exact request; models and nodes are checked where the server answers."""
        prepared = self._prepared(request)
        return prepared.exact, tuple(prepared.warnings)

    def generate(self, request: Request, on_progress: ProgressCallback | None = None) -> Result:
        """Make the pictures: all seeds are queued at once and fetched as they are made."""
        from ategnatos.engines.comfyui.finish import finish, picture_of
        from ategnatos.engines.comfyui.showing import Showing
        from ategnatos.engines.comfyui.versions import versions
        from ategnatos.engines.comfyui.weights import hashes

        prepared = self._prepared(request)
        exact = prepared.exact
        if any(text.startswith(_NO_ANSWER) for text in prepared.warnings):
            raise self._by_hand(prepared)
        showing = Showing(exact, on_progress, self._place.preview, time.monotonic)

        async def work(client: Client) -> list[tuple[Image, list[str]]]:
            names = await _uploaded(client, exact)
            graphs = [_renamed(graph, names) for graph in prepared.graphs()]
            weights = await hashes(client, self._place.inventory, graphs[0])
            programs = await versions(client, graphs[0])
            finished = await client.run_all(
                graphs, timeout=self._place.timeout, on_event=showing.hear
            )
            made = []
            for index, (one, graph) in enumerate(zip(finished, graphs, strict=True)):
                output, notes = picture_of(one, self._address.url)
                seed = exact.seed + index
                image = finish(output, exact, seed, graph, prepared.main_model, weights, programs)
                made.append((image, [*one.warnings, *notes]))
            return made

        with self._locked(showing):
            try:
                made = self._held.use(work)
            except StudioError as error:
                if error.code is UNREACHABLE:
                    raise self._by_hand(prepared) from error
                raise
        showing.end()
        notes = [note for _, notes in made for note in notes]
        return Result(
            tuple(image for image, _ in made), tuple(dict.fromkeys([*prepared.warnings, *notes]))
        )

    def lock(self, request: Request) -> dict[str, Any]:
        """The weights, the graph and the versions that would make ``request`` at this server."""
        from ategnatos.engines.comfyui.versions import versions
        from ategnatos.engines.comfyui.weights import hashes
        from ategnatos.grimoire.files import canonical_json, sha256_bytes

        prepared = self._prepared(request)
        if any(text.startswith(_NO_ANSWER) for text in prepared.warnings):
            raise self._by_hand(prepared)

        async def work(client: Client) -> dict[str, Any]:
            # By the names that uploads get: each is named after its bytes.
            names = await _uploaded(client, prepared.exact)
            graph = _renamed(prepared.graph(prepared.exact.seed), names)
            weights = await hashes(client, self._place.inventory, graph)
            main = prepared.main_model
            return {
                "model_sha256": weights.get(main),
                "weights": [
                    {"name": name, "sha256": digest}
                    for name, digest in weights.items()
                    if name != main
                ],
                "graph_sha256": sha256_bytes(canonical_json(graph)),
                "versions": await versions(client, graph),
            }

        found: dict[str, Any] = self._held.use(work)
        return found

    def _locked(self, showing: Any) -> Any:
        from ategnatos.guard.locks import resource

        return resource(
            self._address.lock_name,
            who="/art",
            timeout=LOCK_SECONDS,
            progress=showing.say,
            warn=showing.say,
        )

    def _prepared(self, request: Request) -> Prepared:
        """The request prepared and, where a server answers, checked against what it has."""
        from ategnatos.engines.comfyui.needs import server_names, unmet

        prepared = prepare(request)

        async def work(client: Client) -> Prepared:
            names = await server_names(client, request)
            checked = prepare(request, names) if request.loras else prepared
            problem = await unmet(client, checked)
            if problem is not None:
                raise problem
            return checked

        try:
            return self._held.use(work)
        except StudioError as error:
            if error.code is not UNREACHABLE:
                raise
            prepared.warnings.append(
                f"{_NO_ANSWER} at {self._address.url}, so its models and nodes are not checked."
            )
            return prepared

    def _by_hand(self, prepared: Prepared) -> StudioError:
        """No server: the prompt and the workflow, for a person to load (A-092)."""
        import json

        from ategnatos.grimoire.files import write_atomic

        exact, graph = prepared.exact, prepared.graph(prepared.exact.seed)
        details: dict[str, Any] = {
            "prompt": exact.prompt,
            "negative": exact.negative,
            "server": self._address.url,
        }
        where = "--json shows the workflow"
        if self._place.folder is None:
            details["workflow"] = graph
        else:
            text = json.dumps(graph, indent=1, ensure_ascii=False)
            words = "".join(one if one.isalnum() else "-" for one in exact.prompt[:40]).strip("-")
            path = self._place.folder / f"{words or 'workflow'}-{exact.seed}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, text.encode())
            details["workflow_file"] = str(path)
            where = f"drag {path} onto ComfyUI's page and press Run"
        return StudioError(
            ENGINE_UNAVAILABLE,
            f"No ComfyUI answers at {self._address.url}; nothing was made.\n"
            f"By hand: {where}.\nPrompt: {exact.prompt}",
            hint="Start it ('ategnatos studio comfyui start') or name another one with --server "
            "HOST:PORT, and run the same command again.",
            **details,
        )


_NO_ANSWER = "No ComfyUI answers"


async def _uploaded(client: Client, exact: Request) -> dict[str, str]:
    """The pictures that go in, put onto the server: our name to its name."""
    from ategnatos.grimoire.files import sha256_bytes

    names: dict[str, str] = {}
    pictures = ((INIT, exact.init_image), (MASK, exact.mask), (CONTROL, exact.control_image))
    for mark, data in pictures:
        if data is not None:
            # Named after its bytes: the same picture is one file there, and one graph.
            names[mark] = await client.upload(data, f"ategnatos-{sha256_bytes(data)[:16]}.png")
    return names


def _renamed(graph: Graph, names: dict[str, str]) -> Graph:
    if not names:
        return graph
    return {
        node: {
            **spec,
            "inputs": {
                key: names.get(value, value) if isinstance(value, str) else value
                for key, value in spec["inputs"].items()
            },
        }
        for node, spec in graph.items()
    }
