"""The ladder: what is changed when GPU memory ran out, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ategnatos.train.run import memory
from tests.trainers.starter_runs import small_plan


def climbed(batch: int, accumulation: int = 1, **values: object) -> list[memory.Change]:
    plan = small_plan(
        family="sdxl/base", batch=batch, accumulation=accumulation, resolution=1024, **values
    )
    found: list[memory.Change] = []
    while (change := memory.next_change(plan, "kohya", [one.name for one in found])) is not None:
        found.append(change)
        plan = change.plan
    return found


@given(st.integers(1, 64), st.integers(1, 8))
def test_the_effective_batch_stays_in_at_most_three_halvings(batch: int, many: int) -> None:
    halvings = [one for one in climbed(batch, many) if one.name == memory.SMALLER_BATCH]
    assert len(halvings) <= 3
    sizes = [batch]
    for one in halvings:
        assert one.plan.effective_batch == batch * many
        assert not one.anew
        assert one.plan.batch <= sizes[-1] // 2
        sizes.append(one.plan.batch)
    if len(halvings) < 3:
        assert sizes[-1] == 1


def test_after_the_batch_comes_the_least_harmful_and_resolution_last() -> None:
    names = [one.name for one in climbed(16, gradient_checkpointing=False, ema=False)]
    assert names[:3] == [memory.SMALLER_BATCH] * 3
    assert names[3] == "checkpointing"
    assert len(names) <= memory.MOST_TRIES
    small = [name for name in names if "pictures" in name]
    assert not small or names.index(small[0]) == len(names) - len(small)


def test_what_the_optimizer_remembers_is_given_up_only_where_it_must() -> None:
    for one in climbed(1, optimizer="adamw", gradient_checkpointing=True):
        assert one.anew == bool({"optimizer", "rank", "ema"} & set(one.values)), one.name
        assert one.said.startswith("GPU memory ran out.")


def test_a_family_that_the_estimate_does_not_know_ends_with_its_batch() -> None:
    plan = small_plan(batch=2)
    first = memory.next_change(plan, "starter", [])
    assert first is not None
    assert memory.next_change(first.plan, "starter", [first.name]) is None
