"""A policy rules models out by the clause of their licence; the unknown is never released."""

from __future__ import annotations

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.policy import (
    ALLOWED,
    CONDITIONS,
    FAMILY_REFUSED,
    LICENCE_UNKNOWN,
    REFUSED,
    UNKNOWN,
    Policy,
    judge,
    parse_band,
    parse_territory,
    require,
)
from ategnatos.knowledge.families import Licence

FREE = Licence("Apache-2.0", "yes")
TERMS = Licence("OpenRAIL", "yes", ("no harm",))
NC = Licence("NC", "no", ("ask the maker",), source="page", read="2026-11-20")
OPEN = Licence("see the page", "unknown")
MILLION = Licence("Community", "conditions", revenue_limit_usd=1_000_000)
LARGE = Licence("Community", "conditions", revenue_limit_usd=5_000_000)
PLACES = Licence("Community", "conditions", territory=("US", "EU"))


@pytest.mark.parametrize(
    ("licence", "band", "territory", "verdict"),
    [
        (FREE, "", (), ALLOWED),
        (TERMS, "", (), CONDITIONS),
        (NC, "", (), REFUSED),
        (OPEN, "", (), UNKNOWN),
        (None, "", (), UNKNOWN),
        (MILLION, "", (), UNKNOWN),
        (MILLION, "under-1m", (), ALLOWED),
        (MILLION, "1m-to-10m", (), REFUSED),
        (MILLION, "over-10m", (), REFUSED),
        (LARGE, "under-1m", (), ALLOWED),
        (LARGE, "1m-to-10m", (), UNKNOWN),
        (LARGE, "over-10m", (), REFUSED),
        (PLACES, "", (), UNKNOWN),
        (PLACES, "", ("EU",), REFUSED),
        (PLACES, "", ("CH",), ALLOWED),
        (PLACES, "", ("CH", "US"), REFUSED),
    ],
)
def test_a_commercial_project(
    licence: Licence | None, band: str, territory: tuple[str, ...], verdict: str
) -> None:
    found = judge(Policy(True, band, territory), "family/variant", licence)
    assert found.verdict == verdict
    assert found.may_experiment == (verdict != REFUSED)
    assert found.may_release == (verdict in (ALLOWED, CONDITIONS))
    assert bool(found.clauses) == (verdict != ALLOWED)


@pytest.mark.parametrize("commercial", [None, False])
@pytest.mark.parametrize("licence", [FREE, NC, OPEN, MILLION, PLACES, None])
def test_a_project_that_sells_nothing_may_use_all(
    commercial: bool | None, licence: Licence | None
) -> None:
    assert judge(Policy(commercial), "family/variant", licence).may_release


def test_a_refusal_names_the_family_and_the_clause() -> None:
    found = judge(Policy(True), "flux1/dev", NC)
    for release in (False, True):
        with pytest.raises(StudioError) as raised:
            require(found, release=release)
        assert raised.value.code is FAMILY_REFUSED
        for word in ("flux1/dev", "NC", "no commercial use", "ask the maker", "2026-11-20"):
            assert word in raised.value.message


def test_the_unknown_may_be_tried_and_not_released() -> None:
    found = judge(Policy(True), "new/model", OPEN)
    require(found, release=False)
    with pytest.raises(StudioError) as raised:
        require(found, release=True)
    assert raised.value.code is LICENCE_UNKNOWN


def test_words_of_the_policy() -> None:
    assert parse_band(" Under-1M ") == "under-1m"
    assert [parse_territory(text) for text in ("de", "EU", "gb", "Korea", "usa", "ch")] == [
        "EU",
        "EU",
        "UK",
        "KR",
        "US",
        "CH",
    ]
    for text in ("", "narnia", "12"):
        with pytest.raises(StudioError):
            parse_territory(text)
