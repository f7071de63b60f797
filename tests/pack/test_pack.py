"""The pack that ships: valid for the client and for the standard, honest, and complete."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from ategnatos import cli
from ategnatos._version import __version__
from ategnatos.commands.known_commands import problem
from ategnatos.knowledge.pages import place
from ategnatos.studio import pack
from ategnatos.studio.checks import claude
from ategnatos.studio.claude_settings import RULES, check_hooks, parse, plugin_hooks
from tests.pack.table import rows

ROOT = Path(__file__).parents[2]
SKILLS = sorted((ROOT / ".claude/skills").glob("*/SKILL.md"))
TEXTS = [ROOT / "CLAUDE.md", *SKILLS, *sorted((ROOT / ".claude/rules").glob("*.md"))]


def test_the_four_rooms_have_their_skill() -> None:
    assert [path.parent.name for path in SKILLS] == ["art", "eye", "studio", "train"]


@pytest.mark.parametrize("path", SKILLS, ids=lambda path: path.parent.name)
def test_a_skill_is_valid_and_short(path: Path) -> None:
    assert claude.skill_problem(path) == ""
    head, problem = claude._head(path)
    assert problem == ""
    # The open standard knows more keys; these two cost no permission and pass everywhere.
    assert set(head or {}) == {"name", "description"}
    text = path.read_text()
    assert len(text.splitlines()) < 200
    # After a compaction the client keeps the first 5,000 tokens of a skill; a token is no shorter
    # than three characters here.
    assert len(text) < 15_000


def verbs(room: str) -> set[str]:
    """The verbs and nouns of a group of commands; empty for a house command."""
    module = importlib.import_module(f"ategnatos.commands.{cli.ROOMS[room][0]}")
    known = module.app.registered_commands
    if len(known) < 2:
        return set()
    nouns = {str(one.name) for one in module.app.registered_groups}
    return {str(one.name or one.callback.__name__) for one in known} | nouns


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_command_that_is_named_exists(path: Path) -> None:
    """A text that sends an agent to a command that is not there costs it a refusal."""
    for room, verb in re.findall(
        r"(?:`|^ {4})ategnatos ([a-z]+) ?([a-z][a-z-]*|)", path.read_text(), re.M
    ):
        assert room in cli.ROOMS
        if verb and verbs(room):
            assert verb in verbs(room)


@pytest.mark.parametrize("path", SKILLS, ids=lambda path: path.parent.name)
def test_a_skill_names_each_of_its_pages(path: Path) -> None:
    """A page that no skill names is never read: the client shows nothing but SKILL.md."""
    text = path.read_text()
    pages = [*path.parent.glob("resources/**/*.md"), *path.parent.glob("flows/*.md")]
    names = [one.relative_to(path.parent).as_posix().removeprefix("resources/") for one in pages]
    shortened = {
        name for name in names if f"`{name}`" not in text and f"`resources/{name}`" not in text
    }
    # Pages of one folder may share its name, once it was said.
    assert [one for one in sorted(shortened) if f"`{one.rpartition('/')[2]}`" not in text] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_prompt_in_an_example_is_single_quoted(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "ategnatos art generate" in line:
            assert not re.search(r'generate "', line)


def test_the_instructions_are_short() -> None:
    assert len((ROOT / "CLAUDE.md").read_text().splitlines()) < 120


def test_rules_parse() -> None:
    for path in (ROOT / ".claude/rules").glob("*.md"):
        assert claude.rule_problem(path) == ""


def test_the_repositorys_own_settings_are_valid_and_carry_no_hooks() -> None:
    settings = parse((ROOT / ".claude/settings.json").read_bytes())
    check_hooks(settings)
    assert "hooks" not in settings


def test_no_rule_of_ours_is_one_that_the_client_ignores() -> None:
    rules = [
        rule for (group, _), all_of in RULES.items() if group == "permissions" for rule in all_of
    ]
    for rule in rules:
        assert not rule.startswith("Write("), "Write(path) is ignored: Edit covers it"
        assert rule != "Bash(ategnatos*)", "without the space it matches other programs"


@pytest.mark.parametrize("path", SKILLS, ids=lambda path: path.parent.name)
def test_the_reference_validator_agrees(path: Path) -> None:
    validator = Path(sys.executable).with_name("agentskills")
    if not validator.exists():
        pytest.skip("skills-ref is not installed")
    done = subprocess.run([validator, "validate", path.parent], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pack_is_found_in_a_checkout() -> None:
    found = {one.path for one in pack.load()}
    assert {
        "CLAUDE.md",
        ".claude/skills/art/SKILL.md",
        ".claude/rules/grimoire-is-generated.md",
    } <= found


def test_the_wheel_carries_the_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hatchling import build

    monkeypatch.chdir(ROOT)
    name = build.build_wheel(str(tmp_path))
    with zipfile.ZipFile(tmp_path / name) as wheel:
        inside = {
            one.removeprefix("ategnatos/_pack/"): wheel.read(one)
            for one in wheel.namelist()
            if one.startswith("ategnatos/_pack/")
        }
    assert inside == {one.path: one.content for one in pack.load()}
    assert ".claude/settings.json" not in inside, "init writes the settings itself"


def test_an_installed_pack_is_read_from_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "ategnatos/_pack"
    for one in pack.load():
        (home / one.path).parent.mkdir(parents=True, exist_ok=True)
        (home / one.path).write_bytes(one.content)
    expected = pack.load()
    monkeypatch.setattr(place, "files", lambda package: tmp_path / package)
    assert pack.load() == expected


def test_settings_are_json_for_any_reader() -> None:
    json.loads((ROOT / ".claude/settings.json").read_text())


def test_the_plugin_has_the_hooks_of_a_studio_and_this_version() -> None:
    hooks = json.loads((ROOT / ".claude/hooks/hooks.json").read_text())
    assert hooks == plugin_hooks(), "write it anew: see plugin_hooks"
    plugin = json.loads((ROOT / ".claude/.claude-plugin/plugin.json").read_text())
    market = json.loads((ROOT / ".claude-plugin/marketplace.json").read_text())
    (entry,) = market["plugins"]
    assert plugin["version"] == entry["version"] == __version__
    assert plugin["name"] == entry["name"]
    assert (ROOT / entry["source"]).resolve() == ROOT / ".claude"


# How much harm a mistake with it could do, by design.
DANGER = {"art": "safe", "eye": "safe", "studio": "moderate", "train": "high"}


@pytest.mark.parametrize("skill", sorted(DANGER))
def test_the_index_of_a_skill_is_true(skill: str) -> None:
    """Nothing reads it, so that only this test keeps it from telling an old story."""
    import typer

    told = yaml.safe_load((ROOT / f".claude/skills/{skill}/index.yaml").read_text())
    assert set(told) == {
        *("name", "version", "role", "description", "danger_level", "danger", "commands")
    }
    assert (told["name"], told["version"]) == (skill, __version__)
    assert told["danger_level"] == DANGER[skill]
    page = (ROOT / f".claude/skills/{skill}/SKILL.md").read_text()
    assert f"\n# {told['role']}: " in page
    program = typer.main.get_command(cli.app)
    assert [one for one in told["commands"] if problem(f"ategnatos {one}", program)] == []
    used = {command for row in rows(page) for command in row.commands}
    assert [one for one in sorted(used) if not one.startswith(tuple(told["commands"]))] == []
