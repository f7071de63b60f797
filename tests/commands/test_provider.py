"""Renting as a user does it: the commands, over a provider that is played and a real sshd."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.studio import reaper as room
from ategnatos.studio.renting import keys
from tests.commands.renting_place import Played, cloud, server, studio
from tests.conftest import Run
from tests.machines import sshd
from tests.providers.clouds.cloud import KEY, Fault
from tests.providers.clouds.runpod import RunPodCloud

__all__ = ["cloud", "server", "studio"]

pytestmark = pytest.mark.sshd


def offer(run: Run) -> str:
    found = run("studio", "provider", "offers", "--gpu", "4090", "--provider", "runpod", "--json")
    (first, *_) = [one for one in found.data["offers"] if one["available"]]
    assert float(first["usd_for_stay"]) >= float(first["usd_per_hour"])
    return str(first["offer"])


def test_the_price_and_the_caps_are_said_and_nothing_is_rented_without_agreement(
    run: Run, studio: Path, cloud: Played
) -> None:
    refused = run("studio", "provider", "up", offer(run), "--hours", "2", "--json")
    error = refused.envelope["error"]
    assert refused.code == 1
    assert error["code"] == "price_not_confirmed"
    assert "would cost" in error["message"]
    assert float(error["details"]["price_usd"]) > 0
    assert error["details"]["caps"]["max_total_cost"] == "50.00"
    dry = run("studio", "provider", "up", offer(run), "--hours", "2", "--dry-run", "--json")
    assert dry.data["price_usd"] == error["details"]["price_usd"]
    over = run("studio", "provider", "up", offer(run), "--hours", "2000", "--confirm", "--json")
    assert over.envelope["error"]["code"] == "budget_refused"
    assert cloud.creates() == 0


def test_a_machine_is_rented_worked_on_and_proven_gone(
    run: Run, studio: Path, cloud: Played, server: sshd.Server, tmp_path: Path
) -> None:
    up = run("studio", "provider", "up", offer(run), "--hours", "1", "--confirm", "--json")
    assert up.code == 0, up.out
    name = up.data["machine"]
    label = up.data["label"]
    assert up.data["phases"] == [{"phase": "setup", "state": "done"}]
    assert [one.label for one in cloud.alive()] == [label]

    (listed,) = run("studio", "provider", "status", "--json").data["machines"]
    assert (listed["machine"], listed["state"]) == (name, "running")

    ran = run("studio", "provider", "run", name, "--json", "--", "echo", "a  b")
    assert ran.data["output"] == "a  b\n"
    failed = run("studio", "provider", "run", name, "--json", "--", "sh", "-c", "exit 7")
    assert failed.envelope["error"]["details"]["status"] == 7

    (tmp_path / "picture.txt").write_text("x")
    assert run("studio", "provider", "push", name, tmp_path / "picture.txt", "in/p.txt").code == 0
    assert run("studio", "provider", "pull", name, "in", tmp_path / "back").code == 0
    assert (tmp_path / "back" / "p.txt").read_text() == "x"

    unfit = run("studio", "provider", "validate", name, "--disk-min", "0", "--json")
    assert unfit.envelope["error"]["code"] == "machine_unfit"
    assert "GPU" in unfit.envelope["error"]["details"]["failed"]

    back = run("studio", "reconnect", "--json").data
    assert [one["state"] for one in back["phases"]] == ["done", *["waiting"] * 3]
    assert back["go_on"]["phase"] == "data"
    assert back["dead_man"]["alive"]

    reaped = run("studio", "reaper", "--once", "--json").data
    assert [one["kind"] for one in reaped["machines"]] == ["runs"]

    for one in server.home.rglob("*"):
        assert not one.is_file() or KEY not in one.read_text(errors="replace")

    down = run("studio", "provider", "down", name, "--json")
    assert down.data["machines"][0]["gone"]
    assert cloud.alive() == []
    assert not (keys.folder_of(label) / "key").exists()
    assert run("studio", "provider", "status", "--json").data["machines"] == []


def test_a_machine_that_never_lets_us_in_is_ended_and_said(
    run: Run,
    studio: Path,
    cloud: Played,
    server: sshd.Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    other = sshd.make_key(tmp_path / "other")
    monkeypatch.setattr(server, "admit", lambda public=None: None)
    (server.folder / "authorized").write_text(f"{other}\n")
    from dataclasses import replace

    from ategnatos.providers.runpod import RunPod

    terms = RunPod.terms

    def short(self: RunPod) -> Any:
        return replace(terms(self), boot_seconds=0.0)

    monkeypatch.setattr(RunPod, "terms", short)
    up = run("studio", "provider", "up", offer(run), "--hours", "1", "--confirm", "--json")
    error = up.envelope["error"]
    assert (error["code"], error["details"]["gone"]) == ("machine_not_up", True)
    assert cloud.alive() == []


def test_a_machine_whose_renter_died_is_ended_by_the_reaper(
    run: Run, studio: Path, cloud: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ategnatos.studio import moving_in

    def die(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(moving_in, "move_in", die)
    assert run("studio", "provider", "up", offer(run), "--confirm").code == 130
    (there,) = cloud.alive()
    first = run("studio", "reaper", "--once", "--json").data["machines"][0]
    assert "cut off" in first["why"]
    time.sleep(0.2)
    run("studio", "reaper", "--once")
    time.sleep(0.2)
    run("studio", "reaper", "--once")
    assert cloud.alive() == []
    assert run("studio", "provider", "status", "--json").data["machines"] == []
    assert there.label


def test_a_lost_answer_is_no_second_machine(run: Run, studio: Path, cloud: Played) -> None:
    cloud.inject("create", Fault.ERROR_AFTER)
    up = run("studio", "provider", "up", offer(run), "--confirm", "--json")
    assert up.code == 0, up.out
    assert (cloud.creates(), len(cloud.alive())) == (1, 1)


def test_a_machine_that_only_bears_our_prefix_is_shown_and_left_alone(
    run: Run, studio: Path, cloud: Played
) -> None:
    # Of another studio: its run stands in no record of this one.
    body = {"name": "ateg-r9z9z9z9-a1", "gpu": {"id": "x", "count": 1}, "image": "i"}
    RunPodCloud._made(cloud, body)
    found = run("studio", "reaper", "--once", "--json")
    assert [one["label"] for one in found.data["strangers"]] == ["ateg-r9z9z9z9-a1"]
    assert len(cloud.alive()) == 1


@pytest.mark.parametrize("how", ["cron", "systemd"])
def test_the_reaper_says_how_it_is_kept_running(run: Run, studio: Path, how: str) -> None:
    found = run("studio", "reaper", "--install", how, "--json").data
    assert "studio reaper" in found["text"]
    assert str(studio) in found["text"]


def test_leftovers_are_listed_with_their_price_and_removed_when_agreed(
    run: Run, studio: Path, cloud: Played
) -> None:
    cloud.leave_behind("ateg-r7f3c2-a1")
    listed = run("studio", "provider", "leftovers", "--provider", "runpod", "--json")
    assert listed.envelope["error"]["code"] == "left_over"
    assert cloud.left_behind()
    done = run("studio", "provider", "leftovers", "--provider", "runpod", "--confirm", "--json")
    assert done.code == 0, done.out
    assert cloud.left_behind() == []


def test_two_reapers_do_not_work_at_once(
    run: Run, studio: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ategnatos.grimoire import locks

    with locks.hold(project, room.LOCK):
        monkeypatch.setattr(room, "WAIT_SECONDS", 0.1)
        assert run("studio", "reaper", "--once", "--json").envelope["error"]["code"] == "locked"
