"""What a fleet has committed stays: git commands that lose work are the person's.

Worktrees are refused too: eleven stale ones once stranded eighteen commits (skaldborn.com); scopes
keep writers apart without them.
"""

from __future__ import annotations

import os

from ategnatos.fences.decision import Denied
from ategnatos.fences.starts import starts
from ategnatos.fences.word_reader import NotUnderstood

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# By git's verb, the words that make it lose something; "" is the verb itself.
_LOSES: dict[str, tuple[str, ...]] = {
    "reset": ("--hard", "--merge", "--keep"),
    "clean": ("-f", "--force"),
    "push": ("-f", "--force", "--force-with-lease", "--mirror", "--delete", "-d", "--prune"),
    "branch": ("-D", "-d", "--delete", "-f", "--force"),
    "tag": ("-d", "--delete", "-f", "--force"),
    "checkout": ("-f", "--force", "--", ".", "-B"),
    "switch": ("-f", "--force", "--discard-changes", "-C"),
    "restore": ("",),
    "stash": ("drop", "clear"),
    "rebase": ("",),
    "commit": ("--amend",),
    "worktree": ("add",),
    "filter-branch": ("",),
    "filter-repo": ("",),
    "reflog": ("expire", "delete"),
    "update-ref": ("-d",),
    "gc": ("--prune=now", "--prune=all"),
}
_HARMLESS = {"restore": ("--staged", "-S"), "clean": ("-n", "--dry-run")}
_TAKES_A_WORD = ("-C", "-c", "--git-dir", "--work-tree", "--namespace")


def check(given: dict[str, Any], tool: str, wanted: dict[str, Any], root: str) -> None:
    """Raise Denied for a git command that loses work, whoever of the fleet runs it."""
    if tool != "Bash":
        return
    text = str(wanted.get("command") or "")
    if "git" not in text:
        return
    home = os.path.expanduser("~")
    folder = str(given.get("cwd") or root)
    try:
        found = starts(text, variables={"HOME": home, "PWD": folder}, home=home, folder=folder)
    except NotUnderstood as reason:
        raise Denied(
            "history",
            f"This line names git and could not be read for certain ({reason}).",
            "Write it as one plain command.",
        ) from reason
    for start in found:
        if start.name == "git":
            lost = _lost([word.text for word in start.words[1:]])
            if lost:
                raise Denied(
                    "history",
                    f"'git {lost}' can lose work that others of the fleet rely on.",
                    "Commit on top instead ('git revert'), or say why it is needed and stop: the "
                    "person runs it.",
                )


def _lost(words: list[str]) -> str:
    """The verb and the word that make a git command lose something; "" where it does not."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        taken = rest.pop(0)
        if taken in _TAKES_A_WORD and rest:
            rest.pop(0)
    if not rest:
        return ""
    verb, rest = rest[0], rest[1:]
    if any(one in _HARMLESS.get(verb, ()) for one in rest):
        return ""
    for word in _LOSES.get(verb, ()):
        if not word or any(_is(one, word) for one in rest):
            return f"{verb} {word}".strip()
    if verb == "push" and any(one.startswith(("+", ":")) for one in rest):
        return "push of a forced or empty reference"
    return ""


def _is(one: str, word: str) -> bool:
    """Whether ``one`` says ``word``, alone, with a value, or in a cluster of short options."""
    if one == word or (word.startswith("--") and one.startswith(f"{word}=")):
        return True
    short = len(word) == 2 and word[0] == "-" and word[1].isalpha()
    return short and one[:1] == "-" and one[:2] != "--" and word[1] in one[1:]
