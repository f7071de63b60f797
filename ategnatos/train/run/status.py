"""What there is to say of a run now: for ``train status``, ``train watch`` and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.train.checkpoints import verifying
from ategnatos.train.run import record, state

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run


def snapshot(project: Project, run: Run) -> dict[str, Any]:
    """The run as JSON values: its row, what the last look saw, its checkpoints and tries.

    Reads files alone; for a run on another machine ``seen_at`` says how old that is.
    """
    tries = state.read(run.folder).get("attempts", [])
    seen = _seen(run, tries)
    watched = seen.get("monitor", {})
    steps = run.steps or int(watched.get("steps") or 0)
    step = _step(run, tries, watched)
    saved = verifying.present(run.folder)
    best, latest = saved.best(), saved.latest()
    return {
        **run.facts(),
        "says": run.says,
        "step": step,
        "steps": steps,
        "share": step / steps if steps else 0.0,
        **{
            name: watched.get(name)
            for name in ("loss", "smoothed", "rate", "seconds_a_step", "eta_seconds", "epoch")
        },
        **{name: watched.get(name) for name in ("zone", "strain", "effort", "hint")},
        "vram_mib": seen.get("vram_mib"),
        "peak_mib": watched.get("peak_mib"),
        "disk": {"used_share": seen.get("disk_used_share"), "free": seen.get("disk_free")},
        "alive": _alive(run, seen, len(tries)),
        "findings": seen.get("findings", []),
        "checkpoints": {
            "count": sum(not one.removed for one in saved.entries),
            "whole": sum(one.usable for one in saved.entries),
            "metric": saved.metric(),
            "best": best.facts_of_it() if best else None,
            "latest": latest.facts_of_it() if latest else None,
        },
        "attempts": tries,
        "followed": followed(project, run),
        "waits_for": waits_for(project, run),
        "bills": bills(project, run),
        "stopping": seen.get("stopping", ""),
        "wish": state.wish(run.folder),
        "unreachable_since": seen.get("unreachable_since", ""),
        "log": str(run.folder / "attempts" / str(tries[-1]["number"]) / "log.txt") if tries else "",
        "seen_at": seen.get("at", ""),
    }


def _seen(run: Run, tries: list[dict[str, Any]]) -> dict[str, Any]:
    """What the last look saw of the newest try; {} where it has seen none of it yet."""
    seen = state.live(run.folder)
    if tries and not tries[-1].get("end") and seen.get("attempt") != tries[-1]["number"]:
        return {}
    return seen


def _step(run: Run, tries: list[dict[str, Any]], watched: dict[str, Any]) -> int:
    """Where the run is. A try that goes on from a save is behind of where the one before ended."""
    if tries and not tries[-1].get("end"):
        return int(watched.get("step") or tries[-1]["begins"])
    return max(run.step, int(watched.get("step") or 0))


def followed(project: Project, run: Run) -> bool:
    """Whether a living process follows the run."""
    from ategnatos.grimoire.jobs import database, store

    digits = run.job.removeprefix("j")
    if not digits.isdigit() or not database.exists(project):
        return False
    with database.connect(project) as db:
        return store.get(db, int(digits)).held(db.now())


def waits_for(project: Project, run: Run) -> str:
    """Why a run that waits is not begun, as half a sentence; "" where it does not wait, or where
    somebody is just beginning it.
    """
    from ategnatos.grimoire.jobs import database, store

    if run.state != "queued":
        return ""
    digits = run.job.removeprefix("j")
    if not digits.isdigit() or not database.exists(project):
        return f"it was never put into the line; 'ategnatos train stop {run.id}' strikes it off"
    with database.connect(project) as db:
        job = store.get(db, int(digits))
        if job.held(db.now()):
            return ""
        if why := _held_back(db, job.engine):
            return why
        last = store.events(db, job.id)[-1:]
        if job.not_before > db.now() and last and last[0]["why"]:
            return str(last[0]["why"])
    said = _last_words(run)
    return (
        f"no supervisor has taken it up; one that was just begun takes some seconds, and"
        f" 'ategnatos train queue start {run.gpu}' begins another"
        + (f". The last one said: {said}" if said else "")
    )


def bills(project: Project, run: Run) -> bool:
    """Whether the machine of a run that is over is rented on, by the studio's own record."""
    from ategnatos.grimoire.jobs import database
    from ategnatos.grimoire.spend import rentals
    from ategnatos.train.machine import LOCAL

    if run.machine == LOCAL or run.state not in record.ENDED or not database.exists(project):
        return False
    with database.connect(project) as db:
        return any(one.name == run.machine for one in rentals.live(db))


def held_back(project: Project, gpu: str) -> str:
    """Why a GPU begins nothing now: it is paused, or trains another; "" where it would."""
    from ategnatos.grimoire.jobs import database

    with database.connect(project) as db:
        return _held_back(db, gpu)


def _held_back(db: Database, gpu: str) -> str:
    from ategnatos.grimoire.jobs import throttle

    held = throttle.blocked(db, db.now())
    found = held.get(throttle.EVERY) or held.get(gpu)
    return f"{gpu}: {found}" if found else ""


def _last_words(run: Run) -> str:
    """The last line that a supervisor of the run wrote, of its last few KiB."""
    try:
        with (run.folder / "supervisor.log").open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - 4096))
            lines = log.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _alive(run: Run, seen: dict[str, Any], tries: int) -> bool | None:
    """Whether the trainer lives: looked at where it trains here, as last seen elsewhere."""
    if not tries:
        return None
    if run.machine != "local":
        return bool(seen.get("alive"))
    from ategnatos.machines.local import LocalMachine
    from ategnatos.train.run.keeper import Keeper

    newest = state.read(run.folder)["attempts"][-1]
    if newest.get("end"):
        return False
    if not (run.folder / "keeper.sh").is_file():
        return None
    # A last byte that no log has: only whether it lives is asked.
    return Keeper(LocalMachine(), str(run.folder), "").look(newest["number"], 1 << 60).alive
