"""What the page costs: first page, gallery, review, events. ``python benchmarks/web.py``

A studio with 20,000 distinct pictures of 1024 pixels is written straight into its database and
folders (5 GB, in the system's temporary folder); everything measured goes through the running
page, as a browser sees it. The floor of the same run is the page's smallest file. ``--quick`` takes
2,000 pictures.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

CLIENTS, EVENTS = 50, 200


def timed(client: httpx.Client, path: str, times: int = 9) -> tuple[float, int]:
    """Milliseconds (median) and bytes of one address, after one request to warm it."""
    client.get(path).raise_for_status()
    took = []
    size = 0
    for _ in range(times):
        started = time.perf_counter()
        answer = client.get(path)
        took.append((time.perf_counter() - started) * 1000)
        size = len(answer.content)
    return statistics.median(took), size


def heard(address: str, cookie: dict[str, str], ready: threading.Barrier, found: list[int]) -> None:
    """Count the events of one listener until the last one came."""
    got = 0
    with (
        httpx.Client(cookies=cookie, timeout=120) as client,
        client.stream("GET", f"{address}/events") as stream,
    ):
        for line in stream.iter_lines():
            if line.startswith("event: beat") and not got and ready.n_waiting >= 0:
                with contextlib.suppress(threading.BrokenBarrierError):
                    if not getattr(threading.current_thread(), "told", False):
                        threading.current_thread().told = True  # type: ignore[attr-defined]
                        ready.wait()
            if line.startswith("data:") and "bench.tick" in line:
                got += 1
                if got == EVENTS:
                    break
    found.append(got)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    count = 2_000 if parser.parse_args().quick else 20_000
    from benchmarks.web_studio import studio
    from tests.web.serving import served

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variable, place in (("CONFIG", "config"), ("STATE", "state"), ("CACHE", "cache")):
            os.environ[f"XDG_{variable}_HOME"] = str(folder / place)
        project = studio(folder, count)
        with served(project) as page, httpx.Client(base_url=page.address, timeout=120) as client:
            client.get(page.link.removeprefix(page.address))
            floor, _ = timed(client, "/static/icon.svg")
            print(f"{count:,} pictures; floor (a static file): {floor:.2f} ms")
            for title, path in (
                ("today", "/"),
                ("gallery", "/gallery"),
                ("gallery, a window of 200", "/api/v1/pictures?limit=200"),
                ("gallery, the last window", f"/api/v1/pictures?limit=200&offset={count - 200}"),
                ("gallery, two words", "/api/v1/pictures?limit=200&words=thing+17"),
                ("review, the whole line", "/review/line"),
                ("review, fifty of them", fifty(client)),
                ("job", "/job/j7"),
                ("money", "/money"),
                ("metrics", "/metrics"),
            ):
                took, size = timed(client, path)
                ratio, kib = took / floor, size / 1024
                print(f"{title:<26} {took:8.1f} ms  {ratio:7.1f} x floor  {kib:8.1f} KiB")
            assets = ("page.css", "htmx.min.js", "live.js", "icon.svg")
            own = sum(len(client.get(f"/static/{one}").content) for one in assets)
            first = len(client.get("/").content) + own
            print(f"first page with its files, without pictures: {first / 1024:.0f} KiB")
            listeners(project, page.address, dict(client.cookies))
            in_a_browser(page, count)


def fifty(client: httpx.Client) -> str:
    """The address by which a review asks for the first fifty."""
    names = client.get("/review/line").json()["names"][:50]
    return "/review/pictures?" + "&".join(f"name={one.replace('#', '%23')}" for one in names)


def listeners(project: object, address: str, cookie: dict[str, str]) -> None:
    """50 clients, 200 events of another process's kind: how many were missed."""
    from ategnatos.grimoire import journal

    ready, found = threading.Barrier(CLIENTS + 1), list[int]()
    threads = [
        threading.Thread(target=heard, args=(address, cookie, ready, found), daemon=True)
        for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    started = time.perf_counter()
    for number in range(EVENTS):
        journal.append(
            project,  # type: ignore[arg-type]
            "bench.tick",
            actor="bench",
            data={"number": number},
            now=datetime.now(UTC),
        )
    for thread in threads:
        thread.join(120)
    took = time.perf_counter() - started
    missed = CLIENTS * EVENTS - sum(found)
    print(f"{CLIENTS} listeners, {EVENTS} events: {missed} missed, all heard in {took:.2f} s")


def in_a_browser(page: object, count: int) -> None:
    """What a person feels, in Chromium: opening a review, deciding, scrolling the gallery."""
    import shutil

    from playwright.sync_api import sync_playwright

    from tests.web.serving import Served

    assert isinstance(page, Served)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no Chromium: decisions and frames were not measured")
        return
    address, page.seen = page.address, ""
    httpx.post(f"{address}/knock", headers={"Origin": address}, timeout=30).raise_for_status()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1280, "height": 800})
        window.set_default_timeout(120_000)
        window.goto(page.link)
        decisions(window, page.address, count)
        frames(window, page.address, count)
        browser.close()


def decisions(window: Any, address: str, count: int) -> None:
    """Opening the review until a picture stands there; from a key to the next picture."""
    opened = []
    for _ in range(3):
        window.goto(f"{address}/review")
        window.wait_for_selector('#desk[data-ready*="#"]', timeout=120_000)
        opened.append(window.evaluate("performance.now()"))
    print(f"review opened, {count:,} waiting: {statistics.median(opened):.0f} ms to the picture")
    for pause, said in ((250, "four a second"), (0, "as fast as keys can be pressed")):
        took = decided(window, pause)
        print(f"decision to the next picture, 100 in a row, {said}: {spread(took)}")


def decided(window: Any, pause: int) -> list[float]:
    """Milliseconds from a key to the next picture on the screen, a hundred times."""
    took = []
    for _ in range(100):
        window.wait_for_selector('#desk[data-ready*="#"]')
        window.wait_for_timeout(pause)
        before = window.get_attribute("#desk", "data-ready")
        window.evaluate("() => delete document.getElementById('desk').dataset.last")
        window.keyboard.press("a")
        window.wait_for_selector("#desk[data-last]", state="attached")
        assert window.get_attribute("#desk", "data-ready") != before
        took.append(float(window.get_attribute("#desk", "data-last") or 0))
    return took


def frames(window: Any, address: str, count: int) -> None:
    """Frames of the scrolled gallery, against those of a page on which nothing moves."""
    window.goto(f"{address}/settings")
    window.wait_for_timeout(1500)
    idle = window.evaluate(SCROLL, 0)
    print(f"frames of a page at rest: {spread(idle)}")
    for speed, said in ((80, "as by a wheel"), (240, "flung")):
        for turn in ("small pictures not drawn yet", "again"):
            window.goto(f"{address}/gallery")
            window.wait_for_selector(".cell img[src]")
            with working(window) as work:
                found = window.evaluate(SCROLL, speed)
            print(
                f"gallery of {count:,}, {said} ({speed} px a frame), {turn}: {spread(found)};"
                f" the page's own thread works {work[0] * 1000 / len(found):.1f} ms a frame"
            )


@contextlib.contextmanager
def working(window: Any) -> Iterator[list[float]]:
    """Processor seconds of the page's main thread in the block: a busy machine does not change
    them as it changes frames.
    """
    client = window.context.new_cdp_session(window)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds() -> float:
        told = client.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in told if one["name"] == "TaskDuration"))

    began, work = seconds(), [0.0]
    yield work
    work[0] = seconds() - began
    client.detach()


# 300 frames, each of which moves by so many pixels; how long each took, in ms.
SCROLL = """speed => new Promise(done => {
  const grid = document.getElementById('grid') || document.body, took = [];
  let last = performance.now(), turns = 0;
  const step = now => {
    took.push(now - last); last = now; grid.scrollTop += speed;
    ++turns < 300 ? requestAnimationFrame(step) : done(took.slice(5));
  };
  requestAnimationFrame(step);
})"""


def spread(took: list[float]) -> str:
    """Median, 95th percentile and worst, in ms."""
    found = sorted(took)
    median, late = found[len(found) // 2], found[int(len(found) * 0.95)]
    return f"median {median:.1f} ms, p95 {late:.1f} ms, worst {found[-1]:.1f} ms"


if __name__ == "__main__":
    main()
