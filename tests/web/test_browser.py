"""The page in a real Chromium: a review by keyboard, compared, signed, killed, and live."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import book, record
from ategnatos.guard.gate.record import Standing
from ategnatos.train.evaluation import votes
from ategnatos.web import desk
from tests.guard import keys
from tests.providers.clouds.cloud import Cloud
from tests.web.evaluations import finished
from tests.web.renting import cloud, machine
from tests.web.serving import Inside, Served, inside, served

__all__ = ["cloud", "machine"]

pytestmark = pytest.mark.chromium

AXE = Path(__file__).with_name("axe.min.js")


def enter(browser: Any, page: Served | Inside, path: str = "/review") -> None:
    """Come in with the link of the terminal, and go to a page."""
    browser.goto(page.link)
    browser.goto(page.address + path)


@pytest.fixture
def page_in(project: Project) -> Iterator[Inside]:
    """The page of an unsigned studio with four pictures, in this process."""
    keys.made(project, 4)
    with inside(project) as page:
        yield page


def shown(browser: Any, name: str) -> None:
    """Wait until that picture is the one on the desk, decoded and in the document."""
    browser.wait_for_selector(f'#desk[data-ready="{name}"]')


def chosen(browser: Any, count: int) -> None:
    """Wait until so many choices stand, all of them on disk."""
    browser.wait_for_selector(f'#desk[data-chosen="{count}"]')
    browser.wait_for_selector('body[data-keeping="0"]')


def sign(browser: Any, passphrase: str = keys.PASSPHRASE) -> None:
    browser.keyboard.press("s")
    browser.wait_for_selector("#signing[open]")
    if browser.locator("#passphrase").is_visible():
        browser.keyboard.type(passphrase)
    browser.keyboard.press("Enter")


def test_thirty_pictures_by_keyboard_end_in_thirty_verified_signatures(
    signing: Project, browser: Any
) -> None:
    assert len(keys.made(signing, 30)) == 30
    with served(signing) as page:
        enter(browser, page)
        names = [one["name"] for one in desk.waiting(signing)["pictures"]]
        for place, name in enumerate(names):
            shown(browser, name)
            if place % 3 == 2:
                browser.keyboard.press("r")
                browser.wait_for_selector("#why[open]")
                browser.keyboard.press("2")
                browser.keyboard.press("Enter")
            else:
                browser.keyboard.press("a")
        chosen(browser, 30)
        browser.keyboard.press("u")
        chosen(browser, 29)
        shown(browser, names[-1])
        browser.keyboard.press("a")
        chosen(browser, 30)
        assert list(journal.read(signing, {record.VERDICT_EVENT})) == []
        sign(browser)
        browser.wait_for_selector("#nothing:not([hidden])")
        assert keys.PASSPHRASE not in page.seen
    given = book.read(signing)
    assert len(given.judged) == 30
    assert {one.standing for one in given.judged} == {Standing.SIGNED}
    said = [one.event.data["verdict"] for one in given.judged]
    assert (said.count("approved"), said.count("rejected")) == (21, 9)
    assert desk.waiting_choices(signing) == []


# A key that the browser sends to the field of the dialog that has just closed: until it draws again
# the focus stays there, and a quick hand, or a slow machine, has the next key land in it.
LATE = """
(key) => {
  const field = document.getElementById("reason");
  const options = { key, bubbles: true, cancelable: true };
  return field.dispatchEvent(new KeyboardEvent("keydown", options));
}
"""


def test_a_key_right_behind_a_reason_decides_the_next_picture(
    page_in: Inside, browser: Any
) -> None:
    enter(browser, page_in)
    first, second, third, *_ = [one["name"] for one in desk.waiting(page_in.project)["pictures"]]
    shown(browser, first)
    browser.keyboard.press("r")
    browser.wait_for_selector("#why[open]")
    browser.evaluate(LATE, "a")
    browser.keyboard.type("a wrong hand")
    browser.keyboard.press("Enter")
    shown(browser, second)
    assert not browser.evaluate(LATE, "a"), "the field takes the letter too"
    shown(browser, third)
    chosen(browser, 2)


def test_a_picture_changed_between_showing_and_signing_is_refused(
    signing: Project, browser: Any
) -> None:
    first, second = keys.made(signing, 2)
    with inside(signing) as page:
        enter(browser, page)
        shown(browser, first.reference)
        browser.keyboard.press("a")
        shown(browser, second.reference)
        browser.keyboard.press("r")
        browser.wait_for_selector("#why[open]")
        browser.keyboard.type("too dark")
        browser.keyboard.press("Enter")
        chosen(browser, 2)
        file = signing.root / first.path
        file.chmod(0o644)
        file.write_bytes((signing.root / second.path).read_bytes())
        sign(browser)
        browser.wait_for_selector('#desk[data-recorded="1"]', state="attached")
        assert "is not the one that was made" in browser.inner_text("#toast")
        # It stands on the desk no more as a picture, and can be judged by no key.
        browser.wait_for_selector(".gone")
        browser.keyboard.press("a")
        assert desk.waiting_choices(signing) == []
    (event,) = journal.read(signing, {record.VERDICT_EVENT})
    assert event.references["candidate"] == second.reference


def test_a_server_killed_in_mid_review_and_started_again_loses_nothing(
    signing: Project, browser: Any
) -> None:
    made = keys.made(signing, 5)
    with served(signing) as page:
        enter(browser, page)
        for one in made[:3]:
            shown(browser, one.reference)
            browser.keyboard.press("a")
        chosen(browser, 3)
        page.kill()
    with served(signing) as page:
        enter(browser, page)
        chosen_before = "#desk[data-chosen='3']"
        browser.wait_for_selector(chosen_before)
        shown(browser, made[3].reference)
        browser.keyboard.press("a")
        browser.wait_for_selector('#desk[data-chosen="4"]')
        chosen(browser, 4)
        sign(browser)
        browser.wait_for_selector('#desk[data-recorded="4"]', state="attached")
    assert [one.standing for one in book.read(signing).judged] == [Standing.SIGNED] * 4


def test_what_another_process_makes_appears_without_a_reload(page_in: Inside, browser: Any) -> None:
    enter(browser, page_in, "/")
    browser.wait_for_selector("#state[data-mood=live]")
    browser.evaluate(
        "window.marker = 1; document.addEventListener('studio:changed', event => {"
        " if (event.detail.kind === 'art.delivered') window.delivered = event.detail; })"
    )
    done = subprocess.run(
        [sys.executable, "-m", "ategnatos", "art", "generate", "a red potion", "-n", "1", "--json"],
        cwd=page_in.project.root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"fresh": true' in done.stdout
    browser.wait_for_function("() => window.delivered?.references.job === 'j2'")
    browser.wait_for_selector('#today .thumb img[alt*="j2#1"]')
    assert browser.evaluate("window.marker") == 1, "the page was not loaded again"


def test_compared_pictures_share_zoom_and_place_and_a_pixel_is_a_square(
    page_in: Inside, browser: Any
) -> None:
    enter(browser, page_in)
    shown(browser, "j1#1")
    browser.keyboard.press("c")
    browser.wait_for_selector('#stage[data-many="2"]')
    browser.keyboard.press("z")
    stage = browser.locator("#stage").bounding_box()
    browser.mouse.move(stage["x"] + 200, stage["y"] + 200)
    browser.mouse.down()
    browser.mouse.move(stage["x"] + 260, stage["y"] + 230)
    browser.mouse.up()
    boxes = browser.evaluate(
        "[...document.querySelectorAll('.pane')].map(pane => {"
        " const image = pane.querySelector('img'), a = pane.getBoundingClientRect(),"
        " b = image.getBoundingClientRect();"
        " return [b.width / image.naturalWidth, Math.round(b.x - a.x), Math.round(b.y - a.y),"
        " getComputedStyle(image).imageRendering]; })"
    )
    assert len(boxes) == 2
    assert boxes[0] == boxes[1]
    assert boxes[0][0] == int(boxes[0][0]) >= 1
    if boxes[0][0] > 1:
        assert boxes[0][3] == "pixelated"
    browser.keyboard.press("c")
    browser.wait_for_selector('#stage[data-many="4"]')
    browser.keyboard.press("3")
    browser.wait_for_selector('#desk[data-ready="j1#3"]')
    browser.keyboard.press("a")
    chosen(browser, 1)
    assert [one["name"] for one in desk.waiting_choices(page_in.project)] == ["j1#3"]


def test_the_gallery_finds_narrows_and_keeps_few_in_the_document(
    project: Project, browser: Any
) -> None:
    keys.made(project, 32)
    with inside(project) as page:
        enter(browser, page, "/gallery?verdict=none")
        browser.wait_for_function(
            "() => document.getElementById('count').textContent.includes('picture')"
        )
        browser.wait_for_selector(".cell img[src]")
        assert browser.input_value("#verdict") == "none"
        browser.fill("#words", "square")
        browser.wait_for_function("() => location.search.includes('words=square')")
        browser.fill("#words", "nothing-like-it")
        browser.wait_for_selector("#empty:not([hidden])")
        browser.fill("#words", "")
        browser.wait_for_selector(".cell[href]")
        browser.locator(".cell[href]").first.click()
        browser.wait_for_url(re.compile(r"/job/j\d+\?picture=\d+"))
        browser.wait_for_selector(".pane img")


PAGES = (
    "/", "/review", "/gallery", "/runs", "/runs/owl-1", "/evaluate", "/evaluate/owl/1", "/money",
    "/eye", "/vault", "/settings", "/job/j1?picture=1",
)  # fmt: skip
# All rules in the dark; in the light what may differ there.
FAULTS = """async code => {
  const run = new Function(code + '; return axe;')();
  const dark = await run.run(document);
  document.documentElement.dataset.look = 'light';
  const light = await run.run(document, { runOnly: ['color-contrast'] });
  return [...dark.violations, ...light.violations].map(
    one => [one.id, one.impact, one.nodes.map(node => node.html).slice(0, 3)]);
}"""


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_serious_fault_for_a_screen_reader(
    shared_page: Served, shared_browser: Any, path: str
) -> None:
    shared_browser.goto(shared_page.address + path)
    shared_browser.wait_for_selector("#state[data-mood=live]")
    faults = shared_browser.evaluate(FAULTS, AXE.read_text(encoding="utf-8"))
    assert [one for one in faults if one[1] in {"serious", "critical"}] == []


def test_a_preference_is_confirmed_on_the_page_as_by_the_command(
    page_in: Inside, browser: Any
) -> None:
    subprocess.run(
        [sys.executable, "-m", "ategnatos", "eye", "add", "warm light", "--category", "color"],
        cwd=page_in.project.root,
        capture_output=True,
        check=True,
    )
    enter(browser, page_in, "/eye")
    browser.get_by_role("button", name="Retire: warm light").click()
    browser.wait_for_selector("text=Retired: warm light.")
    (kept,) = documents.read(page_in.project, "eye").preferences
    assert kept.standing == "retired"


@pytest.mark.parametrize("cloud", ["runpod"], indirect=True)
def test_the_button_asks_before_anything_is_sent(
    project: Project, cloud: Cloud, machine: str, browser: Any
) -> None:
    with inside(project) as page:
        browser.goto(page.link)
        browser.goto(f"{page.address}/money")
        browser.get_by_role("button", name="Stop", exact=True).click()
        browser.wait_for_selector("#ending[open]")
        assert machine in browser.inner_text("#ending-title")
        browser.get_by_role("button", name="Back").click()
        browser.wait_for_selector("#ending:not([open])", state="attached")
        assert len(cloud.alive()) == 1
        browser.get_by_role("button", name="Stop", exact=True).click()
        browser.get_by_role("button", name="End it now").click()
        browser.wait_for_selector(f'[data-ended="{machine}"]')
        assert cloud.alive() == []


def test_votes_go_by_key_and_one_key_is_one_vote(project: Project, browser: Any) -> None:
    one = finished(project)
    (pair,) = votes.pairs(one, "ann")
    with inside(project) as page:
        vote_by_key(browser, page)
    (kept,) = votes.cast_votes(project, one)
    assert (kept.voter, kept.better, kept.tie) == ("ann", pair.right, False)


def vote_by_key(browser: Any, page: Inside) -> None:
    """Right, and left when there is nothing left to vote on."""
    enter(browser, page, "/evaluate/owl/1?as=ann")
    browser.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.voting .shots img')];"
        " return all.length && all.every(one => one.complete && one.naturalWidth); }"
    )
    browser.keyboard.press("ArrowRight")
    browser.wait_for_selector('.voting[data-mine="1"]')
    browser.keyboard.press("ArrowLeft")
