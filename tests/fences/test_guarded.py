"""What the fences look for is what the house really has."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from ategnatos.fences.events import known
from tests.conftest import Run


def test_every_command_that_a_person_must_run_exists(tmp_path: Path, run: Run) -> None:
    for command in known()["person_only"]:
        done = run(*command.split(), "--help")
        assert done.code == 0, f"'ategnatos {command}' does not exist"


def test_every_variable_of_a_credential_is_guarded() -> None:
    told = json.loads((resources.files("ategnatos.knowledge.data") / "secrets.json").read_text())
    variables = {one for secret in told["secrets"].values() for one in secret["variables"]}
    assert variables <= set(known()["secret_variables"])


def test_a_program_belongs_to_one_kind() -> None:
    programs = known()["programs"]
    assert not set(programs["readers"]) & (set(programs["changers"]) | set(programs["copiers"]))
    assert set(programs["trees"]) - set(programs["readers"]) == set(programs["trees"])
