"""Every error code is declared once, provoked by a test, and spoken in full sentences."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from pathlib import Path

import pytest

import ategnatos
from ategnatos.grimoire.errors import ErrorCode, StudioError

PACKAGE = Path(ategnatos.__file__).parent
CASES_FOLDER = Path(__file__).parent / "error_cases"

Case = Callable[[Path], None]


def _declared() -> dict[str, list[tuple[str, ErrorCode]]]:
    """Codes by their text, with the modules that declare (not merely import) them."""
    found: dict[str, list[tuple[str, ErrorCode]]] = {}
    for module in pkgutil.walk_packages([str(PACKAGE)], "ategnatos."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        source = Path(str(loaded.__file__)).read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and isinstance(node.value.func, ast.Name)
                and node.value.func.id == "ErrorCode"
            ):
                target = node.targets[0]
                assert isinstance(target, ast.Name)
                code = getattr(loaded, target.id)
                found.setdefault(code.code, []).append((module.name, code))
    return found


def _cases() -> dict[str, Case]:
    found: dict[str, Case] = {}
    for path in sorted(CASES_FOLDER.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"error_cases_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for code, case in module.CASES.items():
            assert code not in found, f"{code} has two cases"
            found[code] = case
    return found


CASES = _cases()


def test_every_code_is_declared_once() -> None:
    twice = {code: places for code, places in _declared().items() if len(places) > 1}
    assert not twice


def test_every_declared_code_has_a_case_and_every_case_a_code() -> None:
    assert set(CASES) == set(_declared())


@pytest.mark.parametrize("code", sorted(CASES))
def test_the_code_is_really_raised_with_a_next_step(code: str, tmp_path: Path) -> None:
    with pytest.raises(StudioError) as raised:
        CASES[code](tmp_path)
    error = raised.value
    assert error.code.code == code
    assert error.message.strip()
    assert error.hint.strip(), "an error says the next step"


def test_codes_are_raised_by_constant_never_by_text() -> None:
    """``StudioError("text", ...)`` would slip past the registry."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "StudioError"
            ):
                assert isinstance(node.args[0], ast.Name | ast.Attribute), (path, node.lineno)
