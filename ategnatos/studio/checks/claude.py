"""Checks of what a coding agent reads: the pack, its front matter, its settings.

Claude Code drops a broken settings file, and skips a rule whose front matter does not parse,
without a word: nobody would notice but this check.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ategnatos._version import __version__
from ategnatos.grimoire.project import Project
from ategnatos.studio import claude_settings, pack, pack_record
from ategnatos.studio.checks.finding import Finding, failed, note, well
from ategnatos.studio.pack_plan import Action, plan

# agentskills.io/specification: name and description.
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NAME_CHARACTERS = 64
_DESCRIPTION_CHARACTERS = 1024


def skill_pack(project: Project) -> Iterator[Finding]:
    """Is the pack there, and of this program's version?"""
    record = pack_record.read(project)
    steps = plan(project.root, pack.load(), record, upgrade=False)
    missing = [step.path for step in steps if step.action is Action.CREATED]
    outdated = [step.path for step in steps if step.action is Action.OUTDATED]
    own = [step.path for step in steps if step.action in {Action.KEPT, Action.BESIDE}]
    if missing:
        yield failed(
            "skill pack",
            f"Missing: {', '.join(missing)}",
            "A coding agent does not know how to work in this studio.",
            f"ategnatos init '{project.root}'",
        )
    if outdated or (record.version and record.version != __version__):
        yield note(
            "skill pack",
            f"It is that of {record.version}; this program is {__version__}.",
            "The agent is told about an older program.",
            "ategnatos init --upgrade --dry-run",
        )
    elif not missing:
        yours = f"; yours: {', '.join(own)}" if own else ""
        yield well("skill pack", f"version {__version__}{yours}")


def front_matter(project: Project) -> Iterator[Finding]:
    """Does the head of every skill and rule parse, and does it say what it must?"""
    home = project.root / ".claude"
    skills = sorted((home / "skills").glob("*/SKILL.md"))
    rules = sorted((home / "rules").rglob("*.md"))
    problems = [(path, skill_problem(path)) for path in skills]
    problems += [(path, rule_problem(path)) for path in rules]
    bad = [(path, why) for path, why in problems if why]
    for path, why in bad:
        yield failed(
            "skills and rules",
            f"{path.relative_to(project.root)}: {why}",
            "A coding agent skips this file, or part of it, without a word.",
            "Mend the lines between the two '---'; in doubt put the value in double quotes.",
        )
    if not bad:
        yield well("skills and rules", f"{len(skills)} skills and {len(rules)} rules parse")


def skill_problem(path: Path) -> str:
    """What is wrong with the head of a SKILL.md; "" where nothing is."""
    head, problem = _head(path)
    if problem:
        return problem
    if head is None:
        return "it has no front matter"
    name, description = head.get("name", path.parent.name), head.get("description")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _NAME_CHARACTERS:
        return f"the name {name!r} is not lower-case letters, digits and single hyphens"
    if name != path.parent.name:
        return f"the name {name!r} differs from its folder's"
    if not isinstance(description, str) or not description.strip():
        return "it has no description"
    if len(description) > _DESCRIPTION_CHARACTERS:
        return f"the description is longer than {_DESCRIPTION_CHARACTERS} characters"
    return ""


def rule_problem(path: Path) -> str:
    """What is wrong with the head of a rule; "" where nothing is. A rule may have none."""
    return _head(path)[1]


def _head(path: Path) -> tuple[dict[str, Any] | None, str]:
    """The front matter (None where there is none), and what is wrong with it."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, f"it cannot be read ({error})"
    if not text.startswith("---\n"):
        return None, ""
    head, closed, _ = text[4:].partition("\n---")
    if not closed:
        return None, "its front matter has no end"
    try:
        found = yaml.safe_load(head)
    except yaml.YAMLError as error:
        return None, f"its front matter is no YAML ({' '.join(str(error).split())})"
    return (found, "") if isinstance(found, dict) else (None, "its front matter is no mapping")


def _fence_on_path(settings: dict[str, Any]) -> Iterator[Finding]:
    # Where not even 'ategnatos' is on PATH, this shell is not one that Claude Code is started from.
    lacks = shutil.which("ategnatos-fence") is None and shutil.which("ategnatos") is not None
    if lacks and claude_settings.has_fence(settings, "PreToolUse"):
        yield failed(
            "settings",
            "Claude Code is told to ask 'ategnatos-fence', which is not installed here.",
            "It refuses every command and every edit.",
            "pip install --force-reinstall --no-deps ategnatos",
        )


def settings(project: Project) -> Iterator[Finding]:
    """Would Claude Code take the settings, and are the studio's rules among them?"""
    sound = True
    for name in ("settings.json", "settings.local.json"):
        path = project.root / ".claude" / name
        if not path.exists():
            continue
        try:
            found = claude_settings.parse(path.read_bytes())
        except claude_settings.NotSettingsError as error:
            sound = False
            yield failed(
                "settings",
                f".claude/{name}: {error}",
                "Claude Code ignores the whole file without a word, its deny rules included.",
                f"Mend it, and check with: python3 -m json.tool '{path}'",
            )
            continue
        missing = claude_settings.missing_rules(found) if name == "settings.json" else []
        if missing:
            sound = False
            yield note(
                "settings",
                f"Not in .claude/{name}: {', '.join(missing)}",
                "The agent is asked more often, or may edit the record by hand. If you took"
                " them out on purpose, all is well.",
                "Add them again in that file under 'permissions', 'sandbox' or 'hooks'.",
            )
        older = claude_settings.outdated_hooks(found) if name == "settings.json" else []
        if older:
            sound = False
            yield note(
                "settings",
                f"Of an earlier version in .claude/{name}: {', '.join(older)}",
                "The fence is asked about less, or a fault in it may let something pass.",
                f"ategnatos init '{project.root}'",
            )
        if name == "settings.json":
            yield from _fence_on_path(found)
    if not (project.root / claude_settings.PATH).exists():
        yield failed(
            "settings",
            f"{claude_settings.PATH} is missing.",
            "Nothing keeps the agent from editing the record by hand.",
            f"ategnatos init '{project.root}'",
        )
    elif sound:
        yield well("settings", "valid, with the studio's rules")
