"""`Fleet`: follows the event log in the scheduler's state, and asks the scheduler to decide.

Past 400 lines because it is the one owner of the state: all that reads or moves it passes here. The
work itself is done next door (`lowering`, `power_book`, `capped_jobs`, `reasons`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from operator import add, sub

import msgspec
from msgspec import Struct

from arkwright import sched
from arkwright.design import Node, PowerLimit
from arkwright.errors import InputError
from arkwright.fleet import lowering
from arkwright.fleet.capped_jobs import saved_watts, wanted_caps
from arkwright.fleet.experience import Experience, Finished, Group, group_of, key_of
from arkwright.fleet.lowering import FleetPolicy
from arkwright.fleet.notices import WHY_CODES, Notice, notices_of
from arkwright.fleet.ordering import order_key
from arkwright.fleet.power_book import POWER_KINDS, PowerBook, PowerWindow
from arkwright.fleet.quota_tree import ProjectQuota
from arkwright.fleet.quota_use import QuotaUse, periods_ahead, periods_due, quota_uses
from arkwright.fleet.reasons import WaitReason, in_words
from arkwright.fleet.reservations import Reservation, Reservations, free_nodes
from arkwright.fleet.scene import Scene
from arkwright.fleet.snapshot import Snapshot
from arkwright.jobs.events import Event, EventKind, end_of, job_of
from arkwright.jobs.lifecycle import State
from arkwright.jobs.spec import JobSpec, gpus_of
from arkwright.sched import codes
from arkwright.units import MILLI, MS_PER_S, gigabytes_to_mib

HALF_LIVES_KEPT = 20
"""Fair share forgets what was used so many half-lives ago: less than a millionth of it is left."""
_NODE_STATES = {"up": sched.UP, "draining": sched.DRAINING, "down": sched.DOWN}
_NODE_STATE_NAMES = {code: name for name, code in _NODE_STATES.items()}
_BACKFILL = {
    "easy": sched.EASY,
    "none": sched.STRICT,
    "greedy": sched.GREEDY,
    "conservative": sched.CONSERVATIVE,
}


class JobPlacement(Struct, frozen=True, kw_only=True):
    """Where an attempt was placed and what each node gives it: the body of `job_started`."""

    site: str
    nodes: tuple[str, ...]
    gpus: float
    """All GPUs of the gang."""
    gpu_type: str
    is_virtual: bool
    gpus_per_node: float
    cpus_per_node: float
    memory_per_node_mib: int
    gpu_indexes: tuple[int, ...] = ()
    """For a fraction, which GPU of each node serves it, counted from 0; for an aligned gang the
    first of its GPUs there; empty for other whole GPUs."""


class Start(Struct, frozen=True, kw_only=True):
    """One decision: this job, there, now."""

    job_id: str
    placement: JobPlacement


class Decided(Struct, frozen=True, kw_only=True):
    """One decision, in the order in which it is to be recorded: starts, then notices."""

    starts: list[Start]
    notices: tuple[Notice, ...] = ()


class PowerUse(Struct, frozen=True, kw_only=True):
    """A row of the power tree; above its limit only where that was cut under running jobs."""

    path: str
    used_w: int
    """Expected at the racks, from what the jobs there say or the catalogue's maximum."""
    limit_w: int | None
    """In force now; None is no limit."""
    limit_w_file: int | None = None
    """What the factory file says."""
    is_set: bool = False
    """An operator's limit stands in for the file's."""
    capped_w: int = 0
    """So much less than `used_w` is drawn, because jobs are capped."""
    over_w: int = 0
    """What runs draws so much more than a limit that was cut under it, caps counted."""
    windows: list[PowerWindow] = []
    """Limits announced, by time."""


class Fleet:
    """A factory's nodes and quotas with the jobs on and before them."""

    scheduler_version = codes.VERSION

    def __init__(
        self,
        nodes: Sequence[Node],
        projects: Sequence[ProjectQuota],
        policy: FleetPolicy,
        power: Sequence[PowerLimit] = (),
    ) -> None:
        self._names = lowering.names_of(nodes, projects, power, policy.preemption.enabled)
        self._power = PowerBook({limit.path: limit.limit_w for limit in power})
        self._policy = policy
        self._backfill = _BACKFILL[policy.backfill]
        self.reset()

    @property
    def policy_sha256(self) -> str:
        """Hash of the policy the decisions are made under."""
        return self._policy.sha256

    @property
    def time_limit_max_s(self) -> float | None:
        """The longest limit a job may ask for; None is no bound."""
        return self._policy.time_limit_max_s

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, by path."""
        return self._names.nodes

    @property
    def done_count(self) -> int:
        """Jobs that are over and still take a row; `reset` and a replay forget them."""
        return self._done_count

    def reset(self, finished: Sequence[Finished] = ()) -> None:
        """Back to an idle factory in which every node is up, with what it knows of attempts that
        are over (oldest first)."""
        self._state = lowering.empty_state(self._names, self._policy)
        self._job_index: dict[str, int] = {}
        self._job_ids: list[str] = []
        self._specs: dict[str, JobSpec] = {}
        self._groups: list[Group] = []
        self._keys: list[int] = []
        self._experience = Experience(finished)
        self._save_every_ms: dict[int, int] = {}
        self._done_count = 0
        self._caps: dict[str, int] = {}
        for path in self._names.row_of_power:
            self._tell_power(path, self._power.told_ms)
        self._reservations = Reservations(self._names)

    # --- follow --------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Follow one event of the log. Kinds that touch neither capacity nor queue are passed."""
        if event.kind is EventKind.JOB_SUBMITTED:
            self._submit(event)
        elif event.kind in (EventKind.RESERVATION_MADE, EventKind.RESERVATION_WITHDRAWN):
            self._follow_reservation(event)
        elif event.kind is EventKind.NODE_STATE_CHANGED:
            self.set_node_state(event.subject, event.after["state"], event.at_ms)
        elif event.kind in POWER_KINDS:
            if self._power.follow(event):
                self._tell_power(event.subject, event.at_ms)
        elif event.kind is EventKind.BUDGET_PERIOD_BEGAN:
            self._begin_period(event)
        elif event.kind in (EventKind.JOB_CLAIMED, EventKind.JOB_UNCLAIMED):
            self._follow_claim(event)
        elif event.kind.value.startswith("job_"):
            self._follow(event)

    def _follow_reservation(self, event: Event) -> None:
        if event.kind is EventKind.RESERVATION_MADE:
            made = msgspec.convert(event.after | {"name": event.subject}, Reservation)
            self.reserve(made, event.at_ms)
            return
        for each in self._reservations.withdraw(event.subject, event.at_ms):
            self._state = sched.apply(self._state, each)

    def _begin_period(self, event: Event) -> None:
        """A budget that the factory file no longer has is passed over."""
        row = self._names.quotas.row_of_budget.get(event.subject)
        if row is not None:
            start_ms, end_ms = event.after["start_ms"], event.after["end_ms"]
            self._state = sched.apply(self._state, sched.period(start_ms, row, end_ms))

    def recall_periods(self, now_ms: int) -> int | None:
        """After `reset`: every budget is in its period of `now_ms`. Attempts that were over before
        the instant given back matter to no budget and to no fair share; None: none ever does."""
        for path, start_ms, end_ms in self.periods_due(now_ms):
            row = self._names.quotas.row_of_budget[path]
            self._state = sched.apply(self._state, sched.period(start_ms, row, end_ms))
        since = [
            int(self._state.row_period_ms[row]) for row in self._names.quotas.row_of_budget.values()
        ]
        if half_life_ms := int(self._state.fair[0]):
            since.append(max(0, now_ms - HALF_LIVES_KEPT * half_life_ms))
        return min(since, default=None)

    def count_use(self, project: str, gpus: float, start_ms: int, end_ms: int) -> None:
        """An attempt that is over and whose events are not followed: what it used still counts in
        budgets and in fair share. After `recall_periods`, oldest first, before the events."""
        row = self._names.row_of_project.get(project)
        if row is not None:
            gpu_milli = math.ceil(gpus * MILLI)
            event = sched.spent(start_ms, row, gpu_milli, max(start_ms, end_ms))
            self._state = sched.apply(self._state, event)

    def periods_due(self, now_ms: int) -> list[tuple[str, int, int]]:
        """Budgets whose period at `now_ms` has to be begun: project, its start and end [ms]."""
        return periods_due(self._state, self._names, now_ms)

    def recall(self, event: Event) -> None:
        """Take from the end of an attempt that is not followed how often its job made room."""
        job = self._job_index.get(job_of(event) or "")
        if job is not None and "evictions" in event.after:
            counts = event.after["evictions"], event.after["moves"]
            self._state = sched.apply(self._state, sched.recalled(event.at_ms, job, *counts))

    def _submit(self, event: Event) -> None:
        after = event.after
        spec = msgspec.convert(after["spec"], JobSpec)
        gang = lowering.gang_of(self._names, spec, after["project"])
        class_index, classes = sched.class_of(self._state, gang, event.at_ms)
        for new in classes:
            self._state = sched.apply(self._state, new)
        self._job_index[event.subject] = int(self._state.job_count[0])
        self._job_ids.append(event.subject)
        self._specs[event.subject] = spec
        lasts_ms = lowering.duration_ms(spec, self._policy)
        checkpoint = spec.checkpoint
        if self._names.is_preempting and spec.preemptible and checkpoint and checkpoint.interval:
            every_ms = max(1, math.ceil(checkpoint.interval * MS_PER_S))
            self._save_every_ms[self._job_index[event.subject]] = every_ms
        gpus = gpus_of(spec)
        self._groups.append(group_of(after["project"], after["user"], gpus))
        self._keys.append(key_of(event.subject))
        self._experience.submitted(event.subject, self._groups[-1], lasts_ms)
        self._state = sched.apply(
            self._state,
            sched.submit(
                event.at_ms,
                class_index,
                lasts_ms,
                priority=order_key(self._names, self._policy, spec, after["project"], event.at_ms),
                held=State(after["state"]) is State.HELD,
            ),
        )

    def _follow(self, event: Event) -> None:
        job_id = job_of(event) or ""
        job = self._job_index[job_id]
        if event.kind is EventKind.JOB_CAPPED:
            self._follow_cap(job_id, event.after["watts_per_gpu"])
            return
        if event.kind is EventKind.JOB_ENDED:
            self._caps.pop(job_id, None)
        if event.before.get("state") == event.after["state"]:
            return  # told to stop once more: nothing changes for the scheduler
        self._state = sched.apply(self._state, self._lowered(event, job))
        self._experience.follow(event)
        if not self._is_active(event):
            self._done_count += 1
            self._save_every_ms.pop(job, None)
            del self._specs[job_id]

    def _follow_claim(self, event: Event) -> None:
        """Nodes are kept for a waiting job, or no longer. A policy without preemption keeps none,
        and nodes that an earlier factory file had are passed over."""
        job = self._job_index[event.subject]
        if event.kind is EventKind.JOB_UNCLAIMED:
            if self._has_claim(job):
                self._state = sched.apply(self._state, sched.unclaim(event.at_ms, job))
            return
        index = self._names.node_index
        nodes = [index[path] for path in event.after["nodes"] if path in index]
        if nodes and self._names.is_preempting:
            self._state = sched.apply(self._state, sched.claim(event.at_ms, job, nodes))

    def _has_claim(self, job: int) -> bool:
        return bool(self._state.job_victims[job] >= 0)

    def _follow_cap(self, job_id: str, watts_per_gpu: int | None) -> None:
        self._caps.pop(job_id, None)
        if watts_per_gpu is not None:
            self._caps[job_id] = watts_per_gpu

    def _lowered(self, event: Event, job: int) -> sched.Event:
        at_ms = event.at_ms
        match event.kind:
            case EventKind.JOB_HELD:
                return sched.hold(at_ms, job)
            case EventKind.JOB_RELEASED:
                return sched.release(at_ms, job)
            case EventKind.JOB_STARTED:
                index = self._names.node_index
                nodes = tuple(index[path] for path in event.after["nodes"])
                places = event.after.get("gpu_indexes", ())
                firsts = self._state.node_gpu_first[list(nodes)].tolist()
                gpus = tuple(map(add, firsts, places))
                return sched.start(at_ms, job, nodes, gpus)
            case EventKind.JOB_LAUNCHED:
                return sched.run(at_ms, job)
            case EventKind.JOB_STOPPING if "why" in event.after:
                claimant = self._job_index.get(event.after["for"], sched.NONE)
                if claimant >= 0 and not self._has_claim(claimant):
                    claimant = sched.NONE
                return sched.preempt(at_ms, job, claimant, WHY_CODES[event.after["why"]])
            case EventKind.JOB_STOPPING:
                return sched.stop(at_ms, job)
            case _ if self._is_active(event):
                return sched.requeue(end_of(event), job)
            case _:
                return sched.end(end_of(event), job)

    @staticmethod
    def _is_active(event: Event) -> bool:
        ends = (EventKind.JOB_ENDED, EventKind.JOB_CANCELLED)
        return event.kind not in ends or State(event.after["state"]) is State.QUEUED

    def set_node_state(self, path: str, state: str, at_ms: int = 0) -> None:
        """`up`, `draining` (takes nothing new) or `down`. Unknown nodes are passed over: they
        belonged to an earlier factory file."""
        index = self._names.node_index.get(path)
        if index is not None:
            event = sched.node_state(at_ms, index, _NODE_STATES[state])
            self._state = sched.apply(self._state, event)

    def reserve(self, reservation: Reservation, at_ms: int = 0) -> None:
        """Keep nodes for a project, or for nobody. One of the same name is replaced."""
        gone = self._reservations.withdraw(reservation.name, at_ms)
        made = self._reservations.make(reservation, at_ms)
        for event in [*gone, *made]:
            self._state = sched.apply(self._state, event)

    def set_power_limit(self, path: str, limit_w: int | None, at_ms: int = 0) -> None:
        """Another limit for a row of the power tree. A cut ends nothing; it stops new work."""
        limit = sched.UNLIMITED if limit_w is None else limit_w
        event = sched.row_limit(at_ms, self._power_row(path), limit)
        self._state = sched.apply(self._state, event)

    def announce_power_limit(
        self, path: str, from_ms: int, limit_w: int | None, at_ms: int = 0
    ) -> None:
        """A limit that will hold from `from_ms`: nothing starts that would break it then.

        When the time has come, `set_power_limit` makes it so and ends the announcement.
        """
        limit = sched.UNLIMITED if limit_w is None else limit_w
        event = sched.announce(at_ms, self._power_row(path), from_ms, limit)
        self._state = sched.apply(self._state, event)

    @property
    def power_book(self) -> PowerBook:
        """What operators set and announced, beside the factory file. It outlives `reset`."""
        return self._power

    def cut_power_again(self) -> None:
        """After a replay of what runs: limits were in force from its beginning, jobs may have
        started under higher ones. Each is made once more, as a cut below what runs by now."""
        at_ms = self._power.told_ms
        for path, row in self._names.row_of_power.items():
            lifted = sched.row_limit(at_ms, row, sched.UNLIMITED)
            self._state = sched.apply(self._state, lifted)
            self._tell_power(path, at_ms)

    def _tell_power(self, path: str, at_ms: int) -> None:
        """Bring the row's limit, and those to come, to what the book says."""
        row = self._power_row(path)
        book, state = self._power, self._state
        steps = slice(0, int(state.step_count[0]))
        pending = state.step_at_ms[steps][state.step_row[steps] == row].tolist()
        events = [sched.withdraw(at_ms, row, step_ms) for step_ms in pending]
        wanted = _lowered_limit(book.in_force(path))
        if wanted != int(state.row_limit[row]):
            events.append(sched.row_limit(at_ms, row, wanted))
        events += [
            sched.announce(at_ms, row, step_ms, _lowered_limit(limit))
            for step_ms, limit in book.steps(path, at_ms)
        ]
        for event in events:
            self._state = sched.apply(self._state, event)

    def _power_row(self, path: str) -> int:
        row = self._names.row_of_power.get(path)
        if row is None:
            known = ", ".join(self._names.row_of_power) or "no place with a power limit"
            raise InputError(f"limit power at {path}: this factory has {known}")
        return row

    # --- decide --------------------------------------------------------------------------------

    @property
    def queued_count(self) -> int:
        """Jobs that wait and are not held."""
        return int(self._state.queued_count[0])

    def decide(
        self,
        now_ms: int,
        kernels: sched.Kernels = sched.INTERPRETED,
        queue_max: int | None = None,
    ) -> list[Start]:
        """What the scheduler would start now, in its order. This fleet is left as it is."""
        return self.decisions(now_ms, kernels, queue_max).starts

    def decisions(
        self,
        now_ms: int,
        kernels: sched.Kernels = sched.INTERPRETED,
        queue_max: int | None = None,
    ) -> Decided:
        """The same, with who is told to stop for whom.

        With `queue_max` only the first so many jobs are looked at: what is decided for them is what
        the whole queue's decision would have for them. Where jobs may be stopped for others, every
        job holds a place in a plan or starts move projects in the order, that is not so, and the
        whole queue is looked at.
        """
        trial = self._as_of(now_ms)
        is_cut = queue_max is not None and queue_max < self.queued_count and self._can_be_cut()
        if is_cut:
            trial = sched.shortlist(trial, queue_max or 0)
        found = sched.decisions(trial, now_ms, self._backfill, kernels)
        if not found.starts and not found.notices:
            if not is_cut:
                # Keeps what the cycle learned of who is blocked by what; no decision is in it.
                self._state = trial._replace(job_saved_ms=self._state.job_saved_ms)
            return Decided(starts=[])
        starts = [
            Start(job_id=self._job_ids[job], placement=self._placement(trial, job))
            for job in found.starts
        ]
        paths = [node.path for node in self._names.nodes]
        return Decided(
            starts=starts, notices=notices_of(trial, found.notices, self._job_ids, paths)
        )

    def _can_be_cut(self) -> bool:
        is_preempting = self._policy.preemption.enabled or int(self._state.claim_count[0]) > 0
        is_fair_share = int(self._state.fair[0]) > 0
        return not (is_preempting or is_fair_share or self._backfill == sched.CONSERVATIVE)

    def _as_of(self, now_ms: int) -> sched.State:
        """A copy that knows what jobs with a checkpoint interval have saved by now.

        A job is taken to save every interval from its start on: what it cost to stop it is judged
        by that, and nothing else is.
        """
        state = sched.copy(self._state)
        for job, every_ms in self._save_every_ms.items():
            if int(state.job_state[job]) in (sched.STARTING, sched.RUNNING, sched.STOPPING):
                start_ms = int(state.job_start_ms[job])
                saved_ms = start_ms + max(0, now_ms - start_ms) // every_ms * every_ms
                state = sched.apply(state, sched.saved(now_ms, job, saved_ms))
        return state

    def _placement(self, state: sched.State, job: int) -> JobPlacement:
        spec = self._specs[self._job_ids[job]]
        indices = sched.nodes_of(state, job)
        nodes = [self._names.nodes[index] for index in indices]
        firsts = state.node_gpu_first[list(indices)].tolist()
        gpus_per_node = spec.resources.gpus_per_node
        return JobPlacement(
            site=nodes[0].site,
            nodes=tuple(node.path for node in nodes),
            gpus=gpus_per_node * len(nodes),
            gpu_type=nodes[0].gpu_type,
            is_virtual=any(node.is_virtual for node in nodes),
            gpus_per_node=gpus_per_node,
            cpus_per_node=spec.resources.cpus_per_node or _cpu_share(nodes, gpus_per_node),
            memory_per_node_mib=gigabytes_to_mib(spec.resources.memory_per_node),
            gpu_indexes=tuple(map(sub, sched.gpus_of(state, job), firsts)),
        )

    def full_watts_per_gpu(self, job_id: str) -> int:
        """What a GPU of the job is expected to draw uncapped, with its share of the node."""
        cls = int(self._state.job_class[self._job_index[job_id]])
        gpu_milli = max(1, int(self._state.class_gpu_milli[cls]))
        return int(self._state.class_watts[cls]) * MILLI // gpu_milli

    def wanted_caps(self, sites: Collection[str]) -> dict[str, int]:
        """Jobs to be slowed where a limit was cut below what runs: watts per GPU, with its share of
        the node. The engines of `sites` can slow jobs. Rule: `capping`."""
        return wanted_caps(self._state, self._names, self._job_ids, self._specs, sites)

    # --- ask -----------------------------------------------------------------------------------

    def explain(self, job_id: str, now_ms: int) -> WaitReason:
        """Why the job is not running, with the smallest change that would start it."""
        job = self._job_index[job_id]
        state = self._as_of(now_ms)
        reason = sched.explain(state, job, now_ms, self._backfill)
        return in_words(reason, self._names, self._specs.get(job_id), self._job_ids)

    def scene(self, now_ms: int, visits: int) -> Scene:
        """All that a question about the future needs, to be answered while this fleet goes on."""
        return Scene(
            state=self._as_of(now_ms),
            now_ms=now_ms,
            backfill=self._backfill,
            names=self._names,
            policy=self._policy,
            job_ids=tuple(self._job_ids),
            job_index=dict(self._job_index),
            specs=dict(self._specs),
            groups=tuple(self._groups),
            keys=tuple(self._keys),
            lessons=self._experience.lessons(),
            later=periods_ahead(self._state, self._names, now_ms),
            visits=visits,
        )

    def snapshot(self, job_id: str, now_ms: int, parent: int) -> Snapshot:
        """This instant, to be saved and decided again elsewhere; `parent` is the last decision."""
        return Snapshot(
            state=self._as_of(now_ms),
            now_ms=now_ms,
            parent=parent,
            backfill=self._backfill,
            policy_sha256=self._policy.sha256,
            nodes=[node.path for node in self._names.nodes],
            jobs=tuple(self._job_ids),
            projects=[row.label for row in self._names.quotas.rows],
            power=[limit.path for limit in self._names.power_limits],
            sites=self._names.sites,
            gpu_types=self._names.gpu_types,
            job=job_id,
            spec=self._specs.get(job_id),
        )

    def finished(self, spec: JobSpec, project: str, user: str, ran_ms: int) -> Finished:
        """An attempt that is over, as `reset` takes it."""
        gpus = gpus_of(spec)
        limit_ms = lowering.duration_ms(spec, self._policy)
        return Finished(group_of(project, user, gpus), limit_ms, ran_ms)

    def refusal(self, spec: JobSpec, project: str) -> WaitReason | None:
        """Why no state of this factory could ever run the job, or None when one could."""
        unknown = [site for site in spec.sites if site not in self._names.sites]
        if unknown:
            raise InputError(
                f"job {spec.name}: unknown site {', '.join(unknown)}; "
                f"this factory has {', '.join(self._names.sites)}"
            )
        lowering.refuse_unsaid_type(self._names, spec, project)
        shape = lowering.shape_of(self._names, spec, project)
        has_form = shape.segment != 0 or shape.spread_level >= 0 or shape.rails != 0
        if has_form and self._backfill == sched.CONSERVATIVE:
            raise InputError(
                f"job {spec.name}: under backfill: conservative nodes are chosen by index alone, "
                "so that promises hold; leave topology.segment, spread and rails out"
            )
        reason = sched.never_fits(self._state, shape, lowering.duration_ms(spec, self._policy))
        return in_words(reason, self._names, spec, self._job_ids) if reason is not None else None

    def job_id(self, index: int) -> str:
        """The job a reason's number `job` stands for."""
        return self._job_ids[index]

    @property
    def project_paths(self) -> tuple[str, ...]:
        """Organisations and projects, by path."""
        return tuple(project.path for project in self._names.projects)

    def has_project(self, path: str) -> bool:
        """Whether jobs may be submitted to `path`."""
        return path in self._names.row_of_project

    def node_state(self, path: str) -> str:
        """`up`, `draining` or `down`."""
        index = self._names.node_index[path]
        return _NODE_STATE_NAMES[int(self._state.node_state[index])]

    def reservation(self, name: str, now_ms: int) -> Reservation | None:
        """The reservation of this name whose time is not over."""
        return self._reservations.find(name, now_ms)

    def reservations(self, now_ms: int) -> list[Reservation]:
        """Those whose time is not over, by start."""
        return self._reservations.coming(now_ms)

    def reservable(self, span_ms: tuple[int, int], gpu_type: str | None = None) -> list[str]:
        """Paths of nodes that could be kept from the one instant until the other, best first."""
        coming = self._reservations.coming(span_ms[0])
        return free_nodes(self._state, self._names, coming, span_ms, gpu_type)

    def gpus_limit(self, project: str) -> int | None:
        """Most GPUs that jobs of the organisation or project may hold together."""
        return self._names.projects[self._names.row_of_project[project]].gpus_limit

    def gpus_free(self, path: str) -> float:
        """GPUs of a node that no job holds."""
        index = self._names.node_index[path]
        return float(self._state.node_gpu_milli_free[index]) / MILLI

    def power(self) -> list[PowerUse]:
        """Every row of the power tree, by path: what jobs are expected to draw, and the limit."""
        used, limit = self._state.row_used.tolist(), self._state.row_limit.tolist()
        saved = saved_watts(self._state, self._names, self._job_index, self._caps)
        return [
            PowerUse(
                path=path,
                used_w=used[row],
                limit_w=limit[row] if limit[row] >= 0 else None,
                limit_w_file=self._power.file_limit(path),
                is_set=self._power.is_set(path),
                capped_w=saved.get(row, 0),
                over_w=max(0, used[row] - saved.get(row, 0) - limit[row]) if limit[row] >= 0 else 0,
                windows=self._power.windows(path),
            )
            for path, row in self._names.row_of_power.items()
        ]

    def quotas(self, now_ms: int) -> list[QuotaUse]:
        """The quota tree by path, with what is used, borrowed, lent, spent and remembered."""
        return quota_uses(self._state, self._names, now_ms)

    def violations(self) -> list[str]:
        """Invariants that do not hold; empty when all do."""
        return sched.check(self._state)


def _lowered_limit(limit_w: int | None) -> int:
    return sched.UNLIMITED if limit_w is None else limit_w


def _cpu_share(nodes: Sequence[Node], gpus_per_node: float) -> float:
    """The share of a node's CPUs that goes with its share of the GPUs; the least over the gang."""
    return min(
        node.cpus * gpus_per_node / node.gpus if node.gpus and gpus_per_node else node.cpus
        for node in nodes
    )
