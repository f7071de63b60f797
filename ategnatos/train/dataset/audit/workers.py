"""Many pictures at once, one process a core: a picture that kills its decoder kills a worker.

The files that were with a dead worker are looked at again one by one, and the one that kills
again is a finding. Ctrl-C reaches the caller alone; what was finished before is kept by it.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from ategnatos.train.dataset.audit.look import Look, look_at

# (path, sha256 that the record names)
Task = tuple[str, str]
_AT_ONCE = 16
_KEPT_BLOCKS = 6
# Options of mallopt(3), from malloc.h: what is larger is given back to the system at once, and
# so much of what is free is kept.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_GIVEN_BACK, _KEPT_FREE = 64 << 20, 128 << 20
# Of prctl(2), from linux/prctl.h: the signal that a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1


def look_at_all(
    tasks: Sequence[Task],
    *,
    full: bool,
    workers: int | None = None,
    looker: Callable[..., Look] = look_at,
) -> Iterator[tuple[str, Look]]:
    """(path, look) of every task, in the order in which they are done.

    ``workers``: default one a core. ``looker`` is what looks (a function of a module).
    """
    count = workers or cores()
    if count == 1 or len(tasks) <= _AT_ONCE:
        count = 1
    parts = [tasks[n : n + _AT_ONCE] for n in range(0, len(tasks), _AT_ONCE)]
    suspects: list[Task] = []
    for part, looks in _through_pool(parts, full, count, looker):
        if looks is None:
            suspects.extend(part)
        else:
            yield from zip((path for path, _ in part), looks, strict=True)
    for task in suspects:
        for _, alone in _through_pool([[task]], full, 1, looker):
            yield task[0], alone[0] if alone else _killed(task, full)


def cores() -> int:
    """How many processes may run here at once."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _through_pool(
    parts: Sequence[Sequence[Task]], full: bool, count: int, looker: Callable[..., Look]
) -> Iterator[tuple[Sequence[Task], list[Look] | None]]:
    """Each part with its looks, or with None where its worker died."""
    # A fork costs no imports; on macOS it is not safe with the system's libraries.
    how = "fork" if sys.platform == "linux" else "spawn"
    if parts and full and how == "fork":
        importlib.import_module("ategnatos.train.dataset.audit.measure")
    waiting = list(reversed(parts))
    while waiting:
        pool = ProcessPoolExecutor(
            min(count, len(waiting)),
            multiprocessing.get_context(how),
            initializer=_begin,
            initargs=(os.getpid(),),
        )
        running: dict[Future[list[Look]], Sequence[Task]] = {}
        broken = False
        try:
            while (waiting and not broken) or running:
                while waiting and not broken and len(running) < 3 * count:
                    part = waiting.pop()
                    try:
                        running[pool.submit(_look_at_part, looker, list(part), full)] = part
                    except BrokenProcessPool:
                        waiting.append(part)
                        broken = True
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    part = running.pop(future)
                    try:
                        yield part, future.result()
                    except BrokenProcessPool:
                        broken = True
                        yield part, None
        finally:
            _end(pool, finished=not running and not broken)


def _end(pool: ProcessPoolExecutor, *, finished: bool) -> None:
    children = list((pool._processes or {}).values()) if not finished else []
    pool.shutdown(wait=finished, cancel_futures=True)
    for child in children:
        child.terminate()
        child.join()


def _begin(caller: int) -> None:
    """What every worker does first."""
    from PIL import _imaging

    # Ctrl-C goes to every process of a terminal; the first one alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Pillow gives each picture's memory back to the system and asks for it anew: a tenth of the
    # time of a small picture goes into that. A few blocks (16 MiB each) are kept instead.
    _imaging.set_blocks_max(_KEPT_BLOCKS)
    if sys.platform == "linux":
        import ctypes

        library = ctypes.CDLL(None)
        # A caller that is killed says nothing, and its workers hold their pipes open themselves:
        # without this they would wait for ever.
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != caller:
            os._exit(1)
        # The same for arrays, by the C library's allocator; one without mallopt goes on as it was.
        keep = getattr(library, "mallopt", None)
        if keep is not None:
            keep(_M_MMAP_THRESHOLD, _GIVEN_BACK)
            keep(_M_TRIM_THRESHOLD, _KEPT_FREE)


def _look_at_part(looker: Callable[..., Look], tasks: list[Task], full: bool) -> list[Look]:
    return [looker(path, sha256, full=full) for path, sha256 in tasks]


def _killed(task: Task, full: bool) -> Look:
    why = "decoding it ended the process that did it"
    return Look(task[1], {}, ("kills_decoder", why), full=full)
