"""What the ComfyUI client costs over a bare loop of httpx and websockets that does the same.

    python benchmarks/comfyui.py [--quick]

A fake ComfyUI without any work of its own runs in a process beside; every figure is a ratio to a
bare loop measured in the same run against the same fake, interleaved, so that a busy machine
slows both. The bare loop opens its socket, posts, waits for the end mark, fetches the file and
writes it; it verifies nothing, survives nothing and follows nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

BARS = {
    "one": 3.0, "engine": 3.0, "fifty": 1.5, "cold": 3.0, "memory": 0.05, "flood": 0.10,
}  # fmt: skip

SERVER = """
import sys, time
sys.path.insert(0, {root!r})
from tests.comfyui.fake import FakeComfyUI
from tests.comfyui.fake_http import application
from tests.comfyui.wire import Loopback
fake = FakeComfyUI()
fake.heavy_progress = {heavy}
with Loopback(application(fake)) as server:
    print(server.direct, flush=True)
    sys.stdin.read()
"""

BARE_COLD = """
import asyncio, json, sys, uuid
import httpx
from websockets.asyncio.client import connect

async def main(port, graph, path):
    client = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as web:
        async with connect(f"ws://127.0.0.1:{port}/ws?clientId={client}", max_size=None) as socket:
            answer = await web.post("/prompt", json={"prompt": graph, "client_id": client})
            prompt_id = answer.json()["prompt_id"]
            while True:
                message = await socket.recv()
                if isinstance(message, bytes):
                    continue
                told = json.loads(message)
                data = told["data"]
                if told["type"] == "executed":
                    image = data["output"]["images"][0]
                if told["type"] == "executing" and data["node"] is None:
                    break
        data = (await web.get("/view", params=image)).content
        open(path, "wb").write(data)

asyncio.run(main(sys.argv[1], json.load(open(sys.argv[2])), sys.argv[3]))
"""


def trivial(colour: int, prefix: str = "bench") -> dict[str, Any]:
    size = {"width": 64, "height": 64, "batch_size": 1}
    return {
        "1": {"class_type": "EmptyImage", "inputs": {**size, "color": colour % 2**24}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }


def chain(length: int, colour: int) -> dict[str, Any]:
    """EmptyImage, ``length`` - 2 times ImageInvert, SaveImage."""
    graph = trivial(colour)
    last = "1"
    for number in range(length - 2):
        name = f"n{number}"
        graph[name] = {"class_type": "ImageInvert", "inputs": {"image": [last, 0]}}
        last = name
    graph["2"]["inputs"]["images"] = [last, 0]
    return graph


@contextmanager
def serving(*, heavy: bool = False) -> Iterator[int]:
    """A fake in a process of its own; gives its port."""
    code = SERVER.format(root=str(ROOT), heavy=heavy)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


class Bare:
    """The floor: one httpx client and one websocket, both kept open."""

    def __init__(self, port: int, folder: Path) -> None:
        import httpx

        self.client_id = str(uuid.uuid4())
        self.port = port
        self.folder = folder
        self.web = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60)
        self.socket: Any = None

    async def open(self) -> None:
        from websockets.asyncio.client import connect

        url = f"ws://127.0.0.1:{self.port}/ws?clientId={self.client_id}"
        self.socket = await connect(url, max_size=None, compression=None, ping_interval=None)

    async def close(self) -> None:
        await self.socket.close()
        await self.web.aclose()

    async def post(self, graph: dict[str, Any]) -> str:
        body = {"prompt": graph, "client_id": self.client_id}
        answer = await self.web.post("/prompt", json=body)
        return str(answer.json()["prompt_id"])

    async def fetch(self, image: dict[str, str]) -> None:
        data = (await self.web.get("/view", params=image)).content
        (self.folder / image["filename"]).write_bytes(data)

    async def run_all(self, graphs: list[dict[str, Any]]) -> None:
        left = set(await asyncio.gather(*(self.post(graph) for graph in graphs)))
        fetches = []
        while left:
            message = await self.socket.recv()
            if isinstance(message, bytes):
                continue
            told = json.loads(message)
            data = told["data"]
            if told["type"] == "executed":
                fetches.append(asyncio.create_task(self.fetch(data["output"]["images"][0])))
            elif told["type"] == "executing" and data["node"] is None:
                left.discard(data["prompt_id"])
        await asyncio.gather(*fetches)


def show(name: str, ours: float, bare: float, unit: str = "ms") -> bool:
    ratio = ours / bare
    good = ratio <= BARS[name]
    print(
        f"  {name:8} ours {ours:8.2f} {unit}   bare {bare:8.2f} {unit}   ratio {ratio:5.2f}"
        f"   bar {BARS[name]:g}   {'ok' if good else 'MISSED'}",
        flush=True,
    )
    return good


def median_ms(times: list[float]) -> float:
    return statistics.median(times) * 1000


async def in_process(port: int, folder: Path, rounds: int, many: int) -> tuple[bool, bool]:
    """Submit to bytes on disk, and many prompts at once."""
    from ategnatos.engines.comfyui.address import parse_address
    from ategnatos.engines.comfyui.client import Client

    bare = Bare(port, folder)
    await bare.open()
    results: dict[str, list[float]] = {"ours": [], "bare": [], "ours50": [], "bare50": []}
    colour = 0
    async with Client(parse_address(f"127.0.0.1:{port}")) as client:
        await client.run(trivial(2**23), folder=folder)
        await bare.run_all([trivial(2**23 + 1)])
        for round_ in range(rounds):
            for who in ("ours", "bare") if round_ % 2 else ("bare", "ours"):
                colour += 1
                start = time.perf_counter()
                if who == "ours":
                    await client.run(trivial(colour), folder=folder)
                else:
                    await bare.run_all([trivial(colour)])
                results[who].append(time.perf_counter() - start)
        for round_ in range(max(3, rounds // 10)):
            for who in ("ours", "bare") if round_ % 2 else ("bare", "ours"):
                graphs = [trivial(colour := colour + 1, f"many{round_}{who}") for _ in range(many)]
                start = time.perf_counter()
                if who == "ours":
                    await client.run_all(graphs, folder=folder)
                else:
                    await bare.run_all(graphs)
                results[f"{who}50"].append(time.perf_counter() - start)
    await bare.close()
    return (
        show("one", median_ms(results["ours"]), median_ms(results["bare"])),
        show("fifty", median_ms(results["ours50"]), median_ms(results["bare50"])),
    )


def engine_call(port: int, folder: Path, rounds: int) -> bool:
    """The whole of Engine.generate, with its own checks, against the bare loop."""
    from ategnatos.engines import Place, Request, load_engine

    engine = load_engine("comfyui", Place(server=f"127.0.0.1:{port}"))
    ours: list[float] = []
    floor: list[float] = []
    runner = asyncio.Runner()
    bare = Bare(port, folder)
    runner.run(bare.open())
    for number in range(rounds + 1):
        request = Request("", 0, workflow=json.dumps(trivial(2**22 + number)))
        start = time.perf_counter()
        (image,) = engine.generate(request).images
        (folder / "engine.png").write_bytes(image.png)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        runner.run(bare.run_all([trivial(2**21 + number)]))
        floor.append(time.perf_counter() - start)
    runner.run(bare.close())
    runner.close()
    return show("engine", median_ms(ours[1:]), median_ms(floor[1:]))


def cold(port: int, folder: Path, rounds: int) -> bool:
    """A whole command to a file, against a whole bare script."""
    studio = folder / "studio"
    program = [sys.executable, "-m", "ategnatos"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state")}
    subprocess.run(
        [*program, "init", str(studio)], env=environment, check=True, capture_output=True
    )
    script = folder / "bare.py"
    script.write_text(BARE_COLD)
    ours, bare = [], []
    for number in range(rounds):
        path = studio / "trivial.json"
        path.write_text(json.dumps(trivial(2**20 + 2 * number)))
        start = time.perf_counter()
        made = subprocess.run(
            [*program, "art", "generate", "--engine", "comfyui", "--workflow", "trivial.json",
             "--server", f"127.0.0.1:{port}", "--count", "1", "--json"],
            cwd=studio, env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        ours.append(time.perf_counter() - start)
        assert Path(json.loads(made.stdout)["data"]["candidates"][0]["path"]).is_file()
        path.write_text(json.dumps(trivial(2**20 + 2 * number + 1)))
        target = folder / "bare.png"
        start = time.perf_counter()
        subprocess.run([sys.executable, str(script), str(port), str(path), str(target)], check=True)
        bare.append(time.perf_counter() - start)
        assert target.stat().st_size
    return show("cold", median_ms(ours), median_ms(bare))


def memory(port: int, rounds: int) -> bool:
    """Resident memory after the first tenth of the runs and at their end."""
    import gc

    import psutil

    from ategnatos.engines.comfyui.address import parse_address
    from ategnatos.engines.comfyui.client import Client

    async def work() -> tuple[float, float]:
        own = psutil.Process()
        async with Client(parse_address(f"127.0.0.1:{port}")) as client:
            early = 0
            for number in range(rounds):
                await client.run(trivial(2**19 + number, f"memory/{number}"))
                if number == rounds // 5:
                    gc.collect()
                    early = own.memory_info().rss
            gc.collect()
            return early / 2**20, own.memory_info().rss / 2**20

    early, late = asyncio.run(work())
    grown = (late - early) / early
    good = grown <= BARS["memory"]
    print(
        f"  memory   {early:.1f} MB after {rounds // 5} runs, {late:.1f} MB after {rounds}:"
        f" {grown:+.1%}   bar {BARS['memory']:.0%}   {'ok' if good else 'MISSED'}",
        flush=True,
    )
    return good


def flood(folder: Path, rounds: int) -> bool:
    """Processor time of the client in a graph of 201 nodes that tells its progress in full.

    The wall time is that of the run, which the fake paces at 2.1 s for 402 messages (8 MB), as
    ComfyUI 0.3.64 took for them.
    """
    from ategnatos.engines.comfyui.address import parse_address
    from ategnatos.engines.comfyui.client import Client

    async def work(port: int) -> list[float]:
        shares = []
        async with Client(parse_address(f"127.0.0.1:{port}")) as client:
            await client.run(trivial(1))
            for number in range(rounds):
                began, used = time.perf_counter(), time.process_time()
                await client.run(chain(201, 2**18 + number))
                used = time.process_time() - used
                shares.append(used / max(2.1, time.perf_counter() - began))
        return shares

    with serving(heavy=True) as port:
        share = statistics.median(asyncio.run(work(port)))
    good = share <= BARS["flood"]
    print(
        f"  flood    {share:.1%} of the wall time   bar {BARS['flood']:.0%}"
        f"   {'ok' if good else 'MISSED'}",
        flush=True,
    )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    print("The ComfyUI client against a bare loop of httpx and websockets (medians):")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving() as port:
            good = list(asyncio.run(in_process(port, folder, 30 if quick else 100, 50)))
            good.append(engine_call(port, folder, 20 if quick else 60))
            good.append(cold(port, folder, 3 if quick else 12))
        with serving() as port:
            good.append(memory(port, 200 if quick else 1000))
        good.append(flood(folder, 1 if quick else 3))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
