"""A server's node list is fetched whole once, and kept right by cheap questions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ategnatos.engines.comfyui.graph.kept import Kept, Server, current


class Loopback:
    """A server in memory that counts what it is asked."""

    def __init__(self) -> None:
        self.version = "0.3.64"
        self.classes: dict[str, Any] = {"A": {"input": {}}, "B": {"input": {}}}
        self.wholes = 0
        self.ones = 0

    def server(self) -> Server:
        async def version() -> str:
            return self.version

        async def one(name: str) -> Any:
            self.ones += 1
            return self.classes.get(name)

        async def whole() -> dict[str, Any]:
            self.wholes += 1
            return dict(self.classes)

        return Server("http://127.0.0.1:8188", version, one, whole)

    def ask(self, folder: Path, *wanted: str) -> Kept:
        return asyncio.run(current(self.server(), folder, wanted))


def test_the_whole_list_is_fetched_once(tmp_path: Path) -> None:
    server = Loopback()
    assert server.ask(tmp_path, "A").fetched_whole
    assert not server.ask(tmp_path, "A").fetched_whole
    assert (server.wholes, server.ones) == (1, 1)


def test_a_new_model_file_is_seen_without_fetching_the_whole(tmp_path: Path) -> None:
    server = Loopback()
    server.ask(tmp_path, "A")
    server.classes["A"] = {"input": {"required": {"name": [["new.safetensors"], {}]}}}
    kept = server.ask(tmp_path, "A")
    assert not kept.fetched_whole
    assert kept.classes["A"].inputs["name"].options == ("new.safetensors",)
    assert server.ask(tmp_path).classes["A"].inputs["name"].options == ("new.safetensors",)


def test_a_class_that_came_or_went_fetches_the_whole(tmp_path: Path) -> None:
    server = Loopback()
    server.ask(tmp_path, "A")
    server.classes["C"] = {"input": {}}
    grown = server.ask(tmp_path, "C")
    assert (grown.fetched_whole, grown.count) == (True, 3)
    del server.classes["A"]
    shrunk = server.ask(tmp_path, "A")
    assert (shrunk.fetched_whole, shrunk.count) == (True, 2)


def test_a_class_that_no_server_has_is_asked_for_and_no_more(tmp_path: Path) -> None:
    server = Loopback()
    server.ask(tmp_path, "Nothing")
    server.ask(tmp_path, "Nothing")
    assert server.wholes == 1


def test_another_version_and_a_damaged_file_fetch_the_whole(tmp_path: Path) -> None:
    server = Loopback()
    server.ask(tmp_path, "A")
    server.version = "0.38.1"
    assert server.ask(tmp_path, "A").version == "0.38.1"
    assert server.wholes == 2
    (kept,) = tmp_path.glob("*.json")
    kept.write_text("{")
    assert server.ask(tmp_path, "A").fetched_whole
