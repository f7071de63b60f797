"""The disk before it is full, and the most GPU memory in each interval between two saves."""

from __future__ import annotations

from dataclasses import dataclass

from ategnatos.train.watching.values import Finding

WARN_SHARE, STOP_SHARE = 0.90, 0.95
# What a save needs beyond its own size: logs, samples, the file system's own.
_BESIDE = 64 << 20
_GB = 1_000_000_000
_MOST_INTERVALS = 1024


class Disk:
    """Says once that the disk fills up, once that the run must stop, and again when it was freed.

    The stop comes before the trainer dies half-way through a save: at 95 %, or where what is free
    does not hold the next save.
    """

    def __init__(self, warn: float = WARN_SHARE, stop: float = STOP_SHARE) -> None:
        self._warn, self._stop = warn, stop
        self.save_bytes = 0
        self._said: set[str] = set()

    def saved(self, size: int) -> None:
        """A save took so many bytes; the next will take as many."""
        self.save_bytes = max(self.save_bytes, size)

    def look(self, share: float | None, free: int | None) -> list[Finding]:
        """``share`` used, 0 to 1; ``free`` in bytes."""
        need = self.save_bytes + _BESIDE
        short = free is not None and self.save_bytes > 0 and free < need
        full = share is not None and share >= self._stop
        tight = share is not None and share >= self._warn
        if not (short or full):
            self._said.discard("disk_stop")
        if not (tight or short):
            self._said.discard("disk_warn")
        evidence = {"used_share": share, "free": free, "next_save": self.save_bytes or None}
        used = "" if share is None else f"The disk is {100 * share:.1f} % full"
        left = "" if free is None else f"{_size(free)} are free"
        facts = ", ".join(part for part in (used, left) if part)
        if (short or full) and "disk_stop" not in self._said:
            self._said.update(("disk_stop", "disk_warn"))
            why = f" and the next save needs {_size(need)}" if short else ""
            text = f"{facts}{why}: the run has to stop now, before a save breaks off half-way. "
            text += "Free space ('ategnatos train clean --dry-run' shows what may go), then resume."
            return [Finding("disk_stop", "stop", text, evidence)]
        if tight and "disk_warn" not in self._said:
            self._said.add("disk_warn")
            text = f"{facts}. At {100 * self._stop:.0f} % the run is stopped: free space now "
            text += "('ategnatos train clean --dry-run' shows what may go)."
            return [Finding("disk_warn", "warn", text, evidence)]
        return []


def _size(count: int) -> str:
    return f"{count / _GB:.1f} GB" if count >= _GB else f"{count / 1_000_000:.0f} MB"


@dataclass(frozen=True, slots=True)
class Interval:
    """From one save (or the start) to the next: steps, and the most memory in use, in MiB."""

    begin: int
    end: int
    mib: int


class Memory:
    """The peak of GPU memory, in all and for each interval between saves."""

    def __init__(self, begin: int = 0) -> None:
        self.peak: int | None = None
        self.intervals: list[Interval] = []
        self._begin = begin
        self._now: int | None = None

    def use(self, mib: int | None) -> None:
        """So much is in use."""
        if mib is not None and mib >= 0:
            self._now = mib if self._now is None else max(self._now, mib)
            self.peak = mib if self.peak is None else max(self.peak, mib)

    def restart(self) -> None:
        """What was in use until now was no training."""
        self.peak = self._now = None

    def saved(self, step: int) -> None:
        """A save ends an interval; weights and state of one step are one save."""
        if step <= self._begin:
            return
        if self._now is not None:
            self.intervals.append(Interval(self._begin, step, self._now))
            del self.intervals[:-_MOST_INTERVALS]
        self._begin, self._now = step, None
