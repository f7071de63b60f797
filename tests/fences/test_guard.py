"""The line of shell that asks the fence: whatever the fence does wrong, the call is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ategnatos.studio.claude_settings import HOOKS
from tests.fences.faults import FAULTS, put

GUARD = HOOKS["PreToolUse"]["hooks"][0]["command"]
SHELLS = [one for one in ("sh", "bash", "dash") if shutil.which(one)]


def ask(
    shell: str, programs: Path, given: str = "{}", guard: str = GUARD
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [shell, "-c", guard],
        input=given.encode(),
        capture_output=True,
        env={"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(programs)},
        cwd=programs,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_every_fault_of_a_fence_refuses(shell: str, tmp_path: Path) -> None:
    hasty = GUARD.replace("timeout 9", "timeout 0.3")
    for name, fault in FAULTS.items():
        put(tmp_path, fault)
        done = ask(shell, tmp_path, guard=hasty)
        assert done.returncode == 2, name
        assert done.stdout == b"", name
        assert b"The fence could not answer" in done.stderr, name


@pytest.mark.parametrize("shell", SHELLS)
def test_a_sound_fence_is_passed_on_as_it_speaks(shell: str, tmp_path: Path) -> None:
    fence = Path(sys.executable).with_name("ategnatos-fence")
    os.symlink(fence, tmp_path / "ategnatos-fence")
    (tmp_path / "grimoire" / ".state").mkdir(parents=True)
    call = {"tool_name": "Bash", "session_id": "s", "cwd": str(tmp_path)}
    silent = ask(shell, tmp_path, json.dumps({**call, "tool_input": {"command": "ls \\n"}}))
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, b"", b"")
    line = "rm -rf exports # 'a' \"b\" \\n }} é"
    refused = ask(shell, tmp_path, json.dumps({**call, "tool_input": {"command": line}}))
    assert refused.returncode == 0
    told = json.loads(refused.stdout)["hookSpecificOutput"]
    assert told["permissionDecision"] == "deny"
    assert told["permissionDecisionReason"].startswith("[record]")
