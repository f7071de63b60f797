"""Runs on the page: curves that lose no jump, samples over steps, stop and go on, live."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire.project import Project
from ategnatos.train.run import record, state
from ategnatos.web import charts, hero, samples
from ategnatos.web.changes import RunsAtWork
from tests.train.run import studio
from tests.web import trainings
from tests.web.serving import Inside, inside
from tests.web.test_agreeing import person

NUMBERS = st.floats(0, 1e9, allow_nan=False, allow_subnormal=False)


@given(NUMBERS)
def test_an_axis_ends_at_a_round_number_that_is_not_below_its_values(value: float) -> None:
    top = charts.above(value)
    assert top >= value * (1 - 1e-9)
    assert value == 0 or top <= max(value, 1e-300) * 2.01
    assert len(charts.letters(0, top)) == 5


@given(st.lists(st.tuples(st.integers(0, 999), st.floats(allow_nan=True)), max_size=60))
def test_a_curve_stays_in_its_drawing_and_breaks_where_a_loss_is_no_number(
    points: list[tuple[int, float]],
) -> None:
    at = charts.Frame(0, 1000, 0, 1)
    path = charts.line(at, points)
    numbers = [float(one) for one in re.findall(r"-?\d+\.\d", path)]
    assert all(0 <= one <= 1000 for one in numbers)
    assert len(numbers) == 2 * sum(abs(y) < float("inf") for _, y in points)
    assert not path or path.startswith("M")


@pytest.mark.parametrize(
    ("name", "step", "prompt"),
    [
        ("samples/owl-000080-2.png", 80, "2"),
        ("sample/owl_000250_01_20261121180000_42.png", 250, "01"),
        ("sample/owl_e000003_00_20261121180000_42.png", 300, "00"),
        ("validation_images/step_250_owl_0_1024x1024.png", 250, "owl_0_1024x1024"),
        ("owl/samples/1763751234567__000000250_0.jpg", 250, "0"),
    ],
)
def test_samples_of_every_trainer_are_found_by_their_step(
    tmp_path: Path, name: str, step: int, prompt: str
) -> None:
    place = tmp_path / "output" / name
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x")
    place.with_name("notes.txt").write_bytes(b"x")
    place.with_name("grid.png").write_bytes(b"x")
    assert samples.by_step(tmp_path, ["output"], {3: 300}) == [(step, [f"output/{name}"])]


@pytest.fixture
def page(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    monkeypatch.setenv("ATEGNATOS_LOCKS", str(tmp_path / "locks"))
    with inside(project) as page:
        yield page


def test_a_run_shows_its_curve_its_best_checkpoint_and_its_samples(page: Inside) -> None:
    run = trainings.at_work(page.project)
    with person(page) as client:
        listed = client.get("/runs").text
        assert f'href="/runs/{run.id}"' in listed
        assert "It stands still." in listed
        shown = client.get(f"/runs/{run.id}").text
        assert "data-zone=" in shown
        assert "300 steps" in shown
        best = shown.partition('class="mark-best"')[0].rpartition("<td>")[2]
        assert best.startswith("checkpoint-300-"), "the lowest of what is known of most"
        assert "output/samples/owl-000100-2.png" in shown
        picture = client.get(f"/runs/{run.id}/sample/output/samples/owl-000100-2.png")
        assert picture.status_code == 200
        for path in ("../plan.json", "metrics.jsonl", "output/owl-000100.safetensors"):
            assert client.get(f"/runs/{run.id}/sample/{path}").status_code in {404, 410}
        assert client.get("/runs/nothing-1").status_code == 409
        assert run.id in client.get("/").text
        told = client.get(f"/api/v1/runs/{run.id}").json()
        assert (told["step"], len(told["ledger"])) == (300, 3)
        points = client.get(f"/api/v1/runs/{run.id}/curve?points=40").json()["points"]
        assert len(points) <= 40
        assert max(point["loss"] for point in points) == 3.0, "a jump of one step stays"
        assert client.get("/api/v1/runs").json()["runs"][0]["id"] == run.id
        assert 'ategnatos_training_runs{state="training"} 1' in client.get("/metrics").text


def test_a_run_that_nobody_looks_at_is_said_to_be_stale(page: Inside) -> None:
    run = trainings.at_work(page.project)
    with person(page) as client:
        for seconds, stale in ((5, False), (600, True)):
            then = record.iso(trainings.now() - timedelta(seconds=seconds))
            seen = json.loads((run.folder / state.LIVE).read_bytes())
            state.put_live(run.folder, {**seen, "at": then})
            assert ("stale: nobody" in client.get(f"/runs/{run.id}?panel").text) is stale


def test_a_run_is_stopped_and_gone_on_with_by_the_commands_own_functions(page: Inside) -> None:
    project = page.project
    run = studio.ordered(project, trainings.planned(project))
    assert run.state == "queued"
    with person(page) as client:
        said = client.post(f"/runs/{run.id}/stop").json()["said"]
        assert "was stopped" in said
        assert record.load(project, run.id).state == "stopped"
        again = client.post(f"/runs/{run.id}/stop")
        assert again.json()["error"]["code"] == "run_state"
        closed = client.post(f"/runs/{run.id}/resume")
        assert closed.json()["error"]["code"] == "train_gate"
        assert record.load(project, run.id).state == "stopped"
        job = client.get(f"/job/{run.job}")
        assert job.headers["location"] == f"/runs/{run.id}", "the job of a training is its run"


def test_a_browser_hears_of_a_run_that_moves(page: Inside) -> None:
    run = trainings.at_work(page.project)
    heard = threading.Event()

    def look() -> None:
        for step in range(301, 901):
            if heard.wait(0.1):
                return
            trainings.tell(run, {"step": step})

    looking = threading.Thread(target=look)
    with person(page) as client:
        looking.start()
        try:
            with client.stream("GET", "/events?channel=training") as stream:
                lines = stream.iter_lines()
                deadline = time.monotonic() + 60
                while next(lines) != "event: run":
                    assert time.monotonic() < deadline
                assert next(lines) == f"data: {run.id}"
        finally:
            heard.set()
            looking.join()


def test_a_look_at_a_run_is_noticed_and_an_ended_run_is_left_alone(project: Project) -> None:
    run = trainings.at_work(project)
    watch = RunsAtWork(project)
    assert watch.moved() == []
    trainings.tell(run, {"step": 301})
    assert watch.moved() == [run.id]
    assert watch.moved() == []
    record.note(project, run.id, now=trainings.now(), state="finished")
    watch.look_again()
    trainings.tell(run, {"step": 302})
    assert watch.moved() == []


def test_what_runs_make_of_a_hero_is_counted_from_the_record(project: Project) -> None:
    assert hero.of([]).attack is None
    run = trainings.at_work(project, state="finished", step=2300)
    found = hero.of([run])
    assert (found.level, found.experience, found.gold) == (2, 2300, 100)
    assert found.share == pytest.approx(0.3)
    assert found.attack is not None
    assert found.best == run.id
