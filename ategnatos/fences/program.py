"""``ategnatos-fence EVENT``: Claude Code asks here before and after what the agent does.

One JSON object on standard input, at most one on standard output. A guard that fails denies: an
error inside prints its reason to standard error and ends with 2, which Claude Code takes as a
refusal. An event that this version does not know ends with 0 and says nothing, so that settings
of a newer version stop nobody. Source of both: code.claude.com/docs/en/hooks, seen in the client.
"""

from __future__ import annotations

import os
import signal
import sys

_LARGEST_INPUT = 64 * 2**20
_MOST_SECONDS = 8
_GUARDS = frozenset(("PreToolUse", "UserPromptSubmit"))


def main() -> None:
    """Answer one event and end the process with the status that Claude Code reads."""
    event = sys.argv[1] if len(sys.argv) > 1 else ""
    if event == "launch":
        from ategnatos.fences.fleet.launch import main as launch

        sys.exit(launch(sys.argv[2:]))
    if event in _GUARDS:
        # A guard that hangs is ended by the system's clock: the shell form in the settings turns
        # that into a refusal, where the client's own time limit would let the call pass.
        signal.alarm(_MOST_SECONDS)
    try:
        status = _answer(event)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - whatever fails, a guard refuses
        if event not in _GUARDS:
            # A hook that only helps must never stop the agent; its silence is its failure.
            sys.stderr.write(f"ategnatos-fence {event}: {type(error).__name__}: {error}\n")
            status = 1
        else:
            sys.stderr.write(
                f"The fence could not judge this call ({type(error).__name__}: {error}), so it is "
                "refused. Run 'ategnatos doctor', and tell the person.\n"
            )
            status = 2
    # No atexit work, no collection: the answer is out.
    sys.stderr.flush()
    os._exit(status)


def _answer(event: str) -> int:
    from ategnatos.fences import events

    handler = events.HANDLERS.get(event)
    if handler is None:
        return 0
    import json

    given = json.loads(sys.stdin.buffer.read(_LARGEST_INPUT) or b"{}")
    if not isinstance(given, dict):
        raise ValueError("the input is no JSON object")
    answer = handler(given)
    if answer:
        sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    main()
