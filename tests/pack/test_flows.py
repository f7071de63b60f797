"""The flows of the pack, walked: every command answers as the page says."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.pack import eyes
from tests.pack.flow import flows
from tests.pack.walk import Answered, Walk, ask

ALL = [page for skill in ("studio", "eye", "art", "train") for page in flows(skill)]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """``walked(page)``: what the commands of a flow answered; each flow is walked once."""

    @cache
    def walk(page: Path) -> tuple[Answered, ...]:
        place = tmp_path_factory.mktemp(page.stem)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOME", str(place))
            patch.setenv("XDG_CONFIG_HOME", str(place / "config"))
            patch.setenv("XDG_STATE_HOME", str(place / "state"))
            # Nothing listens on port 9: whoever runs the tests may have a ComfyUI.
            patch.setenv("ATEGNATOS_COMFYUI_URL", "http://127.0.0.1:9")
            ask(["init", str(place / "studio")], place)
            eyes.inbox(place / "studio" / "inbox")
            going = Walk(place / "studio")
            going.through(page)
        return tuple(going.answered)

    return walk


@pytest.mark.parametrize("page", ALL, ids=lambda page: f"{page.parent.parent.name}/{page.stem}")
def test_a_flow_goes_as_it_is_written(page: Path, walked: Any) -> None:
    assert walked(page)
