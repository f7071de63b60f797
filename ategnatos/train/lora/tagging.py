"""What a LoRA file says of itself, written anew; not a byte of its tensors is touched."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.lora.file import LoraFile
from ategnatos.train.lora.writing import retagged

LORA_TAG = ErrorCode("lora_tag", "What should be written into the file cannot be.")

# Short names for what people set, and the standard's key. Source: Stability AI, ModelSpec 1.0.1.
SHORT = {
    "title": "modelspec.title",
    "trigger": "modelspec.trigger_phrase",
    "author": "modelspec.author",
    "description": "modelspec.description",
    "licence": "modelspec.license",
    "license": "modelspec.license",
    "usage": "modelspec.usage_hint",
    "tags": "modelspec.tags",
    "date": "modelspec.date",
}
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,99}")
_LONGEST = 1 << 20


def parse(given: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` texts as metadata; an empty value takes the key out. Raises StudioError
    (``lora_tag``).
    """
    found: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        key = SHORT.get(key.strip().lower(), key.strip())
        if not equals or not _KEY.fullmatch(key) or key == "format" or len(value) > _LONGEST:
            raise StudioError(
                LORA_TAG,
                f"{text[:60]!r} sets nothing that a file can say; nothing was written.",
                hint="Write NAME=VALUE with a short name (" + ", ".join(SHORT) + ") or a key of"
                " its own, like modelspec.title. An empty value takes it out.",
                given=text[:60],
            )
        found[key] = value
    return found


def tag(source: Path, target: Path, values: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Write ``source`` to ``target`` with ``values`` set; what changed: before and after.

    Raises StudioError (``lora_file``, ``header_invalid``, ``lora_exists``).
    """
    file = LoraFile(source)
    before = dict(file.metadata)
    after = {key: value for key, value in {**before, **values}.items() if value}
    header: dict[str, object] = {"__metadata__": dict(sorted(after.items()))}
    begin = min((one.begin for one in file.header.tensors.values()), default=0)
    for name, one in file.header.tensors.items():
        header[name] = {
            "dtype": one.dtype,
            "shape": list(one.shape),
            "data_offsets": [one.begin - begin, one.end - begin],
        }
    json.dumps(header)
    retagged(source, begin, target, header)
    return {
        key: (before.get(key, ""), after.get(key, ""))
        for key in values
        if before.get(key, "") != after.get(key, "")
    }
