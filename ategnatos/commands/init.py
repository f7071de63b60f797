"""``ategnatos init``: make a studio in a folder, or bring one up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.studio.init import Made

TWO_FOLDERS = ErrorCode("two_folders", "Two different folders were named for one studio.")

app = room()

_WHERE = (
    "  workspace/             pictures in work",
    "  exports/               approved files, frozen",
    "  grimoire/              the record",
    "  .claude/, CLAUDE.md    what a coding agent needs to work here: skills, rules, and its",
    "                         permissions (it runs ategnatos unasked, and edits no record)",
)

# What each action is called for people, in the order of the page; None: not worth a line each.
_TITLES = {
    "created": "Written",
    "updated": "Brought up to date",
    "removed": "Removed, no longer part of the pack",
    "beside": "Yours was kept; the pack's text is beside it",
    "kept": "Yours, kept as it is",
    "outdated": "Ours, and a newer text is there",
}


@command(app, "init", example="ategnatos init my-studio", dry_run=True)
def init(
    call: Call,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="Where; made if missing. Default: this folder."),
    ] = None,
    upgrade: Annotated[
        bool,
        typer.Option("--upgrade", help="Take the newer skill pack, and show what differs."),
    ] = False,
) -> Answer:
    """Make a studio in a folder, or bring one up to date.

    Running it again changes nothing that you wrote, and says what it kept.
    """
    from ategnatos.studio.init import init_studio

    made = init_studio(_place(call, folder), upgrade=upgrade, dry_run=call.dry_run)
    _warn(call, made)
    return Answer(
        _data(made, call.dry_run), _words(call, made, upgrade), _next(made, call, upgrade)
    )


def _place(call: Call, folder: Path | None) -> Path:
    if folder is not None and call.project_option is not None and folder != call.project_option:
        raise StudioError(
            TWO_FOLDERS,
            f"Two folders were named: {folder} and, with --project, {call.project_option}."
            " Nothing was written.",
            hint=f"Name one: ategnatos init {folder}",
        )
    return folder or call.project_option or Path.cwd()


def _warn(call: Call, made: Made) -> None:
    if made.rules.problem:
        call.warn(
            f".claude/settings.json was left alone: {made.rules.problem}. Claude Code ignores"
            " such a file without a word, its own deny rules included. Mend it, then run"
            " 'ategnatos init' again."
        )
    if made.spoilt_record:
        call.warn(
            "The list of what an earlier init wrote (grimoire/.state/pack.json) was unreadable,"
            " so every file that differs was taken as yours. The list is new now."
        )


def _data(made: Made, dry_run: bool) -> dict[str, object]:
    return {
        "studio": str(made.root),
        "fresh": made.fresh,
        "dry_run": dry_run,
        "changed": made.changes and not dry_run,
        "folders": list(made.folders),
        "files": [
            {"path": step.path, "action": step.action.value, "writes": step.writes}
            for step in made.steps
        ],
        "settings": {
            "added": list(made.rules.added),
            "renewed": list(made.rules.renewed),
            "problem": made.rules.problem,
        },
        "gitignore_added": list(made.ignored),
        "diff": _diff(made),
    }


def _diff(made: Made) -> str:
    return "".join(step.diff() for step in made.steps if step.action.value in {"updated", "beside"})


def _words(call: Call, made: Made, upgrade: bool) -> str:
    would = call.dry_run
    if made.fresh:
        lines = [f"{'A studio would be made' if would else 'A studio is ready'} in {made.root}"]
    elif made.changes:
        verb = "would be brought" if would else "was brought"
        lines = [f"The studio in {made.root} {verb} up to date."]
    else:
        lines = [f"The studio in {made.root} is complete; nothing was changed."]
    if made.fresh and not would:
        lines += _WHERE
    elif made.folders:
        lines += ["", "Folders made:", *(f"  {folder}/" for folder in made.folders)]
    for action, title in _TITLES.items():
        steps = [step for step in made.steps if step.action.value == action]
        if not steps or (made.fresh and not would and action == "created"):
            continue
        lines += ["", f"{title}:"]
        lines += [f"  {step.writes or step.path}" for step in steps]
    if made.rules.added and made.had_settings:
        lines += ["", "Added to .claude/settings.json (Claude Code's permissions):"]
        lines += [f"  {rule}" for rule in made.rules.added]
    if made.rules.renewed:
        lines += ["", "Renewed in .claude/settings.json (an earlier version of ours stood there):"]
        lines += [f"  {rule}" for rule in made.rules.renewed]
    if made.ignored:
        lines += ["", "Added to your .gitignore:", f"  {'  '.join(made.ignored)}"]
    diff = _diff(made)
    if diff and (upgrade or not made.fresh):
        lines += ["", "What differs (- in your studio, + in the pack):", diff]
    return "\n".join(lines)


def _next(made: Made, call: Call, upgrade: bool) -> tuple[str, ...]:
    if call.dry_run:
        return ()
    steps = []
    if made.earlier_layout:
        steps.append("ategnatos grimoire migrate   # takes in the pages written by hand")
    if any(step.action.value == "outdated" for step in made.steps) and not upgrade:
        steps.append("ategnatos init --upgrade --dry-run")
    if made.fresh:
        if made.root != Path.cwd():
            steps.append(f"cd {_quoted(made.root)}")
        steps.append("ategnatos art generate 'a red potion, outlined'")
        steps.append("claude   # then type /studio")
    return tuple(steps)


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
