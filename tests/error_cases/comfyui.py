"""One real refusal for every error code of the ComfyUI engine, against the stateful fake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ategnatos.engines.comfyui.address import parse_address
from ategnatos.engines.comfyui.client import Client
from ategnatos.engines.comfyui.events import Event
from ategnatos.engines.comfyui.settings import apply_settings
from ategnatos.engines.comfyui.workflow_file import read_workflow
from tests.comfyui.conftest import DEADLINE, HASTY, QUICK, trivial, with_node
from tests.comfyui.fake import FakeComfyUI
from tests.comfyui.fake_http import application
from tests.comfyui.wire import Loopback


def ran(graph: dict[str, Any], prepare: Callable[[FakeComfyUI], None] = lambda fake: None) -> None:
    """Run ``graph`` on a fake that ``prepare`` made misbehave."""
    _served(lambda client: client.run(graph), prepare)


def _served(work: Callable[[Client], Any], prepare: Callable[[FakeComfyUI], None]) -> None:
    fake = FakeComfyUI()
    prepare(fake)

    async def use() -> None:
        address = parse_address(server.url)
        async with asyncio.timeout(DEADLINE), Client(address, patience=QUICK) as client:
            await work(client)

    with Loopback(application(fake)) as server:
        asyncio.run(use())


def unreachable(folder: Path) -> None:
    asyncio.run(_nobody())


async def _nobody() -> None:
    async with Client(parse_address("127.0.0.1:9"), patience=QUICK) as client:
        await client.system()


def answering(path: str, status: int, body: bytes) -> Callable[[FakeComfyUI], None]:
    def prepare(fake: FakeComfyUI) -> None:
        fake.answers[path] = (status, body)

    return prepare


def not_comfyui(folder: Path) -> None:
    _served(lambda client: client.system(), answering("/system_stats", 200, b"<html>"))


def sign_in(folder: Path) -> None:
    ran(trivial(), answering("/prompt", 401, b""))


def rejected(folder: Path) -> None:
    graph = trivial()
    del graph["1"]["inputs"]["width"]
    ran(graph)


def partial(folder: Path) -> None:
    graph = trivial() | {"4": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}}
    ran(graph)


def failed(folder: Path) -> None:
    ran(with_node("ProbeRaise", kind="value"))


def out_of_memory(folder: Path) -> None:
    ran(with_node("ProbeRaise", kind="oom"))


def nothing_made(folder: Path) -> None:
    ran(with_node("ProbeRaise", kind="block_silent"))


def interrupted(folder: Path) -> None:
    fakes: list[FakeComfyUI] = []
    graph = with_node("ProbeSleep", seconds=0.4, ticks=4)

    def prepare(fake: FakeComfyUI) -> None:
        fake.held_at = 1
        fakes.append(fake)

    def listen(event: Event) -> None:
        fakes[0].interrupting |= event.what == "step"

    _served(lambda client: client.run(graph, on_event=listen), prepare)


def lost(folder: Path) -> None:
    fakes: list[FakeComfyUI] = []

    def prepare(fake: FakeComfyUI) -> None:
        fake.paused = True
        fakes.append(fake)

    _served(
        lambda client: client.run(trivial(), on_event=lambda event: fakes[0].pending.clear()),
        prepare,
    )


def silent(folder: Path) -> None:
    fake = FakeComfyUI()
    fake.paused = True

    async def use() -> None:
        async with Client(parse_address(server.url), patience=HASTY) as client:
            await client.run(trivial(), on_event=lambda event: setattr(server.wire, "silent", True))

    with Loopback(application(fake)) as server:
        asyncio.run(use())


def timed_out(folder: Path) -> None:
    _served(
        lambda client: client.run(trivial(), timeout=0.3),
        lambda fake: setattr(fake, "paused", True),
    )


def output_gone(folder: Path) -> None:
    ran(trivial(), answering("/view", 404, b""))


def output_broken(folder: Path) -> None:
    ran(trivial(), answering("/view", 200, b"<html>"))


def upload(folder: Path) -> None:
    _served(
        lambda client: client.upload(b"x", "x.png"), answering("/upload/image", 413, b"too big")
    )


def workflow_form(folder: Path) -> None:
    (folder / "x.json").write_text("[1, 2]")
    read_workflow(folder / "x.json")


def setting(folder: Path) -> None:
    apply_settings(trivial(), ["7.width=4"])


def remote(folder: Path) -> None:
    parse_address("203.0.113.5:8188")


CASES: dict[str, Callable[[Path], None]] = {
    "comfyui_unreachable": unreachable,
    "comfyui_not_comfyui": not_comfyui,
    "comfyui_sign_in": sign_in,
    "comfyui_rejected": rejected,
    "comfyui_partial": partial,
    "comfyui_failed": failed,
    "comfyui_out_of_memory": out_of_memory,
    "comfyui_nothing_made": nothing_made,
    "comfyui_interrupted": interrupted,
    "comfyui_lost": lost,
    "comfyui_silent": silent,
    "comfyui_timeout": timed_out,
    "comfyui_output_gone": output_gone,
    "comfyui_output_broken": output_broken,
    "comfyui_upload": upload,
    "comfyui_workflow_form": workflow_form,
    "comfyui_setting": setting,
    "comfyui_remote": remote,
}
