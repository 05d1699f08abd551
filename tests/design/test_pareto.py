"""The front against the definition, written as plainly as it can be."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arkwright.design.pareto import front

# Few different figures, so that equal ones and ties are common.
points = st.integers(0, 12).flatmap(
    lambda rows: arrays(np.float64, (rows, 3), elements=st.integers(0, 4).map(float))
)


def dominates(one, other) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(
        a < b for a, b in zip(one, other, strict=True)
    )


def test_cheap_and_good_stand_beside_each_other_and_the_worse_go():
    #            cheap but weak, dear but strong, worse than the first, as the first
    values = np.array([[1.0, 9.0], [5.0, 2.0], [1.0, 9.5], [1.0, 9.0]])
    assert front(values).tolist() == [True, True, False, True]


@given(points)
def test_it_is_what_the_definition_says(values):
    rows = values.tolist()
    naive = [not any(dominates(other, row) for other in rows) for row in rows]
    assert front(values).tolist() == naive


@given(points)
def test_whatever_is_left_out_is_dominated_by_something_kept(values):
    kept = front(values)
    for row in values[~kept].tolist():
        assert any(dominates(other, row) for other in values[kept].tolist())
