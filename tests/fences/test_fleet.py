"""The fences of a fleet: scopes, promises of proof, reports held against transcripts, launches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from ategnatos.fences import events
from ategnatos.fences.decision import Denied
from ategnatos.fences.fleet import boundaries, dispatch, evidence, history, launch, log
from ategnatos.fences.fleet.settings import load
from tests.waiting import wait_until

CONTRACT = {
    "component": "query",
    "source_roots": ["src/query"],
    "test_roots": ["tests/query"],
    "shared_dependencies": ["src/shared"],
    "forbidden_source_roots": ["src/query/secret"],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path.resolve()
    (root / ".claude").mkdir()
    put(root / ".claude" / "fleet.json", {"roles": {"writer": "model-a", "reviewer": "model-b"}})
    put(root / "contracts" / "query.json", CONTRACT)
    (root / "state" / "coordination").mkdir(parents=True)
    return root


def put(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def touch(
    project: Path, tool: str, path: str, agent: str = "a1", kind: str = "writer-query"
) -> None:
    wanted = {"command": path} if tool == "Bash" else {"file_path": str(project / path)}
    given = {"agent_id": agent, "agent_type": kind, "cwd": str(project)}
    boundaries.check(given, tool, wanted, str(project))


def stage(project: Path) -> Path:
    path = project / "state" / "coordination" / "pending-scope.json"
    put(path, {"contract": "contracts/query.json"})
    return path


# --- scopes -------------------------------------------------------------------------------------


def test_a_writer_without_a_scope_touches_nothing(project: Path) -> None:
    for tool, path in (("Read", "src/query/a.py"), ("Edit", "README.md"), ("Bash", "ls")):
        with pytest.raises(Denied, match="has no scope"):
            touch(project, tool, path)


def test_a_writer_stays_inside_its_component(project: Path) -> None:
    pending = stage(project)
    touch(project, "Edit", "src/query/a.py")
    assert not pending.exists(), "the first call claims the scope"
    touch(project, "Write", "tests/query/test_a.py")
    touch(project, "Read", "src/shared/b.py")
    touch(project, "Read", "contracts/query.json")
    touch(project, "Read", "state/coordination/notes.md")
    touch(project, "Edit", "README.md")
    touch(project, "Bash", "echo 1 > src/query/x.txt && ls /")
    for tool, path in (
        ("Read", "src/simulation/a.py"),
        ("Edit", "src/query/secret/a.py"),
        ("Edit", "src/query/../simulation/a.py"),
        ("Edit", "src/query2/a.py"),
        ("Edit", "contracts/query.json"),
        ("Bash", "echo 1 > src/simulation/a.py"),
        ("Bash", "cp src/query/a.py src/simulation/a.py"),
    ):
        with pytest.raises(Denied, match="outside what component 'query'"):
            touch(project, tool, path)


def test_a_link_out_of_the_component_is_followed(project: Path) -> None:
    stage(project)
    (project / "src" / "query").mkdir(parents=True)
    (project / "src" / "simulation").mkdir()
    (project / "src" / "query" / "door").symlink_to(project / "src" / "simulation")
    with pytest.raises(Denied, match="outside"):
        touch(project, "Edit", "src/query/door/a.py")


def test_one_scope_serves_one_agent(project: Path) -> None:
    stage(project)
    done: list[str] = []
    gate = threading.Barrier(6)

    def claim(agent: str) -> None:
        gate.wait()
        try:
            touch(project, "Edit", "src/query/a.py", agent=agent)
        except Denied:
            done.append("denied")
        else:
            done.append("passed")

    threads = [threading.Thread(target=claim, args=(f"a{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["denied"] * 5 + ["passed"]


def test_whoever_is_no_writer_is_left_alone(project: Path) -> None:
    touch(project, "Edit", "src/anything.py", agent="", kind="")
    touch(project, "Read", "src/anything.py", kind="reviewer")


def test_an_orchestrator_reads_no_source(project: Path) -> None:
    touch(project, "Read", "contracts/query.json", kind="orchestrator")
    with pytest.raises(Denied, match="reads no source"):
        touch(project, "Read", "src/query/a.py", kind="orchestrator")


@pytest.mark.parametrize("broken", ["{", "[]", "{}", '{"source_roots": []}', '{"source_roots": 3}'])
def test_a_contract_that_cannot_be_read_lets_nothing_pass(project: Path, broken: str) -> None:
    stage(project)
    (project / "contracts" / "query.json").write_text(broken, encoding="utf-8")
    with pytest.raises(Denied):
        touch(project, "Edit", "src/query/a.py")


@pytest.mark.parametrize(
    "broken", ["{", "[]", '{"roles": []}', '{"writers": "x"}', '{"colour": "red"}']
)
def test_a_fleet_file_that_cannot_be_read_lets_nothing_pass(project: Path, broken: str) -> None:
    (project / ".claude" / "fleet.json").write_text(broken, encoding="utf-8")
    with pytest.raises(Denied, match=r"fleet\.json"):
        touch(project, "Edit", "src/query/a.py")


# --- promises -----------------------------------------------------------------------------------

AUDIT = {
    "packet_type": "audit",
    "canonical_commands": ["make validate"],
    "expected_evidence_format": "raw_stdout",
}


def send(project: Path, prompt: str = "Is the gate green?", call: str = "toolu_1") -> None:
    wanted = {"subagent_type": "Explore", "prompt": prompt}
    dispatch.check({"tool_use_id": call}, "Agent", wanted, str(project))


def test_an_investigator_goes_out_with_a_promise_and_uses_it_up(project: Path) -> None:
    with pytest.raises(Denied, match="how they will be proven"):
        send(project)
    coordination = project / "state" / "coordination"
    put(coordination / dispatch.AUDIT, AUDIT)
    send(project)
    assert (coordination / "consumed" / f"toolu_1-{dispatch.AUDIT}").exists()
    with pytest.raises(Denied):
        send(project, call="toolu_2")
    put(coordination / dispatch.FREEFORM, {"reason": "find the usages of parse"})
    send(project, call="toolu_3")
    assert (coordination / "consumed" / f"toolu_3-{dispatch.FREEFORM}").exists()


def test_other_agents_need_no_promise(project: Path) -> None:
    wanted = {"subagent_type": "writer-query", "prompt": "x"}
    dispatch.check({"tool_use_id": "t"}, "Agent", wanted, str(project))


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"canonical_commands": []}, "name at least one"),
        ({"expected_evidence_format": "prose"}, "must be one of"),
        ({"expected_evidence_format": "file_read"}, "needs canonical_files"),
        ({"canonical_commands": [], "canonical_files": ["a"]}, "needs canonical_commands"),
        ({"canonical_commands": "make"}, "list of texts"),
        ({"packet_type": "note"}, "packet_type"),
        ({"colour": "red"}, "unknown field"),
    ],
)
def test_a_promise_that_proves_nothing_is_refused(
    project: Path, change: dict[str, Any], wrong: str
) -> None:
    put(project / "state" / "coordination" / dispatch.AUDIT, {**AUDIT, **change})
    with pytest.raises(Denied, match=wrong):
        send(project)
    assert (project / "state" / "coordination" / dispatch.AUDIT).exists(), "it is not used up"


def test_a_freeform_without_a_reason_is_refused(project: Path) -> None:
    put(project / "state" / "coordination" / dispatch.FREEFORM, {"reason": "  "})
    with pytest.raises(Denied, match="reason"):
        send(project)


# --- reports ------------------------------------------------------------------------------------

OUTPUT = "checking 27 contracts\n27 of 27 hold\nOK"


def transcript(project: Path, *calls: tuple[str, dict[str, Any], str], prompt: str) -> str:
    path = project / "transcript.jsonl"
    entries: list[dict[str, Any]] = [
        {"type": "user", "message": {"role": "user", "content": prompt}},
        {"type": "summary"},
    ]
    for number, (tool, wanted, output) in enumerate(calls):
        use = {"type": "tool_use", "id": f"u{number}", "name": tool, "input": wanted}
        result = {
            "type": "tool_result",
            "tool_use_id": f"u{number}",
            "content": [{"type": "text", "text": output}],
        }
        entries.append({"message": {"role": "assistant", "content": [use]}})
        entries.append({"message": {"role": "user", "content": [result]}})
    text = "\n".join(json.dumps(one) for one in entries) + '\n{"message": {"cut off'
    path.write_text(text, encoding="utf-8")
    return str(path)


def ended(report: str) -> str:
    said = {"role": "assistant", "content": [{"type": "text", "text": report}]}
    return "\n" + json.dumps({"message": said}) + "\n"


def stop(project: Path, path: str, report: str) -> dict[str, Any] | None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(ended(report))
    given = {"agent_transcript_path": path, "last_assistant_message": report}
    return evidence.check(given, str(project))


@pytest.fixture
def promised(project: Path) -> Path:
    put(project / "state" / "coordination" / dispatch.AUDIT, AUDIT)
    send(project)
    return project


ASKED = "Is the gate green?"
RAN = ("Bash", {"command": "make validate"}, OUTPUT)


def test_a_report_with_its_proof_passes(promised: Path) -> None:
    path = transcript(promised, RAN, prompt=ASKED)
    assert stop(promised, path, f"The gate is green:\n```\n{OUTPUT}\n```\n") is None
    quoted = "\n".join("> " + line for line in OUTPUT.splitlines())
    assert stop(promised, path, f"The gate is green.\n\n{quoted}\n") is None


def test_a_transcript_that_is_still_being_written_is_waited_for(promised: Path) -> None:
    path = Path(transcript(promised, RAN, prompt=ASKED))
    report = f"The gate is green:\n{OUTPUT}"
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    path.write_text(first + "\n", encoding="utf-8")

    def go_on() -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(rest + ended(report))

    writer = threading.Timer(0.3, go_on)
    writer.start()
    given = {"agent_transcript_path": str(path), "last_assistant_message": report}
    assert evidence.check(given, str(promised)) is None
    writer.join()


def test_a_command_among_others_counts(promised: Path) -> None:
    ran = ("Bash", {"command": "cd /repo && make  validate"}, OUTPUT)
    assert stop(promised, transcript(promised, ran, prompt=ASKED), OUTPUT) is None


def test_a_command_that_was_not_run_sends_the_report_back(promised: Path) -> None:
    path = transcript(promised, ("Bash", {"command": "echo make validate"}, "x"), prompt=ASKED)
    told = stop(promised, path, f"Green:\n{OUTPUT}")
    assert told is not None
    assert told["decision"] == "block"
    assert "'make validate' was promised and not run" in told["reason"]


@pytest.mark.parametrize(
    "report",
    [
        "The gate is failing: 26 of 27.",
        "checking 27 contracts\n26 of 27 hold\nOK",
        "27 of 27 hold\nchecking 27 contracts\nOK\nin another order",
        "",
    ],
)
def test_a_report_that_does_not_quote_the_output_is_sent_back(promised: Path, report: str) -> None:
    told = stop(promised, transcript(promised, RAN, prompt=ASKED), report)
    assert told is not None
    assert "does not stand in the report as it came" in told["reason"]


def test_of_a_long_output_the_end_is_enough(promised: Path) -> None:
    lines = [f"contract {number}: holds" for number in range(500)]
    ran = ("Bash", {"command": "make validate"}, "\n".join(lines))
    path = transcript(promised, ran, prompt=ASKED)
    assert stop(promised, path, "The end of it:\n" + "\n".join(lines[-20:])) is None
    assert stop(promised, path, "\n".join(lines[:20])) is not None


def test_after_three_returns_it_passes_and_is_marked(promised: Path) -> None:
    path = transcript(promised, RAN, prompt=ASKED)
    for _ in range(3):
        told = stop(promised, path, "Trust me.")
        assert told is not None
        assert told["decision"] == "block"
    told = stop(promised, path, "Trust me.")
    assert told is not None
    assert "unproven" in told["systemMessage"]
    marked = promised / "state" / "coordination" / "consumed" / "toolu_1-unproven.json"
    assert "does not stand" in json.loads(marked.read_text())["missing"][0]


def test_a_promised_file_is_read_and_cited(project: Path) -> None:
    packet = {
        "packet_type": "audit",
        "canonical_files": ["src/query/a.py"],
        "expected_evidence_format": "file_read",
    }
    put(project / "state" / "coordination" / dispatch.AUDIT, packet)
    send(project)
    read = (
        "Read",
        {"file_path": "/repo/src/query/a.py"},
        "     1\tdef parse(text):\n     2\t    x",
    )
    path = transcript(project, read, prompt=ASKED)
    assert stop(project, path, "It begins:\n`def parse(text):`") is None
    told = stop(project, path, "It begins with a function.")
    assert told is not None
    assert "no line of 'src/query/a.py'" in told["reason"]


def test_an_agent_that_promised_nothing_may_stop(project: Path) -> None:
    assert stop(project, transcript(project, prompt="just look"), "I looked.") is None


# --- what was done stays -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "git reset --hard HEAD~1",
        "git -C sub push -uf origin main",
        "git push origin +main",
        "git push --force-with-lease=main",
        "git clean -xdf",
        "git checkout -- src",
        "git checkout .",
        "git restore src/a.py",
        "git stash drop",
        "git branch -D old",
        "git rebase main",
        "git commit -a --amend",
        "git worktree add ../other",
        "sh -c 'cd src && git reset --hard'",
        "for b in a b; do git branch -D $b; done",
        "case x in x) git status;; esac",
    ],
)
def test_history_is_not_lost(project: Path, line: str) -> None:
    with pytest.raises(Denied) as caught:
        history.check({"cwd": str(project)}, "Bash", {"command": line}, str(project))
    assert caught.value.rule == "history"


@pytest.mark.parametrize(
    "line",
    [
        "git status",
        "git add src && git commit -m 'reset --hard is not here'",
        "git push origin main",
        "git reset src/a.py",
        "git clean -n",
        "git restore --staged src",
        "git checkout -b query",
        "git stash push",
        "git log --oneline -5 -- src",
        "git branch --list",
        "echo 'git reset --hard'",
        "ls .github",
    ],
)
def test_ordinary_work_with_git_goes_on(project: Path, line: str) -> None:
    history.check({"cwd": str(project)}, "Bash", {"command": line}, str(project))


def test_what_the_fleet_did_is_kept_line_by_line(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(project))
    given = {"session_id": "s", "agent_id": "a1", "agent_type": "writer-query", "cwd": "/"}
    for tool, wanted in (
        ("Bash", {"command": "ls\nls"}),
        ("Write", {"file_path": "/x/ü.py", "content": "secret " * 9000}),
    ):
        events.after_a_tool({**given, "tool_name": tool, "tool_input": wanted})
    path = project / "state" / "coordination" / log.NAME
    kept = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(one["role"], one["tool"]) for one in kept] == [
        ("writer-query", "Bash"),
        ("writer-query", "Write"),
    ]
    assert kept[0]["command"] == "ls\nls"
    assert "secret" not in path.read_text(encoding="utf-8")


# --- launches -----------------------------------------------------------------------------------


def test_an_unknown_role_is_refused(project: Path) -> None:
    with pytest.raises(Denied, match="no role 'painter'") as caught:
        launch.launch(load(str(project)), "painter", "x", "hi")
    assert "reviewer, writer" in caught.value.said


def test_who_judges_is_not_the_model_that_wrote(project: Path) -> None:
    put(project / ".claude" / "fleet.json", {"roles": {"writer": "same", "reviewer": "same"}})
    with pytest.raises(Denied, match="must not be what wrote it"):
        launch.launch(load(str(project)), "reviewer", "x", "hi", dry_run=True)
    assert "same" in launch.launch(load(str(project)), "writer", "x", "hi", dry_run=True)


def test_a_dry_run_says_the_model_and_starts_nothing(project: Path) -> None:
    told = launch.launch(load(str(project)), "writer", "query-api", "hi", dry_run=True)
    assert "model: model-a" in told
    assert "state/coordination/query-api-handoff.md" in told
    assert not (project / "state" / "coordination" / "active-sessions").exists()


def test_a_tmux_server_that_is_just_ending_is_asked_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = project / "programs"
    programs.mkdir()
    ending = "test -e asked || { touch asked; echo server exited unexpectedly >&2; exit 1; }"
    for name, text in (("tmux", ending), ("claude", "")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.chdir(project)
    assert "Role: writer" in launch.launch(load(str(project)), "writer", "query-api", "hi")
    assert (project / "asked").exists()


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_an_agent_is_started_with_its_prompt_whole_and_leaves_no_sentinel(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    claude = programs / "claude"
    claude.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$ATEGNATOS_FLEET_ROLE" "$@" > told.part\n'
        "mv told.part told\nwhile [ ! -e leave ]; do sleep 0.05; done\n"
    )
    claude.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    prompt = 'it\'s "quoted" $HOME `x`\nand a second line; rm -rf /'
    sentinel = project / "state" / "coordination" / "active-sessions" / "query-api.json"
    try:
        launch.launch(load(str(project)), "writer", "query-api", prompt)
        wait_until(lambda: (project / "told").exists())
        assert (project / "told").read_text() == f"writer\n--model\nmodel-a\n{prompt}\n"
        assert json.loads(sentinel.read_text())["model"] == "model-a"
        with pytest.raises(Denied, match="is alive"):
            launch.launch(load(str(project)), "writer", "query-api", prompt)
        (project / "leave").touch()
        wait_until(lambda: not sentinel.exists())
        # Killed from outside: the global hook takes the sentinel away.
        (project / "leave").unlink()
        (project / "told").unlink()
        launch.launch(load(str(project)), "writer", "second", prompt)
        wait_until(lambda: (project / "told").exists())
        subprocess.run(["tmux", "kill-session", "-t", "fleet-second"], check=True)
        wait_until(lambda: not sentinel.with_name("second.json").exists())
    finally:
        subprocess.run(["tmux", "kill-server"], check=False, capture_output=True)
