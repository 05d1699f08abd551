"""When a job starts: one most likely instant and a band around it.

The scene is run forward many times. On each path every job lasts a share of its limit drawn from
what finished jobs of its group lasted (`experience`); the start lies at or below the tenth and the
ninetieth of a hundred paths in `start_ms_p10` and `start_ms_p90`. Jobs submitted later are not
guessed: one of higher priority can still go first.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from arkwright import sched
from arkwright.fleet import lowering
from arkwright.fleet.experience import Group, Ints, group_of
from arkwright.fleet.ordering import order_key
from arkwright.fleet.scene import FAR_MS, Runner, Scene, in_process
from arkwright.jobs.spec import JobSpec, gpus_of
from arkwright.units import parse_instant

PATHS_MAX: Final = 19
"""With 19 paths the second and the eighteenth are the tenth and the ninetieth of a hundred."""
PATHS_MIN: Final = 3


class Forecast(Struct, frozen=True, kw_only=True):
    """When a job starts, as far as can be told at `now_ms`. Instants in ms since the Unix epoch."""

    state: str
    """`queued`, `held` (the forecast is for a release now), `deferred` (it is for when all that it
    waits for has come, but no earlier than its begin time), `active`, `done`, or `new`."""
    now_ms: int
    start_ms: int | None
    """Most likely: every job lasts the median of its group. None: not as things stand."""
    start_ms_p10: int | None
    start_ms_p90: int | None
    start_ms_by_limits: int | None
    """If every job used its whole limit."""
    paths: int
    """How many paths the band was drawn from."""
    is_estimate: bool
    """The run forward did not get as far as the start: it is reckoned from the work ahead."""
    basis: str
    """Whose finished jobs it was judged by."""
    experience: int
    """How many of them."""
    nodes_now: int | None = None
    """The largest gang of this kind that would start now, where asked for and smaller."""
    is_by_deadline: bool | None = None
    """Whether it would be over by its deadline, if it starts then and uses its whole limit; None
    where it has none."""


def forecast(
    scene: Scene, job_id: str, run: Runner = in_process, *, is_deferred: bool = False
) -> Forecast:
    """When a job that is known starts. KeyError for one that is not. The scheduler knows a deferred
    job as one that is held: the caller says which it is."""
    job = scene.job_index[job_id]
    is_in = int(scene.state.job_state[job])
    group = scene.groups[job]
    if is_in in (sched.STARTING, sched.RUNNING, sched.STOPPING, sched.DONE):
        start_ms = int(scene.state.job_start_ms[job])
        word = "done" if is_in == sched.DONE else "active"
        return _known(scene, word, start_ms if start_ms >= 0 else None, group)
    spec = scene.specs[job_id]
    if is_in == sched.HELD:
        word = "deferred" if is_deferred else "held"
        begin_ms = _begin_ms(scene, spec) if is_deferred else None
        if begin_ms is not None and begin_ms >= scene.now_ms + FAR_MS:
            return _known(scene, word, None, group)
        release = (sched.release(scene.now_ms, job),)
        later = _held_until(scene, job, begin_ms)
        return _judged(scene, spec, _band(scene, run, word, group, job, release, later=later))
    return _judged(scene, spec, _band(scene, run, "queued", group, job))


def forecast_new(
    scene: Scene, spec: JobSpec, project: str, user: str, run: Runner = in_process
) -> Forecast:
    """When a job would start if it were submitted now, and how much of it would start at once."""
    changes = submission(scene, spec, project)
    job = int(scene.state.job_count[0])
    gpus = gpus_of(spec)
    begin_ms = _begin_ms(scene, spec)
    group = group_of(project, user, gpus)
    if begin_ms is not None and begin_ms >= scene.now_ms + FAR_MS:
        return _known(scene, "new", None, group)
    later = _held_until(scene, job, begin_ms)
    found = _judged(scene, spec, _band(scene, run, "new", group, job, changes, later=later))
    is_now = found.start_ms is not None and found.start_ms <= scene.now_ms
    if is_now or begin_ms is not None:
        return found
    with_it = sched.changed(scene.state, changes)
    nodes = run(sched.most_nodes_now, with_it, scene.now_ms, job, scene.backfill)
    return msgspec.structs.replace(found, nodes_now=nodes)


def _begin_ms(scene: Scene, spec: JobSpec) -> int | None:
    """The begin time of the job, if it is still to come."""
    begin_ms = parse_instant(spec.begin) if spec.begin is not None else scene.now_ms
    return begin_ms if begin_ms > scene.now_ms else None


def _held_until(scene: Scene, job: int, begin_ms: int | None) -> tuple[sched.Event, ...]:
    """A ride watches queued jobs alone: one that begins later is held at once, released then."""
    if begin_ms is None:
        return ()
    return sched.hold(scene.now_ms, job), sched.release(begin_ms, job)


def _judged(scene: Scene, spec: JobSpec, found: Forecast) -> Forecast:
    if spec.deadline is None:
        return found
    latest_ms = parse_instant(spec.deadline) - lowering.duration_ms(spec, scene.policy)
    is_by = found.start_ms is not None and found.start_ms <= latest_ms
    return msgspec.structs.replace(found, is_by_deadline=is_by)


def submission(scene: Scene, spec: JobSpec, project: str) -> tuple[sched.Event, ...]:
    """The events by which the job comes; its index is the one after the last."""
    gang = lowering.gang_of(scene.names, spec, project)
    cls, classes = sched.class_of(scene.state, gang, scene.now_ms)
    lasts_ms = lowering.duration_ms(spec, scene.policy)
    priority = order_key(scene.names, scene.policy, spec, project, scene.now_ms)
    return (*classes, sched.submit(scene.now_ms, cls, lasts_ms, priority))


def with_new(lasting: Ints, *new_ms: int) -> Ints:
    """Durations of the jobs there are, then of those that changes bring."""
    return np.concatenate([lasting, np.array(new_ms, np.int64)])


def _band(
    scene: Scene,
    run: Runner,
    word: str,
    group: Group,
    job: int,
    changes: tuple[sched.Event, ...] = (),
    *,
    later: tuple[sched.Event, ...] = (),
) -> Forecast:
    """The median path first; what it cost decides how many others there are."""
    watched = np.array([job], np.int64)
    coming = tuple(sorted((*scene.later, *later), key=lambda event: event.at_ms))

    def seen(lasting: list[Ints], cycles: int) -> list[sched.Foreseen]:
        # How long the job itself lasts does not bear on when it starts.
        own = (1,) * (job - len(scene.job_ids) + 1)
        rides = [sched.Ride(with_new(each, *own), watched, changes, coming) for each in lasting]
        horizon = sched.Horizon(scene.now_ms + FAR_MS, max(1, cycles))
        found: list[sched.Foreseen] = run(
            sched.foresee, scene.state, scene.now_ms, rides, horizon, scene.backfill
        )
        return found

    budget = scene.cycles
    (likely,) = seen([scene.lasting(None)], budget * 2 // 5)
    (by_limits,) = seen([scene.by_limits()], budget // 5)
    left = budget * 2 // 5
    count = min(PATHS_MAX, max(PATHS_MIN, left // max(1, likely.cycles)))
    others = seen([scene.lasting(path) for path in range(count)], 1 + left * 2 // count)
    starts = sorted(_instant(each) or FAR_MS + scene.now_ms for each in others)
    words, shares = scene.lessons.of(group)
    return Forecast(
        state=word,
        now_ms=scene.now_ms,
        start_ms=_instant(likely),
        start_ms_p10=_within(scene, starts[(count - 1) // 10]),
        start_ms_p90=_within(scene, starts[count - 1 - (count - 1) // 10]),
        start_ms_by_limits=_instant(by_limits),
        paths=count,
        is_estimate=bool(likely.is_estimate[0]),
        basis=words,
        experience=len(shares),
    )


def _instant(seen: sched.Foreseen) -> int | None:
    start_ms = int(seen.start_ms[0])
    return start_ms if start_ms >= 0 else None


def _within(scene: Scene, start_ms: int) -> int | None:
    return start_ms if start_ms < scene.now_ms + FAR_MS else None


def _known(scene: Scene, word: str, start_ms: int | None, group: Group) -> Forecast:
    words, shares = scene.lessons.of(group)
    return Forecast(
        state=word,
        now_ms=scene.now_ms,
        start_ms=start_ms,
        start_ms_p10=start_ms,
        start_ms_p90=start_ms,
        start_ms_by_limits=start_ms,
        paths=0,
        is_estimate=False,
        basis=words,
        experience=len(shares),
    )
