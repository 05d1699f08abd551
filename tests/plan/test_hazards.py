"""What happens once or never."""

import numpy as np
import pytest

from arkwright.plan.hazards import conditional, hazard, lags, middle
from arkwright.plan.streams import uniforms

LATE = hazard(3, [(0, 0.5), (2, 0.3), (-1, 0.2)], horizon=12)


def test_lags_have_the_probabilities_that_were_given():
    drawn = lags(LATE, uniforms(1, "late", (20_000,)))
    shares = [(drawn == lag).mean() for lag in (0, 2, 12)]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.012)
    assert set(drawn.tolist()) == {0, 2, 12}


def test_inverse_transform_goes_from_the_soonest_to_never():
    at = np.array([0.0, 0.49, 0.51, 0.79, 0.81, 1 - 1e-16])
    assert lags(LATE, at).tolist() == [0, 0, 2, 2, 12, 12]


def test_the_middle_is_as_likely_as_not_no_longer():
    assert middle(LATE) == 0
    assert middle(hazard(0, [(0, 0.3), (2, 0.4), (4, 0.3)], 12)) == 2


def test_what_was_seen_to_happen_stays():
    # Due in quarter 3 and on time: at the start of 4 it has been seen.
    past = np.full(100, 0.2)
    on = conditional(LATE, past, uniforms(1, "x", (100,)), at=4)
    assert (on == past).all()


def test_before_it_is_due_everything_is_still_possible():
    fresh = uniforms(1, "x", (100,))
    assert (conditional(LATE, np.full(100, 0.2), fresh, at=3) == fresh).all()


def test_what_has_not_come_is_drawn_among_what_may_still_come():
    # At the start of quarter 4 a tranche that is 2 quarters late has not come, nor one that never
    # will: 0.3 to 0.2 is 60 to 40, and on time is ruled out.
    on = conditional(LATE, np.full(20_000, 0.6), uniforms(1, "x", (20_000,)), at=4)
    drawn = lags(LATE, on)
    assert (drawn == 2).mean() == pytest.approx(0.6, abs=0.012)
    assert (drawn == 12).mean() == pytest.approx(0.4, abs=0.012)


def test_drawing_on_leaves_the_probabilities_of_the_whole():
    past = uniforms(1, "past", (40_000,))
    drawn = lags(LATE, conditional(LATE, past, uniforms(1, "on", (40_000,)), at=4))
    assert [(drawn == lag).mean() for lag in (0, 2, 12)] == pytest.approx([0.5, 0.3, 0.2], abs=0.01)
