"""What went wrong while a graph ran, said so that a person knows what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ategnatos.engines.comfyui.errors import (
    FAILED,
    INTERRUPTED_RUN,
    LOST,
    NOTHING_MADE,
    OUT_OF_MEMORY,
    OUTPUT_GONE,
    TIMED_OUT,
)
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.following import Following
    from ategnatos.engines.comfyui.outputs import Output

# A message may hold a dump of a whole picture; people read the beginning.
_LONGEST = 600
_TRACE_LINES = 6
_MEMORY = ("out of memory", "outofmemory", "not enough memory", "alloc_failed", "mps backend out")
_BLOCKED = "execution blocked"


def fault(run: Following, kind: str, facts: dict[str, Any]) -> StudioError:
    """The refusal for an ``execution_error`` or ``execution_interrupted``."""
    node = str(facts.get("node_id") or "")
    where = run.title(node) or str(facts.get("node_type") or "a node")
    if kind == "execution_interrupted":
        return StudioError(
            INTERRUPTED_RUN,
            f"Somebody stopped the run at the server while node {where} worked; nothing was kept.",
            hint="Run the same command again. Another program or a person at the same ComfyUI "
            "pressed Cancel: agree with them on who uses it.",
            node=node,
        )
    message = str(facts.get("exception_message") or "it gave no reason").strip()
    raised = str(facts.get("exception_type") or "")
    details = {
        "node": node,
        "class_type": str(facts.get("node_type") or ""),
        "exception": raised,
        "reason": message[:_LONGEST],
        # What went in can be 10 kB of numbers for a small picture; it is left out.
        "traceback": [str(line)[:300] for line in (facts.get("traceback") or ())][-_TRACE_LINES:],
    }
    first = message.splitlines()[0][:_LONGEST]
    if any(sign in f"{raised} {message}".lower() for sign in _MEMORY):
        return StudioError(
            OUT_OF_MEMORY,
            f"ComfyUI ran out of memory in node {where}; nothing was kept. It said: {first}",
            hint="Make the picture smaller (--size), make fewer at once (batch_size 1), choose a "
            "smaller model, or start ComfyUI with --lowvram or --novram.",
            **details,
        )
    if message.lower().startswith(_BLOCKED):
        return StudioError(
            NOTHING_MADE,
            f"Node {where} was not run, because a node before it blocked it: "
            f"{message.partition(':')[2].strip() or first}. Nothing was kept.",
            hint="That is the workflow's own decision (a switch, or nothing found to work on). "
            "Change what goes in, or the switch.",
            **details,
        )
    return StudioError(
        FAILED,
        f"Node {where} failed: {raised.rsplit('.', 1)[-1] or 'error'}: {first}. Nothing was kept.",
        hint="See what the node got: 'ategnatos studio comfyui logs' shows the server's own "
        "account, and --json the end of the traceback.",
        **details,
    )


def lost(run: Following) -> StudioError:
    """The server knows nothing of a prompt that it had accepted."""
    doing = "while it worked on it" if run.running else "before its turn came"
    what = (
        "ComfyUI was restarted, or its queue and history were cleared"
        if run.gap
        else "somebody took it out of the queue or cleared the history"
    )
    return StudioError(
        LOST,
        f"ComfyUI lost the run {doing}: {what}. It keeps both in memory only, so nothing of it "
        "can be fetched any more.",
        hint="Run the same command again. If ComfyUI crashed, 'ategnatos studio comfyui logs' "
        "may say why; the usual reason is too little memory.",
        prompt_id=run.prompt_id,
    )


def nothing_made(run: Following, silent: Sequence[str]) -> StudioError:
    """Success without any output."""
    names = ", ".join(run.title(node) for node in silent) or "no node"
    return StudioError(
        NOTHING_MADE,
        "ComfyUI says that the run succeeded, and it left no output: a node blocked what comes "
        f"after it without a word (nothing came from: {names}). Nothing was made.",
        hint="That is the workflow's own decision (a switch, or nothing found to work on). "
        "Change what goes in, or the switch.",
        prompt_id=run.prompt_id,
        nodes=list(silent),
    )


def left_out(run: Following, silent: Sequence[str]) -> list[str]:
    """Warnings for save nodes that gave nothing in a run that gave something."""
    return [
        f"Node {run.title(node)} saved nothing: a node before it blocked it." for node in silent
    ]


def unverified(outputs: Sequence[Output]) -> list[str]:
    """Warnings for files of a kind that cannot be looked into."""
    return [
        f"{one.ref.filename} is of a kind that is not checked here; only its length is known."
        for one in outputs
        if not one.verified
    ]


def timed_out(seconds: float, count: int) -> StudioError:
    """The time for the whole is used up."""
    what = "run" if count == 1 else f"{count} runs"
    return StudioError(
        TIMED_OUT,
        f"The {what} took longer than {seconds:g} seconds (--timeout) and was stopped at the "
        "server; nothing was kept.",
        hint="Give it more time with --timeout, or leave --timeout out: it then goes on for as "
        "long as ComfyUI says that it works.",
        seconds=seconds,
    )


def output_gone(run: Following, what: str) -> StudioError:
    """A file that the server names and does not have, twice."""
    return StudioError(
        OUTPUT_GONE,
        f"ComfyUI names the output {what!r} and does not have it, and running the workflow again "
        "did not bring it back. Nothing was kept.",
        hint="Something removes files from ComfyUI's output folder, or its disk is full. Look "
        "there, then run the same command again.",
        prompt_id=run.prompt_id,
        output=what,
    )


def unknown(prompt_id: str) -> StudioError:
    """A prompt id that the server has neither in its queue nor in its history."""
    return StudioError(
        LOST,
        f"ComfyUI knows no run {prompt_id!r}: it was never sent there, was taken out of the "
        "queue, or ComfyUI was restarted since. Nothing was fetched.",
        hint="Check the id and the server, or run the workflow again.",
        prompt_id=prompt_id,
    )


def not_yet(prompt_id: str, seconds: float) -> StudioError:
    """A prompt that somebody waits for took too long; it goes on at the server."""
    return StudioError(
        TIMED_OUT,
        f"The run {prompt_id} is not finished after {seconds:g} seconds; nothing was fetched, "
        "and it goes on at the server.",
        hint=f"Wait for it longer: ategnatos studio workflow fetch {prompt_id}",
        prompt_id=prompt_id,
        seconds=seconds,
    )
