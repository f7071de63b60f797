"""GPUs by name: memory, compute capability, speed. Data: ``data/gpus.json``.

A name is found as drivers, shops and providers write it: ``NVIDIA GeForce RTX 4090``,
``rtx4090``, ``H100 80GB HBM3``, ``1x A100 (40 GB SXM4)``. Where a size is said with it
(``RTX 4060 Ti 8GB``), that size counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader

GPU_UNKNOWN = ErrorCode("gpu_unknown", "There is no GPU of that name in the table.")

KINDS = ("consumer", "workstation", "datacentre", "apple")

# GB as sold is 2**30 bytes at NVIDIA and Apple; the data sheets say GB.
_BF16 = (8, 0)
_FP8 = (8, 9)
_FILLERS = re.compile(
    r"nvidia|geforce|quadro|apple|generation|laptop|workstation edition|server edition|max-q"
    r"|edition"
)
_COUNT = re.compile(r"^\s*(\d{1,2})\s*[x\u00d7]\s*(?=[a-z])", re.IGNORECASE)
_SIZE = re.compile(r"\b(\d{1,3})\s*(?:gib|gb)\b", re.IGNORECASE)
# A card is sold with half or twice its usual memory, not with a tenth of it.
_OTHER_SIZE = 2.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """One model of GPU. ``memory_gb`` as sold, ``bandwidth_gbs`` GB/s, ``bf16_tflops`` dense.

    ``compute`` is "" where CUDA does not run. ``usable_gb`` is what a program gets of the memory.
    """

    name: str
    memory_gb: float
    generation: str
    compute: str
    kind: str
    bandwidth_gbs: float
    bf16_tflops: float
    usable_gb: float
    aliases: tuple[str, ...] = ()
    note: str = ""

    @property
    def capability(self) -> tuple[int, int]:
        """The compute capability as numbers; (0, 0) where CUDA does not run."""
        major, _, minor = self.compute.partition(".")
        return (int(major), int(minor)) if self.compute else (0, 0)

    @property
    def bf16(self) -> bool:
        """Whether it reckons in bfloat16."""
        return self.kind == "apple" or self.capability >= _BF16

    @property
    def fp8(self) -> bool:
        """Whether it reckons in 8-bit floats; weights can be kept so on any."""
        return self.capability >= _FP8


@cache
def gpus() -> tuple[Gpu, ...]:
    """Every GPU of the table. Raises StudioError (``knowledge_broken``)."""
    content = loader.read("gpus").content
    usable: Mapping[str, float] = content["usable"]
    return tuple(_gpu(raw, usable) for raw in content["gpus"])


def find(name: str) -> Gpu:
    """The GPU of that name, one of several. Raises StudioError (``gpu_unknown``)."""
    found = known(name) or _of_a_size(name)
    if found is not None:
        return found
    names = [one.name for one in gpus()]
    every = {_plain(spelling): one.name for one in gpus() for spelling in (one.name, *one.aliases)}
    near = get_close_matches(_plain(name)[:60], every, n=1, cutoff=0.6)
    raise StudioError(
        GPU_UNKNOWN,
        f"There is no GPU called {name!r} in the table; nothing was reckoned.",
        hint=(f"Did you mean {every[near[0]]!r}? " if near else "")
        + "See 'ategnatos knowledge show gpus', or say the memory: --memory 24",
        known=names,
    )


def count(name: str) -> int:
    """How many GPUs a name like ``2x RTX 3090`` means; 1 where it says none."""
    said = _COUNT.match(name)
    return int(said.group(1)) if said else 1


def known(name: str, memory_gb: float | None = None) -> Gpu | None:
    """The GPU of that name or None. ``memory_gb`` tells models apart that share a name."""
    wanted = _plain(name)
    found = [one for one in gpus() if wanted in {_plain(n) for n in (one.name, *one.aliases)}]
    if not found:
        return None
    if memory_gb is None:
        return found[0]
    return min(found, key=lambda one: abs(one.memory_gb - memory_gb))


def _of_a_size(name: str) -> Gpu | None:
    """The GPU of a name with a number of them or a memory in it, with that memory."""
    bare = _COUNT.sub("", name)
    said = _SIZE.search(bare)
    if said is None:
        return known(bare) if bare != name else None
    size = float(said.group(1))
    plain = _SIZE.sub("", bare)
    found = known(bare) or known(f"{plain} {size:g}GB") or known(plain)
    if found is None or not found.memory_gb / _OTHER_SIZE <= size <= found.memory_gb * _OTHER_SIZE:
        return None
    if size == found.memory_gb:
        return found
    share = size / found.memory_gb
    return replace(
        found,
        name=f"{found.name} {size:g}GB",
        memory_gb=size,
        usable_gb=round(found.usable_gb * share, 1),
        note="",
    )


def _plain(name: str) -> str:
    """Letters and figures of a name, without what sellers put around it."""
    text = re.sub(r"\((?:tm|r)\)", "", name.lower())
    return re.sub(r"[^a-z0-9]", "", _FILLERS.sub("", text)).removeprefix("rtx")


def _gpu(raw: dict[str, Any], usable: Mapping[str, float]) -> Gpu:
    values = {**raw, "aliases": tuple(raw.get("aliases", ()))}
    return Gpu(**values, usable_gb=round(raw["memory_gb"] * usable[raw["kind"]], 1))
