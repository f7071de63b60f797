"""Fooocus, by its own scheme: JSON in ``parameters``, in ``Comment``, or in the EXIF comment.

Its other scheme is the text of the web UIs. Source: lllyasviel/Fooocus, modules/meta_parser.py;
d3x-at/sd-parsers 0.6.
"""

from __future__ import annotations

from typing import Any

from ategnatos.pictures.makers import Making, Texts, json_object, real, settings_of, text_of


def read(texts: Texts) -> Making | None:
    """The account of a file that names a base model and says how sharp it should be."""
    for keyword in ("parameters", "Comment"):
        said = json_object(texts.get(keyword))
        if said is not None and "base_model" in said and "prompt" in said:
            return Making(
                "Fooocus",
                keyword,
                text_of(said.get("prompt")),
                text_of(said.get("negative_prompt")),
                settings_of(
                    model=said.get("base_model"),
                    model_hash=said.get("base_model_hash"),
                    vae=said.get("vae"),
                    loras=_loras(said.get("loras")),
                    seed=said.get("seed"),
                    steps=said.get("steps"),
                    cfg=said.get("guidance_scale"),
                    sampler=said.get("sampler"),
                    scheduler=said.get("scheduler"),
                    **_size(said),
                    version=said.get("version"),
                ),
            )
    return None


def _loras(said: Any) -> list[dict[str, Any]]:
    """Lists of name, weight and hash."""
    return [
        {"name": one[0], "weight": real(one[1])}
        for one in (said if isinstance(said, list) else ())
        if isinstance(one, list) and len(one) >= 2 and isinstance(one[0], str)
    ]


def _size(said: dict[str, Any]) -> dict[str, Any]:
    """``resolution`` is written as "(1152, 896)"."""
    text = said.get("resolution")
    if isinstance(text, str):
        width, comma, height = text.strip(" ()").partition(",")
        if comma:
            return {"width": width.strip(), "height": height.strip()}
    return {"width": said.get("width"), "height": said.get("height")}
