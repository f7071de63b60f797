"""Cases of the codes about prompts and about what a project may use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.commands import contract
from ategnatos.commands.art import words
from ategnatos.guard import policy
from ategnatos.knowledge import dialects, families

SELLING = policy.Policy(commercial=True)


def dialect_unknown(_: Path) -> None:
    dialects.find("booru")


def prompt_faulty(folder: Path) -> None:
    call = contract.Call("art lint", project_option=folder)
    answer = words.lint(call, "an owl, (hat:1.2", family="sdxl")
    assert answer.failed is not None
    raise answer.failed


def family_refused(_: Path) -> None:
    variant = families.find("flux1/dev")
    policy.require(policy.judge(SELLING, variant.key, variant.licence), release=False)


def licence_unknown(_: Path) -> None:
    variant = families.find("flux3/klein")
    policy.require(policy.judge(SELLING, variant.key, variant.licence), release=True)


def policy_term(_: Path) -> None:
    policy.parse_band("plenty")


_ALL: tuple[Callable[[Path], None], ...] = (
    dialect_unknown,
    prompt_faulty,
    family_refused,
    licence_unknown,
    policy_term,
)
CASES = {case.__name__: case for case in _ALL}
