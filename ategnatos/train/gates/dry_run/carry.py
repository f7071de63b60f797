"""One dry run: laid out in a folder of its own, started by the keeper as a run is, watched.

It ends with whoever asked for it: Ctrl-C, a closed terminal and a request to end pass on to the
trainer's whole group. After a kill that nobody can catch the trainer does its few steps and ends by
itself; nothing is on record then, and the next dry run ends what is still there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import canonical_json, explained, write_atomic
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.train import placing, processor
from ategnatos.train.gates.dry_run import ending
from ategnatos.train.gates.dry_run.ending import ATTEMPT, NEAR_SECONDS
from ategnatos.train.machine import machine_of, only_card
from ategnatos.train.plan import laying, writing
from ategnatos.train.run.keeper import Keeper, command_file
from ategnatos.train.run.place import Place
from ategnatos.trainers.events import Event, Failed, Phase, Progress, Skipped, Warned

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.machines import Machine
    from ategnatos.train.gates import Opened
    from ategnatos.train.plan.store import Kept
    from ategnatos.train.run.keeper import Look
    from ategnatos.train.watching.values import Finding
    from ategnatos.trainers import Trainer, Translation

LOG = "log.txt"
# Between two looks where a line has to be opened for each.
FAR_SECONDS = 1.0
# How long it is waited before a line that broke is tried again.
_BREAKS = (2.0, 10.0, 30.0)
# What one that was ended may take until nothing of it is seen.
_LAST_SECONDS = 60.0


@dataclass(slots=True)
class Tried:
    """A dry run that is over, with all that was seen of it; how it went is for ``verdict``.

    ``status`` is the exit status as a shell says it, None where nobody could write it down.
    ``drawn`` is the bar's last count and what it counts to; ``step_times`` are when each step was
    first seen, ``told_times`` the seconds that the bar said then. ``skipped`` counts steps that
    were left out for want of memory. ``peak_mib`` is what the run took of the GPU above
    ``before_mib``, which others held. ``late``: it was ended after its patience.
    """

    number: int
    place: Place
    trainer: Trainer
    translation: Translation
    began: float
    status: int | None = None
    drawn: tuple[int, int] | None = None
    failed: str = ""
    failed_as: str = ""
    skipped: int = 0
    no_number: bool = False
    no_captions: str = ""
    findings: list[Finding] = field(default_factory=list)
    step_times: list[float] = field(default_factory=list)
    told_times: list[float] = field(default_factory=list)
    told_seconds: float | None = None
    before_mib: int | None = None
    most_mib: int | None = None
    late: float = 0.0
    seconds: float = 0.0

    @property
    def folder(self) -> Path:
        """Its folder here."""
        return self.place.here

    @property
    def log(self) -> Path:
        """What the trainer said, whole."""
        return self.folder / LOG

    @property
    def output(self) -> Path:
        """What the trainer wrote, here."""
        return self.folder / self.translation.output

    @property
    def peak_mib(self) -> int | None:
        """MiB at the peak, of this run alone; None where there is no GPU to ask."""
        if self.most_mib is None or self.before_mib is None:
            return None
        return max(0, self.most_mib - self.before_mib)


def carry(
    project: Project,
    kept: Kept,
    trainer: Trainer,
    machine: str,
    opened: Opened,
    *,
    steps: int,
    patience: float,
    say: Callable[[str], None],
    on_event: Callable[[Event], None] = lambda event: None,
    clock: Callable[[], float] = time.time,
) -> Tried:
    """Train ``steps`` steps and come back; ``patience`` is in seconds.

    Raises StudioError: what laying out and translating raise, ``machine_*``, ``keeper_odd``,
    ``disk_full``. A failure of the trainer is none: it is in what comes back.
    """
    reached = machine_of(project, machine, say=say)
    base = resolve(
        project, Zone.WORKSPACE, Path("training", kept.name, "dry-runs"), for_writing=True
    )
    ending.leftovers(project, base, say)
    where = placing.places(project, machine, opened.environment.get("base", ""))
    place = _new_place(base, reached, where.training(kept.name) / "dry-runs")
    plan = where.plan(kept.plan)
    say(f"Laying out {steps} steps of {kept.name!r} for {trainer.name} in {place.here}")
    ready = laying.ready(project, plan, trainer.layout, Path(place.there) / "dataset")
    made = trainer.dry_run(plan, ready.dataset, place.there, steps)
    for note in made.notes:
        say(note)
    ready.put(project, at=place.here / "dataset")
    writing.write(place.here, made, ours={"plan": kept.name, "digest": kept.digest})
    tried = Tried(int(place.here.name), place, trainer, made, clock())
    keeper = Keeper(reached, str(place.there), opened.python)
    _bring(tried, opened, keeper)
    with ending.together():
        try:
            _watch(tried, keeper, opened, patience, on_event, clock)
        except BaseException:
            say("Ending the trainer ...")
            try:
                ending.end(keeper)
            except StudioError as error:
                say(f"It could not be ended: {error.message} The next dry run tries again.")
            raise
    if place.far:
        _fetch(tried)
    return tried


def _new_place(base: Path, machine: Machine, far: PurePosixPath) -> Place:
    """A folder that nobody had before, numbered from 1."""
    with explained(base, "No dry run was begun."):
        base.mkdir(parents=True, exist_ok=True)
        number = max((int(one.name) for one in base.iterdir() if one.name.isdigit()), default=0) + 1
        while True:
            try:
                (base / str(number)).mkdir()
                break
            except FileExistsError:
                number += 1
    here = base / str(number)
    there = here if machine.name == "local" else far / str(number)
    return Place(here, there, machine)


def _bring(tried: Tried, opened: Opened, keeper: Keeper) -> None:
    """Everything to the machine, and the keeper."""
    place, made = tried.place, tried.translation
    command, folder, environment = made.placed(opened.home, opened.python)
    if opened.environment.get("processor"):
        command = processor.launched(command, opened.environment)
        environment |= processor.without_gpu(opened.environment)
    elif len(opened.environment.get("gpus", ())) > 1:
        environment |= only_card(opened.environment["gpu_index"])
    attempt = f"attempts/{ATTEMPT}"
    (place.here / attempt).mkdir(parents=True, exist_ok=True)
    before = made.placed_before(opened.home, opened.python)
    script = command_file(command, folder or str(place.there), environment, before)
    write_atomic(place.here / attempt / "command.sh", script)
    about = {"machine": place.machine.name, "there": str(place.there), "python": opened.python}
    write_atomic(place.here / ending.ABOUT, canonical_json(about) + b"\n")
    place.bring("dataset", *made.files, f"{attempt}/command.sh")
    keeper.install()


def _watch(
    tried: Tried,
    keeper: Keeper,
    opened: Opened,
    patience: float,
    on_event: Callable[[Event], None],
    clock: Callable[[], float],
) -> None:
    from ategnatos.train.watching.monitor import Monitor
    from ategnatos.train.watching.values import Vitals
    from ategnatos.trainers.lines import Lines

    gpu = str(opened.environment.get("gpu_index", 0)) if opened.gpu else ""
    tried.before_mib = keeper.look(ATTEMPT, 0, gpu).vram_mib if gpu else None
    monitor = Monitor(tried.translation.steps)
    parser, lines, offset = tried.trainer.parser(), Lines(), 0
    began = clock()

    def take(found: Sequence[str], at: float) -> None:
        for line in found:
            for event in parser.parse(line):
                _note(tried, event, at)
                monitor.feed(event, at)
                on_event(event)

    with tried.log.open("wb") as log:
        keeper.start(ATTEMPT)
        while True:
            look = _looked(keeper, offset, gpu)
            at = clock()
            log.write(look.log)
            log.flush()
            offset += len(look.log)
            take(lines.feed(look.log), at)
            tried.most_mib = _larger(tried.most_mib, look.vram_mib)
            monitor.tick(
                Vitals(
                    look.alive,
                    bool(look.log),
                    look.disk_used_share,
                    look.disk_free,
                    look.vram_mib,
                ),
                at,
            )
            if _over(look, offset) or at - began > patience + _LAST_SECONDS:
                break
            if at - began > patience:
                # Ended; what it still said is read in the next look.
                tried.late = tried.late or at - began
                ending.end(keeper)
            if not look.log:
                time.sleep(FAR_SECONDS if tried.place.far else NEAR_SECONDS)
    take([*lines.close(), ""], clock())
    monitor.close()
    tried.status = look.status
    tried.findings = list(monitor.findings)
    tried.seconds = clock() - began


def _looked(keeper: Keeper, offset: int, gpu: str) -> Look:
    """A look; a line that breaks meanwhile loses nothing, and is only opened again."""
    from ategnatos.machines import MACHINE_UNREACHABLE

    for wait in _BREAKS:
        try:
            return keeper.look(ATTEMPT, offset, gpu)
        except StudioError as error:
            if error.code is not MACHINE_UNREACHABLE:
                raise
            time.sleep(wait)
    return keeper.look(ATTEMPT, offset, gpu)


def _over(look: Look, offset: int) -> bool:
    return look.over and offset >= look.size


def _larger(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)


def _note(tried: Tried, event: Event, at: float) -> None:
    if isinstance(event, Phase) and event.name == "training":
        # What programs before it took of the GPU is not what training takes.
        tried.most_mib = None
    elif isinstance(event, Progress):
        if tried.drawn is None or event.step > tried.drawn[0]:
            tried.step_times.append(at)
            tried.told_times += [] if event.elapsed is None else [event.elapsed]
        tried.drawn = (event.step, event.total)
        tried.told_seconds = event.seconds_a_step or tried.told_seconds
        tried.no_number |= event.loss is not None and not math.isfinite(event.loss)
    elif isinstance(event, Failed):
        tried.failed, tried.failed_as = event.text, event.code or tried.failed_as
    elif isinstance(event, Skipped):
        tried.skipped += 1
    elif isinstance(event, Warned):
        tried.no_number |= event.code == "nan"
        tried.no_captions = event.text if event.code == "no_captions" else tried.no_captions


def _fetch(tried: Tried) -> None:
    """What the trainer wrote, from the machine; nothing where it wrote nothing."""
    from ategnatos.machines import MACHINE_COPY

    output = tried.translation.output
    try:
        tried.place.machine.pull(f"{tried.place.there}/{output}", tried.folder / output)
    except StudioError as error:
        if error.code is not MACHINE_COPY:
            raise
