"""``ategnatos studio budget`` as it is used, and the ways around it that must fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire import documents
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved, config
from tests.guard import keys
from tests.studio.fake_provider import Cloud

BUDGET = ("studio", "budget")


@pytest.fixture
def studio(project: Project) -> Project:
    approved.ensure_file(project)
    return project


@pytest.fixture
def ask(run: Any, studio: Project) -> Any:
    """``ask("show")``: a budget command in the studio, for a machine."""
    return lambda *words: run(*BUDGET, *words, "--json", cwd=studio.root)


def code(ran: Any) -> str | None:
    error = ran.envelope["error"]
    return None if error is None else str(error["code"])


def test_init_writes_the_file_and_the_page_shows_every_cap(run: Any, tmp_path: Path) -> None:
    assert run("init", tmp_path / "new").code == 0
    ran = run(*BUDGET, "show", cwd=tmp_path / "new")
    assert ran.code == 0
    for name in (*config.MONEY, *config.MINUTES, config.FLAG):
        assert name in ran.out
    path = tmp_path / "new" / "grimoire" / config.FILE
    path.unlink()
    assert run("init", tmp_path / "new").code == 0
    assert path.exists()


def test_an_amount_is_checked_against_the_caps_and_reserves_nothing(ask: Any) -> None:
    assert code(ask("check", "--estimated", "25.00")) is None
    assert code(ask("check", "--estimated", "25.01", "--operation", "train")) == "budget_refused"
    assert code(ask("check", "--estimated", "1", "--rate", "3.01")) == "budget_refused"
    assert code(ask("check", "--estimated", "1", "--minutes", "481")) == "budget_refused"
    assert ask("report").data["groups"] == []


def test_the_estimate_of_the_requirement_is_refused(ask: Any) -> None:
    assert ask("set", "max_total_cost", "3.00").code == 0
    assert code(ask("check", "--operation", "train", "--estimated", "5.00")) == "budget_refused"


@pytest.mark.parametrize("amount", ["-5", "$100", "1,000", "1000\n", "lots", "NaN", "", "1e3"])
def test_what_is_no_amount_is_refused(ask: Any, amount: str) -> None:
    assert code(ask("check", f"--estimated={amount}")) == "usage"
    assert code(ask("timer", "start", "elsewhere:pod-1", f"--rate={amount}")) == "usage"


def test_twenty_times_49_dollars_do_not_fit_into_50(ask: Any) -> None:
    """What the earlier implementation let through."""
    fits = [
        code(ask("timer", "start", f"runpod:p{n}", "--rate", "2.9", "--max-minutes", "480",
                 "--confirm"))
        for n in range(20)
    ]  # fmt: skip
    assert fits.count(None) == 1
    assert set(fits[1:]) == {"budget_refused"}


def test_a_timer_takes_its_rate_from_the_record_and_needs_confirm(
    ask: Any, studio: Project
) -> None:
    from ategnatos.grimoire.schemas.studio import Instance

    assert code(ask("timer", "start", "elsewhere:pod-1", "--confirm")) == "rental_rate"
    with documents.edit(studio, "studio") as record:
        record.active_instances = [Instance(id="pod-1", status="up", cost_per_hour="0.60")]
    ran = ask("timer", "start", "elsewhere:pod-1")
    assert code(ran) == "price_not_confirmed"
    assert ask("timer", "start", "elsewhere:pod-1", "--dry-run").data["reserves_usd"] == "0.60"
    assert ask("report").data["groups"] == []
    assert ask("timer", "start", "elsewhere:pod-1", "--confirm").data["reserves_usd"] == "0.60"
    assert code(ask("timer", "start", "elsewhere:pod-1", "--confirm")) == "rental_running"
    (timer,) = ask("show").data["timers"]
    assert timer["machine"] == "elsewhere:pod-1"


def test_require_confirm_false_is_read_as_false_and_only_a_person_may_say_it(
    ask: Any, studio: Project, at_terminal: Any
) -> None:
    assert code(ask("set", "require_confirm", "false")) == "needs_person"
    words = [*BUDGET, "set", "require_confirm", "false"]
    assert at_terminal(words, cwd=studio.root, answers=["yes"]).code == 0
    assert code(ask("timer", "start", "elsewhere:pod-1", "--rate", "0.60")) is None


def test_a_timer_of_which_nobody_knows_the_end_is_ended_by_a_person_alone(
    ask: Any, studio: Project, at_terminal: Any
) -> None:
    ask("timer", "start", "elsewhere:pod-1", "--rate", "0.60", "--confirm")
    assert code(ask("timer", "stop", "elsewhere:pod-1")) == "person_must_act"
    assert code(ask("timer", "stop", "elsewhere:pod-1", "--gone")) == "needs_person"
    assert len(ask("show").data["timers"]) == 1
    words = [*BUDGET, "timer", "stop", "elsewhere:pod-1", "--gone"]
    ran = at_terminal(words, cwd=studio.root, answers=["yes"])
    assert ran.code == 0, ran.out
    assert ask("show").data["timers"] == []
    (group,) = ask("report", "--by", "machine").data["groups"]
    assert (group["settled"], group["reserved"]) == ("0.01", "0.00")


def test_an_overdue_machine_without_its_provider_fails_the_sweep_loudly(
    ask: Any, studio: Project, run: Any
) -> None:
    ask("timer", "start", "elsewhere:pod-1", "--rate", "0.60", "--confirm")
    assert ask("sweep").code == 0
    with database.connect(studio) as db:
        db.execute("UPDATE rental SET due_at='2026-01-01T00:00:00Z'")
    ran = run(*BUDGET, "sweep", cwd=studio.root)
    assert ran.code == 1
    assert "provider's own page" in ran.err
    assert len(ask("show").data["timers"]) == 1


def test_a_report_knows_its_groupings_and_its_days(ask: Any) -> None:
    assert code(ask("report", "--by", "mood")) == "usage"
    assert code(ask("report", "--since", "yesterday")) == "usage"
    for by in ("day", "project", "asset", "engine", "lora", "job", "machine", "operation"):
        assert ask("report", "--by", by, "--since", "2026-01-01").data["groups"] == []


# --- ways around -------------------------------------------------------------------------


def test_no_pipe_and_no_session_without_a_terminal_raises_a_cap(studio: Project) -> None:
    for words in (
        ["set", "max_daily_cost", "900"],
        ["set", "max_job_cost", "none"],
        ["set", "max_engine_cost.x", "none"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ategnatos", *BUDGET, *words],
            cwd=studio.root,
            input=b"yes\nyes\nyes\n",
            capture_output=True,
            start_new_session=True,
            check=False,
        )
        changed = words[1] != "max_engine_cost.x"
        assert done.returncode == int(changed)
    assert approved.load(studio) == config.Config()


def test_an_agent_at_a_terminal_raises_nothing(studio: Project, at_terminal: Any) -> None:
    words = [*BUDGET, "set", "max_daily_cost", "900"]
    ran = at_terminal(words, cwd=studio.root, answers=["yes"], CLAUDECODE="1")
    assert ran.code == 1
    assert approved.load(studio) == config.Config()


def test_a_rewritten_file_starts_nothing(ask: Any, studio: Project) -> None:
    path = config.path_of(studio)
    loose = path.read_text().replace("25.00", "null")
    for text in (loose, "", "{}", loose.replace("null", '"25.00"')):
        path.write_text(text)
        ran = ask("timer", "start", "elsewhere:pod-1", "--rate", "1", "--confirm")
        assert code(ran) in {"budget_not_approved", "budget_invalid"}
        assert ask("show").code == 1
    path.unlink()
    path.symlink_to("/dev/null")
    ran = ask("timer", "start", "elsewhere:pod-1", "--rate", "1", "--confirm")
    assert code(ran) == "budget_invalid"
    path.unlink()
    assert code(ask("timer", "start", "elsewhere:pod-1", "--rate", "1", "--confirm")) == (
        "budget_missing"
    )
    assert ask("restore").code == 0
    assert code(ask("timer", "start", "elsewhere:pod-1", "--rate", "1", "--confirm")) is None


def test_deleting_the_database_shows_and_frees_nothing_less(ask: Any, studio: Project) -> None:
    words = ("--rate", "2.40", "--max-minutes", "480", "--confirm")
    assert ask("timer", "start", "elsewhere:pod-1", *words).code == 0
    for _ in range(2):
        for path in studio.state.glob("studio.db*"):
            path.unlink()
        assert [one["used"] for one in ask("show").data["caps"][1:3]] == ["19.20", "19.20"]
        assert code(ask("timer", "start", "runpod:pod-2", *words)) == "budget_refused"
        # The machine bills on, so its timer is there again.
        (timer,) = ask("show").data["timers"]
        assert (timer["machine"], timer["state"]) == ("elsewhere:pod-1", "running")
        assert ask("show").data["caps"][0]["used"] == "2.40"
        assert code(ask("timer", "start", "elsewhere:pod-1", *words)) == "rental_running"


def test_an_override_without_keys_is_refused(ask: Any) -> None:
    start = ("timer", "start", "elsewhere:pod-1", "--rate", "9", "--confirm", "--override")
    assert code(ask(*start)) == "usage"
    assert code(ask(*start, "--because", "a deadline")) == "signature_needed"
    assert ask("show").data["timers"] == []


# --- the watchdog as a process -----------------------------------------------------------


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A provider called ``fake``, installed as a stranger's package is: by its entry point."""
    with Cloud() as running:
        home = tmp_path / "site"
        (home / "fakecloud-1.0.dist-info").mkdir(parents=True)
        (home / "fakecloud-1.0.dist-info" / "METADATA").write_text("Name: fakecloud\nVersion: 1\n")
        (home / "fakecloud-1.0.dist-info" / "entry_points.txt").write_text(
            "[ategnatos.providers]\nfake = fakecloud:Installed\n"
        )
        (home / "fakecloud.py").write_text(
            "from tests.studio.fake_provider import CloudClient\n"
            "class Installed(CloudClient):\n"
            f"    def __init__(self):\n        super().__init__({running.port})\n"
        )
        root = Path(__file__).parents[2]
        monkeypatch.setenv("PYTHONPATH", f"{home}{os.pathsep}{root}")
        yield running


def test_the_watchdog_ends_what_is_overdue_and_survives_its_own_death(
    program: Any, studio: Project, cloud: Cloud
) -> None:
    cloud.machines.add("pod-1")
    words = ("timer", "start", "fake:pod-1", "--rate", "0.60", "--confirm", "--json")
    started = program(*BUDGET, *words, cwd=studio.root)
    assert started.data["can_be_ended"], started.err
    with database.connect(studio) as db:
        db.execute("UPDATE rental SET due_at='2026-01-01T00:00:00Z'")
    watch = [sys.executable, "-m", "ategnatos", *BUDGET, "watch", "--every", "0.1"]
    first = subprocess.Popen(watch, cwd=studio.root, stderr=subprocess.PIPE, text=True)
    assert first.stderr is not None
    assert "seen absent once" in first.stderr.readline()
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    first.stderr.close()
    assert (cloud.asked, cloud.machines) == (["pod-1"], set())
    # The 30 seconds between the two looks, passed in the record instead of in the test.
    with database.connect(studio) as db:
        db.execute("UPDATE rental SET claimed_until=NULL, absent_since='2026-01-01T00:00:00Z'")
    ended = program(*BUDGET, "watch", "--until-idle", "--every", "0.1", "--json", cwd=studio.root)
    (machine,) = ended.data["machines"]
    assert (machine["kind"], cloud.asked) == ("ended", ["pod-1"])


# --- with approvers' keys ----------------------------------------------------------------


@pytest.fixture
def signed(studio: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The studio in signed mode; the terminal's passphrase is ``keys.PASSPHRASE``."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "account"))
    keys.founded(studio)
    return studio


def test_an_override_is_signed_once_and_passes_the_caps_for_that_machine_alone(
    ask: Any, signed: Project, at_terminal: Any
) -> None:
    start = ["timer", "start", "elsewhere:pod-1", "--rate", "9", "--confirm"]
    leave = ["--override", "--because", "a deadline"]
    assert code(ask(*start)) == "budget_refused"
    assert code(ask(*start, *leave)) == "needs_person"
    ran = at_terminal([*BUDGET, *start, *leave], cwd=signed.root, answers=[keys.PASSPHRASE])
    assert ran.code == 0, ran.out
    assert "All rented machines together may cost 3.00 USD an hour" in ran.out
    (timer,) = ask("show").data["timers"]
    assert timer["rate_usd_per_hour"] == "9.00"
    other = ["timer", "start", "runpod:pod-2", "--rate", "0.10", "--confirm"]
    assert code(ask(*other)) == "budget_refused"
    from ategnatos.grimoire import journal

    (given,) = [one for one in journal.read(signed) if "budget.override" in str(one.data)]
    assert "a deadline" in str(given.data)


def test_in_signed_mode_a_cap_is_raised_by_a_signature_and_by_nothing_forged(
    ask: Any, signed: Project, at_terminal: Any
) -> None:
    from datetime import UTC, datetime

    from ategnatos.grimoire import journal

    words = [*BUDGET, "set", "max_daily_cost", "30.00"]
    ran = at_terminal(words, cwd=signed.root, answers=[keys.PASSPHRASE])
    assert ran.code == 0, ran.out
    high = approved.load(signed)
    assert high.max_daily_cost == 30_000_000
    assert ask("set", "max_daily_cost", "5.00").code == 0
    (given,) = [one for one in journal.read(signed) if "budget.caps" in str(one.data)]
    now = datetime.now(UTC)
    # The same signed words again, and the same words with the signature left out.
    unsigned = {key: given.data[key] for key in ("for", "subject", "reason")}
    unsigned["subject"] = {**unsigned["subject"], "follows": approved.baseline(signed).event}
    for data in (given.data, {**unsigned, "gate": "unsigned"}):
        journal.append(signed, given.kind, actor=given.actor, data=data, now=now)
        config.path_of(signed).write_bytes(config.text_of(high))
        ran = ask("timer", "start", "elsewhere:pod-1", "--rate", "0.1", "--confirm")
        assert code(ran) in {"budget_not_approved", "gate_broken"}
    assert ask("report").data["groups"] == []
