"""Whether the disk has room for a training to begin at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.machine import LOCAL
from ategnatos.train.watching.machine_limits import STOP_SHARE

if TYPE_CHECKING:
    from ategnatos.machines import Machine

RUN_DISK = ErrorCode("run_disk", "The disk is so full that the run would be stopped at once.")


def roomy(folder: Path, machine: Machine, stop: float = STOP_SHARE) -> None:
    """Refuse a disk that is as full as that on which a run is stopped; ``stop`` is the share used.

    Only this computer's is looked at: a far one's is told by the first look at the run there.
    Raises StudioError (``run_disk``).
    """
    if machine.name != LOCAL:
        return
    disk = shutil.disk_usage(folder)
    # As df: what only root may write to counts as neither used nor free.
    share = disk.used / (disk.used + disk.free) if disk.used + disk.free else 1.0
    if share >= stop:
        raise StudioError(
            RUN_DISK,
            f"The disk of {folder} is {100 * share:.1f} % full, and a run is stopped at"
            f" {100 * stop:.0f} %: nothing was started.",
            hint="ategnatos train clean --dry-run (what may go), or 'ategnatos clean'",
            used_share=share,
            free=disk.free,
        )
