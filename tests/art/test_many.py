"""Many prompts from a file: all checked and counted before the first is begun."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.art import many
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from tests.conftest import Run

FAST = ("--steps", "1", "--size", "32x32", "-n", "1", "--json")


def order(run: Run, project: Project, path: Path, *more: str) -> Any:
    return run("art", "generate", "--prompts", str(path), *FAST, *more, cwd=project.root)


def test_text_is_one_prompt_a_line_and_the_same_file_makes_nothing_twice(
    run: Run, project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("# potions\na red potion\n\na blue potion\na red potion\n")
    made = order(run, project, path).data
    assert [(one["line"], one["job"], one["fresh"]) for one in made["lines"]] == [
        (2, "j1", True),
        (4, "j2", True),
        (5, "j1", False),
    ]
    assert (made["prompts"], made["pictures"], made["price_usd"]) == (3, 3, "0")
    path.write_text(path.read_text() + "a green potion\n")
    more = order(run, project, path).data
    assert (more["standing"], more["lines"][-1]["job"]) == (3, "j3")


SETTINGS = [
    {"prompt": "a red potion", "seed": 5, "steps": 2, "count": 2},
    {"prompt": "a blue potion", "size": "64x64"},
]


@pytest.mark.parametrize("suffix", ["json", "jsonl", "yaml", "csv"])
def test_a_line_may_have_settings_of_its_own(
    run: Run, project: Project, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"prompts.{suffix}"
    path.write_text(
        {
            "json": json.dumps({"prompts": SETTINGS}),
            "jsonl": "\n".join(json.dumps(one) for one in SETTINGS),
            "yaml": "- {prompt: a red potion, seed: 5, steps: 2, count: 2}\n"
            "- prompt: a blue potion\n  size: 64x64\n",
            "csv": 'prompt,seed,steps,count,size\n"a red\npotion",5,2,2,\na blue potion,,,,64x64\n',
        }[suffix]
    )
    made = order(run, project, path).data
    assert [(one["count"], len(one["candidates"])) for one in made["lines"]] == [(2, 2), (1, 1)]
    assert made["lines"][0]["seed"] == 5
    with database.connect(project) as db:
        first, second = store.get(db, 1), store.get(db, 2)
    assert (first.request["steps"], second.request["steps"]) == (2, 1)
    assert (first.request["width"], second.request["width"]) == (32, 64)


@pytest.mark.parametrize(
    ("name", "text", "line", "part"),
    [
        ("a.json", '["a red potion", {"prompt": ""}]', 2, "no prompt"),
        ("a.json", '["a red potion", {"prompt": "x", "sed": 1}]', 2, "'sed'"),
        ("a.jsonl", '{"prompt": "x"}\n{broken\n', 2, "neither"),
        ("a.yaml", "- a\n- {prompt: b, steps: many}\n", 2, "whole number"),
        ("a.csv", 'prompt,seed\na,1\n"b\nc",2\nd,x\n', 5, "whole number"),
        ("a.txt", "a red potion\nb\x07ell\n", 2, "control characters"),
        ("a.csv", "prompt,seed\na,1,2\n", 2, "neither"),
        # Known only when the engine plans it.
        ("a.json", '["a red potion", {"prompt": "a potion", "steps": 100000}]', 2, "steps"),
    ],
)
def test_a_line_at_fault_is_named_and_nothing_is_begun(
    run: Run, project: Project, tmp_path: Path, name: str, text: str, line: int, part: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    refused = order(run, project, path)
    assert refused.code == 1
    error = refused.envelope["error"]
    assert error["code"] == "prompts_file"
    assert [one["line"] for one in error["details"]["faults"]] == [line]
    assert part in error["details"]["faults"][0]["reason"]
    with database.connect(project) as db:
        assert store.jobs(db) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b"{"),
        ("a.json", b"{}"),
        ("a.yaml", b"a: [1\n"),
        ("a.yaml", b"!!python/object/apply:os.system ['true']"),
        ("a.csv", b"words\na\n"),
        ("a.txt", b"\n\n"),
        ("a.txt", b"a\n\xff\n"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(StudioError) as refused:
        many.read(path)
    assert refused.value.code is many.PROMPTS_FILE


def test_a_dry_run_counts_and_writes_nothing(run: Run, project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a red potion\na blue potion\n")
    told = order(run, project, path, "--dry-run").data
    assert (told["prompts"], told["pictures"], told["dry_run"]) == (2, 2, True)
    with database.connect(project) as db:
        assert store.jobs(db) == []


def test_a_prompt_beside_the_file_is_refused(run: Run, project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a red potion\n")
    refused = run("art", "generate", "a frog", "--prompts", str(path), "--json", cwd=project.root)
    assert refused.envelope["error"]["code"] == "usage"


def test_a_queue_takes_them_all(run: Run, project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a red potion\na blue potion\n")
    assert order(run, project, path, "--queue").code == 0
    with database.connect(project) as db:
        assert [job.state for job in store.jobs(db)] == [store.PENDING, store.PENDING]


@given(text=st.text(max_size=300), suffix=st.sampled_from(["txt", "json", "jsonl", "yaml", "csv"]))
@settings(max_examples=120, deadline=None)
def test_any_text_is_prompts_or_a_refusal(
    text: str, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any.{suffix}"
    path.write_text(text, encoding="utf-8", errors="replace")
    codes = set()
    try:
        assert many.read(path)
    except StudioError as error:
        codes = {error.code}
    assert codes <= {many.PROMPTS_FILE}
