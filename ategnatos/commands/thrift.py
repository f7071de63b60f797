"""Keeps typer from building pydantic's machinery for options that nobody gave.

Typer 0.29 turns every option's value into its type through a pydantic ``TypeAdapter``, those of
None and those that have their type already too: 60 ms at the start of each command, as much as
all the rest. Here the adapter is built for the first value that needs it, and never for the
others; what comes out is the same. Where a later typer keeps no ``_runtime_param``, this does
nothing.
"""

from __future__ import annotations

from typing import Any, get_args

_PLAIN = (str, int, float, bool)
_SLOT = "_runtime_param"


class _Unbuilt:
    """In the place of one parameter's coercion until a value asks for it."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """What typer's own coercion would give."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if not param.multiple and param.nargs == 1 and _has_its_type(value, param.type_descriptor):
            return value
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


def _has_its_type(value: Any, descriptor: Any) -> bool:
    """Whether nothing is left to do: a plain value of the type asked for, within its bounds."""
    asked = descriptor.annotation
    info = descriptor.parameter_info
    plain = [one for one in (asked, *get_args(asked)) if one in _PLAIN]
    if info.parser is not None or len(plain) != 1 or type(value) is not plain[0]:
        return False
    return (info.min is None or value >= info.min) and (info.max is None or value <= info.max)
