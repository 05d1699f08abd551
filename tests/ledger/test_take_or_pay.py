"""Take or pay: what was sold is paid, and of it what jobs held is used. Hours of 3,600,000 ms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.ledger import Held, Sold, statements

HOUR_MS = 3_600_000


def sold(gpus: int, *hours: float, name: str = "c", gpu_type: str | None = None) -> Sold:
    return Sold(
        name=name,
        gpu_type=gpu_type,
        gpus=gpus,
        from_ms=int(hours[0] * HOUR_MS),
        until_ms=int(hours[1] * HOUR_MS),
        usd_per_gpu_hour=2.0,
    )


def held(gpus: float, *hours: float, gpu_type: str = "h100") -> Held:
    return Held(
        from_ms=int(hours[0] * HOUR_MS), until_ms=int(hours[1] * HOUR_MS), gpus={gpu_type: gpus}
    )


def hours(*found):
    return [(each.name, each.paid_gpu_hours, each.used_gpu_hours) for each in found]


def test_what_is_not_held_is_paid_and_not_used():
    # 8 GPUs from 0 to 10; 4 are held for 5 hours and 12 for 1: 4 · 5 + 8 · 1 = 28 of 80.
    (found,) = statements([sold(8, 0, 10)], [held(4, 0, 5), held(12, 6, 7)], {}, 20 * HOUR_MS)
    assert (found.paid_gpu_hours, found.used_gpu_hours, found.unused_gpu_hours) == (80, 28, 52)
    assert (found.usd, found.until_ms) == (160.0, 10 * HOUR_MS)


def test_only_what_has_passed_counts():
    (found,) = statements([sold(8, 0, 10)], [held(8, 0, 9)], {}, 2 * HOUR_MS)
    assert (found.paid_gpu_hours, found.used_gpu_hours) == (16, 16)
    (ahead,) = statements([sold(8, 5, 10)], [], {}, 2 * HOUR_MS)
    assert (ahead.paid_gpu_hours, ahead.usd, ahead.until_ms) == (0, 0, 5 * HOUR_MS)


def test_what_is_guaranteed_besides_is_used_first():
    # 10 held, 4 of them guaranteed: 6 of the 8 bought.
    found = statements([sold(8, 0, 1)], [held(10, 0, 1)], {None: 4}, HOUR_MS)
    assert hours(*found) == [("c", 8, 6)]


def test_a_contract_of_a_type_takes_its_type_first_and_any_the_rest():
    # 6 h100 and 3 b200 held: the contract of 4 h100 has 4, that of 8 of any the other 5.
    contracts = [sold(8, 0, 1, name="any"), sold(4, 0, 1, name="typed", gpu_type="h100")]
    jobs = [held(6, 0, 1), held(3, 0, 1, gpu_type="b200")]
    assert hours(*statements(contracts, jobs, {}, HOUR_MS)) == [("any", 8, 5), ("typed", 4, 4)]
    none = [sold(4, 0, 1, name="typed", gpu_type="gb300")]
    assert hours(*statements(none, jobs, {}, HOUR_MS)) == [("typed", 4, 0)]


def test_of_two_contracts_the_one_that_began_first_is_used_first():
    # 6 held from 0 to 2; a is 4 GPUs from 0, b 4 from 1.
    contracts = [sold(4, 1, 2, name="b"), sold(4, 0, 2, name="a")]
    found = statements(contracts, [held(6, 0, 2)], {}, 2 * HOUR_MS)
    assert hours(*found) == [("b", 4, 2), ("a", 8, 8)]


SPANS = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted)


@given(
    st.lists(st.tuples(st.integers(1, 9), SPANS), max_size=4),
    st.lists(st.tuples(st.integers(1, 9), SPANS), max_size=5),
    st.integers(0, 5),
    st.integers(0, 25),
)
def test_the_sum_over_hours_is_what_looking_at_each_hour_finds(bought, runs, guaranteed, now):
    contracts = [sold(gpus, *span, name=f"c{i}") for i, (gpus, span) in enumerate(bought)]
    jobs = [held(gpus, *span) for gpus, span in runs]
    found = statements(contracts, jobs, {None: guaranteed}, now * HOUR_MS)
    used = paid = 0
    for hour in range(now):
        have = sum(gpus for gpus, (start, end) in bought if start <= hour < end)
        hold = sum(gpus for gpus, (start, end) in runs if start <= hour < end)
        paid += have
        used += min(have, max(0, hold - guaranteed))
    assert sum(each.paid_gpu_hours for each in found) == pytest.approx(paid)
    assert sum(each.used_gpu_hours for each in found) == pytest.approx(used)
