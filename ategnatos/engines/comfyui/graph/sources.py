"""Where what is missing comes from: the package of a node class, the address of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ategnatos.engines.comfyui.graph.findings import Finding

if TYPE_CHECKING:
    from ategnatos.knowledge import families


def say_where_from(
    found: list[Finding], models: Mapping[str, families.ModelFile] | None = None
) -> list[Finding]:
    """``found`` with packages, addresses and install commands filled in where they are known.

    ``models`` are files that a workflow itself says the origin of, by name; they come first.
    """
    return [_completed(one, models or {}) for one in found]


def _completed(one: Finding, models: Mapping[str, families.ModelFile]) -> Finding:
    if one.code == "class_missing":
        return _class(one)
    if one.code == "model_missing":
        return _model(one, models)
    return one


def _class(one: Finding) -> Finding:
    from ategnatos.knowledge import node_packages

    package = node_packages.package_of(str(one.given))
    if package is None:
        return replace(
            one,
            message=f"{one.message} No package known here has it."
            + (f" Did you mean {one.nearest}?" if one.nearest else ""),
            mend=f"Search it: comfy node show all, or https://registry.comfy.org/?search={one.given}",
        )
    return replace(
        one,
        message=f"{one.message} It belongs to {package.title}.",
        mend=package.install,
    )


def _model(one: Finding, models: Mapping[str, families.ModelFile]) -> Finding:
    from ategnatos.knowledge import families

    name = str(one.given).replace("\\", "/").rsplit("/", 1)[-1]
    file = models.get(name) or families.file_named(name)
    if file is None:
        return replace(
            one,
            mend=f"Put {name} into the server's models folder, or choose {one.nearest!r}."
            if one.nearest
            else f"Put {name} into the server's models folder.",
        )
    told = "comes from" if file.confirmed else "should come from (not confirmed)"
    return replace(
        one,
        message=f"{one.message} It belongs into models/{file.folder}/ and {told} {file.url}",
        mend=f"ategnatos studio models download {file.url} --folder {file.folder}",
    )
