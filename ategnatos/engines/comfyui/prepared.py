"""A request that leaves nothing open, with the graphs that carry it out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ategnatos.engines import ENGINE_CANNOT, Request
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.following import Graph

# Stands in a graph until the picture is uploaded and the server has said what it calls it.
INIT, MASK = "ategnatos-init.png", "ategnatos-mask.png"
CONTROL = "ategnatos-control.png"
_FOLDER = "ategnatos"


@dataclass(slots=True)
class Prepared:
    """An exact request and the graph of each of its seeds (``graph(seed)``).

    ``min_comfyui`` is the version that the graph needs, None where nobody said. ``main_model``
    is the file that the pictures come from, empty where the workflow names none.
    """

    exact: Request
    graph: Callable[[int], Graph]
    min_comfyui: str | None = None
    main_model: str = ""
    warnings: list[str] = field(default_factory=list)

    def graphs(self) -> list[Graph]:
        """The graphs in the order of their seeds."""
        return [self.graph(self.exact.seed + index) for index in range(self.exact.count)]


def cannot(error: StudioError) -> StudioError:
    """``error`` as what every engine says of what it cannot do (``engine_cannot``)."""
    if error.code is ENGINE_CANNOT:
        return error
    return StudioError(
        ENGINE_CANNOT, error.message, hint=error.hint, cause=error.code.code, **error.details
    )


def size_of(data: bytes, what: str) -> tuple[int, int]:
    """Width and height of a picture, ``what`` in words. Raises StudioError (``engine_cannot``)."""
    from ategnatos.pictures.decode import decode_picture

    try:
        return decode_picture(data, name=f"The {what}").image.size
    except StudioError as error:
        raise cannot(error) from error


def prefix(graph: Graph) -> str:
    """A folder of its own for each graph: a folder with many files slows every save."""
    return f"{_FOLDER}/{digest(graph)[:12]}/picture"


def digest(graph: Graph) -> str:
    """What tells graphs apart, whatever their seeds and the names of their files."""
    bare = {
        node: {
            "class_type": spec.get("class_type"),
            "inputs": {
                key: value
                for key, value in (spec.get("inputs") or {}).items()
                if key not in ("filename_prefix", "seed", "noise_seed")
            },
        }
        for node, spec in graph.items()
    }
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()
