"""Many prompts from one file: every line read and checked before the first picture is ordered.

Text is one prompt a line. JSON, JSON lines, YAML and CSV may give a line settings of its own. One
that cannot be used is named by its number, and then nothing is begun at all.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

PROMPTS_FILE = ErrorCode("prompts_file", "A file of prompts cannot be used.")

MOST_BYTES = 16 * 1024 * 1024
MOST_PROMPTS = 5000
_LONGEST_PROMPT = 20_000
_COMMENT = "# "

# What a line may set, and how its value is read; each has the name of its option.
_WHOLE, _REAL, _TEXT = "a whole number", "a number", "a text"
SETTINGS: Mapping[str, str] = {
    "prompt": _TEXT,
    "negative": _TEXT,
    "seed": _WHOLE,
    "count": _WHOLE,
    "size": _TEXT,
    "steps": _WHOLE,
    "cfg": _REAL,
    "sampler": _TEXT,
    "model": _TEXT,
    "family": _TEXT,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One prompt. ``number`` is where it stands: a line of text or CSV, else an entry, from 1."""

    number: int
    prompt: str
    settings: dict[str, Any] = field(default_factory=dict)


def read(path: Path) -> list[Line]:
    """The prompts of a file, by its suffix: .txt, .json, .jsonl, .yaml, .csv.

    Raises StudioError (``prompts_file``), with every line at fault in ``details``.
    """
    text = _text(path)
    suffix = path.suffix.lower()
    try:
        if suffix == ".json":
            entries = _listed(json.loads(text), path)
        elif suffix == ".jsonl":
            entries = [
                (number, _json_line(line))
                for number, line in enumerate(text.splitlines(), start=1)
                if line.strip()
            ]
        elif suffix in (".yaml", ".yml"):
            import yaml

            entries = _listed(yaml.safe_load(text), path)
        elif suffix == ".csv":
            entries = _rows(text, path)
        else:
            entries = [
                (number, line)
                for number, line in enumerate(text.splitlines(), start=1)
                if line.strip() and not line.startswith(_COMMENT)
            ]
    except (ValueError, RecursionError, csv.Error) as error:
        raise _unusable(path, f"it is no {suffix[1:].upper()} ({_first_line(error)})") from error
    except Exception as error:
        # PyYAML's own errors have one base, which is not worth an import where there is no YAML.
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        raise _unusable(path, f"it is no YAML ({_first_line(error)})") from error
    return _lines(entries, path)


def refused(path: Path, faults: Iterable[tuple[int, str]], total: int) -> StudioError:
    """The refusal of a file for what is wrong with some of its lines."""
    named = list(faults)
    shown = "; ".join(f"line {number}: {why}" for number, why in named[:5])
    more = f" (and {len(named) - 5} more)" if len(named) > 5 else ""
    return StudioError(
        PROMPTS_FILE,
        f"{len(named)} of {total} prompts in {path.name} cannot be made: {shown}{more}."
        " Nothing was begun.",
        hint="Mend these lines and run the same command again.",
        faults=[{"line": number, "reason": why} for number, why in named],
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _unusable(path, f"it is larger than {MOST_BYTES // 2**20} MB")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _unusable(path, f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise _unusable(path, f"line {line} is not UTF-8") from error


def _listed(value: Any, path: Path) -> list[tuple[int, Any]]:
    if isinstance(value, dict) and isinstance(value.get("prompts"), list):
        value = value["prompts"]
    if not isinstance(value, list):
        raise _unusable(path, "it holds no list of prompts")
    return list(enumerate(value, start=1))


def _json_line(line: str) -> Any:
    """One line as JSON; what is none is told with its number later."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _rows(text: str, path: Path) -> list[tuple[int, Any]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    head = [name.strip().lower() for name in next(reader, [])]
    if "prompt" not in head:
        raise _unusable(path, "its first line names no column 'prompt'")
    found: list[tuple[int, Any]] = []
    before = reader.line_num
    for row in reader:
        # A field may hold line breaks: the row begins after where the last one ended.
        number, before = before + 1, reader.line_num
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > len(head):
            found.append((number, None))
            continue
        cells = zip(head, row, strict=False)
        found.append((number, {name: cell for name, cell in cells if cell.strip()}))
    return found


def _lines(entries: list[tuple[int, Any]], path: Path) -> list[Line]:
    if not entries:
        raise _unusable(path, "it holds no prompt")
    if len(entries) > MOST_PROMPTS:
        raise _unusable(path, f"it holds {len(entries):,} prompts, and {MOST_PROMPTS:,} is most")
    found: list[Line] = []
    faults: list[tuple[int, str]] = []
    for number, entry in entries:
        try:
            found.append(_line(number, entry))
        except ValueError as error:
            faults.append((number, str(error)))
    if faults:
        raise refused(path, faults, len(entries))
    return found


def _line(number: int, entry: Any) -> Line:
    """Raises ValueError with what is wrong, for people."""
    if isinstance(entry, str):
        entry = {"prompt": entry}
    if not isinstance(entry, dict):
        raise ValueError("it is neither a text nor settings with a prompt")
    unknown = sorted(str(name) for name in entry if name not in SETTINGS)
    if unknown:
        raise ValueError(f"there is no setting {unknown[0]!r} (known: {', '.join(SETTINGS)})")
    settings = {
        name: _value(name, value) for name, value in entry.items() if value not in (None, "")
    }
    prompt = str(settings.pop("prompt", "")).strip()
    if not prompt:
        raise ValueError("it has no prompt")
    if len(prompt) > _LONGEST_PROMPT:
        raise ValueError(f"its prompt is longer than {_LONGEST_PROMPT:,} characters")
    if any(character < " " and character not in "\t\n\r" for character in prompt):
        raise ValueError("its prompt holds control characters")
    return Line(number, prompt, settings)


def _value(name: str, value: Any) -> Any:
    kind = SETTINGS[name]
    if kind is _TEXT:
        if isinstance(value, str) or (name == "size" and isinstance(value, int)):
            return str(value)
    elif not isinstance(value, bool) and isinstance(value, str | int | float):
        try:
            return int(str(value).strip()) if kind is _WHOLE else float(value)
        except ValueError:
            pass
    raise ValueError(f"{name} is {kind}, not {value!r}")


def _first_line(error: Exception) -> str:
    return str(error).replace("\n", " ")[:200]


def _unusable(path: Path, why: str) -> StudioError:
    return StudioError(
        PROMPTS_FILE,
        f"{path} cannot be used: {why}. Nothing was begun.",
        hint="One prompt a line (.txt); or .json, .jsonl, .yaml, .csv with 'prompt' and settings.",
        path=str(path),
    )
