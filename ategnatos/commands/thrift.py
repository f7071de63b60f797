"""Keeps typer from building pydantic's machinery where there is nothing for it to do.

Typer 0.29 turns every option's value into its type through a pydantic ``TypeAdapter``, those of
None and those that have their type already too: 60 ms at the start of each command, as much as
all the rest. Here the adapter is built for the first value that needs it. A plain whole number,
a plain decimal and a path need none: what they mean is not in question. What comes out is the
same. Where a later typer keeps no ``_runtime_param``, this does nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

_PLAIN = (str, int, float, bool, Path)
_SLOT = "_runtime_param"
# Everything else that pydantic takes for a number (1_000, 1e3, inf, 7.0 for 7) it reads itself.
_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
_NOTHING = object()


class _Unbuilt:
    """In the place of one parameter's coercion until a value asks for it."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """What typer's own coercion would give."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if param.nargs == 1:
            read = _read_many if param.multiple else _read
            plain = read(value, param.type_descriptor)
            if plain is not _NOTHING:
                return plain
        setattr(param, _SLOT, None)
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def defer_coercion(command: Any) -> None:
    """Let every parameter of ``command``, and of what it holds, be coerced only when given."""
    # The option --help is made on demand, once, and asked for its value like any other.
    asked = command.get_help_option(command.context_class(command, resilient_parsing=True))
    for param in [*command.params, *([] if asked is None else [asked])]:
        if getattr(param, _SLOT, "") is None:
            setattr(param, _SLOT, _Unbuilt())
    for member in getattr(command, "commands", {}).values():
        defer_coercion(member)


def _read(value: Any, descriptor: Any) -> Any:
    """The value in the type asked for, or ``_NOTHING`` where that is for typer to say."""
    asked = descriptor.annotation
    info = descriptor.parameter_info
    plain = [one for one in (asked, *get_args(asked)) if one in _PLAIN]
    if info.parser is not None or len(plain) != 1 or get_origin(asked) in (list, tuple):
        return _NOTHING
    kind = plain[0]
    meant = value if type(value) is kind else _NOTHING
    if kind is float and type(value) is int:
        meant = float(value)
    elif meant is _NOTHING and isinstance(value, str) and kind in _READERS:
        meant = _READERS[kind](value, info)
    if meant is _NOTHING:
        return _NOTHING
    if (info.min is not None and meant < info.min) or (info.max is not None and meant > info.max):
        return _NOTHING
    return meant


def _read_many(value: Any, descriptor: Any) -> Any:
    """A repeatable option of texts as its list."""
    of_texts = descriptor.annotation == list[str] and descriptor.parameter_info.parser is None
    if of_texts and isinstance(value, tuple | list) and all(type(one) is str for one in value):
        return list(value)
    return _NOTHING


def _whole(text: str, _: Any) -> Any:
    return int(text) if _WHOLE.fullmatch(text) else _NOTHING


def _decimal(text: str, _: Any) -> Any:
    return float(text) if _DECIMAL.fullmatch(text) else _NOTHING


def _path(text: str, info: Any) -> Any:
    asked = info.exists or info.resolve_path or info.allow_dash or info.writable
    if asked or info.path_type is not None or not (info.file_okay and info.dir_okay):
        return _NOTHING
    # Typer refuses what is there and cannot be read; what is not there is for the command.
    closed = info.readable and os.path.exists(text) and not os.access(text, os.R_OK)  # noqa: PTH110
    return _NOTHING if closed else Path(text)


_READERS: dict[type, Callable[[str, Any], Any]] = {int: _whole, float: _decimal, Path: _path}
