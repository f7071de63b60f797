"""One prompt on its way: what was heard of it so far, and when it is over.

No input or output here: the client feeds it what the socket said (:meth:`hear`) and what HTTP
knows (:meth:`settle`), and reads from it what came out. It ends at ``executing`` with no node,
which is the only mark that the server sends after the history is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ategnatos.engines.comfyui.events import Event, OnEvent, What
from ategnatos.engines.comfyui.messages import NodeText, Picture, Told
from ategnatos.engines.comfyui.outputs import FileRef, file_refs, sends_over_socket, texts

Graph = dict[str, Any]


class Following:
    """The state of one prompt. ``on_files`` is called once for each file as it is named."""

    def __init__(
        self,
        prompt_id: str,
        graph: Graph,
        *,
        now: Callable[[], float],
        on_event: OnEvent | None = None,
        on_files: Callable[[FileRef], None] = lambda ref: None,
        on_break: Callable[[BaseException], None] = lambda error: None,
    ) -> None:
        self.prompt_id = prompt_id
        self.graph = graph
        self.changed = asyncio.Event()
        self.over = False
        self.running = False
        self.lost = False
        self.gap = False
        """Whether something may have been missed: the history then completes what is known."""
        self.fault: tuple[str, dict[str, Any]] | None = None
        """The first ``execution_error`` or ``execution_interrupted``."""
        self.broke: BaseException | None = None
        """What the listener raised; it ends the run."""
        self.files: dict[FileRef, None] = {}
        self.lines: dict[str, list[str]] = {}
        self.over_socket: list[tuple[str, Picture]] = []
        self.promised: dict[str, int] = {}
        """How many pictures a node that delivers over the socket said it would send."""
        self.seen_over: float | None = None
        """When HTTP first said that it is over while the socket may still deliver."""
        self.cached: set[str] = set()
        self.spoke: set[str] = set()
        self._now = now
        self.heard = now()
        self._on_event = on_event
        self._on_files = on_files
        self._on_break = on_break
        self._node: str | None = None
        self._node_since = self.heard
        self._done: set[str] = set()

    # --- what the socket says -----------------------------------------------------------------

    def hear(self, told: Told) -> None:
        """Take a text message about this prompt."""
        self.heard = self._now()
        handler = _HANDLERS.get(told.kind)
        if handler is not None and not self.over:
            handler(self, told.data)

    def hear_picture(self, picture: Picture) -> None:
        """Take a picture: a final one of a node that delivers over the socket, or a preview."""
        self.heard = self._now()
        node = picture.node or self._node
        class_type = self._class_of(node)
        if node is not None and sends_over_socket(class_type) and picture.mime == "image/png":
            self.over_socket.append((node, picture))
            self.spoke.add(node)
            self.tell("output", node=node)
        else:
            self.tell("preview", node=node, picture=picture.data)

    def hear_text(self, line: NodeText) -> None:
        """Take a line that a node wants shown."""
        self.heard = self._now()
        self.tell("text", node=line.node, text=line.text)

    def _started(self, data: dict[str, Any]) -> None:
        self.running = True
        self.tell("started")

    def _was_cached(self, data: dict[str, Any]) -> None:
        nodes = data.get("nodes")
        self.cached |= {str(node) for node in nodes} if isinstance(nodes, list) else set()
        self._done |= self.cached & set(self.graph)

    def _executing(self, data: dict[str, Any]) -> None:
        node = data.get("node")
        if node is None:
            self.end()
            return
        self.running = True
        if self._node is not None:
            self._done.add(self._node)
        # A node that expands while it runs has ids of its own; people know the posted one.
        self._node = str(data.get("display_node") or node)
        self._node_since = self._now()
        self.tell("node", node=self._node)

    def _progress(self, data: dict[str, Any]) -> None:
        step, steps = _whole(data.get("value")), _whole(data.get("max"))
        left = None
        if 0 < step <= steps:
            left = (self._now() - self._node_since) / step * (steps - step)
        node = self._node or str(data.get("node"))
        if sends_over_socket(self._class_of(node)):
            self.promised[node] = steps
        self.tell("step", node=node, step=step, steps=steps, seconds_left=left)

    def _executed(self, data: dict[str, Any]) -> None:
        node = str(data.get("display_node") or data.get("node"))
        self._output(node, data.get("output"))

    def _failed(self, data: dict[str, Any]) -> None:
        self.fault = self.fault or ("execution_error", data)

    def _interrupted(self, data: dict[str, Any]) -> None:
        self.fault = self.fault or ("execution_interrupted", data)

    # --- what HTTP knows ----------------------------------------------------------------------

    def settle(self, entry: dict[str, Any]) -> None:
        """Take the history of the run, which is over."""
        status = entry.get("status") or {}
        for message in status.get("messages") or ():
            kind, data = message[0], message[1]
            if kind in {"execution_error", "execution_interrupted"}:
                self.fault = self.fault or (kind, data)
            elif kind == "execution_cached":
                self._was_cached(data)
        if self.fault is None and status.get("status_str") == "error":
            self.fault = ("execution_error", {})
        for node, output in (entry.get("outputs") or {}).items():
            self._output(str(node), output)
        self.gap = False
        self.end()

    def wait_in_queue(self, ahead: int) -> None:
        """The prompt waits behind ``ahead`` others."""
        self.heard = self._now()
        self.tell("waiting", ahead=ahead)

    def still_runs(self) -> None:
        """The server says that it works on it. A look is no word of the run itself."""
        self.running = True

    def end(self) -> None:
        """Nothing more will come."""
        self.over = True
        self.changed.set()

    def lose(self) -> None:
        """The server no longer knows it."""
        self.lost = True
        self.end()

    def break_off(self, error: BaseException) -> None:
        """End because of ``error``; the first one counts."""
        self.broke = self.broke or error
        self.changed.set()

    # --- what comes of it ---------------------------------------------------------------------

    def silent_outputs(self) -> list[str]:
        """Nodes at the end of the graph, of a class that saves or shows, that gave nothing."""
        used = {
            str(value[0])
            for spec in self.graph.values()
            for value in (spec.get("inputs") or {}).values()
            if isinstance(value, list) and len(value) == 2
        }
        return [
            node
            for node in self.graph
            if node not in used
            and node not in self.spoke
            and self._class_of(node).startswith(("Save", "Preview", "VHS_Video"))
        ]

    @property
    def delivers_over_socket(self) -> bool:
        """Whether a node of the graph sends its pictures over the socket only."""
        return any(sends_over_socket(self._class_of(node)) for node in self.graph)

    def undelivered(self) -> list[str]:
        """Nodes whose pictures came over the socket not at all, or not all of them."""
        came = [node for node, _ in self.over_socket]
        return [
            node
            for node in self.graph
            if sends_over_socket(self._class_of(node))
            and (node not in came or came.count(node) < self.promised.get(node, 0))
        ]

    def title(self, node: str | None) -> str:
        """The node as a person knows it: ``3 KSampler``, or its own title."""
        if node is None:
            return ""
        meta = (self.graph.get(node) or {}).get("_meta") or {}
        name = str(meta.get("title") or self._class_of(node))
        return f"{node} {name}".strip()

    def tell(self, what: What, **facts: Any) -> None:
        """Pass an event on; an exception of the listener ends the run."""
        if self._on_event is None or self.broke is not None:
            return
        node = facts.get("node")
        event = Event(
            what,
            self.prompt_id,
            title=self.title(node),
            nodes_done=len(self._done),
            nodes=len(self.graph),
            **facts,
        )
        try:
            self._on_event(event)
        except BaseException as error:  # noqa: BLE001 - Ctrl-C and cancel pass through to the run
            self.break_off(error)
            self._on_break(error)

    def _output(self, node: str, output: Any) -> None:
        self.spoke.add(node)
        self._done |= {node} & set(self.graph)
        lines = texts(output)
        if lines:
            self.lines[node] = lines
        for ref in file_refs(node, output):
            if ref not in self.files:
                self.files[ref] = None
                self._on_files(ref)
                self.tell("output", node=node, text=ref.filename)

    def _class_of(self, node: str | None) -> str:
        spec = self.graph.get(node or "")
        return str(spec.get("class_type", "")) if isinstance(spec, dict) else ""


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and value == value else 0


_HANDLERS: dict[str, Callable[[Following, dict[str, Any]], None]] = {
    "execution_start": Following._started,
    "execution_cached": Following._was_cached,
    "executing": Following._executing,
    "progress": Following._progress,
    "executed": Following._executed,
    "execution_error": Following._failed,
    "execution_interrupted": Following._interrupted,
}
