"""Whether a machine will do: one check a fact, each with what was found and what mends it.

``stop`` closes the gate: the run could not begin, or not end. ``note`` is for a person to know.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.gates.environment import graphics, on_processor, space
from ategnatos.train.gates.environment.needs import SETTINGS, TOKENIZER
from ategnatos.train.placing import is_path

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.gates.configuration import Configuration
    from ategnatos.train.gates.environment.there import There
    from ategnatos.trainers import Supported

Level = Literal["ok", "note", "stop"]
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``mend`` is a command or a sentence; "" where all is well."""

    what: str
    level: Level
    found: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def judge(project: Project, made: Configuration, there: There) -> list[Check]:
    """Every check of one machine, in the order of the page."""
    from ategnatos.trainers import load_trainer

    tested = load_trainer(made.trainer).versions()
    found = [*_trainer(made, there, tested)]
    for one in (_gpu, _torch, _vram, _packages, _files, _disk):
        found += one(project, made, there)
    return found


def _trainer(made: Configuration, there: There, tested: Supported) -> Iterator[Check]:
    installed, probe = there.installed, there.probe
    if not installed.ok:
        how = installed.hint or f"Install {made.trainer} there."
        yield Check("trainer", "stop", installed.message.rstrip("."), how)
        return
    checkout = probe.get("checkout", {})
    commit = installed.commit or str(checkout.get("commit", ""))
    version = installed.version or str(checkout.get("tag", ""))
    said = " ".join(filter(None, (version, commit[:12]))) or "of no known version"
    if tested.commit and commit and commit != tested.commit:
        yield Check(
            "trainer",
            "note",
            f"{made.trainer} {said}; its translation was made for"
            f" {'/'.join(tested.tested)} ({tested.commit[:12]}), so a key may mean something else",
            f"git -C {shlex.quote(installed.home)} checkout {tested.commit}",
        )
    elif tested.tested and not commit and version and version not in tested.tested:
        yield Check(
            "trainer",
            "note",
            f"{made.trainer} {version}; its translation was made for {'/'.join(tested.tested)}",
        )
    else:
        yield Check("trainer", "ok", f"{made.trainer} {said} in {installed.home or 'its package'}")
    if checkout.get("changed"):
        yield Check(
            "trainer's own files",
            "note",
            "the checkout has changes of its own; the gate holds for exactly these",
        )
    python = str(probe.get("python", ""))
    if tested.python and python and not _at_least(python, tested.python):
        yield Check(
            "Python",
            "stop",
            f"{python}, and {made.trainer} needs {tested.python}",
            f"Make its virtual environment with a Python {tested.python.lstrip('>=')} or newer.",
        )
    elif python:
        yield Check("Python", "ok", f"{python} ({probe.get('executable')})")


def _at_least(version: str, wanted: str) -> bool:
    least = [int(one) for one in wanted.removeprefix(">=").split(".") if one.isdigit()]
    return [int(one) for one in version.split(".")[:2] if one.isdigit()] >= least[:2]


def _gpu(project: Project, made: Configuration, there: There) -> Iterator[Check]:
    facts = there.facts
    if there.processor:
        yield from (Check(*said) for said in on_processor.told(made))
        return
    if not facts.gpus:
        why = facts.problem or "no NVIDIA GPU answers"
        if there.needs.gpu:
            yield Check(
                "GPU",
                "stop",
                f"{why}, and {made.trainer} trains on nothing else",
                "Install the driver (nvidia-smi must answer), or take a machine with a GPU:"
                f" ategnatos train vram {made.kept.name}. Only to try the trainer out, with few and"
                " small pictures: --gpu cpu",
            )
        else:
            yield Check("GPU", "ok", f"none; {made.trainer} trains on the processor")
        return
    first = facts.gpus[0]
    said = f"{first.index}: " if len(facts.gpus) > 1 else ""
    said += f"{first.name}, {first.memory_mib / 1024:.0f} GiB, driver {first.driver or '?'}"
    if len(facts.gpus) > 1:
        said += f"; the other {len(facts.gpus) - 1} are not used by this run"
    yield Check("GPU", "ok", said)
    card = graphics.known(first)
    if card is None:
        yield Check("GPU", "note", f"{first.name} is not in the table: the dry run decides")
    elif made.kept.plan.precision == "bf16" and not card.bf16 and there.needs.gpu:
        yield Check(
            "precision",
            "note",
            f"{card.name} does not reckon in bf16; it is imitated, slowly",
            f"ategnatos train plan set {made.kept.name} precision=fp16",
        )


def _torch(project: Project, made: Configuration, there: There) -> Iterator[Check]:
    torch = there.probe.get("torch") or {}
    if not torch:
        # A trainer that needs it and lacks it is not whole: its own check says so.
        return
    python = shlex.quote(there.installed.python)
    said = graphics.torch(torch, there.facts, python, there.needs.with_torch)
    odd, mend = on_processor.build(made.trainer, torch, python) if there.processor else ("", "")
    if odd:
        yield Check("PyTorch", "note", odd, mend)
    elif not there.facts.gpus:
        yield Check("PyTorch", "ok", f"{torch.get('version')}, on the processor")
    elif said.refused:
        yield Check("PyTorch", "stop", said.refused, said.mend)
    elif said.unknown:
        yield Check("PyTorch", "note", said.unknown)
    else:
        yield Check("PyTorch", "ok", f"{torch.get('version')} runs on this GPU and driver")


def _vram(project: Project, made: Configuration, there: There) -> Iterator[Check]:
    if not there.facts.gpus or not there.needs.gpu:
        return
    first = there.facts.gpus[0]
    free = first.free_mib / 1024
    try:
        needed = graphics.memory(project, made.kept.plan, made.trainer, there.machine, there.facts)
    except StudioError as error:
        yield Check("GPU memory", "note", f"it cannot be estimated: {error.message}")
        return
    said = f"about {needed.likely:.1f} GiB wanted ({needed.low:.1f} to {needed.high:.1f}),"
    said += f" {free:.1f} of {first.memory_mib / 1024:.0f} GiB free"
    busy = first.memory_mib - first.free_mib
    fewer = f"ategnatos train vram {made.kept.name} --trainer {made.trainer} --memory {free:.1f}"
    if needed.high <= free:
        yield Check("GPU memory", "ok", said)
    elif needed.low <= free:
        yield Check("GPU memory", "note", f"{said}: it may not fit, the dry run decides", fewer)
    elif needed.low * 1024 <= first.memory_mib:
        yield Check(
            "GPU memory",
            "stop",
            f"{said}: other programs hold {busy / 1024:.1f} GiB of the card",
            "End what uses the GPU ('nvidia-smi' names it), then run this again.",
        )
    else:
        yield Check("GPU memory", "stop", f"{said}: it cannot fit", fewer)


def _packages(project: Project, made: Configuration, there: There) -> Iterator[Check]:
    for name, why in there.needs.modules.items():
        if not there.probe:
            return
        if there.probe.get("modules", {}).get(name):
            yield Check(f"package {name}", "ok", f"there, for {why}")
        else:
            yield Check(
                f"package {name}",
                "stop",
                f"missing, and {why} needs it",
                f"{shlex.quote(there.installed.python)} -m pip install {PIP.get(name, name)}",
            )


PIP = {"lion_pytorch": "lion-pytorch", "lycoris": "lycoris-lora"}


def _files(project: Project, made: Configuration, there: There) -> Iterator[Check]:
    if not there.probe:
        return
    plan = there.places.plan(made.kept.plan)
    for path, what in there.needs.files.items():
        said = there.probe.get("files", {}).get(path, {})
        yield _file(made, there, path, what, said, plan.model_sha256 if path == plan.model else "")
    for repository, what in there.needs.what.items():
        state = there.probe.get("repositories", {}).get(repository, "")
        if state == "there":
            yield Check(what, "ok", f"{repository} is in the cache")
            continue
        broken = "only in part" if state == "incomplete" else "not"
        yield Check(
            what,
            "stop",
            f"{repository} is {broken} in {there.probe.get('hub')}; it would be fetched while the"
            " machine waits, or fail without a network",
            fetching(shlex.quote(there.installed.python), repository, what),
        )


def _file(
    made: Configuration, there: There, path: str, what: str, said: dict[str, Any], sha256: str
) -> Check:
    if not said.get("kind"):
        if there.places.far:
            near = next((one for one in _near(made) if there.places.file(one) == path), path)
            words = f"{shlex.quote(near)} {shlex.quote(path)}"
            mend = f"ategnatos studio provider push {there.machine} {words}"
        else:
            field = "model" if what == "base model" else what
            mend = (
                f"ategnatos train plan set {made.kept.name} {field}=/models/FILE.safetensors"
                if field in ("model", "vae")
                else f"Put the file there, or name another in the plan's parts ({what})."
            )
        return Check(what, "stop", f"there is no {path}", mend)
    if said["kind"] == "folder":
        if said.get("whole"):
            return Check(what, "ok", f"{path} (a folder in diffusers' layout)")
        return Check(what, "stop", f"{path} is a folder without model_index.json", "Name the file.")
    if not said.get("readable", True):
        return Check(
            what, "stop", f"{path} cannot be read by this account", f"chmod u+r {shlex.quote(path)}"
        )
    if sha256 and said.get("sha256") and said["sha256"] != sha256:
        return Check(
            what,
            "stop",
            f"{path} is not the file that the plan was made for (its SHA-256 begins"
            f" {said['sha256'][:12]}, not {sha256[:12]})",
            f"Bring the right file there, or set it: ategnatos train plan set {made.kept.name}"
            f" model_sha256={said['sha256']}",
        )
    proved = ", its hash is the plan's" if sha256 and said.get("sha256") else ""
    return Check(what, "ok", f"{path} ({said['bytes'] / GIB:.2f} GiB{proved})")


def _near(made: Configuration) -> Iterator[str]:
    from ategnatos.train.placing import named

    yield from (path for _, path in named(made.kept.plan) if is_path(path))


def fetching(python: str, repository: str, what: str) -> str:
    """The command that brings a repository into the cache: of tokenizers and settings only their
    small files.

    ``python`` is one word for a shell. Whatever the repository is called, it stays a name.
    """
    small = what in (TOKENIZER, SETTINGS)
    only = ', allow_patterns=["*.json", "*.txt", "*.model"]' if small else ""
    name = json.dumps(repository)
    code = f"from huggingface_hub import snapshot_download as get; get({name}{only})"
    return f"{python} -c {shlex.quote(code)}"


def _disk(project: Project, made: Configuration, there: There) -> Iterator[Check]:
    free = there.probe.get("free", {})
    place = str(there.places.training(made.kept.name))
    if place not in free:
        return
    parts = space.needed(made)
    total, have = sum(parts.values()), free[place]
    said = f"{_size(have)} free for {_size(total)} ("
    said += ", ".join(f"{name} {_size(one)}" for name, one in parts.items()) + ")"
    if have >= total:
        yield Check("disk", "ok", said)
    else:
        yield Check(
            "disk",
            "stop",
            said,
            f"Free {_size(total - have)} there ('ategnatos clean' and 'ategnatos train"
            f" clean' show what may go), or keep fewer saves: ategnatos train plan set"
            f" {made.kept.name} keep=3",
        )


def _size(count: float) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / (1 << 20):.0f} MiB"
