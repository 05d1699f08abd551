"""Deadlines as text: RFC 3339, compared with the standard library."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.jobs.sense import nonsense
from arkwright.jobs.spec import JobSpec, unsupported
from arkwright.units import parse_instant

OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(-30_000_000_000_000, 200_000_000_000_000), OFFSETS)
def test_every_instant_is_that_of_the_standard_library(at_ms, offset):
    at = (EPOCH + timedelta(milliseconds=at_ms)).astimezone(offset)
    assert parse_instant(at.isoformat()) == at_ms


def test_zulu_and_offsets_name_the_same_instant():
    assert parse_instant("2026-05-01T12:00:00Z") == 1_777_636_800_000
    assert parse_instant("2026-05-01T14:00:00+02:00") == 1_777_636_800_000
    assert parse_instant("2026-05-01T12:00:00.2509Z") == 1_777_636_800_250


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2026-05-01", "2026-05-01T12:00:00", "2026-02-29T12:00:00Z",
     "2026-13-01T12:00:00Z", "2026-05-01T24:00:00Z", "2026-05-01T12:00:60Z"],
)  # fmt: skip
def test_what_is_no_instant_is_said_to_be_none(text):
    with pytest.raises(ValueError, match=r"no|not"):
        parse_instant(text)
    ((key, found, right),) = nonsense(JobSpec(name="j", command=("a",), deadline=text))
    assert (key, found) == ("deadline", f"{text!r} is no instant")
    assert "2026-05-01T12:00:00Z" in right


def test_a_deadline_is_supported():
    assert unsupported(JobSpec(name="j", command=("a",), deadline="2026-05-01T12:00:00Z")) == []
