"""The live factory run ahead: from its state of an instant until all jobs it knows are over.

A run like any other of the twin, by the same scheduler, but for where it begins: jobs are running
and waiting, nodes are out or draining, limits, reservations, contracts and budgets are announced.
Every job lasts what finished jobs of its group most likely lasted (`fleet.experience`), its limit
where nothing is known. What nobody knows is not guessed: jobs submitted later, nodes that fail,
nodes that come back. `drift` says afterwards how far off that was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from arkwright import sched
from arkwright.design import Node
from arkwright.factory import Factory
from arkwright.fleet import Scene
from arkwright.jobs.spec import JobSpec, Kind, gpus_of, nodes_of, parts_by_node
from arkwright.sched import codes
from arkwright.sched.forward import AttemptLog, Run, timetable
from arkwright.twin.draw import Floats, draws, systems_of
from arkwright.twin.drift import ForetoldJob, Prediction
from arkwright.twin.record import Attempts, Ending, Ints, Outages, Places, Record
from arkwright.twin.report import Jobs, Told
from arkwright.twin.report import Labels as NamedColumn
from arkwright.twin.run import Progress, decisions_sha256
from arkwright.twin.setting import places_of
from arkwright.twin.workload.table import JobTable, Labels, job_table
from arkwright.units import J_PER_KWH, MILLI, MS_PER_S

STRIDE_MS: Final = 3_600_000
STATES: Final = {
    sched.HELD: "held",
    sched.QUEUED: "queued",
    sched.STARTING: "starting",
    sched.RUNNING: "running",
    sched.STOPPING: "stopping",
}

NOTES: Final = (
    "The run begins with the state of the live factory; waits are counted from that instant on.",
    "Each job lasts the median of what finished jobs of its group lasted, its limit where too few "
    "are known. Jobs submitted later, failures and repairs are not guessed.",
)


class Ahead(NamedTuple):
    """What is to be expected of a live factory."""

    record: Record
    """`attempts.job` points into `jobs`; those under way at the beginning come first and have the
    start they had."""
    jobs: JobTable
    """Jobs that are not over, by submission. `run_ms` is how long one most likely lasts."""
    prediction: Prediction
    """Start and end of each, to be compared with what then happens."""


class Origin(NamedTuple):
    """Where a scene is from, for the record of a prediction."""

    factory: str
    last_seq: int
    """The last event of the log that the scene knows."""


def of_scene(
    scene: Scene,
    origin: Origin,
    until_ms: int | None = None,
    path: int | None = None,
    factory: Factory | None = None,
    kernels: sched.Kernels = sched.INTERPRETED,
    progress: Progress | None = None,
) -> Ahead:
    """Run the scene ahead through `until_ms`; None: until all jobs it knows are over.

    `path`: durations drawn from what finished jobs of the group lasted, one draw for each number,
    instead of their medians. `factory` says what stands in its halls, for what jobs draw; without
    it that is judged by the type of their GPUs. A held job is not released, a node that is out
    stays out.
    """
    lasting = _lasting(scene, path)
    made = Run(
        sched.copy(scene.state),
        timetable((event, 0) for event in scene.later),
        scene.now_ms,
        lasting,
        scene.backfill,
        kernels,
    )
    _through(made, scene, until_ms, progress or _silent)
    known = _known(scene)
    log = made.log(until_ms if until_ms is not None else codes.BIG)
    end_ms = int(log.end_ms.max(initial=scene.now_ms)) if until_ms is None else until_ms
    attempts = _attempts(log, known)
    places = places_of(scene.names.nodes)
    record = Record(
        from_ms=scene.now_ms,
        until_ms=end_ms,
        places=places,
        attempts=attempts,
        outages=_outages(scene, end_ms),
        decisions=decisions_sha256(attempts),
    )
    jobs = _jobs(scene, known, lasting)
    power = _Power.of(scene.names.nodes, places, factory)
    return Ahead(record, jobs, _prediction(scene, origin, record, known, power))


def told(found: Ahead, name: str = "from live") -> Told:
    """The run for `report_html`. The page begins with the prediction: what ran and waited before
    is drawn from that instant on."""
    from_ms, jobs = found.record.from_ms, found.jobs
    attempts = found.record.attempts
    drawn = attempts._replace(start_ms=np.maximum(attempts.start_ms, from_ms))
    # Of an idle factory nothing is ahead; a page needs an instant to show it at.
    until_ms = max(found.record.until_ms, from_ms + 1)
    return Told(
        name=name,
        record=found.record._replace(attempts=drawn, until_ms=until_ms),
        jobs=Jobs(
            ids=jobs.ids,
            submit_ms=np.maximum(jobs.submit_ms, from_ms),
            estimate_ms=jobs.estimate_ms,
            gpus_milli=jobs.gpus_milli,
            project=NamedColumn(jobs.project.codes, jobs.project.names),
            pool=NamedColumn(jobs.pool.codes, jobs.pool.names),
            kind=NamedColumn(jobs.workload.codes, jobs.workload.names),
            outcome=NamedColumn(jobs.pool.codes, jobs.pool.names),
        ),
        notes=NOTES,
    )


def _lasting(scene: Scene, path: int | None) -> Ints:
    """How long each job lasts; one that was told to end, but not for another, lasts its grace."""
    lasting, state = scene.lasting(path), scene.state
    for job_id, spec in scene.specs.items():
        job = scene.job_index[job_id]
        if int(state.job_state[job]) == sched.STOPPING and int(state.job_told[job]) == 0:
            elapsed_ms = max(0, scene.now_ms - int(state.job_start_ms[job]))
            lasting[job] = min(int(lasting[job]), elapsed_ms + round(spec.grace * MS_PER_S) + 1)
    return lasting


def _through(
    made: Run, scene: Scene, until_ms: int | None, progress: Callable[[float], None]
) -> None:
    """Run to the end, told how far by the share of the jobs, or of the time, that is done."""
    last_ms = codes.BIG if until_ms is None else until_ms
    waiting = max(len(scene.waiting()), 1)
    before = made.starts
    while made.next_ms <= last_ms and made.next_ms != codes.BIG:
        stop_ms = min(max(made.next_ms, scene.now_ms) + STRIDE_MS, last_ms)
        made.through(stop_ms)
        if until_ms is None:
            progress(min((made.starts - before) / waiting, 1.0))
        else:
            progress((stop_ms - scene.now_ms) / max(until_ms - scene.now_ms, 1))


def _silent(_share: float) -> None:
    """Nobody watches."""


def _known(scene: Scene) -> Ints:
    """Indices of the jobs that are not over, ascending: by submission."""
    count = int(scene.state.job_count[0])
    return np.flatnonzero(scene.state.job_state[:count] != codes.DONE)


def _attempts(log: AttemptLog, known: Ints) -> Attempts:
    counts = np.diff(log.node_first)
    return Attempts(
        job=np.searchsorted(known, log.job).astype(np.int64),
        start_ms=log.start_ms,
        end_ms=log.end_ms,
        ending=log.ending,
        lost_ms=log.lost_ms,
        node_first=log.node_first,
        node=log.node,
        gpu_milli=np.repeat(log.gpu_milli, counts),
    )


def _outages(scene: Scene, end_ms: int) -> Outages:
    """Nodes that are down now stay so; why the live factory does not say."""
    node = np.flatnonzero(scene.state.node_state == sched.DOWN)
    count = len(node)
    return Outages(
        node=node,
        from_ms=np.full(count, scene.now_ms, np.int64),
        until_ms=np.full(count, end_ms, np.int64),
        cause=np.zeros(count, np.int64),
        failure=np.arange(count, dtype=np.int64),
        causes=["down at the start"] if count else [],
    )


def _jobs(scene: Scene, known: Ints, lasting: Ints) -> JobTable:
    ids = [scene.job_ids[job] for job in known]
    specs = [scene.specs[job_id] for job_id in ids]
    groups = [scene.groups[job] for job in known]
    return job_table(
        submit_ms=scene.state.job_submit_ms[known].astype(np.int64),
        run_ms=np.asarray(lasting[known], np.int64),
        is_dated=True,
        ids=np.array(ids, dtype=object),
        estimate_ms=scene.state.job_duration_ms[known].astype(np.int64),
        nodes=np.array([nodes_of(spec) for spec in specs], np.int64),
        gpus_milli=np.array([round(gpus_of(spec) * MILLI) for spec in specs], np.int64),
        project=_labels([group[0] for group in groups]),
        user=_labels([group[1] for group in groups]),
        workload=_labels([spec.kind.value for spec in specs]),
        priority=np.array([spec.priority for spec in specs], np.int64),
        preemptible=np.array([spec.preemptible for spec in specs], np.bool_),
    )


def _labels(names: list[str]) -> Labels:
    seen: dict[str, int] = {}
    numbers = np.array([seen.setdefault(name, len(seen)) for name in names], np.int32)
    return Labels(numbers, tuple(seen))


def _prediction(
    scene: Scene, origin: Origin, record: Record, known: Ints, power: _Power
) -> Prediction:
    attempts = record.attempts
    by_job: dict[int, list[int]] = {}
    for place, row in enumerate(attempts.job.tolist()):
        by_job.setdefault(row, []).append(place)
    foretold = tuple(
        _foretold(scene, int(job), attempts, by_job.get(row, []), power)
        for row, job in enumerate(known)
    )
    return Prediction(
        factory=origin.factory,
        now_ms=scene.now_ms,
        until_ms=record.until_ms,
        last_seq=origin.last_seq,
        policy_sha256=scene.policy.sha256,
        scheduler=codes.VERSION,
        decisions_sha256=record.decisions,
        jobs=foretold,
    )


def _foretold(
    scene: Scene, job: int, attempts: Attempts, places: list[int], power: _Power
) -> ForetoldJob:
    job_id = scene.job_ids[job]
    spec, group = scene.specs[job_id], scene.groups[job]
    basis, shares = scene.lessons.of(group)
    first, last = (places[0], places[-1]) if places else (-1, -1)
    is_over = bool(places) and int(attempts.ending[last]) == Ending.COMPLETED
    nodes = _nodes(attempts, first) if places else []
    kwh = sum(_kwh(power, spec, attempts, place) for place in places) if is_over else np.nan
    return ForetoldJob(
        job_id=job_id,
        name=spec.name,
        project=group[0],
        gpus=gpus_of(spec),
        state=STATES[int(scene.state.job_state[job])],
        start_ms=int(attempts.start_ms[first]) if places else None,
        end_ms=int(attempts.end_ms[last]) if is_over else None,
        nodes=tuple(scene.names.nodes[node].path for node in nodes),
        attempts=len(places),
        basis=basis,
        experience=len(shares),
        kwh=None if np.isnan(kwh) else float(kwh),
        kwh_basis=power.basis(spec, nodes),
    )


def _nodes(attempts: Attempts, place: int) -> list[int]:
    held = slice(int(attempts.node_first[place]), int(attempts.node_first[place + 1]))
    found: list[int] = attempts.node[held].tolist()
    return found


def _kwh(power: _Power, spec: JobSpec, attempts: Attempts, place: int) -> float:
    """IT energy of an attempt from its first instant to its last; NaN where nobody knows."""
    nodes = _nodes(attempts, place)
    seconds = int(attempts.end_ms[place] - attempts.start_ms[place]) / MS_PER_S
    return power.watts(spec, nodes) * seconds / J_PER_KWH


class _Power(NamedTuple):
    """What GPUs draw at the inlet of their nodes: `twin.draw`, but for what a job says itself."""

    nodes: Sequence[Node]
    systems: Sequence[str | None]
    """Of every node."""
    w_per_gpu: Floats
    """[n_nodes, 2]: training, serving."""

    @classmethod
    def of(cls, nodes: Sequence[Node], places: Places, factory: Factory | None) -> _Power:
        """As the twin's energy account has it."""
        by_hall = systems_of(places, factory)
        drawn = draws(places, by_hall, _KINDS, np.zeros(0, np.int64))
        busy = drawn.busy_w_per_gpu[drawn.node_system][:, : len(_KINDS)]
        return cls(nodes, [by_hall[hall] for hall in places.hall.tolist()], busy)

    def watts(self, spec: JobSpec, held: Sequence[int]) -> float:
        """Of an attempt on these nodes; nothing virtual has any: NaN."""
        total = 0.0
        for node, part in zip(held, parts_by_node(spec, len(held)), strict=True):
            each = float(self.w_per_gpu[node, _KINDS.index(_kind(spec))])
            if self.nodes[node].is_virtual:
                each = np.nan
            elif spec.power is not None and spec.power.watts_per_gpu is not None:
                each = spec.power.watts_per_gpu
            total += each * part.resources.gpus_per_node
        return total

    def basis(self, spec: JobSpec, held: Sequence[int]) -> str:
        """Where the watts are from."""
        if not held:
            return ""
        if any(self.nodes[node].is_virtual for node in held):
            return "not known: nothing virtual has watts"
        if spec.power is not None and spec.power.watts_per_gpu is not None:
            return "what the job says a GPU draws"
        systems = dict.fromkeys(self.systems[node] for node in held)
        if None in systems:
            return "not known: the catalogue has no system with such GPUs"
        return f"what {', '.join(map(str, systems))} draws in {_kind(spec)}"


_KINDS: Final = ("training", "serving")


def _kind(spec: JobSpec) -> str:
    return "serving" if spec.kind is Kind.SERVICE else "training"
