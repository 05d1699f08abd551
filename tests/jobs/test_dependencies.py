"""The grammar of dependencies, against Slurm's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.jobs.dependencies import (
    AnyOf,
    Condition,
    When,
    dependencies,
    named,
    written,
)


def all_of(*conditions: Condition) -> tuple[AnyOf, ...]:
    return tuple(AnyOf(conditions=(each,)) for each in conditions)


def one(when: When, job: str = "", minutes: int = 0) -> Condition:
    return Condition(when=when, job=job, minutes=minutes)


@pytest.mark.parametrize(
    ("items", "needed"),
    [
        (("7",), all_of(one(When.AFTER_OK, "7"))),
        (("afterok:7:8",), all_of(one(When.AFTER_OK, "7"), one(When.AFTER_OK, "8"))),
        (("afterany:7,after:8+5",), all_of(one(When.AFTER_ANY, "7"), one(When.AFTER, "8", 5))),
        (("singleton", "x_3"), all_of(one(When.SINGLETON), one(When.AFTER_OK, "x_3"))),
        (
            ("afterok:7?afternotok:8", "9"),
            (
                AnyOf(conditions=(one(When.AFTER_OK, "7"), one(When.AFTER_NOT_OK, "8"))),
                AnyOf(conditions=(one(When.AFTER_OK, "9"),)),
            ),
        ),
    ],
)
def test_items_are_read_as_slurm_reads_them(
    items: tuple[str, ...], needed: tuple[AnyOf, ...]
) -> None:
    assert dependencies(items) == needed


def test_names_become_ids_and_mean_the_same() -> None:
    needed = dependencies(("prepare", "after:b+3?afterany:prepare", "singleton"))
    assert named(needed) == ["prepare", "b"]
    again = written(needed, {"prepare": "01a", "b": "01b_3"})
    assert again == ("afterok:01a", "after:01b_3+3?afterany:01a", "singleton")


@given(
    st.lists(
        st.lists(
            st.builds(
                one,
                st.sampled_from([when for when in When if when is not When.SINGLETON]),
                st.from_regex(r"[0-9a-z]{5,8}(_[0-9]{1,3})?", fullmatch=True),
            ),
            min_size=1,
            max_size=3,
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read_back(conditions: list[list[Condition]]) -> None:
    needed = tuple(AnyOf(conditions=tuple(each)) for each in conditions)
    assert dependencies(written(needed, {})) == needed


@given(st.text(alphabet="afterok:+?,_17 ", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        needed = dependencies((text,))
    except InputError:
        return
    assert all(each.conditions for each in needed)
