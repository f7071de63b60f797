"""A signature covers every field, and a statement is read strictly or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.guard.gate import statements
from ategnatos.guard.gate.statements import Signed, Statement

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes_raw().hex()

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUE = TEXT | st.integers() | st.booleans() | st.none()


def signed(**changed: Any) -> Signed:
    facts: dict[str, Any] = {
        "studio": "s" * 32,
        "gate": "art.review",
        "subject": {"asset": "j1#2", "sha256": "a" * 64},
        "verdict": "approved",
        "reason": None,
        "approver": PUBLIC,
        "now": datetime(2026, 11, 20, tzinfo=UTC),
        "nonce": "0" * 32,
    }
    statement = statements.make(**(facts | changed))
    return Signed(statement, PRIVATE.sign(statement.to_sign()).hex())


@given(
    studio=TEXT,
    gate=TEXT,
    subject=st.dictionaries(TEXT, VALUE, max_size=4),
    verdict=TEXT,
    reason=TEXT | st.none(),
)
def test_what_is_signed_survives_json_and_verifies(
    studio: str, gate: str, subject: Any, verdict: str, reason: str | None
) -> None:
    import json

    one = signed(studio=studio, gate=gate, subject=subject, verdict=verdict, reason=reason)
    again = statements.parse_signed(json.loads(json.dumps(one.data())))
    assert again == one
    assert statements.is_genuine(one)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("studio", "t" * 32),
        ("gate", "budget.caps"),
        ("subject", {"asset": "j1#3", "sha256": "a" * 64}),
        ("subject", {"asset": "j1#2", "sha256": "a" * 63 + "b"}),
        ("subject", {"asset": "j1#2", "sha256": "a" * 64, "more": 1}),
        ("verdict", "rejected"),
        ("reason", ""),
        ("time", "2026-11-20T00:00:01Z"),
        ("nonce", "1" + "0" * 31),
        ("approver", Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()),
        ("approver", "f" * 64),
    ],
)
def test_any_other_field_breaks_the_signature(field: str, value: Any) -> None:
    one = signed()
    changed = {**one.statement.data(), field: value}
    assert not statements.is_genuine(Signed(Statement(**changed), one.signature))


@given(place=st.integers(0, 511))
def test_any_other_bit_of_the_signature_is_refused(place: int) -> None:
    one = signed()
    raw = bytearray.fromhex(one.signature)
    raw[place // 8] ^= 1 << place % 8
    assert not statements.is_genuine(Signed(one.statement, raw.hex()))


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"reason": 7},
        {"subject": []},
        {"subject": {"a": 1.5}},
        {"subject": {"a": {}}},
        {"approver": PUBLIC.upper()},
        {"nonce": "0" * 31},
        {"nonce": None},
        {"time": 3},
    ],
    ids=str,
)
def test_what_is_not_exactly_a_statement_is_none(change: dict[str, Any]) -> None:
    assert statements.parse({**signed().statement.data(), **change}) is None


@given(st.recursive(VALUE, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)))
def test_anything_may_be_parsed_and_nothing_of_it_is_signed(value: Any) -> None:
    assert statements.parse_signed(value) is None
    assert statements.parse_signed({"statement": value, "signature": "0" * 128}) is None


def test_true_and_one_are_not_the_same_subject() -> None:
    """Python holds them equal; the signed text does not."""
    assert (
        signed(subject={"a": True}).statement.to_sign()
        != signed(subject={"a": 1}).statement.to_sign()
    )


def test_a_credential_in_a_reason_is_masked_before_it_is_signed() -> None:
    import ategnatos.guard.redaction  # noqa: F401 - registers itself with the record

    reason = signed(reason="use sk-proj-abcdefghijklmnopqrstuvwxyz0123456789").statement.reason
    assert reason is not None
    assert "abcdefghijkl" not in reason
