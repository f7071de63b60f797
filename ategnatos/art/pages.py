"""The pages of an asset: ``spec.md``, ``iterations.md`` and ``approved.md``, from the records.

They lie under ``grimoire/projects/<project>/assets/<asset>/``, are read-only, and carry the hash of
what they were drawn from and of their own text. An edited one is kept beside as ``.edited``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import briefs, iterations
from ategnatos.grimoire import journal, views
from ategnatos.grimoire.files import canonical_json, explained, sha256_bytes, write_atomic
from ategnatos.grimoire.jobs import assets, store
from ategnatos.grimoire.markdown import escape, show
from ategnatos.grimoire.zones import Zone, resolve

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.assets import Asset
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

LAYOUT = 1

# What the journal says of a candidate that left the studio as a frozen file.
_FROZEN_EVENTS = ("art.exported", "art.promoted")


def folder_of(project: Project, asset: Asset) -> Path:
    """Where an asset's pages lie. Raises StudioError (``zone_escape``)."""
    return resolve(project, Zone.STATE, f"projects/{asset.project}/assets/{asset.name}")


def render(project: Project, db: Database, asset: Asset) -> list[Path]:
    """Draw the three pages anew; those that changed are written. Raises StudioError
    (``disk_full``, ``write_failed``).
    """
    steps = [
        iterations.facts(
            store.get(db, one.job), store.candidates(db, one.job), f"{asset.name}/{one.name}"
        )
        for one in assets.versions(db, asset.id)
    ]
    shipped = _shipped(project, steps)
    drawn = {
        "spec.md": (_spec_facts(asset), _spec(asset)),
        "iterations.md": (steps, _iterations(asset, steps)),
        "approved.md": ([steps, shipped], _approved(asset, steps, shipped)),
    }
    folder = folder_of(project, asset)
    return [
        path
        for name, (facts, body) in drawn.items()
        if write(path := folder / name, facts, body, "ategnatos art")
    ]


def after(project: Project, db: Database, job_id: int) -> None:
    """Draw the pages of every asset that a job was made for, after something happened to it."""
    for versions in assets.versions_of_jobs(db, [job_id]).values():
        for one in versions:
            render(project, db, assets.get(db, one.asset))


def write(path: Path, facts: Any, body: str, modify_with: str) -> bool:
    """Put a page in place, mode 0444; True where it was not there as it is now.

    One that somebody edited is kept under ``.edited`` first.
    """
    text = ("\n" + body).encode()
    header = (
        f"<!-- GENERATED - DO NOT EDIT. Use {modify_with} to modify: manual edits will be"
        " overwritten. Source: the journal and the job store"
        f" (json {sha256_bytes(canonical_json(facts))[:16]}, text {sha256_bytes(text)[:16]},"
        f" layout {LAYOUT}) -->\n"
    )
    content = header.encode() + text
    with explained(path, "The record is complete; its page shows the state before."):
        there = views.read(path)
        if there == content:
            return False
        if there is not None and views.is_edited(there):
            views.keep_edited(path, there)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content, 0o444)
    return True


def fact(label: str, value: Any) -> str:
    """``- **Label**: value`` with its newline; nothing where there is no value."""
    if value in (None, "", [], {}):
        return ""
    return f"- **{label}**: {show(value)}\n"


def quoted(text: str) -> str:
    """Text as a block that keeps its lines."""
    return "".join(f"> {escape(line)}\n" for line in text.split("\n")) + "\n"


def _spec_facts(asset: Asset) -> dict[str, Any]:
    return {"brief": asset.brief, "revision": asset.revision, "event": asset.event}


def _spec(asset: Asset) -> str:
    brief = asset.brief
    parts = [
        f"# {escape(asset.full_name)}\n\n",
        quoted(brief["subject"]),
        fact("Purpose", brief["purpose"]),
        fact("Audience", brief["audience"]),
        fact("Formats", ", ".join(brief["formats"])),
        fact("Notes", brief["notes"]),
        fact("Revision", f"{asset.revision}, {asset.updated_at} (journal {asset.event})"),
    ]
    if brief["outputs"]:
        parts += [
            "\n## Pictures\n\n| Name | Pixels | Formats | Of | Note |\n|---|---|---|---|---|\n"
        ]
        parts += [
            f"| {escape(one['name'])} | {one['width']}x{one['height']}"
            f" | {escape(', '.join(one.get('formats', ())))} | {escape(one.get('of', 'own size'))}"
            f" | {escape(one.get('note', ''))} |\n"
            for one in brief["outputs"]
        ]
        parts += [
            f"\n{escape(one['name'])}: {escape(one['source'])} (as of {one['date']})\n"
            for one in brief["specs"]
        ]
    rules = briefs.rules(brief)
    if rules:
        parts += ["\n## Constraints\n\n", *(f"- {escape(one)}\n" for one in rules)]
    return "".join(parts)


def _iterations(asset: Asset, steps: list[dict[str, Any]]) -> str:
    parts = [f"# {escape(asset.full_name)}: iterations\n\n"]
    if not steps:
        parts.append(f"None yet: `ategnatos art generate --for {escape(asset.full_name)}`\n")
    for step in steps:
        parts += _step(step)
    return "".join(parts)


def _step(step: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {escape(step['version'].rpartition('/')[2])} ({step['job']}, {step['state']})\n\n"
    yield quoted(step["prompt"])
    yield fact("From", step["parent"])
    yield fact("Change", step["change"])
    yield fact("Because", step["reason"])
    yield from _made_with(step)
    if step["verdicts"]:
        yield "\n| Picture | Seed | Verdict | Feedback |\n|---|---|---|---|\n"
    for one in step["verdicts"]:
        yield (
            f"| {one['candidate']} | {one['seed']} | {one['verdict'] or 'none yet'}"
            f" | {escape(one['reason'] or '')} |\n"
        )
    yield "\n"


def _shipped(project: Project, steps: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The frozen files of each approved candidate, by its reference."""
    approved = {
        one["candidate"]
        for step in steps
        for one in step["verdicts"]
        if one["verdict"] == store.APPROVED
    }
    found: dict[str, list[str]] = {}
    if approved:
        for event in journal.read(project, _FROZEN_EVENTS):
            candidate = str(event.references.get("candidate"))
            if candidate in approved:
                found.setdefault(candidate, []).append(str(event.data.get("path")))
    return found


def _approved(asset: Asset, steps: list[dict[str, Any]], shipped: Mapping[str, list[str]]) -> str:
    parts = [f"# {escape(asset.full_name)}: approved\n\n"]
    found = [
        (step, one) for step in steps for one in step["verdicts"] if one["verdict"] == "approved"
    ]
    if not found:
        parts.append("Nothing yet: a person approves in a terminal, `ategnatos art approve`.\n")
    for step, one in found:
        version = step["version"].rpartition("/")[2]
        parts += [
            f"## {one['candidate']} ({escape(version)})\n\n",
            quoted(step["prompt"]),
            fact("File", one["path"]),
            fact("SHA-256", one["sha256"]),
            fact("Approved", f"{one['decided_at']} (journal {one['event']})"),
            fact("Note", one["reason"]),
            *(fact("Shipped as", path) for path in shipped.get(one["candidate"], ())),
            fact("Picture's seed", one["seed"]),
            *_made_with(step),
            "\n",
        ]
    return "".join(parts)


def _made_with(step: Mapping[str, Any]) -> Iterable[str]:
    if step["prompt_used"] != step["prompt"]:
        yield fact("Prompt as used", step["prompt_used"])
    yield fact("Negative", step["negative"])
    yield fact("Engine", step["engine"])
    for name, value in step["settings"].items():
        yield fact(name, value)
    for name, digest in step["hashes"].items():
        yield fact(f"SHA-256 of {escape(name)}", digest)
