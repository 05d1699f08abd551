"""Streams: Philox as its authors published it, and independent of what else is drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.twin.streams import Stream, normal, path_codes, philox, stream, uniforms

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # Random123, kat_vectors, philox4x32 10 rounds
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_words(counter, key, words):
    found = philox(tuple(np.array([word], np.uint64) for word in counter), Stream(*key))
    assert tuple(int(word[0]) for word in found) == words


WORD = st.integers(0, ONES)


@given(st.tuples(WORD, WORD, WORD, WORD), st.tuples(WORD, WORD))
def test_philox_over_arrays_equals_philox_in_plain_integers(counter, key):
    found = philox(tuple(np.array([word], np.uint64) for word in counter), Stream(*key))
    c, k = list(counter), list(key)
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & ONES, (p >> 32) ^ c[3] ^ k[1], p & ONES]
        k = [(k[0] + 0x9E3779B9) & ONES, (k[1] + 0xBB67AE85) & ONES]
    assert [int(word[0]) for word in found] == c


def test_a_draw_does_not_depend_on_what_else_is_drawn():
    source = stream(7, "gpu")
    paths = ["s/h/r1/t1", "s/h/r1/t2", "s/h/r2/t1"]
    alone = uniforms(source, path_codes(paths[2:]), 4)
    among = uniforms(source, path_codes(paths), 4)
    assert alone.u[0] == among.u[2]
    assert alone.v[0] == among.v[2]


def test_seed_name_item_index_and_sub_each_change_the_draw():
    item = path_codes(["a"])
    drawn = {
        float(uniforms(stream(seed, name), path_codes([path]), index, sub).u[0])
        for seed, name, path, index, sub in [
            (1, "gpu", "a", 0, 0),
            (2, "gpu", "a", 0, 0),
            (1, "link", "a", 0, 0),
            (1, "gpu", "b", 0, 0),
            (1, "gpu", "a", 1, 0),
            (1, "gpu", "a", 0, 1),
        ]
    }
    assert len(drawn) == 6
    assert float(uniforms(stream(1, "gpu"), item, 0).u[0]) in drawn


def test_uniforms_fill_the_open_unit_interval_evenly():
    pair = uniforms(stream(3, "x"), path_codes(["a"]), np.arange(200_000))
    for drawn in pair:
        assert drawn.min() > 0
        assert drawn.max() < 1
        # 20 bins of 10,000 +- 97: chi-square with 19 degrees of freedom, 99.99 % at 51
        counts = np.histogram(drawn, 20, (0, 1))[0]
        assert ((counts - 10_000) ** 2 / 10_000).sum() < 51
    assert abs(np.corrcoef(pair.u, pair.v)[0, 1]) < 0.01


def test_normals_have_mean_0_and_deviation_1():
    drawn = normal(uniforms(stream(5, "z"), path_codes(["a"]), np.arange(100_000)))
    assert abs(drawn.mean()) < 0.013  # 4 / sqrt(100,000)
    assert drawn.std() == pytest.approx(1, abs=0.01)
