"""A live factory run ahead, over the factory of `fleet.world`: narvik 4 nodes of 8 GPUs, oslo 2."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from arkwright import catalog, sched
from arkwright.errors import InputError
from arkwright.fleet import Fleet, FleetPolicy, Preemption, forecast, in_process
from arkwright.fleet.experience import Finished, group_of
from arkwright.jobs.events import EventKind
from arkwright.jobs.spec import Checkpoint, Elastic, Power, Tier
from arkwright.twin import drift
from arkwright.twin.draw import node_draw
from arkwright.twin.from_live import Ahead, Origin, of_scene, told
from arkwright.twin.record import Ending
from arkwright.twin.report import report_html
from fleet.test_fleet import N
from fleet.test_forecast import unlimited
from fleet.world import PROJECTS, Log, fleet, node, spec


def busy() -> Log:
    """The nodes of narvik run jobs with limits of 100 s, 200 s, 300 s and 400 s from 1, 3, 5 and
    7 s on, the first of 1 kW a GPU; then come a gang of two nodes and a job of one."""
    log = Log(fleet())
    for number, path in enumerate(N):
        power = Power(watts_per_gpu=1_000.0) if number == 0 else None
        log.start(
            log.submit(f"r{number}", spec(time_limit=100.0 * (number + 1), power=power)), path
        )
    log.submit("gang", spec(nodes=2, time_limit=50.0, sites=("narvik",)))
    log.submit("one", spec(time_limit=80.0, sites=("narvik",), power=Power(watts_per_gpu=500.0)))
    return unlimited(log)


def ahead(log: Log, **asked: int) -> Ahead:
    origin = Origin("test", len(log.events))
    return of_scene(log.fleet.scene(log.now_ms, 10**7), origin, **asked)


def by_id(found: Ahead) -> dict[str, drift.ForetoldJob]:
    return {job.job_id: job for job in found.prediction.jobs}


def test_jobs_start_when_limits_end_and_backfill_goes_before_the_gang() -> None:
    """r0 ends at 101 s; the gang needs r1's node too, free at 203 s; `one` lasts 80 s: it takes
    r0's node from 101 s to 181 s, before that."""
    found = by_id(ahead(busy()))
    assert [(job, each.start_ms, each.end_ms) for job, each in found.items()] == [
        ("r0", 1_000, 101_000),
        ("r1", 3_000, 203_000),
        ("r2", 5_000, 305_000),
        ("r3", 7_000, 407_000),
        ("gang", 203_000, 253_000),
        ("one", 101_000, 181_000),
    ]
    assert found["gang"].nodes == (N[0], N[1])
    assert found["r0"].state == "starting"
    assert found["one"].is_waiting
    assert not found["r0"].is_waiting


def test_the_record_begins_with_what_is_under_way_and_names_nodes() -> None:
    found = ahead(busy())
    record, attempts = found.record, found.record.attempts
    assert (record.from_ms, record.until_ms) == (10_000, 407_000)
    assert [found.jobs.ids[row] for row in attempts.job] == ["r0", "r1", "r2", "r3", "one", "gang"]
    held = np.split(attempts.node, attempts.node_first[1:-1])
    assert [[record.places.path[node] for node in nodes] for nodes in held] == [
        [N[0]], [N[1]], [N[2]], [N[3]], [N[0]], [N[0], N[1]]
    ]  # fmt: skip
    assert set(attempts.ending.tolist()) == {Ending.COMPLETED}
    assert attempts.gpu_milli.tolist() == [8_000] * 7
    assert found.jobs.gpus_milli.tolist() == [8_000] * 4 + [16_000, 8_000]
    assert found.jobs.project.of(0) == "lab"


def test_energy_is_what_the_job_says_times_how_long_it_lasts() -> None:
    """8 GPUs of 1 kW over 100 s: 8 kW * 100 s = 0.2222 kWh; of 0.5 kW over 80 s: 0.0889 kWh."""
    found = by_id(ahead(busy()))
    assert found["r0"].kwh == pytest.approx(8 * 100 / 3600)
    assert found["one"].kwh == pytest.approx(4 * 80 / 3600)
    assert found["one"].kwh_basis == "what the job says a GPU draws"


def test_a_job_that_says_nothing_draws_what_its_system_was_measured_at() -> None:
    """r1 holds a whole node of eight H100 for 200 s; the node's draw at training is the twin's."""
    r1 = by_id(ahead(busy()))["r1"]
    (system,) = {row.name for row in catalog.systems().values() if row.name in r1.kwh_basis}
    assert r1.kwh_basis == f"what {system} draws in training"
    assert catalog.system(system).gpus_per_node == 8
    assert r1.kwh == pytest.approx(node_draw(system).training_w * 200 / 3.6e6)


def test_what_is_virtual_has_no_energy_whatever_its_job_says() -> None:
    virtual = Fleet([replace(node("narvik", 1, 1), is_virtual=True)], PROJECTS, FleetPolicy())
    log = Log(virtual)
    log.submit("v", spec(power=Power(watts_per_gpu=500.0), time_limit=10.0))
    (job,) = ahead(log).prediction.jobs
    assert (job.kwh, job.kwh_basis) == (None, "not known: nothing virtual has watts")
    assert job.end_ms - job.start_ms == 10_000


def test_the_first_start_is_what_a_forecast_says() -> None:
    """The same scene, the same scheduler: `when` and the run ahead agree on every waiting job."""
    log = busy()
    found = by_id(ahead(log))
    for job in ("gang", "one"):
        asked = forecast(log.fleet.scene(log.now_ms, 10**7), job, in_process)
        assert not asked.is_estimate
        assert asked.start_ms == found[job].start_ms


def test_a_horizon_leaves_running_what_runs_and_waiting_what_waits() -> None:
    found = ahead(busy(), until_ms=150_000)
    jobs = by_id(found)
    assert found.record.until_ms == 150_000
    assert (jobs["r0"].end_ms, jobs["r1"].end_ms) == (101_000, None)
    assert (jobs["gang"].start_ms, jobs["one"].start_ms) == (None, 101_000)
    attempts = found.record.attempts
    assert attempts.ending.tolist() == [Ending.COMPLETED] + [Ending.RUNNING] * 4
    assert attempts.end_ms.tolist() == [101_000] + [150_000] * 4


def test_jobs_last_what_their_group_lasted() -> None:
    """Jobs of this user used 10 %, 14 % ... 90 % of their limit: the median is half of it."""
    log = busy()
    log.fleet._experience._finished.extend(
        Finished(group_of("lab", "u", 8), 100, 10 + 4 * n) for n in range(21)
    )
    found = by_id(ahead(log))
    assert found["one"].experience == 21
    assert found["one"].end_ms - found["one"].start_ms == 40_000


def test_a_job_that_is_stopping_is_gone_when_its_grace_is_over_and_a_held_one_stays() -> None:
    log = busy()
    log.write(EventKind.JOB_LAUNCHED, "r3.1", "starting", {"state": "running"})
    log.write(EventKind.JOB_STOPPING, "r3.1", "running", {"state": "stopping"})
    log.write(EventKind.JOB_HELD, "one", "queued", {"state": "held"})
    log.node("oslo/h1/r1/t1", "down")
    found = ahead(log)
    jobs = by_id(found)
    assert log.now_ms == 14_000
    assert jobs["r3"].end_ms == 14_000 + 10_000 + 1
    assert (jobs["one"].start_ms, jobs["one"].end_ms) == (None, None)
    out = found.record.outages
    assert (out.from_ms.tolist(), out.until_ms.tolist()) == ([14_000], [found.record.until_ms])
    assert found.record.places.path[out.node[0]] == "oslo/h1/r1/t1"


def test_the_scene_is_left_as_it_is_and_a_prediction_is_the_same_each_time() -> None:
    log = busy()
    scene = log.fleet.scene(log.now_ms, 10**7)
    before = sched.copy(scene.state)
    first = of_scene(scene, Origin("test", 10))
    assert sched.same(before, scene.state)
    again = of_scene(scene, Origin("test", 10))
    assert drift.written(first.prediction) == drift.written(again.prediction)


def test_a_prediction_is_read_back_and_other_files_are_refused() -> None:
    made = ahead(busy()).prediction
    data = drift.written(made)
    assert drift.read(data) == made
    with pytest.raises(InputError, match=r"p.json is no prediction; .*--from-live"):
        drift.read(b'{"kind": "jobs"}', "p.json")
    with pytest.raises(InputError, match="cannot be read"):
        drift.read(data.replace(b'"now_ms": 10000', b'"now_ms": "x"'), "p.json")
    with pytest.raises(InputError, match="cannot be read"):
        drift.read(b"{", "p.json")


def test_what_is_stopped_for_another_has_several_attempts_and_their_energy() -> None:
    """`low` holds all four nodes from 1 s on, with a limit of 1000 s; `high`, which is critical,
    has it stopped at 4 s: it is gone at 6 s, its grace over, and begins anew when `high` ends."""
    log = unlimited(Log(fleet(preemption=Preemption(enabled=True, run_min_s=1.0))))
    low = spec(
        nodes=4,
        time_limit=1_000.0,
        tier=Tier.FLEXIBLE,
        preemptible=True,
        grace=2.0,
        sites=("narvik",),
        checkpoint=Checkpoint(dir="/c", interval=5.0),
        power=Power(watts_per_gpu=1_000.0),
    )
    log.start(log.submit("low", low), *N)
    log.write(EventKind.JOB_LAUNCHED, "low.1", "starting", {"state": "running"})
    log.submit("high", spec(tier=Tier.CRITICAL, time_limit=50.0, sites=("narvik",)))
    found = ahead(log)
    jobs = by_id(found)
    assert jobs["low"].attempts == 2
    assert found.record.attempts.ending.tolist() == [
        Ending.PREEMPTED, Ending.COMPLETED, Ending.COMPLETED
    ]  # fmt: skip
    attempts = found.record.attempts
    assert attempts.start_ms.tolist() == [1_000, 6_000, 56_000]
    assert attempts.end_ms.tolist() == [6_000, 56_000, 1_056_000]
    # 32 GPUs of 1 kW for 5 s and for 1000 s.
    assert jobs["low"].kwh == pytest.approx(32 * 1_005 / 3600)
    assert (jobs["low"].start_ms, jobs["low"].end_ms) == (1_000, 1_056_000)


def test_the_report_draws_the_run_from_its_beginning_on() -> None:
    found = ahead(busy())
    shown = told(found)
    assert shown.record.attempts.start_ms.min() == found.record.from_ms
    assert "not guessed" in report_html([shown])


def test_an_elastic_gang_that_runs_larger_than_it_must_is_run_ahead_as_it_is() -> None:
    """It holds three nodes of the one to four it can run on, and waits for nothing else."""
    log = unlimited(Log(fleet()))
    asked = spec(elastic=Elastic(nodes_min=1, nodes_max=4), time_limit=100.0, sites=("narvik",))
    log.start(log.submit("wide", asked), *N[:3])
    log.submit("next", spec(elastic=Elastic(nodes_min=1, nodes_max=4), time_limit=100.0))
    found = ahead(log)
    jobs = by_id(found)
    assert jobs["wide"].nodes == tuple(N[:3])
    assert jobs["wide"].end_ms == 101_000
    assert jobs["next"].start_ms == log.now_ms
    attempts = found.record.attempts
    assert np.diff(attempts.node_first).tolist() == [3, len(jobs["next"].nodes)]


def test_racks_and_halls_of_one_name_at_two_sites_are_two() -> None:
    """Both sites of `fleet.world` have a hall h1 with a rack r1."""
    places = ahead(busy()).record.places
    assert places.halls == ["narvik/h1", "oslo/h1"]
    assert places.racks == ["narvik/h1/r1", "narvik/h1/r2", "oslo/h1/r1"]
    assert places.rack.tolist() == [0, 0, 1, 1, 2, 2]
    assert places.rows == ["narvik/h1/row 1", "oslo/h1/row 1"]


def test_an_idle_factory_has_nothing_ahead_of_it() -> None:
    found = ahead(Log(fleet()))
    assert found.prediction.jobs == ()
    assert found.record.until_ms == found.record.from_ms
    assert len(found.jobs) == 0
    assert report_html([told(found)])
