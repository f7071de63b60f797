"""The trainer's process, watched: every line into a log file, every event to whoever looks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.train.demonstration.owl import Laid
    from ategnatos.trainers.events import Event

DEMONSTRATION_FAILED = ErrorCode(
    "demonstration_failed", "The training of the demonstration ended before its last step."
)
LOG = "log.txt"
_PATIENCE = 300.0  # seconds that a stopped trainer may take for its last save


def run(laid: Laid, on_event: Callable[[Event], None]) -> None:
    """Train to the end. Ctrl-C stops the trainer, which saves, and passes through.

    Raises StudioError (``demonstration_failed``) where it ended otherwise than well.
    """
    command, _, environment = laid.translation.placed("", sys.executable)
    assert not environment, "the starter trainer asks for none"
    parser = laid.trainer.parser()
    with (
        (laid.place / LOG).open("a", encoding="utf-8") as log,
        subprocess.Popen(
            command, cwd=laid.place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace", start_new_session=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        last = ""
        try:
            for line in process.stdout:
                log.write(line)
                last = line.strip() or last
                for event in parser.parse(line):
                    on_event(event)
        except BaseException:
            # Its own session, so that Ctrl-C reaches it once, from here, and its save is whole.
            process.terminate()
            rest, _ = process.communicate(timeout=_PATIENCE)
            log.write(rest)
            raise
        status = process.wait()
    if status != 0 or not laid.lora.is_file():
        raise StudioError(
            DEMONSTRATION_FAILED,
            f"The training ended with status {status} and no finished LoRA: {last[:300]}",
            hint=f"Read {laid.place / LOG}; the same command goes on from the newest state.",
            status=status,
            log=str(laid.place / LOG),
        )
