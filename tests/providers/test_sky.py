"""SkyPilot as a program: tasks that it reads, launches under our budget, ends that are proven."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved
from ategnatos.guard.budget.teardown import Outcome, Presence
from ategnatos.providers import Provider, load_provider
from ategnatos.providers.sky import Sky, program
from ategnatos.providers.sky.task import Task, bounds
from ategnatos.providers.values import Created, Intent, Kind, Offer, Refused, State, Unknown
from ategnatos.studio import watchdog
from ategnatos.studio.renting import ending
from tests.conftest import Run

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE / "recorded" / "sky-task-schema.json").read_text(encoding="utf-8"))
LABEL = "ateg-r7f3c2-a1"
# Of the account that runs the tests; each test has an environment of its own.
INSTALLED = os.environ.get("ATEGNATOS_SKY", "")
TASK = Task(name="owl", gpus="L4", most=Decimal("0.90"), setup="echo ready\n", run="sleep 1\n")


@pytest.fixture
def sky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a program called ``sky``, first on PATH; beside it a python, as in its own."""
    folder = tmp_path / "sky"
    folder.mkdir()
    for name, line in (
        ("sky", f'exec {sys.executable} "{HERE / "fake_sky.py"}" "$@"'),
        # It reads a task as the real one does: refuses what is none.
        ("python", f'exec {sys.executable} "{HERE / "fake_sky_reader.py"}" "$@"'),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("FAKE_SKY", str(folder))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def intent(text: str) -> Intent:
    offer = Offer("sky", "task", "L4", 1, 0.0, Decimal("0.90"), details={"task": text})
    return Intent(LABEL, "r7f3c2", offer, "ssh-ed25519 AAAA x")


def held_to_schema(text: str) -> dict[str, Any]:
    """What SkyPilot's own schemas say of a task: of the whole, and of its resources."""
    task: dict[str, Any] = yaml.safe_load(text)
    jsonschema.validate(task, SCHEMA["task"])
    jsonschema.validate(task["resources"], SCHEMA["resources"])
    return task


def test_it_is_a_provider_like_the_others() -> None:
    assert isinstance(load_provider("sky"), Provider)
    assert list(Sky().offers(None)) == []  # type: ignore[arg-type]


def test_where_it_is_not_installed_it_bills_nothing_and_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ATEGNATOS_SKY", str(tmp_path / "none"))
    assert not Sky().terms().bills
    assert list(Sky().ours()) == []
    with pytest.raises(StudioError) as error:
        Sky().get(LABEL)
    assert error.value.code.code == "sky_missing"


def test_where_it_is_for_other_work_it_is_not_asked_until_we_use_it(sky: Path) -> None:
    assert list(Sky().ours()) == []
    assert not Sky().terms().bills
    assert not (sky / "calls").exists()
    Sky().create(intent(TASK.text()))
    assert [one.id for one in Sky().ours()] == [LABEL]
    assert Sky().terms().bills


def test_a_task_is_what_skypilot_reads_with_its_bounds(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    full = Task(
        name="owl",
        gpus="A100-80GB:2",
        most=Decimal("4.5"),
        setup='echo "a: b"\n# no\nyes\n',
        run="python train.py --n 1e3\n",
        mounts={"data/owl": tmp_path / "data"},
        clouds=("aws", "gcp/us-central1", "lambda"),
        spot=True,
        disk_gb=200,
        idle_minutes=10,
    )
    task = held_to_schema(full.text())
    assert task["setup"] == full.setup
    assert [one["infra"] for one in task["resources"]["any_of"]] == list(full.clouds)
    assert task["resources"]["autostop"] == {"idle_minutes": 10, "down": True}
    found = bounds(full.text())
    assert (found.most, found.idle_minutes, found.gpus, found.count, found.spot) == (
        Decimal("4.5"),
        10,
        "A100-80GB",
        2,
        True,
    )
    held_to_schema(TASK.text())


@pytest.mark.parametrize(
    "change",
    [
        {"max_hourly_cost": None},
        {"max_hourly_cost": True},
        {"autostop": {"idle_minutes": 10}},
        {"autostop": 10},
        {"any_of": [{"infra": "aws", "max_hourly_cost": 99}]},
    ],
)
def test_a_task_that_nothing_bounds_is_not_launched(change: dict[str, Any]) -> None:
    task = yaml.safe_load(TASK.text())
    task["resources"].update(change)
    with pytest.raises(StudioError) as error:
        bounds(yaml.safe_dump(task))
    assert error.value.code.code == "sky_task"


def test_several_machines_are_not_bounded_by_the_price_of_one() -> None:
    with pytest.raises(StudioError):
        bounds(yaml.safe_dump({**yaml.safe_load(TASK.text()), "num_nodes": 4}))


@pytest.mark.parametrize(
    "wrong",
    [{"gpus": "L4; id"}, {"name": "Owl"}, {"clouds": ("aws\n",)}, {"most": Decimal("NaN")}],
)
def test_odd_words_make_no_task(wrong: dict[str, Any]) -> None:
    from dataclasses import replace

    with pytest.raises(StudioError):
        replace(TASK, **wrong).text()


@pytest.mark.parametrize(
    ("how", "answer"),
    [("well", Created), ("refused", Refused), ("lost", Unknown), ("cut", Unknown)],
)
def test_what_came_of_a_launch_is_known_or_unknown(sky: Path, how: str, answer: type) -> None:
    (sky / "how").write_text(how)
    looks: list[int] = []
    made = Sky().create(intent(TASK.text()), lambda: looks.append(1))
    assert isinstance(made, answer)
    assert looks == [1]
    calls = [json.loads(line) for line in (sky / "calls").read_text().splitlines()]
    assert [one[0] for one in calls] == ["launch"]
    found = [one.id for one in Sky().find(LABEL)]
    assert found == ([] if how == "refused" else [LABEL])
    if isinstance(made, Refused):
        assert made.kind is Kind.BLOCKED


def test_every_state_is_mapped_and_a_new_one_is_unknown(sky: Path) -> None:
    Sky().create(intent(TASK.text()))
    expected = {
        "INIT": State.PENDING,
        "PENDING": State.PENDING,
        "UP": State.RUNNING,
        "STOPPED": State.STOPPING,
        "AUTOSTOPPING": State.STOPPING,
        "NEXT_YEAR": State.UNKNOWN,
    }
    (row,) = json.loads((sky / "clusters.json").read_text())
    for raw, state in expected.items():
        (sky / "clusters.json").write_text(json.dumps([{**row, "status": raw}]))
        found = Sky().get(LABEL)
        assert found is not None
        assert (found.raw, found.state) == (raw, state)
    unwell = {**row, "status": "INIT", "init_kind": "unhealthy"}
    (sky / "clusters.json").write_text(json.dumps([unwell]))
    found = Sky().get(LABEL)
    assert found is not None
    assert found.state is State.UNKNOWN


def test_an_end_is_believed_of_a_cluster_that_its_history_knows(sky: Path) -> None:
    one = Sky()
    one.create(intent(TASK.text()))
    assert one.observe(LABEL).presence is Presence.PRESENT
    (sky / "stuck").touch()
    assert one.terminate(LABEL).outcome is Outcome.UNKNOWN
    (sky / "stuck").unlink()
    assert one.terminate(LABEL).outcome is Outcome.ACCEPTED
    assert one.terminate(LABEL).outcome is Outcome.ALREADY_GONE
    assert one.observe(LABEL).presence is Presence.ABSENT
    assert one.billing_proof(LABEL, datetime.now(UTC)).billed == Decimal("0.71")
    # Its files were deleted: it no longer knows what it made.
    (sky / "history.json").unlink()
    assert one.observe(LABEL).presence is Presence.UNKNOWN
    (sky / "silent").touch()
    assert one.observe(LABEL).presence is Presence.UNKNOWN
    with pytest.raises(StudioError) as error:
        one.ours()
    assert error.value.code.code == "provider_silent"


def test_one_that_takes_too_long_is_ended_and_nobody_knows(sky: Path) -> None:
    (sky / "sky").write_text("#!/bin/sh\nexec sleep 60\n")
    done = program.run(["status"], 0.3, lambda line: None)
    assert done.status == -1


@pytest.fixture
def studio(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    approved.ensure_file(project)
    monkeypatch.chdir(project.root)
    for room in (ending, watchdog):
        monkeypatch.setattr(room, "ABSENCE_SECONDS", 0.1)
    return project


def test_a_task_is_launched_under_the_budget_and_ended_with_proof(
    run: Run, studio: Project, sky: Path, tmp_path: Path
) -> None:
    script = tmp_path / "train.sh"
    script.write_text("echo training\n")
    given = ["--gpu", "L4", "--most", "0.90", "--run", script, "--cloud", "gcp", "--cloud", "aws"]
    written = run("studio", "provider", "sky", "task", "owl", *given, "--json").data
    assert written["read_by_skypilot"]
    held_to_schema(written["task"])
    file = written["file"]
    price = run("studio", "provider", "sky", "up", file, "--hours", "2", "--json").envelope["error"]
    assert (price["code"], price["details"]["price_usd"]) == ("price_not_confirmed", "1.80")
    assert not (sky / "clusters.json").exists()
    up = run("studio", "provider", "sky", "up", file, "--hours", "2", "--confirm", "--json").data
    assert (sky / "task.yaml").read_text() == written["task"]
    (listed,) = run("studio", "provider", "status", "--json").data["machines"]
    assert (listed["machine"], listed["state"]) == (f"sky:{up['label']}", "running")
    said = run("studio", "provider", "sky", "logs", up["label"], "--json").data
    assert "step 2" in said["text"]
    reaped = run("studio", "reaper", "--once", "--json").data
    assert [one["kind"] for one in reaped["machines"]] == ["runs"]
    down = run("studio", "provider", "down", "--json").data["machines"][0]
    assert (down["gone"], down["billed_usd"]) == (True, "0.71")
    assert json.loads((sky / "clusters.json").read_text()) == []


def test_a_launch_whose_program_died_is_found_by_its_name_and_not_repeated(
    run: Run, studio: Project, sky: Path, tmp_path: Path
) -> None:
    (sky / "how").write_text("cut")
    file = tmp_path / "task.yaml"
    file.write_text(TASK.text())
    up = run("studio", "provider", "sky", "up", file, "--hours", "1", "--confirm", "--json")
    assert up.code == 0, up.out
    calls = [json.loads(line)[0] for line in (sky / "calls").read_text().splitlines()]
    assert calls.count("launch") == 1
    assert [one["name"] for one in json.loads((sky / "clusters.json").read_text())] == [
        up.data["label"]
    ]


def test_a_comfyui_is_a_task_too_and_words_that_do_not_fit_are_refused(
    run: Run, studio: Project, sky: Path
) -> None:
    made = run(
        "studio", "provider", "sky", "task", "draw", "--gpu", "RTX5090", "--most", "1",
        "--for", "comfyui", "--json",
    )  # fmt: skip
    task = held_to_schema(made.data["task"])
    # A card that needs CUDA 12.8, whose driver nobody knows yet: no newer one than it needs.
    assert "TORCH=https://download.pytorch.org/whl/cu128\n" in task["setup"]
    assert "setup: |\n" in made.data["task"]
    assert "run" not in task
    for odd in (
        ["--for", "train"],
        ["--for", "comfyui", "--mount", "nothing"],
        ["--for", "else"],
    ):
        line = ["studio", "provider", "sky", "task", "x", "--gpu", "L4", "--most", "1", *odd]
        assert run(*line, "--json").envelope["error"]["code"] == "usage"
    steps = run(
        "studio", "provider", "sky", "install", "--cloud", "aws", "--dry-run", "--json"
    ).data
    assert f"skypilot[aws]=={program.VERSION}" in steps["steps"][1]
    assert not run("studio", "provider", "sky", "install", "--json").data["installed"]


@pytest.mark.skypilot
def test_the_real_skypilot_reads_what_we_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if INSTALLED:
        monkeypatch.setenv("ATEGNATOS_SKY", INSTALLED)
    if program.found() is None:
        pytest.skip(f"needs SkyPilot: pip install skypilot=={program.VERSION}")
    from dataclasses import replace

    path = tmp_path / "task.yaml"
    (tmp_path / "data").mkdir()
    mounted = replace(
        TASK,
        mounts={"data/owl": tmp_path / "data"},
        clouds=("aws", "gcp/us-central1"),
        spot=True,
    )
    path.write_text(mounted.text())
    program.check(path)
    path.write_text("resources: {accelerators: 3}\n")
    with pytest.raises(StudioError) as error:
        program.check(path)
    assert error.value.code is program.SKY_TASK
