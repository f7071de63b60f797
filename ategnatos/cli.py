"""The front door: builds the command tree and imports a room only when it is entered.

``--help`` is answered from the table below, so that listing the rooms imports none of them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, ClassVar

import typer
from typer._click.exceptions import ClickException

from ategnatos.commands import contract
from ategnatos.commands.lazy import LazyGroup, Table
from ategnatos.commands.thrift import defer_coercion
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.redaction.stream import guard_standard_streams

PLATFORM = ErrorCode("platform_unsupported", "This operating system is not supported.")

# name: (module with ``app``, one line for --help). A room is a group of commands; a house
# command is an app with a single command.
ROOMS: dict[str, tuple[str, str]] = {
    "quickstart": ("quickstart", "See it work: a studio, four pictures, your choice."),
    "init": ("init", "Make a studio in a folder, or bring one up to date."),
    "status": ("status", "One page: what runs, what waits for you, what it costs."),
    "doctor": ("doctor", "Check everything, and say what mends what is wrong."),
    "art": ("art", "Make pictures, judge them, ship the chosen ones."),
    "eye": ("eye", "Your taste: what you like, why, and what it does to a prompt."),
    "train": ("train", "From pictures to a dataset, from a dataset to a LoRA."),
    "jobs": ("jobs", "The line of work: what runs, what waits, who carries it on."),
    "studio": ("studio", "Money, secrets, servers, models and workflows."),
    "web": ("web", "The page: review, gallery, money and taste in a browser."),
    "gate": ("gate", "Keys and signatures: what only a person may decide."),
    "grimoire": ("grimoire", "The record: read, change, check, back up, restore."),
    "knowledge": ("knowledge", "What the studio knows: words, formats, facts with sources."),
    "lock": ("lock", "Who uses which GPU, server or run; take and give back by hand."),
    "exports": ("exports", "What is frozen and shipped: list it, check it, find it."),
    "clean": ("clean", "Free the space of pictures that were never approved."),
}


def _module(name: str) -> str:
    # The page uses what the commands do, so its own command lies in its room and not in theirs.
    return "ategnatos.web.room" if name == "web" else f"ategnatos.commands.{name}"


class House(LazyGroup):
    """The rooms and house commands."""

    table: ClassVar[Table] = {
        name: (_module(module), line) for name, (module, line) in ROOMS.items()
    }


app = typer.Typer(
    cls=House,
    name="ategnatos",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="The art studio that an AI coding agent runs and a human directs.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from ategnatos._version import __version__

        sys.stdout.write(f"ategnatos {__version__}\n")
        raise typer.Exit


@app.callback()
def house(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    project: Annotated[
        Path | None, typer.Option("--project", metavar="DIR", help="The studio's folder.")
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Say the version."),
    ] = False,
) -> None:
    """The art studio that an AI coding agent runs and a human directs."""
    context.obj = {"json": json, "quiet": quiet, "project": project}


def check_platform(platform: str = sys.platform) -> None:
    """Refuse native Windows. Raises StudioError (``platform_unsupported``)."""
    if platform in {"win32", "cygwin"}:
        raise StudioError(
            PLATFORM,
            "Ategnatos runs on Linux and macOS; native Windows is not supported.",
            hint="Install WSL (https://learn.microsoft.com/windows/wsl/install) and run it there.",
            platform=platform,
        )


def main() -> None:
    """Entry point of the ``ategnatos`` program."""
    if not sys.stdout.isatty():
        # FORCE_COLOR and its like would send escapes into a pipe; typer reads this in their place.
        os.environ["_TYPER_FORCE_DISABLE_TERMINAL"] = "1"
    # Pydantic would look through every installed package for plugins that we have no use for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    guard_standard_streams()
    arguments = sys.argv[1:]
    # Only for what goes wrong before a command is entered; a command knows its own name.
    entered = next((word for word in arguments if word in ROOMS), "")
    call = contract.Call(command=entered, json="--json" in arguments)
    status = _run(call)
    # CPython remembers a KeyboardInterrupt that crossed an exec of text (every dataclass that is
    # imported makes one), handled or not, and 'python -m' then dies of SIGINT instead of exiting
    # with our status. The next exec of text forgets it.
    exec("")  # noqa: S102
    sys.exit(status)


def _run(call: contract.Call) -> int:
    try:
        try:
            check_platform()
            program = typer.main.get_command(app)
            defer_coercion(program)
            return int(program(standalone_mode=False, prog_name="ategnatos") or 0)
        except ClickException as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                sys.stdout.write(error.format_message())
                return 0
            hint = "Run it with --help to see what it takes."
            context = getattr(error, "ctx", None)
            if context is not None:
                hint = f"See '{context.command_path} --help'."
            return _report(call, StudioError(contract.USAGE, error.format_message(), hint=hint))
        except StudioError as error:
            return _report(call, error)
        except (KeyboardInterrupt, typer.Abort):
            return _report(call, contract.interrupted())
        except BrokenPipeError:
            # The reader left (a pager, head). Nothing more can be said to it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            if os.environ.get("ATEGNATOS_DEBUG"):
                raise
            return _report(call, contract.unexpected(error))
    except typer.Exit as leave:
        return leave.exit_code


def _report(call: contract.Call, error: StudioError) -> int:
    try:
        contract.fail(call, error)
    except typer.Exit as leave:
        return leave.exit_code


if __name__ == "__main__":
    main()
