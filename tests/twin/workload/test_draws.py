"""Draws from named streams."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.twin.workload.draws import Draws


def test_the_numbers_of_a_seed_and_name_never_change():
    # Fixed once: another machine or version of numpy must give the same numbers.
    assert Draws(7, "golden/size").uniforms(3).tolist() == [
        0.3570146107362385,
        0.15835783505417267,
        0.524778323653268,
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**63), st.text(max_size=8), st.integers(1, 40), st.integers(1, 40))
def test_drawing_in_two_parts_is_drawing_at_once(seed, name, first, second):
    parts = Draws(seed, name)
    both = np.concatenate([parts.pairs(first), parts.pairs(second)])
    assert both.tolist() == Draws(seed, name).pairs(first + second).tolist()


def test_long_columns_are_drawn_in_pieces_without_a_seam():
    whole, piece = Draws(3, "x"), Draws(3, "x")
    pieces = np.concatenate([piece.pairs(2**14 - 1), piece.pairs(5), piece.pairs(2**14)])
    assert whole.pairs(2**15 + 4).tolist() == pieces.tolist()
    assert len(np.unique(pieces)) == pieces.size


@given(st.integers(1, 30), st.integers(0, 30))
def test_a_longer_draw_begins_with_the_shorter_ones_numbers(count, more):
    assert (
        Draws(1, "n").normals(count).tolist()
        == Draws(1, "n").normals(count + more).tolist()[:count]
    )


def test_names_and_seeds_are_worlds_apart():
    draws = [Draws(seed, name).uniforms(20_000) for seed, name in ((1, "a"), (1, "b"), (2, "a"))]
    correlations = np.corrcoef(draws)
    assert np.abs(correlations[np.triu_indices(3, 1)]).max() < 0.03


def test_numbers_are_spread_as_they_should_be():
    # Standard errors at 100,000 draws are about 0.003.
    count = 100_000
    even = Draws(5, "u").uniforms(count)
    assert 0 < even.min() < even.max() < 1
    assert np.histogram(even, 10, (0, 1))[0] / count == pytest.approx(0.1, abs=0.005)
    normal = Draws(5, "n").normals(count)
    assert normal.mean() == pytest.approx(0, abs=0.015)
    assert normal.std() == pytest.approx(1, abs=0.015)
    assert (np.abs(normal) < 1.96).mean() == pytest.approx(0.95, abs=0.004)
    waits = Draws(5, "e").exponentials(count)
    assert waits.mean() == pytest.approx(1, abs=0.015)
    assert np.median(waits) == pytest.approx(np.log(2), abs=0.015)


def test_picks_follow_their_weights_and_never_pick_one_without():
    picks = Draws(5, "p").picks(100_000, np.array([0.0, 3.0, 0.0, 1.0, 0.0]))
    assert np.bincount(picks, minlength=5) / 100_000 == pytest.approx(
        [0, 0.75, 0, 0.25, 0], abs=0.005
    )
