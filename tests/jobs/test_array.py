"""The text of an array, against the obvious reading of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.jobs.array import (
    TASKS_MAX,
    array_of,
    array_shape,
    index_of,
    indices_text,
    root_of,
    task_id,
    tasks_of,
)
from arkwright.jobs.spec import JobSpec


@pytest.mark.parametrize(
    ("text", "indices", "at_once", "step"),
    [
        ("0", (0,), None, 1),
        ("1,3,5-9", (1, 3, 5, 6, 7, 8, 9), None, 1),
        ("0-15:4", (0, 4, 8, 12), None, 4),  # sbatch(1): 0-15:4 is 0,4,8,12
        ("0-15%4", tuple(range(16)), 4, 1),  # sbatch(1): at most 4 at once
        ("0-9:3,1%2", (0, 1, 3, 6, 9), 2, 1),
        ("5,5,1-2", (1, 2, 5), None, 1),  # each once, ascending
    ],
)
def test_the_text_is_slurm_s(
    text: str, indices: tuple[int, ...], at_once: int | None, step: int
) -> None:
    shape = array_shape(text)
    assert (shape.indices, shape.at_once, shape.step) == (indices, at_once, step)


@given(st.sets(st.integers(0, 4_000_000), min_size=1, max_size=50))
def test_indices_written_and_read_again_are_the_same(indices: set[int]) -> None:
    assert array_shape(indices_text(sorted(indices))).indices == tuple(sorted(indices))


@given(st.text(alphabet="0123456789,:%-", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        shape = array_shape(text)
    except InputError:
        return
    assert 1 <= len(shape.indices) <= TASKS_MAX
    assert list(shape.indices) == sorted(set(shape.indices))


def test_a_size_nobody_can_want_is_refused_without_counting_it_out() -> None:
    with pytest.raises(InputError, match="4,000,001 tasks; an array has at most 10,000"):
        array_shape("0-4000000")
    with pytest.raises(InputError, match="is no index"):
        array_shape("0-99999999999999999999")


def test_a_task_s_id_says_its_array_and_its_index() -> None:
    task = task_id("01mcc5rm006w6sw9ge4w9p", 12)
    assert (array_of(task), index_of(task), root_of(task)) == (task[:22], 12, task[:22])
    assert (array_of("01mcc5rm006w6sw9ge4w9p"), root_of("x")) == (None, "x")
    assert tasks_of(JobSpec(name="a", array="0-9")) == 10
    assert tasks_of(JobSpec(name="a")) == 1
