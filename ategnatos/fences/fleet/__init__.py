"""Fences for a fleet of agents that write a program: scopes, promised evidence, roles.

They stand in any project that holds ``.claude/fleet.json``, a studio or not. The shapes come from
"How to let an agent write your code without giving it the keys" (skaldborn.com): a writer may
touch its component alone, an investigator names its proof before it is sent, and its report is
held against what it really ran.
"""
