"""Figures of a roll-out: complete, in order, and what was published."""

import itertools

import pytest

from arkwright import catalog
from arkwright.catalog import programme
from arkwright.errors import InputError


@pytest.mark.parametrize("gpu", list(catalog.gpus()))
def test_every_gpu_is_compared_with_an_h100_at_one_precision(gpu):
    row = programme.gpu_compute(gpu)
    assert row is not None
    # FP8 wherever it was read; an H100 does 1,979 dense there and 989 at BF16.
    assert (row.precision, row.h100_tflops) in (("FP8", 1979), ("BF16", 989))
    assert 1 <= row.h100_equivalents < 10
    known = catalog.gpu(gpu)
    read = known.fp8_dense_tflops if row.precision == "FP8" else known.bf16_dense_tflops
    assert read in (None, row.dense_tflops)


def test_a_gb300_is_two_and_a_half_h100s_by_dense_fp8():
    # 5,000 / 1,979; 72 of them do the 360 PFLOPS a rack that are published
    row = programme.gpu_compute("gb300")
    assert row.h100_equivalents == pytest.approx(2.53, abs=0.005)
    assert 72 * row.dense_tflops == 360_000


def test_used_racks_lose_value_every_year():
    values = programme.rack_values()
    assert (values[0].age_years, values[0].share) == (0, 1)
    for younger, older in itertools.pairwise(values):
        assert older.age_years == younger.age_years + 1
        assert older.share < younger.share


def test_gpus_are_written_off_over_three_to_six_years():
    lives = programme.asset_lives().values()
    assert {"coreweave", "nebius", "iren"} <= set(programme.asset_lives())
    assert min(row.years_low for row in lives) >= 2
    assert max(row.years_high for row in lives) == 6


def test_an_unknown_figure_is_an_error_that_lists_the_known():
    with pytest.raises(InputError, match="hall_build"):
        programme.figure("halls_build")
    row = programme.figure("hall_build")
    assert (row.low, row.high, row.unit) == (18, 30, "month")
