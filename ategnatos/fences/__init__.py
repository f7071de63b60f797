"""Fences for an agent: programs that Claude Code asks before and after what the agent does.

They keep an honest agent from mistakes and say what to do instead. They are no locks: each thing
they hold is held again by the command line itself, where no hook can be switched off (gate,
budget, read-only files). Nothing here imports anything but the standard library, because a fence
runs before every tool call and has to answer within a blink. Not even ``typing`` is imported
when one runs: a name called TYPE_CHECKING is true to the type checker, whatever it holds.
"""
