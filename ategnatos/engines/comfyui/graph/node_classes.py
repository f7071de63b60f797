"""What a server's ``/object_info`` says of its node classes, as types.

Read lazily: the answer of a server is 500 kB and a graph uses ten classes of it. Two forms of a
choice are in use: ``[["a", "b"], {...}]`` and ``["COMBO", {"options": ["a", "b"]}]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

# Kinds of input that the editor shows as a field to fill in; any other kind is a socket.
WIDGET_KINDS = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
# Kinds that newer editors draw a field for; the server takes their value as it is.
_DRAWN_KINDS = frozenset({"COLOR", "CURVE", "RANGE", "BOUNDING_BOX"})
# A choice that brings inputs of its own, named ``choice.inner``.
DYNAMIC_CHOICE = "COMFY_DYNAMICCOMBO_V3"
ANY = "*"
_UPLOADS = ("image_upload", "video_upload", "audio_upload", "file_upload")
MODEL_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a class. ``kind`` is its type as the server names it, ``COMBO`` for a choice.

    ``options`` are the choices where the server lists them. ``checked`` says whether the server
    compares a value with them: the older form is checked by every version, the newer one
    (``"COMBO"``) is not in 0.3.64.
    """

    name: str
    kind: str
    required: bool
    settings: Mapping[str, Any]
    options: tuple[Any, ...] | None = None
    checked: bool = False

    @property
    def is_widget(self) -> bool:
        """Whether a value may be written into it (else it takes a link only)."""
        if self.settings.get("forceInput"):
            return False
        drawn = (
            self.kind in _DRAWN_KINDS
            or self.kind == DYNAMIC_CHOICE
            or bool(self.settings.get("widgetType"))
        )
        return drawn or self.kind in WIDGET_KINDS

    @property
    def is_seed(self) -> bool:
        """Whether the editor puts a "control after generate" field behind it."""
        if self.settings.get("control_after_generate") is not None:
            return bool(self.settings["control_after_generate"])
        return self.kind == "INT" and self.name in {"seed", "noise_seed"}

    @property
    def is_upload(self) -> bool:
        """Whether it names a file in the server's input folder."""
        return any(self.settings.get(mark) for mark in _UPLOADS)

    @property
    def is_model(self) -> bool:
        """Whether its choices are model files on the server."""
        if self.is_upload or self.kind != "COMBO":
            return False
        if any(str(one).lower().endswith(MODEL_SUFFIXES) for one in self.options or ()):
            return True
        # A folder without a file gives an empty list; then only the name can tell.
        return not self.options and (
            self.name.endswith(("_name", "_name1", "_name2", "_name3", "_name4", "_model"))
            or self.name in {"lora", "model_file", "name"}
        )

    def inside(self, choice: Any) -> dict[str, Input]:
        """The inputs that ``choice`` brings, by full name; of a dynamic choice only."""
        if self.kind != DYNAMIC_CHOICE:
            return {}
        options = self.settings.get("options")
        for option in options if isinstance(options, list) else ():
            if isinstance(option, Mapping) and option.get("key") == choice:
                raw = NodeClass("", {"input": option.get("inputs") or {}})
                return {
                    f"{self.name}.{name}": replace(spec, name=f"{self.name}.{name}")
                    for name, spec in raw.inputs.items()
                }
        return {}

    @property
    def default(self) -> Any:
        """The value the editor starts with, or None."""
        if "default" in self.settings:
            return self.settings["default"]
        if self.kind == "COMBO" and self.options:
            return self.options[0]
        return {"INT": 0, "FLOAT": 0.0, "STRING": "", "BOOLEAN": False}.get(self.kind)


class NodeClass:
    """One class of nodes: its inputs in order, and the types of its outputs."""

    def __init__(self, name: str, raw: Mapping[str, Any]) -> None:
        self.name = name
        self._raw = raw
        self.outputs: tuple[Any, ...] = tuple(raw.get("output") or ())
        self.output_names: tuple[str, ...] = tuple(
            str(one) for one in raw.get("output_name") or raw.get("output") or ()
        )
        self.is_output = bool(raw.get("output_node"))
        self.is_paid = bool(raw.get("api_node"))
        self.module = str(raw.get("python_module") or "")
        self.title = str(raw.get("display_name") or name)

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """Required and optional inputs by name, in the order of the editor."""
        groups = self._raw.get("input") or {}
        order = self._raw.get("input_order") or {}
        found: dict[str, Input] = {}
        for group in ("required", "optional"):
            entries = groups.get(group) or {}
            names = [name for name in order.get(group) or () if name in entries]
            for name in [*names, *(one for one in entries if one not in names)]:
                found[name] = _input(name, entries[name], required=group == "required")
        return found

    @property
    def has_dynamic_inputs(self) -> bool:
        """Whether some inputs come and go with the values of others (``COMFY_..._V3``)."""
        return any(one.kind.startswith("COMFY_") for one in self.inputs.values())


class Catalogue(Mapping[str, NodeClass]):
    """Every class of one server. ``raw`` is the JSON answer of ``GET /object_info``."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self._read: dict[str, NodeClass] = {}

    def __getitem__(self, name: str) -> NodeClass:
        if name not in self._read:
            self._read[name] = NodeClass(name, self.raw[name])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __contains__(self, name: object) -> bool:
        return name in self.raw


def catalogue(object_info: Mapping[str, Any]) -> Catalogue:
    """``object_info`` as a :class:`Catalogue`; one is handed back as it is."""
    return object_info if isinstance(object_info, Catalogue) else Catalogue(object_info)


def types_fit(given: Any, wanted: Any) -> bool:
    """Whether an output of type ``given`` may be linked to an input of type ``wanted``.

    As the server judges: equal, or comma-separated lists with a member in common; ``*`` fits all.
    What a newer server works out itself (``COMFY_MATCHTYPE_V3`` and its like) is left to it.
    """
    if given == wanted or ANY in (given, wanted):
        return True
    if any(isinstance(one, str) and one.startswith("COMFY_") for one in (given, wanted)):
        return True
    if not isinstance(given, str) or not isinstance(wanted, str):
        return False
    ours = {part.strip() for part in given.split(",")}
    theirs = {part.strip() for part in wanted.split(",")}
    return ANY in ours or ANY in theirs or bool(ours & theirs)


def _input(name: str, entry: Any, *, required: bool) -> Input:
    kind = entry[0] if isinstance(entry, list | tuple) and entry else entry
    settings = entry[1] if isinstance(entry, list | tuple) and len(entry) > 1 else {}
    settings = settings if isinstance(settings, dict) else {}
    if isinstance(kind, list | tuple):
        return Input(name, "COMBO", required, settings, tuple(kind), checked=True)
    if kind == "COMBO":
        options = settings.get("options")
        if isinstance(options, list) and not settings.get("remote"):
            return Input(name, "COMBO", required, settings, tuple(options))
        return Input(name, "COMBO", required, settings)
    return Input(name, str(kind), required, settings)
