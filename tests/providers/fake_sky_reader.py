"""Stands in for the interpreter beside ``sky``: reads a task by SkyPilot's own schemas."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import yaml

schema = json.loads(
    (Path(__file__).parent / "recorded" / "sky-task-schema.json").read_text(encoding="utf-8")
)
task = yaml.safe_load(Path(sys.argv[-1]).read_text(encoding="utf-8"))
jsonschema.validate(task, schema["task"])
jsonschema.validate(task.get("resources", {}), schema["resources"])
