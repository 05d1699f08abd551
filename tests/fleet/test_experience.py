"""How long a job lasts is learned from those that are over, in integers, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.fleet.experience import (
    SAMPLES_MIN,
    Experience,
    Finished,
    Lessons,
    durations,
    group_of,
    key_of,
)
from arkwright.jobs.events import EventKind
from fleet.test_fleet import N
from fleet.world import Log, fleet, spec

LAB = group_of("lab", "ada", 8)
HALF_OF_100_S = [Finished(LAB, 100_000, 50_000)] * SAMPLES_MIN


def lasting(lessons, limit_ms, elapsed_ms=-1, path=None, group=LAB, key=7):
    arrays = [np.array([value], np.int64) for value in (key, limit_ms, elapsed_ms)]
    return int(durations(lessons, [group], *arrays, path)[0])


def test_without_experience_a_job_lasts_its_limit():
    assert lasting(Lessons([]), 3_600_000) == 3_600_000


def test_a_job_lasts_the_share_of_its_limit_that_others_of_its_group_did():
    """Twenty jobs used 50 s of 100 s: one with a limit of 1 h most likely lasts 30 min."""
    assert lasting(Lessons(HALF_OF_100_S), 3_600_000) == 1_800_000
    assert Lessons(HALF_OF_100_S).likely_ms(LAB, 3_600_000) == 1_800_000


def test_fewer_than_twenty_attempts_of_a_group_teach_nothing_of_it():
    lessons = Lessons(HALF_OF_100_S[1:])
    assert lessons.of(LAB)[0] == "no experience: its limit"


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (LAB, "project, user and size"),
        (group_of("lab", "ada", 64), "project and user"),
        (group_of("lab", "bob", 8), "project"),
        (group_of("rival", "rolf", 8), "factory"),
    ],
)
def test_a_job_is_judged_by_the_nearest_group_that_is_known(group, words):
    assert Lessons(HALF_OF_100_S).of(group)[0] == words


def test_a_running_job_lasts_longer_than_it_already_has():
    """Shares 0.1, 0.2 … 2.0 of 100 s; after 55 s those up to 0.5 are out. Of 0.6 … 2.0 (fifteen)
    the median is 1.3: 130 s."""
    tenths = [Finished(LAB, 10, tenth) for tenth in range(1, 21)]
    assert lasting(Lessons(tenths), 100_000, elapsed_ms=55_000) == 130_000


def test_one_that_has_passed_all_experience_lasts_its_limit_or_a_millisecond_more():
    lessons = Lessons(HALF_OF_100_S)
    assert lasting(lessons, 100_000, elapsed_ms=60_000) == 100_000
    assert lasting(lessons, 100_000, elapsed_ms=170_000) == 170_001


@settings(max_examples=100, deadline=None)
@given(
    path=st.integers(0, 50),
    key=st.integers(0, 2**56 - 1),
    shares=st.lists(st.integers(1, 2_000_000), min_size=20, max_size=40),
    limit_ms=st.integers(1, 10**12),
)
def test_a_draw_is_one_of_the_shares_and_always_the_same(path, key, shares, limit_ms):
    lessons = Lessons([Finished(LAB, 1_000_000, share) for share in shares])
    first = lasting(lessons, limit_ms, path=path, key=key)
    assert first == lasting(lessons, limit_ms, path=path, key=key)
    whole, rest = divmod(limit_ms, 1_000_000)
    possible = {max(1, whole * share + rest * share // 1_000_000) for share in shares}
    assert first in possible


def test_draws_of_many_jobs_spread_over_the_shares():
    """Shares 1 … 20, a thousand jobs: each share is drawn 50 times in the mean; 20 to 90 is 4 σ."""
    lessons = Lessons([Finished(LAB, 1_000_000, share) for share in range(1, 21)])
    keys = np.array([key_of(f"job{n}") for n in range(1000)], np.int64)
    limits = np.full(1000, 1_000_000)
    drawn = durations(lessons, [LAB] * 1000, keys, limits, np.full(1000, -1), 3)
    counts = np.bincount(drawn)[1:]
    assert len(counts) == 20
    assert 20 < counts.min() <= counts.max() < 90


def test_the_log_teaches_each_attempt_from_start_to_end():
    """Started at 1 s of the log and ended at 3 s: two seconds of a limit of 10."""
    log = Log(fleet())
    log.submit("a", spec(time_limit=10.0))
    log.start("a", N[0])
    log.write(EventKind.JOB_LAUNCHED, "a.1", "starting", {"state": "running"})
    log.end("a", before="running")
    (finished,) = log.fleet._experience.finished
    assert finished == Finished(group_of("lab", "u", 8), 10_000, 2_000)
    assert finished.share == 200_000


def test_a_cancelled_job_that_never_ran_teaches_nothing():
    log = Log(fleet())
    log.submit("a", spec())
    log.write(EventKind.JOB_CANCELLED, "a", "queued", {"state": "cancelled"})
    assert log.fleet._experience.finished == ()


def test_only_the_newest_attempts_are_kept():
    attempts = [Finished(LAB, 10, n % 10) for n in range(5000)]
    assert Experience(attempts).finished == tuple(attempts[-4096:])
