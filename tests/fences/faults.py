"""What can be wrong with the program that a guard asks, each as the text of a stand-in for it.

The list is that of the client's own weaknesses: of these it lets a call pass for the most part,
by itself (code.claude.com/docs/en/hooks, and seen in the client).
"""

from __future__ import annotations

from pathlib import Path

_DENY = (
    '{"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "deny", '
    '"permissionDecisionReason": "x"}}'
)

FAULTS: dict[str, str | None] = {
    "is missing": None,
    "cannot start": "#!/nowhere/python\n",
    "fails": "#!/bin/sh\nexit 1\n",
    "fails as a program does that gets a wrong option": "#!/bin/sh\nexit 2\n",
    "is killed": "#!/bin/sh\nkill -9 $$\n",
    "hangs": "#!/bin/sh\nexec sleep 60\n",
    "refuses, and fails": f"#!/bin/sh\necho '{_DENY}'\nexit 1\n",
    "breaks off": f"#!/bin/sh\nprintf %s '{_DENY[:-10]}'\n",
    "says something before": f"#!/bin/sh\necho a warning\necho '{_DENY}'\n",
    "says something after": f"#!/bin/sh\necho '{_DENY}'\necho a warning\n",
    "writes UTF-16": f"#!/bin/sh\nprintf '\\377\\376'; printf %s '{_DENY}' | sed 's/./&\\x00/g'\n",
    "decides what nobody knows": f"#!/bin/sh\necho '{_DENY.replace('deny', 'no')}'\n",
    "answers another event": f"#!/bin/sh\necho '{_DENY.replace('PreToolUse', 'Stop')}'\n",
    "allows": f"#!/bin/sh\necho '{_DENY.replace('deny', 'allow')}'\n",
    "prints a banner": "#!/bin/sh\necho 'ategnatos 9.9'\n",
}


def put(folder: Path, text: str | None) -> None:
    """Make ``folder``/ategnatos-fence the program ``text``; none where it is None."""
    program = folder / "ategnatos-fence"
    program.unlink(missing_ok=True)
    if text is not None:
        program.write_text(text)
        program.chmod(0o755)
