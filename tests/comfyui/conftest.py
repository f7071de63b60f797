"""Servers for the tests of the ComfyUI engine, and a client that loses patience quickly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from ategnatos.engines.comfyui.address import Address, parse_address
from ategnatos.engines.comfyui.client import Client
from ategnatos.engines.comfyui.patience import Patience
from tests.comfyui.fake import OLD, FakeComfyUI
from tests.comfyui.fake_http import application
from tests.comfyui.wire import Loopback

QUICK = Patience(
    watch=0.25,
    nearby=0.05,
    heal=0.6,
    gone=1.0,
    frozen=1.2,
    confirm=0.05,
    goodbye=3.0,
    answer=0.8,
    retry=0.05,
)
DEADLINE = 20.0
"""Seconds that any test of a fault may take: whoever hangs, fails here."""

T = TypeVar("T")


@dataclass
class Server:
    """A fake behind a wire. ``do`` runs a coroutine or function in the server's thread."""

    fake: FakeComfyUI
    loopback: Loopback

    @property
    def address(self) -> Address:
        return parse_address(self.loopback.url)

    def do(self, work: Callable[[], Any]) -> Any:
        async def wrapped() -> Any:
            made = work()
            return await made if asyncio.iscoroutine(made) else made

        return self.loopback.do(wrapped())

    @property
    def wire(self) -> Any:
        return self.loopback.wire


Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(line=..., step_seconds=...)``: a fake server of its own for this test."""
    with ExitStack() as stack:

        def make(line: str = OLD, **options: Any) -> Server:
            fake = FakeComfyUI(line, **options)
            return Server(fake, stack.enter_context(Loopback(application(fake))))

        yield make


@pytest.fixture
def server(start: Start) -> Server:
    return start()


def within(work: Awaitable[T], seconds: float = DEADLINE) -> T:
    """Run a coroutine to its end, which it must reach in ``seconds``."""

    async def limited() -> T:
        async with asyncio.timeout(seconds):
            return await work

    return asyncio.run(limited())


def wait_until(true: Callable[[], bool], seconds: float = DEADLINE) -> None:
    """Wait for what another thread brings about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"still not so after {seconds:g} s"
        time.sleep(0.01)


def client_of(server: Server, **changes: Any) -> Client:
    return Client(server.address, **{"patience": QUICK, **changes})


def trivial(colour: int = 1, prefix: str = "trivial", side: int = 64) -> dict[str, Any]:
    """EmptyImage -> SaveImage."""
    size = {"width": side, "height": side, "batch_size": 1}
    return {
        "1": {"class_type": "EmptyImage", "inputs": {**size, "color": colour}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }


def with_node(class_type: str, **inputs: Any) -> dict[str, Any]:
    """EmptyImage -> a probe node -> SaveImage."""
    graph = trivial()
    graph["3"] = {"class_type": class_type, "inputs": {"image": ["1", 0], "tag": 0, **inputs}}
    graph["2"]["inputs"]["images"] = ["3", 0]
    return graph


def sampled(seed: int = 1, steps: int = 3, prompt: str = "a lighthouse") -> dict[str, Any]:
    """The usual text-to-image graph, as SD 1.5 workflows are exported."""
    return {
        "4": {
            "class_type": "CheckpointLoaderSimple",
            "inputs": {"ckpt_name": "random-mini.safetensors"},
        },
        "5": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1},
        },
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": prompt, "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": seed,
                "steps": steps,
                "cfg": 7.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "t2i"}},
    }
