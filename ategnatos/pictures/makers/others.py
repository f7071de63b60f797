"""Our own record, and programs that need a few lines each.

Source: receyuki/stable-diffusion-prompt-reader (SwarmUI, Easy Diffusion, Draw Things).
"""

from __future__ import annotations

import html
import re
from typing import Any

from ategnatos.pictures.makers import Making, Texts, json_object, real, settings_of, text_of

# Draw Things puts its JSON into the XMP packet; no XML parser looks at a stranger's document.
_XMP_COMMENT = re.compile(
    r"<exif:UserComment>.{0,400}?<rdf:li[^<>]{0,200}>([^<]{0,200000})</rdf:li>", re.DOTALL
)


def ours(texts: Texts) -> Making | None:
    """What this studio, or another one, put into its candidate."""
    record = json_object(texts.get("ategnatos"))
    if record is None:
        return None
    held = record.get("settings")
    said: dict[str, Any] = held if isinstance(held, dict) else record
    return Making(
        "Ategnatos",
        "ategnatos",
        text_of(said.get("prompt")) or text_of(record.get("asked")),
        text_of(said.get("negative")),
        settings_of(
            model=said.get("model"),
            model_hash=said.get("model_sha256"),
            family=said.get("family"),
            loras=[
                {"name": one.get("name"), "weight": real(one.get("weight"))}
                for one in said.get("loras") or ()
                if isinstance(one, dict)
            ]
            if isinstance(said.get("loras"), list)
            else None,
            **{
                name: said.get(name)
                for name in ("seed", "steps", "cfg", "sampler", "strength", "width", "height")
            },
            version=said.get("made_by"),
        ),
    )


def swarm(texts: Texts) -> Making | None:
    """SwarmUI: JSON in ``parameters``, with everything under ``sui_image_params``."""
    outer = json_object(texts.get("parameters"))
    said = outer.get("sui_image_params") if outer is not None else None
    if not isinstance(said, dict):
        return None
    return Making(
        "SwarmUI",
        "parameters",
        text_of(said.get("prompt")),
        text_of(said.get("negativeprompt")),
        settings_of(
            model=said.get("model"),
            vae=said.get("vae"),
            seed=said.get("seed"),
            steps=said.get("steps"),
            cfg=said.get("cfgscale"),
            sampler=said.get("comfyuisampler") or said.get("sampler"),
            scheduler=said.get("scheduler"),
            strength=said.get("initimagecreativity"),
            width=said.get("width"),
            height=said.get("height"),
            version=said.get("swarm_version"),
        ),
    )


def easy_diffusion(texts: Texts) -> Making | None:
    """Easy Diffusion: a text for each setting, or JSON with the same names in the EXIF."""
    said: dict[str, Any] | None = json_object(texts.get("parameters"))
    keyword = "parameters"
    if said is None:
        said, keyword = dict(texts), "negative_prompt"
    # It has written its names in two ways.
    said = {name.lower().replace(" ", "_"): value for name, value in said.items()}
    model = said.get("use_stable_diffusion_model") or said.get("stable_diffusion_model")
    if "negative_prompt" not in said or not isinstance(model, str):
        return None
    return Making(
        "Easy Diffusion",
        keyword,
        text_of(said.get("prompt")),
        text_of(said.get("negative_prompt")),
        settings_of(
            model=re.split(r"[\\/]", model)[-1],
            vae=said.get("use_vae_model") or said.get("vae_model"),
            seed=said.get("seed"),
            steps=said.get("num_inference_steps") or said.get("steps"),
            cfg=said.get("guidance_scale"),
            sampler=said.get("sampler_name") or said.get("sampler"),
            width=said.get("width"),
            height=said.get("height"),
            clip_skip=said.get("clip_skip"),
        ),
    )


def draw_things(texts: Texts) -> Making | None:
    """Draw Things: JSON in the XMP packet."""
    match = _XMP_COMMENT.search(texts.get("XML:com.adobe.xmp", ""))
    said = json_object(html.unescape(match[1])) if match else None
    if said is None or "c" not in said:
        return None
    width, _, height = str(said.get("size", "")).partition("x")
    return Making(
        "Draw Things",
        "XML:com.adobe.xmp",
        text_of(said.get("c")),
        text_of(said.get("uc")),
        settings_of(
            model=said.get("model"),
            seed=said.get("seed"),
            steps=said.get("steps"),
            cfg=said.get("scale"),
            sampler=said.get("sampler"),
            strength=said.get("strength"),
            width=width,
            height=height,
        ),
    )
