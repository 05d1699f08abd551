"""Walks: their moments are those of their formulas, and their mean is the course."""

import math

import numpy as np
import pytest

from arkwright.plan.streams import normals, rank, stream, uniforms
from arkwright.plan.walks import (
    WalkTerms,
    course,
    deviations,
    factors,
    log_mean,
    mean,
    steps,
    variance,
)

HALF_YEAR = math.log(2) / 0.5  # reversion that halves a deviation in half a year
PLAIN = WalkTerms(reversion=HALF_YEAR, volatility=0.4)
JUMPY = WalkTerms(
    reversion=HALF_YEAR, volatility=0.2, jumps_per_year=1.5, jump_mean=-0.3, jump_sd=0.2
)
N, T = 40_000, 9
PINNED = [0.21294954610181904, 0.5805484423661144]


def drawn(terms, seed=1, name="w", count=N, quarters=T):
    return deviations(terms, steps(terms, normals(seed, name, (count, quarters)), seed, name))


def test_the_first_quarter_is_known():
    assert (drawn(JUMPY)[:, 0] == 0).all()


def test_a_deviation_halves_in_its_half_life():
    # Half a year is two quarters: of 1 in the first, a half is left in the third.
    path = deviations(PLAIN, np.array([[0.0, 1.0, 0.0, 0.0]]))
    assert path[0].tolist() == pytest.approx([0.0, 1.0, 2**-0.5, 0.5])


def test_without_reversion_variance_grows_with_time():
    walk = WalkTerms(reversion=0.0, volatility=0.3)
    # 0.3^2 a year: after 4 and 8 quarters 0.09 and 0.18.
    assert variance(walk, T)[[0, 4, 8]].tolist() == pytest.approx([0.0, 0.09, 0.18])
    assert drawn(walk).var(axis=0)[[4, 8]] == pytest.approx([0.09, 0.18], rel=0.03)


def test_variance_comes_to_rest_at_volatility_squared_over_twice_the_reversion():
    assert variance(PLAIN, 200)[-1] == pytest.approx(0.4**2 / (2 * HALF_YEAR))


@pytest.mark.parametrize("terms", [PLAIN, JUMPY])
def test_moments_of_samples_are_those_of_the_formulas(terms):
    path = drawn(terms)
    # Standard errors: sd / 200 of the mean, about 1 % of the variance.
    assert path.mean(axis=0) == pytest.approx(mean(terms, T), abs=0.01)
    assert path.var(axis=0)[1:] == pytest.approx(variance(terms, T)[1:], rel=0.04)


@pytest.mark.parametrize("terms", [PLAIN, JUMPY])
def test_the_mean_of_the_factor_is_one_in_every_quarter(terms):
    assert factors(terms, drawn(terms)).mean(axis=0) == pytest.approx(np.ones(T), abs=0.006)


def test_autocorrelation_falls_by_the_reversion():
    # corr(Y(t), Y(t+h)) = exp(-k h) sd(t) / sd(t+h): the part of t that is left, over the whole.
    path, sd = drawn(PLAIN), np.sqrt(variance(PLAIN, T))
    for lag in (1, 2, 4):
        found = np.corrcoef(path[:, 4], path[:, 4 + lag])[0, 1]
        assert found == pytest.approx(
            math.exp(-HALF_YEAR * lag / 4) * sd[4] / sd[4 + lag], abs=0.02
        )


def test_the_log_mean_of_a_plain_walk_is_half_its_variance():
    assert log_mean(PLAIN, T) == pytest.approx(variance(PLAIN, T) / 2)


def test_the_log_mean_of_jumps_without_reversion_is_the_poisson_cumulant():
    # E exp(sum of N sizes) = exp(L t (exp(m + d^2/2) - 1)), here 2 a year of exactly -0.5.
    walk = WalkTerms(reversion=0.0, volatility=0.0, jumps_per_year=2.0, jump_mean=-0.5)
    assert log_mean(walk, 9)[[4, 8]] == pytest.approx([2 * math.expm1(-0.5), 4 * math.expm1(-0.5)])


def test_a_jump_decays_from_the_moment_it_comes():
    # One jump a year of size 1: the mean of Y is L m (1 - exp(-k t)) / k.
    walk = WalkTerms(reversion=HALF_YEAR, volatility=0.0, jumps_per_year=1.0, jump_mean=1.0)
    assert mean(walk, T)[4] == pytest.approx((1 - math.exp(-HALF_YEAR)) / HALF_YEAR)
    assert drawn(walk).mean(axis=0) == pytest.approx(mean(walk, T), abs=0.02)


def test_the_course_halves_its_way_to_the_level_in_the_logarithm():
    # From 16 to 1 with a half-life of half a year: 16, then 4 after two quarters, 2 after four.
    assert course(16.0, 1.0, 0.0, HALF_YEAR, 5)[::2].tolist() == pytest.approx([16.0, 4.0, 2.0])


def test_the_course_keeps_its_trend():
    assert course(1.0, 1.0, -0.1, HALF_YEAR, 9)[[0, 4, 8]].tolist() == pytest.approx([1, 0.9, 0.81])


def test_a_stream_is_a_matter_of_seed_and_name_alone():
    assert (stream(7, "a").random(3) == stream(7, "a").random(3)).all()
    assert (stream(7, "a").random(3) != stream(7, "b").random(3)).all()
    assert (stream(7, "a").random(3) != stream(8, "a").random(3)).all()
    # Written down: a change of the key or of NumPy's generator changes every plan.
    assert uniforms(7, "rental", (2,)).tolist() == pytest.approx(PINNED, abs=1e-15)


def test_more_outcomes_leave_those_before_as_they_were():
    few, many = drawn(JUMPY, count=3), drawn(JUMPY, count=50)
    assert (many[:3] == few).all()


def test_the_rank_of_a_normal_number_is_uniform():
    assert rank(np.array([[0.0, 1.959964]])).tolist() == [pytest.approx([0.5, 0.975], abs=1e-6)]
    assert rank(normals(1, "u", (20_000,))).var() == pytest.approx(1 / 12, rel=0.02)
