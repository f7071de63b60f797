"""A run in words: one line for a list, a page for one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.train.run.stopping import Losing


def line(seen: dict[str, Any]) -> str:
    """How a run stands, in one line."""
    why = seen.get("waits_for", "")
    parts = [f"{seen['id']} {seen['says']}" + (f" ({why})" if why else "")]
    if seen["steps"]:
        parts.append(f"step {seen['step']} of {seen['steps']} ({100 * seen['share']:.0f} %)")
    if (loss := number(seen["smoothed"])) is not None:
        parts.append(f"loss {loss:.4f}")
    if seen["seconds_a_step"]:
        parts.append(f"{seen['seconds_a_step']:.2f} s a step")
    if seen["state"] == "training" and seen["eta_seconds"]:
        parts.append(f"about {duration(seen['eta_seconds'])} left")
    return ", ".join(parts)


def page(seen: dict[str, Any]) -> Any:
    """All of it, to be drawn."""

    def draw(console: Console) -> None:
        def say(text: str) -> None:
            console.print(plain(text), soft_wrap=True, markup=False)

        say(line(seen))
        if seen["why"]:
            say(f"  {seen['why']}")
        say(
            f"  plan {seen['plan']} version {seen['number']}, {seen['trainer']} on"
            f" {seen['machine']} ({seen['gpu']}), job {seen['job']}"
        )
        if seen["state"] in {"training", "stopping", "preparing"}:
            say(f"  {attended(seen)}")
            if who := seen["wish"].get("stop"):
                when = "right after its next save" if "after" in seen["wish"] else "now"
                say(f"  {who} wants it stopped {when}")
        elif seen["alive"] and seen["state"] != "queued":
            say(
                f"  its trainer still lives, as last seen: 'ategnatos train resume {seen['id']}'"
                f" has it followed again, 'ategnatos train stop {seen['id']}' ends it"
            )
        if seen["bills"]:
            say(
                f"  {seen['machine']} is still rented and bills; 'ategnatos studio provider down"
                f" {seen['machine']}' ends it"
            )
        if seen["zone"]:
            hint = (seen["hint"] or {}).get("text", "")
            say(f"  zone: {seen['zone']}. {hint}")
        disk = seen["disk"]["used_share"]
        if disk is not None:
            memory = f", GPU memory {seen['vram_mib']:,} MiB" if seen["vram_mib"] else ""
            say(f"  disk {100 * disk:.0f} % full{memory}")
        saved = seen["checkpoints"]
        if saved["count"]:
            say(f"  {saved['whole']} of {saved['count']} checkpoints are whole")
            for name in ("best", "latest"):
                one = saved[name]
                if one:
                    by = f" (by {saved['metric']})" if name == "best" and saved["metric"] else ""
                    say(f"    {name}{by}: {one['name']}, {one['weights'] or one['state']}")
        for text in seen["changes"]:
            say(f"  changed: {text}")
        for one in seen["findings"][-5:]:
            say(f"  {one['weight']}: {one['text']}")
        if len(seen["attempts"]) > 1:
            for one in seen["attempts"]:
                begun = f"from step {one['begins']}" if one["begins"] else "from the start"
                say(f"  try {one['number']}, {begun}: {one['end'] or 'goes on'} {one['code']}")
        say(f"  folder {seen['folder']}")

    return draw


def attended(seen: dict[str, Any]) -> str:
    """Who looks after a run that is at work."""
    if seen["unreachable_since"]:
        return f"its machine has not answered since {seen['unreachable_since']}; it may train on"
    if seen["followed"]:
        return "its supervisor follows it"
    if seen["alive"]:
        return (
            "it trains, and nobody follows it: 'ategnatos train watch "
            f"{seen['id']}' takes it up again"
        )
    return (
        f"its trainer is gone and nobody follows it: 'ategnatos train watch {seen['id']}' finds"
        " out how it ended"
    )


def next_steps(seen: dict[str, Any]) -> tuple[str, ...]:
    """What is worth running now."""
    name = seen["id"]
    return {
        "queued": (f"ategnatos train watch {name}", "ategnatos train queue list"),
        "preparing": (f"ategnatos train watch {name}",),
        "training": (f"ategnatos train watch {name}", f"ategnatos train stop {name}"),
        "finished": (f"ategnatos train checkpoints {name}", f"ategnatos train eval {name}"),
        # Somebody wanted it so: there is nothing to diagnose.
        "stopped": (again(seen),),
    }.get(
        seen["state"],
        (
            again(seen),
            *((f"ategnatos knowledge diagnose {shlex.quote(seen['log'])}",) if seen["log"] else ()),
        ),
    )


def again(seen: dict[str, Any]) -> str:
    """How a run that is over goes on: from its newest save, or where there is none from nothing."""
    if seen["checkpoints"]["whole"] or seen["state"] == "lost" or seen["alive"]:
        return f"ategnatos train resume {seen['id']}"
    return f"ategnatos train launch {seen['plan']} --trainer {seen['trainer']}"


def after_stop(seen: dict[str, Any]) -> str:
    """What to do after a stop."""
    if seen["state"] == "finished":
        return f"ategnatos train eval {seen['id']}"
    if seen["state"] in {"queued", "preparing", "training", "stopping"}:
        return f"ategnatos train watch {seen['id']}"
    return again(seen)


def cost(lost: Losing) -> str:
    """What a stop costs, in words."""
    if lost.saves:
        return "Its trainer saves before it ends: no step is lost."
    if not lost.steps:
        return "Its newest save is of this step: no step is lost."
    time = "" if lost.seconds is None else f", about {duration(lost.seconds)} of training"
    since = f"since its save at step {lost.saved}" if lost.saved else "for it has saved nothing yet"
    when = "" if lost.following is None else f" at step {lost.following}"
    steps = "1 step is" if lost.steps == 1 else f"{lost.steps} steps are"
    return (
        f"{steps} lost{time}, {since}: this trainer does not save when it is stopped."
        f" With --after-save it is stopped right after its next save{when}."
    )


def duration(seconds: float) -> str:
    """``2 h 5 min``, ``40 s``."""
    minutes = int(seconds // 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"


def number(value: Any) -> float | None:
    """A figure, where it is one."""
    return float(value) if isinstance(value, int | float) else None
