"""Makes pictures. One Protocol, :class:`Engine`; one module an engine, found by entry point.

An engine never ignores what it was asked: it honours it, refuses it with a
:class:`~ategnatos.grimoire.errors.StudioError` before any work, or says in ``warnings`` what
it did instead. ``tests/engines/contract.py`` holds every engine to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import plug_ins

ENGINE_UNKNOWN = ErrorCode("engine_unknown", "No engine of that name is installed.")
ENGINE_CANNOT = ErrorCode("engine_cannot", "The engine cannot honour a part of the request.")
ENGINE_UNAVAILABLE = ErrorCode("engine_unavailable", "The engine is installed but cannot run.")

ENTRY_POINT_GROUP = "ategnatos.engines"


@dataclass(frozen=True, slots=True)
class LoraUse:
    """A LoRA to apply. ``path`` is a safetensors file; ``weight`` 0 leaves it without effect.

    ``clip_weight`` is that of the text encoder's part, None for the same.
    """

    name: str
    path: str
    weight: float = 1.0
    sha256: str = ""
    trigger: str = ""
    clip_weight: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What to make. ``None`` means "the engine's own default": the result says which it was.

    Sizes are in pixels. ``seed`` is that of the first image; image ``i`` uses ``seed + i``.
    ``strength`` (0 to 1) is how much of ``init_image`` may change; ``mask`` marks with white
    what may change (inpaint). Images are encoded files (PNG, JPEG or WebP) as bytes.
    ``model`` names the model; ``Engine.plan`` makes it exact (for example ``starter@1f2e3d4c``),
    so that other weights are another request. ``family`` is a model family of the knowledge
    base (``z-image/turbo``); ``workflow`` the JSON text of a graph of the engine's own kind. An
    engine that has no use for one of them refuses it. Where a workflow has no place for a
    field, the plan leaves it None. ``control_image`` holds the picture to its pose, depth or
    edges, as ``control_type`` says (``Capabilities.control``); ``control_strength`` 1 is whole.
    """

    prompt: str
    seed: int
    count: int = 1
    negative: str = ""
    model: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    cfg: float | None = None
    sampler: str | None = None
    init_image: bytes | None = None
    strength: float | None = None
    mask: bytes | None = None
    loras: tuple[LoraUse, ...] = ()
    family: str | None = None
    workflow: str | None = None
    scheduler: str | None = None
    control_image: bytes | None = None
    control_type: str | None = None
    control_strength: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an engine works, as far as that is a choice; nothing of it decides a pixel.

    ``server`` is an address a person gave, which counts before ``record`` (``host`` and ``port``
    of the studio document). ``timeout`` is seconds for the whole of one ``generate``.
    ``preview`` is a file that shows the picture being made; ``folder`` is where an engine may
    leave what a person has to carry on with by hand. ``inventory`` is the document of the model
    files that the studio knows, with their hashes; it need not be there.
    """

    server: str | None = None
    allow_remote: bool = False
    record: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    preview: Path | None = None
    folder: Path | None = None
    inventory: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: ``done`` of ``total`` steps over all images, and what it does now."""

    done: int
    total: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """One finished picture: PNG bytes, and the exact settings that made it (JSON values only).

    ``settings`` holds at least engine, model, model_sha256, prompt (as used), negative, seed,
    steps, cfg, sampler, width, height: enough to make the same picture again.
    """

    png: bytes
    width: int
    height: int
    seed: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """The pictures in order of their seeds, and what a person should know about them.

    ``charged`` is what the vendor said it billed, by ledger (``usd``, or the vendor's unit);
    None where it did not say.
    """

    images: tuple[Image, ...]
    warnings: tuple[str, ...] = ()
    charged: Mapping[str, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, as facts that a planner can test before it asks."""

    text_to_image: bool
    image_to_image: bool
    inpaint: bool
    lora: bool
    transparency: bool
    families: tuple[str, ...]
    samplers: tuple[str, ...]
    default_width: int
    default_height: int
    min_side: int
    max_side: int
    max_count: int
    control: tuple[str, ...] = ()
    """The kinds of control pictures it takes: of pose, depth, canny."""


@dataclass(frozen=True, slots=True)
class PriceEstimate:
    """The most that a request can cost. Zero only where nothing is billed; ``basis`` says why.

    ``units`` is what it takes of a vendor's own units that no exchange rate makes money
    (``{"pixellab-generations": Decimal(20)}``).
    """

    amount_usd: Decimal
    basis: str
    units: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the engine can work now, and if not, the step that mends it."""

    ok: bool
    message: str
    hint: str = ""
    details: dict[str, Any] = field(default_factory=dict)


ProgressCallback = Callable[[Progress], None]


@runtime_checkable
class Engine(Protocol):
    """What makes pictures. Implementations are built without arguments and without work."""

    name: str
    label: str
    """One line for people: what makes these pictures; said without any work."""

    def capabilities(self) -> Capabilities:
        """What it can do; no network, no model load."""
        ...

    def health(self) -> Health:
        """Whether it can work now; never raises."""
        ...

    def estimate(self, request: Request) -> PriceEstimate:
        """What the request would cost, before anything is sent."""
        ...

    def plan(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        """The request with every default filled in, and warnings; no pixel is made.

        Raises StudioError (``engine_cannot``) for what it will not honour. ``generate`` of the
        returned request makes exactly what it says, and planning it again changes nothing.
        """
        ...

    def generate(self, request: Request, on_progress: ProgressCallback | None = None) -> Result:
        """Make ``request.count`` pictures.

        ``on_progress`` is called with rising ``done`` and a last call where done == total. An
        exception raised inside it (Ctrl-C, cancel) stops the work and passes through.

        An engine that bills never sends twice by itself. A StudioError of its own that was
        surely not billed says so (``engine_cannot``, ``engine_unavailable``, or the detail
        ``billed=False``); every other exception leaves it unknown, and unknown counts as billed.
        """
        ...


@runtime_checkable
class PlacedEngine(Engine, Protocol):
    """An engine that works on a server or over a network, and can be told where."""

    def settle(self, place: Place) -> None:
        """Work at ``place`` from now on; nothing is opened yet. Raises StudioError."""
        ...


@runtime_checkable
class LockedEngine(Engine, Protocol):
    """An engine that can say beforehand what would make a request, for who made it once before."""

    def lock(self, request: Request) -> dict[str, Any]:
        """What decides the pixels of ``request`` beside it, as it is now; no pixel is made.

        ``model_sha256``, ``weights`` (a list of ``{"name", "sha256"}`` of every other file),
        ``versions`` (program to version) and whatever else ``Image.settings`` has of the kind,
        under the same names. What is not known is None or absent. Raises StudioError as ``plan``.
        """
        ...


def installed_engines() -> Sequence[str]:
    """Names of the engines that entry points declare, sorted; none is imported."""
    return sorted({entry.name for entry in plug_ins.declared(ENTRY_POINT_GROUP)})


def load_engine(name: str, place: Place | None = None) -> Engine:
    """The engine called ``name``, settled at ``place`` where it works at one.

    Raises StudioError (``engine_unknown``, ``engine_unavailable``; ``engine_cannot`` for an
    engine that has no server and was given one).
    """
    found = [entry for entry in plug_ins.declared(ENTRY_POINT_GROUP) if entry.name == name]
    if not found:
        known = ", ".join(installed_engines()) or "none"
        raise StudioError(
            ENGINE_UNKNOWN,
            f"There is no engine called {name!r}; nothing was made.",
            hint=f"Installed engines: {known}. Choose one with --engine.",
            engine=name,
            installed=list(installed_engines()),
        )
    try:
        engine_class = found[0].load()
    except ImportError as error:
        raise StudioError(
            ENGINE_UNAVAILABLE,
            f"The engine {name!r} is declared but its module does not load: {error}.",
            hint="Install what it needs, or run 'ategnatos doctor' to see every engine's state.",
            engine=name,
        ) from error
    engine: Engine = engine_class()
    if place is None:
        return engine
    if isinstance(engine, PlacedEngine):
        engine.settle(place)
    elif place.server is not None or place.timeout is not None or place.preview is not None:
        raise StudioError(
            ENGINE_CANNOT,
            f"The engine {name!r} works by itself: it has no server, no time limit and no "
            "preview. Nothing was made.",
            hint="Leave out --server, --timeout and --preview, or choose another --engine.",
            engine=name,
        )
    return engine
