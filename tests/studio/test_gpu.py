"""The GPU is found through its driver, by either road, and its absence is no error."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project
from ategnatos.studio import gpu
from ategnatos.studio.gpu import Found, Gpu
from ategnatos.studio.machine_facts import remember


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"error {value}")
        self.value = value


class NotSupportedError(NVMLError):
    pass


def nvml(
    *, init: int = 0, names: Sequence[str] = ("NVIDIA H200",), broken: bool = False
) -> SimpleNamespace:
    """A stand-in with the calls and error numbers of nvidia-ml-py."""

    def start() -> None:
        if init:
            raise NVMLError(init)

    def count() -> int:
        if broken:
            raise NVMLError(999)
        return len(names)

    def memory(handle: int) -> SimpleNamespace:
        if names[handle] == "NVIDIA GB10":
            raise NotSupportedError(3)
        return SimpleNamespace(total=141 << 30)

    return SimpleNamespace(
        NVMLError=NVMLError,
        NVMLError_NotSupported=NotSupportedError,
        NVML_ERROR_DRIVER_NOT_LOADED=9,
        NVML_ERROR_LIBRARY_NOT_FOUND=12,
        nvmlInit=start,
        nvmlShutdown=lambda: None,
        nvmlSystemGetCudaDriverVersion_v2=lambda: 12040,
        nvmlSystemGetDriverVersion=lambda: "550.54",
        nvmlDeviceGetCount=count,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: names[handle],
        nvmlDeviceGetMemoryInfo=memory,
    )


def says(text: str | None) -> Any:
    return lambda command: text


def test_the_library_names_each_gpu() -> None:
    found = gpu.nvidia_library(nvml(names=("NVIDIA H200", "NVIDIA H200")))
    assert found.gpus == (Gpu("NVIDIA H200", 144384, "550.54", "12.4"),) * 2
    assert found.title() == "2 x NVIDIA H200 (141 GiB)"


def test_a_gpu_without_memory_of_its_own_is_still_named() -> None:
    assert gpu.nvidia_library(nvml(names=("NVIDIA GB10",))).title() == "NVIDIA GB10"


@pytest.mark.parametrize("absent", [9, 12])
def test_no_driver_is_no_gpu_and_no_problem(absent: int) -> None:
    assert gpu.nvidia_library(nvml(init=absent)) == Found()


def test_a_driver_that_does_not_answer_is_a_problem() -> None:
    assert "error 18" in gpu.nvidia_library(nvml(init=18)).problem
    assert gpu.nvidia_library(nvml(broken=True)).problem


def test_the_program_is_read_where_the_library_is_missing() -> None:
    found = gpu.nvidia_program(says("NVIDIA L4, 23034, 535.1\nbroken line\n"))
    assert found.gpus == (Gpu("NVIDIA L4", 23034, "535.1"),)
    assert gpu.nvidia_program(says(None)) == Found()


def test_apple_silicon_counts_its_shared_memory() -> None:
    answers = {"machdep.cpu.brand_string": "Apple M3 Max\n", "hw.memsize": str(64 << 30)}
    found = gpu.apple(lambda command: answers[command[-1]], "arm64")
    assert found.title() == "Apple M3 Max (64 GiB)"
    assert gpu.apple(says(None), "x86_64") == Found()


def test_programs_that_are_missing_or_fail_say_nothing() -> None:
    assert gpu.run(["no-such-program-anywhere"]) is None
    assert gpu.run(["false"]) is None


def test_facts_are_written_once_and_never_over_what_a_person_wrote(project: Project) -> None:
    h200 = Found((Gpu("NVIDIA H200", 144384, "550.54", "12.4"),))
    assert remember(project, h200)
    assert not remember(project, h200)
    environment = documents.read(project, "studio").environment
    assert (environment.primary, environment.cuda) == ("NVIDIA H200 (141 GiB)", "12.4")
    with documents.edit(project, "studio") as studio:
        studio.environment.primary = "the big machine"
    assert remember(project, Found())
    assert not remember(project, Found())
    assert documents.read(project, "studio").environment.primary == "the big machine"
