"""Make a studio in a folder, or bring one up to date: zones, record, pack, permissions.

Safe to run again. Nothing that the user wrote is changed; what was kept is said.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos._version import __version__
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import WRITE_FAILED, explained, sha256_bytes, write_atomic
from ategnatos.grimoire.project import FIRST_DOCUMENTS, FOLDERS, GITIGNORE, Project
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.guard.actor import actor as current_actor
from ategnatos.guard.budget.config import path_of as budget_file
from ategnatos.studio import claude_settings, pack, pack_record
from ategnatos.studio.pack_plan import Action, Step, plan
from ategnatos.studio.reading import bytes_or_none

if TYPE_CHECKING:
    from ategnatos.studio.claude_settings import Merge
    from ategnatos.studio.pack_record import PackRecord

NOT_A_FOLDER = ErrorCode("not_a_folder", "A file has the place where the studio should be.")
INSIDE_STUDIO = ErrorCode("inside_studio", "The folder lies inside another studio.")
HOME_FOLDER = ErrorCode("home_folder", "The home folder or the root is no place for a studio.")

EVENT_KIND = "studio.prepared"


@dataclass(frozen=True, slots=True)
class Made:
    """What was done, or with ``dry_run`` would be.

    ``fresh`` says that there was no studio before. ``folders`` are the zones that were missing;
    ``ignored`` the lines added to a .gitignore that the user wrote; ``rules`` what happened to
    .claude/settings.json, and ``had_settings`` that there was one; ``spoilt_record`` that the
    list of earlier files could not be read.
    """

    root: Path
    fresh: bool
    folders: tuple[str, ...]
    steps: tuple[Step, ...]
    rules: Merge
    had_settings: bool
    ignored: tuple[str, ...]
    earlier_layout: bool
    spoilt_record: bool

    @property
    def project(self) -> Project:
        """The studio itself."""
        return Project(self.root)

    @property
    def changes(self) -> bool:
        """Whether anything is different from before."""
        moved = any(step.writes or step.action is Action.REMOVED for step in self.steps)
        return bool(self.folders or moved or self.rules.content or self.ignored)


def init_studio(
    root: Path,
    *,
    upgrade: bool = False,
    dry_run: bool = False,
    actor: str | None = None,
    now: datetime | None = None,
) -> Made:
    """Make the studio in ``root``, or bring an existing one up to date with ``upgrade``.

    ``actor`` and ``now`` go into the journal; default: whoever runs this, and the clock.
    Raises StudioError: ``not_a_folder``, ``inside_studio``, ``home_folder``, ``write_failed``,
    ``place_taken``, ``zone_escape``, ``pack_missing``, ``disk_full``.
    """
    root = Path(os.path.realpath(root.expanduser()))
    _check_place(root)
    project = Project(root)
    fresh = not project.state.is_dir()
    files = pack.load()
    resolve(project, Zone.SYSTEM, ".")  # a link in .claude's place would lead the writing away
    record = pack_record.read(project)
    settings = bytes_or_none(root / claude_settings.PATH)
    made = Made(
        root=root,
        fresh=fresh,
        folders=tuple(folder for folder in FOLDERS if not (root / folder).is_dir()),
        steps=plan(root, files, record, upgrade=upgrade),
        rules=claude_settings.merge(settings, record.rules),
        had_settings=settings is not None,
        ignored=_missing_ignores(root, record),
        earlier_layout=fresh and (project.grimoire / "studio.md").is_file(),
        spoilt_record=record.spoilt,
    )
    if not dry_run and (
        made.changes or _incomplete(project) or _record_after(made, record) != record
    ):
        _carry_out(project, made, record, actor or current_actor(), now or datetime.now(UTC))
    return made


def _check_place(root: Path) -> None:
    taken = next((one for one in (root, *root.parents) if one.exists() and not one.is_dir()), None)
    if taken is not None:
        raise StudioError(
            NOT_A_FOLDER,
            f"{taken} is a file, so no studio can be made in {root}; nothing was written.",
            hint="Choose another folder: ategnatos init my-studio",
            path=str(taken),
        )
    # A .claude folder there is the user's own, for all of their work.
    if root in {Path.home().resolve(), Path(root.anchor)}:
        raise StudioError(
            HOME_FOLDER,
            f"{root} is no place for a studio: its skills and rules would hold for everything"
            " below it. Nothing was written.",
            hint="Give it a folder of its own: ategnatos init my-studio",
            path=str(root),
        )
    if not Project(root).state.is_dir():
        around = next((one for one in root.parents if Project(one).state.is_dir()), None)
        if around is not None:
            raise StudioError(
                INSIDE_STUDIO,
                f"{root} lies inside the studio {around}; a studio in a studio would take its"
                " commands away from it. Nothing was written.",
                hint=f"To bring that studio up to date: ategnatos init '{around}'. For a new one,"
                " choose a folder outside it.",
                studio=str(around),
            )
    standing = next(one for one in (root, *root.parents) if one.is_dir())
    if not os.access(standing, os.W_OK | os.X_OK):
        raise StudioError(
            WRITE_FAILED,
            f"You may not write in {standing}; nothing was written.",
            hint=f"Choose another folder, or see who owns it with: ls -ld '{standing}'",
            path=str(standing),
        )


def _incomplete(project: Project) -> bool:
    first = [project.state / f"{name}.json" for name in FIRST_DOCUMENTS]
    needed = [*first, project.root / ".gitignore", budget_file(project)]
    return not all(path.exists() for path in needed)


def _missing_ignores(root: Path, record: PackRecord) -> tuple[str, ...]:
    """Lines that a .gitignore of the user's own lacks and that were never offered."""
    there = bytes_or_none(root / ".gitignore")
    if there is None:
        return ()
    standing = {line.strip() for line in there.decode(errors="replace").splitlines()}
    return tuple(
        line for line in _ignore_lines() if line not in standing and line not in record.ignored
    )


def _ignore_lines() -> list[str]:
    return [line for line in GITIGNORE.splitlines() if line and not line.startswith("#")]


def _carry_out(project: Project, made: Made, record: PackRecord, actor: str, now: datetime) -> None:
    from ategnatos.grimoire import journal
    from ategnatos.grimoire.locks import hold

    Project.create(project.root)
    _write_budget(project)
    if made.fresh:
        from ategnatos.studio import gpu, machine_facts

        machine_facts.remember(project, gpu.detect())
    with hold(project, "pack"):
        for step in made.steps:
            _apply(project, step)
        if made.rules.content is not None:
            _write(project.root / claude_settings.PATH, made.rules.content)
        if made.ignored:
            path = project.root / ".gitignore"
            text = path.read_bytes()
            glue = b"" if text.endswith(b"\n") or not text else b"\n"
            lines = "\n".join(["", "# Ategnatos studio", *made.ignored, ""])
            _write(path, text + glue + lines.encode())
        after = _record_after(made, record)
        if after != record:
            pack_record.write(project, after)
    if made.changes:
        written = [step.writes for step in made.steps if step.writes]
        journal.append(
            project,
            EVENT_KIND,
            actor=actor,
            data={"fresh": made.fresh, "program": __version__, "written": written},
            now=now,
        )


def _write_budget(project: Project) -> None:
    from ategnatos.guard.budget import approved

    approved.ensure_file(project)


def _apply(project: Project, step: Step) -> None:
    if step.action is Action.REMOVED:
        path = project.root / step.path
        with explained(path, "It was not removed."):
            path.unlink(missing_ok=True)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    elif step.writes is not None and step.new is not None:
        _write(project.root / step.writes, step.new)


def _record_after(made: Made, record: PackRecord) -> PackRecord:
    files = dict(record.files)
    behind = False
    for step in made.steps:
        if step.new is None:
            files.pop(step.path, None)
        elif step.action in {Action.OUTDATED, Action.KEPT}:
            behind = behind or files.get(step.path) != sha256_bytes(step.new)
        else:
            files[step.path] = sha256_bytes(step.new)
    return replace(
        record,
        version=record.version if behind else __version__,
        files=files,
        rules=made.rules.offered,
        ignored=tuple(_ignore_lines()),
        spoilt=False,
    )


def _write(path: Path, content: bytes) -> None:
    with explained(path, "What stood there is unchanged."):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content)
