"""What the page costs: first page, gallery, review, events. ``python benchmarks/web.py``

A studio with 20,000 pictures is written straight into its database (their files are one picture,
linked); everything measured goes through the running page, as a browser sees it. The floor of
the same run is the page's smallest file. ``--quick`` takes 2,000 pictures.
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
from datetime import UTC, datetime
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

CLIENTS, EVENTS = 50, 200


def studio(folder: Path, count: int) -> object:
    """A studio with ``count`` pictures in jobs of four."""
    from dataclasses import asdict

    from ategnatos.grimoire.jobs import database, job_words, store
    from ategnatos.grimoire.project import Project
    from tests.guard import keys

    project = Project.create(folder / "studio")
    first = keys.made(project, 4)
    with database.connect(project) as db:
        job = dict(db.execute("SELECT * FROM job WHERE id=1").fetchone())
        rows = [dict(row) for row in db.execute("SELECT * FROM candidate WHERE job=1")]
        with database.writing(db):
            for number in range(2, count // 4 + 1):
                made = {
                    **job,
                    "id": number,
                    "binding": f"{number:016x}",
                    "asked": f"thing {number}",
                }
                marks = ",".join("?" * len(made))
                db.execute(
                    f"INSERT INTO job ({','.join(made)}) VALUES ({marks})", list(made.values())
                )
                for row in rows:
                    mine = {**row, "job": number}
                    marks = ",".join("?" * len(mine))
                    db.execute(
                        f"INSERT INTO candidate ({','.join(mine)}) VALUES ({marks})",
                        list(mine.values()),
                    )
        job_words.catch_up(db)
        assert store.get(db, count // 4).asked == f"thing {count // 4}"
    assert asdict(first[0])
    return project


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
                ("review, what waits", "/review/waiting"),
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
            decisions(page, count)


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


def decisions(page: object, count: int) -> None:
    """From a key to the next picture on the screen, in Chromium; frames of the gallery."""
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
        window.goto(page.link)
        window.goto(f"{page.address}/review")
        window.wait_for_selector(".pane img", timeout=120_000)
        took = []
        for _ in range(40):
            before = window.get_attribute("#desk", "data-shown")
            window.evaluate("() => delete document.getElementById('desk').dataset.last")
            window.keyboard.press("a")
            window.wait_for_selector("#desk[data-last]", state="attached")
            assert window.get_attribute("#desk", "data-shown") != before
            took.append(float(window.get_attribute("#desk", "data-last") or 0))
        took.sort()
        print(
            f"decision to the next picture, {count:,} waiting: median {took[20]:.0f} ms,"
            f" p95 {took[37]:.0f} ms"
        )
        window.goto(f"{page.address}/gallery")
        window.wait_for_selector(".cell img[src]")
        frames = window.evaluate(
            """() => new Promise(done => {
              const grid = document.getElementById('grid'), took = [];
              let last = performance.now(), turns = 0;
              const step = now => {
                took.push(now - last); last = now; grid.scrollTop += 240;
                ++turns < 300 ? requestAnimationFrame(step) : done(took.slice(5));
              };
              requestAnimationFrame(step);
            })"""
        )
        frames.sort()
        print(
            f"gallery scrolled through {count:,}: frames median {frames[len(frames) // 2]:.1f} ms,"
            f" p95 {frames[int(len(frames) * 0.95)]:.1f} ms"
        )
        browser.close()


if __name__ == "__main__":
    main()
