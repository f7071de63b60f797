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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ategnatos.engines.comfyui import faults
from ategnatos.engines.comfyui.bringing import Bringing, Finished
from ategnatos.engines.comfyui.calls import Calls
from ategnatos.engines.comfyui.fetch import fetch, place_in
from ategnatos.engines.comfyui.following import Following, Graph
from ategnatos.engines.comfyui.journey import Batch, Journey, Missing
from ategnatos.engines.comfyui.link import stopped_answering, unreachable
from ategnatos.engines.comfyui.listening import Listener
from ategnatos.engines.comfyui.outputs import FileRef, Output
from ategnatos.engines.comfyui.patience import USUAL, Patience
from ategnatos.engines.comfyui.remake import different
from ategnatos.engines.comfyui.watching import Watching, loop_time
from ategnatos.engines.comfyui.web import SEND_SECONDS, NoAnswer
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.address import Address
    from ategnatos.engines.comfyui.events import OnEvent

_FORGETTING_SECONDS = 0.3


class Client(Calls):
    """One server under one client id. Use as ``async with Client(address) as client``."""

    def __init__(
        self,
        address: Address,
        *,
        patience: Patience = USUAL,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        super().__init__(address, patience)
        self.client_id = new_id()
        self._new_id = new_id
        self._runs: dict[str, Following] = {}
        self._journeys: dict[str, Journey] = {}
        self._watching = Watching(
            self._watch,
            self._journeys,
            patience,
            lambda silence: stopped_answering(address.url, silence),
        )
        self._listener = Listener(address, self.client_id, self._runs, self._watching.soon)
        self._bringing = Bringing(address.url, self._watch, self._listener)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection. Prompts at the server go on."""
        await self._watching.close()
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
        journeys: list[Journey] = []
        batch = Batch(on_event, place, extra_data or {}, journeys)
        try:
            async with asyncio.timeout(timeout):
                await self._listener.ensure()
                journeys.extend(self._begin(graph, batch) for graph in graphs)
                await self._post_all(batch)
                return [await self._bring_surely(batch, index) for index in range(len(graphs))]
        except NoAnswer as silence:
            raise stopped_answering(self.address.url, silence) from silence
        except TimeoutError as error:
            await self._give_up(journeys)
            raise faults.timed_out(timeout or 0.0, len(graphs)) from error
        except BaseException:
            await self._give_up(journeys)
            raise
        finally:
            for journey in journeys:
                self._dismiss(journey)

    async def _bring_surely(self, batch: Batch, index: int) -> Finished:
        """What one journey brings; made once more where the server names files that are gone."""
        try:
            return await self._bringing.bring(batch.journeys[index])
        except Missing as missing:
            await self._again(batch.journeys[index], missing, batch)
        try:
            return await self._bringing.bring(batch.journeys[index])
        except Missing as missing:
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
        journeys: list[Journey] = []
        place = None if folder is None else place_in(folder)
        batch = Batch(on_event, place, {}, journeys)
        try:
            async with asyncio.timeout(timeout):
                sighting = await self.look(prompt_id)
                if sighting.where == "nowhere":
                    raise faults.unknown(prompt_id)
                journey = self._begin({}, batch, prompt_id)
                journeys.append(journey)
                journey.accepted = True
                if sighting.entry is None:
                    self._watching.start(self._listener)
                else:
                    asked = sighting.entry.get("prompt") or []
                    journey.following.graph = asked[2] if len(asked) > 2 else {}
                    journey.following.settle(sighting.entry)
                return await self._bringing.bring(journey)
        except TimeoutError as error:
            raise faults.not_yet(prompt_id, timeout or 0.0) from error
        except Missing as missing:
            raise faults.output_gone(journeys[0].following, str(missing)) from missing
        finally:
            for journey in journeys:
                self._dismiss(journey)

    async def submit(self, graph: Graph, extra_data: dict[str, Any] | None = None) -> str:
        """Have the server take ``graph`` and do not wait; its prompt id. Raises as :meth:`run`."""
        batch = Batch(None, None, extra_data or {}, [])
        journey = self._begin(graph, batch)
        try:
            await self._send(journey, batch)
        finally:
            self._dismiss(journey)
        return journey.following.prompt_id

    def _begin(self, graph: Graph, batch: Batch, prompt_id: str | None = None) -> Journey:
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
        journey = Journey(following, False, fetches, batch.place)
        self._runs[prompt_id] = following
        self._journeys[prompt_id] = journey
        return journey

    async def _post_all(self, batch: Batch) -> None:
        """Send every prompt of the batch, several at a time; one that is refused stops the rest."""
        tasks = [asyncio.create_task(self._send(one, batch)) for one in batch.journeys]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            # What is on its way may be at the server already: the answers are waited for, so that
            # whoever gives up knows what to stop there. One cut off could still be queued after.
            await asyncio.wait(tasks, timeout=self._patience.goodbye)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _send(self, journey: Journey, batch: Batch) -> None:
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
        self._watching.start(self._listener)

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
            raise unreachable(self.address.url, silence) from silence
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

    async def _again(self, journey: Journey, missing: Missing, batch: Batch) -> None:
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

    def _dismiss(self, journey: Journey) -> None:
        """Nobody waits for it any more."""
        self._runs.pop(journey.following.prompt_id, None)
        self._journeys.pop(journey.following.prompt_id, None)
        for task in journey.fetches.values():
            task.cancel()

    async def _give_up(self, journeys: Sequence[Journey]) -> None:
        """Stop at the server what is under way; never for long, and whatever it says."""
        unfinished = [
            journey.following.prompt_id for journey in journeys if not journey.following.over
        ]
        # The last in the queue first, so that none of them is started meanwhile.
        with suppress(NoAnswer, StudioError, TimeoutError):
            async with asyncio.timeout(self._patience.goodbye):
                for prompt_id in reversed(unfinished):
                    await self._watch.cancel(prompt_id)


def _retrieved(task: asyncio.Task[Output]) -> None:
    """Look at a task's exception, so that one nobody waited for is no noise on stderr."""
    if not task.cancelled():
        task.exception()
