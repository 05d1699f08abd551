"""What if: changes made on a copy, and who would start when, beside what happens without them.

Both courses are run with the same durations, each job the median of its group (`experience`), so
that every difference comes from the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct

from arkwright import sched
from arkwright.errors import InputError
from arkwright.fleet import lowering
from arkwright.fleet.experience import Ints, group_of
from arkwright.fleet.forecast import submission, with_new
from arkwright.fleet.ordering import order_key
from arkwright.fleet.power_tree import listed
from arkwright.fleet.scene import FAR_MS, Runner, Scene, in_process
from arkwright.jobs.spec import (
    Count,
    JobSpec,
    Name,
    ProjectPath,
    Topology,
    gpus_of,
    parts_of,
    sizes_of,
)
from arkwright.units import MILLI, Seconds


class JobChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A waiting job asks for something else, at its place in the order; or a job is over."""

    job: str
    nodes: Count | None = None
    gpus_per_node: Annotated[float, Meta(ge=0, le=1024)] | None = None
    time_limit: Seconds | None = None
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] | None = None
    topology: Topology | None = None
    sites: tuple[Name, ...] | None = None
    is_over: bool = False
    """It is cancelled, or ends, now."""


class QuotaChange(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """An organisation or project may hold so many GPUs; none is no limit.

    With `guarantee` or `lend` that changes, and the limit only where `gpus` is given too.
    """

    project: ProjectPath
    gpus: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None
    guarantee: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None
    lend: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None
    """Of the guarantee; none lends all of it."""


class NodeState(Enum):
    """What a node can be."""

    UP = "up"
    DRAINING = "draining"
    DOWN = "down"


class NodeChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A node changes state. Jobs on one that goes down wait again at their old place."""

    node: str
    state: NodeState


class PowerChange(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A place of the power tree may draw so much at its racks; none is no limit."""

    place: str
    limit_w: Annotated[int, Meta(ge=0, le=10**13)] | None = None


class Changes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is different; made in this order, all of them now."""

    nodes: tuple[NodeChange, ...] = ()
    quotas: tuple[QuotaChange, ...] = ()
    power: tuple[PowerChange, ...] = ()
    jobs: tuple[JobChange, ...] = ()
    submit: tuple[JobSpec, ...] = ()


class Move(Struct, frozen=True, kw_only=True):
    """When one job starts without the changes and with them [ms since the Unix epoch]."""

    job_id: str | None
    """None: one of `submit`."""
    name: str
    project: str
    before_ms: int | None
    after_ms: int | None
    """None: it does not start as things stand, or it is over."""
    is_estimate: bool
    """At least one of the two is reckoned from the work ahead, not run forward to."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What the changes do."""

    now_ms: int
    moves: list[Move]
    """Waiting jobs whose start differs, what was changed and what was submitted; in queue order."""
    sooner: int
    later: int
    same: int
    """How many waiting jobs each holds for."""


def whatif(
    scene: Scene,
    changes: Changes,
    projects: Sequence[str] = (),
    user: str = "",
    run: Runner = in_process,
) -> Outcome:
    """Compare the two courses. `projects`: of each job in `changes.submit`, which `user` submits.

    Raises InputError for a change that names nothing here or asks what can never be.
    """
    draft = _Draft(scene)
    for node in changes.nodes:
        draft.set_node(node)
    for quota in changes.quotas:
        draft.set_quota(quota)
    for place in changes.power:
        draft.set_power(place)
    for job in changes.jobs:
        draft.change_job(job)
    for spec, project in zip(changes.submit, projects, strict=True):
        draft.submit(spec, project, user)
    lasting = scene.lasting(None)
    before = _course(scene, run, sched.Ride(lasting, scene.waiting(), later=scene.later))
    changed = with_new(lasting, *draft.new_ms)
    after = _course(
        scene, run, sched.Ride(changed, draft.waiting(), tuple(draft.events), scene.later)
    )
    return _compare(draft, before, after)


class _Draft:
    """The changes as events, made one after another on a copy of the state."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.state: sched.State = sched.copy(scene.state)
        self.events: list[sched.Event] = []
        self.index_after: dict[int, int] = {}
        """Jobs that have another index after the changes."""
        self.new_ms: list[int] = []
        """How long each job lasts that the changes bring."""
        self.named: list[int] = []
        self.new: list[tuple[int, JobSpec, str]] = []

    def waiting(self) -> Ints:
        count = int(self.state.job_count[0])
        return np.flatnonzero(self.state.job_state[:count] == sched.QUEUED)

    def set_node(self, change: NodeChange) -> None:
        node = self.scene.names.node_index.get(change.node)
        if node is None:
            raise InputError(f"node {change.node}: not in this factory; see `arkwright nodes`")
        code = {"up": sched.UP, "draining": sched.DRAINING, "down": sched.DOWN}[change.state.value]
        self._make(sched.node_state(self.scene.now_ms, node, code))
        if code == sched.DOWN:
            for job in self._holders(node):
                self._make(sched.requeue(self.scene.now_ms, job))

    def set_quota(self, change: QuotaChange) -> None:
        row = self.scene.names.row_of_project.get(change.project)
        if row is None:
            known = ", ".join(self.scene.names.row_of_project)
            raise InputError(f"project {change.project}: not in this factory; use one of {known}")
        if change.guarantee is not None or change.lend is not None:
            self._set_guarantee(row, change)
            if change.gpus is None:
                return
        limit = sched.UNLIMITED if change.gpus is None else change.gpus * MILLI
        self._make(sched.row_limit(self.scene.now_ms, row, limit))

    def _set_guarantee(self, row: int, change: QuotaChange) -> None:
        guarantee = int(self.state.row_guarantee[row])
        if change.guarantee is not None:
            guarantee = change.guarantee * MILLI
        lend = guarantee if change.lend is None else change.lend * MILLI
        if guarantee < 0 or lend > guarantee:
            raise InputError(
                f"quota of {change.project}: {lend // MILLI} GPUs to lend, of a guarantee of "
                f"{max(guarantee, 0) // MILLI}; lend at most what is guaranteed"
            )
        if self.state.row_parent[row] < 0:
            raise InputError(
                f"quota of {change.project}: nobody in this factory has a guarantee, so no row "
                "above bounds what is shared; give guarantees in the factory file"
            )
        self._make(sched.guarantee(self.scene.now_ms, row, guarantee, guarantee - lend))

    def set_power(self, change: PowerChange) -> None:
        row = self.scene.names.row_of_power.get(change.place)
        if row is None:
            known = listed(self.scene.names.row_of_power)
            raise InputError(
                f"power of {change.place}: no place with a limit; this factory has {known}"
            )
        limit = sched.UNLIMITED if change.limit_w is None else change.limit_w
        self._make(sched.row_limit(self.scene.now_ms, row, limit))

    def change_job(self, change: JobChange) -> None:
        job = self.scene.job_index.get(change.job)
        if job is None or self.state.job_state[job] == sched.DONE:
            raise InputError(f"job {change.job}: it is over; change one that waits")
        self.named.append(job)
        if change.is_over:
            self._make(sched.end(self.scene.now_ms, job))
            return
        if int(self.state.job_state[job]) not in (sched.QUEUED, sched.HELD):
            raise InputError(
                f"job {change.job}: it holds its nodes; only its end can be asked about (is_over)"
            )
        spec, project = self.scene.specs[change.job], self.scene.groups[job][0]
        asked = _with_change(spec, change)
        self._refuse_the_impossible(asked, project)
        priority = None
        if change.priority is not None or change.time_limit is not None:
            submit_ms = int(self.state.job_submit_ms[job])
            priority = order_key(self.scene.names, self.scene.policy, asked, project, submit_ms)
        self.index_after[job] = int(self.state.job_count[0])
        for event in sched.reshaped(
            self.state,
            job,
            self.scene.now_ms,
            lowering.gang_of(self.scene.names, asked, project),
            lowering.duration_ms(asked, self.scene.policy),
            priority,
        ):
            self._make(event)
        self._expect(asked, project, self.scene.groups[job][1])

    def submit(self, spec: JobSpec, project: str, user: str) -> None:
        self._refuse_the_impossible(spec, project)
        job = int(self.state.job_count[0])
        here = msgspec.structs.replace(self.scene, state=self.state)
        for event in submission(here, spec, project):
            self._make(event)
        self.new.append((job, spec, project))
        self._expect(spec, project, user)

    def _expect(self, spec: JobSpec, project: str, user: str) -> None:
        group = group_of(project, user, gpus_of(spec))
        limit_ms = lowering.duration_ms(spec, self.scene.policy)
        self.new_ms.append(self.scene.lessons.likely_ms(group, limit_ms))

    def _make(self, event: sched.Event) -> None:
        self.state = sched.apply(self.state, event)
        self.events.append(event)

    def _holders(self, node: int) -> list[int]:
        state = self.state
        is_in = state.job_state[: int(state.job_count[0])]
        active = np.flatnonzero((is_in >= sched.STARTING) & (is_in <= sched.STOPPING))
        return [job for job in active.tolist() if node in sched.nodes_of(state, job)]

    def _refuse_the_impossible(self, spec: JobSpec, project: str) -> None:
        unknown = [site for site in spec.sites if site not in self.scene.names.sites]
        if unknown:
            known = ", ".join(self.scene.names.sites)
            raise InputError(f"site {', '.join(unknown)}: not in this factory; it has {known}")
        lowering.refuse_unsaid_type(self.scene.names, spec, project)
        lasts_ms = lowering.duration_ms(spec, self.scene.policy)
        never = lowering.never_fits(self.state, self.scene.names, spec, project, lasts_ms)
        if never is not None:
            asked = " and ".join(
                f"{sizes_of(part)[0]} x {part.resources.gpus_per_node:g}" for part in parts_of(spec)
            )
            raise InputError(
                f"job {spec.name}: {asked} GPUs "
                "can never run here after these changes; ask for less"
            )


def _with_change(spec: JobSpec, change: JobChange) -> JobSpec:
    if spec.groups and (change.nodes is not None or change.gpus_per_node is not None):
        raise InputError(
            f"job {spec.name}: nodes and gpus_per_node cannot be changed in a question about a "
            f"gang of {len(spec.groups)} groups; ask about another job file with --new"
        )
    fields = ("nodes", "time_limit", "priority", "topology", "sites")
    given = {name: getattr(change, name) for name in fields if getattr(change, name) is not None}
    if change.gpus_per_node is not None:
        given["resources"] = msgspec.structs.replace(
            spec.resources, gpus_per_node=change.gpus_per_node
        )
    if change.nodes is not None:
        given["elastic"] = None
    return msgspec.structs.replace(spec, **given)


class _Course(Struct, frozen=True):
    """Start and whether it is an estimate, by job index."""

    start_ms: dict[int, int]
    estimates: frozenset[int]


def _course(scene: Scene, run: Runner, ride: sched.Ride) -> _Course:
    horizon = sched.Horizon(scene.now_ms + FAR_MS, scene.cycles // 2)
    (seen,) = run(sched.foresee, scene.state, scene.now_ms, [ride], horizon, scene.backfill)
    starts = dict(zip(ride.watched.tolist(), seen.start_ms.tolist(), strict=True))
    return _Course(
        {job: start_ms for job, start_ms in starts.items() if start_ms >= 0},
        frozenset(ride.watched[seen.is_estimate == 1].tolist()),
    )


def _compare(draft: _Draft, before: _Course, after: _Course) -> Outcome:
    scene = draft.scene
    queued = set(scene.waiting().tolist())
    returned = [job for job in draft.waiting().tolist() if job < len(scene.job_ids)]
    asked = dict.fromkeys(sorted(queued | set(returned) | set(draft.named)))
    order = sorted(asked, key=lambda job: _place(scene.state, job))
    moves, tally = [], [0, 0, 0]
    for job in order:
        other = draft.index_after.get(job, job)
        before_ms, after_ms = before.start_ms.get(job), after.start_ms.get(other)
        if job in queued and job not in draft.named:
            tally[_side(before_ms, after_ms)] += 1
        elif job not in queued:
            before_ms = _started_ms(scene.state, job)
        if before_ms != after_ms or job in draft.named:
            job_id = scene.job_ids[job]
            is_estimate = job in before.estimates or other in after.estimates
            name, project = scene.specs[job_id].name, scene.groups[job][0]
            moves.append(_move(job_id, name, project, before_ms, after_ms, is_estimate))
    for job, spec, project in draft.new:
        is_estimate = job in after.estimates
        moves.append(_move(None, spec.name, project, None, after.start_ms.get(job), is_estimate))
    return Outcome(now_ms=scene.now_ms, moves=moves, sooner=tally[0], later=tally[1], same=tally[2])


def _move(
    job_id: str | None,
    name: str,
    project: str,
    before_ms: int | None,
    after_ms: int | None,
    is_estimate: bool,
) -> Move:
    return Move(
        job_id=job_id,
        name=name,
        project=project,
        before_ms=before_ms,
        after_ms=after_ms,
        is_estimate=is_estimate,
    )


def _place(state: sched.State, job: int) -> tuple[int, int, int, int]:
    priority, submit_ms = int(state.job_priority[job]), int(state.job_submit_ms[job])
    return -priority, submit_ms, int(state.job_seq[job]), job


def _side(before_ms: int | None, after_ms: int | None) -> int:
    """0 sooner, 1 later, 2 the same; never is later than any instant."""
    first = FAR_MS * 10 if before_ms is None else before_ms
    second = FAR_MS * 10 if after_ms is None else after_ms
    return 2 if first == second else 0 if second < first else 1


def _started_ms(state: sched.State, job: int) -> int | None:
    start_ms = int(state.job_start_ms[job])
    return start_ms if start_ms >= 0 else None
