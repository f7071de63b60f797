"""Which package a ComfyUI node class belongs to, and how it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ategnatos.knowledge import loader


@dataclass(frozen=True, slots=True)
class Package:
    """A package of nodes. ``install`` is the command; ``note`` what it needs beside it."""

    name: str
    title: str
    install: str
    url: str
    note: str = ""


def package_of(class_type: str) -> Package | None:
    """The package that has the node class, if it is known here."""
    return _by_class().get(class_type)


@cache
def packages() -> tuple[tuple[Package, tuple[str, ...]], ...]:
    """Every package with its node classes, as the data file has them."""
    return tuple(
        (
            Package(
                one["name"],
                one["title"],
                one.get("install") or f"comfy node install {one['name']}",
                one["source"],
                one.get("note", ""),
            ),
            tuple(one["classes"]),
        )
        for one in loader.read("node_packages").content["packages"]
    )


@cache
def editor_only() -> frozenset[str]:
    """Node types of packages that exist in the editor alone; a server has no class for them."""
    return frozenset(loader.read("node_packages").content["editor_only"])


@cache
def _by_class() -> Mapping[str, Package]:
    return {name: package for package, classes in packages() for name in classes}
