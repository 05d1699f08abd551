"""`Fleet`: follows the event log in the scheduler's state, and asks the scheduler to decide.

Past 400 lines because it is the one owner of the state: all that reads or moves it passes here. The
work itself is done next door (`lowering`, `power_book`, `capped_jobs`, `reasons`).
"""

from __future__ import annotations

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
from arkwright.fleet.lowering import FleetPolicy, ProjectQuota
from arkwright.fleet.ordering import order_key
from arkwright.fleet.power_book import POWER_KINDS, PowerBook, PowerWindow
from arkwright.fleet.reasons import WaitReason, in_words
from arkwright.fleet.scene import Scene
from arkwright.fleet.snapshot import Snapshot
from arkwright.jobs.events import Event, EventKind, job_of
from arkwright.jobs.lifecycle import State
from arkwright.jobs.spec import JobSpec, gpus_of
from arkwright.sched import codes
from arkwright.units import MILLI, gigabytes_to_mib

_NODE_STATES = {"up": sched.UP, "draining": sched.DRAINING, "down": sched.DOWN}
_NODE_STATE_NAMES = {code: name for name, code in _NODE_STATES.items()}
_BACKFILL = {"easy": sched.EASY, "none": sched.STRICT, "greedy": sched.GREEDY}


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
    """For a fraction, which GPU of each node serves it, counted from 0; empty for whole GPUs."""


class Start(Struct, frozen=True, kw_only=True):
    """One decision: this job, there, now."""

    job_id: str
    placement: JobPlacement


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
        self._names = lowering.names_of(nodes, projects, power)
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
        self._done_count = 0
        self._caps: dict[str, int] = {}
        for path in self._names.row_of_power:
            self._tell_power(path, self._power.told_ms)

    # --- follow --------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Follow one event of the log. Kinds that touch neither capacity nor queue are passed."""
        if event.kind is EventKind.JOB_SUBMITTED:
            self._submit(event)
        elif event.kind is EventKind.NODE_STATE_CHANGED:
            self.set_node_state(event.subject, event.after["state"], event.at_ms)
        elif event.kind in POWER_KINDS:
            if self._power.follow(event):
                self._tell_power(event.subject, event.at_ms)
        elif event.kind.value.startswith("job_"):
            self._follow(event)

    def _submit(self, event: Event) -> None:
        after = event.after
        spec = msgspec.convert(after["spec"], JobSpec)
        shape = lowering.shape_of(self._names, spec, after["project"])
        class_index = sched.find_class(self._state, shape)
        if class_index < 0:
            class_index = int(self._state.class_count[0])
            self._state = sched.apply(self._state, sched.add_class(event.at_ms, shape))
        self._job_index[event.subject] = int(self._state.job_count[0])
        self._job_ids.append(event.subject)
        self._specs[event.subject] = spec
        lasts_ms = lowering.duration_ms(spec, self._policy)
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
                priority=order_key(self._names, self._policy, spec, after["project"]),
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
            del self._specs[job_id]

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
            case EventKind.JOB_STOPPING:
                return sched.stop(at_ms, job)
            case _ if self._is_active(event):
                return sched.requeue(at_ms, job)
            case _:
                return sched.end(at_ms, job)

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
        """What the scheduler would start now, in its order. This fleet is left as it is.

        With `queue_max` only the first so many jobs are looked at: what is decided for them is what
        the whole queue's decision would have for them.
        """
        is_cut = queue_max is not None and queue_max < self.queued_count
        trial = sched.shortlist(self._state, queue_max or 0) if is_cut else sched.copy(self._state)
        out = sched.room(trial)
        count = sched.cycle(trial, now_ms, out, self._backfill, kernels)
        if count == 0 and is_cut:
            return []
        if count == 0:
            # Keeps what the cycle learned of who is blocked by what; no decision is in it.
            self._state = trial
            return []
        return [
            Start(job_id=self._job_ids[job], placement=self._placement(trial, job))
            for job in map(int, out[:count])
        ]

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
        reason = sched.explain(self._state, job, now_ms, self._backfill)
        return in_words(reason, self._names, self._specs.get(job_id), self._job_ids)

    def scene(self, now_ms: int, visits: int) -> Scene:
        """All that a question about the future needs, to be answered while this fleet goes on."""
        return Scene(
            state=sched.copy(self._state),
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
            visits=visits,
        )

    def snapshot(self, job_id: str, now_ms: int, parent: int) -> Snapshot:
        """This instant, to be saved and decided again elsewhere; `parent` is the last decision."""
        return Snapshot(
            state=sched.copy(self._state),
            now_ms=now_ms,
            parent=parent,
            backfill=self._backfill,
            policy_sha256=self._policy.sha256,
            nodes=[node.path for node in self._names.nodes],
            jobs=tuple(self._job_ids),
            projects=self.project_paths,
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
        reason = sched.never_fits(self._state, lowering.shape_of(self._names, spec, project))
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
