"""The pack in the real Claude Code: no account, no network, a clean home, a scripted model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.claude_code.model import Model, Turn, said, tool
from tests.fences.faults import FAULTS, put

CLIENT = os.environ.get("ATEGNATOS_CLAUDE_CODE") or shutil.which("claude")
pytestmark = [
    pytest.mark.claude_code,
    pytest.mark.skipif(
        CLIENT is None,
        reason="Claude Code is not here: npm install @anthropic-ai/claude-code, then put it on "
        "PATH or name it in ATEGNATOS_CLAUDE_CODE",
    ),
]
BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]


class Spoken:
    """A conversation that is over: what the client printed, and what it sent to the model."""

    def __init__(self, lines: list[dict[str, Any]], model: Model) -> None:
        self.lines = lines
        self.model = model

    @property
    def init(self) -> dict[str, Any]:
        return next(one for one in self.lines if one.get("subtype") == "init")

    @property
    def results(self) -> list[str]:
        """What each tool call gave back to the model, in order."""
        found = []
        for line in self.lines:
            content = line.get("message", {}).get("content") if line.get("type") == "user" else None
            for piece in content if isinstance(content, list) else []:
                if piece.get("type") == "tool_result":
                    told = piece["content"]
                    found.append(told if isinstance(told, str) else json.dumps(told))
        return found


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    folder = tmp_path / "studio"
    made = subprocess.run(
        [BIN / "ategnatos", "init", folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert made.returncode == 0, made.stderr
    return folder


def talk(
    studio: Path,
    prompt: str,
    *script: Turn,
    options: tuple[str, ...] = (),
    path: str = "",
    agents: dict[str, list[Turn]] | None = None,
) -> Spoken:
    """One headless conversation in ``studio``."""
    home = studio.parent / "home"
    home.mkdir(exist_ok=True)
    trusted = {"projects": {str(studio): {"hasTrustDialogAccepted": True}}}
    (home / ".claude.json").write_text(json.dumps({"hasCompletedOnboarding": True, **trusted}))
    assert CLIENT is not None
    node = shutil.which("node") or "/usr/bin/node"
    path = path or f"{BIN}:{Path(node).parent}:/usr/bin:/bin"
    with Model(list(script), agents) as model:
        done = subprocess.run(
            [CLIENT, "-p", prompt, "--output-format", "stream-json", "--verbose", *options],
            cwd=studio,
            env={
                "PATH": path,
                "HOME": str(home),
                "ANTHROPIC_BASE_URL": model.url,
                "ANTHROPIC_API_KEY": "scripted",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,  # of seconds: a machine may be very busy
            check=False,
        )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert any(line.get("type") == "result" for line in lines), done.stderr + done.stdout[-2000:]
    return Spoken(lines, model)


def test_a_fresh_studio_in_one_conversation(studio: Path) -> None:
    """One start of the client for all that a sound studio should show: it takes seconds."""
    eye = studio / "grimoire" / "eye.md"
    before = eye.read_bytes() if eye.exists() else None
    spoken = talk(
        studio,
        "/studio how do things stand?",
        tool("Bash", command="ategnatos status --json | head -c 300"),
        tool("Bash", command="ategnatos art approve 'j1#1'"),
        tool("Read", file_path=str(studio / "grimoire" / "studio.md")),
        tool("Write", file_path=str(eye), content="I like it dark."),
        tool("Bash", command="echo dark > grimoire/eye.md"),
        tool("Read", file_path=str(Path("~/.config/ategnatos/approver.key").expanduser())),
        tool("Skill", skill="art"),
        tool("Bash", command="ategnatos art generate 'medieval; eval $(x)' --dry-run"),
    )
    listed = {"studio", "art", "train", "eye"}
    assert listed <= set(spoken.init["slash_commands"])
    assert listed <= set(spoken.init["skills"])
    body = (studio / ".claude/skills/studio/SKILL.md").read_text().partition("\n# ")[2]
    assert body.splitlines()[0] in spoken.model.heard, "/studio put its body into the request"
    # The status has five seconds; a machine that is busier than that is said to be.
    screens = (f"Ategnatos studio at {studio}", "its status could not be read")
    assert any(one in spoken.model.heard for one in screens), "the conversation's first screen"
    status, approve, page, write, redirect, read, skill, generate = spoken.results
    assert '"ok": true' in status, "it ran without being asked for"
    assert "[person]" in approve, "the wording around a reason is the client's"
    assert "request-review" in approve
    # The client's own rule refuses an edit before any hook is asked; what to do instead, the rule
    # of the pack has said by then, which comes with the first page that is read.
    assert "GENERATED" in page
    assert "Read it with `ategnatos grimoire get`" in spoken.model.heard
    assert "denied" in write.lower()
    assert "[record]" in redirect
    assert "denied" in read.lower() or "[secret]" in read
    assert "art" in skill
    assert "medieval; eval" in generate, "a prompt is data"
    assert (eye.read_bytes() if eye.exists() else None) == before


def test_a_fence_with_any_fault_denies(studio: Path, tmp_path: Path) -> None:
    """Each way in which a fence can fail, in one conversation: before each call it fails anew."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ategnatos").symlink_to(BIN / "ategnatos")
    settings = studio / ".claude" / "settings.json"
    settings.write_text(settings.read_text().replace("timeout 9'", "timeout 1'"))
    calls = [
        lambda fault=fault, number=number: (
            put(programs, fault),
            tool("Bash", command=f"touch was-here-{number}"),
        )[1]
        for number, fault in enumerate(FAULTS.values())
    ]
    node = Path(shutil.which("node") or "/usr/bin/node").parent
    spoken = talk(studio, "hello", *calls, path=f"{programs}:{node}:/usr/bin:/bin")
    assert len(spoken.results) == len(FAULTS)
    for name, told in zip(FAULTS, spoken.results, strict=True):
        assert "The fence could not answer" in told, (name, told)
    assert not list(studio.glob("was-here-*"))


def test_the_locks_hold_with_the_hooks_off(studio: Path) -> None:
    settings = studio / ".claude" / "settings.json"
    without = json.loads(settings.read_text())
    del without["hooks"]
    settings.write_text(json.dumps(without))
    spoken = talk(
        studio,
        "hello",
        tool("Bash", command="ategnatos art generate 'a red potion' --count 1 --json"),
        tool("Bash", command="ategnatos art approve 'j1#1' --json"),
        tool("Bash", command="ategnatos art reject 'j1#1' --because 'no' --json"),
        tool("Bash", command="ategnatos gate init --name mo --json"),
    )
    made, *refused = spoken.results
    assert '"ok": true' in made
    assert len(refused) == 3
    for told in refused:
        assert "terminal" in told
        assert '"ok": true' not in told
    journal = (studio / "grimoire/.state/journal.jsonl").read_text()
    assert "approved" not in journal


@pytest.mark.parametrize("place", [".", ".claude"])
def test_the_plugin_is_valid_and_nothing_is_warned_of(place: str, tmp_path: Path) -> None:
    assert CLIENT is not None
    done = subprocess.run(
        [CLIENT, "plugin", "validate", "--strict", ROOT / place],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_speaks_in_a_studio_and_is_silent_elsewhere(studio: Path) -> None:
    plugin = ("--plugin-dir", str(ROOT / ".claude"))
    (studio / ".claude" / "settings.json").unlink()
    inside = talk(studio, "hello", tool("Bash", command="rm -rf exports"), options=plugin)
    assert {"ategnatos:art", "ategnatos:studio"} <= set(inside.init["skills"])
    (told,) = inside.results
    assert "[record]" in told
    elsewhere = studio.parent / "elsewhere"
    elsewhere.mkdir()
    outside = talk(elsewhere, "hello", tool("Bash", command="ls"), options=plugin)
    assert "[" not in outside.results[0]
    assert "Ategnatos studio at" not in outside.model.heard


def test_the_fences_of_a_fleet(studio: Path) -> None:
    """An investigator without a promise, one whose report proves nothing, a writer's bounds."""
    coordination = studio / "state" / "coordination"
    coordination.mkdir(parents=True)
    put_json(studio / ".claude" / "fleet.json", {"writers": ["writer"]})
    put_json(studio / "contracts" / "query.json", {"component": "query", "source_roots": ["src"]})
    writer = studio / ".claude" / "agents" / "writer.md"
    writer.parent.mkdir()
    writer.write_text("---\nname: writer\ndescription: Writes.\ntools: Write\n---\nWrite.\n")

    def send(kind: str, prompt: str, *staged: tuple[str, object]) -> Turn:
        def turn() -> list[dict[str, Any]]:
            for name, what in staged:
                put_json(coordination / name, what)
            wanted = {"prompt": prompt, "subagent_type": kind, "run_in_background": False}
            return tool("Agent", description="x", **wanted)

        return turn

    def write(name: str) -> Turn:
        return tool("Write", file_path=str(studio / name), content="x = 1\n")

    proof = {
        "packet_type": "audit",
        "canonical_commands": ["echo 27 of 27 passed"],
        "expected_evidence_format": "raw_stdout",
    }
    scope = ("pending-scope.json", {"contract": "contracts/query.json"})
    spoken = talk(
        studio,
        "hello",
        send("general-purpose", "LOOK-WITHOUT-A-PROMISE"),
        send("general-purpose", "IS-THE-GATE-GREEN", ("pending-subagent-audit.json", proof)),
        send("writer", "WRITE-WITHOUT-A-SCOPE"),
        send("writer", "WRITE-THE-QUERY", scope),
        options=("--permission-mode", "acceptEdits"),
        agents={
            "IS-THE-GATE-GREEN": [
                tool("Bash", command="echo 27 of 27 passed"),
                said("The gate is red: four files lack a field."),
                said("I looked at it again:\n27 of 27 passed\nThe gate is green."),
            ],
            "WRITE-WITHOUT-A-SCOPE": [write("src/a.py")],
            "WRITE-THE-QUERY": [write("src/b.py"), write("other/c.py")],
        },
    )
    heard = spoken.model.heard
    assert "nothing says how they will be proven" in heard
    assert "The report does not carry its proof yet" in heard, "the first report was sent back"
    assert any("The gate is green" in told for told in spoken.results)
    assert not any("The gate is red" in told for told in spoken.results)
    assert "writer has no scope" in heard
    assert "lies outside what component 'query' may touch" in heard.replace("\\", "")
    assert [one.name for one in studio.glob("*/*.py")] == ["b.py"]


def put_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
