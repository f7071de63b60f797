"""The GPU of a machine against the tables: its build of PyTorch, its memory for a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.knowledge import cuda, gpus

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.knowledge.cuda import Build
    from ategnatos.knowledge.gpus import Gpu
    from ategnatos.machines import MachineFacts, MachineGpu
    from ategnatos.train.vram.estimate import Estimate
    from ategnatos.trainers.plan import Plan


@dataclass(frozen=True, slots=True)
class TorchSaid:
    """``refused``: why it cannot run there, with what ``mend``s it. ``unknown``: what the table
    does not tell. Both "": it runs.
    """

    refused: str = ""
    mend: str = ""
    unknown: str = ""


def known(gpu: MachineGpu) -> Gpu | None:
    """The GPU of the table, told from others of its name by its memory."""
    return gpus.known(gpu.name, gpu.memory_mib / 1024)


def label(machine: str, facts: MachineFacts) -> str:
    """What readings of memory and pace are kept under: the computer, or the provider, with its
    GPU (``ateliertower/NVIDIA GeForce RTX 4090``, ``runpod/NVIDIA GeForce RTX 4090``).
    """
    where = facts.host if machine == "local" else machine.partition(":")[0]
    return f"{where}/{facts.gpus[0].name}" if facts.gpus else where


def memory(
    project: Project, plan: Plan, trainer: str, machine: str, facts: MachineFacts
) -> Estimate:
    """What the plan will take, by all that is known of such a machine.

    Raises StudioError (``vram_family``, ``trainer_habits``).
    """
    from ategnatos.train.vram import measured

    return measured.for_plan(project, plan, trainer, label(machine, facts))


def torch(
    said: Mapping[str, Any], facts: MachineFacts, python: str, also: Sequence[str] = ()
) -> TorchSaid:
    """The trainer's build of PyTorch against ``cuda_matrix.json``. ``said`` is the probe's;
    ``also`` are packages that come in the same build.
    """
    if not facts.gpus:
        return TorchSaid()
    card, driver = known(facts.gpus[0]), facts.gpus[0].driver
    number = str(said.get("version", ""))
    wanted = str(said.get("cuda", ""))
    if said.get("hip"):
        return TorchSaid(unknown=f"{number} is for AMD (ROCm); no table of those is kept")
    if not wanted:
        why = f"PyTorch {number} is built without CUDA: it would train on the processor"
        return TorchSaid(why, install(number, card, driver, python, also))
    minor = ".".join(number.split("+")[0].split(".")[:2])
    table = cuda.matrix()
    build = next((one for one in table.builds if (one.torch, one.cuda) == (minor, wanted)), None)
    if card is None:
        return TorchSaid(unknown=f"PyTorch {number}: the GPU is not in the table")
    why = ""
    if build is not None:
        why = table.refuses(build, card, driver)
    else:
        row = table.card(card.compute)
        least = table.driver_for(wanted)
        if row is not None and cuda.version(wanted) < cuda.version(row.cuda):
            why = f"PyTorch {number} is for CUDA {wanted}; {row.says}"
        elif least and driver and cuda.version(driver) < cuda.version(least):
            why = f"CUDA {wanted} needs driver {least} or newer, not {driver}"
    if why:
        return TorchSaid(why, install(number, card, driver, python, also))
    if build is None:
        return TorchSaid(unknown=f"PyTorch {number} is not in the table: the dry run decides")
    return TorchSaid()


def needs(card: Gpu | None) -> str:
    """What the table says of such cards, or ""."""
    row = cuda.matrix().card(card.compute) if card is not None else None
    return row.says if row is not None else ""


def install(
    number: str, card: Gpu | None, driver: str, python: str, also: Sequence[str] = ()
) -> str:
    """The line that installs a build which runs there: of the same PyTorch where there is one."""
    fitting = cuda.matrix().fitting(card, driver) if card is not None else []
    if not fitting:
        return "Install a newer driver, or take another GPU: no build of PyTorch runs as it is."
    same = [one for one in fitting if number.startswith(f"{one.torch}.")]
    build: Build = (same or fitting)[0]
    where = cuda.matrix().command(build).partition("--index-url ")[2]
    parts = " ".join((f"'torch=={build.torch}.*'", "torchvision", *also))
    return f"{python} -m pip install {parts} --index-url {where}"
