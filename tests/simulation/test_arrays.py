"""Arrays, dependencies and begin times through the real control plane."""

from __future__ import annotations

import itertools
import random
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from arkwright.control import intake
from arkwright.control.deferral_words import why_deferred
from arkwright.control.intake import Submission
from arkwright.control.naming import is_task_of
from arkwright.control.tables import JOBS
from arkwright.engines.fake import Script
from arkwright.errors import ArkwrightError, InputError
from arkwright.fleet.log_replay import replay_log
from arkwright.jobs.array import index_of, root_of
from arkwright.jobs.spec import JobSpec, Retry, RetryOn
from arkwright.units import render_instant
from simulation.world import OWNER_IDENTITY, Crash, World


def tasks(world: World, array: str) -> dict[int, str]:
    """State by index, as the store has it."""
    query = select(JOBS.c.id, JOBS.c.state).where(is_task_of(array)).order_by(JOBS.c.seq)
    return {index_of(row.id): row.state for row in world.store.read().rows(query)}


def why(world: World, job: str) -> tuple[str, str]:
    found = why_deferred(world.controller, OWNER_IDENTITY, world.controller.book.jobs[job])
    return found.code, found.message


def soon(world: World, seconds: int) -> str:
    return render_instant(world.now_ms + seconds * 1000)


def test_every_task_of_an_array_is_a_job_that_knows_its_place(world: World) -> None:
    """0-6:3 is the tasks 0, 3 and 6, which start as one after another finds room."""
    world.engine.default_script = Script(duration_ms=500)
    array = world.submit(array="0-6:3")
    world.until(lambda: set(tasks(world, array).values()) == {"succeeded"})
    launched = {each.job_id: each.array for each in world.engine.launches}
    assert set(launched) == {f"{array}_0", f"{array}_3", f"{array}_6"}
    place = launched[f"{array}_3"]
    assert place is not None
    assert (place.job_id, place.index, place.first, place.last) == (array, 3, 0, 6)
    assert (place.step, place.count) == (3, 3)
    numbers = {each.number for each in world.engine.launches}
    assert place.number == min(numbers)  # an array has the number of its first task
    assert len(numbers) == 3


def test_an_array_with_a_bound_never_has_more_tasks_out_than_that(world: World) -> None:
    world.engine.default_script = Script(duration_ms=1_000)
    array = world.submit(array="1-10%3")
    assert set(tasks(world, array).values()) == {"deferred"}
    most = 0
    while set(tasks(world, array).values()) != {"succeeded"}:
        world.step()
        states = list(tasks(world, array).values())
        out = sum(state in ("queued", "starting", "running", "stopping") for state in states)
        most = max(most, out)
        assert out <= 3
    assert most == 3
    starts = [each.job_id for each in world.engine.launches]
    assert starts == [f"{array}_{index}" for index in range(1, 11)]


def test_a_held_task_gives_its_turn_to_the_next_and_waits_for_one_again(world: World) -> None:
    world.engine.default_script = Script(duration_ms=1_000)
    array = world.submit(array="0-3%1", nodes=4)
    world.until(lambda: world.state(f"{array}_0") == "running")
    intake.hold(world.controller, OWNER_IDENTITY, f"{array}_1")
    world.until(lambda: world.state(f"{array}_2") == "running")
    assert world.state(f"{array}_1") == "held"
    assert intake.release(world.controller, OWNER_IDENTITY, f"{array}_1") == "deferred"
    assert why(world, f"{array}_1") == (
        "array-limit",
        "its array has at most 1 of its tasks queued or running at once, and has 1",
    )
    world.until(lambda: set(tasks(world, array).values()) == {"succeeded"})
    assert [each.job_id for each in world.engine.launches][2] == f"{array}_1"


def test_a_task_that_is_tried_again_keeps_its_turn(world: World) -> None:
    world.engine.script("x", Script())
    world.engine.default_script = Script(duration_ms=500, exit_code=1)
    retry = Retry(limit=2, on=(RetryOn.FAILURE,))
    array = world.submit(array="0-1%1", retry=retry)
    world.until(lambda: set(tasks(world, array).values()) == {"failed"})
    ids = [each.attempt_id.removeprefix(array) for each in world.engine.launches]
    assert ids == ["_0.1", "_0.2", "_0.3", "_1.1", "_1.2", "_1.3"]


def test_an_array_is_cancelled_whole_or_by_some_of_its_tasks(world: World) -> None:
    array = world.submit(array="0-7%2")
    world.until(lambda: world.state(f"{array}_1") == "running")
    intake.cancel(world.controller, OWNER_IDENTITY, f"{array}_[1,4-5]", "")
    world.step()
    world.step()
    found = tasks(world, array)
    assert [index for index, state in found.items() if state == "cancelled"] == [1, 4, 5]
    intake.cancel(world.controller, OWNER_IDENTITY, array, "")
    world.until(lambda: not world.controller.book.jobs)
    assert set(tasks(world, array).values()) == {"cancelled"}
    with pytest.raises(ArkwrightError, match="none of its tasks is active"):
        intake.cancel(world.controller, OWNER_IDENTITY, array, "")


def test_one_key_submits_an_array_once(world: World) -> None:
    spec = JobSpec(name="a", project="lab", command=("true",), array="0-9")
    asked = Submission(OWNER_IDENTITY, (spec,), "key")
    first = intake.accept(world.controller, asked)
    assert first.idempotency is not None
    world.controller.record(first.events, idempotency=[first.idempotency])
    again = intake.accept(world.controller, asked)
    assert (again.events, again.job_ids) == ((), first.job_ids)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0-10000", "10,001 tasks; an array has at most 10,000"),
        ("0-4000001:4000001", "index 4000001; give at most 4,000,000"),
        ("0-9%0", "at most 0 tasks at once"),
        ("9-0", "ends before it begins"),
        ("3:2", "has a step and no range"),
        ("1,,2", "'' is no index"),
    ],
)
def test_an_array_nobody_can_mean_is_refused(world: World, text: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        world.submit(array=text)


# --- dependencies --------------------------------------------------------------------------------


def ended(world: World, code: int = 0) -> str:
    world.engine.default_script = Script(duration_ms=200, exit_code=code)
    job = world.submit(name=f"ended-with-{code}")
    world.until(lambda: world.state(job) in ("succeeded", "failed"))
    world.engine.default_script = Script(duration_ms=200)
    return job


@pytest.mark.parametrize("when", ["", "afterok:", "afterany:", "afternotok:"])
@pytest.mark.parametrize("code", [0, 1])
def test_what_depends_on_an_end_starts_after_it_or_never(
    world: World, when: str, code: int
) -> None:
    """Slurm's table: ok needs success, notok the contrary, any neither."""
    world.engine.default_script = Script(duration_ms=1_000, exit_code=code)
    first = world.submit()
    second = world.submit(name="second", depends_on=(f"{when}{first}",))
    world.until(lambda: world.state(first) == "running")
    assert world.state(second) == "deferred"
    code_found, message = why(world, second)
    assert code_found == "dependency"
    assert f"job ({first}), which is running, to " in message
    world.engine.default_script = Script(duration_ms=1_000)
    world.until(lambda: world.state(second) in ("succeeded", "cancelled"))
    is_met = {"": code == 0, "afterok:": code == 0, "afterany:": True, "afternotok:": code == 1}
    assert world.state(second) == ("succeeded" if is_met[when] else "cancelled")
    last = world.store.read().events(job_id=second)[-1]
    if not is_met[when]:
        how = "succeeded" if code == 0 else "failed"
        written = f"{when or 'afterok:'}{first}"
        assert last.cause == f"dependency can never be met: {written}, which {how}"
        assert last.actor == "scheduler"


def test_what_can_never_be_met_is_cancelled_down_the_whole_chain(world: World) -> None:
    bad = ended(world, 1)
    chain = [bad]
    for _ in range(5):
        chain.append(world.submit(depends_on=(chain[-1],)))
    after_all = world.submit(depends_on=(f"afterany:{chain[-1]}",))
    world.step()
    assert {world.state(job) for job in chain[1:]} == {"cancelled"}
    world.until(lambda: world.state(after_all) == "succeeded")


def test_one_of_several_is_enough_where_they_are_joined_by_a_question_mark(world: World) -> None:
    bad, good = ended(world, 1), ended(world, 0)
    either = world.submit(depends_on=(f"afterok:{bad}?afterok:{good}",))
    both = world.submit(depends_on=(f"afterok:{bad},afterok:{good}",))
    world.until(lambda: world.state(either) == "succeeded")
    assert world.state(both) == "cancelled"


def test_after_waits_for_the_start_and_its_minutes(world: World) -> None:
    world.engine.default_script = Script(duration_ms=3_600_000)
    first = world.submit(begin=soon(world, 10))
    at_once = world.submit(depends_on=(f"after:{first}",))
    late = world.submit(depends_on=(f"after:{first}+5",))
    for _ in range(50):
        world.step()
    assert {world.state(job) for job in (at_once, late)} == {"deferred"}
    world.until(lambda: world.state(first) == "running")
    world.until(lambda: world.state(at_once) == "running", rounds=5)
    world.step(299_000)
    assert world.state(late) == "deferred"
    world.step(2_000)
    world.until(lambda: world.state(late) == "running", rounds=5)


def test_looking_again_or_asking_why_adds_no_timer(world: World) -> None:
    """`late` waits for its minutes and for `other`: every change of either has it looked at."""
    world.engine.default_script = Script(duration_ms=3_600_000)
    first, other = world.submit(), world.submit()
    world.until(lambda: world.state(other) == "running")
    late = world.submit(depends_on=(f"after:{first}+5,afterok:{other}",))
    world.step()
    timers = world.controller.deferral.timers
    assert timers == 1  # when the 5 minutes are over
    for _ in range(20):
        assert why(world, late)[0] == "dependency"
        intake.hold(world.controller, OWNER_IDENTITY, late)
        intake.release(world.controller, OWNER_IDENTITY, late)
        world.step()
    assert world.controller.deferral.timers == timers
    world.step(301_000)
    assert world.controller.deferral.timers == 0
    assert world.state(late) == "deferred"


def test_after_an_array_means_after_all_of_its_tasks(world: World) -> None:
    world.engine.default_script = Script(duration_ms=500)
    array = world.submit(array="0-9%2")
    world.engine.script(f"{array}_4", Script(duration_ms=500, exit_code=1))
    good = world.submit(depends_on=(f"afterok:{array}",))
    over = world.submit(depends_on=(f"afterany:{array}",))
    bad = world.submit(depends_on=(f"afternotok:{array}",))
    one = world.submit(depends_on=(f"afterok:{array}_3",))
    world.until(lambda: world.state(one) == "succeeded")
    assert {world.state(job) for job in (good, over, bad)} == {"deferred"}
    world.until(lambda: not world.controller.book.jobs)
    states = [world.state(job) for job in (good, over, bad)]
    assert states == ["cancelled", "succeeded", "succeeded"]
    cause = world.store.read().events(job_id=good)[-1].cause
    assert cause.endswith("which ended with 1 of 10 tasks not succeeded")


def test_each_task_follows_the_task_of_its_index(world: World) -> None:
    world.engine.default_script = Script(duration_ms=500)
    array = world.submit(array="0-3%1")
    world.engine.script(f"{array}_1", Script(duration_ms=500, exit_code=1))
    after = world.submit(array="0-3", depends_on=(f"aftercorr:{array}",))
    world.until(lambda: world.state(f"{after}_0") == "succeeded")
    assert world.state(f"{array}_3") != "succeeded"  # its own partner is all a task waits for
    world.until(lambda: not world.controller.book.jobs)
    assert list(tasks(world, after).values()) == [
        "succeeded",
        "cancelled",
        "succeeded",
        "succeeded",
    ]
    with pytest.raises(InputError, match="has no task 4-5"):
        world.submit(array="2-5", depends_on=(f"aftercorr:{array}",))


def test_a_singleton_waits_for_every_earlier_job_of_its_name(world: World) -> None:
    world.engine.default_script = Script(duration_ms=500)
    jobs = [world.submit(name="one", depends_on=("singleton",)) for _ in range(4)]
    other = world.submit(name="two", depends_on=("singleton",))
    world.until(lambda: world.state(other) == "running")
    assert why(world, jobs[1])[1].startswith(f"waits for {jobs[0]}, an earlier job of the same")
    while world.controller.book.jobs:
        world.step()
        placed = [job.id for job in world.controller.book.placed() if job.id != other]
        assert len(placed) <= 1
    assert [each.job_id for each in world.engine.launches if each.job_id != other] == jobs


def test_a_dependency_is_named_as_jobs_are_and_must_be_there(world: World) -> None:
    first = world.submit(name="prepare", begin=soon(world, 3600))
    second = world.submit(depends_on=("prepare", f"afterany:{first[-8:]}"))
    spec = world.controller.book.jobs[second].spec
    assert spec.depends_on == (f"afterok:{first}", f"afterany:{first}")
    with pytest.raises(InputError, match=r"depends_on\[1\]: job nobody: not found"):
        world.submit(depends_on=(first, "afterok:nobody"))


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ("afterwards:a", "'afterwards' is no kind of dependency"),
        ("afterok:", "names no job"),
        ("afterok", "names no job"),
        ("after:a+x", "write minutes as"),
        ("afterok:a+5", "write minutes as"),
        ("afterok:a,afterok:b?afterok:c", "joins with both"),
        ("aftercorr:a", "in a job that is no array"),
        ("a b", "is no dependency"),
    ],
)
def test_a_dependency_that_says_nothing_is_refused(world: World, item: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        world.submit(depends_on=(item,))


def test_a_job_is_not_queued_before_its_time(world: World) -> None:
    job = world.submit(begin=soon(world, 60))
    world.step(59_000)
    assert world.state(job) == "deferred"
    assert why(world, job)[0] == "begin"
    world.step(1_000)
    world.until(lambda: world.state(job) == "running", rounds=3)
    with pytest.raises(InputError, match="begin: 'noon' is no instant"):
        world.submit(begin="noon")


# --- crashes -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_crash_at_any_point_loses_no_turn_and_no_dependency(tmp_path: Path) -> None:
    """An array of two at a time, what follows it, and what can never: crashed at touch 1, 2, …"""
    for touch in itertools.count(1):
        folder = tmp_path / str(touch)
        folder.mkdir()
        with closing(World(folder)) as world:
            if not _story(world, touch):
                break
    assert touch > 30


def _story(world: World, touch: int) -> bool:
    world.engine.default_script = Script(duration_ms=300)
    array = world.submit(array="0-3%2")
    world.engine.script(f"{array}_2", Script(duration_ms=300, exit_code=1))
    after = world.submit(depends_on=(f"afterany:{array}",))
    never = world.submit(depends_on=(f"afterok:{array}",))
    chained = world.submit(depends_on=(f"afternotok:{never}",))
    late = world.submit(begin=soon(world, 5), name="late")
    world.crash_at(touch)
    crashed = False
    for _ in range(150):
        try:
            world.step()
        except Crash:
            crashed = True
            world.restart()
        out = [job for job in world.controller.book.jobs.values() if root_of(job.id) == array]
        assert sum(job.state.value not in ("deferred", "held") for job in out) <= 2
    assert list(tasks(world, array).values()) == ["succeeded", "succeeded", "failed", "succeeded"]
    states = [world.state(job) for job in (after, never, chained, late)]
    assert states == ["succeeded", "cancelled", "succeeded", "succeeded"]
    assert world.controller.book.jobs == {}
    return crashed


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 12))]
)
def test_any_history_leaves_nobody_waiting_for_what_is_over(world: World, seed: int) -> None:
    """Random arrays, dependencies, times, holds, cancellations and crashes; then calm."""
    draw = random.Random(seed)
    known: list[str] = []
    for _ in range(60):
        world.crash_at(draw.randint(1, 30))
        try:
            _something(world, draw, known)
            world.step(draw.choice((10, 100, 1_000, -500)))
        except Crash:
            world.restart()
        world.crash_on = None
    for job in list(world.controller.book.jobs.values()):
        if job.state.value == "held":
            intake.release(world.controller, OWNER_IDENTITY, job.id)
    for _ in range(1_000):
        world.step(1_000)
        if not world.controller.book.jobs:
            break
    assert world.controller.book.jobs == {}
    attempts = [launch.attempt_id for launch in world.engine.launches]
    assert len(attempts) == len(set(attempts))
    log = world.store.read().events(limit=1_000_000)
    found = replay_log(lambda: log)
    assert (found.first, found.is_same) == (None, True)


def _something(world: World, draw: random.Random, known: list[str]) -> None:
    world.engine.default_script = Script(
        duration_ms=draw.choice((50, 500, 3_000)), exit_code=draw.choice((0, 0, 1))
    )
    job = draw.choice(known) if known else ""
    try:
        match draw.randint(0, 6):
            case 0:
                known.append(world.submit(array=draw.choice(("0-3", "0-5%2", "1,4,7%1"))))
            case 1 if job:
                when = draw.choice(("afterok", "afterany", "afternotok", "after"))
                known.append(world.submit(depends_on=(f"{when}:{job}",)))
            case 2:
                known.append(world.submit(name="s", depends_on=("singleton",)))
            case 3:
                known.append(world.submit(begin=soon(world, draw.randint(0, 5))))
            case 4 if job:
                intake.cancel(world.controller, OWNER_IDENTITY, job, "")
            case 5 if job:
                intake.hold(world.controller, OWNER_IDENTITY, job)
            case 6 if job:
                intake.release(world.controller, OWNER_IDENTITY, job)
    except ArkwrightError:
        pass  # it is over, or not in a state for it
