"""Finding ComfyUI on the disk, and installing it through comfy-cli's real words."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.studio.comfyui import comfy_cli, installs, model_files, packs
from tests.conftest import Run
from tests.studio.comfyui.conftest import MakeComfyUI, make_comfyui
from tests.waiting import LONG_SECONDS

RECORDED = json.loads((Path(__file__).parent / "comfy_cli_recorded.json").read_bytes())["entries"]
ENTRIES = {entry["name"]: entry for entry in RECORDED}

# Stands in for comfy-cli: says what it said when it was recorded, and does what is asked beside.
FAKE = """\
#!{python}
import json, os, sys
from pathlib import Path
here = Path(__file__).parent
order = json.loads((here / "order.json").read_text())
arguments = sys.argv[1:]
assert arguments[:2] == ["--skip-prompt", "--json"], arguments
assert os.environ["DO_NOT_TRACK"] == "1" and os.environ["COMFY_NO_TELEMETRY"] == "1"
assert not any(name.startswith("ATEGNATOS_") for name in os.environ)
workspace = arguments[3] if arguments[2] == "--workspace" else ""
(here / "asked.json").write_text(json.dumps(arguments))
if order.get("touch"):
    place = Path(workspace) / order["touch"]
    place.mkdir(parents=True, exist_ok=True)
if order.get("hang"):
    import time
    time.sleep(60)
sys.stderr.write(order["err"].replace("{{workspace}}", workspace))
sys.stdout.write(order["out"].replace("{{workspace}}", workspace))
sys.exit(order["code"])
"""


class Comfy:
    """The fake: ``will(name)`` chooses what it says, ``asked`` is how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "comfy"
        program.write_text(FAKE.format(python=sys.executable))
        program.chmod(0o755)

    def will(self, name: str, **more: Any) -> None:
        (self.folder / "order.json").write_text(json.dumps({**ENTRIES[name], **more}))

    @property
    def asked(self) -> list[str]:
        found: list[str] = json.loads((self.folder / "asked.json").read_text())
        return found


@pytest.fixture
def comfy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Comfy:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Comfy(folder)


@pytest.fixture
def no_comfy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfy_cli, "program", lambda: None)


def test_a_checkout_is_found_with_its_python_and_version(comfyui: MakeComfyUI) -> None:
    folder = comfyui()
    found = installs.one(folder)
    assert (found.kind, found.version) == ("checkout", "0.3.64")
    assert found.python == folder / "venv" / "bin" / "python"
    assert installs.find(remembered=str(folder)) == [found]
    assert installs.find(environment={installs.ENVIRONMENT: str(folder)}) == [found]


def test_a_folder_is_known_by_its_whole_path(
    comfyui: MakeComfyUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = comfyui()
    monkeypatch.chdir(folder.parent)
    assert installs.one(Path("ComfyUI")) == installs.one(folder)


def test_a_portable_archive_is_found_by_either_folder(tmp_path: Path) -> None:
    archive = tmp_path / "ComfyUI_windows_portable"
    make_comfyui(archive / "ComfyUI")
    (archive / "python_embeded").mkdir()
    (archive / "python_embeded" / "python.exe").write_text("")
    for folder in (archive, archive / "ComfyUI"):
        found = installs.one(folder)
        assert (found.kind, found.code) == ("portable", archive / "ComfyUI")


def test_desktop_is_found_by_its_settings(tmp_path: Path) -> None:
    home = Path.home()
    settings = home / ".config" / "comfy-desktop" / "config.json"
    settings.parent.mkdir(parents=True)
    base = home / "Documents" / "ComfyData"
    (base / ".venv" / "bin").mkdir(parents=True)
    settings.write_text(json.dumps({"installState": "installed", "basePath": str(base)}))
    make_comfyui(home / "Applications/ComfyUI.app/Contents/Resources/ComfyUI")
    found = installs.find()
    assert [(one.kind, one.base) for one in found] == [("desktop", base)]
    assert found[0].models == base / "models"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"basePath": 4}', '{"basePath": "/nowhere"}'])
def test_broken_settings_of_desktop_are_passed_over(text: str) -> None:
    settings = Path.home() / ".config" / "ComfyUI" / "config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    assert installs.find(environment={}) == []


def test_a_folder_with_a_main_py_is_not_yet_comfyui(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    with pytest.raises(StudioError) as raised:
        installs.one(tmp_path)
    assert raised.value.code is installs.COMFYUI_FOLDER


def test_install_through_comfy_cli(comfy: Comfy, run: Run, tmp_path: Path) -> None:
    place = tmp_path / "New"
    make_comfyui(tmp_path / "Made")
    comfy.will("update succeeds, in plain text")
    order = json.loads((comfy.folder / "order.json").read_text())
    (comfy.folder / "order.json").write_text(json.dumps({**order, "touch": "."}))
    # It says success and there is nothing: that is no success.
    ran = run("studio", "comfyui", "install", "--folder", place, "--json")
    assert (ran.code, ran.envelope["error"]["code"]) == (1, "comfyui_folder")
    assert comfy.asked[2:6] == ["--workspace", str(place), "install", "--version"]
    again = run("studio", "comfyui", "install", "--folder", tmp_path / "Made", "--json")
    assert again.data["fresh"] is False


def test_without_comfy_cli_the_exact_steps_are_printed(
    no_comfy: None, run: Run, tmp_path: Path
) -> None:
    ran = run("studio", "comfyui", "install", "--folder", tmp_path / "a b", "--json")
    assert (ran.code, ran.envelope["error"]["code"]) == (1, "comfy_cli_missing")
    steps = ran.envelope["data"]["steps"]
    assert steps[0]["do"].endswith(f"'{tmp_path}/a b'")
    assert any("--index-url" in step["do"] for step in steps)
    planned = run("studio", "comfyui", "install", "--folder", tmp_path / "x", "--dry-run")
    assert planned.code == 0
    assert "git clone" in planned.out


def test_update_says_what_changed(comfy: Comfy, run: Run, comfyui: MakeComfyUI) -> None:
    comfy.will("update succeeds, in plain text")
    ran = run("studio", "comfyui", "update", "--folder", comfyui(), "--json")
    assert ran.data == {
        "before": "0.3.64",
        "after": "0.3.64",
        "changed": False,
        "next": ["ategnatos studio comfyui stop", "ategnatos studio comfyui start"],
    }
    assert comfy.asked[4:] == ["update", "comfy"]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("install from a source it does not know", "does not know"),
        ("install without a network", "there is no network"),
        ("update without a network", "there is no network"),
        ("node install without the Manager", "ComfyUI-Manager"),
        ("node install outside a workspace", "holds no ComfyUI"),
        ("update of a folder that is not there", "No such file or directory"),
        ("a command that does not exist", "too old or too new"),
    ],
)
def test_every_recorded_failure_is_said_in_our_words(comfy: Comfy, name: str, part: str) -> None:
    comfy.will(name)
    with pytest.raises(StudioError) as raised:
        comfy_cli.run(ENTRIES[name]["arguments"], workspace=Path("/nowhere"), patience=LONG_SECONDS)
    assert raised.value.code is comfy_cli.COMFY_CLI_FAILED
    assert part in raised.value.message
    assert raised.value.hint


def test_an_envelope_is_read_and_plain_text_is_no_failure(comfy: Comfy) -> None:
    comfy.will("which")
    found = comfy_cli.run(["which"], workspace=Path("/w"), patience=LONG_SECONDS)
    assert found.data == {"workspace_path": "/w", "workspace_type": "specified"}
    comfy.will("model list, a table in spite of --json")
    assert comfy_cli.run(["model", "list"], workspace=None, patience=LONG_SECONDS).data is None


def test_one_that_never_ends_is_ended(comfy: Comfy) -> None:
    comfy.will("which", hang=True)
    with pytest.raises(StudioError) as raised:
        comfy_cli.run(["which"], workspace=None, patience=0.5)
    assert raised.value.details["comfy_code"] == "timeout"


def test_nodes_are_listed_and_installed(comfy: Comfy, run: Run, comfyui: MakeComfyUI) -> None:
    folder = comfyui()
    pack = folder / "custom_nodes" / "ComfyUI-Manager"
    (pack / ".git").mkdir(parents=True)
    (pack / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "3.37"\n')
    (pack / ".git" / "config").write_text('[remote "origin"]\n\turl = https://t0k@github.com/a/b\n')
    (folder / "custom_nodes" / "off.disabled").mkdir()
    listed = run("studio", "comfyui", "nodes", "--folder", folder, "--json").data["packs"]
    assert listed == [
        {"name": "ComfyUI-Manager", "version": "3.37", "url": "https://github.com/a/b"}
    ]
    assert installs.manager_version(installs.one(folder)) == "3.37"
    comfy.will("update succeeds, in plain text", touch="custom_nodes/impact")
    done = run("studio", "comfyui", "nodes", "--folder", folder, "--install", "impact", "--json")
    assert [one["name"] for one in done.data["installed"]] == ["impact"]
    assert comfy.asked[4:] == ["node", "install", "--exit-on-fail", "impact"]


@pytest.mark.parametrize("name", ["", "-x", "--mode=remote", "a b", "a;b", "http://x/y", "../x"])
def test_a_name_that_is_no_pack_is_refused(name: str) -> None:
    with pytest.raises(StudioError):
        packs.checked_name(name)


def test_models_are_read_from_the_disk_where_no_server_answers(
    run: Run, comfyui: MakeComfyUI, port: int
) -> None:
    folder = comfyui()
    (folder / "models" / "checkpoints" / "sub").mkdir()
    for name in ("b.safetensors", "sub/a.safetensors", "put_checkpoints_here"):
        (folder / "models" / "checkpoints" / name).write_text("")
    ran = run("studio", "comfyui", "models", "--folder", folder, "--port", str(port), "--json")
    assert ran.data["models"] == {"checkpoints": ["b.safetensors", "sub/a.safetensors"]}
    assert model_files.of_server(f"http://127.0.0.1:{port}", patience=0.5) is None
