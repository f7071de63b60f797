"""A studio with keys and pictures, a page that runs, and a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.project import Project
from tests.guard import keys
from tests.web import trainings
from tests.web.evaluations import finished
from tests.web.serving import Served, served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))


@pytest.fixture
def signing(project: Project) -> Project:
    """A studio with keys."""
    keys.founded(project)
    return project


@pytest.fixture
def page_of(project: Project) -> Iterator[Served]:
    """The page of an unsigned studio with four pictures, at a terminal."""
    keys.made(project, 4)
    with served(project) as page:
        yield page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright.

    Closed with its module: its loop runs in this thread, and other tests want one of their own.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        # Its own sandbox needs rights that a container may not have; the pages are ours.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """A fresh browser window; what its console calls an error fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(120_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def shared_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One page for the tests that only look: pictures, a verdict, a preference."""
    folder = tmp_path_factory.mktemp("shared")
    account = {
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in account.items():
            patch.setenv(name, value)
        project = Project.create(folder / "studio")
        keys.approved(project)
        trainings.at_work(project)
        finished(project)
    with served(project, **account) as page:
        yield page


@pytest.fixture(scope="module")
def shared_browser(chromium: Any, shared_page: Served) -> Iterator[Any]:
    """A window in which a person came in once."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(120_000)
    window = context.new_page()
    window.goto(shared_page.link)
    yield window
    context.close()
