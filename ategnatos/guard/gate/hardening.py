"""Keep a process that holds a secret from being looked into, as far as the system allows."""

from __future__ import annotations

import ctypes
import resource
import sys

# linux/prctl.h; sys/ptrace.h of macOS.
_PR_SET_DUMPABLE = 4
_PT_DENY_ATTACH = 31


def close_to_others() -> bool:
    """No core dumps, and no debugger of the same user; whether the system agreed to both.

    On Linux a process that is not dumpable can neither be traced nor have its memory read by
    another process of its user. root still can.
    """
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            return bool(library.ptrace(_PT_DENY_ATTACH, 0, 0, 0) == 0)
        return bool(library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (OSError, ValueError, AttributeError):
        return False
