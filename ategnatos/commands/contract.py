"""One contract for every command: the options all share, the JSON envelope, the exit codes.

A command is a function ``(call: Call, ...) -> Answer`` under :func:`command`. It never prints:
it returns facts (``data``, JSON values) and the words for a person, and refuses by raising
StudioError. Machine output is exactly one JSON object on stdout; progress and logs go to stderr.

Exit codes: 0 done (waiting for a person is done too), 1 an expected refusal or failed check,
2 something nobody planned, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_type_hints

import typer

from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.redaction import redact_value

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.project import Project

USAGE = ErrorCode("usage", "The command line was not understood; nothing was done.")
INTERRUPTED = ErrorCode("interrupted", "Stopped by Ctrl-C; nothing is half-written.", 130)
UNEXPECTED = ErrorCode("unexpected", "Something nobody planned for went wrong.", 2)

# Said where a prompt, a note or a value held one: nothing of it reached the record or an engine.
CREDENTIAL_GIVEN = (
    "A credential stood on the command line. It was masked before anything used it; your shell's"
    " history may hold it, so replace it where it was issued."
)

Words = str | Callable[["Console"], None] | None


@dataclass(slots=True)
class Answer:
    """What a command found or did.

    ``data`` is for machines. ``words`` is for people: text, or a function that draws on a rich
    console. ``next_steps`` are commands worth running now; they appear in both. ``failed`` makes
    a check that ran well and found something wrong exit 1 under that code.
    """

    data: dict[str, Any] = field(default_factory=dict)
    words: Words = None
    next_steps: tuple[str, ...] = ()
    failed: StudioError | None = None


@dataclass(slots=True)
class Call:
    """One invocation: the shared options, and where warnings are collected."""

    command: str
    json: bool = False
    quiet: bool = False
    dry_run: bool = False
    project_option: Path | None = None
    warnings: list[str] = field(default_factory=list)

    def project(self) -> Project:
        """The studio this call is about. Raises StudioError (``no_project``)."""
        from ategnatos.grimoire.project import Project

        return Project.find(explicit=self.project_option)

    def warn(self, text: str) -> None:
        """Say something a person should know; it is part of the machine output too."""
        if text not in self.warnings:
            self.warnings.append(text)

    def say(self, text: str) -> None:
        """A line of progress for people, on stderr; silent with --quiet and --json."""
        if not self.quiet and not self.json:
            print(plain(text), file=sys.stderr, flush=True)  # noqa: T201

    @property
    def live(self) -> bool:
        """Whether progress may be drawn: a person is watching stderr."""
        return not self.quiet and not self.json and sys.stderr.isatty()


_SHARED: dict[str, tuple[Any, Any]] = {
    "json": (
        Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")],
        False,
    ),
    "quiet": (
        Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")],
        False,
    ),
    "project": (
        Annotated[
            Path | None,
            typer.Option(
                "--project",
                metavar="DIR",
                help="The studio's folder. Default: found by walking up from here.",
            ),
        ],
        None,
    ),
}
_DRY_RUN = (
    Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")],
    False,
)


def room(help_text: str | None = None) -> typer.Typer:
    """A Typer app for one module of commands; a ``help_text`` makes it a group of verbs."""
    app = typer.Typer(
        help=help_text,
        no_args_is_help=help_text is not None,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    if help_text is not None:
        # A callback keeps a group of one verb a group.
        app.callback()(lambda: None)
    return app


def command(
    app: typer.Typer,
    name: str | None = None,
    *,
    example: str,
    dry_run: bool = False,
    open_options: bool = False,
) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Register ``function(call, ...)`` on ``app`` with the shared options and the envelope.

    ``example`` is one command line, shown in --help. ``dry_run`` adds --dry-run: only for
    commands that write, send or bill, and that honour it. ``open_options`` leaves options that
    nobody declared to a list argument of the function, which refuses what it does not know.
    """

    def register(function: Callable[..., Answer]) -> Callable[..., Answer]:
        shared = dict(_SHARED)
        if dry_run:
            shared["dry_run"] = _DRY_RUN

        def run(context: typer.Context, **options: Any) -> None:
            taken = {key: options.pop(key) for key in shared}
            above: dict[str, Any] = context.find_root().obj or {}
            call = Call(
                command=_command_name(context),
                json=taken["json"] or above.get("json", False),
                quiet=taken["quiet"] or above.get("quiet", False),
                dry_run=taken.get("dry_run", False),
                project_option=taken["project"] or above.get("project"),
            )
            given = redact_value(options)
            if given != options:
                call.warn(CREDENTIAL_GIVEN)
            conclude(call, lambda: function(call, **given))

        hints = get_type_hints(function, include_extras=True)
        own = [p for p in inspect.signature(function).parameters.values() if p.name != "call"]
        parameters = [
            inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        ]
        parameters += [
            p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[p.name]) for p in own
        ]
        parameters += [
            inspect.Parameter(
                key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
            for key, (annotation, default) in shared.items()
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__name__ = function.__name__
        run.__doc__ = (inspect.getdoc(function) or "") + f"\n\nExample: {example}"
        settings = {"ignore_unknown_options": True} if open_options else None
        app.command(name, context_settings=settings)(run)
        return function

    return register


def conclude(call: Call, work: Callable[[], Answer]) -> NoReturn:
    """Run ``work``, print its outcome as the contract says, and leave with its exit code."""
    try:
        answer = work()
    except StudioError as error:
        fail(call, error)
    except KeyboardInterrupt:
        fail(call, interrupted())
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get("ATEGNATOS_DEBUG"):
            raise
        fail(call, unexpected(error))
    if call.json:
        _print_envelope(call, answer.data, answer.next_steps, answer.failed)
    else:
        _print_words(call, answer)
    raise typer.Exit(answer.failed.code.exit_status if answer.failed else 0)


def fail(call: Call, error: StudioError) -> NoReturn:
    """Print a refusal in the form asked for and leave with its exit code."""
    if call.json:
        _print_envelope(call, None, (), error)
    else:
        _print_refusal(call, error)
    raise typer.Exit(error.code.exit_status)


def interrupted() -> StudioError:
    """What Ctrl-C is reported as."""
    return StudioError(
        INTERRUPTED,
        "Stopped by Ctrl-C. What was finished before is kept; nothing is half-written.",
        hint="Run the same command again to go on.",
    )


def unexpected(error: BaseException) -> StudioError:
    """What an exception that nobody planned for is reported as."""
    return StudioError(
        UNEXPECTED,
        f"An unexpected {type(error).__name__} stopped this command: {error}",
        hint="Run it again with ATEGNATOS_DEBUG=1 to see where, and report that text.",
        exception=type(error).__name__,
    )


def _command_name(context: typer.Context) -> str:
    return " ".join(context.command_path.split()[1:])


def _print_envelope(
    call: Call,
    data: dict[str, Any] | None,
    next_steps: Iterable[str],
    error: StudioError | None,
) -> None:
    import json

    body = dict(data) if data is not None else None
    if body is not None and next_steps:
        body["next"] = list(next_steps)
    envelope = {
        "ok": error is None,
        "command": call.command,
        "data": body,
        "warnings": call.warnings,
        "error": None
        if error is None
        else {
            "code": error.code.code,
            "message": error.message,
            "hint": error.hint,
            "details": error.details,
        },
    }
    # Masked before it is written out: escapes of JSON would hide parts of a credential. ASCII
    # escapes keep a terminal escape inside a prompt from reaching a terminal.
    sys.stdout.write(json.dumps(redact_value(envelope), ensure_ascii=True) + "\n")
    sys.stdout.flush()


def _print_words(call: Call, answer: Answer) -> None:
    if callable(answer.words):
        from ategnatos.commands.terminal import console

        answer.words(console())
    elif answer.words:
        sys.stdout.write(plain(answer.words).rstrip("\n") + "\n")
    for text in call.warnings:
        sys.stderr.write(f"Note: {plain(text)}\n")
    if answer.failed is not None:
        _print_refusal(call, answer.failed, with_warnings=False)
    elif answer.next_steps and not call.quiet:
        sys.stdout.write("Next:\n" + "".join(f"  {plain(s)}\n" for s in answer.next_steps))
    sys.stdout.flush()


def _print_refusal(call: Call, error: StudioError, *, with_warnings: bool = True) -> None:
    sys.stdout.flush()
    if with_warnings:
        for text in call.warnings:
            sys.stderr.write(f"Note: {plain(text)}\n")
    sys.stderr.write(f"{plain(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"Next: {plain(error.hint)}\n")
    sys.stderr.flush()
