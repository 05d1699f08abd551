"""Things that are on for a while, summed into hours; against adding them up one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.physics.steps import HOUR_MS, HourSums, highest, hour_edges, hours_of

BEGIN = 7 * HOUR_MS + 1_234


def test_hours_are_whole_ones_cut_by_the_span():
    half = HOUR_MS // 2
    assert hour_edges(half, 2 * HOUR_MS + 1).tolist() == [
        half,
        HOUR_MS,
        2 * HOUR_MS,
        2 * HOUR_MS + 1,
    ]
    assert hour_edges(0, HOUR_MS).tolist() == [0, HOUR_MS]
    assert hour_edges(5, 6).tolist() == [5, 6]
    assert hour_edges(-half, half).tolist() == [-half, 0, half]


def test_the_last_instant_is_in_the_last_hour():
    edges = hour_edges(0, 2 * HOUR_MS)
    assert hours_of(edges, np.array([0, HOUR_MS - 1, HOUR_MS, 2 * HOUR_MS])).tolist() == [
        0,
        0,
        1,
        1,
    ]


def test_a_kilowatt_from_a_quarter_past_until_half_past_the_next_hour():
    sums = HourSums(hour_edges(0, 3 * HOUR_MS), 2)
    quarter = HOUR_MS // 4
    sums.add(np.array([1]), np.array([quarter]), np.array([6 * quarter]), np.array([1000.0]))
    assert (sums.sums() / HOUR_MS).tolist() == [[0, 0, 0], [750, 500, 0]]


spans = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 4 * HOUR_MS),
        st.integers(0, 4 * HOUR_MS),
        st.integers(-50, 100),
    ),
    max_size=12,
)


@given(spans, st.integers(1, 4 * HOUR_MS))
def test_sums_and_the_highest_instant_are_those_of_adding_up_one_by_one(found, length):
    end = BEGIN + length
    edges = hour_edges(BEGIN, end)
    rows = [
        (place, *sorted((BEGIN + min(a, length), BEGIN + min(b, length))), float(weight))
        for place, a, b, weight in found
    ]
    place, start, stop, weight = (
        np.array(column, dtype=np.float64 if at == 3 else np.int64)
        for at, column in enumerate(zip(*rows, strict=True) if rows else [[], [], [], []])
    )
    sums = HourSums(edges, 3)
    sums.add(place, start, stop, weight)
    want = np.zeros((3, len(edges) - 1))
    for where, a, b, w in rows:
        for hour in range(len(edges) - 1):
            overlap = min(b, int(edges[hour + 1])) - max(a, int(edges[hour]))
            want[where, hour] += w * max(overlap, 0)
    assert sums.sums() == pytest.approx(want, abs=1e-3)
    instants = sorted({BEGIN, *(t for _, a, b, _ in rows for t in (a, b) if t < end)})
    most = max(sum(w for _, a, b, w in rows if a <= t < b) for t in instants)
    assert highest(edges, start, stop, weight) == pytest.approx(most, abs=1e-9)
