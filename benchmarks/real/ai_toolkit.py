"""ai-toolkit over a tiny Stable Diffusion 1.x of random weights in diffusers' layout.

Eight hundred thousand weights: a step on a processor takes seconds, and every start of it half a
minute, since it imports all the models that it knows.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from benchmarks.real import kohya, processes
from benchmarks.real.held import Held, hold
from benchmarks.real.studio import Studio
from benchmarks.real.trainer import Made, cannot_run, cut

_MODEL = """
import sys, torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
folder, words = sys.argv[1], sys.argv[2]
torch.manual_seed(1)
unet = UNet2DConditionModel(
    sample_size=8, block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32,
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), attention_head_dim=8,
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), norm_num_groups=8)
vae = AutoencoderKL(
    block_out_channels=(8, 8, 8, 8), latent_channels=4, norm_num_groups=4, sample_size=64,
    down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
# Without a length a trainer pads to the largest number there is.
tokenizer = CLIPTokenizer.from_pretrained(words, model_max_length=77)
text = CLIPTextModel(CLIPTextConfig(
    vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
    num_attention_heads=4, max_position_embeddings=77, bos_token_id=tokenizer.bos_token_id,
    eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))
scheduler = DDIMScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
    set_alpha_to_one=False, steps_offset=1)
StableDiffusionPipeline(
    vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler,
    safety_checker=None, feature_extractor=None, requires_safety_checker=False,
).save_pretrained(folder)
"""


class AiToolkit:
    """ai-toolkit, LoRA over SD 1.5 at 64 pixels, two pictures drawn on the way."""

    name = "ai-toolkit"
    family = "sd15"
    pictures = 8
    steps = 12
    every = 3

    def missing(self, home: Path, python: Path) -> str:
        """As :meth:`benchmarks.real.trainer.Real.missing`."""
        if not (home / "toolkit" / "config_modules.py").is_file():
            return f"{home} is no checkout of ai-toolkit: it has no toolkit/config_modules.py."
        code = "from extensions_built_in.sd_trainer import SDTrainer; import toolkit.data_loader"
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(home)}
        return cannot_run(python, code, home, environment)

    def make(self, folder: Path, home: Path, python: Path) -> Made:
        """As :meth:`benchmarks.real.trainer.Real.make`."""
        words = folder / "words"
        kohya.tokenizer(words)
        model = folder / "random-sd15"
        snapshot = next((words / "snapshots").iterdir())
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(
            [python, "-c", _MODEL, model, snapshot], env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        hold(done.returncode == 0, done.stderr[-2000:])
        samples = (
            '[{"prompt": "ategnatos owl, on snow", "seed": 7, "steps": 2},'
            ' {"prompt": "a red apple", "seed": 8, "steps": 2}]'
        )
        return Made(
            {
                "model": str(model),
                "steps": str(self.steps),
                "save_every_steps": str(self.every),
                "batch": "2",
                "resolution": "64",
                "rank": "4",
                "optimizer": "adamw",
                "learning_rate": "0.0001",
                "precision": "fp32",
                "save_precision": "fp16",
                "samples": samples,
                "sample_every_steps": str(2 * self.every),
            },
            {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"},
            model / "unet" / "diffusion_pytorch_model.safetensors",
        )

    def break_newest(self, output: Path) -> str:
        """Cut its newest LoRA off in the middle: it takes that one up, and ends with 1."""
        saves = sorted(output.glob("*/*_?????????.safetensors"))
        cut(saves[-1])
        return saves[-1].name

    def own_faults(self, studio: Studio, folder: Path, held: Held) -> None:
        """What it alone hides; ``folder`` is a run of it that has just begun."""
        name, job = folder.name, folder.name.rpartition("-")[0]
        output = folder / "output" / job
        with held.step("Ctrl-C, after which it ends with status 0", goes_on=True):
            studio.wait(name, lambda one: one["checkpoints"]["whole"] >= 2, "two saves")
            os.killpg(
                int((folder / "attempts" / "1" / "pid").read_text().split()[0]), signal.SIGINT
            )
            ended = studio.wait(name, lambda one: one["state"] == "stopped", "the end")
            processes.gone(folder)
            held.note(f"{(folder / 'attempts' / '1' / 'status').read_text().strip()};"
                      f" {ended['why']}")  # fmt: skip
        with held.step("a cut optimizer.pt, and a file of another hand with the job's name"):
            optimizer = output / "optimizer.pt"
            with optimizer.open("r+b") as file:
                file.truncate(optimizer.stat().st_size // 2)
            (output / f"{job}.log").write_text("the newest thing there whose name begins so\n")
            told = studio.do("train", "resume", name, "--dry-run").data
            hold("optimizer.pt" in str(told["broken"]), f"nothing is said to be broken: {told}")
            studio.do("train", "resume", name)
            done = studio.wait(name, lambda one: one["state"] == "finished", "its end")
            aside = sorted(path.name for path in folder.glob("aside/*/*"))
            hold({f"{job}.log", "optimizer.pt"} <= set(aside), f"aside lie {aside}")
            log = (folder / "attempts" / "2" / "log.txt").read_text("utf-8", "replace")
            hold(f"Found step {told['from_step']} in metadata" in log, "it went on from another")
            held.note(f"from step {told['from_step']}; {', '.join(aside)} moved; {done['says']}")
        with held.step("started again when it is finished: refused"):
            again = studio.ask("train", "resume", name)
            hold(again.code == 1 and "finished" in again.text, f"{again.code}: {again.text}")
        with held.step("pictures that it drew are of the steps that they show"):
            drawn = sorted(path.name for path in (output / "samples").glob("*"))
            hold(drawn, f"there are none in {output / 'samples'}")
            held.note(f"{len(drawn)}: {drawn[0]} ...")
