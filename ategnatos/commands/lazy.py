"""A command group whose members are modules, each imported only when it is entered.

``--help`` is answered from a table of one line a member, so that listing them imports none.
"""

from __future__ import annotations

import copy
import importlib
from typing import Any, ClassVar, cast

import typer
from typer.core import TyperCommand, TyperGroup

from ategnatos.commands.thrift import defer_coercion

# name: (module with ``app``, one line for --help)
Table = dict[str, tuple[str, str]]


class LazyGroup(TyperGroup):
    """Subclass it with a ``table``; a module is a full dotted name."""

    table: ClassVar[Table]

    def list_commands(self, ctx: Any) -> list[str]:
        """Every member, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A placeholder with the member's one line: enough for help and completion."""
        if cmd_name not in self.table:
            return None
        return TyperCommand(name=cmd_name, help=self.table[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command of the member that is entered."""
        name, placeholder, rest = self._resolve_by_name(ctx, args)
        if placeholder is None:
            return name, placeholder, rest
        module = importlib.import_module(self.table[name][0])
        real = typer.main.get_command(_narrowed(module.app, rest))
        real.name = name
        defer_coercion(real)
        return name, real, rest

    def _resolve_by_name(self, ctx: Any, args: list[str]) -> tuple[str, Any, list[str]]:
        # The suggestion for a mistyped name is made from ``self.commands``.
        self.commands = dict.fromkeys(self.table, TyperCommand(name=""))
        return cast("tuple[str, Any, list[str]]", super().resolve_command(ctx, args))


def _narrowed(app: typer.Typer, rest: list[str]) -> typer.Typer:
    """``app`` with none but the verb that is entered; as it is for help and for a slip.

    Reading the options of a dozen verbs takes longer than most verbs do.
    """
    verb = next((word for word in rest if not word.startswith("-")), None)
    chosen = [one for one in app.registered_commands if one.name == verb]
    if verb is None or not chosen or "--help" in rest[: rest.index(verb)]:
        return app
    part = copy.copy(app)
    part.registered_commands = chosen
    return part
