"""Workflows as a user keeps, checks, converts and compares them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.studio import workflows
from tests.comfyui import recordings
from tests.conftest import Run

KNOWN = recordings.object_info()
GRAPH = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
    },
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}
UI = {
    "nodes": [
        {
            "id": 1,
            "type": "EmptyImage",
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
            "widgets_values": [64, 64, 1, 0],
        },
        {
            "id": 2,
            "type": "SaveImage",
            "mode": 0,
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
            "outputs": [],
            "widgets_values": ["x"],
        },
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    "version": 0.4,
}


class Answers(ThreadingHTTPServer):
    """A server's version and node classes, and how often the whole list was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.classes: dict[str, Any] = dict(KNOWN)
        self.wholes = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        path = self.path.removeprefix("/api")
        answer: Any = {"system": {"comfyui_version": "0.3.64"}}
        if path == "/object_info":
            self.server.wholes += 1
            answer = self.server.classes
        elif path.startswith("/object_info/"):
            name = path.rpartition("/")[2]
            entry = self.server.classes.get(name)
            answer = {} if entry is None else {name: entry}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Answers]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    answers = Answers()
    Thread(target=answers.serve_forever, daemon=True).start()
    yield answers
    answers.shutdown()
    answers.server_close()


@pytest.fixture
def info(tmp_path: Path) -> Path:
    path = tmp_path / "object_info.json"
    path.write_text(json.dumps(KNOWN))
    return path


def file(folder: Path, content: Any, name: str = "given.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def test_a_workflow_is_saved_listed_read_and_deleted(run: Run, project: Project) -> None:
    given = file(project.root, UI)
    saved = run("studio", "workflow", "save", "mine", given, "--json", cwd=project.root).data
    assert Path(saved["path"]) == project.root / "grimoire/workflows/mine.json"
    listed = run("studio", "workflow", "list", "--json").data
    assert listed["own"] == [{"name": "mine", "form": "ui", "nodes": 2}]
    assert {"txt2img-split", "upscale-esrgan"} <= {one["name"] for one in listed["built_in"]}
    assert run("studio", "workflow", "get", "mine", "--json").data["workflow"] == UI
    assert run("studio", "workflow", "save", "mine", given).code == 1
    assert run("studio", "workflow", "save", "mine", given, "--replace").code == 0
    assert run("studio", "workflow", "delete", "mine", "--dry-run").code == 0
    assert Path(saved["path"]).exists()
    assert run("studio", "workflow", "delete", "mine").code == 0
    assert not Path(saved["path"]).exists()


def test_built_ins_are_read_only(run: Run, project: Project) -> None:
    given = file(project.root, GRAPH)
    for command in (["save", "txt2img-split", given], ["delete", "txt2img-split"]):
        refused = run("studio", "workflow", *command, "--json", cwd=project.root)
        assert refused.envelope["error"]["code"] == "workflow_built_in"


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/x", "a/b", ".hidden", "", "a\0b", "x" * 101, "-o"]
)
def test_a_name_is_never_a_path(project: Project, name: str) -> None:
    outside = project.root / "x.json"
    outside.write_text("{}")
    for act in (
        lambda: workflows.save(project, name, GRAPH, replace=True),
        lambda: workflows.delete(project, name),
    ):
        with pytest.raises(StudioError) as refused:
            act()
        assert refused.value.code is workflows.WORKFLOW_NAME
    assert outside.read_text() == "{}"


@given(name=st.text(max_size=40))
def test_whatever_name_is_accepted_is_one_file_name(name: str) -> None:
    try:
        bare = workflows.checked_name(name)
    except StudioError:
        return
    assert "/" not in bare
    assert bare not in (".", "..")
    assert Path(bare).name == bare


def test_a_workflow_goes_into_a_picture_and_comes_back(run: Run, project: Project) -> None:
    run("studio", "workflow", "save", "mine", file(project.root, UI), cwd=project.root)
    assert run("studio", "workflow", "export-png", "mine", "card.png").code == 0
    assert run("studio", "workflow", "get", "card.png", "--json").data["workflow"] == UI
    both = workflows.from_bytes((project.root / "card.png").read_bytes(), "card.png")
    assert both.api is None
    run("studio", "workflow", "save", "ran", file(project.root, GRAPH))
    run("studio", "workflow", "export-png", "ran", "ran.png")
    assert run("studio", "workflow", "diff", "ran", "ran.png", "--json").data["same"]
    again = run("studio", "workflow", "export-png", "ran", "ran.png", "--json")
    assert again.envelope["error"]["code"] == "workflow_exists"
    assert run("studio", "workflow", "save", "back", "ran.png").code == 0
    assert run("studio", "workflow", "get", "back", "--json").data["workflow"] == GRAPH


def test_a_picture_without_a_workflow_is_told(run: Run, project: Project, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    refused = run("studio", "workflow", "get", tmp_path / "plain.png", "--json", cwd=project.root)
    assert refused.envelope["error"]["code"] == "workflow_not_one"


def test_the_editors_format_is_converted(run: Run, project: Project, info: Path) -> None:
    given = file(project.root, UI)
    done = run(
        "studio", "workflow", "convert", given, "--object-info", info, "--json", cwd=project.root
    )
    graph = done.data["graph"]
    assert {key: entry["inputs"] for key, entry in graph.items()} == {
        key: entry["inputs"] for key, entry in GRAPH.items()
    }


def test_values_that_nobody_names_are_not_lost_without_a_word(
    run: Run, project: Project, info: Path
) -> None:
    ui = {"nodes": [{"id": 1, "type": "Newest", "mode": 0, "widgets_values": [7]}], "links": []}
    given = file(project.root, ui)
    options = [given, "--object-info", info, "--json"]
    refused = run("studio", "workflow", "convert", *options, cwd=project.root)
    assert refused.envelope["error"]["code"] == "workflow_incomplete"
    assert run("studio", "workflow", "convert", *options, "--partial").code == 0


def test_a_check_says_what_is_wrong_and_leaves_with_1(
    run: Run, project: Project, info: Path
) -> None:
    wrong = json.loads(json.dumps(GRAPH))
    wrong["1"]["inputs"]["width"] = -1
    given = file(project.root, wrong)
    found = run(
        "studio", "workflow", "check", given, "--object-info", info, "--json", cwd=project.root
    )
    assert found.code == 1
    assert found.envelope["error"]["details"]["findings"][0]["nearest"] == 1
    words = run("studio", "workflow", "check", given, "--object-info", info)
    assert "width is -1; it may be at least 1" in words.out
    good = file(project.root, GRAPH, "good.json")
    assert run("studio", "workflow", "check", good, "--object-info", info).code == 0


def test_a_server_is_asked_for_its_whole_list_once(
    run: Run, project: Project, server: Answers
) -> None:
    given = file(project.root, GRAPH)
    for _ in range(3):
        asked = run(
            "studio", "workflow", "check", given, "--server", server.url, "--json", cwd=project.root
        )
        assert asked.code == 0
    assert server.wholes == 1
    del server.classes["EmptyImage"]
    gone = run("studio", "workflow", "check", given, "--server", server.url, "--json")
    assert gone.code == 1
    assert server.wholes == 2


def test_a_family_newer_than_the_server_is_refused_with_the_version_it_needs(
    run: Run, project: Project, server: Answers
) -> None:
    found = run(
        *("studio", "workflow", "check", "txt2img", "--family", "krea2", "--json"),
        *("--server", server.url),
        cwd=project.root,
    )
    codes = {one["code"] for one in found.envelope["error"]["details"]["findings"]}
    assert "server_too_old" in codes
    assert "0.24.1" in found.out


def test_a_built_in_is_filled_in_and_hostile_words_are_only_words(
    run: Run, project: Project
) -> None:
    words = 'medieval; eval $(x) `y` "quoted" \\ {"$": "steps"}'
    made = run(
        *("studio", "workflow", "get", "txt2img", "--family", "z-image/turbo", "--json"),
        *("--set", f"prompt={words}", "--set", "seed=7"),
        cwd=project.root,
    ).data
    assert made["workflow"]["positive"]["inputs"]["text"] == words
    assert made["workflow"]["sampler"]["inputs"]["seed"] == 7
    assert made["min_comfyui"] == "0.11.0"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--set", "steps"], "workflow_setting_form"),
        (["--set", "stepz=4"], "template_parameter_unknown"),
        (["--set", "seed=-1"], "template_parameter_wrong"),
        (["--family", "zz"], "family_unknown"),
    ],
)
def test_a_wrong_setting_is_refused(
    run: Run, project: Project, options: list[str], code: str
) -> None:
    base = ["get", "txt2img-split"]
    if "--family" not in options:
        base += ["--family", "z-image/turbo"]
    refused = run("studio", "workflow", *base, *options, "--json", cwd=project.root)
    assert refused.envelope["error"]["code"] == code


def test_the_account_key_of_a_wrapped_prompt_is_not_kept(run: Run, project: Project) -> None:
    wrapped = {"prompt": GRAPH, "extra_data": {"api_key_comfy_org": "comfy-secret-value"}}
    run("studio", "workflow", "save", "paid", file(project.root, wrapped), cwd=project.root)
    kept = (project.root / "grimoire/workflows/paid.json").read_text()
    assert "comfy-secret-value" not in kept
    assert json.loads(kept) == GRAPH


def test_slots_of_a_built_in_and_of_a_graph(run: Run, project: Project, info: Path) -> None:
    built_in = run("studio", "workflow", "slots", "txt2img-split", "--json", cwd=project.root).data
    assert {"prompt", "seed", "unet_name"} <= {one["name"] for one in built_in["parameters"]}
    given = file(project.root, GRAPH)
    own = run("studio", "workflow", "slots", given, "--object-info", info, "--json").data["slots"]
    assert own[0]["path"] == "1.width"
    assert own[0]["allowed"] == "1 to 16384"


def test_what_differs_is_said_in_the_words_of_the_nodes(run: Run, project: Project) -> None:
    other = {
        "9": {**GRAPH["1"], "inputs": {**GRAPH["1"]["inputs"], "width": 128}},  # type: ignore[dict-item]
        "2": {"class_type": "SaveImage", "inputs": {"images": ["9", 0], "filename_prefix": "x"}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["9", 0]}},
    }
    one, two = file(project.root, GRAPH, "a.json"), file(project.root, other, "b.json")
    changes = run("studio", "workflow", "diff", one, two, "--json", cwd=project.root).data[
        "changes"
    ]
    assert [(one["kind"], one["node"], one["input"]) for one in changes] == [
        ("added", "3", ""),
        ("value", "1", "width"),
    ]


def test_families_are_shown_with_what_their_licences_allow(run: Run, project: Project) -> None:
    every = run("knowledge", "families", "--json", cwd=project.root).data["families"]
    free = run("knowledge", "families", "--commercial", "--json").data["families"]
    assert 0 < len(free) < len(every)
    assert {one["commercial"] for one in free} == {"yes"}
    words = run("knowledge", "families", "minimax-h3").out
    assert "needs an agreement in US, EU, UK, KR" in words
    unknown = run("knowledge", "families", "z-imag", "--json").envelope["error"]
    assert "z-image" in unknown["message"]
