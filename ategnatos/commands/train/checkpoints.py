"""``train checkpoints``: what a run saved, whether it is whole, and what may go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.train.checkpoints_words import draw, draw_choice, draw_verdicts, room_of
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.train.checkpoints.entry import Entry
    from ategnatos.train.checkpoints.ledger import Ledger
    from ategnatos.train.run.record import Run

app = room()

CHECKPOINTS_WHAT = ErrorCode("checkpoints_what", "Two things were asked for at once.")
CHECKPOINT_BROKEN = ErrorCode("checkpoint_broken", "A checkpoint of the run is not whole.")
RUN_AT_WORK = ErrorCode("run_at_work", "The run is at work; its checkpoints are left alone.")

_EXAMPLE = "ategnatos train checkpoints owl --verify"


@command(app, "checkpoints", example=_EXAMPLE, dry_run=True)
def checkpoints(
    call: Call,
    name: Annotated[str, typer.Argument(help="A run, or a plan: its newest run.")],
    best: Annotated[bool, typer.Option("--best", help="Only the best one.")] = False,
    latest: Annotated[bool, typer.Option("--latest", help="Only the newest whole one.")] = False,
    metric: Annotated[
        str, typer.Option("--metric", help="What best means: validation, mean, smoothed or loss.")
    ] = "",
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every file again; move broken ones aside.")
    ] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Delete those that no rule keeps.")
    ] = False,
    keep: Annotated[
        int, typer.Option("--keep", min=1, help="With --clean: so many last ones.")
    ] = 3,
    milestone: Annotated[
        int, typer.Option("--milestone", min=0, metavar="STEPS", help="With --clean: one each.")
    ] = 0,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make a damaged ledger again.")
    ] = False,
    bring_back: Annotated[
        str, typer.Option("--bring-back", metavar="NAME", help="Undo a moving aside.")
    ] = "",
) -> Answer:
    """What a run saved: when, at which loss, whether it is whole, and from where it can go on."""
    from ategnatos.train.checkpoints import ledger, verifying
    from ategnatos.train.run import record

    asked = [
        word
        for word, given in {
            "--best": best,
            "--latest": latest,
            "--verify": verify,
            "--clean": clean,
            "--rebuild": rebuild,
            "--bring-back": bool(bring_back),
        }.items()
        if given
    ]
    if len(asked) > 1 or (metric and metric not in ledger.METRICS):
        what = " and ".join(asked) if len(asked) > 1 else f"--metric {metric[:40]}"
        raise StudioError(
            CHECKPOINTS_WHAT,
            f"{what} cannot be asked for; nothing was done.",
            hint=f"Give one of them; --metric takes {', '.join(ledger.METRICS)}.",
            asked=asked,
        )
    run = record.load(call.project(), name)
    if verify:
        return _verify(call, run)
    if clean:
        return _clean(call, run, keep, milestone, metric)
    if rebuild:
        return _rebuild(call, run)
    if bring_back:
        return _bring_back(call, run, bring_back)
    if best or latest:
        return _one(call, run, "best" if best else "latest", metric)
    known = verifying.present(run.folder)
    return Answer(_data(run, known, metric), lambda console: draw(console, run, known, metric))


def _one(call: Call, run: Run, which: str, metric: str) -> Answer:
    from ategnatos.train.checkpoints import ledger, verifying

    known = verifying.present(run.folder)
    found = known.best(metric) if which == "best" else known.latest()
    if found is None:
        raise ledger.unknown(run.folder, which, known)
    path = str(run.folder / found.weights)
    by = metric or known.metric()
    if which == "best" and (not by or getattr(found, by) is None):
        what = "the loss" if by in ("", "loss") else f"the {by} loss"
        call.warn(f"No checkpoint has {what} with it, so none is the best: this is the latest.")
        by = ""
    data = {"run": run.id, "checkpoint": found.facts_of_it(), "path": path, "metric": by}
    return Answer(data, lambda console: console.print(path, soft_wrap=True, markup=False))


def _verify(call: Call, run: Run) -> Answer:
    from ategnatos.train.checkpoints import aside, ledger, verifying

    _idle(run, call.dry_run)
    verdicts = verifying.verify(
        run.folder,
        dry_run=call.dry_run,
        on_entry=lambda done, all_: call.say(f"{done} of {all_} looked at") if call.live else None,
    )
    seen = [one for one in verdicts if one.state != "removed"]
    broken = [one for one in seen if one.state == "broken" and not one.entry.aside]
    moved: list[Entry] = []
    if broken and not call.dry_run:
        moved = aside.move(run.folder, [one.entry.name for one in broken], now=datetime.now(UTC))
    rows = [
        {"name": one.entry.name, "state": one.state, "why": one.why, "step": one.entry.step}
        for one in seen
    ]
    whole = sum(one.state == "whole" for one in seen)
    data = {
        "run": run.id,
        "dry_run": call.dry_run,
        "checkpoints": rows,
        "whole": whole,
        "moved_aside": [one.aside for one in moved],
        "resumable": [one.name for one in ledger.read(run.folder).resumable()],
    }
    failed = None
    if broken:
        where = "" if call.dry_run else f" They lie in {run.folder / aside.FOLDER} now."
        failed = StudioError(
            CHECKPOINT_BROKEN,
            f"{len(broken)} of {len(seen)} checkpoints of {run.id} are not whole: "
            f"{broken[0].entry.name}: {broken[0].why}.{where}",
            hint=f"'ategnatos train checkpoints {run.id}' shows which are left; one that was moved"
            " aside comes back with --bring-back NAME.",
            broken=[one.entry.name for one in broken],
        )

    return Answer(data, lambda console: draw_verdicts(console, seen), failed=failed)


def _clean(call: Call, run: Run, keep: int, milestone: int, metric: str) -> Answer:
    from ategnatos.train import references
    from ategnatos.train.checkpoints import ledger, retention, verifying

    project = call.project()
    _idle(run, call.dry_run)
    verifying.gone(run.folder, dry_run=call.dry_run)
    known = ledger.read(run.folder)
    kept = references.find(project)
    used = [
        one.name
        for one in known.entries
        if one.used
        or one.sha256 in kept.hashes
        or any(part and kept.names(run.folder / part) for part in (one.weights, one.state))
    ]
    rules = retention.Rules(last=keep, metric=metric, milestone=milestone)
    choice = retention.choose(known, rules, in_use=used)
    left = retention.unfinished(run.folder, known)
    if not call.dry_run:
        retention.apply(run.folder, [*choice.removals, *left])
    size = choice.bytes + sum(one.bytes for one in left)
    removed = [
        {"name": one.entry.name, "part": one.part, "bytes": one.bytes, "why": one.why}
        for one in (*choice.removals, *left)
    ]
    data = {
        "run": run.id,
        "dry_run": call.dry_run,
        "removed": removed,
        "kept": [{"name": one.entry.name, "why": list(one.why)} for one in choice.kept],
        "bytes": size,
    }
    again = f"ategnatos train checkpoints {run.id} --clean --keep {keep}"
    again += f" --milestone {milestone}" if milestone else ""
    return Answer(
        data,
        lambda console: draw_choice(console, choice, size, call.dry_run),
        (again,) if call.dry_run and removed else (),
    )


def _rebuild(call: Call, run: Run) -> Answer:
    from ategnatos.train.checkpoints import ledger_file

    if call.dry_run:
        count = len(list(run.folder.rglob(f"*{ledger_file.SIDECAR}")))
        text = f"The ledger would be made again from {count} notes beside the checkpoints."
        return Answer({"run": run.id, "dry_run": True, "notes": count}, text)
    entries = ledger_file.rebuild(run.folder)
    data = {"run": run.id, "dry_run": False, "checkpoints": [one.name for one in entries]}
    return Answer(data, f"The ledger of {run.id} was made again: {len(entries)} checkpoints.")


def _bring_back(call: Call, run: Run, name: str) -> Answer:
    from ategnatos.train.checkpoints import aside

    if call.dry_run:
        there = run.folder / aside.FOLDER / name
        data = {"run": run.id, "dry_run": True, "from": str(there), "there": there.is_dir()}
        return Answer(data, f"{name} would be put back from {there}.")
    entry = aside.bring_back(run.folder, name)
    return Answer(
        {"run": run.id, "dry_run": False, "checkpoint": entry.facts_of_it()},
        f"{entry.name} lies where it was. It is still not whole: {entry.why}.",
    )


def _idle(run: Run, dry_run: bool) -> None:
    from ategnatos.train.run.record import AT_WORK

    if run.state in AT_WORK and not dry_run:
        raise StudioError(
            RUN_AT_WORK,
            f"{run.id} is {run.state}: its files may be written to at this moment. Nothing was"
            " changed.",
            hint=f"Wait, or end it with 'ategnatos train stop {run.id}'; --dry-run only looks.",
            run=run.id,
            state=run.state,
        )


def _data(run: Run, known: Ledger, metric: str) -> dict[str, Any]:
    best, latest = known.best(metric), known.latest()
    return {
        "run": run.id,
        "folder": str(run.folder),
        "checkpoints": [one.facts_of_it() for one in known.entries],
        "best": best.name if best else None,
        "metric": metric or known.metric(),
        "latest": latest.name if latest else None,
        "resumable": [one.name for one in known.resumable()],
        "bytes": room_of(run.folder, known),
    }
