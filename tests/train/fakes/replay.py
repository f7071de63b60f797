"""The entry file of a trainer that replays a recorded log. See ``tests/train/fakes/__init__.py``.

Runs by itself, with the standard library (and PyYAML for ai-toolkit's config).
"""

import json
import os
import re
import signal
import struct
import sys
import time
import zipfile
from pathlib import Path

RECORDED = {
    "kohya": rb"/workspace/runs/[\w.-]+(?=/)",
    "ai-toolkit": rb"/workspace/runs/[\w.-]+/mystyle(?=/)",
    "simpletuner": rb"/workspace/runs/[\w.-]+/out\b",
}
BARS = {
    "kohya": rb"steps: +\d+%\|[^|]*\| (\d+)/(\d+) \[",
    "ai-toolkit": rb"mystyle: +\d+%\|[^|]*\| (\d+)/(\d+) \[",
    "simpletuner": rb"Epoch \d+/\d+,? Steps: +\d+%\|[^|]*\| (\d+)/(\d+) \[",
}
OOM = """Traceback (most recent call last):
  File "train.py", line 1, in <module>
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.25 GiB. GPU 0 has a total capacity of 23.65 GiB of which 1.12 GiB is free.
"""  # noqa: E501


def home() -> Path:
    folder = Path(sys.argv[0]).resolve().parent
    return folder.parent if folder.name == "simpletuner" else folder


HOME = home()
TRAINER = (HOME / "trainer").read_text()


def config() -> dict:
    """Output folder, name, batch and resume point, as the trainer's own config says them."""
    if TRAINER == "kohya":
        import tomllib

        arguments = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=False))
        keys = tomllib.loads(Path(arguments["--config_file"]).read_text())
        data = tomllib.loads(Path(keys["dataset_config"]).read_text())
        return {
            "output": keys["output_dir"],
            "name": keys["output_name"],
            "batch": data["datasets"][0].get("batch_size") or keys.get("train_batch_size", 1),
            "accumulation": keys.get("gradient_accumulation_steps", 1),
            "resume": arguments.get("--resume", ""),
            "initial_epoch": arguments.get("--initial_epoch", ""),
        }
    if TRAINER == "simpletuner":
        keys = json.loads(Path(os.environ["CONFIG_PATH"] + ".json").read_text())
        keys = {key.lstrip("-"): value for key, value in keys.items()}
        return {
            "output": keys["output_dir"],
            "name": "mystyle",
            "batch": keys["train_batch_size"],
            "accumulation": keys.get("gradient_accumulation_steps", 1),
            "resume": keys.get("resume_from_checkpoint", "latest"),
        }
    import yaml

    job = yaml.safe_load(Path(sys.argv[1]).read_text())["config"]
    process = job["process"][0]
    output = Path(process["training_folder"]) / job["name"]
    newest = sorted(output.glob(f"{job['name']}*"), key=lambda one: one.stat().st_ctime_ns)
    return {
        "output": str(output),
        "name": job["name"],
        "batch": process["train"]["batch_size"],
        "accumulation": process["train"].get("gradient_accumulation", 1),
        # The real one takes the newest file that begins with the name, of whatever kind.
        "resume": newest[-1].name if newest else "",
    }


def order() -> dict:
    said = json.loads((HOME / "orders.json").read_text())
    path = HOME / "starts.jsonl"
    before = len(path.read_text().splitlines()) if path.is_file() else 0
    return said["orders"][min(before - said["after"], len(said["orders"]) - 1)]


class Saves:
    """Checkpoint files as the trainer leaves them."""

    def __init__(self, output: Path, name: str, order: dict) -> None:
        self.output, self.name, self.order = output, name, order
        self.newest: list[Path] = []

    def weights(self, path: Path, step: int) -> None:
        broken = step >= self.order.get("nan_from", 1 << 60)
        value = float("nan") if broken else step + 0.5
        tensors, data = {}, b""
        for part, shape in (("lora_down", [4, 8]), ("lora_up", [8, 4])):
            raw = struct.pack("<32f", *[value] * 32)
            where = [len(data), len(data) + len(raw)]
            data += raw
            key = f"lora_unet_mid_block_attentions_0_proj_in.{part}.weight"
            tensors[key] = {"dtype": "F32", "shape": shape, "data_offsets": where}
        header = json.dumps({"__metadata__": {"ss_steps": str(step)}, **tensors}).encode()
        header += b" " * (-len(header) % 8)
        path.write_bytes(struct.pack("<Q", len(header)) + header + data)
        self.newest.append(path)

    def archive(self, path: Path, step: int) -> None:
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
            made.writestr("archive/data/0", step.to_bytes(8, "little") * 64)
        self.newest.append(path)

    def kohya(self, mark: str, step: int) -> None:
        self.weights(self.output / f"{self.name}{mark}.safetensors", step)
        state = self.output / f"{self.name}{mark}-state"
        state.mkdir(exist_ok=True)
        epoch = int(mark[1:]) if mark[1:].isdigit() else 0
        (state / "train_state.json").write_text(
            json.dumps({"current_epoch": epoch, "current_step": step})
        )
        self.weights(state / "model.safetensors", step)
        for name in ("optimizer.bin", "scheduler.bin", "random_states_0.pkl"):
            self.archive(state / name, step)

    def simpletuner(self, step: int) -> None:
        folder = self.output / f"checkpoint-{step}"
        folder.mkdir(exist_ok=True)
        self.weights(folder / "pytorch_lora_weights.safetensors", step)
        for name in ("optimizer.bin", "scheduler.bin", "random_states_0.pkl"):
            self.archive(folder / name, step)
        (folder / "training_state.json").write_text(json.dumps({"global_step": step, "epoch": 1}))
        files = sorted(one.name for one in folder.iterdir())
        (folder / "checkpoint_manifest.json").write_text(json.dumps({"files": files}))
        (folder / ".guard").touch()

    def ai_toolkit(self, mark: str, step: int) -> None:
        self.weights(self.output / f"{self.name}{mark}.safetensors", step)

    def cut(self) -> None:
        for path in self.newest[-1:]:
            raw = path.read_bytes()
            path.write_bytes(raw[: len(raw) // 2])


_SAVING = re.compile(rb"(?:Saving at step |Saving current state to \S+checkpoint-)(\d+)")


def blocks(out: list[bytes], per_epoch: int) -> list[tuple[int, list[bytes]]]:
    """Standard output in blocks, each with the step of the bar that it belongs to."""
    made: list[tuple[int, list[bytes]]] = [(-1, [])]
    epochs = 0
    for line in out:
        at = None
        if TRAINER == "kohya":
            if re.match(rb"epoch \d+/\d+", line):
                epochs += 1
            if line.startswith(b"saving checkpoint: "):
                at = epochs * per_epoch
        elif found := _SAVING.search(line):
            at = int(found[1])
        elif TRAINER == "ai-toolkit" and re.match(rb"Saved checkpoint to \S+mystyle\.saf", line):
            at = 1 << 60
        if at is not None:
            made.append((at, []))
        made[-1][1].append(line)
    return made


class Replay:
    """One start."""

    def __init__(self, order: dict, facts: dict) -> None:
        self.order = order
        self.output = Path(facts["output"])
        self.output.mkdir(parents=True, exist_ok=True)
        self.name = facts["name"]
        self.saves = Saves(self.output, self.name, order)
        self.step = 0
        self.asked = False

    def run(self) -> None:
        err = re.split(rb"(?<=[\r\n])", Path(self.order["stderr"]).read_bytes())
        out = Path(self.order["stdout"]).read_bytes().splitlines(keepends=True)
        epochs = re.findall(rb"epoch \d+/(\d+)", b"".join(out))
        total = re.findall(BARS[TRAINER], b"".join(err))
        per_epoch = int(total[-1][1]) // int(epochs[0]) if epochs and total else 1
        waiting = blocks(out, per_epoch)
        for piece in err:
            found = re.search(BARS[TRAINER], re.sub(rb"\x1b\[[0-9;]*[A-Za-z]", b"", piece))
            if found:
                self.step = int(found[1])
                time.sleep(self.order.get("pace", 0.002))
            while waiting and found and waiting[0][0] < self.step:
                self.told(waiting.pop(0))
            self.say(sys.stderr, piece)
            if found:
                self.maybe_hold()
                if self.step >= self.order.get("stop_at", 1 << 60):
                    return
        for block in waiting:
            self.told(block)
        if TRAINER == "simpletuner" and self.order["status"] == 0:
            self.saves.weights(self.output / "pytorch_lora_weights.safetensors", self.step)

        if self.order.get("lingers"):
            self.hold()

    def maybe_hold(self) -> None:
        if self.step == self.order.get("hold_at"):
            self.hold()

    def hold(self) -> None:
        if not (HOME / "go").exists():
            (HOME / "held").touch()
            while not (HOME / "go").exists():
                self.maybe_save()
                time.sleep(0.01)

    def maybe_save(self) -> None:
        """As SimpleTuner: where the file asks for a save, once."""
        path = os.environ.get("SIMPLETUNER_ACCELERATE_SIGNAL_FILE")
        if TRAINER == "simpletuner" and path and not self.asked:
            self.asked = json.loads(Path(path).read_text()).get("manual_checkpoint", 0) > 0
            if self.asked:
                self.saves.simpletuner(self.step)

    def told(self, block: tuple[int, list[bytes]]) -> None:
        step, lines = block
        for line in lines:
            if found := re.match(rb"saving checkpoint: \S+mystyle(\S*)\.safetensors", line):
                self.saves.kohya(found[1].decode(), step)
            elif found := re.match(rb"Saved checkpoint to \S+mystyle(\S*)\.safetensors", line):
                self.saves.ai_toolkit(found[1].decode(), min(step, self.step))
            elif line.startswith(b"Saved optimizer to"):
                self.saves.archive(self.output / "optimizer.pt", min(step, self.step))
            elif found := re.search(rb"Saving current state to \S+checkpoint-(\d+)", line):
                self.saves.simpletuner(int(found[1]))
            self.say(sys.stdout, line)

    def say(self, stream, raw: bytes) -> None:
        raw = re.sub(RECORDED[TRAINER], lambda _: str(self.output).encode(), raw)
        stream.buffer.write(raw.replace(b"mystyle", self.name.encode()))
        stream.buffer.flush()


def main() -> None:
    facts = config()
    now = order()
    with (HOME / "starts.jsonl").open("a") as told:
        line = {**facts, "argv": sys.argv, "cwd": str(Path.cwd()), "pid": os.getpid()}
        line["environment"] = dict(os.environ)
        told.write(json.dumps(line) + "\n")
    if now.get("stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if facts["batch"] > now.get("oom_above", 1 << 60):
        sys.stderr.write(OOM)
        sys.exit(1)
    replay = Replay(now, facts)
    try:
        replay.run()
    except KeyboardInterrupt:
        if TRAINER == "ai-toolkit":
            print("\nJob stopped", flush=True)
            sys.exit(0)
        sys.stderr.write("Traceback (most recent call last):\nKeyboardInterrupt\n")
        sys.stderr.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    if now.get("cut"):
        replay.saves.cut()
    sys.stderr.write(now.get("says", ""))
    sys.stderr.flush()
    if now["status"] < 0:
        signal.signal(-now["status"], signal.SIG_DFL) if now["status"] != -9 else None
        os.kill(os.getpid(), -now["status"])
        time.sleep(10)
    sys.exit(now["status"])


if __name__ == "__main__":
    main()
