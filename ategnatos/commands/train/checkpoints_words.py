"""``train checkpoints`` in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from ategnatos.train.checkpoints.entry import Entry
    from ategnatos.train.checkpoints.ledger import Ledger
    from ategnatos.train.checkpoints.retention import Choice
    from ategnatos.train.checkpoints.verifying import Verdict
    from ategnatos.train.run.record import Run


def room_of(folder: Path, known: Ledger) -> int:
    """Bytes on the disk, each file once."""
    parts = {part for one in known.entries if not one.removed for part in (one.weights, one.state)}
    from ategnatos.train.checkpoints.looking import size

    inside = {one for one in parts if any(other and one.startswith(f"{other}/") for other in parts)}
    return sum(size(folder / one) for one in parts - inside if one)


def draw(console: Console, run: Run, known: Ledger, metric: str) -> None:
    """Every checkpoint that is there."""
    from ategnatos.commands.clean import in_units
    from ategnatos.commands.page import Line, Row
    from ategnatos.commands.page import draw as draw_rows
    from ategnatos.train.checkpoints.ledger import METRICS

    there = [one for one in known.entries if not one.removed]
    if not there:
        console.print(f"{run.id} has saved nothing that is still there.")
        return
    best, latest = known.best(metric), known.latest()
    by = metric or known.metric()
    rows = []
    for one in there:
        marks = [
            f"the best: {METRICS[by]}" if one == best and by else "",
            "latest" if one == latest else "",
            "end of the training" if one.final else "",
            "can be resumed from" if one.resumable else "",
            "" if one.whole and not one.aside else "NOT WHOLE",
        ]
        figures = [
            _loss(one),
            f"validation {one.validation:.4g}" if one.validation is not None else "",
            f"epoch {one.epoch}" if one.epoch is not None else "",
            f"strength {one.health['strength']:.3g}" if one.health.get("strength") else "",
            in_units(one.bytes),
        ]
        lines = [Line(", ".join(part for part in (*figures, *marks) if part))]
        lines += [Line(text) for text in one.health.get("says", ())]
        if one.why:
            lines.append(Line(one.why))
        if one.aside:
            lines.append(Line(f"moved aside to {one.aside}"))
        elif one.weights:
            lines.append(Line(one.weights, whole=True))
        rows.append(Row(((one.name, "bold"), (f"step {one.step:,}", "")), lines))
    draw_rows(console, rows)
    gone = len(known.entries) - len(there)
    console.print()
    text = f"{len(there)} checkpoints, {in_units(room_of(run.folder, known))}"
    console.print(f"{text}; {gone} more are gone." if gone else f"{text}.")


def draw_choice(console: Console, choice: Choice, size: int, dry_run: bool) -> None:
    """What goes and what stays, each with its reason."""
    from ategnatos.commands.clean import in_units
    from ategnatos.commands.page import Line, Row
    from ategnatos.commands.page import draw as draw_rows

    rows = [
        Row(
            ((one.entry.name, "bold"), ("goes", "red")), [Line(f"{in_units(one.bytes)}: {one.why}")]
        )
        for one in choice.removals
    ]
    rows += [
        Row(((one.entry.name, "bold"), ("stays", "")), [Line("; ".join(one.why))])
        for one in choice.kept
    ]
    draw_rows(console, rows)
    verb = "would be freed; nothing was deleted" if dry_run else "freed"
    console.print(f"{in_units(size)} {verb}." if size else "There is nothing to free.")


def draw_verdicts(console: Console, seen: Sequence[Verdict]) -> None:
    """What a second look found."""
    from ategnatos.commands.page import Line, Row
    from ategnatos.commands.page import draw as draw_rows

    rows = [
        Row(((one.entry.name, "bold"), (one.state, "")), [Line(one.why or one.entry.weights)])
        for one in seen
    ]
    draw_rows(console, rows)
    whole = sum(one.state == "whole" for one in seen)
    console.print(
        f"{whole} of {len(seen)} are whole." if seen else "Nothing that was saved is there."
    )


def _loss(entry: Entry) -> str:
    """The loss that says most: of many steps before that of the last few."""
    if entry.mean is not None:
        return f"loss {entry.mean:.4g} on average"
    return f"loss {entry.smoothed:.4g}" if entry.smoothed is not None else ""
