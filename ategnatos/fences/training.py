"""The fence before a trainer that is started by hand: only behind the open gates of its plan.

What counts as open here is what the record says of the plan as it is. Whether files, machine and
trainer still are what the record speaks of, ``train launch`` looks itself: it is the lock.
"""

from __future__ import annotations

import os

from ategnatos.fences.decision import Denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ategnatos.fences.line import Scene
    from ategnatos.fences.starts import Start

_TEACHERS = frozenset(("accelerate", "torchrun", "deepspeed", "python", "python3"))
_SHELLS = frozenset(("sh", "bash", "dash", "zsh"))
_LOOKS_ONLY = frozenset(("--help", "-h", "--version"))
# A journal is searched from its end; gates that lie further back have to be opened again.
_MOST = 64 << 20
_LAST = {
    "dataset.report": "1 (dataset)",
    "gate.authorised": "2 (configuration)",
    "train.environment": "3 (environment)",
    "train.dry_run": "4 (dry run)",
}


def check(scene: Scene, start: Start) -> None:
    """Raise Denied where ``start`` begins a training whose gates are not open."""
    texts = [word.text for word in start.words[1:]]
    if not _begins(scene, start, texts) or _LOOKS_ONLY.intersection(texts):
        return
    plan = _plan(scene, start, texts)
    if not plan:
        raise Denied(
            "gates",
            "A training run begins only when the four gates of its plan are open, and this names "
            "no plan of the studio.",
            "Make the plan with 'ategnatos train plan new'; 'ategnatos train gates NAME' says what "
            "opens each, and 'ategnatos train launch NAME' starts it.",
        )
    closed = _closed(scene.zones.root, plan)
    if closed:
        raise Denied(
            "gates",
            f"Gate {closed} of the plan {plan} is not open on record, and a training run begins "
            "only when all four are.",
            f"See 'ategnatos train gates {plan}' for what opens it, then start the run with "
            f"'ategnatos train launch {plan}'.",
        )


def _begins(scene: Scene, start: Start, texts: list[str]) -> bool:
    """Whether it starts a trainer, as far as its words tell."""
    guarded, name = scene.guarded, start.name
    scripts = guarded["trainer_scripts"]
    names = [text.rsplit("/", 1)[-1] for text in texts]
    teaches = name.rstrip("0123456789.") in _TEACHERS or name in _TEACHERS
    if name in scripts or any(one in scripts for one in names):
        return teaches or name in scripts or "train" in texts
    if name in guarded["trainer_programs"] and "train" in texts:
        return True
    if teaches and any(one in guarded["trainer_modules"] for one in texts):
        return True
    ours = _plan(scene, start, texts) != ""
    if name in _SHELLS and "command.sh" in names:
        return ours
    # A name that many scripts have: a trainer's where its folder or its file says so.
    generic = guarded["trainer_names"]
    runs = teaches or name in _SHELLS
    if name in generic or (runs and any(one in generic for one in names)):
        words = [start.words[0].text, *texts, start.folder]
        lowered = " ".join(words).lower()
        return ours or any(folder in lowered for folder in guarded["trainer_folders"])
    return False


def _plan(scene: Scene, start: Start, texts: list[str]) -> str:
    """The plan in whose folder a file of the line lies; "" where there is none."""
    root = scene.zones.root
    if not root:
        return ""
    home = f"{root}/workspace/training/"
    said = [*texts, *(word.text for _, word in start.command.assigned)]
    # 'env CONFIG_PATH=... program': the assignment is a word of the line, before the program.
    said += [word.text.partition("=")[2] for word in start.command.words if "=" in word.text]
    if start.known_folder:
        said.append(".")
    for text in said:
        if text and "\0" not in text:
            path = scene.zones.resolve(text, start.folder)
            if path.startswith(home):
                return path[len(home) :].split("/", 1)[0]
    return ""


def _closed(root: str, plan: str) -> str:
    """The first gate that is not open on record; "" where all are, with one trainer."""
    found = _newest(root, plan)
    if found is None:
        return _LAST["dataset.report"]
    digest, dataset, dataset_digest = found
    passed: dict[str, dict[str, bool]] = {kind: {} for kind in _LAST}
    for kind, event in _events(root, plan, dataset):
        said, data = event["references"], event["data"]
        if kind == "dataset.report":
            good, whose = data.get("verdict") == "GO", ""
            about = said.get("dataset") == dataset and said.get("digest") == dataset_digest
        elif kind == "gate.authorised":
            subject = data.get("subject") or {}
            good, whose = True, subject.get("trainer", "")
            about = data.get("for") == "train.configuration" and subject.get("digest") == digest
        else:
            good = bool(data.get("fits" if kind == "train.environment" else "passed"))
            whose, about = said.get("trainer", ""), said.get("digest") == digest
        if about:
            # The newest comes first, and of one trainer only that counts.
            passed[kind].setdefault(whose, good)
    if not passed["dataset.report"].get(""):
        return _LAST["dataset.report"]
    for trainer in {*passed["gate.authorised"], *passed["train.dry_run"]}:
        if all(passed[kind].get(trainer) for kind in list(_LAST)[1:]):
            return ""
    return next(
        (_LAST[kind] for kind in list(_LAST)[1:] if not any(passed[kind].values())),
        "4 (dry run)",
    )


def _newest(root: str, plan: str) -> tuple[str, str, str] | None:
    """Digest of the plan's newest version, its dataset and that one's digest."""
    import json

    try:
        with open(f"{root}/grimoire/.state/plans.json", "rb") as file:
            rows = json.loads(file.read())["plans"]
        row = next(one for one in rows if one["name"] == plan)["versions"][-1]
        return row["digest"], row["plan"]["dataset"], row["plan"]["dataset_digest"]
    except (OSError, ValueError, KeyError, IndexError, StopIteration, TypeError):
        return None


def _events(root: str, plan: str, dataset: str) -> list[tuple[str, dict[str, Any]]]:
    """Events of the four gates that name plan or dataset, the newest first."""
    import json

    path = f"{root}/grimoire/.state/journal.jsonl"
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _MOST))
            raw = file.read()
    except OSError:
        return []
    found = []
    names = (json.dumps(plan).encode(), json.dumps(dataset).encode())
    for kind in _LAST:
        mark, end = f'"kind":"{kind}"'.encode(), len(raw)
        while (at := raw.rfind(mark, 0, end)) >= 0:
            begin, stop = raw.rfind(b"\n", 0, at) + 1, raw.find(b"\n", at)
            line = raw[begin : stop if stop >= 0 else len(raw)]
            end = begin
            if not any(name in line for name in names):
                continue
            try:
                event = json.loads(line)
                if event["kind"] == kind and isinstance(event["references"], dict):
                    found.append((kind, event))
            except (ValueError, KeyError, TypeError):
                continue
    return found
