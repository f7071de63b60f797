"""Which GPU this machine has, asked of its driver; torch is never imported for it.

NVIDIA answers through NVML (nvidia-ml-py), or through ``nvidia-smi`` where the library is not
found (some containers, WSL). Apple Silicon shares one memory between processor and GPU.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_SMI_FIELDS = "name,memory.total,driver_version"
_PATIENCE_SECONDS = 20.0
_MIB = 1 << 20

Run = Callable[[Sequence[str]], str | None]


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. ``memory_mib`` is its own memory (shared memory on Apple Silicon).

    ``cuda`` is the newest CUDA version that the driver supports, as text; "" where unknown.
    """

    name: str
    memory_mib: int
    driver: str = ""
    cuda: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Every GPU, and what went wrong where a driver is there but does not answer."""

    gpus: tuple[Gpu, ...] = ()
    problem: str = ""

    def title(self) -> str:
        """One line: ``2 x NVIDIA H200 (139 GiB)``, or ``no GPU``."""
        if not self.gpus:
            return "no GPU"
        counted = {gpu.name: 0 for gpu in self.gpus}
        for gpu in self.gpus:
            counted[gpu.name] += 1
        memory = {gpu.name: gpu.memory_mib for gpu in self.gpus}
        return ", ".join(
            (f"{number} x {name}" if number > 1 else name)
            + (f" ({memory[name] / 1024:.0f} GiB)" if memory[name] else "")
            for name, number in counted.items()
        )


def detect() -> Found:
    """Ask this machine. May take a second where a driver has to wake up."""
    if platform.system() == "Darwin":
        return apple(run, platform.machine())
    import pynvml

    found = nvidia_library(pynvml)
    if found.gpus:
        return found
    by_program = nvidia_program(run)
    return by_program if by_program.gpus else found


def nvidia_library(nvml: Any) -> Found:
    """Ask NVML; ``nvml`` is the module ``pynvml``."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        absent = {nvml.NVML_ERROR_LIBRARY_NOT_FOUND, nvml.NVML_ERROR_DRIVER_NOT_LOADED}
        return Found(problem="" if error.value in absent else f"NVIDIA's driver: {error}")
    try:
        cuda = nvml.nvmlSystemGetCudaDriverVersion_v2()
        driver = nvml.nvmlSystemGetDriverVersion()
        handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
        return Found(
            tuple(
                Gpu(
                    name=nvml.nvmlDeviceGetName(handle),
                    memory_mib=_memory(nvml, handle),
                    driver=driver,
                    # NVML gives 12040 for 12.4.
                    cuda=f"{cuda // 1000}.{cuda % 1000 // 10}",
                )
                for handle in handles
            )
        )
    except nvml.NVMLError as error:
        return Found(problem=f"NVIDIA's driver answers, but not about its GPUs: {error}")
    finally:
        nvml.nvmlShutdown()


def _memory(nvml: Any, handle: Any) -> int:
    """MiB; 0 for a GPU without memory of its own, which NVML refuses to answer for."""
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(handle).total // _MIB)
    except nvml.NVMLError_NotSupported:
        return 0


def nvidia_program(run: Run) -> Found:
    """Ask ``nvidia-smi``."""
    said = run(["nvidia-smi", f"--query-gpu={_SMI_FIELDS}", "--format=csv,noheader,nounits"])
    gpus = []
    for line in (said or "").splitlines():
        name, memory, driver = ([part.strip() for part in line.split(",")] + ["", "", ""])[:3]
        if memory.isdigit():
            gpus.append(Gpu(name, int(memory), driver))
    return Found(tuple(gpus))


def apple(run: Run, architecture: str) -> Found:
    """Ask macOS; an Intel Mac has no GPU that the engines use."""
    if architecture != "arm64":
        return Found()
    name = (run(["sysctl", "-n", "machdep.cpu.brand_string"]) or "Apple Silicon").strip()
    memory = (run(["sysctl", "-n", "hw.memsize"]) or "").strip()
    return Found((Gpu(name, int(memory) // _MIB if memory.isdigit() else 0),))


def run(command: Sequence[str]) -> str | None:
    """What a program says on stdout; None where it is missing, fails or takes too long."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, timeout=_PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
