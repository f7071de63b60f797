"""The path of one training with a real trainer: gates, run, kill, resume, stop, resume, end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.real import pictures, processes
from benchmarks.real.held import Held, hold
from benchmarks.real.studio import Studio
from benchmarks.real.trainer import Made, Real

PLAN = "owl"


def gates(studio: Studio, real: Real, made: Made, held: Held, home: Path, python: Path) -> None:
    """From pictures to four open gates."""
    with held.step("a studio, a dataset, gate 1"):
        studio.do("init", "studio")
        pictures.make(studio.base / "pictures", real.pictures)
        studio.do("train", "dataset", "import", "../pictures", "--as", PLAN)
        studio.do("train", "dataset", "rights", PLAN, "--kind", "own")
        studio.do(
            "train", "dataset", "captions", "plan", PLAN, "--trigger", pictures.TRIGGER,
            "--type", "object", "--family", real.family, "--dialect", "tags",
        )  # fmt: skip
        studio.do("train", "dataset", "report", PLAN)
    with held.step("the plan, read and agreed to at a terminal (gate 2)"):
        values = [f"{name}={text}" for name, text in made.values.items() if name != "model"]
        model = ("--model", made.values["model"]) if "model" in made.values else ()
        studio.do(
            "train", "plan", "new", PLAN, "--family", real.family, "--preset", "quick", *model,
            *values,
        )  # fmt: skip
        studio.answer("train", "confirm", PLAN, "--trainer", real.name, answers=("yes",) * 3)
    with held.step("the machine, without a GPU and by the person's word (gate 3)"):
        where = ("--trainer", real.name, "--home", str(home), "--python", str(python))
        refused = studio.ask("train", "environment", PLAN, *where)
        if refused.data.get("gpus"):
            held.note("this machine has a GPU; it is left alone")
        else:
            hold(refused.code == 1 and "GPU" in refused.text, f"no refusal: {refused.text}")
        seen = studio.do("train", "environment", PLAN, *where, "--gpu", "cpu").data
        held.note(f"PyTorch {seen['torch'].get('version')}, {seen['version'] or 'no tag'}"
                  f" {seen['commit'][:12]}")  # fmt: skip
    with held.step("two real steps, one save read back (gate 4)"):
        tried = studio.do("train", "dry-run", PLAN, "--trainer", real.name, "--steps", "2").data
        held.note(f"{tried['seconds_a_step']:.1f} s a step")
        seen = studio.do("train", "gates", PLAN, "--trainer", real.name).data
        hold(all(one["open"] for one in seen["gates"]), json.dumps(seen["gates"]))


def run(studio: Studio, real: Real, held: Held) -> Path:
    """One run that is killed, has its newest state broken, is stopped, and ends; its folder."""
    with held.step("launch, the first two saves"):
        started = studio.do("train", "launch", PLAN, "--trainer", real.name).data
        name = str(started["id"])
        folder = studio.root / "workspace" / "training" / PLAN / "runs" / name
        seen = studio.wait(name, lambda one: one["checkpoints"]["whole"] >= 2, "two saves")
        hold(seen["followed"] and seen["alive"], f"nobody follows it: {seen}")
        held.note(f"step {seen['step']} of {seen['steps']}, loss {seen['loss']}")
    with held.step("SIGKILL to the process that trains: the run says so"):
        died = processes.kill(folder)
        held.note(f"killed {died.command[:60]!r}")
        ended = studio.wait(name, lambda one: one["state"] == "failed", "the end")
        hold("kill" in ended["why"].lower(), f"it says: {ended['why']}")
        processes.gone(folder)
        held.note(ended["why"])
    with held.step("the newest state cut off: gone on from the one before"):
        output = folder / "output"
        broken = real.break_newest(output)
        told = studio.do("train", "resume", name, "--dry-run").data
        hold(told["broken"], f"{broken} was cut, and nothing is said to be broken: {told}")
        begins = told["from_step"]
        studio.do("train", "resume", name)
        again = studio.wait(
            name, lambda one: len(one["attempts"]) == 2 and one["step"] > begins, "a step"
        )
        hold(again["attempts"][-1]["begins"] == begins, json.dumps(again["attempts"]))
        held.note(f"{broken} was left out; from step {begins}, now {again['step']}")
    with held.step("train stop: everything that it started has ended"):
        studio.do("train", "stop", name)
        stopped = studio.wait(name, lambda one: one["state"] == "stopped", "the stop")
        processes.gone(folder)
        hold(begins < stopped["step"] < real.steps, f"it was stopped at step {stopped['step']}")
        held.note(stopped["why"])
    with held.step("resumed to its end"):
        studio.do("train", "resume", name)
        done = studio.wait(name, lambda one: one["state"] == "finished", "its end")
        hold(done["step"] == done["steps"] == real.steps, f"{done['step']} of {done['steps']}")
        curve = (folder / "metrics.jsonl").read_text().splitlines()
        steps = [json.loads(line)["step"] for line in curve]
        hold(steps == list(range(1, real.steps + 1)), f"the curve has the steps {steps}")
        held.note(f"{len(steps)} steps, each once in the curve, loss {done['loss']}")
    return folder


def results(studio: Studio, real: Real, held: Held, folder: Path) -> None:
    """What the run left: checkpoints that are whole, a LoRA that can be read."""
    with held.step("every checkpoint read again", goes_on=True):
        seen = studio.do("train", "checkpoints", folder.name, "--verify").data
        hold(seen["whole"] == len([c for c in seen["checkpoints"] if c["state"] != "gone"]),
             json.dumps(seen))  # fmt: skip
        held.note(", ".join(f"{one['name']} {one['state']}" for one in seen["checkpoints"]))
    with held.step("the finished LoRA looked into", goes_on=True):
        final = _final(studio, folder)
        shown: dict[str, Any] = studio.do("train", "lora", "show", str(final)).data
        held.note(json.dumps(shown, ensure_ascii=False)[:600])


def _final(studio: Studio, folder: Path) -> Path:
    latest = studio.do("train", "checkpoints", folder.name, "--latest").data
    return Path(latest["path"])
