"""What a run notices is explained, and nothing is explained that no run notices."""

from __future__ import annotations

import re
from pathlib import Path

from ategnatos.knowledge import loader
from ategnatos.train import watching
from ategnatos.train.watching import said

SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for path in Path(str(watching.__file__)).parent.glob("*.py")
)


def test_the_findings_of_the_page_are_those_of_the_monitor() -> None:
    told = loader.read("run_findings").content["findings"]
    named = set(re.findall(r'Finding\(\s*"(\w+)"', SOURCES)) | {*said._WARNINGS, *said._FAILURES}
    assert named - set(told) == set()
    assert [code for code in told if f'"{code}"' not in SOURCES] == []
    assert {one["weight"] for one in told.values()} == {"note", "warn", "stop"}
    for code, (weight, _) in {**said._WARNINGS, **said._FAILURES}.items():
        assert told[code]["weight"] == weight or code in ("nan", "stopped"), code
