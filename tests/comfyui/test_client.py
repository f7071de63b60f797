"""The client against the stateful fake: what a run brings, whatever made it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ategnatos.engines.comfyui.bringing import Finished
from ategnatos.engines.comfyui.events import Event
from ategnatos.engines.comfyui.patience import Patience
from ategnatos.grimoire.errors import StudioError
from tests.comfyui.conftest import (
    LISTENING,
    QUICK,
    Server,
    Start,
    client_of,
    sampled,
    trivial,
    with_node,
    within,
)
from tests.comfyui.fake import NEW, OLD


def run(
    server: Server, graph: dict[str, Any], patience: Patience = QUICK, **options: Any
) -> Finished:
    async def work() -> Finished:
        async with client_of(server, patience=patience) as client:
            return await client.run(graph, **options)

    return within(work())


def pixels(data: bytes | None) -> tuple[str, tuple[int, int]]:
    assert data
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return str(image.format), image.size


@pytest.mark.parametrize("line", [OLD, NEW])
def test_a_run_brings_the_very_bytes_that_were_saved(start: Start, line: str) -> None:
    server = start(line)
    (output,) = run(server, trivial()).outputs
    assert output.data == server.fake.files[("output", "", "trivial_00001_.png")]
    assert pixels(output.data) == ("PNG", (64, 64))
    assert (output.mime, output.width, output.height) == ("image/png", 64, 64)


def test_ids_are_canonical_and_of_our_own_making(server: Server) -> None:
    import uuid

    finished = run(server, trivial())
    (post,) = server.fake.posts
    for name in ("prompt_id", "client_id"):
        assert str(uuid.UUID(post[name])) == post[name]
    assert finished.prompt_id == post["prompt_id"]


def test_no_origin_is_ever_sent(server: Server) -> None:
    run(server, trivial())
    assert server.fake.requests
    assert all("origin" not in headers for _, _, headers in server.fake.requests)


def test_the_socket_is_open_before_the_prompt_is_posted(server: Server) -> None:
    run(server, trivial())
    order = [
        method for method, path, _ in server.fake.requests if path in ("/api/ws", "/api/prompt")
    ]
    assert order == ["WS", "POST"]


def test_everything_is_asked_below_api(server: Server) -> None:
    run(server, trivial())
    assert all(path.startswith("/api/") for _, path, _ in server.fake.requests)


@pytest.mark.parametrize("name", ["a b", "a&b=c", "höhle ☕", "100%", "x;y,z", 'quote"d', "plus+"])
def test_names_with_anything_in_them_arrive(server: Server, tmp_path: Path, name: str) -> None:
    finished = run(server, trivial(prefix=f"inner & outer/{name}"), folder=tmp_path)
    (output,) = finished.outputs
    assert output.path == tmp_path / "inner & outer" / f"{name}_00001_.png"
    assert pixels(output.path.read_bytes()) == ("PNG", (64, 64))


def test_the_same_name_in_two_subfolders_is_two_files(server: Server, tmp_path: Path) -> None:
    graph = trivial(prefix="one/x")
    graph["4"] = {
        "class_type": "SaveImage",
        "inputs": {"images": ["1", 0], "filename_prefix": "two/x"},
    }
    outputs = run(server, graph, folder=tmp_path).outputs
    assert {one.path for one in outputs} == {
        tmp_path / "one/x_00001_.png",
        tmp_path / "two/x_00001_.png",
    }


def test_a_file_that_stands_there_is_not_written_over(server: Server, tmp_path: Path) -> None:
    (tmp_path / "trivial_00001_.png").write_text("mine")
    (output,) = run(server, trivial(), folder=tmp_path).outputs
    assert output.path == tmp_path / "trivial_00001_ (2).png"
    assert (tmp_path / "trivial_00001_.png").read_text() == "mine"


def test_a_batch_is_as_many_files_in_order(server: Server) -> None:
    graph = trivial()
    graph["1"]["inputs"]["batch_size"] = 3
    names = [one.ref.filename for one in run(server, graph).outputs]
    assert names == [f"trivial_{number:05}_.png" for number in (1, 2, 3)]


def test_animations_and_videos_of_any_save_node_arrive(server: Server) -> None:
    graph = trivial()
    graph["1"]["inputs"]["batch_size"] = 4
    graph["5"] = {
        "class_type": "SaveAnimatedWEBP",
        "inputs": {
            "images": ["1", 0], "filename_prefix": "anim", "fps": 6.0, "lossless": False,
            "quality": 80, "method": "default",
        },
    }  # fmt: skip
    graph["6"] = {
        "class_type": "VHS_VideoCombine",
        "inputs": {"images": ["1", 0], "filename_prefix": "film"},
    }
    outputs = {one.ref.filename: one for one in run(server, graph).outputs}
    assert outputs["anim_00001_.webp"].frames == 4
    assert outputs["anim_00001_.webp"].mime == "image/webp"
    film = outputs["film_00001_.mp4"]
    assert (film.mime, film.ref.key, film.verified) == ("video/mp4", "gifs", True)


def test_pictures_over_the_socket_are_whole_whatever_their_size(server: Server) -> None:
    graph = trivial(side=1500)
    graph["2"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}}
    graph["1"]["inputs"]["batch_size"] = 2
    outputs = run(server, graph).outputs
    assert [one.ref.folder for one in outputs] == ["socket", "socket"]
    assert all(one.size > 5_000_000 for one in outputs)
    assert [pixels(one.data) for one in outputs] == [("PNG", (1500, 1500))] * 2


def test_pictures_on_their_way_are_waited_for_when_http_says_it_is_over(server: Server) -> None:
    """HTTP overtakes a socket with megabytes in it."""
    server.fake.slow_frames = 0.5
    graph = trivial(side=300)
    graph["2"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}}
    graph["1"]["inputs"]["batch_size"] = 2
    assert len(run(server, graph).outputs) == 2
    assert len(server.fake.posts) == 1


def test_text_is_an_output_too(server: Server) -> None:
    graph = {"1": {"class_type": "ProbeText", "inputs": {"text": "hello"}}}
    events: list[Event] = []
    finished = run(server, graph, LISTENING, on_event=events.append)
    assert finished.texts == {"1": ["hello"]}
    assert "working on: hello" in [event.text for event in events]


@pytest.mark.parametrize("line", [OLD, NEW])
def test_progress_goes_node_by_node_with_steps_and_previews(start: Start, line: str) -> None:
    server = start(line, step_seconds=0.01, previews=True)
    events: list[Event] = []
    run(server, sampled(steps=4), LISTENING, on_event=events.append)
    nodes = [event.title for event in events if event.what == "node"]
    assert nodes[-3:] == ["3 KSampler", "8 VAEDecode", "9 SaveImage"]
    steps = [event for event in events if event.what == "step"]
    assert [(one.step, one.steps) for one in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert steps[0].seconds_left is not None
    assert steps[0].seconds_left > 0
    assert steps[-1].seconds_left == 0
    shown = [event for event in events if event.what == "preview"]
    assert len(shown) == 4
    assert {one.node for one in shown} == {"3"}
    assert all(pixels(one.picture)[0] == "JPEG" for one in shown)
    assert "accepted" in [event.what for event in events]
    assert events[-1].what == "ended"


def test_progress_state_in_full_is_no_trouble(start: Start) -> None:
    server = start()
    server.fake.heavy_progress = True
    assert len(run(server, sampled()).outputs) == 1


def test_many_prompts_bring_each_its_own_picture(server: Server) -> None:
    async def work() -> list[Finished]:
        async with client_of(server) as client:
            return await client.run_all([trivial(colour) for colour in range(12)])

    finished = within(work())
    posted = {post["prompt_id"]: post["prompt"] for post in server.fake.posts}
    for colour, one in enumerate(finished):
        assert posted[one.prompt_id]["1"]["inputs"]["color"] == colour
        saved = server.fake.history[one.prompt_id]["outputs"]["2"]["images"]
        assert [one.outputs[0].ref.filename] == [entry["filename"] for entry in saved]


def test_the_same_graph_again_is_cached_and_brings_the_same_bytes(server: Server) -> None:
    first, second = run(server, trivial()), run(server, trivial())
    assert not first.cached
    assert second.cached
    assert second.outputs[0].data == first.outputs[0].data


def test_a_cached_run_whose_file_is_gone_is_made_again(server: Server) -> None:
    first = run(server, trivial())
    server.fake.files.clear()
    events: list[Event] = []
    second = run(server, trivial(), on_event=events.append)
    assert [event.text for event in events if event.what == "again"] == ["trivial_00001_.png"]
    assert pixels(second.outputs[0].data) == pixels(first.outputs[0].data)
    server.fake.files.clear()
    assert len(run(server, trivial()).outputs) == 1, "and once more"


def test_a_save_node_without_a_name_is_made_again_by_dropping_the_cache(server: Server) -> None:
    graph = trivial()
    graph["2"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    run(server, graph)
    server.fake.files.clear()
    (output,) = run(server, graph).outputs
    assert output.ref.folder == "temp"


def test_an_upload_answers_with_the_name_that_counts(server: Server) -> None:
    def picture(colour: str) -> bytes:
        data = io.BytesIO()
        Image.new("RGB", (8, 8), colour).save(data, "PNG")
        return data.getvalue()

    async def work() -> list[str]:
        async with client_of(server) as client:
            return [
                await client.upload(picture("red"), 'my "p&c; 1.png'),
                await client.upload(picture("red"), 'my "p&c; 1.png'),
                await client.upload(picture("blue"), 'my "p&c; 1.png'),
                await client.upload(picture("blue"), "x.png", subfolder="in here"),
            ]

    names = within(work())
    assert names[0] == names[1] != names[2]
    assert names[3] == "in here/x.png"
    graph = trivial()
    graph["1"] = {"class_type": "LoadImage", "inputs": {"image": names[2]}}
    (output,) = run(server, graph).outputs
    with Image.open(io.BytesIO(output.data or b"")) as image:
        assert image.getpixel((0, 0)) == (0, 0, 255)


def test_one_client_serves_one_run_after_another(server: Server) -> None:
    async def work() -> int:
        async with client_of(server) as client:
            for colour in range(5):
                await client.run(trivial(colour))
        return len([path for _, path, _ in server.fake.requests if path == "/api/ws"])

    assert within(work()) == 1


def test_something_else_at_the_port_is_told_apart(server: Server) -> None:
    server.fake.answers["/system_stats"] = (200, b"<html>hello</html>")

    async def work() -> None:
        async with client_of(server) as client:
            await client.system()

    with pytest.raises(StudioError, match="no ComfyUI"):
        within(work())


def test_extra_data_rides_along_into_the_picture(server: Server) -> None:
    (output,) = run(
        server, trivial(), extra_data={"extra_pnginfo": {"studio": {"job": "j1"}}}
    ).outputs
    with Image.open(io.BytesIO(output.data or b"")) as image:
        assert image.info["studio"] == '{"job": "j1"}'


@pytest.mark.parametrize("line", [OLD, NEW])
def test_a_prompt_sent_before_is_brought_later(start: Start, line: str, tmp_path: Path) -> None:
    server = start(line)

    async def work() -> tuple[Finished, Finished]:
        async with client_of(server) as one, client_of(server) as other:
            slow = await one.submit(with_node("ProbeSleep", seconds=0.3, ticks=3))
            quick = await one.submit(trivial(3))
            return (
                await other.collect(slow, folder=tmp_path),
                await other.collect(quick, folder=tmp_path),
            )

    slow, quick = within(work())
    assert [len(one.outputs) for one in (slow, quick)] == [1, 1]
    assert quick.outputs[0].path is not None


def test_pictures_over_the_socket_go_to_the_folder_too(server: Server, tmp_path: Path) -> None:
    graph = trivial()
    graph["2"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}}
    (output,) = run(server, graph, folder=tmp_path / "new").outputs
    assert output.path == tmp_path / "new" / "socket_00001.png"
    assert pixels(output.path.read_bytes()) == ("PNG", (64, 64))


def test_a_cold_start_loads_httpx_without_its_command_line() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from ategnatos.engines.comfyui.address import parse_address;"
        "from ategnatos.engines.comfyui.web import Web; Web(parse_address('127.0.0.1:9'));"
        "assert 'httpx' in sys.modules; assert 'rich' not in sys.modules;"
        "import httpx; httpx.main"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
