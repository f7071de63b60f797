"""InvokeAI: today's metadata, that of versions 2, and the command line of the first.

Source: invoke-ai/InvokeAI, invokeai/app/invocations/metadata.py and
invokeai/backend/image_util/pngwriter.py (2026-08-19).
"""

from __future__ import annotations

import re
from typing import Any

from ategnatos.pictures.makers import Making, Texts, json_object, real, settings_of, text_of

_TOOL = "InvokeAI"
_DREAM = re.compile(r'\A\s*"(?P<prompt>(?:[^"\\]|\\.)*)"(?P<switches>.*)\Z', re.DOTALL)
# -s50 -W512 -C7.5 -Ak_lms -S42, as its own formatter writes them, and "-s 50".
_SWITCH = re.compile(r"(?:\A|\s)-([sSWHCAf])[ ]?([\w.+-]{1,60})")
_NEGATIVE = re.compile(r"\[([^\[\]]*)\]")


def read(texts: Texts) -> Making | None:
    """The newest account of the three that there is."""
    for keyword, reader in (
        ("invokeai_metadata", _metadata),
        ("sd-metadata", _second),
        ("Dream", _dream),
    ):
        if keyword in texts:
            found = reader(texts[keyword])
            if found is not None:
                return found
    return None


def _metadata(text: str) -> Making | None:
    said = json_object(text)
    if said is None:
        return None
    model = said.get("model")
    return Making(
        _TOOL,
        "invokeai_metadata",
        text_of(said.get("positive_prompt")),
        text_of(said.get("negative_prompt")),
        settings_of(
            model=_name(model),
            model_hash=model.get("hash") if isinstance(model, dict) else None,
            family=model.get("base") or model.get("base_model")
            if isinstance(model, dict)
            else None,
            vae=_name(said.get("vae")),
            loras=_loras(said.get("loras")),
            seed=said.get("seed"),
            steps=said.get("steps"),
            cfg=said.get("cfg_scale"),
            sampler=said.get("scheduler"),
            strength=said.get("strength"),
            width=said.get("width"),
            height=said.get("height"),
            clip_skip=said.get("clip_skip"),
            version=said.get("app_version"),
        ),
    )


def _second(text: str) -> Making | None:
    said = json_object(text)
    image = said.get("image") if said is not None else None
    if said is None or not isinstance(image, dict):
        return None
    asked = image.get("prompt")
    if isinstance(asked, list):
        parts = [one.get("prompt") for one in asked if isinstance(one, dict)]
        asked = ", ".join(part for part in parts if isinstance(part, str))
    prompt, negative = _split(text_of(asked))
    return Making(
        _TOOL,
        "sd-metadata",
        prompt,
        negative,
        settings_of(
            model=said.get("model_weights"),
            model_hash=said.get("model_hash"),
            seed=image.get("seed"),
            steps=image.get("steps"),
            cfg=image.get("cfg_scale"),
            sampler=image.get("sampler"),
            strength=image.get("strength"),
            width=image.get("width"),
            height=image.get("height"),
            version=said.get("app_version"),
        ),
    )


def _dream(text: str) -> Making | None:
    match = _DREAM.match(text)
    if match is None:
        return None
    said = dict(_SWITCH.findall(match["switches"]))
    prompt, negative = _split(match["prompt"])
    return Making(
        _TOOL,
        "Dream",
        prompt,
        negative,
        settings_of(
            seed=said.get("S"),
            steps=said.get("s"),
            cfg=said.get("C"),
            sampler=said.get("A"),
            strength=said.get("f"),
            width=said.get("W"),
            height=said.get("H"),
        ),
    )


def _split(prompt: str) -> tuple[str, str]:
    """The prompt and what stands in square brackets, which these versions took as negative."""
    negative = ", ".join(part.strip(" ,") for part in _NEGATIVE.findall(prompt))
    return re.sub(r"\s+", " ", _NEGATIVE.sub(" ", prompt)).strip(" ,"), negative


def _name(model: Any) -> str | None:
    """A model's name, by the key of this year's metadata or of earlier ones."""
    if not isinstance(model, dict):
        return None
    name = model.get("name") or model.get("model_name") or model.get("key")
    return name if isinstance(name, str) else None


def _loras(said: Any) -> list[dict[str, Any]]:
    found = []
    for one in said if isinstance(said, list) else ():
        if isinstance(one, dict):
            name = _name(one.get("model")) or _name(one.get("lora"))
            if name:
                found.append({"name": name, "weight": real(one.get("weight"))})
    return found
