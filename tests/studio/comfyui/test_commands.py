"""The commands as a user runs them: start, status, logs, models, stop, and what is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project
from tests.conftest import Run
from tests.studio.comfyui.conftest import MakeComfyUI, Serve


def test_a_servers_life(run: Run, comfyui: MakeComfyUI, port: int, project: Project) -> None:
    folder, at = comfyui(), ("--port", str(port))
    studio = ("--project", project.root)
    where = ("--folder", folder, "--no-tmux", *at, *studio)
    planned = run("studio", "comfyui", "start", *where, "--dry-run")
    assert planned.code == 0
    assert "Only this machine can reach it" in planned.out
    assert run("studio", "comfyui", "status", *at, "--json").data["servers"][0]["state"] == (
        "stopped"
    )
    started = run("studio", "comfyui", "start", *where, "--json")
    assert started.data["fresh"] is True
    assert started.data["url"] == f"http://127.0.0.1:{port}"
    assert run("studio", "comfyui", "start", *where, "--json").data["fresh"] is False
    state = run("studio", "comfyui", "status", *at, "--json").data["servers"][0]
    assert (state["state"], state["ours"], state["queue"]) == (
        "running",
        True,
        {"running": 0, "pending": 0},
    )
    assert "To see the GUI" in run("studio", "comfyui", "logs", *at).out
    models = run("studio", "comfyui", "models", *at, "--json").data
    assert models["models"] == {"checkpoints": ["a.safetensors", "b.safetensors"]}
    recorded = documents.read(project, "studio").environment.comfyui
    assert (recorded.port, recorded.status, recorded.folder) == (port, "running", str(folder))
    assert run("studio", "comfyui", "stop", *at, "--dry-run", "--json").data["would_end"] is True
    ended = run("studio", "comfyui", "stop", *at, *studio, "--json").data
    assert (ended["was_running"], ended["signal"]) == (True, "SIGINT")
    assert run("studio", "comfyui", "stop", *at, "--json").data["was_running"] is False
    assert documents.read(project, "studio").environment.comfyui.status == "stopped"


def test_detect_works_without_a_studio_and_is_remembered_in_one(
    run: Run, comfyui: MakeComfyUI, project: Project, tmp_path: Path, port: int
) -> None:
    folder = comfyui()
    ran = run("studio", "comfyui", "detect", "--port", str(port), "--json", cwd=tmp_path)
    assert ran.data["server"] is None
    inside = ("--project", project.root, "--port", str(port), "--json")
    # The studio lies beside the ComfyUI folder, so it is found.
    found = run("studio", "comfyui", "detect", *inside).data["installed"]
    assert [one["folder"] for one in found] == [str(folder)]
    assert documents.read(project, "studio").environment.comfyui.folder == str(folder)


def test_a_studio_that_was_named_and_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    ran = run("studio", "comfyui", "detect", "--project", tmp_path, "--json")
    assert ran.envelope["error"]["code"] == "no_project"


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1"])
def test_a_port_that_is_none_is_refused(run: Run, port: str) -> None:
    assert run("studio", "comfyui", "detect", "--port", port).code == 1


def test_a_listener_of_another_kind_is_named(run: Run, serve: Serve) -> None:
    port = serve(lambda handler: handler.send_error(404))
    ran = run("studio", "comfyui", "detect", "--port", str(port))
    assert "another web server" in ran.out
