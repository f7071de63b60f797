"""The model card, written beside the weights from what was measured."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch

from .captions import HELD_OUT_SHARE, STYLES
from .words import load_words

TEXT = """---
license: mit
library_name: diffusers
pipeline_tag: text-to-image
---

# The Ategnatos starter model

A small, genuine text-to-image diffusion model: 32x32 pixel-art sprites on a transparent ground.
It is there so that everything in Ategnatos runs from nothing, without a GPU, an account or a
network: pictures, img2img, inpainting, LoRA training and evaluation, on a CPU, by numpy alone.
For anything but single small sprites use a real engine; the commands are the same.

## What it can draw

{kind_count} kinds of thing: {kinds}.

In {colour_count} colours: {colours}. Small or big. Outlined, shiny or flat; without such a word a
sprite has soft shading and no outline. Each has synonyms; the whole vocabulary is in
`ategnatos/knowledge/data/starter_words.json`. Word order hardly matters: "a small red potion,
outlined" and "potion red outlined small" ask for the same.

## What it cannot draw

Anything else. There are no scenes, no second object, no people, no numbers, no counting, no place
in the picture, no second colour ("a red key with a blue ring" is one colour or the other). A word
that it does not know changes the picture a little and means nothing, so drop it, unless a LoRA was
trained on it. It has never seen an owl: that is left for the LoRA demonstration.

## Use

Settings that were measured: 12 steps, guidance {guidance}, DPM-Solver++ of order 2 with x0 clipped
to [-1, 1] (the scheduler in this folder). The folder is a Stable Diffusion layout that
`StableDiffusionPipeline.from_pretrained` loads; the image has four channels, RGBA, and the
autoencoder is an exact identity. Cut alpha at one half. Weights are float16; compute in float32.

| part | class | parameters |
| --- | --- | --- |
| denoiser | UNet2DConditionModel, 32/64/96/128 channels, cross-attention at 8x8 and 4x4 | 6.03 M |
| text encoder | CLIPTextModel, 2 layers, 96 wide, 32 tokens | 0.25 M |
| autoencoder | AutoencoderTiny, identity, hand-set | 0.0006 M |

## Data

Sprites drawn by a program written for this project (`tools/starter/sprites/`): polygons, ellipses
and lines with random proportions, shaded from the top left. No picture, caption or weight of
anyone else went into it. {kind_count} kinds x 18 looks x 32 drawings, in {colour_count} colours,
captioned anew each time. {held:.0%} of the combinations of kind, colour and style were withheld.

## Training

From random weights: the text encoder first, alone and then frozen; then the denoiser on
{samples:,} samples in {steps:,} steps of {batch} (v-prediction, cosine noise schedule, AdamW, bf16,
averaged weights): {cpu_hours:.1f} CPU-hours, {hours:.1f} hours on two shared CPU cores. No GPU.
{parts}
    python -m tools.starter all --run FOLDER

## Measured

{measured}

## Licence

MIT, like the rest of the project, for code, weights and what the model draws.
"""

PARTS = """It was done in two parts: the second began with the exported weights of the first, after
{samples:,} samples, with a new optimizer (`--start`).
"""

FIGURES = """{prompts} prompts about withheld combinations, {steps} steps, guidance {guidance:g},
judged by a classifier whose own accuracy on fresh drawings is: kind {judge_kind:.1%},
colour {judge_colour:.1%}, outlined {judge_outlined:.1%}, shiny {judge_shiny:.1%},
flat {judge_flat:.1%}.

    python -m tools.starter evaluate --run FOLDER

| | right |
| --- | --- |
| kind | {kind:.1%} |
| colour | {colour:.1%} |
| size | {size:.1%} |
| style words, when asked for | {style_words:.1%} |
{style_rows}
Weights (SHA-256 of the denoiser's file): `{weights}`
"""
ROW = (
    "| {style}: shown when asked ({asked} prompts) / absent when not "
    "| {shown:.1%} / {absent:.1%} |\n"
)


def figures(run: Path, folder: Path) -> tuple[str, float]:
    """Return the text about the evaluation of the weights in `folder`, and the guidance to use."""
    path = run / "evaluation.json"
    weights = (folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    report = json.loads(path.read_text()) if path.exists() else {}
    if report.get("weights") != hashlib.sha256(weights).hexdigest():
        return "These weights have not been evaluated yet.\n", 2.0
    result = report["results"][0]
    rows = "".join(
        ROW.format(
            style=style,
            asked=result[style]["asked"],
            shown=result[style]["shown_when_asked"],
            absent=result[style]["absent_when_not_asked"],
        )
        for style in STYLES
    )
    judge = {f"judge_{name}": share for name, share in report["judge"].items()}
    text = FIGURES.format(**result, **judge, style_rows=rows, weights=report["weights"])
    return text, result["guidance"]


def write_card(run: Path, folder: Path) -> None:
    """Write `README.md` into the weights' `folder` from the records of `run`."""
    words = load_words()
    progress = torch.load(run / "average.pt", weights_only=True)["progress"]
    continued = progress.get("continued_from", 0)
    measured, guidance = figures(run, folder)
    text = TEXT.format(
        kinds=", ".join(words.kinds),
        kind_count=len(words.kinds),
        colours=", ".join(words.colours),
        colour_count=len(words.colours),
        guidance=f"{guidance:g}",
        held=HELD_OUT_SHARE,
        samples=progress["samples"],
        steps=progress["step"],
        batch=progress["samples"] // progress["step"],
        cpu_hours=progress["cpu_seconds"] / 3600,
        hours=progress["seconds"] / 3600,
        measured=measured.rstrip(),
        parts=PARTS.format(samples=continued) if continued else "",
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
