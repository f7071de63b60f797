"""``ategnatos-fence launch ROLE SLUG -p PROMPT``: an agent in a role, detached, with its sentinel.

The role decides the model (``roles`` in ``.claude/fleet.json``); an unknown one is refused. The
agent runs in a tmux session of its own; a file says that it is alive, and is taken away when the
session closes. It is done when its handoff file exists, and by nothing that it says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time

from ategnatos.fences.decision import Denied
from ategnatos.fences.fleet.settings import FILE, Fleet, load

_USAGE = "usage: ategnatos-fence launch ROLE SLUG -p PROMPT [--dry-run]"


def main(words: list[str]) -> int:
    """Run the command; the exit status: 0 launched, 1 refused with the reason on stderr."""
    import sys

    try:
        fleet, role, slug, prompt, dry = _asked(words)
        told = launch(fleet, role, slug, prompt, dry_run=dry)
    except Denied as denied:
        sys.stderr.write(f"{denied.said}\n")
        return 1
    sys.stdout.write(told + "\n")
    return 0


def launch(fleet: Fleet, role: str, slug: str, prompt: str, *, dry_run: bool = False) -> str:
    """Start the agent; what to wait for, in words. Raises Denied."""
    if role not in fleet.roles:
        known = ", ".join(sorted(fleet.roles)) or "none"
        raise Denied("launch", f"There is no role {role!r}.", f"Known in {FILE}: {known}.")
    if role in fleet.judges:
        _judges_others(fleet, role)
    handoff = fleet.at(f"{slug}-handoff.md")
    sentinel = fleet.at("active-sessions", f"{slug}.json")
    model = fleet.roles[role]
    told = (
        f"Role: {role} (model: {model})\n"
        f"Done when this file exists: {fleet.short(handoff)}\n"
        f"Alive while this file exists: {fleet.short(sentinel)}\n"
        f"Look: tmux attach -t {_session(slug)}"
    )
    if dry_run:
        return told + "\nNothing was started."
    for program in ("tmux", "claude"):
        if shutil.which(program) is None:
            raise Denied("launch", f"{program} is not installed; nothing was started.", "")
    if os.path.exists(handoff):
        raise Denied(
            "launch",
            f"{fleet.short(handoff)} is there already; nothing was started.",
            "Take another name, or move the finished handoff away.",
        )
    _claim(sentinel, {"slug": slug, "role": role, "model": model, "started": time.time()})
    # tmux hands its command to sh: every word is quoted for it, the prompt above all. The file is
    # removed by the session's own last act, and by a global hook where it is killed.
    role_of = f"ATEGNATOS_FLEET_ROLE={role}"
    name_of = f"ATEGNATOS_FLEET_SLUG={slug}"
    words = ["env", role_of, name_of, "claude", "--model", model, prompt]
    inner = " ".join(_quoted(one) for one in words)
    remove = f"rm -f {_quoted(sentinel)}"
    session = ("-s", _session(slug), "-c", fleet.root)
    started = ""
    for wait in (0.1, 0.3, 1.0, 3.0, 0.0):
        started = _tmux("new-session", "-d", *session, f"{inner}; {remove}")
        # A server whose last session has just closed ends; whoever asks it then is turned away.
        if not any(one in started for one in ("server exited", "lost server")):
            break
        time.sleep(wait)
    if started:
        os.unlink(sentinel)
        raise Denied("launch", f"tmux would not start it: {started}", "Nothing was started.")
    folder = os.path.dirname(sentinel)
    # Hooks of a session are gone with it; only a global one sees it close.
    _tmux(
        "set-hook",
        "-g",
        "session-closed",
        f'run-shell "rm -f {_quoted(folder)}/#{{s/^fleet-//:hook_session_name}}.json"',
    )
    return told


def _judges_others(fleet: Fleet, role: str) -> None:
    """Raise Denied where ``role`` would judge work of its own model."""
    own = [one for one in fleet.writers if fleet.roles.get(one) == fleet.roles[role]]
    if own:
        raise Denied(
            "launch",
            f"{role} and {own[0]} run on the same model ({fleet.roles[role]}); nothing was "
            "started: what judges the work must not be what wrote it.",
            f"Give one of them another model in {FILE}.",
        )


def _asked(words: list[str]) -> tuple[Fleet, str, str, str, bool]:
    plain, prompt, dry = [], "", False
    rest = iter(words)
    for word in rest:
        if word in ("-p", "--prompt"):
            prompt = next(rest, "")
        elif word == "--dry-run":
            dry = True
        elif word.startswith("-"):
            raise Denied("launch", f"Unknown option {word!r}.", _USAGE)
        else:
            plain.append(word)
    if len(plain) != 2 or not prompt.strip():
        raise Denied("launch", "A role, a name and a prompt are needed.", _USAGE)
    role, slug = plain
    if not slug or len(slug) > 60 or not all(char.isalnum() or char in "-_" for char in slug):
        raise Denied("launch", f"{slug!r} is no name: letters, digits, - and _, at most 60.", "")
    root = os.environ.get("CLAUDE_PROJECT_DIR") or os.getcwd()
    if not os.path.exists(os.path.join(root, FILE)):
        raise Denied("launch", f"There is no {FILE} here.", "It names the roles and their models.")
    return load(root), role, slug, prompt, dry


def _claim(path: str, facts: dict[str, object]) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError as error:
        raise Denied(
            "launch", f"An agent of this name is alive ({path}).", "Wait for it, or end it."
        ) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(facts, file)


def _tmux(*words: str) -> str:
    """Run tmux; what it complains of, "" where it does not."""
    done = subprocess.run(
        ["tmux", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return "" if done.returncode == 0 else (done.stderr.strip() or f"status {done.returncode}")


def _session(slug: str) -> str:
    return f"fleet-{slug}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
