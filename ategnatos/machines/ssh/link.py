"""Commands on a machine: tried again while the machine is not reached, never once it may have run.

The line to a rented machine breaks often. What is safe to repeat is reaching it; what was
started there is not repeated by itself, whoever asked for it decides.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.machines import MACHINE_TIMEOUT, MACHINE_UNREACHABLE
from ategnatos.machines.ssh.call import MOST_BYTES, Called, call
from ategnatos.machines.ssh.outcome import Outcome

if TYPE_CHECKING:
    from ategnatos.machines.ssh.address import Address

SSH_TEXT = ErrorCode("ssh_text", "A command holds what no command line can carry.")

# Before the second, third and fourth try to reach the machine.
WAITS_SECONDS = (5.0, 10.0, 20.0)


def _silent(_text: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Reply:
    """A command that ended. ``cut``: it said more than was kept."""

    status: int
    out: bytes
    err: bytes
    cut: bool = False

    @property
    def text(self) -> str:
        """What it printed, as text; bytes that are no UTF-8 are replaced."""
        return self.out.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """What it printed as errors, as text."""
        return self.err.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Link:
    """The way to one machine. ``waits`` and ``sleep`` are how long, and how, it waits between
    tries; ``say`` takes a line of progress.
    """

    address: Address
    waits: tuple[float, ...] = WAITS_SECONDS
    sleep: Callable[[float], None] = field(default=time.sleep)
    say: Callable[[str], None] = field(default=_silent)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        seconds: float | None = None,
        most: int = MOST_BYTES,
    ) -> Reply:
        """Run a command, given as a list, and wait for its end; its status is the caller's.

        Raises StudioError: ``machine_unreachable`` (detail ``started``: False, it surely did not
        run; None, nobody knows; ``outcome`` says which way it failed), ``machine_timeout``,
        ``ssh_text``, ``ssh_missing``.
        """
        return self.shell(far_line(argv), stdin=stdin, seconds=seconds, most=most)

    def shell(
        self,
        line: str,
        *,
        stdin: bytes | IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
        on_out: Callable[[bytes], None] | None = None,
        seconds: float | None = None,
        most: int = MOST_BYTES,
    ) -> Reply:
        """The same for a line of our own for the machine's shell. Values go through ``quote``.

        A ``stdin`` that is a file is read from where it stands; it is handed over once.
        """
        _refuse_odd(line)
        again = list(self.waits)
        while True:
            done = call(
                self.address,
                line,
                stdin=stdin,
                stdout=stdout,
                on_out=on_out,
                seconds=seconds,
                most=most,
            )
            if done.outcome is not Outcome.UNREACHED or done.expired or not again:
                break
            wait = again.pop(0)
            self.say(
                f"{self.address.alias} is not reached ({done.said}). Trying again in {wait:g}"
                " seconds; it costs money meanwhile."
            )
            self.sleep(wait)
        if done.outcome is Outcome.ENDED and not done.expired:
            return Reply(done.status, done.out, done.err, done.cut)
        raise self._refusal(done, seconds)

    def _refusal(self, done: Called, seconds: float | None) -> StudioError:
        name = self.address.alias
        lost = done.outcome in {Outcome.LOST, Outcome.UNCLEAR, Outcome.ENDED}
        facts = {
            "machine": name,
            "outcome": done.outcome.value,
            "said": done.said,
            "started": None if lost else False,
        }
        reconnect = f"See where things stand: ategnatos studio reconnect {name}"
        if done.expired and done.outcome is not Outcome.UNREACHED:
            return StudioError(
                MACHINE_TIMEOUT,
                f"The command did not end within {seconds:g} seconds on {name}; the line was"
                " closed. It may run there still, and was not sent again.",
                hint=reconnect,
                **facts,
            )
        match done.outcome:
            case Outcome.UNREACHED:
                return StudioError(
                    MACHINE_UNREACHABLE,
                    f"{name} was not reached in {len(self.waits) + 1} tries ({done.said}). The"
                    " command did not run. The machine may still cost money.",
                    hint=f"Look at it: ategnatos studio provider status. {reconnect}",
                    **facts,
                )
            case Outcome.REFUSED:
                return StudioError(
                    MACHINE_UNREACHABLE,
                    f"{name} answers and does not take our key ({done.said}); nothing ran.",
                    hint="A machine that has just started may need a minute to learn the key. If"
                    " it stays so, end it: ategnatos studio provider down.",
                    **facts,
                )
            case Outcome.STRANGER:
                return StudioError(
                    MACHINE_UNREACHABLE,
                    f"What answers at {self.address.host}:{self.address.port} has another host"
                    f" key than {name} had. Nothing was sent: it may be somebody else's machine.",
                    hint="Look at the machine: ategnatos studio provider status. Was it made anew,"
                    " end it and rent again; do not work around this.",
                    **facts,
                )
        return StudioError(
            MACHINE_UNREACHABLE,
            f"The line to {name} broke ({done.said}) when the command may have been sent. Nobody"
            " knows whether it ran, so it was not sent again.",
            hint=reconnect,
            **facts,
        )


def quote(value: str) -> str:
    """One word for the machine's shell, whatever is in it. Raises StudioError (``ssh_text``)."""
    _refuse_odd(value, empty=True)
    return shlex.quote(value)


def far_line(argv: Sequence[str]) -> str:
    """A command list as one line that the machine's shell reads as that list."""
    return " ".join(quote(one) for one in argv)


def _refuse_odd(line: str, *, empty: bool = False) -> None:
    try:
        line.encode("utf-8")
        odd = "\0" in line
    except UnicodeEncodeError:
        odd = True
    if odd or not (line or empty):
        raise StudioError(
            SSH_TEXT,
            "The command is empty, or holds a zero byte or half a character; nothing was sent.",
            hint="Give the command as words, like: ategnatos studio provider run NAME -- ls",
        )
