"""Job arrays: `0-99:2%8` is fifty tasks, of which eight run at once.

The text is Slurm's (`sbatch --array`): indices and ranges in a list, a step after `:`, and after
`%` how many tasks may run at a time. A task is a job of its own; its id is that of its array with
`_<index>`, and everything about its place in the array follows from that id and the spec.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from arkwright.errors import InputError
from arkwright.jobs.spec import JobSpec

TASKS_MAX: Final = 10_000
"""Tasks of one array: as many as jobs in one request."""
INDEX_MAX: Final = 4_000_000
"""As Slurm's largest MaxArraySize allows."""
DIGITS_MAX: Final = 9
MARK: Final = "_"
"""Between the id of an array and a task's index; ids have none otherwise."""
AFTER_MARK: Final = chr(ord(MARK) + 1)
"""Ids of the tasks of an array lie between it with `MARK` and it with this."""


class ArrayShape(Struct, frozen=True, kw_only=True):
    """What the text of an array says."""

    indices: tuple[int, ...]
    """Ascending, each once."""
    at_once: int | None
    """How many tasks may be started at a time; None is as many as fit."""
    step: int
    """Between the indices, where they are one range with a step; 1 otherwise."""


@lru_cache(maxsize=256)
def array_shape(text: str) -> ArrayShape:
    """Read `0-99:2%8` or `1,3,5-9`. Raises InputError for what is no such text."""
    body, has_limit, limit = text.partition("%")
    at_once = _number(limit, text) if has_limit else None
    if at_once == 0:
        raise InputError(f"{text!r}: at most 0 tasks at once; give at least 1 after %")
    ranges = [_range(part, text) for part in body.split(",")]
    if sum(len(each) for each in ranges) > TASKS_MAX:
        count = sum(len(each) for each in ranges)
        raise InputError(
            f"{text!r}: {count:,} tasks; an array has at most {TASKS_MAX:,}; submit it in parts"
        )
    found = sorted({index for each in ranges for index in each})
    step = ranges[0].step if len(ranges) == 1 else 1
    return ArrayShape(indices=tuple(found), at_once=at_once, step=step)


def task_id(array_id: str, index: int) -> str:
    """The id of one task."""
    return f"{array_id}{MARK}{index}"


def array_of(job_id: str) -> str | None:
    """The array that a job is a task of; None for a job by itself."""
    head, mark, _ = job_id.partition(MARK)
    return head if mark else None


def index_of(job_id: str) -> int:
    """A task's index."""
    return int(job_id.partition(MARK)[2])


def root_of(job_id: str) -> str:
    """What was submitted: the array of a task, or the job itself."""
    return job_id.partition(MARK)[0]


def at_once(spec: JobSpec) -> int | None:
    """How many tasks of the job's array may be started at a time; None sets no bound."""
    return array_shape(spec.array).at_once if spec.array is not None else None


def tasks_of(spec: JobSpec) -> int:
    """How many jobs come of it: the tasks of an array, or one."""
    return len(array_shape(spec.array).indices) if spec.array is not None else 1


def indices_text(indices: Sequence[int]) -> str:
    """The shortest text for ascending indices: `0-9,12`."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _range(part: str, text: str) -> range:
    span, has_step, step_text = part.partition(":")
    low_text, has_high, high_text = span.partition("-")
    low = _number(low_text, text)
    high = _number(high_text, text) if has_high else low
    step = _number(step_text, text) if has_step else 1
    if has_step and not has_high:
        raise InputError(f"{text!r}: {part} has a step and no range; write 0-9:{step_text}")
    if step == 0:
        raise InputError(f"{text!r}: {part} has step 0; give at least 1")
    if high < low:
        raise InputError(f"{text!r}: {part} ends before it begins; write {high}-{low}")
    if high > INDEX_MAX:
        raise InputError(f"{text!r}: index {high}; give at most {INDEX_MAX:,}")
    return range(low, high + 1, step)


def _number(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit()) or len(digits) > DIGITS_MAX:
        raise InputError(
            f"{text[:80]!r}: {digits[:20]!r} is no index; write for example 0-99, 0-99:2%8 "
            "or 1,3,5-9"
        )
    return int(digits)
