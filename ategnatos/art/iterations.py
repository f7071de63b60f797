"""One iteration as facts: where it came from, what was asked and why, what made it, what was said.

The same facts stand in the history, on an asset's pages, and in a comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs import store

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.store import Candidate, Job

# The settings of a request that a person compares, in the order in which they are read.
SETTINGS = ("model", "family", "width", "height", "steps", "cfg", "sampler", "strength", "count")


def facts(job: Job, pictures: Sequence[Candidate], version: str | None = None) -> dict[str, Any]:
    """An iteration as JSON values; ``version`` is such as ``v3``."""
    return {
        "version": version,
        "job": job.name,
        "state": job.state,
        "parent": job.parent,
        "change": job.change,
        "reason": job.reason,
        "prompt": job.asked,
        "prompt_used": job.request["prompt"],
        "negative": job.request["negative"],
        "settings": settings(job),
        "engine": job.engine,
        "hashes": hashes(pictures[0].settings) if pictures else {},
        "created_at": job.created_at,
        "verdicts": [
            {
                "candidate": one.reference,
                "seed": one.seed,
                "verdict": one.verdict,
                "reason": one.reason,
                "decided_at": one.decided_at,
                "event": one.verdict_event,
                "path": one.path,
                "sha256": one.sha256,
            }
            for one in pictures
        ],
    }


def settings(job: Job) -> dict[str, Any]:
    """What of the request decides its pictures beside the words, as far as it says so."""
    request = job.request
    found = {name: request.get(name) for name in SETTINGS}
    found["seed"] = request["seed"]
    if request.get("init"):
        found["init"] = request["init"]
    if request.get("mask"):
        found["mask"] = request["mask"]
    if request.get("workflow"):
        found["workflow"] = request["workflow"]
    if request.get("loras"):
        found["loras"] = {one["name"]: one["weight"] for one in request["loras"]}
    return {name: value for name, value in found.items() if value is not None}


def hashes(made_with: dict[str, Any]) -> dict[str, str]:
    """The SHA-256 of every file that the settings of a picture name: model, VAE, LoRAs."""
    return dict(_hashes(made_with, ""))


def outcome(pictures: Sequence[Candidate]) -> str:
    """What became of the pictures, in a few words: ``4 pictures, #2 approved, 1 rejected``."""
    count = f"{len(pictures)} picture{'' if len(pictures) == 1 else 's'}"
    approved = [f"#{one.number}" for one in pictures if one.verdict == store.APPROVED]
    rejected = sum(one.verdict == store.REJECTED for one in pictures)
    told = [count]
    if approved:
        told.append(f"{' '.join(approved)} approved")
    if rejected:
        told.append(f"{rejected} rejected")
    return ", ".join(told)


def _hashes(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        own = str(value.get("name") or name)
        for key, part in value.items():
            if key == "sha256" and isinstance(part, str) and part:
                yield own or key, part
            elif key.endswith("_sha256") and isinstance(part, str) and part:
                yield key.removesuffix("_sha256"), part
            else:
                yield from _hashes(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from _hashes(part, name)
