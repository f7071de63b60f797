"""Draw the pictures of the page for README and docs, from the studio of ``web_studio``.

    python tools/web_pictures.py            writes docs/pictures/page-*.png

Needs Chromium (Debian: apt-get install chromium) and the extra ``test``; takes some minutes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.plan.store import Kept
    from tests.web.serving import Inside

OUT = ROOT / "docs" / "pictures"
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@dataclass(slots=True)
class Shots:
    """A window in which a person came in, and where its pictures go."""

    page: Inside
    window: Any

    def go(self, path: str, wait: str = "") -> None:
        """Open a page and wait until it is live, and until something of it is there."""
        self.window.goto(self.page.address + path)
        self.window.wait_for_selector("#state[data-mood=live]")
        if wait:
            self.window.wait_for_selector(wait, timeout=120_000)

    def keep(self, name: str, tall: int = 0) -> None:
        """Keep what is on the screen; ``tall`` makes it taller for this one."""
        if tall:
            self.window.set_viewport_size({**DESK, "height": tall})
        self.window.wait_for_function("() => [...document.images].every(one => one.complete)")
        self.window.wait_for_timeout(500)
        self.window.screenshot(path=OUT / f"page-{name}.png")
        if tall:
            self.window.set_viewport_size(DESK)


def review(shots: Shots) -> None:
    """A picture, four compared, five choices read again."""
    window = shots.window
    shots.go("/review", '#desk[data-ready*="#"]')
    shots.keep("review")
    window.keyboard.press("c")
    window.keyboard.press("c")
    window.wait_for_selector('#stage[data-many="4"] img')
    window.keyboard.press("b")
    window.keyboard.press("b")
    shots.keep("compare")
    window.keyboard.press("Escape")
    window.wait_for_selector('#stage[data-many="1"] img')
    for chosen in range(1, 5):
        window.wait_for_selector('#desk[data-ready*="#"]')
        window.keyboard.press("a")
        window.wait_for_selector(f'#desk[data-chosen="{chosen}"]')
    window.wait_for_selector('#desk[data-ready*="#"]')
    window.keyboard.press("r")
    window.wait_for_selector("#why[open]")
    window.keyboard.press("1")
    window.keyboard.press("Enter")
    window.wait_for_selector('#desk[data-chosen="5"]')
    window.wait_for_selector('body[data-keeping="0"]')
    window.keyboard.press("s")
    window.wait_for_selector("#signing[open]")
    shots.keep("sign")
    window.keyboard.press("Escape")


def trainings(shots: Shots, project: Project, kept: Kept) -> None:
    """Runs, one of them closely; a vote, then the ranking and the winner that was signed for."""
    from tests.guard import keys
    from tools import web_studio

    window = shots.window
    with web_studio.training(project, kept) as run:
        shots.go("/runs", f'a[href="/runs/{run}"]')
        shots.keep("runs")
        shots.go("/")
        shots.keep("today")
        shots.go(f"/runs/{run}", "#chart")
        shots.keep("training")
    shots.go("/runs/owl-1", "#slider img")
    shots.keep("run", tall=1240)
    shots.go("/evaluate/owl/1?as=ada", ".voting img")
    shots.keep("vote")
    web_studio.voted(project)
    shots.go("/evaluate/owl/1", "[data-reveal]")
    window.click("[data-reveal]")
    window.click("#revealing-go")
    window.wait_for_selector("#ranking")
    window.locator("[data-choose]").first.click()
    window.wait_for_selector("#agreeing[open]")
    shots.keep("agree")
    window.fill("#agreeing-passphrase", keys.PASSPHRASE)
    window.keyboard.press("Enter")
    window.wait_for_selector("form[data-register]")
    window.click("form[data-register] button")
    window.wait_for_selector("text=--lora owl")
    shots.go("/evaluate/owl/1", "text=--lora owl")
    shots.keep("ranking")
    shots.go("/evaluate")
    shots.keep("evaluate")


def money(shots: Shots, project: Project) -> None:
    """What was spent, and a machine that bills with its stop button."""
    from tools import web_studio

    with web_studio.renting(project):
        shots.go("/money", "[data-end]")
        shots.keep("money")
        shots.window.click("[data-end]")
        shots.window.wait_for_selector("#ending[open]")
        shots.keep("stop")


def main() -> None:
    from playwright.sync_api import sync_playwright

    from tests.web.serving import inside
    from tools import web_studio

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variable, place in (("CONFIG", "config"), ("STATE", "state"), ("CACHE", "cache")):
            os.environ[f"XDG_{variable}_HOME"] = str(folder / place)
        os.environ["ATEGNATOS_LOCKS"] = str(folder / "locks")
        os.environ["ATEGNATOS_MACHINES"] = str(folder / "machines")
        project = web_studio.seeded(folder)
        kept = web_studio.trained(project)
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        with inside(project) as page, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            context = browser.new_context(viewport=DESK)
            shots = Shots(page, context.new_page())
            shots.window.set_default_timeout(120_000)
            shots.window.goto(page.link)
            review(shots)
            shots.go("/gallery", ".cell img[src]")
            shots.keep("gallery")
            for path, called in (
                ("/job/j1?picture=1", "job"),
                ("/asset/game/potion", "asset"),
                ("/eye", "eye"),
            ):
                shots.go(path)
                shots.keep(called)
            trainings(shots, project, kept)
            shots.go("/vault")
            shots.keep("vault")
            shots.go("/settings", "#reckoned .bars")
            shots.window.wait_for_selector("text=not ready")
            shots.keep("settings")
            looks(shots, context)
            money(shots, project)
            phone = browser.new_context(viewport=PHONE, storage_state=context.storage_state())
            small = Shots(page, phone.new_page())
            small.go("/review", '#desk[data-ready*="#"]')
            small.window.wait_for_selector("#toast[hidden]", state="attached")
            small.keep("phone")
            browser.close()
    for picture in sorted(OUT.glob("page-*.png")):
        squeeze(picture)


def looks(shots: Shots, context: Any) -> None:
    """The same in light colours, and in the other vocabulary."""
    address = shots.page.address
    wishes = {"ategnatos-look": "light", "ategnatos-words": "lore"}
    context.add_cookies([{"name": n, "value": v, "url": address} for n, v in wishes.items()])
    shots.go("/runs")
    shots.keep("lore")
    context.add_cookies(
        [
            {"name": n, "value": v, "url": address}
            for n, v in zip(wishes, ("dark", "plain"), strict=True)
        ]
    )


def squeeze(path: Path) -> None:
    """The same picture in fewer bytes."""
    from PIL import Image

    with Image.open(path) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
