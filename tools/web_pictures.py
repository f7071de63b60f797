"""Draw the pictures of the page for README and docs: a seeded studio on the starter engine.

    python tools/web_pictures.py            writes docs/pictures/page-*.png

Needs Chromium (Debian: apt-get install chromium) and the extra ``test``. Everything shown was
made by the commands that a user types; nothing is painted in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

ORDERS = (
    ("a red potion, outlined", "game/potion"),
    ("a blue sword, outlined", "game/sword"),
    ("a green shield, outlined", "game/shield"),
    ("a golden key, outlined", "game/key"),
    ("a purple gem, outlined", "game/gem"),
    ("a red heart, outlined", "game/heart"),
    ("a blue potion, outlined", ""),
    ("a yellow star, outlined", ""),
    ("a green gem, outlined", ""),
)
VARIED = (
    ("game/potion", "v1", "green", "the swamp level needs one"),
    ("game/potion", "v1", "purple", "poison should not look like health"),
    ("game/potion", "v3", "bigger", "too small at 32 pixels"),
)


def command(*words: str, check: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ategnatos", *words], capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def seeded(folder: Path) -> Path:
    """The studio: briefs, orders, variations, verdicts signed by a key, a taste."""
    from ategnatos.grimoire.project import Project
    from tests.guard import keys

    studio = folder / "pixel-quest"
    command("init", str(studio), "-q")
    os.chdir(studio)
    project = Project(studio)
    keys.founded(project)
    for prompt, asset in ORDERS:
        if asset:
            command("art", "brief", "new", asset, "--subject", prompt, "--spec", "sprite")
        wanted = ("--for", asset) if asset else ()
        command("art", "generate", prompt, "-n", "4", "-q", *wanted, check=bool(asset))
    for asset, version, change, because in VARIED:
        command(
            *("art", "vary", f"{asset}/{version}", "--change", change, "--because", because),
            *("-n", "4", "-q"),
            check=False,
        )
    event = judge(project)
    for text, category in (
        ("thick dark outlines", "style"),
        ("saturated colours", "color"),
        ("one thing, centred", "composition"),
    ):
        bears = ("j1#1", "j2#2", "j4#1")
        proofs = [word for one in bears for word in ("--evidence", event[one])]
        command("eye", "add", text, "--category", category, *proofs)
    command("eye", "add", "blurry edges", "--polarity", "never", "--evidence", event["j3#2"])
    command(
        *("art", "request-review", "j5#1", "--note", "is the facet on the left too bright?"),
        check=False,
    )
    command("grimoire", "render")
    return studio


def judge(project: object) -> dict[str, str]:
    """Verdicts as the page records them, with the key's signatures; their events by picture."""
    from ategnatos.grimoire.jobs import database, store
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate import held, trust
    from ategnatos.web import desk
    from tests.guard import keys

    assert isinstance(project, Project)
    yes = {(1, 1), (2, 2), (4, 1)}
    no = {(1, 3): "cut off", (2, 4): "too busy", (3, 2): "too dark", (4, 4): "too plain"}
    with database.connect(project) as db:
        pictures = store.all_candidates(db)
    for one in pictures:
        place = (one.job, one.number)
        if place in yes:
            desk.choose(project, one.reference, one.sha256, "approved", "")
        elif place in no:
            desk.choose(project, one.reference, one.sha256, "rejected", no[place])
    approvers = trust.known(project)
    assert approvers is not None
    key = held.opened(approvers, keys.PASSPHRASE)
    done = desk.sign(project, desk.waiting_choices(project), key)
    return {one.candidate: one.event for one in done.done}


def main() -> None:
    from playwright.sync_api import sync_playwright

    from ategnatos.grimoire.project import Project
    from tests.web.serving import served

    out = ROOT / "docs" / "pictures"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variable, place in (("CONFIG", "config"), ("STATE", "state"), ("CACHE", "cache")):
            os.environ[f"XDG_{variable}_HOME"] = str(folder / place)
        studio = seeded(folder)
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        with served(Project(studio)) as page, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            context = browser.new_context(
                viewport={"width": 1280, "height": 800}, device_scale_factor=1
            )
            window = context.new_page()
            window.goto(page.link)

            def keep(name: str, *, full: bool = False) -> None:
                window.wait_for_selector("#state[data-mood=live]")
                window.wait_for_function("() => [...document.images].every(one => one.complete)")
                window.wait_for_timeout(400)
                window.screenshot(path=out / f"page-{name}.png", full_page=full)

            keep("today")
            window.goto(f"{page.address}/review")
            window.wait_for_selector(".pane img")
            keep("review")
            window.keyboard.press("c")
            window.keyboard.press("c")
            window.wait_for_selector('#stage[data-many="4"] img')
            window.keyboard.press("b")
            window.keyboard.press("b")
            keep("compare")
            window.keyboard.press("Escape")
            window.wait_for_selector('#stage[data-many="1"] img')
            for _ in range(4):
                window.wait_for_selector('#desk[data-ready*="#"]')
                window.keyboard.press("a")
                window.wait_for_selector('body[data-keeping="0"]')
            window.wait_for_selector('#desk[data-ready*="#"]')
            window.keyboard.press("r")
            window.wait_for_selector("#why[open]")
            window.keyboard.press("1")
            window.keyboard.press("Enter")
            window.wait_for_selector("#why[open]", state="detached")
            window.wait_for_selector('#desk[data-chosen="5"]')
            window.keyboard.press("s")
            window.wait_for_selector("#signing[open]")
            keep("sign")
            window.keyboard.press("Escape")
            for name, where in (
                ("gallery", "/gallery"),
                ("job", "/job/j1?picture=1"),
                ("asset", "/asset/game/potion"),
                ("money", "/money"),
                ("eye", "/eye"),
                ("vault", "/vault"),
                ("settings", "/settings"),
            ):
                window.goto(page.address + where)
                if name == "gallery":
                    window.wait_for_selector(".cell img[src]")
                if name == "settings":
                    window.wait_for_selector("text=ready")
                keep(name)
            phone = browser.new_context(
                viewport={"width": 390, "height": 844},
                device_scale_factor=1,
                storage_state=context.storage_state(),
            )
            window = phone.new_page()
            window.goto(f"{page.address}/review")
            window.wait_for_selector(".pane img")
            keep("phone")
            browser.close()
    for picture in sorted(out.glob("page-*.png")):
        squeeze(picture)


def squeeze(path: Path) -> None:
    """The same picture in fewer bytes."""
    from PIL import Image

    with Image.open(path) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
