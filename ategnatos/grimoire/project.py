"""Where a studio is: its root, and the folders that have a meaning.

Imports nothing heavy: every command starts here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError

NO_PROJECT = ErrorCode("no_project", "There is no studio here or in any folder above.")

# The folder of the canonical documents marks a project. A single document would be a worse
# marker: a studio whose studio.json is lost must still be found, to be restored.
MARKER = Path("grimoire", ".state")

FOLDERS = (
    "grimoire/.state",
    "grimoire/library",
    "grimoire/workflows",
    "grimoire/recipes",
    "grimoire/projects",
    "grimoire/training",
    "workspace/datasets",
    "workspace/outputs",
    "workspace/configs",
    "workspace/runs",
    "exports",
)

FIRST_DOCUMENTS = ("studio", "eye", "assets")

GITIGNORE = """\
# Large files: never commit
workspace/datasets/*/
workspace/outputs/
exports/
*.safetensors
*.ckpt
*.pt
*.bin

# Kept on this machine: locks, backups, the job store
grimoire/.state/locks/
grimoire/.state/backups/
grimoire/.state/studio.db*
grimoire/*.md.bak
.tmp-*

# Sensitive
.env
*.pem

# System
.DS_Store
Thumbs.db

# Temporary
*.tmp
*.log
"""


@dataclass(frozen=True, slots=True)
class Project:
    """One studio. ``root`` is an absolute path without symbolic links."""

    root: Path

    @property
    def grimoire(self) -> Path:
        """The state zone: documents, views, library, recipes."""
        return self.root / "grimoire"

    @property
    def state(self) -> Path:
        """Canonical documents, journal, database, locks and backups."""
        return self.root / MARKER

    @property
    def workspace(self) -> Path:
        """The zone of active work."""
        return self.root / "workspace"

    @property
    def outputs(self) -> Path:
        """Where candidates lie before a verdict."""
        return self.root / "workspace" / "outputs"

    @property
    def exports(self) -> Path:
        """The zone of frozen, approved files."""
        return self.root / "exports"

    @property
    def database(self) -> Path:
        """The SQLite file of jobs and spend."""
        return self.state / "studio.db"

    @property
    def journal_path(self) -> Path:
        """The append-only record of events."""
        return self.state / "journal.jsonl"

    @classmethod
    def find(cls, start: Path | None = None, explicit: Path | None = None) -> Project:
        """The project named by ``explicit``, by ATEGNATOS_PROJECT, or found by walking up.

        ``start`` is where the walk begins; default: the working directory. A named folder must
        itself be a project: a typing mistake must not land in the project around it. Raises
        StudioError (``no_project``).
        """
        named, how = explicit, "--project"
        if named is None and os.environ.get("ATEGNATOS_PROJECT"):
            named, how = Path(os.environ["ATEGNATOS_PROJECT"]), "ATEGNATOS_PROJECT"
        if named is not None:
            root = _real(named)
            if _is_project(root):
                return cls(root)
            raise StudioError(
                NO_PROJECT,
                f"{how} names {named}, and that folder is not a studio; nothing was done.",
                hint=f"Make one with 'ategnatos init {named}', or correct {how}.",
                searched=[str(root)],
            )
        here = _real(start if start is not None else Path.cwd())
        for folder in (here, *here.parents):
            if _is_project(folder):
                return cls(folder)
        earlier = next((f for f in (here, *here.parents) if _is_earlier_layout(f)), None)
        if earlier is not None:
            raise StudioError(
                NO_PROJECT,
                f"{earlier} holds a hand-written grimoire of the earlier layout, which has no"
                " record yet; nothing was done.",
                hint=f"Run 'ategnatos init {earlier}', then 'ategnatos grimoire migrate':"
                " it imports the tables and keeps a copy of the originals.",
                searched=[str(here)],
                earlier_layout=str(earlier),
            )
        raise StudioError(
            NO_PROJECT,
            f"No studio was found in {here} or in any folder above it; nothing was done.",
            hint="Make one here with 'ategnatos init', or name one with --project DIR.",
            searched=[str(here)],
        )

    @classmethod
    def create(cls, root: Path) -> Project:
        """Make the zones and the first documents in ``root``; change nothing that exists.

        Safe to run again and by two processes at once. A hand-written ``grimoire/studio.md``
        stays as it is until ``ategnatos grimoire migrate``. Raises StudioError
        (``write_failed``, ``disk_full``, ``locked``).
        """
        from ategnatos.grimoire import documents
        from ategnatos.grimoire.files import explained, write_atomic

        root = _real(root)
        project = cls(root)
        with explained(root, "The studio is not complete; what stood there is unchanged."):
            for folder in FOLDERS:
                (root / folder).mkdir(parents=True, exist_ok=True)
        if not (root / ".gitignore").exists():
            write_atomic(root / ".gitignore", GITIGNORE.encode())
        for name in FIRST_DOCUMENTS:
            documents.create(project, name)
        return project


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path.expanduser()))


def _is_project(folder: Path) -> bool:
    # A link in its place could lead the record out of the studio.
    state = folder / MARKER
    return state.is_dir() and not state.is_symlink() and not state.parent.is_symlink()


def _is_earlier_layout(folder: Path) -> bool:
    return (folder / "grimoire" / "studio.md").is_file()
