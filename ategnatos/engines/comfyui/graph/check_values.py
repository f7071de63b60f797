"""One value against one input: what the server converts, compares and lists.

The order is the server's own (``validate_inputs`` of ComfyUI 0.3.64): convert by kind, then the
range, then the list. Where it converts without a word, that is a finding too: ``64.9`` for a
width runs with 64, and the word ``"false"`` for a switch turns it on.
"""

from __future__ import annotations

import difflib
import math
import posixpath
from collections.abc import Iterable
from typing import Any

from ategnatos.engines.comfyui.graph.findings import Effect, Finding
from ategnatos.engines.comfyui.graph.node_classes import MODEL_SUFFIXES, WIDGET_KINDS, Input

_SHOWN = 8
_CONVERT: dict[str, Any] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
# What the server takes for its three folders at the end of a file name.
_FOLDER_MARKS = (" [input]", " [output]", " [temp]")


def check_value(node: str, class_type: str, spec: Input, value: Any) -> list[Finding]:
    """Findings about ``value`` (no link) in the input ``spec`` of one node."""
    where = {"node": node, "class_type": class_type, "input": spec.name, "given": value}
    if isinstance(value, dict) and "__value__" in value:
        value = value["__value__"]
    if spec.kind not in WIDGET_KINDS:
        return _literal(spec, value, where)
    converted, found = _converted(spec, value, where)
    if found and found[0].blocks:
        return found
    found += _range(spec, converted, where)
    if spec.options is not None and not any(one.blocks for one in found):
        found += _listed(spec, converted, where)
    if spec.name == "filename_prefix" and isinstance(value, str):
        found += _prefix(value, where)
    return found


def nearest(value: Any, options: Iterable[Any], cutoff: float = 0.5) -> Any:
    """The option most like ``value``: same file in another folder, then spelling, else None.

    ``cutoff`` from 0 to 1 is how alike the spelling must be.
    """
    texts = {str(one): one for one in options}
    wanted = str(value)
    name = posixpath.basename(wanted.replace("\\", "/")).lower()
    for text, option in texts.items():
        if posixpath.basename(text.replace("\\", "/")).lower() == name:
            return option
    folded = {text.lower(): option for text, option in texts.items()}
    close = difflib.get_close_matches(wanted.lower(), list(folded), n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def spelled(options: Iterable[Any]) -> str:
    """The first few choices in words, and how many there are."""
    listed = [str(one) for one in options]
    if not listed:
        return "nothing: the server has none"
    shown = ", ".join(listed[:_SHOWN])
    return shown if len(listed) <= _SHOWN else f"{shown} … ({len(listed)} in all)"


def _literal(spec: Input, value: Any, where: dict[str, Any]) -> list[Finding]:
    """A value where only a link can stand; dynamic kinds take values of their own."""
    if spec.kind.startswith("COMFY_") or spec.kind == "*" or spec.is_widget:
        return []
    if isinstance(value, dict) and not isinstance(value, str):
        return []  # an object of a custom kind, written by the node's own widget
    return [
        Finding(
            "link_needed",
            Effect.FAILS,
            f"{spec.name} takes a link to a {spec.kind} output, not the value {value!r}. The"
            " server accepts it, and the run fails.",
            allowed=f'a link such as ["4", 0] to an output of type {spec.kind}',
            mend=f"Link {spec.name} to a node that gives {spec.kind}.",
            **where,
        )
    ]


def _converted(spec: Input, value: Any, where: dict[str, Any]) -> tuple[Any, list[Finding]]:
    convert = _CONVERT.get(spec.kind)
    if convert is None:
        return value, []
    try:
        converted = convert(value)
    except (ValueError, TypeError, OverflowError):
        return value, [
            Finding(
                "wrong_kind",
                Effect.REFUSED,
                f"{spec.name} must be {_kind_in_words(spec.kind)}; {value!r} is not.",
                allowed=_allowed_range(spec),
                nearest=spec.default,
                mend=f"Write a {spec.kind} into {spec.name}, for example {spec.default!r}.",
                **where,
            )
        ]
    if isinstance(converted, float) and math.isnan(converted):
        return converted, [_changed(spec, value, "not a number", spec.default, where)]
    same_number = (
        not isinstance(value, bool)
        and isinstance(value, int | float)
        and isinstance(converted, int | float)
        and value == converted
    )
    if same_number or (type(value) is type(converted) and value == converted):
        return converted, []
    return converted, [_changed(spec, value, repr(converted), converted, where)]


def _changed(
    spec: Input, value: Any, becomes: str, suggestion: Any, where: dict[str, Any]
) -> Finding:
    return Finding(
        "value_converted",
        Effect.CHANGED,
        f"{spec.name} says {value!r}; the server silently takes it as {becomes}.",
        allowed=_allowed_range(spec),
        nearest=suggestion,
        mend=f"Write {suggestion!r}.",
        **where,
    )


def _range(spec: Input, value: Any, where: dict[str, Any]) -> list[Finding]:
    if not isinstance(value, int | float):
        return []
    least, most = spec.settings.get("min"), spec.settings.get("max")
    for code, bound, word in (("too_small", least, "least"), ("too_big", most, "most")):
        if not isinstance(bound, int | float):
            continue
        if (value < bound) if word == "least" else (value > bound):
            return [
                Finding(
                    code,
                    Effect.REFUSED,
                    f"{spec.name} is {value}; it may be at {word} {bound}.",
                    allowed=_allowed_range(spec),
                    nearest=bound,
                    mend=_seed_advice(spec) or f"Write {bound}.",
                    **where,
                )
            ]
    return []


def _seed_advice(spec: Input) -> str:
    if spec.name not in {"seed", "noise_seed"}:
        return ""
    return "Write a number: a seed is never -1 here. Draw one when you want chance."


def _listed(spec: Input, value: Any, where: dict[str, Any]) -> list[Finding]:
    options = spec.options or ()
    if spec.settings.get("multiselect") and isinstance(value, list):
        missing = [one for one in value if one not in options]
        value = missing[0] if missing else (options[0] if options else None)
    if value in options:
        return []
    if spec.is_upload and isinstance(value, str):
        return _uploaded(spec, value, where)
    effect = Effect.REFUSED if spec.checked else Effect.FAILS
    is_model = spec.is_model or _looks_like_model(value)
    # Names of model files share their endings: only a slip of the pen is worth a suggestion.
    close = nearest(value, options, 0.8 if is_model else 0.5)
    hint = f" Did you mean {close!r}?" if close is not None else ""
    if is_model:
        return [
            Finding(
                "model_missing",
                effect,
                f"The server has no file {value!r} for {spec.name}.{hint}",
                allowed=spelled(options),
                nearest=close,
                mend=f"ategnatos studio models download {value}",
                **where,
            )
        ]
    return [
        Finding(
            "not_in_list",
            effect,
            f"{spec.name} cannot be {value!r}.{hint}",
            allowed=spelled(options),
            nearest=close,
            mend=f"Write one of the allowed values{f', such as {close!r}' if close else ''}.",
            **where,
        )
    ]


def _uploaded(spec: Input, value: str, where: dict[str, Any]) -> list[Finding]:
    """A file of the input folder. The list holds its top level only."""
    marked = next((mark for mark in _FOLDER_MARKS if value.endswith(mark)), "")
    name = value.removesuffix(marked)
    if ".." in name.replace("\\", "/").split("/") or name.startswith(("/", "\\")):
        return [
            Finding(
                "leaves_folder",
                Effect.UNSAFE,
                f"{spec.name} names {value!r}, which leads out of the server's input folder."
                " Some servers read it; we do not ask for it.",
                allowed="a file in the input folder, or in a folder below it",
                nearest=posixpath.basename(name.replace("\\", "/")) or None,
                mend="Upload the picture and use the name that the server answers.",
                **where,
            )
        ]
    if marked == " [input]":
        value = name
    if value in (spec.options or ()) or "/" in name or marked in (" [output]", " [temp]"):
        return []  # below the top level, or another folder: the list says nothing of it
    close = nearest(value, spec.options or ())
    return [
        Finding(
            "file_missing",
            Effect.REFUSED,
            f"There is no file {value!r} in the server's input folder.",
            allowed=spelled(spec.options or ()),
            nearest=close,
            mend="Upload it first: the run command does that for files given with --image.",
            **where,
        )
    ]


def _prefix(value: str, where: dict[str, Any]) -> list[Finding]:
    parts = value.replace("\\", "/").split("/")
    if ".." not in parts and not value.startswith("/"):
        return []
    return [
        Finding(
            "leaves_folder",
            Effect.FAILS,
            f"filename_prefix {value!r} leads out of the server's output folder. The server"
            " accepts it, and the run fails when it saves.",
            allowed="a name, or folders and a name, below the output folder",
            nearest="/".join(part for part in parts if part not in ("", "..")) or "image",
            mend="Take '..' and the leading slash out of filename_prefix.",
            **where,
        )
    ]


def _looks_like_model(value: Any) -> bool:
    return isinstance(value, str) and value.lower().endswith(MODEL_SUFFIXES)


def _kind_in_words(kind: str) -> str:
    return {"INT": "a whole number", "FLOAT": "a number"}.get(kind, f"a {kind.lower()}")


def _allowed_range(spec: Input) -> str:
    low, high = spec.settings.get("min"), spec.settings.get("max")
    words = _kind_in_words(spec.kind)
    if low is not None and high is not None:
        return f"{words} from {low} to {high}"
    return words
