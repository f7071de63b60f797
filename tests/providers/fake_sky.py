"""A program that stands in for ``sky``: keeps its clusters in a file, says what the real one said.

In its folder: ``how`` holds how the next launch goes (well, refused, lost, cut, unhealthy),
``clusters.json`` what is there, ``history.json`` what ever was, ``calls`` one line a call.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["FAKE_SKY"])
RECORDED = json.loads((Path(__file__).parent / "recorded" / "sky.json").read_text(encoding="utf-8"))


def kept(name: str) -> list[dict[str, Any]]:
    path = FOLDER / name
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found


def keep(name: str, rows: list[dict[str, Any]]) -> None:
    (FOLDER / name).write_text(json.dumps(rows))


def launch(words: list[str]) -> int:
    name = words[words.index("--cluster") + 1]
    task = Path(words[-1])
    (FOLDER / "task.yaml").write_text(task.read_text())
    how = (FOLDER / "how").read_text() if (FOLDER / "how").exists() else "well"
    print(f"YAML to run: {task}")
    if how == "refused":
        print(RECORDED["said"]["no_catalog"], file=sys.stderr)
        return 1
    row = {**RECORDED["status"], "name": name}
    if how == "unhealthy":
        row |= {"status": "INIT", "init_kind": "unhealthy"}
    if how != "never":
        keep("clusters.json", [one for one in kept("clusters.json") if one["name"] != name] + [row])
        keep("history.json", [*kept("history.json"), {**RECORDED["cost"], "name": name}])
    if how == "cut":
        os.kill(os.getpid(), signal.SIGKILL)
    if how in ("lost", "never"):
        print("sky.exceptions.ApiServerConnectionError: could not connect", file=sys.stderr)
        return 1
    print("Job submitted, ID: 1")
    return 0


def down(words: list[str]) -> int:
    name = words[-1]
    there = kept("clusters.json")
    if name not in [one["name"] for one in there]:
        print(RECORDED["said"]["no_cluster"])
        return 0
    if (FOLDER / "stuck").exists():
        print("sky.exceptions.ClusterTeardownError: it did not end", file=sys.stderr)
        return 1
    keep("clusters.json", [one for one in there if one["name"] != name])
    print(f"Terminating cluster {name}...done.")
    return 0


def logs(words: list[str]) -> int:
    if words[-1] not in [one["name"] for one in kept("clusters.json")]:
        print(RECORDED["said"]["no_logs"], file=sys.stderr)
        return 1
    print("(task, pid=1) step 1\n(task, pid=1) step 2")
    return 0


def main(words: list[str]) -> int:
    with (FOLDER / "calls").open("a") as calls:
        print(json.dumps(words), file=calls)
    if (FOLDER / "silent").exists():
        print("sky.exceptions.ApiServerConnectionError: could not connect", file=sys.stderr)
        return 1
    if not (FOLDER / "started").exists():
        (FOLDER / "started").touch()
        # In colours, as the real one, and before any answer.
        print("\n".join(f"\x1b[2m{one}\x1b[0m" for one in RECORDED["said"]["server"]), flush=True)
    match words:
        case ["launch", *rest]:
            return launch(rest)
        case ["down", *rest]:
            return down(rest)
        case ["logs", *rest]:
            return logs(rest)
        case ["status", *_]:
            print(json.dumps(kept("clusters.json"), indent=2))
        case ["cost-report", *_]:
            print(json.dumps(kept("history.json"), indent=2))
        case ["check", *_]:
            print(json.dumps(RECORDED["check"], indent=2))
        case _:
            print(f"Error: No such command {words}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
