"""A Slurm cluster as it stands, asked why, when and what if."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import fleet
from arkwright.engines.slurm.description_reading import Outputs, kept, observed
from arkwright.errors import InputError
from arkwright.fleet import Changes, JobChange
from arkwright.twin.observed.past import lessons_of, past_of
from arkwright.twin.observed.present import present, scene_of
from twin.observed.clusters import ZERO_S, cluster, instant, queued, ran

RECORDED = Path(__file__).resolve().parents[2] / "slurm" / "recorded"


def starts_min(found, *ids):
    """Minute at which each job starts, None for never."""
    now = present(found, lessons_of(past_of(found)))
    scene = now.fleet.scene(found.now_ms, 2_000_000)
    at = [fleet.forecast(scene, job).start_ms for job in ids]
    return [None if ms is None else (ms / 1000 - ZERO_S) / 60 for ms in at]


def test_a_job_starts_when_the_one_before_it_reaches_its_limit():
    # Job 1 runs from minute 0 with a limit of 60; 2 takes the whole node after it, 3 after that.
    found = cluster(
        10, queued(1, run_from=(0, "g1")), queued(2, 1), queued(3, 2, TimeLimit="30:00")
    )
    assert starts_min(found, "1", "2", "3") == [0, 60, 120]


def test_the_queue_stands_in_slurms_order_not_in_that_of_submission():
    found = cluster(
        10, queued(1, run_from=(0, "g1")), queued(2, 1), queued(3, 2, PriorityLong="900")
    )
    assert starts_min(found, "3", "2") == [60, 120]


def test_what_only_slurm_knows_is_held_with_slurms_word():
    found = cluster(
        10,
        queued(1, run_from=(0, "g1")),
        queued(2, 1, Reason="Dependency", Dependency="afterok:1(unfulfilled)"),
        queued(3, 1, Reason="AssocGrpGRES"),
        queued(4, 1, Reason="BeginTime", EligibleTime="2027-01-15T10:00:00"),
        queued(5, 1, Reason="Priority"),
    )
    now = present(found)
    assert now.held == {"2": "Dependency", "3": "AssocGrpGRES", "4": "BeginTime"}
    assert starts_min(found, "5") == [60]


def test_a_job_with_a_time_to_begin_joins_the_queue_then():
    # Job 2 goes before 3 and may start from 30 on: both wait for minute 60, and 2 is first.
    found = cluster(
        10,
        queued(1, run_from=(0, "g1")),
        queued(2, 1, PriorityLong="900", Reason="BeginTime", EligibleTime=instant(30)),
        queued(3, 2),
    )
    now = present(found)
    scene = scene_of(found, now, 2_000_000, ["2"])
    first = fleet.forecast(scene, "2", is_deferred=True)
    second = fleet.forecast(scene_of(found, now, 2_000_000), "3")
    starts = [(each.start_ms / 1000 - ZERO_S) / 60 for each in (first, second)]
    assert starts == [60, 120]
    # With nothing before it the time to begin itself is what it waits for.
    alone = cluster(10, queued(2, 1, Reason="BeginTime", EligibleTime=instant(30)))
    scene = scene_of(alone, present(alone), 2_000_000, ["2"])
    start_ms = fleet.forecast(scene, "2", is_deferred=True).start_ms
    assert (start_ms / 1000 - ZERO_S) / 60 == 30


def test_a_node_that_drains_takes_nothing_new():
    found = cluster(
        0, queued(1), nodes=("g1", "g2"), states={"g1": "IDLE+DRAIN", "g2": "DOWN*"}
    )  # fmt: skip
    now = present(found)
    assert now.fleet.decide(found.now_ms) == []
    assert starts_min(found, "1") == [None]


def test_a_reservation_keeps_others_out_and_its_own_in():
    window = (
        "ReservationName=course StartTime=2027-01-15T08:30:00 EndTime=2027-01-15T11:30:00 "
        "Nodes=g1 Users=bob Accounts=(null) Flags=SPEC_NODES State=INACTIVE"
    )
    # Job 1 would run from 0 to 60 and meet the window of 30 to 210; job 2 ends before it.
    others = cluster(0, queued(1), queued(2, TimeLimit="20:00"), reservations=window)
    assert starts_min(others, "1", "2") == [210, 0]
    own = cluster(0, queued(3, Reservation="course"), reservations=window)
    assert starts_min(own, "3") == [0]


def test_what_if_it_asked_for_less():
    found = cluster(
        10,
        queued(1, run_from=(0, "g1")),
        queued(2, 1, NumNodes="2", **{"tres-per-node": "gres/gpu:4"}),
        nodes=("g1", "g2"),
    )
    now = present(found)
    scene = now.fleet.scene(found.now_ms, 2_000_000)
    (move,) = fleet.whatif(scene, Changes(jobs=(JobChange(job="2", nodes=1),))).moves
    assert (move.before_ms / 1000 - ZERO_S) / 60 == 60
    assert (move.after_ms / 1000 - ZERO_S) / 60 == 10


def test_finished_jobs_teach_how_long_others_last():
    # Twenty jobs of this user and size asked for 60 minutes and took 30: so will job 1.
    history = [ran(100 + n, -60 * n - 60, -60 * n - 60, -60 * n - 30) for n in range(20)]
    found = cluster(
        10, queued(1, run_from=(0, "g1")), queued(2, 1), history=history, since_min=-1500
    )
    assert starts_min(found, "2") == [30]


def test_jobs_that_share_a_node_beyond_what_it_has_are_counted_as_what_is_left():
    found = cluster(0, queued(1, run_from=(0, "g1")), queued(2, run_from=(0, "g1")))
    now = present(found)
    assert now.fleet.violations() == []
    assert "1 running jobs hold more than their nodes have left" in now.notes[0]


@pytest.mark.parametrize("version", ["22.05", "26.05"])
def test_of_a_recorded_cluster_the_gang_waits_for_the_training_to_end(version):
    found = observed(kept(RECORDED / version))
    now = present(found)
    assert now.fleet.violations() == []
    jobs = {job.name: job for job in found.queue}
    scene = now.fleet.scene(found.now_ms, 2_000_000)
    wide = jobs["wide"]
    # Four nodes of four GPUs: n4 is free when the array task ends, n1 and n2 with the training.
    expected_ms = jobs["train"].start_ms + 120 * 60_000
    assert fleet.forecast(scene, wide.id).start_ms == expected_ms
    assert wide.start_ms is not None
    assert abs(wide.start_ms - expected_ms) <= 60_000  # Slurm says so too
    assert fleet.why(scene, wide.id).code == "not-enough-free"
    assert now.held["13_2"] == "JobArrayTaskLimit"
    # A whole node's memory is that of the nodes it may run on, not of Slurm's first.
    assert fleet.why(scene, jobs["both"].id).code == "not-enough-free"


TEXTS = {path.stem: path.read_text() for path in (RECORDED / "26.05").glob("*.txt")}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["nodes", "partitions", "reservations", "queue", "topoconf"]),
    st.integers(0, 6000),
    st.integers(0, 300),
    st.text(alphabet="=[]^, -:9", max_size=4),
)
def test_whatever_was_read_can_be_asked_about(name, at, length, put):
    text = TEXTS[name]
    try:
        found = observed(Outputs(texts=TEXTS | {name: text[:at] + put + text[at + length :]}))
        now = present(found)
    except InputError:
        return  # said in words, with the line
    assert now.fleet.violations() == []
    scene = now.fleet.scene(found.now_ms, 2_000_000)
    for job in now.jobs:
        assert fleet.why(scene, job).message
