"""Losses and spares: worked numbers from published points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.physics import losses
from arkwright.physics.losses import FOUR_N_3R, N_PLUS_1, TWO_N, LossCurve, N

UPS = losses.converter_curve([(0.25, 0.963), (0.5, 0.974), (1.0, 0.973)])
UNIT = losses.transformer_curve(1.98, 23.0, 3087.0)


def test_a_transformer_loses_iron_always_and_copper_with_the_square():
    assert losses.loss_kw(0.0, 3087.0, UNIT) == pytest.approx(1.98)
    assert losses.loss_kw(3087.0, 3087.0, UNIT) == pytest.approx(24.98)
    assert losses.loss_kw(1543.5, 3087.0, UNIT) == pytest.approx(1.98 + 23 / 4)
    # Best where iron equals copper: x = sqrt(1.98 / 23) = 0.293
    loads = np.linspace(0.05, 1.0, 200) * 3087.0
    best = loads[np.argmax(losses.efficiency(loads, 3087.0, UNIT))] / 3087.0
    assert best == pytest.approx(0.293, abs=0.01)


@pytest.mark.parametrize(("load", "efficiency"), [(0.25, 0.963), (0.5, 0.974), (1.0, 0.973)])
def test_a_converter_has_its_published_efficiency(load, efficiency):
    assert losses.efficiency(load * 1500.0, 1500.0, UPS) == pytest.approx(efficiency)


def test_the_ups_peaks_at_the_makers_97_5_percent():
    loads = np.linspace(0.05, 1.0, 200)
    assert losses.efficiency(loads, 1.0, UPS).max() == pytest.approx(0.975, abs=0.0005)


def test_a_chain_is_the_product_of_its_stages_at_their_own_load():
    # The published chain 0.996 x 0.975 x 0.975 = 0.9468 (design facts: 0.946).
    flat = [LossCurve(0.0, 1 / e - 1, 0.0) for e in (0.975, 0.975, 0.996)]
    done = losses.chain(1000.0, [(1500.0, curve) for curve in flat])
    assert 1000.0 / done.input_kw == pytest.approx(0.946, abs=0.001)
    assert sum(done.losses_kw) == pytest.approx(done.input_kw - 1000.0)


@given(st.floats(1, 1500), st.floats(1, 1500))
def test_more_load_never_loses_less(one, other):
    low, high = sorted((one, other))
    for curve in (UPS, UNIT):
        assert losses.loss_kw(low, 1500.0, curve) <= losses.loss_kw(high, 1500.0, curve)


@pytest.mark.parametrize(
    ("spares", "needed", "installed", "share"),
    [
        (N, 3, 3, 1.0),
        (N_PLUS_1, 3, 4, 0.75),
        (TWO_N, 3, 6, 0.5),
        (FOUR_N_3R, 3, 4, 0.75),
        (FOUR_N_3R, 4, 8, 0.75),
    ],
)
def test_spares(spares, needed, installed, share):
    assert losses.installed(needed, spares) == installed
    assert losses.load_share_max(needed, spares) == share


@given(st.integers(1, 500), st.sampled_from([N_PLUS_1, TWO_N, FOUR_N_3R]))
def test_with_one_part_lost_the_rest_still_carry_the_load(needed, spares):
    assert losses.installed(needed, spares) - 1 >= needed


def test_a_busway_of_1127_kw_may_carry_eight_tenths_of_it():
    assert losses.usable_kw(1127.0, 0.8) == pytest.approx(901.6)


@given(st.floats(0.0, 1.2), st.sampled_from([UPS, UNIT, losses.LOSSLESS]))
def test_what_a_stage_delivers_is_what_it_takes_less_its_loss(share, curve):
    delivered = share * 1500.0
    taken = delivered + losses.loss_kw(delivered, 1500.0, curve)
    assert losses.delivered_kw_max(taken, 1500.0, curve) == pytest.approx(delivered, abs=1e-6)


def test_a_stage_that_is_given_less_than_its_idle_loss_delivers_nothing():
    # The UPS loses 1,500 x 0.00817 = 12.3 kW at no load.
    assert losses.delivered_kw_max(12.0, 1500.0, UPS) == 0.0
