"""The client: sends a graph to ComfyUI, follows it to its end, and brings what it made.

It never waits without a reason that the server confirms: the socket tells what happens, and
where it says nothing for a while, HTTP is asked what became of each prompt. Prompt ids are our
own, so that a prompt can be found again whatever happened to the answer.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ategnatos.engines.comfyui import faults
from ategnatos.engines.comfyui.classes import Classes
from ategnatos.engines.comfyui.errors import SILENT, UNREACHABLE, UPLOAD_FAILED
from ategnatos.engines.comfyui.fetch import Gone, Place, fetch, place_in, verified
from ategnatos.engines.comfyui.following import Following, Graph
from ategnatos.engines.comfyui.listening import Listener
from ategnatos.engines.comfyui.outputs import FileRef, Output, sends_over_socket
from ategnatos.engines.comfyui.patience import USUAL, Patience
from ategnatos.engines.comfyui.remake import different
from ategnatos.engines.comfyui.watch import Sighting, Watch
from ategnatos.engines.comfyui.web import SEND_SECONDS, NoAnswer, Web
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.address import Address
    from ategnatos.engines.comfyui.events import OnEvent

_FORGETTING_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left. ``outputs`` are verified files; ``texts`` lines by node.

    ``cached`` tells whether nothing was computed anew; ``warnings`` are for people.
    """

    prompt_id: str
    outputs: tuple[Output, ...]
    texts: dict[str, list[str]]
    cached: bool
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Journey:
    """A prompt under way with the files that are being fetched."""

    following: Following
    accepted: bool
    fetches: dict[FileRef, asyncio.Task[Output]]
    place: Place | None


@dataclass(slots=True)
class _Batch:
    """What the prompts of one call share; what breaks one of them ends all."""

    on_event: OnEvent | None
    place: Place | None
    extra_data: dict[str, Any]
    journeys: list[_Journey]

    def break_off(self, error: BaseException) -> None:
        for journey in self.journeys:
            journey.following.break_off(error)


class Client:
    """One server under one client id. Use as ``async with Client(address) as client``."""

    def __init__(
        self,
        address: Address,
        *,
        patience: Patience = USUAL,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.address = address
        self.client_id = new_id()
        self._new_id = new_id
        self._patience = patience
        self._runs: dict[str, Following] = {}
        self._journeys: dict[str, _Journey] = {}
        self._web = Web(address, patience.answer)
        self._watch = Watch(self._web, patience.confirm)
        self._look_now = asyncio.Event()
        self._listener = Listener(address, self.client_id, self._runs, self._look_now.set)
        self._watcher: asyncio.Task[None] | None = None
        self.classes = Classes(self._web)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection. Prompts at the server go on."""
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        await self._listener.close()
        await self._web.close()

    # --- a run --------------------------------------------------------------------------------

    async def run(
        self,
        graph: Graph,
        *,
        timeout: float | None = None,
        on_event: OnEvent | None = None,
        folder: Path | None = None,
        extra_data: dict[str, Any] | None = None,
    ) -> Finished:
        """Run ``graph`` and bring what it makes, into memory or below ``folder``.

        ``timeout`` is seconds for the whole, None for as long as the server works on it. What
        ``on_event`` raises stops the run at the server and passes through. Raises StudioError
        with a code of :mod:`~ategnatos.engines.comfyui.errors`.
        """
        (finished,) = await self.run_all(
            [graph], timeout=timeout, on_event=on_event, folder=folder, extra_data=extra_data
        )
        return finished

    async def run_all(
        self,
        graphs: Sequence[Graph],
        *,
        timeout: float | None = None,
        on_event: OnEvent | None = None,
        folder: Path | None = None,
        extra_data: dict[str, Any] | None = None,
    ) -> list[Finished]:
        """Queue all ``graphs`` and follow them together; one that fails stops the rest.

        What they leave comes in the order of ``graphs``; the server runs them as they arrive.
        Raises as :meth:`run`.
        """
        place = None if folder is None else place_in(folder)
        journeys: list[_Journey] = []
        batch = _Batch(on_event, place, extra_data or {}, journeys)
        try:
            async with asyncio.timeout(timeout):
                await self._listener.ensure()
                journeys.extend(self._begin(graph, batch) for graph in graphs)
                await self._post_all(batch)
                return [await self._bring_surely(batch, index) for index in range(len(graphs))]
        except NoAnswer as silence:
            raise self._silent(silence) from silence
        except TimeoutError as error:
            await self._give_up(journeys)
            raise faults.timed_out(timeout or 0.0, len(graphs)) from error
        except BaseException:
            await self._give_up(journeys)
            raise
        finally:
            for journey in journeys:
                self._dismiss(journey)

    async def _bring_surely(self, batch: _Batch, index: int) -> Finished:
        """What one journey brings; made once more where the server names files that are gone."""
        try:
            return await self._bring(batch.journeys[index])
        except _Missing as missing:
            await self._again(batch.journeys[index], missing, batch)
        try:
            return await self._bring(batch.journeys[index])
        except _Missing as missing:
            raise faults.output_gone(batch.journeys[index].following, str(missing)) from missing

    async def collect(
        self,
        prompt_id: str,
        *,
        timeout: float | None = None,
        on_event: OnEvent | None = None,
        folder: Path | None = None,
    ) -> Finished:
        """Bring what a prompt of any client leaves, waiting for its end where it is under way.

        Raises as :meth:`run`; StudioError (``comfyui_lost``) for a prompt the server knows not.
        """
        journeys: list[_Journey] = []
        place = None if folder is None else place_in(folder)
        batch = _Batch(on_event, place, {}, journeys)
        try:
            async with asyncio.timeout(timeout):
                sighting = await self.look(prompt_id)
                if sighting.where == "nowhere":
                    raise faults.unknown(prompt_id)
                journey = self._begin({}, batch, prompt_id)
                journeys.append(journey)
                journey.accepted = True
                if sighting.entry is None:
                    self._start_watching()
                else:
                    asked = sighting.entry.get("prompt") or []
                    journey.following.graph = asked[2] if len(asked) > 2 else {}
                    journey.following.settle(sighting.entry)
                return await self._bring(journey)
        except TimeoutError as error:
            raise faults.not_yet(prompt_id, timeout or 0.0) from error
        except _Missing as missing:
            raise faults.output_gone(journeys[0].following, str(missing)) from missing
        finally:
            for journey in journeys:
                self._dismiss(journey)

    async def submit(self, graph: Graph, extra_data: dict[str, Any] | None = None) -> str:
        """Have the server take ``graph`` and do not wait; its prompt id. Raises as :meth:`run`."""
        batch = _Batch(None, None, extra_data or {}, [])
        journey = self._begin(graph, batch)
        try:
            await self._send(journey, batch)
        finally:
            self._dismiss(journey)
        return journey.following.prompt_id

    def _begin(self, graph: Graph, batch: _Batch, prompt_id: str | None = None) -> _Journey:
        """Be ready to hear of a prompt before it is sent."""
        prompt_id = prompt_id or self._new_id()
        fetches: dict[FileRef, asyncio.Task[Output]] = {}

        def bring(ref: FileRef) -> None:
            # Begun as soon as a file is named, while the rest of the graph still runs.
            task = asyncio.create_task(fetch(self._web, ref, self._patience, batch.place))
            task.add_done_callback(_retrieved)
            fetches[ref] = task

        following = Following(
            prompt_id,
            graph,
            now=loop_time,
            on_event=batch.on_event,
            on_files=bring,
            on_break=batch.break_off,
        )
        journey = _Journey(following, False, fetches, batch.place)
        self._runs[prompt_id] = following
        self._journeys[prompt_id] = journey
        return journey

    async def _post_all(self, batch: _Batch) -> None:
        """Send every prompt of the batch, several at a time; one that is refused stops the rest."""
        tasks = [asyncio.create_task(self._send(one, batch)) for one in batch.journeys]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _send(self, journey: _Journey, batch: _Batch) -> None:
        """Have the server take a prompt. Raises StudioError (unreachable, rejected, partial)."""
        following = journey.following
        body = {
            "prompt": following.graph,
            "client_id": self.client_id,
            "prompt_id": following.prompt_id,
            "extra_data": batch.extra_data,
        }
        try:
            await self._post(body, following)
        except StudioError:
            following.end()  # it is not at the server: nothing has to be stopped there
            raise
        journey.accepted = True
        following.tell("accepted")
        self._start_watching()

    async def _post(self, body: dict[str, Any], following: Following) -> None:
        encoded = json.dumps(body).encode()
        try:
            answer = await self._web.post(
                "/api/prompt", encoded, read_seconds=SEND_SECONDS, encoded=True
            )
        except NoAnswer as silence:
            if silence.sent and await self._arrived(following.prompt_id):
                following.gap = True
                return
            raise self._unreachable(silence) from silence
        told = answer.json
        if answer.status != 200 or not isinstance(told, dict) or "prompt_id" not in told:
            from ategnatos.engines.comfyui.explain import refusal

            raise await refusal(self.classes, body, answer.status, told, answer.text)
        answered = str(told["prompt_id"])
        if answered != following.prompt_id:
            # A proxy that mints ids of its own: whatever was said before is asked for.
            self._runs[answered] = self._runs.pop(following.prompt_id)
            self._journeys[answered] = self._journeys.pop(following.prompt_id)
            following.prompt_id = answered
            following.gap = True
        if told.get("node_errors"):
            from ategnatos.engines.comfyui.explain import partial

            with suppress(NoAnswer):
                await self._watch.cancel(answered)
            raise await partial(self.classes, body, told["node_errors"])

    async def _arrived(self, prompt_id: str) -> bool:
        """Whether the server took a prompt whose answer was lost on the way."""
        try:
            sighting = (await self._watch.look([prompt_id]))[prompt_id]
        except NoAnswer:
            return False
        return sighting.where != "nowhere"

    async def _bring(self, journey: _Journey) -> Finished:
        """Wait for the end, and for the files. Raises _Missing, StudioError."""
        following = journey.following
        while not following.over and following.broke is None:
            following.changed.clear()
            await following.changed.wait()
        if following.broke is not None:
            raise following.broke
        if following.lost:
            raise faults.lost(following)
        if following.gap:
            await self._complete(following)
        if following.fault is not None:
            raise faults.fault(following, *following.fault)
        self._all_over_socket(following)
        outputs = await self._fetched(journey)
        outputs += self._from_socket(following, journey.place)
        silent = following.silent_outputs()
        if not outputs and not following.lines:
            raise faults.nothing_made(following, silent)
        following.tell("ended")
        return Finished(
            following.prompt_id,
            tuple(outputs),
            following.lines,
            cached=set(following.graph) <= following.cached,
            warnings=(
                *faults.left_out(following, silent),
                *faults.unverified(outputs),
                *self._socket_warning(),
            ),
        )

    async def _fetched(self, journey: _Journey) -> list[Output]:
        """The files in the order they were named. Raises _Missing for those that are gone."""
        refs = list(journey.following.files)
        brought = await asyncio.gather(
            *(journey.fetches[ref] for ref in refs), return_exceptions=True
        )
        gone = [one.ref for one in brought if isinstance(one, Gone)]
        if gone:
            names = ", ".join(ref.filename for ref in gone)
            raise _Missing(names, frozenset(ref.node for ref in gone))
        outputs = []
        for one in brought:
            if isinstance(one, BaseException):
                raise one
            outputs.append(one)
        return outputs

    async def _complete(self, following: Following) -> None:
        """Add from the history what the socket did not tell."""
        try:
            sighting = (await self._watch.look([following.prompt_id]))[following.prompt_id]
        except NoAnswer as silence:
            raise self._silent(silence) from silence
        if sighting.entry is not None:
            following.settle(sighting.entry)

    def _all_over_socket(self, following: Following) -> None:
        """Raise where pictures came over the socket and it was not there to bring them."""
        for node, spec in following.graph.items():
            if sends_over_socket(str(spec.get("class_type", ""))) and node not in following.spoke:
                raise _Missing(following.title(node), frozenset())

    def _socket_warning(self) -> list[str]:
        if self._listener.connected or not self._listener.why_not:
            return []
        return [
            f"No websocket could be opened ({self._listener.why_not}), so there was no progress "
            "to show; the result is complete."
        ]

    def _from_socket(self, following: Following, place: Place | None) -> list[Output]:
        return [
            verified(
                FileRef(node, "socket", f"socket_{index:05}.png", "", "socket"), picture.data, place
            )
            for index, (node, picture) in enumerate(following.over_socket, 1)
        ]

    async def _again(self, journey: _Journey, missing: _Missing, batch: _Batch) -> None:
        """Run a graph once more whose files the server remembers and no longer has."""
        following = journey.following
        following.tell("again", text=str(missing))
        changed, forget = different(following.graph, missing.nodes, following.prompt_id[:8])
        if forget:
            await self._web.post("/api/free", {"free_memory": True, "unload_models": False})
            # The server drops its cache when it is idle next; a prompt may not overtake that.
            await asyncio.sleep(_FORGETTING_SECONDS)
        again = self._begin(changed, batch)
        self._dismiss(journey)
        # Known to the batch before it is sent, so that whatever happens it is looked after.
        batch.journeys[batch.journeys.index(journey)] = again
        await self._send(again, batch)

    def _dismiss(self, journey: _Journey) -> None:
        """Nobody waits for it any more."""
        self._runs.pop(journey.following.prompt_id, None)
        self._journeys.pop(journey.following.prompt_id, None)
        for task in journey.fetches.values():
            task.cancel()

    async def _give_up(self, journeys: Sequence[_Journey]) -> None:
        """Stop at the server what is under way; never for long, and whatever it says."""
        unfinished = [
            journey.following.prompt_id for journey in journeys if not journey.following.over
        ]
        # The last in the queue first, so that none of them is started meanwhile.
        with suppress(NoAnswer, StudioError, TimeoutError):
            async with asyncio.timeout(self._patience.goodbye):
                for prompt_id in reversed(unfinished):
                    await self._watch.cancel(prompt_id)

    # --- what becomes of the prompts that nobody speaks of -------------------------------------

    def _start_watching(self) -> None:
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._keep_watch())

    async def _keep_watch(self) -> None:
        away_since: float | None = None
        healed = loop_time()
        patience = self._patience
        while self._runs:
            pause = patience.watch if self._listener.connected else patience.nearby
            forced = True
            try:
                async with asyncio.timeout(pause):
                    await self._look_now.wait()
                self._look_now.clear()
            except TimeoutError:
                forced = not self._listener.connected or away_since is not None
            quiet = self._quiet(0.0 if forced else pause)
            if not quiet:
                continue
            try:
                sightings = await self._watch.look([run.prompt_id for run in quiet])
            except NoAnswer as silence:
                away_since = away_since or loop_time()
                limit = patience.frozen if silence.why == "silent" else patience.gone
                if loop_time() - away_since > limit:
                    self._break_all(self._silent(silence))
                    return
                await asyncio.sleep(min(patience.retry, pause))
                continue
            except StudioError as error:
                self._break_all(error)
                return
            if away_since is not None:
                away_since = None
                self._watch.forget()
            for run in quiet:
                self._take(run, sightings[run.prompt_id])
            stuck = any(
                run.running and not run.over and loop_time() - run.heard > patience.heal
                for run in quiet
            )
            if stuck and loop_time() - healed > patience.heal:
                healed = loop_time()
                await self._listener.reopen()

    def _quiet(self, seconds: float) -> list[Following]:
        """Accepted prompts that nothing was heard of for so long."""
        return [
            journey.following
            for journey in self._journeys.values()
            if journey.accepted
            and not journey.following.over
            and loop_time() - journey.following.heard >= seconds
        ]

    def _take(self, run: Following, sighting: Sighting) -> None:
        if run.over:
            return
        if sighting.where == "over" and sighting.entry is not None:
            run.settle(sighting.entry)
        elif sighting.where == "nowhere":
            run.lose()
        elif sighting.where == "waiting":
            run.wait_in_queue(sighting.ahead)
        else:
            run.still_runs()

    def _break_all(self, error: BaseException) -> None:
        for run in self._runs.values():
            run.break_off(error)

    # --- the rest -----------------------------------------------------------------------------

    async def cancel(self, prompt_id: str) -> None:
        """Stop one prompt, and never another. Raises StudioError (``comfyui_unreachable``)."""
        try:
            await self._watch.cancel(prompt_id)
        except NoAnswer as silence:
            raise self._unreachable(silence) from silence

    async def upload(
        self, data: bytes, name: str, *, subfolder: str = "", mask: bool = False
    ) -> str:
        """Put a picture into the server's input folder; the name to write into a graph.

        The server renames where another file has the name, so its answer counts. Raises
        StudioError (``comfyui_upload``, ``comfyui_unreachable``).
        """
        fields = {"type": "input", "subfolder": subfolder}
        safe = name.replace("/", "_").replace("\\", "_").replace('"', "'") or "picture.png"
        try:
            answer = await self._web.post_file("/api/upload/image", fields, safe, data)
        except NoAnswer as silence:
            raise self._unreachable(silence) from silence
        told = answer.json
        if answer.status != 200 or not isinstance(told, dict) or not told.get("name"):
            raise StudioError(
                UPLOAD_FAILED,
                f"ComfyUI did not take the picture {safe!r} (HTTP {answer.status}: "
                f"{answer.text[:120]!r}); nothing was made.",
                hint="It takes files up to its --max-upload-size, 100 MB by default. Make the "
                "picture smaller, or start ComfyUI with a larger limit.",
                status=answer.status,
                bytes=len(data),
            )
        folder, stored = str(told.get("subfolder") or ""), str(told["name"])
        return f"{folder}/{stored}" if folder else stored

    async def look(self, prompt_id: str) -> Sighting:
        """Where a prompt is. Raises StudioError (``comfyui_unreachable``)."""
        try:
            return (await self._watch.look([prompt_id]))[prompt_id]
        except NoAnswer as silence:
            raise self._unreachable(silence) from silence

    async def system(self) -> dict[str, Any]:
        """GET /system_stats: the version and the devices. Raises StudioError."""
        from ategnatos.engines.comfyui.errors import NOT_COMFYUI

        try:
            answer = await self._web.get("/api/system_stats")
        except NoAnswer as silence:
            raise self._unreachable(silence) from silence
        told = answer.json
        if isinstance(told, dict) and isinstance(told.get("system"), dict):
            return told
        raise StudioError(
            NOT_COMFYUI,
            f"What answers at {self.address.url} is no ComfyUI (HTTP {answer.status}).",
            hint="Give the address of a ComfyUI with --server, or start one there.",
            status=answer.status,
        )

    def _unreachable(self, silence: NoAnswer) -> StudioError:
        why = {
            "refused": "nothing listens there",
            "silent": "it did not answer in time",
            "broken": "it broke the connection off",
        }[silence.why]
        return StudioError(
            UNREACHABLE,
            f"No ComfyUI answered at {self.address.url}: {why}. Nothing was made.",
            hint="Start it ('ategnatos studio comfyui start'), open the tunnel to it, or name "
            "another one with --server HOST:PORT.",
            server=self.address.url,
            why=silence.why,
        )

    def _silent(self, silence: NoAnswer) -> StudioError:
        return StudioError(
            SILENT,
            f"ComfyUI at {self.address.url} stopped answering while it worked ({silence}); "
            "what it was making is lost, unless the connection is all that broke.",
            hint="Look at it ('ategnatos studio comfyui status' and 'logs'): a machine that ran "
            "out of memory kills it without a word. Start it and run the same command again.",
            server=self.address.url,
            why=silence.why,
        )


class _Missing(Exception):  # noqa: N818 - leads to a second run
    """Outputs that the server cannot hand out: files gone, or pictures that the socket missed.

    ``nodes`` are those whose files are gone.
    """

    def __init__(self, text: str, nodes: frozenset[str]) -> None:
        super().__init__(text)
        self.nodes = nodes


def loop_time() -> float:
    """The running loop's clock."""
    return asyncio.get_running_loop().time()


def _retrieved(task: asyncio.Task[Output]) -> None:
    """Look at a task's exception, so that one nobody waited for is no noise on stderr."""
    if not task.cancelled():
        task.exception()
