"""Everything that goes wrong between a client and ComfyUI. Each test has a deadline: no hang."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ategnatos.engines.comfyui.address import parse_address
from ategnatos.engines.comfyui.bringing import Finished
from ategnatos.engines.comfyui.client import Client
from ategnatos.engines.comfyui.events import Event
from ategnatos.engines.comfyui.patience import Patience
from ategnatos.grimoire.errors import StudioError
from tests.comfyui.conftest import (
    HASTY,
    LISTENING,
    QUICK,
    Server,
    Start,
    client_of,
    sampled,
    trivial,
    wait_until,
    with_node,
    within,
)
from tests.comfyui.fake import NEW, OLD

SLOW = with_node("ProbeSleep", seconds=0.8, ticks=8)
HANG = with_node("ProbeHang", seconds=1.0)


def run(
    server: Server, graph: dict[str, Any], patience: Patience = QUICK, **options: Any
) -> Finished:
    async def work() -> Finished:
        async with client_of(server, patience=patience) as client:
            return await client.run(graph, **options)

    return within(work())


def refused(server: Server, graph: dict[str, Any], **options: Any) -> StudioError:
    with pytest.raises(StudioError) as error:
        run(server, graph, **options)
    assert error.value.hint
    return error.value


def at_step(server: Server, number: int, act: Callable[[], object]) -> Callable[[Event], None]:
    """A listener that acts once, in a thread of its own, when SLOW reaches step ``number``.

    SLOW stays there, so that what ``act`` does happens in the middle of the run, however long the
    threads take; it ends where ``act`` lets it go on.
    """
    acted: list[bool] = []
    server.hold(number)

    def listen(event: Event) -> None:
        if event.what == "step" and event.step >= number and not acted:
            acted.append(True)
            server.later(act)

    return listen


async def in_the_middle(server: Server) -> None:
    """Wait until the server stays in the middle of SLOW."""
    while not server.fake.hanging.is_set():
        await asyncio.sleep(0.01)


# --- connections --------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    async def work() -> None:
        async with Client(parse_address("127.0.0.1:9"), patience=QUICK) as client:
            await client.run(trivial())

    with pytest.raises(StudioError) as error:
        within(work())
    assert error.value.code.code == "comfyui_unreachable"
    assert "studio comfyui start" in error.value.hint


def test_the_socket_breaks_in_the_middle(server: Server) -> None:
    events: list[Event] = []

    def away_and_back() -> None:
        server.loopback.do(server.wire.refuse())
        # The server notices, so that its end of the old connection does not meet the new one.
        wait_until(lambda: not server.fake.sockets)
        server.loopback.do(server.wire.listen())
        wait_until(lambda: server.fake.sockets)
        server.go_on()

    cut = at_step(server, 2, away_and_back)

    def listen(event: Event) -> None:
        events.append(event)
        cut(event)

    assert len(run(server, SLOW, LISTENING, on_event=listen).outputs) == 1
    assert "reconnecting" in [event.what for event in events]
    steps = [event.step for event in events if event.what == "step"]
    assert steps[-1] == 8, "it listens again after the reconnect"


def test_the_socket_breaks_again_and_again(server: Server) -> None:
    graph = with_node("ProbeSleep", seconds=1.0, ticks=20)

    def listen(event: Event) -> None:
        if event.what == "step" and event.step % 5 == 0:
            server.later(lambda: server.loopback.do(server.wire.cut()))

    assert len(run(server, graph, on_event=listen).outputs) == 1


def test_the_end_is_missed_while_the_socket_is_away(server: Server) -> None:
    def away() -> None:
        server.loopback.do(server.wire.refuse())
        server.go_on()
        wait_until(lambda: server.idle)
        server.loopback.do(server.wire.listen())

    assert len(run(server, SLOW, on_event=at_step(server, 1, away)).outputs) == 1


def test_a_server_that_forgets_the_socket_is_asked_over_http(server: Server) -> None:
    def forget() -> None:
        server.fake.deaf = True
        server.go_on()

    assert len(run(server, SLOW, on_event=at_step(server, 2, forget)).outputs) == 1


def test_a_socket_that_stays_silent_for_long_is_opened_anew(server: Server) -> None:
    def opened() -> int:
        return sum(method == "WS" for method, _, _ in server.fake.requests)

    def forget() -> None:
        server.fake.sockets.clear()
        wait_until(lambda: opened() > 1)
        server.go_on()

    patience = replace(QUICK, heal=0.3)
    assert len(run(server, SLOW, patience, on_event=at_step(server, 2, forget)).outputs) == 1


def test_a_second_socket_of_the_same_client_id_takes_the_messages_away(server: Server) -> None:
    async def work() -> Finished:
        async with client_of(server) as client:
            from ategnatos.engines.comfyui.live import Socket

            running = asyncio.create_task(client.run(SLOW))
            await in_the_middle(server)
            thief = await Socket.open(server.address, client.client_id)
            await thief.close()
            while server.fake.sockets:
                await asyncio.sleep(0.01)
            server.go_on()
            return await running

    server.hold(2)

    assert len(within(work()).outputs) == 1


def test_a_half_open_connection_while_it_works(server: Server) -> None:
    def silence() -> None:
        server.wire.silent = True
        time.sleep(0.5)  # as long as two looks
        server.loopback.do(server.wire.cut())
        server.wire.silent = False
        server.go_on()

    assert len(run(server, SLOW, on_event=at_step(server, 2, silence)).outputs) == 1


def test_a_server_that_freezes_for_good(server: Server) -> None:
    def freeze() -> None:
        server.wire.silent = True

    error = refused(server, SLOW, patience=HASTY, on_event=at_step(server, 2, freeze))
    assert error.code.code == "comfyui_silent"


def test_no_websocket_at_all_is_slower_and_complete(server: Server) -> None:
    server.fake.sockets_refused = True
    finished = run(server, SLOW)
    assert len(finished.outputs) == 1
    assert "websocket" in finished.warnings[0]


def test_the_answer_to_the_post_is_lost(server: Server) -> None:
    server.fake.drop_next_answer = server.wire
    assert len(run(server, trivial()).outputs) == 1
    assert len(server.fake.posts) == 1, "nothing is sent twice"


# --- the server goes away -----------------------------------------------------------------------


@pytest.mark.parametrize("line", [OLD, NEW])
def test_a_restart_in_the_middle_is_said_as_lost(start: Start, line: str) -> None:
    server = start(line)

    def restart() -> None:
        server.loopback.do(server.wire.refuse())
        server.do(server.fake.forget)
        server.loopback.do(server.wire.listen())

    error = refused(server, SLOW, on_event=at_step(server, 2, restart))
    assert error.code.code == "comfyui_lost"
    assert "restarted" in error.message
    assert "same command again" in error.hint


def test_a_server_that_dies_and_stays_dead(server: Server) -> None:
    def die() -> None:
        server.loopback.do(server.wire.refuse())

    error = refused(server, SLOW, patience=HASTY, on_event=at_step(server, 2, die))
    assert error.code.code == "comfyui_silent"


@pytest.mark.parametrize("line", [OLD, NEW])
def test_a_prompt_taken_out_of_the_queue_by_somebody(start: Start, line: str) -> None:
    server = start(line)
    server.fake.paused = True

    def listen(event: Event) -> None:
        if event.what == "accepted":
            server.fake.pending.clear()

    error = refused(server, trivial(), on_event=listen)
    assert error.code.code == "comfyui_lost"
    assert "somebody" in error.message


@pytest.mark.parametrize("line", [OLD, NEW])
def test_a_prompt_that_nobody_knows_is_not_waited_for(start: Start, line: str) -> None:
    server = start(line)

    async def work() -> None:
        async with client_of(server) as client:
            await client.collect("0b0a7f0e-0000-4000-8000-000000000000")

    with pytest.raises(StudioError, match="knows no run"):
        within(work())


def test_waiting_for_a_prompt_ends_with_its_time_and_spares_the_run(server: Server) -> None:
    async def work() -> None:
        async with client_of(server) as client:
            await client.collect(await client.submit(SLOW), timeout=0.3)

    server.hold(2)
    with pytest.raises(StudioError, match="goes on at the server"):
        within(work())
    assert not server.fake.interrupting
    assert not server.idle


def test_waiting_behind_others_says_how_many(server: Server) -> None:
    async def work() -> list[int]:
        async with client_of(server) as other, client_of(server) as client:
            first = asyncio.create_task(other.run(SLOW))
            await in_the_middle(server)
            ahead: list[int] = []

            def listen(event: Event) -> None:
                if event.what == "waiting":
                    ahead.append(event.ahead)
                    server.later(server.go_on)

            await client.run(trivial(7), on_event=listen)
            await first
            return ahead

    server.hold(2)
    assert within(work())[0] == 1


# --- silence that is no fault -------------------------------------------------------------------


@pytest.mark.parametrize("line", [OLD, NEW])
def test_a_node_that_says_nothing_is_waited_for(start: Start, line: str) -> None:
    server = start(line)

    def listen(event: Event) -> None:
        if event.what == "node" and event.node == "3":
            server.later(go_on_after_many_looks)

    def go_on_after_many_looks() -> None:
        time.sleep(1.0)
        server.go_on()

    patience = replace(QUICK, heal=0.4)
    assert len(run(server, HANG, patience, on_event=listen).outputs) == 1


def test_the_time_for_the_whole_ends_even_a_node_that_hangs(server: Server) -> None:
    error = refused(server, HANG, timeout=1.0)
    assert error.code.code == "comfyui_timeout"
    # A slow machine may be out of time before the node is reached: then it must not wait there.
    assert server.fake.interrupting or server.idle, "the server was told to stop"


# --- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [OLD, NEW])
def test_what_the_listener_raises_stops_the_run_at_the_server(start: Start, line: str) -> None:
    server = start(line)

    class StopError(Exception):
        pass

    def listen(event: Event) -> None:
        if event.what == "step":
            raise StopError

    async def work() -> None:
        async with client_of(server) as client:
            await client.run_all([SLOW, trivial(8), trivial(9)], on_event=listen)

    server.hold(1)
    with pytest.raises(StopError):
        within(work())
    wait_until(lambda: server.fake.running is None)
    assert not server.fake.pending
    slow = next(one for one in server.fake.history.values() if one["prompt"][2] == SLOW)
    assert slow["status"]["status_str"] == "error", "it was interrupted"
    # The prompts travel side by side: one of the small ones may have arrived before the slow one.
    begun_after = [
        one for one in server.fake.history.values() if one["prompt"][0] > slow["prompt"][0]
    ]
    assert not begun_after, "those that waited were never begun"


def test_a_cancelled_task_stops_the_run_at_the_server(server: Server) -> None:
    async def work() -> None:
        async with client_of(server) as client:
            task = asyncio.create_task(client.run(SLOW))
            await in_the_middle(server)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    server.hold(2)
    within(work())
    wait_until(lambda: server.idle)


@pytest.mark.parametrize("line", [OLD, NEW])
def test_a_run_stopped_by_somebody_else_is_said(start: Start, line: str) -> None:
    server = start(line)

    def interrupt() -> None:
        server.fake.interrupting = True

    error = refused(server, SLOW, on_event=at_step(server, 2, interrupt))
    assert error.code.code == "comfyui_interrupted"
    assert "3 ProbeSleep" in error.message


def test_cancelling_one_spares_the_next(server: Server) -> None:
    async def work() -> Finished:
        async with client_of(server) as one, client_of(server) as two:
            first = asyncio.create_task(one.run(SLOW))
            await in_the_middle(server)
            second = asyncio.create_task(two.run(trivial(5)))
            while not server.fake.pending:
                await asyncio.sleep(0.01)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            return await second

    server.hold(2)
    assert len(within(work()).outputs) == 1


# --- errors of the graph ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("value", "comfyui_failed", "3 ProbeRaise failed: ValueError"),
        ("oom", "comfyui_out_of_memory", "out of memory in node 3 ProbeRaise"),
        ("block", "comfyui_nothing_made", "no face was found"),
        ("block_silent", "comfyui_nothing_made", "2 SaveImage"),
    ],
)
def test_a_node_that_fails_is_named_with_its_reason(
    server: Server, kind: str, code: str, said: str
) -> None:
    error = refused(server, with_node("ProbeRaise", kind=kind))
    assert error.code.code == code
    assert said in error.message
    assert "tensor" not in str(error.details)


def test_one_output_of_two_blocked_is_a_warning(server: Server) -> None:
    graph = with_node("ProbeRaise", kind="block_silent")
    graph["4"] = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "b"}}
    finished = run(server, graph)
    assert len(finished.outputs) == 1
    assert finished.warnings == ("Node 2 SaveImage saved nothing: a node before it blocked it.",)


def test_a_partly_valid_graph_is_refused_and_does_not_run(server: Server) -> None:
    graph = trivial()
    graph["4"] = {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "b"}}
    graph["5"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": 0, "height": 64, "batch_size": 1, "color": 0},
    }
    server.fake.paused = True
    error = refused(server, graph)
    assert error.code.code == "comfyui_partial"
    assert error.details["dropped"] == ["4"]
    assert "4 (SaveImage)" in error.message
    assert "Node 5 (EmptyImage), input width" in error.message
    assert "--set 5.width=1" in error.hint
    assert not server.fake.pending, "what would have run was taken back"


# --- files --------------------------------------------------------------------------------------


def test_a_download_cut_short_is_fetched_again(server: Server, tmp_path: Any) -> None:
    graph = trivial(side=700)

    def listen(event: Event) -> None:
        if event.what == "output":
            server.wire.break_after = 900

    for folder in (None, tmp_path):
        (output,) = run(server, graph, on_event=listen, folder=folder).outputs
        assert output.width == 700
    assert len(list(tmp_path.iterdir())) == 1, "nothing half-written is left"


@pytest.mark.parametrize(
    "body", [b"", b"<html>please sign in</html>", b"\x89PNG\r\n\x1a\n cut"], ids=str
)
@pytest.mark.parametrize("to_disk", [False, True])
def test_bytes_that_are_no_picture_are_never_kept(
    server: Server, tmp_path: Any, body: bytes, to_disk: bool
) -> None:
    server.fake.answers["/view"] = (200, body)
    error = refused(server, trivial(), folder=tmp_path if to_disk else None)
    assert error.code.code == "comfyui_output_broken"
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_gone_for_good_is_no_success(server: Server) -> None:
    server.fake.answers["/view"] = (404, b"")
    error = refused(server, trivial())
    assert error.code.code == "comfyui_output_gone"
    assert "trivial_" in error.message


def test_a_name_is_no_way_out_of_the_folder(server: Server, tmp_path: Any) -> None:
    inside = tmp_path / "inside"
    store = server.fake.store

    def evil(kind: str, prefix: str, suffix: str, data: bytes) -> dict[str, str]:
        entry = {"filename": "../../evil.png", "subfolder": "/../..", "type": kind}
        server.fake.files[(kind, "/../..", "../../evil.png")] = data
        server.fake.answers["/view"] = (200, data)
        store(kind, prefix, suffix, data)
        return entry

    server.fake.store = evil  # type: ignore[method-assign]
    (output,) = run(server, trivial(), folder=inside).outputs
    assert output.path == inside / "evil.png"


# --- secrets ------------------------------------------------------------------------------------


def test_a_credential_reaches_the_server_and_no_log(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "sesame-opens-3141592653"
    caplog.set_level(logging.DEBUG)

    async def work() -> Client:
        address = parse_address(server.loopback.url, token=secret)
        async with Client(address, patience=QUICK) as client:
            await client.run(sampled())
            return client

    client = within(work())
    assert {headers.get("authorization") for _, _, headers in server.fake.requests} == {
        f"Bearer {secret}"
    }
    said = caplog.text + "".join(capfd.readouterr()) + repr(client.address)
    assert secret not in said


def test_a_proxy_that_wants_credentials_says_so(server: Server) -> None:
    server.fake.answers["/prompt"] = (401, b"who are you")
    error = refused(server, trivial())
    assert error.code.code == "comfyui_sign_in"
    assert "ATEGNATOS_COMFYUI_TOKEN" in error.hint


# --- memory -------------------------------------------------------------------------------------


def test_nothing_piles_up_over_many_runs(server: Server) -> None:
    async def work() -> tuple[int, int]:
        async with client_of(server) as client:
            await client.run(trivial(0))
            before = len(asyncio.all_tasks())
            for colour in range(1, 30):
                await client.run(trivial(colour))
            return before, len(asyncio.all_tasks())

    before, after = within(work())
    # The one that asks over HTTP ends a little after the run that it looked after.
    assert after < before + 5, "29 runs left tasks behind"
