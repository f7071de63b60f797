"""The client against every recorded transcript, with its timing, frames and losses."""

from __future__ import annotations

from typing import Any

import pytest

from ategnatos.engines.comfyui.address import parse_address
from ategnatos.engines.comfyui.bringing import Finished
from ategnatos.engines.comfyui.client import Client
from ategnatos.engines.comfyui.events import Event
from ategnatos.engines.comfyui.patience import Patience
from ategnatos.grimoire.errors import StudioError
from tests.comfyui.conftest import LISTENING, QUICK, within
from tests.comfyui.replay import Replay
from tests.comfyui.wire import Loopback

# What each transcript must come to: outputs of each prompt, or the code of the refusal.
SUCCESSES: dict[str, list[int]] = {
    "success_trivial": [1],
    "success_sd15_no_flags": [1],
    "success_sd15_preview_metadata": [1],
    "three_outputs": [3],
    "three_queued": [1, 1, 1],
    "cached_all": [1],
    "cached_partly": [1],
    "expanded_subgraph": [1],
    "save_image_websocket": [2],
    "text_event3": [0],
    "reconnect_mid_run": [1],
    "reconnect_after_end": [1],
    "same_client_id_twice": [1],
}
REFUSALS = {
    "error_value": "comfyui_failed",
    "error_corrupt_image": "comfyui_failed",
    "error_oom": "comfyui_out_of_memory",
    "error_block": "comfyui_nothing_made",
    "error_block_silent": "comfyui_nothing_made",
    "interrupt": "comfyui_interrupted",
    "server_killed": "comfyui_lost",
    "server_stopped": "comfyui_lost",
    "rejected": "comfyui_rejected",
}
WATCHED = {"interrupt": "a"}


def speed_of(replay: Replay) -> float:
    """As recorded where it is short; long ones so fast that they take 0.6 s."""
    return max(1.0, (replay.lines[-1]["t"] - replay.lines[0]["t"]) / 0.6)


def play(
    name: str, events: list[Event] | None = None, patience: Patience = QUICK
) -> list[Finished]:
    replay = Replay(name, watched=WATCHED.get(name))
    replay.speed = speed_of(replay)
    graphs: list[dict[str, Any]] = replay.graphs() or [
        {"1": {"class_type": "EmptyImage", "inputs": {}}}
    ]

    async def work() -> list[Finished]:
        address = parse_address(server.url)
        async with Client(address, patience=patience) as client:
            on_event = None if events is None else events.append
            return await client.run_all(graphs, on_event=on_event)

    with Loopback(replay.application()) as server:
        replay.wire = server.wire
        return within(work())


@pytest.mark.parametrize("name", SUCCESSES)
def test_what_succeeded_is_brought(name: str) -> None:
    finished = play(name)
    assert [len(one.outputs) for one in finished] == SUCCESSES[name]
    assert all(one.outputs or one.texts for one in finished)


@pytest.mark.parametrize("name", REFUSALS)
def test_what_failed_is_said(name: str) -> None:
    with pytest.raises(StudioError) as refused:
        play(name)
    assert refused.value.code.code == REFUSALS[name]
    assert refused.value.hint
    assert len(str(refused.value)) < 2500, "no dump of a picture in a message"


def test_previews_of_both_kinds_are_shown_with_their_node() -> None:
    for name in ("success_sd15_no_flags", "success_sd15_preview_metadata"):
        events: list[Event] = []
        play(name, events, LISTENING)
        shown = [event for event in events if event.what == "preview"]
        assert len(shown) == 4, name
        assert {event.node for event in shown} == {"3"}, name
        assert all((event.picture or b"").startswith(b"\xff\xd8\xff") for event in shown)


def test_an_expanded_node_is_shown_as_the_one_that_was_posted() -> None:
    events: list[Event] = []
    play("expanded_subgraph", events, LISTENING)
    assert {event.node for event in events if event.what == "node"} == {"1", "2"}
