"""A Slurm cluster as it stands, as a fleet: its nodes, what runs, what waits, what is reserved.

The fleet is asked like a live one (`fleet.why`, `forecast`, `whatif`); it decides nothing there.
The queue stands in Slurm's order: tier of the partition, priority, number of the job. What Slurm
keeps from starting for reasons that only Slurm knows (dependencies, begin times, limits of
accounts) is held, with Slurm's word for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from arkwright import sched
from arkwright.design import Node, nodes_of_inventory
from arkwright.design.inventory import main_type
from arkwright.engines.slurm.description import ReservationLine
from arkwright.engines.slurm.description_inventory import inventory_of
from arkwright.engines.slurm.description_queue import QueuedJob
from arkwright.engines.slurm.description_reading import Observed
from arkwright.factory import Inventory
from arkwright.fleet import Finished, Fleet, FleetPolicy, ProjectQuota, Reservation, Scene
from arkwright.fleet.pools import RESERVED, bits_of, kinds_of, numbers_of
from arkwright.hostlist import expand
from arkwright.jobs.events import Event, EventKind
from arkwright.jobs.spec import JobSpec, Resources, SlurmOptions
from arkwright.units import MIB, S_PER_HOUR, render_instant

SITE: Final = "slurm"
"""The site of a cluster that has no name of its own."""
NOWHERE: Final = "(no partition)"
"""The pool of nodes that are in none: no job of Slurm's names it."""
NO_LIMIT_S: Final = 365 * 24 * S_PER_HOUR
"""What a job without a time limit is planned with."""
HELD: Final = (
    "JobHeld", "Dependency", "BeginTime", "Assoc", "QOS", "JobArrayTaskLimit", "Licenses",
    "Partition", "AccountNotAllowed", "Invalid", "BadConstraints", "Reservation", "Cleaning",
    "NonZeroExitCode", "JobLaunchFailure", "DeadLine", "ReqNodeNotAvail, May be reserved",
)  # fmt: skip
"""How Slurm's words begin for what keeps a job from starting whatever is free."""

_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Present(NamedTuple):
    """The fleet, and what people call its jobs."""

    fleet: Fleet
    jobs: Mapping[str, QueuedJob]
    held: Mapping[str, str]
    """Jobs that wait for what only Slurm knows, and Slurm's word for it."""
    begins_ms: Mapping[str, int]
    """Of those, the ones that Slurm lets start from a time to come."""
    nodes: tuple[Node, ...]
    rank: Mapping[str, int]
    """Of each waiting job the number that stands for its priority here."""
    notes: tuple[str, ...]


def present(found: Observed, finished: Sequence[Finished] = ()) -> Present:
    """The cluster at the instant it was observed. `finished`: what attempts that are over teach
    about how long others last, oldest first."""
    listed = inventory_of(found.cluster)
    book = _Book(found, listed.inventory, cluster_nodes(found, listed.inventory))
    fleet = Fleet(book.nodes, [ProjectQuota(path=p, gpus_limit=None) for p in book.rows], POLICY)
    fleet.reset(finished)
    for event in sorted(book.events(), key=lambda event: event.at_ms):
        fleet.apply(event)
    path_of = {node.tray: node.path for node in book.nodes}
    for line in found.cluster.nodes:
        if line.condition != "up":
            fleet.set_node_state(path_of[line.name], line.condition, found.now_ms)
    for each in found.reservations:
        if each.until_ms > found.now_ms:
            fleet.reserve(_reservation(each, path_of), found.now_ms)
    return Present(
        fleet, book.jobs, book.held, book.begins_ms, book.nodes, book.rank, tuple(book.notes())
    )


def scene_of(found: Observed, now: Present, visits: int, asked: Collection[str] = ()) -> Scene:
    """The instant, for questions about the future: jobs with a time to begin, but for those that
    the question is about, join the queue then."""
    scene = now.fleet.scene(found.now_ms, visits)
    begins = [
        sched.release(at_ms, scene.job_index[job_id])
        for job_id, at_ms in now.begins_ms.items()
        if job_id not in asked
    ]
    later = sorted([*scene.later, *begins], key=lambda event: event.at_ms)
    return msgspec.structs.replace(scene, later=tuple(later))


POLICY: Final = FleetPolicy(
    ordering="priority", backfill="easy", time_limit_default_s=float(NO_LIMIT_S)
)
"""Slurm's order, Arkwright's backfill and placement."""


def site_of(found: Observed) -> str:
    """The cluster's own name where it can be part of a path."""
    return _NAME.sub("-", found.cluster.cluster) or SITE


def cluster_nodes(found: Observed, inventory: Inventory) -> tuple[Node, ...]:
    """The nodes, each also in the pools that are its reservations."""
    kept: dict[str, list[str]] = {}
    for each in found.reservations:
        for name in each.nodes:
            kept.setdefault(name, []).append(RESERVED + each.name)
    return tuple(
        msgspec.structs.replace(node, pools=(*(node.pools or (NOWHERE,)), *kept.get(node.tray, ())))
        for node in nodes_of_inventory(site_of(found), inventory)
    )


def type_names(inventory: Inventory) -> dict[str, str]:
    """By Slurm's type of a GPU what the scheduler calls it; types that are the lesser part of
    their nodes are not there."""
    return {
        kind: main_type(group)
        for group in inventory.nodes
        for kind in group.gpus
        if group.gpu_type is not None or kind == main_type(group)
    }


def _reservation(line: ReservationLine, path_of: Mapping[str, str]) -> Reservation:
    return Reservation(
        name=line.name,
        project=RESERVED + line.name,
        nodes=tuple(path_of[name] for name in line.nodes if name in path_of),
        from_ms=line.from_ms,
        until_ms=line.until_ms,
    )


class _Book:
    """The queue, told as the events of a log that led to it."""

    def __init__(self, found: Observed, inventory: Inventory, nodes: tuple[Node, ...]) -> None:
        self.found, self.nodes = found, nodes
        self.types = type_names(inventory)
        self.kinds = kinds_of(nodes)
        self.kind_of = numbers_of(self.kinds, nodes)
        self.exclusive = {line.name for line in found.cluster.partitions if line.is_exclusive}
        self.rows = [RESERVED + each.name for each in found.reservations]
        self.of_name = {node.tray: node for node in nodes}
        self.counted: dict[str, int] = {}
        known = {name for each in found.queue for name in expand(each.node_names)}
        self.strangers = known - self.of_name.keys()
        self.jobs = {job.id: job for job in found.queue if self._is_ours(job)}
        self.held = {
            job.id: word
            for job in self.jobs.values()
            if job.is_waiting and (word := self._held(job))
        }
        self.begins_ms = {
            job_id: at_ms
            for job_id in self.held
            if (at_ms := self.jobs[job_id].eligible_ms or 0) > found.now_ms
        }
        self.rank = _ranks(self.jobs.values(), _tiers(found))
        self.free = {
            node.tray: [float(node.gpus), float(node.cpus), float(node.memory_mib)]
            for node in nodes
        }

    def events(self) -> list[Event]:
        """Submissions and starts; the fleet takes them by time."""
        made = []
        for job in sorted(self.jobs.values(), key=lambda job: (job.start_ms or 0, job.number)):
            spec = self._running(job) if job.holds_nodes else self._waiting(job)
            submit_ms = min(job.submit_ms, self.found.now_ms)
            project = RESERVED + job.reservation if job.reservation else job.account
            state = "held" if job.id in self.held else "queued"
            after = {
                "spec": msgspec.to_builtins(spec),
                "project": project,
                "user": job.user,
                "state": state,
            }
            made.append(_event(submit_ms, EventKind.JOB_SUBMITTED, job.id, {}, after))
            if job.holds_nodes:
                made += self._started(job, submit_ms)
        return made

    def notes(self) -> list[str]:
        """What could not be told as it is."""
        words = [f"{count:,} {what}" for what, count in sorted(self.counted.items())]
        if self.strangers:
            words.append(f"{len(self.strangers):,} nodes that jobs run on are not described")
        return words

    def _is_ours(self, job: QueuedJob) -> bool:
        if job.is_waiting:
            return True
        names = expand(job.node_names)
        return bool(names) and not any(name in self.strangers for name in names)

    def _held(self, job: QueuedJob) -> str:
        """Slurm's word for what keeps it, empty for what merely waits its turn."""
        if job.reason.startswith(HELD):
            return job.reason
        if job.eligible_ms is not None and job.eligible_ms > self.found.now_ms:
            return job.reason or "BeginTime"
        closed = {
            line.name
            for line in self.found.cluster.partitions
            if line.state.upper() in ("DOWN", "INACTIVE")
        }
        return "PartitionDown" if set(job.partitions) <= closed else ""

    def _waiting(self, job: QueuedJob) -> JobSpec:
        cpus, memory_mib = -(-job.cpus // job.nodes), -(-job.memory_mib // job.nodes)
        if job.is_exclusive or set(job.partitions) <= self.exclusive:
            # Of nodes that differ, the smallest: a whole one of the others is more than it needs.
            cpus = int(min((node.cpus for node in self._possible(job)), default=cpus))
        if "+" in job.id:
            self._count("parts of heterogeneous jobs: each is counted as a job of its own")
        if job.takes_all_memory:
            memory_mib = min((node.memory_mib for node in self._possible(job)), default=memory_mib)
        amounts = (
            job.gpus_per_node,
            cpus,
            memory_mib if self._counts_memory else 0,
        )
        if job.wanted_nodes:
            self._count("waiting jobs ask for nodes by name: any of their partition count as right")
        return self._spec(job, amounts)

    def _running(self, job: QueuedJob) -> JobSpec:
        """With what it holds on each node, no more than the node has left: jobs may share."""
        names = expand(job.node_names)
        each = [
            job.gpus_per_node,
            float(job.cpus // len(names)),
            float(job.memory_mib // len(names)) if self._counts_memory else 0.0,
        ]
        left = np.min([self.free[name] for name in names], axis=0)
        held = np.minimum(each, np.maximum(left, 0))
        if (held < each).any():
            self._count(
                "running jobs hold more than their nodes have left: counted as what is left"
            )
        for name in names:
            self.free[name] = list(np.subtract(self.free[name], held))
        gpus = float(held[0]) if held[0] < 1 else float(int(held[0]))
        return self._spec(job, (gpus, int(held[1]), int(held[2])))

    def _possible(self, job: QueuedJob) -> list[Node]:
        """Nodes it may run on, by pools and features, and by the type and number of its GPUs."""
        bits = bits_of(self.kinds, _options(job))
        kind = self.types.get(job.gpu_type or "")
        return [
            node
            for node, number in zip(self.nodes, self.kind_of, strict=True)
            if bits >> number & 1
            and kind in (None, node.gpu_type)
            and node.gpus >= job.gpus_per_node
        ]

    @property
    def _counts_memory(self) -> bool:
        return self.found.cluster.is_memory_counted

    def _spec(self, job: QueuedJob, amounts: tuple[float, int, int]) -> JobSpec:
        gpus, cpus, memory_mib = amounts
        kind = None
        if job.gpu_type is not None:
            kind = self.types.get(job.gpu_type)
            if kind is None and any(job.gpu_type in line.gpus for line in self.found.cluster.nodes):
                self._count("jobs ask for a GPU type that is the lesser part of its nodes: any is")
            elif kind is None:
                kind = job.gpu_type
        if job.gres:
            self._count("jobs ask for resources beside GPUs (shards, licences): not counted")
        nodes = len(expand(job.node_names)) if job.holds_nodes else job.nodes
        return JobSpec(
            name=(_NAME.sub("-", job.name).strip("-._") or "job")[:63],
            nodes=nodes,
            resources=Resources(
                gpus_per_node=gpus,
                gpu_type=kind if gpus and not job.holds_nodes else None,
                cpus_per_node=cpus,
                memory_per_node=memory_mib * MIB / 1e9,
            ),
            time_limit=float(job.limit_s or NO_LIMIT_S),
            priority=self.rank.get(job.id, 0),
            begin=render_instant(self.begins_ms[job.id]) if job.id in self.begins_ms else None,
            slurm=None if job.holds_nodes else _options(job),
        )

    def _started(self, job: QueuedJob, submit_ms: int) -> list[Event]:
        start_ms = max(min(job.start_ms or submit_ms, self.found.now_ms), submit_ms)
        paths = [self.of_name[name].path for name in expand(job.node_names)]
        attempt, queued, up = f"{job.id}.1", {"state": "queued"}, {"state": "running"}
        starting = {"state": "starting"}
        made = [
            _event(start_ms, EventKind.JOB_STARTED, attempt, queued, starting | {"nodes": paths}),
            _event(start_ms, EventKind.JOB_LAUNCHED, attempt, starting, up),
        ]
        if job.state in ("COMPLETING", "STOPPED"):
            # It is ending: nobody has to wait for its limit.
            over = {"state": "stopping"}
            made.append(_event(self.found.now_ms, EventKind.JOB_STOPPING, attempt, up, over))
        return made

    def _count(self, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1


def _event(
    at_ms: int, kind: EventKind, subject: str, before: dict[str, Any], after: dict[str, Any]
) -> Event:
    return Event(
        seq=1, at_ms=at_ms, kind=kind, subject=subject, actor="engine:slurm", cause="observed",
        before=before, after=after,
    )  # fmt: skip


def _options(job: QueuedJob) -> SlurmOptions:
    return SlurmOptions(
        partition=",".join(job.partitions),
        constraint=job.constraint,
        reservation=job.reservation,
        account=job.account or None,
        qos=job.qos or None,
    )


def _tiers(found: Observed) -> dict[str, int]:
    return {line.name: line.tier for line in found.cluster.partitions}


def _ranks(jobs: Iterable[QueuedJob], tiers: Mapping[str, int]) -> dict[str, int]:
    """Slurm's order as small even numbers, the first in line the highest; odd ones lie between."""
    waiting = [job for job in jobs if job.is_waiting]
    waiting.sort(
        key=lambda job: (
            -max(tiers.get(name, 1) for name in job.partitions),
            -job.priority,
            job.number,
            _task(job.id),
        )
    )
    return {job.id: 2 * (len(waiting) - place) for place, job in enumerate(waiting)}


def _task(job_id: str) -> int:
    task = job_id.rpartition("_")[2]
    return int(task) if task.isdigit() else 0
