"""How an attempt's end moves its job where the job itself asked to be queued again."""

from __future__ import annotations

import pytest

from arkwright.control.book import ActiveJob
from arkwright.control.endings import REQUEUED, ended
from arkwright.engines.port import AttemptPhase, Observation
from arkwright.jobs.lifecycle import State
from arkwright.jobs.spec import JobSpec, Starts


def end(exit_code: int = 143, **changes: object) -> tuple[str, str, int]:
    """State, cause and failures after a requeue, for a job that has failed once before."""
    job = ActiveJob(
        id="01a",
        spec=JobSpec(name="train", script="#!/bin/sh\ntrue\n", starts=Starts.BATCH),
        project="lab",
        user="ada",
        state=State.RUNNING,
        attempt=2,
        failures=1,
        site="here",
    )
    for name, value in changes.items():
        setattr(job, name, value)
    observation = Observation(
        attempt_id="01a.2",
        phase=AttemptPhase.ENDED,
        exit_code=exit_code,
        reason="stopped: the script asked to be queued again",
        is_requeued=True,
    )
    event = ended(job, observation, launch_error=None)
    return event.after["state"], event.cause, event.after["failures"]


@pytest.mark.parametrize("exit_code", [0, 143, 1])
def test_it_waits_again_and_no_retry_is_spent(exit_code):
    """Whatever the script returned: it was about to be ended when it returned."""
    assert end(exit_code) == ("queued", REQUEUED, 1)


def test_while_its_gang_stops_it_does_the_same():
    assert end(state=State.STOPPING, stop_cause="failed on n01")[0] == "queued"


def test_a_cancelled_job_does_not_come_back():
    """The user's word is stronger than the script's."""
    state = end(state=State.STOPPING, is_cancelled=True, stop_cause="cancelled by ada")[0]
    assert state == "cancelled"


def test_one_that_gave_its_place_to_another_is_counted_as_that():
    state, cause, failures = end(state=State.STOPPING, told="evicted", stop_cause="for 01b")
    assert (state, cause, failures) == ("queued", "for 01b", 1)
