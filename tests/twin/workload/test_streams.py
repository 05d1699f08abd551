"""Named streams of random numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.twin.workload.streams import Stream


def test_the_numbers_of_a_seed_and_name_never_change():
    # Fixed once: another machine or version of numpy must give the same words.
    assert Stream(7, "golden/size").words(2).tolist() == [0x6BECE60A3A43B9A8, 0x5606A47D988A24C]


def test_splitmix_64_is_the_published_one():
    # With a key of 0 the first outputs are those of the reference code for seed 0
    # (prng.di.unimi.it/splitmix64.c), as many libraries test them.
    stream = Stream(0, "any")
    stream._key = np.uint64(0)
    assert stream.words(3).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**63), st.text(max_size=8), st.integers(1, 40), st.integers(1, 40))
def test_drawing_in_two_parts_is_drawing_at_once(seed, name, first, second):
    parts = Stream(seed, name)
    both = np.concatenate([parts.words(first), parts.words(second)])
    assert both.tolist() == Stream(seed, name).words(first + second).tolist()


@given(st.integers(1, 30), st.integers(0, 30))
def test_a_longer_draw_begins_with_the_shorter_ones_numbers(count, more):
    assert (
        Stream(1, "n").normals(count).tolist()
        == Stream(1, "n").normals(count + more).tolist()[:count]
    )


def test_names_and_seeds_are_worlds_apart():
    draws = [Stream(seed, name).uniforms(20_000) for seed, name in ((1, "a"), (1, "b"), (2, "a"))]
    correlations = np.corrcoef(draws)
    assert np.abs(correlations[np.triu_indices(3, 1)]).max() < 0.03


def test_numbers_are_spread_as_they_should_be():
    # Standard errors at 100,000 draws are about 0.003.
    count = 100_000
    even = Stream(5, "u").uniforms(count)
    assert 0 < even.min() < even.max() < 1
    assert np.histogram(even, 10, (0, 1))[0] / count == pytest.approx(0.1, abs=0.005)
    normal = Stream(5, "n").normals(count)
    assert normal.mean() == pytest.approx(0, abs=0.015)
    assert normal.std() == pytest.approx(1, abs=0.015)
    assert (np.abs(normal) < 1.96).mean() == pytest.approx(0.95, abs=0.004)
    waits = Stream(5, "e").exponentials(count)
    assert waits.mean() == pytest.approx(1, abs=0.015)
    assert np.median(waits) == pytest.approx(np.log(2), abs=0.015)


def test_picks_follow_their_weights_and_never_pick_one_without():
    picks = Stream(5, "p").picks(100_000, np.array([0.0, 3.0, 0.0, 1.0, 0.0]))
    assert np.bincount(picks, minlength=5) / 100_000 == pytest.approx(
        [0, 0.75, 0, 0.25, 0], abs=0.005
    )
