"""musubi-tuner over a tiny Z-Image of random weights, with its text encoder and tokenizer.

Its programs build every model by numbers of their own. So the numbers of the transformer and of the
text encoder are made small while its modules are imported (``sitecustomize``); everything else, and
the VAE, is as it is.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from benchmarks.real import kohya
from benchmarks.real.trainer import Made, cannot_run, cut_newest_state

_NEEDS = (
    "torch, torchvision, diffusers, accelerate, transformers, voluptuous, toml, einops, cv2, av"
)
# Imported by Python before anything else: it waits for two modules of musubi-tuner.
_SMALL = """
import importlib.abc, importlib.machinery, sys

HEADS, DIM, WORDS = 2, 64, 262


def small(module):
    if module.__name__.endswith("zimage_config"):
        module.ROPE_AXES_DIMS = [8, 12, 12]
        module.DEFAULT_TRANSFORMER_DIM = DIM
        module.DEFAULT_TRANSFORMER_N_LAYERS = 4
        module.DEFAULT_TRANSFORMER_N_HEADS = module.DEFAULT_TRANSFORMER_N_KV_HEADS = HEADS
        module.DEFAULT_TRANSFORMER_CAP_FEAT_DIM = DIM
    elif module.__name__.endswith("zimage_utils"):
        real = module.Qwen3Config
        module.Qwen3Config = lambda **said: real(**{**said, "hidden_size": DIM, "head_dim": 32,
            "intermediate_size": DIM, "num_hidden_layers": 3, "num_attention_heads": HEADS,
            "num_key_value_heads": 1, "vocab_size": WORDS, "max_window_layers": 3})


class Loader(importlib.abc.Loader):
    def __init__(self, real): self.real = real
    def __getattr__(self, name): return getattr(self.real, name)
    def create_module(self, spec): return self.real.create_module(spec)
    def exec_module(self, module):
        self.real.exec_module(module)
        small(module)


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in ("musubi_tuner.zimage.zimage_config", "musubi_tuner.zimage.zimage_utils"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            spec.loader = Loader(spec.loader)
        return spec


sys.meta_path.insert(0, Finder())
# It takes any lycoris that is there, and knows only an old one; nothing here needs it.
sys.modules.setdefault("lycoris", None)
"""
_MODEL = """
import sys, torch
from pathlib import Path
from safetensors.torch import save_file
folder = Path(sys.argv[1])
from musubi_tuner.zimage import zimage_autoencoder, zimage_model, zimage_utils
from transformers import Qwen3ForCausalLM
torch.manual_seed(1)
real = zimage_model.init_empty_weights
import contextlib
zimage_model.init_empty_weights = contextlib.nullcontext
model = zimage_model.create_model("torch", False, torch.float32)
for part in model.parameters():
    torch.nn.init.normal_(part, std=0.05)
save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "dit.safetensors")
kept = {}
wanted = zimage_autoencoder.load_safetensors
class Shapes(Exception): pass
def caught(self, state, *args, **named):
    kept.update({k: v.clone().contiguous() for k, v in self.state_dict().items()})
    raise Shapes
zimage_autoencoder.load_safetensors = lambda *args, **named: {}
zimage_autoencoder.AutoencoderKL.load_state_dict = caught
try:
    zimage_autoencoder.load_autoencoder_kl("nothing")
except Shapes:
    pass
save_file(kept, folder / "vae.safetensors")
text = Qwen3ForCausalLM(zimage_utils.Qwen3Config(tie_word_embeddings=True)).to(torch.bfloat16)
weights = {k: v.contiguous() for k, v in text.state_dict().items() if k != "lm_head.weight"}
save_file(weights, folder / "text.safetensors")
"""
_CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Musubi:
    """musubi-tuner, LoRA over the tiny Z-Image at 64 pixels."""

    name = "musubi"
    family = "z-image/base"
    pictures = 6
    # Its steps over so small a model take a tenth of a second: enough of them to be killed between.
    steps = 120
    every = 30

    def missing(self, home: Path, python: Path) -> str:
        """As :meth:`benchmarks.real.trainer.Real.missing`."""
        if not (home / "src/musubi_tuner/zimage_train_network.py").is_file():
            return f"{home} is no checkout of musubi-tuner."
        return cannot_run(python, f"import {_NEEDS}")

    def make(self, folder: Path, home: Path, python: Path) -> Made:
        """As :meth:`benchmarks.real.trainer.Real.make`."""
        small = folder / "small"
        small.mkdir(exist_ok=True)
        (small / "sitecustomize.py").write_text(_SMALL)
        hub = folder / "hub"
        paths = [str(small), str(home / "src"), os.environ.get("PYTHONPATH", "")]
        environment = {
            "PYTHONPATH": os.pathsep.join(one for one in paths if one),
            "HF_HUB_CACHE": str(hub),
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
        }
        model = folder / "z-image"
        if not model.is_dir():
            part = folder / "part"
            part.mkdir(exist_ok=True)
            around = {**os.environ, **environment, "CUDA_VISIBLE_DEVICES": ""}
            subprocess.run([python, "-c", _MODEL, str(part)], env=around, check=True)
            tokenizer(hub / "models--Tongyi-MAI--Z-Image")
            part.rename(model)
        parts = {"text_encoder": f"{model}/text.safetensors", "vae": f"{model}/vae.safetensors"}
        return Made(
            {
                "model": f"{model}/dit.safetensors",
                "parts": json.dumps(parts),
                "epochs": str(self.steps // self.every),
                "save_every_epochs": "1",
                "batch": "3",
                "resolution": "64",
                "rank": "4",
                "optimizer": "adamw",
                "learning_rate": "0.0001",
                "schedule": "cosine",
                "precision": "fp32",
                "save_precision": "fp32",
                # Six pictures, three at a time.
                "repeats": str(self.every // 2),
            },
            environment,
        )

    def break_newest(self, output: Path) -> str:
        """Cut its optimizer off in the middle, as a full disk or a power cut does."""
        return cut_newest_state(output)


def tokenizer(repository: Path) -> None:
    """A tokenizer of Qwen's kind in the layout of the cache: every byte is a word."""
    snapshot = repository / "snapshots" / ("0" * 40)
    place = snapshot / "tokenizer"
    place.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    words = [*kohya.letters(), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    (place / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (place / "merges.txt").write_text("#version: 0.2\n")
    end = "<|endoftext|>"
    special = {
        str(256 + number): {"content": word, "special": True, "lstrip": False, "rstrip": False,
                            "normalized": False, "single_word": False}
        for number, word in enumerate(words[256:])
    }  # fmt: skip
    about = {
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": special,
        "eos_token": "<|im_end|>",
        "pad_token": end,
        "unk_token": None,
        "bos_token": None,
        "errors": "replace",
        "model_max_length": 131072,
        "chat_template": _CHAT,
    }
    (place / "tokenizer_config.json").write_text(json.dumps(about))
