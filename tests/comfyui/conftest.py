"""Servers for the tests of the ComfyUI engine, and a client that loses patience quickly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest

from ategnatos.engines.comfyui.address import Address, parse_address
from ategnatos.engines.comfyui.client import Client
from ategnatos.engines.comfyui.patience import Patience
from tests.comfyui.fake import OLD, FakeComfyUI
from tests.comfyui.fake_http import application
from tests.comfyui.wire import Loopback
from tests.waiting import LONG_SECONDS, wait_until

__all__ = ["wait_until"]

QUICK = Patience(
    watch=0.25,
    nearby=0.05,
    heal=20.0,
    gone=30.0,
    frozen=30.0,
    confirm=0.05,
    goodbye=20.0,
    answer=20.0,
    retry=0.05,
)
"""Looks often and gives up late: a busy machine is no fault of the server."""
LISTENING = replace(QUICK, watch=20.0)
"""For what only the socket tells: HTTP knows the end before a slow thread has heard it all."""
HASTY = replace(QUICK, gone=0.8, frozen=0.8, answer=0.4, goodbye=0.8)
"""Gives up soon, for servers that are gone for good."""
DEADLINE = LONG_SECONDS
"""Seconds that any test of a fault may take: whoever hangs, fails here."""

T = TypeVar("T")


@dataclass
class Server:
    """A fake behind a wire. ``do`` runs a coroutine or function in the server's thread."""

    fake: FakeComfyUI
    loopback: Loopback
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def address(self) -> Address:
        return parse_address(self.loopback.url)

    def do(self, work: Callable[[], Any]) -> Any:
        async def wrapped() -> Any:
            made = work()
            return await made if asyncio.iscoroutine(made) else made

        return self.loopback.do(wrapped())

    def later(self, act: Callable[[], object]) -> None:
        """Do ``act`` in a thread of its own, which the end of the test waits for."""
        thread = threading.Thread(target=act)
        self.threads.append(thread)
        thread.start()

    def hold(self, tick: int) -> None:
        """Let ProbeSleep stay at ``tick`` until :meth:`go_on` or an interrupt."""
        self.fake.held_at = tick

    def go_on(self) -> None:
        """Let what is held go on."""
        self.do(lambda: self.fake.release.set())

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return self.fake.running is None and not self.fake.pending

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
            server = Server(fake, stack.enter_context(Loopback(application(fake))))
            stack.callback(lambda: [thread.join(DEADLINE) for thread in server.threads])
            return server

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
