"""AUTOMATIC1111's web UI, Forge, SD.Next, and whatever writes the text that they read."""

from __future__ import annotations

import re

from ategnatos.pictures.a1111 import parse_parameters
from ategnatos.pictures.makers import Making, Texts, json_object, settings_of

# <lora:name:0.8>, or with a weight for the text encoder before that of the network.
_LORA = re.compile(r"<lora:([^:<>]{1,200}):(-?[0-9.]{1,10})(?::[^<>]{0,40})?>")
_MOST_LORAS = 100


def read(texts: Texts) -> Making | None:
    """The account in ``parameters``, unless that holds JSON, which others write there."""
    text = texts.get("parameters")
    if text is None or not text.strip() or json_object(text) is not None:
        return None
    parsed = parse_parameters(text)
    said = parsed["settings"]
    width, _, height = said.get("Size", "").partition("x")
    loras = [
        {"name": name, "weight": float(weight)}
        for name, weight in _LORA.findall(parsed["prompt"])[:_MOST_LORAS]
        if weight.count(".") <= 1 and weight.strip("-.")
    ]
    return Making(
        tool=_tool(said.get("Version", ""), texts),
        keyword="parameters",
        prompt=parsed["prompt"],
        negative=parsed["negative"],
        settings=settings_of(
            model=said.get("Model"),
            model_hash=said.get("Model hash"),
            vae=said.get("VAE"),
            loras=loras,
            seed=said.get("Seed"),
            steps=said.get("Steps"),
            cfg=said.get("CFG scale"),
            sampler=said.get("Sampler"),
            scheduler=said.get("Schedule type"),
            strength=said.get("Denoising strength"),
            width=width,
            height=height,
            clip_skip=said.get("Clip skip"),
            version=said.get("Version"),
        ),
    )


def _tool(version: str, texts: Texts) -> str:
    if version.startswith("ategnatos"):
        return "Ategnatos"
    if version.startswith("ComfyUI") or "prompt" in texts:
        return "ComfyUI (as web UI text)"
    if version.startswith("f"):
        return "Forge"
    return "web UI (A1111)"
