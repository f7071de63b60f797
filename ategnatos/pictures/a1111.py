"""The ``parameters`` text that Stable Diffusion web UIs write and most galleries read.

    a knight, oil painting
    Negative prompt: blurry
    Steps: 20, Sampler: Euler a, CFG scale: 7.0, Seed: 42, Size: 512x512, Model: base

The layout is what AUTOMATIC1111/stable-diffusion-webui writes, and reads back when pasted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypedDict

# "Name: value" up to a comma; a value with commas is a JSON string. The bound on the name keeps
# the search linear in a text without a colon.
_FIELD = re.compile(r"""(?x)
    (?P<name> [\w] [\w\ /-]{0,59} ) :
    [ \t]* (?P<value> "(?: [^"\\] | \\. )*" | [^,]* )
    (?: , | $ )
""")
_NEGATIVE = "Negative prompt:"
# The web UI takes a last line for settings only from three fields on.
_FIELDS_OF_A_SETTINGS_LINE = 3

# Our name of a setting, and the name that the readers of this text know.
_NAMES = (
    ("steps", "Steps"),
    ("sampler", "Sampler"),
    ("scheduler", "Schedule type"),
    ("cfg", "CFG scale"),
    ("seed", "Seed"),
    ("size", "Size"),
    ("model_hash", "Model hash"),
    ("model", "Model"),
    ("strength", "Denoising strength"),
)


class A1111Parameters(TypedDict):
    """A parsed text: the prompts, and the settings by the names that the text gives them."""

    prompt: str
    negative: str
    settings: dict[str, str]


def write_parameters(settings: Mapping[str, Any]) -> str:
    """The text for ``settings`` as an engine's ``Image.settings`` has them.

    Only what readers of this text know goes in; the full record is the JSON beside it. Empty
    where the settings hold nothing of that kind.
    """
    known = dict(settings)
    if known.get("width") and known.get("height"):
        known["size"] = f"{known['width']}x{known['height']}"
    if isinstance(known.get("model_sha256"), str):
        known["model_hash"] = known["model_sha256"][:10]
    fields = [
        f"{title}: {_quoted(known[name])}"
        for name, title in _NAMES
        if known.get(name) not in (None, "")
    ]
    if not (fields or known.get("prompt") or known.get("negative")):
        return ""
    fields.append("Version: ategnatos")
    lines = [str(known.get("prompt") or "")]
    if known.get("negative"):
        lines.append(f"{_NEGATIVE} {known['negative']}")
    lines.append(", ".join(fields))
    return "\n".join(lines)


def parse_parameters(text: str) -> A1111Parameters:
    """The prompts and settings in ``text``; a text without a settings line is all prompt."""
    lines = text.strip().split("\n")
    settings: dict[str, str] = {}
    found = list(_FIELD.finditer(lines[-1]))
    if len(found) >= _FIELDS_OF_A_SETTINGS_LINE:
        settings = {field["name"].strip(): _unquoted(field["value"]) for field in found}
        lines.pop()
    prompt: list[str] = []
    negative: list[str] = []
    current = prompt
    for line in lines:
        if line.strip().startswith(_NEGATIVE):
            current = negative
            current.append(line.strip().removeprefix(_NEGATIVE).strip())
        else:
            current.append(line)
    return A1111Parameters(
        prompt="\n".join(prompt).strip(),
        negative="\n".join(negative).strip(),
        settings=settings,
    )


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r'[,:\n"]', text) else text


def _unquoted(value: str) -> str:
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        try:
            decoded = json.loads(value)
        except ValueError:
            return value
        return str(decoded)
    return value.strip()
