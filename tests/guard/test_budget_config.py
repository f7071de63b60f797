"""The budget's file: read strictly, refused by the field's name, compared by what it allows."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.budget import comparison, config
from ategnatos.guard.budget.config import Config, UnitCaps

WHOLE = json.loads(config.text_of(Config()))


def text(**changes: object) -> bytes:
    return json.dumps({**WHOLE, **changes}).encode()


def refused(raw: bytes) -> StudioError:
    with pytest.raises(StudioError) as error:
        config.parse(raw)
    assert error.value.code is config.BUDGET_INVALID
    return error.value


def test_the_defaults_are_the_written_ones_and_survive_the_file() -> None:
    assert config.parse(config.text_of(Config())) == Config()
    assert WHOLE["max_daily_cost"] == 25
    assert (WHOLE["max_total_cost"], WHOLE["max_hourly_rate"]) == (50, 3)
    assert (WHOLE["max_runtime_minutes"], WHOLE["auto_teardown_minutes"]) == (480, 60)
    assert WHOLE["require_confirm"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_total_cost", '"lots"'),
        ("max_total_cost", '"50.00"'),
        ("max_total_cost", "-5"),
        ("max_total_cost", "-0"),
        ("max_total_cost", "-0.0"),
        ("max_daily_cost", "1,000"),
        ("max_daily_cost", '"1,000"'),
        ("max_daily_cost", "NaN"),
        ("max_daily_cost", "Infinity"),
        ("max_daily_cost", "-Infinity"),
        ("max_job_cost", "1e999999999"),
        ("max_job_cost", "1e99999999999999999999"),
        ("max_job_cost", "9" * 5000),
        ("max_job_cost", "0.0000001"),
        ("max_job_cost", "1e-99999999"),
        ("max_hourly_rate", "true"),
        ("max_hourly_rate", "[]"),
        ("max_hourly_rate", "{}"),
        ("require_confirm", '"false"'),
        ("require_confirm", "0"),
        ("require_confirm", "null"),
        ("max_runtime_minutes", "0"),
        ("max_runtime_minutes", "1.5"),
        ("max_runtime_minutes", "null"),
        ("max_runtime_minutes", "1e300"),
        ("auto_teardown_minutes", "481"),
        ("max_engine_cost", "5"),
        ("max_engine_cost.pixellab", '{"pixellab": "5"}'),
        ("max_engine_cost.pixellab", '{"pixellab": null}'),
        ("max_engine_cost.Pixel Lab", '{"Pixel Lab": 5}'),
        ("units.generations", '{"generations": 5}'),
        ("units.generations.max_total", '{"generations": {"max_per_day": 5}}'),
        ("units.generations.max", '{"generations": {"max_per_day":1,"max_total":1,"max":1}}'),
        ("units.generations.max_total", '{"generations": {"max_per_day":1,"max_total":-1}}'),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(field: str, value: str) -> None:
    lines = config.text_of(Config()).decode().splitlines()
    name = field.split(".")[0]
    place = next(i for i, line in enumerate(lines) if f'"{name}"' in line)
    comma = "," if lines[place].endswith(",") else ""
    lines[place] = f'  "{name}": {value}{comma}'
    error = refused("\n".join(lines).encode())
    assert error.details["field"] == field
    assert error.message.startswith(f"{field}: ")
    assert len(error.message) < 400


@pytest.mark.parametrize("field", config.NAMES)
def test_a_missing_field_is_no_missing_cap(field: str) -> None:
    found = {name: value for name, value in WHOLE.items() if name != field}
    assert refused(json.dumps(found).encode()).details["field"] == field


def test_unknown_twice_nested_huge_and_not_json_are_refused() -> None:
    assert refused(text(max_cost=5)).details["field"] == "max_cost"
    double = config.text_of(Config()).replace(b"{\n", b'{\n"max_job_cost": 1,\n', 1)
    assert refused(double).details["field"] == "max_job_cost"
    assert refused(b"[" * 100_000).details["field"] == "the file"
    assert refused(b"[" * 20_000).details["field"] == "the file"
    assert refused(b'{"a": ' * 10_000).details["field"] in {"the file", "a"}
    assert refused(b"\xff\xfe").details["field"] == "the file"
    assert refused(b"").details["field"] == "the file"
    assert refused(b"null").details["field"] == "the file"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ),
    st.sampled_from(config.NAMES),
)
def test_whatever_stands_in_a_field_is_taken_exactly_or_refused(value: object, field: str) -> None:
    try:
        found = config.parse(text(**{field: value}))
    except StudioError as error:
        named = error.details["field"]
    else:
        assert json.loads(config.text_of(found))[field] == value
        return
    # A limit below the other limit is told by the other's name.
    assert named.startswith(field) or (field, named) == tuple(config.MINUTES)


@pytest.mark.parametrize(
    "typed", ["1,000", "-5", "+5", "$5", "5 USD", "", "５", "1e3", "nan", ".5"]
)
def test_what_is_typed_is_as_strict(typed: str) -> None:
    with pytest.raises(StudioError) as error:
        config.with_value(Config(), "max_daily_cost", typed)
    assert error.value.details["field"] == "max_daily_cost"


def test_every_field_can_be_typed() -> None:
    found = Config()
    for name, value in [
        ("max_daily_cost", "10"),
        ("max_job_cost", "none"),
        ("max_engine_cost.pixellab", "2.50"),
        ("units.pixellab-generations.max_per_day", "40"),
        ("auto_teardown_minutes", "30"),
        ("require_confirm", "false"),
    ]:
        found = config.with_value(found, name, value)
    assert found.max_daily_cost == 10_000_000
    assert found.max_job_cost is None
    assert found.max_engine_cost == {"pixellab": 2_500_000}
    assert found.units == {"pixellab-generations": UnitCaps(40_000_000, None)}
    assert (found.auto_teardown_minutes, found.require_confirm) == (30, False)
    assert config.parse(config.text_of(found)) == found
    assert config.from_canonical(config.canonical(found)) == found


caps = st.none() | st.integers(0, 10**12)
configs = st.builds(
    Config,
    max_hourly_rate=caps,
    max_total_cost=caps,
    max_daily_cost=caps,
    max_job_cost=caps,
    max_engine_cost=st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 10**12)),
    units=st.dictionaries(st.sampled_from(["g", "c"]), st.builds(UnitCaps, caps, caps)),
    max_runtime_minutes=st.integers(500, 1000),
    auto_teardown_minutes=st.integers(1, 500),
    require_confirm=st.booleans(),
)


@given(configs)
def test_a_configuration_survives_its_file_and_its_canonical_form(one: Config) -> None:
    assert config.parse(config.text_of(one)) == one
    assert config.from_canonical(config.canonical(one)) == one
    assert not comparison.differences(one, one)


@given(configs, configs)
def test_two_that_differ_are_looser_one_way_or_the_other(one: Config, other: Config) -> None:
    there, back = comparison.differences(one, other), comparison.differences(other, one)
    assert [each.field for each in there] == [each.field for each in back]
    for forth, again in zip(there, back, strict=True):
        assert forth.looser is not again.looser
    assert (config.fingerprint(one) == config.fingerprint(other)) is (not there)


def test_taking_a_cap_away_is_looser_and_forgetting_a_unit_is_stricter() -> None:
    base = replace(Config(), max_engine_cost={"a": 1}, units={"g": UnitCaps(1, 1)})
    assert comparison.looser(base, replace(base, max_engine_cost={}))
    assert comparison.looser(base, replace(base, max_total_cost=None))
    assert not comparison.looser(base, replace(base, units={}))
    assert comparison.looser(replace(base, units={}), base)
    assert comparison.looser(base, replace(base, require_confirm=False))
    assert not comparison.looser(base, replace(base, max_engine_cost={"a": 1, "b": 1}))


def test_money_is_never_a_float() -> None:
    found = config.parse(text(max_daily_cost=0.1, max_job_cost=0.3))
    assert found.max_daily_cost == 100_000
    assert 3 * (found.max_daily_cost or 0) == found.max_job_cost
    assert not any(isinstance(getattr(found, name), float | Decimal) for name in config.MONEY)
