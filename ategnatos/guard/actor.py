"""Who is acting, as far as the environment tells: a name for the record, never a proof."""

from __future__ import annotations

import getpass
import os


def actor() -> str:
    """``agent:claude-code`` (with its session where set) or ``user:<login>``."""
    if os.environ.get("CLAUDECODE"):
        run = os.environ.get("CLAUDE_CODE_SESSION_ID", "")
        return f"agent:claude-code:{run}" if run else "agent:claude-code"
    return f"user:{login()}"


def person() -> str:
    """``person:<login>``: whoever answered at the terminal of this account."""
    return f"person:{login()}"


def login() -> str:
    """The account's name, or its number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
