"""Asking over HTTP what became of a prompt, for both generations of servers.

A socket that says nothing proves nothing: the server may have forgotten it. 0.3.64 knows a
prompt in /queue or, once it is over, in /history; newer servers say it in one answer of
/api/jobs/{id}. Which one it is, the server tells by what it answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ategnatos.engines.comfyui.errors import NOT_COMFYUI
from ategnatos.engines.comfyui.web import Answer, Web
from ategnatos.grimoire.errors import StudioError

Where = Literal["waiting", "running", "over", "nowhere"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a prompt is. ``ahead``: prompts before it in the queue. ``entry``: its history."""

    where: Where
    ahead: int = 0
    entry: dict[str, Any] | None = None


class Watch:
    """Looks prompts up at one server. Every method raises NoAnswer where none comes."""

    def __init__(self, web: Web, confirm_pause: float) -> None:
        self._web = web
        self._confirm_pause = confirm_pause
        self._has_jobs: bool | None = None

    async def has_jobs(self) -> bool:
        """Whether the server has /api/jobs (newer than 0.3.64); asked once."""
        if self._has_jobs is None:
            answer = await self._web.get("/api/jobs?limit=1")
            self._has_jobs = answer.status == 200 and isinstance(answer.json, dict)
        return self._has_jobs

    def forget(self) -> None:
        """The server may be another one now (it was away): ask again what it knows."""
        self._has_jobs = None

    async def look(self, prompt_ids: Iterable[str]) -> dict[str, Sighting]:
        """Where each prompt is. ``nowhere`` is said only after it was looked for twice.

        Order matters: a prompt moves from the queue to the history between two reads, never
        back. So the queue is read first, the history of what is not in it after that, and both
        once more before a prompt counts as unknown.
        """
        wanted = list(prompt_ids)
        found = await self._once(wanted)
        unknown = [prompt_id for prompt_id in wanted if found[prompt_id].where == "nowhere"]
        if unknown:
            await asyncio.sleep(self._confirm_pause)
            found |= await self._once(unknown)
        return found

    async def entry(self, prompt_id: str) -> dict[str, Any] | None:
        """The history of one prompt that is over, None where there is none."""
        answer = await self._web.get(f"/api/history/{prompt_id}")
        known = _object(answer, "/history").get(prompt_id)
        return known if isinstance(known, dict) else None

    async def _once(self, prompt_ids: list[str]) -> dict[str, Sighting]:
        if len(prompt_ids) == 1 and await self.has_jobs():
            return {prompt_ids[0]: await self._in_jobs(prompt_ids[0])}
        # For many prompts one answer of /queue is less than one request for each.
        queue = _object(await self._web.get("/api/queue"), "/queue")
        running = {_id_of(item) for item in queue.get("queue_running", ())}
        waiting = sorted(queue.get("queue_pending", ()), key=_number_of)
        places = {_id_of(item): index for index, item in enumerate(waiting)}
        found: dict[str, Sighting] = {}
        for prompt_id in prompt_ids:
            if prompt_id in running:
                found[prompt_id] = Sighting("running")
            elif prompt_id in places:
                found[prompt_id] = Sighting("waiting", places[prompt_id] + len(running))
            else:
                entry = await self.entry(prompt_id)
                found[prompt_id] = Sighting("nowhere" if entry is None else "over", entry=entry)
        return found

    async def _in_jobs(self, prompt_id: str) -> Sighting:
        answer = await self._web.get(f"/api/jobs/{prompt_id}")
        if answer.status == 404:
            return Sighting("nowhere")
        status = _object(answer, "/jobs").get("status")
        if status == "pending":
            return Sighting("waiting")
        if status == "in_progress":
            return Sighting("running")
        entry = await self.entry(prompt_id)
        return Sighting("nowhere" if entry is None else "over", entry=entry)

    async def cancel(self, prompt_id: str) -> None:
        """Stop one prompt, waiting or running, and never the one after it."""
        if await self.has_jobs():
            answer = await self._web.post(f"/api/jobs/{prompt_id}/cancel", {})
            if answer.status == 200:
                return
        await self._web.post("/api/queue", {"delete": [prompt_id]})
        await self._web.post("/api/interrupt", {"prompt_id": prompt_id})


def _object(answer: Answer, what: str) -> dict[str, Any]:
    body = answer.json
    if answer.status == 200 and isinstance(body, dict):
        return body
    raise StudioError(
        NOT_COMFYUI,
        f"The server answered {what} with HTTP {answer.status} and no object: "
        f"{answer.text[:120]!r}. It is no ComfyUI, or a proxy in front of it is at fault.",
        hint="Check the address with 'ategnatos studio comfyui check'.",
        status=answer.status,
    )


def _id_of(item: Any) -> str:
    return str(item[1]) if isinstance(item, list) and len(item) > 1 else ""


def _number_of(item: Any) -> float:
    number = item[0] if isinstance(item, list) and item else 0
    return float(number) if isinstance(number, int | float) else 0.0
