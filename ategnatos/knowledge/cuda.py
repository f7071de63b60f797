"""Which build of PyTorch runs on a GPU under a driver. Data: ``data/cuda_matrix.json``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader
from ategnatos.knowledge.gpus import Gpu

NO_BUILD = ErrorCode("no_build", "No build of PyTorch runs on this GPU with this driver.")

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Driver:
    """The oldest driver of a CUDA major version. ``below`` is where the next one begins, or ""."""

    cuda: str
    linux: str
    windows: str
    below: str
    source: str


@dataclass(frozen=True, slots=True)
class Card:
    """What the GPUs of a compute capability need: CUDA and driver at least."""

    compute: str
    cuda: str
    driver: str
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Build:
    """One build of PyTorch; ``default`` is the one that ``pip install torch`` brings."""

    torch: str
    cuda: str
    built_for: tuple[str, ...]
    default: bool
    ptx: bool
    source: str

    @property
    def tag(self) -> str:
        """``cu128``, as in the version and the address."""
        return f"cu{self.cuda.replace('.', '')}"

    def has(self, compute: str) -> bool:
        """Whether its code runs on that compute capability: the same major number and no newer
        minor one, or anything newer where the code can be compiled at the start.
        """
        wanted = version(compute)
        made = [version(one) for one in self.built_for]
        same = any(one[0] == wanted[0] and one <= wanted for one in made)
        return same or (self.ptx and wanted > max(made))


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole matrix; ``install`` has ``{digits}`` for 128."""

    install: str
    drivers: tuple[Driver, ...]
    cards: tuple[Card, ...]
    builds: tuple[Build, ...]

    def driver_for(self, cuda: str, *, windows: bool = False) -> str:
        """The oldest driver that runs a build for that CUDA; "" where it is not known."""
        major = cuda.partition(".")[0]
        for one in self.drivers:
            if one.cuda == major:
                return one.windows if windows else one.linux
        return ""

    def card(self, compute: str) -> Card | None:
        """What GPUs of that capability need above a driver of their CUDA's major version."""
        return next((one for one in self.cards if one.compute == compute), None)

    def fitting(self, gpu: Gpu, driver: str = "") -> list[Build]:
        """Builds that run on the GPU (under that driver, where given), the newest PyTorch first
        and in it the default one first.
        """
        found = [one for one in self.builds if gpu.compute and one.has(gpu.compute)]
        if driver:
            found = [one for one in found if not self.refuses(one, gpu, driver)]
        return sorted(found, key=lambda one: (version(one.torch), one.default), reverse=True)

    def refuses(self, build: Build, gpu: Gpu, driver: str) -> str:
        """Why the build does not run there, or ""."""
        if not build.has(gpu.compute):
            said = self.card(gpu.compute)
            return (
                f"PyTorch {build.torch}+{build.tag} has no code for compute capability"
                f" {gpu.compute} ({gpu.name})" + (f"; {said.says}" if said else "")
            )
        least = self.driver_for(build.cuda)
        card = self.card(gpu.compute)
        if card is not None and version(card.driver) > version(least):
            least = card.driver
        if version(driver) < version(least):
            return f"CUDA {build.cuda} on {gpu.name} needs driver {least} or newer, not {driver}"
        return ""

    def installed(self, text: str) -> Build | None:
        """The build of a PyTorch that calls itself "2.8.0+cu128"; without the part after the plus
        it is the default one. None where the matrix does not hold it.
        """
        number, _, tag = text.partition("+")
        torch = ".".join(number.split(".")[:2])
        for one in self.builds:
            if one.torch == torch and (one.tag == tag if tag else one.default):
                return one
        return None

    def index(self, build: Build) -> str:
        """The address it is installed from."""
        return self.command(build).rpartition(" ")[2]

    def command(self, build: Build) -> str:
        """The line that installs it."""
        return self.install.replace("{digits}", build.cuda.replace(".", ""))


@cache
def matrix() -> Matrix:
    """The matrix. Raises StudioError (``knowledge_broken``)."""
    content = loader.read("cuda_matrix").content
    return Matrix(
        install=content["install"],
        drivers=tuple(Driver(**raw) for raw in content["drivers"]),
        cards=tuple(Card(**raw) for raw in content["cards"]),
        builds=tuple(
            Build(**{**raw, "built_for": tuple(raw["built_for"])}) for raw in content["builds"]
        ),
    )


def choose(gpu: Gpu, driver: str = "") -> Build:
    """The build to install. Raises StudioError (``no_build``), whose hint says what to renew."""
    table = matrix()
    found = table.fitting(gpu, driver)
    if found:
        return found[0]
    fits = table.fitting(gpu)
    if not fits:
        why, hint = f"none has code for {gpu.name}", "Take another GPU; this one is too old."
        if not gpu.compute:
            why, hint = f"{gpu.name} has no CUDA", "Install plain torch; it uses Metal there."
    else:
        oldest = min(fits, key=lambda one: version(table.driver_for(one.cuda)))
        why = table.refuses(oldest, gpu, driver)
        hint = "Install a newer driver, or rent a machine with one."
    raise StudioError(
        NO_BUILD,
        f"No build of PyTorch runs there: {why}. Nothing was installed.",
        hint=hint,
        gpu=gpu.name,
        driver=driver,
    )


def version(text: str) -> Version:
    """The numbers of "580.65.06", so that they compare; what is no number counts as 0."""
    return tuple(int(one) if one.isdigit() else 0 for one in text.split("."))
