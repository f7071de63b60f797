"""What ``train eval`` looks at: of a run, of a plan with files by hand, or of files alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.commands.contract import USAGE, Call
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines import Engine
    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation.planning import Subject
    from ategnatos.train.evaluation.record import Checkpoint


MOST_SEEDS = 100


def subject_of(
    project: Project,
    name: str,
    files: str,
    checkpoints: str,
    family: str,
    trigger: str,
    training: str,
) -> tuple[Subject, tuple[Checkpoint, ...], Any]:
    """What is looked at, of a run, of a plan with files by hand, or of files alone."""
    from ategnatos.train.dataset.captions.protocol import TYPES
    from ategnatos.train.evaluation import choosing
    from ategnatos.train.evaluation.planning import Subject
    from ategnatos.train.plan import laying, store

    run = None
    plan_name = name
    if not files:
        from ategnatos.train.run import record as runs

        run = runs.load(project, name)
        plan_name = run.plan
        found = choosing.of_run(project, run, checkpoints)
    else:
        paths = [Path(one.strip()).expanduser() for one in files.split(",") if one.strip()]
        found = choosing.of_files(project, paths)
    try:
        kept = store.load(project, plan_name, run.number if run else None)
    except StudioError as error:
        if error.code is not store.PLAN_UNKNOWN or run is not None:
            raise
        if training and training not in TYPES:
            raise _usage(f"--training is one of: {', '.join(TYPES)}.") from error
        if not family:
            from ategnatos.commands.train.lora.files import family_of

            family = family_of(choosing.file_of(project, found[0]))
        if not family:
            raise _usage(
                f"There is no plan {name!r}, and the files tell no family: say --family."
            ) from error
        said = trigger or next((one.trigger for one in found if one.trigger), "")
        return Subject(name, family, training or "style", said), found, None
    version = laying.version_of(project, kept.plan)
    subject = Subject(
        kept.name,
        kept.plan.family,
        kept.plan.training,
        kept.plan.trigger,
        (version.dataset, version.number, kept.plan.dataset_digest),
        run.id if run else "",
    )
    return subject, found, version


def check_fits(engine: Engine, subject: Subject) -> None:
    able = engine.capabilities()
    base = subject.family.partition("/")[0]
    if not able.lora or (able.families and base not in able.families):
        raise StudioError(
            USAGE,
            f"{engine.name} cannot show a LoRA of the family {subject.family}; nothing was made.",
            hint="Choose another --engine: comfyui for real models, starter for the small one.",
            engine=engine.name,
            family=subject.family,
        )


def settings_of(
    subject: Subject, model: str | None, size: str, steps: int | None, cfg: float | None
) -> dict[str, Any]:
    from ategnatos.art.order import parse_size
    from ategnatos.train.evaluation.prompts import settings

    said = settings(subject.family)
    if size:
        said["width"], said["height"] = parse_size(size)
    if steps is not None:
        if steps < 1:
            raise _usage(f"--steps {steps} draws nothing: say 1 or more.")
        said["steps"] = steps
    if cfg is not None:
        if not 0 <= cfg < 1000:
            raise _usage(f"--cfg {cfg:g} cannot be: say 0 or more.")
        said["cfg"] = cfg
    if model:
        said["model"] = model
    return said


def seeds_of(usual: Mapping[str, int], first: int | None, count: int | None) -> tuple[int, int]:
    """The first seed and how many. Raises StudioError (``usage``)."""
    if first is not None and not 0 <= first < 2**32:
        raise _usage(f"--seed {first} cannot be: say 0 or more.")
    if count is not None and not 1 <= count <= MOST_SEEDS:
        raise _usage(f"--seeds {count} cannot be: say 1 to {MOST_SEEDS}.")
    return usual["first"] if first is None else first, count or usual["count"]


def laid_out(
    call: Call,
    models: Path | None,
    subject: Subject,
    found: tuple[Checkpoint, ...],
    where: dict[str, Path],
    ours: list[Path],
) -> dict[str, Path]:
    """Copies in ComfyUI's folder, each named after its hash, so that none is taken for another;
    ``ours`` gets each before it is there.
    """
    from ategnatos.commands.studio.machine import installation_or_none
    from ategnatos.studio.models import places
    from ategnatos.train.registering import placing

    folder = places.root(models, installation_or_none(call), os.environ) / "loras"
    laid = {}
    for one in found:
        target = folder / f"ategnatos-{subject.plan}-{one.sha256[:12]}.safetensors"
        # Ours by its name, also where a killed evaluation left it.
        ours.append(target)
        placing.put(where[one.name], target, one.sha256)
        laid[one.name] = target
    return laid


def take_away(project: Project, subject: Subject, laid: list[Path]) -> None:
    """The copies out of ComfyUI's folder, unless another evaluation of the plan reads them."""
    from ategnatos.grimoire.locks import LOCKED, hold
    from ategnatos.train.evaluation import making

    if not laid:
        return
    try:
        with hold(project, making.lock_of(subject.plan), wait=0):
            for path in laid:
                path.unlink(missing_ok=True)
    except StudioError as error:
        # Whoever is at it takes them away at its own end.
        if error.code is not LOCKED:
            raise


def _usage(text: str) -> StudioError:
    return StudioError(USAGE, f"{text} Nothing was made.", hint="ategnatos train eval --help")
