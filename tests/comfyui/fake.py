"""A stateful fake of ComfyUI's queue: order, cache, interrupt, history, files, and its quirks.

It speaks the protocol as it was recorded from 0.3.64, quirks included: the websocket bug with
two connections of one client id, the empty history until the very end mark, success without
outputs, cached runs that name files which are gone. ``line="0.38.1"`` adds what newer servers
answer (jobs, cancel, other error types). It makes no picture worth looking at.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from tests.comfyui import recordings
from tests.comfyui.fake_nodes import InterruptedRunError, NodeError, Value, compute
from tests.comfyui.fake_validation import OUTPUT_CLASSES, validate

OLD, NEW = "0.3.64", "0.38.1"


@dataclass(eq=False)
class Run:
    """One accepted prompt; ``outputs`` are the node ids that validated."""

    number: float
    prompt_id: str
    graph: dict[str, Any]
    extra_data: dict[str, Any]
    outputs: list[str]
    client_id: str | None
    created: int = 0
    executed: list[str] = field(default_factory=list)
    finished: dict[str, Any] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=list)

    def entry(self) -> list[Any]:
        """As /queue and /history show it."""
        return [self.number, self.prompt_id, self.graph, self.extra_data, self.outputs]


class FakeComfyUI:
    """The state; :mod:`tests.comfyui.fake_http` puts HTTP and the websocket in front of it."""

    def __init__(
        self, line: str = OLD, *, step_seconds: float = 0.0, previews: bool = False
    ) -> None:
        self.line = line
        self.step_seconds = step_seconds
        self.previews = previews
        self.heavy_progress = False
        """Send progress_state with every finished node in each message, as the real one does."""
        self.deaf = False
        """Accept messages for clients and deliver none, as a server that forgot a socket."""
        self.slow_frames = 0.0
        """Seconds by which everything on the socket comes later than HTTP knows it."""
        self.sockets_refused = False
        """Answer 404 to every websocket, as a proxy that knows none does."""
        self.drop_next_answer: Any = None
        """A wire to cut once a prompt was accepted, before its answer is sent."""
        self.posts: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        """Path (without /api) to a canned status and body, for misbehaviour."""
        self.before_post: Callable[[], None] = lambda: None
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.model_files: dict[str, list[dict[str, Any]]] = {}
        """What /experiment/models says of each folder: name, size, modified (seconds)."""
        self.object_info = {
            **recordings.object_info(),
            **recordings.packed("probe_nodes")["nodes"],
        }
        self.missing_classes: set[str] = set()
        self.held_at: int | None = None
        """The tick at which ProbeSleep stays, until ``release`` is set or it is interrupted."""
        self.hanging = asyncio.Event()
        self.release = asyncio.Event()
        self._late: list[tuple[WebSocket, str | bytes]] = []
        self.forget()

    def forget(self) -> None:
        """Lose everything that a restart loses: queue, history, cache, sockets; files stay."""
        self.number = 0
        self.pending: list[Run] = []
        self.running: Run | None = None
        self.history: dict[str, dict[str, Any]] = {}
        self.cache: dict[str, tuple[Value, dict[str, Any] | None]] = {}
        self.sockets: dict[str, WebSocket] = {}
        self.metadata_wanted: set[str] = set()
        self.interrupting = False
        self.release.set()
        self.hanging, self.release = asyncio.Event(), asyncio.Event()
        self.paused = False
        self.clock = 1795171550000
        worker: asyncio.Task[None] | None = getattr(self, "_worker", None)
        if worker is not None:
            worker.cancel()
        self._worker: asyncio.Task[None] | None = None

    # --- the queue ------------------------------------------------------------------------------

    async def enqueue(self, body: dict[str, Any]) -> tuple[int, Any]:
        """POST /prompt: status and answer, as the real validation gives them."""
        self.posts.append(body)
        self.before_post()
        prompt_id = str(body.get("prompt_id") or uuid.uuid4())
        if self.line == NEW and body.get("prompt_id") is not None:
            try:
                canonical = str(uuid.UUID(prompt_id)) == prompt_id
            except ValueError:
                canonical = False
            if not canonical:
                error = {"type": "invalid_prompt_id", "message": "prompt_id must be a UUID"}
                return 400, {"error": error | {"details": "", "extra_info": {}}, "node_errors": {}}
        if "prompt" not in body:
            error = {"type": "no_prompt", "message": "No prompt provided"}
            told = {"details": "No prompt provided", "extra_info": {}}
            return 400, {"error": error | told, "node_errors": {}}
        graph = body["prompt"]
        error, outputs, node_errors = validate(self, graph)
        if error is not None:
            return 400, {"error": error, "node_errors": node_errors}
        number = float(body["number"]) if "number" in body else self.number
        if body.get("front"):
            number = -number
        extra = dict(body.get("extra_data") or {})
        client = body.get("client_id")
        if client is not None:
            extra["client_id"] = client
        run = Run(number, prompt_id, json.loads(json.dumps(graph)), extra, outputs, client)
        run.created = self.tick()
        self.number += 1
        self.pending.append(run)
        await self.broadcast_status()
        self.start_worker()
        return 200, {"prompt_id": prompt_id, "number": number, "node_errors": node_errors}

    def start_worker(self) -> None:
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self.pending and not self.paused:
            run = min(self.pending, key=lambda one: one.number)
            self.pending.remove(run)
            self.running = run
            self.interrupting = False
            await self.broadcast_status()
            status = await self._execute(run)
            self.history[run.prompt_id] = {
                "prompt": run.entry(),
                "outputs": dict(run.finished),
                "status": {**status, "messages": run.messages},
                "meta": {node: {"node_id": node, "display_node": node} for node in run.finished},
            }
            self.running = None
            await self.broadcast_status()
            await self.send(run, "executing", {"node": None})

    async def _execute(self, run: Run) -> dict[str, Any]:
        await self.note(run, "execution_start", {})
        values: dict[str, Value] = {}
        order = self._order(run)
        keys = self._keys(run, order)
        cached = [node for node in order if keys[node] in self.cache]
        await self.note(run, "execution_cached", {"nodes": cached})
        try:
            for node in order:
                await self._node(run, node, keys[node], values)
        except InterruptedRunError:
            await self.note(
                run,
                "execution_interrupted",
                {"node_id": node, "node_type": run.graph[node]["class_type"], "executed": []},
            )
            return {"status_str": "error", "completed": False}
        except NodeError as error:
            await self.note(run, "execution_error", self._facts(run, node, error.kind, str(error)))
            return {"status_str": "error", "completed": False}
        await self.note(run, "execution_success", {})
        return {"status_str": "success", "completed": True}

    async def _node(self, run: Run, node: str, key: str, values: dict[str, Value]) -> None:
        if key in self.cache:
            values[node], output = self.cache[key]
            if output is not None:
                run.finished[node] = output
                await self.send(run, "executed", {"node": node, "output": output})
            return
        await self._state(run, node, 0.0, "running")
        await self.send(run, "executing", {"node": node})
        if self.interrupting:
            raise InterruptedRunError
        spec = run.graph[node]
        inputs = {
            name: values[value[0]] if is_link(value) else value
            for name, value in spec["inputs"].items()
        }
        values[node], output = await compute(self, run, node, inputs)
        blocked = values[node].blocked
        if blocked is None:
            self.cache[key] = (values[node], output)
        elif blocked and spec["class_type"] in OUTPUT_CLASSES:
            told = self._facts(run, node, "ExecutionBlocked", f"Execution Blocked: {blocked}")
            await self.send(run, "execution_error", told)
        run.executed.append(node)
        if output is not None:
            run.finished[node] = output
            await self.send(run, "executed", {"node": node, "output": output})
        await self._state(run, node, 1.0, "finished")

    def _order(self, run: Run) -> list[str]:
        """Nodes that the outputs need, each after what it needs."""
        order: list[str] = []
        stack = [(node, False) for node in reversed(run.outputs)]
        while stack:
            node, ready = stack.pop()
            if node in order:
                continue
            if ready:
                order.append(node)
                continue
            stack.append((node, True))
            links = [v[0] for v in run.graph[node]["inputs"].values() if is_link(v)]
            stack += [(source, False) for source in reversed(links) if source not in order]
        return order

    def _keys(self, run: Run, order: list[str]) -> dict[str, str]:
        """What the cache knows a node by: its class, its inputs, and those of its ancestors."""
        import hashlib

        keys: dict[str, str] = {}
        for node in order:
            spec = run.graph[node]
            told = {
                name: [keys[value[0]], value[1]] if is_link(value) else value
                for name, value in spec["inputs"].items()
            }
            image = self.files.get(("input", *split_name(str(told.get("image", "")))), b"")
            text = json.dumps([spec["class_type"], told], sort_keys=True, default=str)
            keys[node] = hashlib.sha256(text.encode() + image).hexdigest()
        return keys

    def _facts(self, run: Run, node: str, kind: str, message: str) -> dict[str, Any]:
        return {
            "node_id": node,
            "node_type": run.graph[node]["class_type"],
            "executed": list(run.executed),
            "exception_message": message,
            "exception_type": kind,
            "traceback": ['  File "/ComfyUI/execution.py", line 496, in execute\n'] * 3,
            "current_inputs": {"image": ["tensor([[" + "0.0000, " * 3000 + "]])"]},
            "current_outputs": list(run.graph),
        }

    # --- what clients are told ------------------------------------------------------------------

    async def work(self, run: Run, seconds: float) -> None:
        """Take so long, and stop where somebody interrupted."""
        if seconds:
            await asyncio.sleep(seconds)
        if self.interrupting:
            raise InterruptedRunError

    async def stay(self, run: Run) -> None:
        """Go no further until a test says so; an interrupt is heard."""
        self.hanging.set()
        release = self.release
        while not release.is_set():
            await self.work(run, 0.01)

    async def note(self, run: Run, kind: str, data: dict[str, Any]) -> None:
        told = {"prompt_id": run.prompt_id, **data, "timestamp": self.tick()}
        run.messages.append([kind, told])
        await self.send(run, kind, told)

    async def tell_progress(self, run: Run, node: str, value: int, maximum: int) -> None:
        await self._state(run, node, value, "running", maximum)
        await self.send(run, "progress", {"value": value, "max": maximum, "node": node})

    async def _state(
        self, run: Run, node: str, value: float, state: str, maximum: float = 1.0
    ) -> None:
        nodes = run.executed if self.heavy_progress else []
        shown = {
            one: self._shown(run, one, "finished", 1.0, 1.0) for one in nodes if one != node
        } | {node: self._shown(run, node, state, value, maximum)}
        await self.send(run, "progress_state", {"nodes": shown})

    def _shown(self, run: Run, node: str, state: str, value: float, top: float) -> dict[str, Any]:
        return {
            "value": value,
            "max": top,
            "state": state,
            "node_id": node,
            "prompt_id": run.prompt_id,
            "display_node_id": node,
            "parent_node_id": None,
            "real_node_id": node,
        }

    async def send(self, run: Run, kind: str, data: dict[str, Any]) -> None:
        told = {"prompt_id": run.prompt_id, **data}
        if "node" in told and kind in {"executing", "executed"} and told["node"] is not None:
            told.setdefault("display_node", told["node"])
        text = json.dumps({"type": kind, "data": told})
        if run.client_id is None:
            if kind in {"progress", "progress_state"}:
                for client in list(self.sockets):
                    await self._deliver(client, text)
        else:
            await self._deliver(run.client_id, text)

    async def send_bytes(self, run: Run, data: bytes) -> None:
        if run.client_id is not None:
            await self._deliver(run.client_id, data)

    async def send_preview(self, run: Run, node: str) -> None:
        if not self.previews or run.client_id is None:
            return
        if run.client_id in self.metadata_wanted:
            plain = recordings.frame("event 1, preview of a sampler (JPEG)")[8:]
            facts = json.dumps(
                {"node_id": node, "prompt_id": run.prompt_id, "image_type": "image/jpeg"}
            ).encode()
            head = (4).to_bytes(4, "big") + len(facts).to_bytes(4, "big")
            await self.send_bytes(run, head + facts + plain)
        else:
            await self.send_bytes(run, recordings.frame("event 1, preview of a sampler (JPEG)"))

    async def broadcast_status(self) -> None:
        text = json.dumps({"type": "status", "data": self.status()})
        for client in list(self.sockets):
            await self._deliver(client, text)

    def status(self) -> dict[str, Any]:
        remaining = len(self.pending) + (self.running is not None)
        return {"status": {"exec_info": {"queue_remaining": remaining}}}

    async def _deliver(self, client: str, message: str | bytes) -> None:
        socket = self.sockets.get(client)
        if socket is None or self.deaf or socket.client_state is not WebSocketState.CONNECTED:
            return
        if self.slow_frames:
            # In order, behind what is on its way already.
            self._late.append((socket, message))
            asyncio.get_running_loop().call_later(self.slow_frames, self._late_one)
            return
        await self._put(client, socket, message)

    def _late_one(self) -> None:
        socket, message = self._late.pop(0)
        self._sending = asyncio.create_task(self._put("", socket, message))

    async def _put(self, client: str, socket: WebSocket, message: str | bytes) -> None:
        try:
            if isinstance(message, str):
                await socket.send_text(message)
            else:
                await socket.send_bytes(message)
        except (RuntimeError, WebSocketDisconnect, OSError):
            self.sockets.pop(client, None)

    # --- files ----------------------------------------------------------------------------------

    def store(self, kind: str, prefix: str, suffix: str, data: bytes) -> dict[str, str]:
        """Put a file where its prefix says, under the next free number."""
        folder, name = split_name(prefix)
        taken = {one[2] for one in self.files if one[:2] == (kind, folder)}
        count = 1
        while (file := f"{name}_{count:05}_.{suffix}") in taken:
            count += 1
        self.files[(kind, folder, file)] = data
        return {"filename": file, "subfolder": folder, "type": kind}

    def tick(self) -> int:
        self.clock += 1
        return self.clock


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def split_name(name: str) -> tuple[str, str]:
    folder, _, file = name.rpartition("/")
    return folder, file
