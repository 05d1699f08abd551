"""The jobs that are not over yet, in memory: what the loop needs to know between two events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from arkwright.fleet import GroupPlacement
from arkwright.jobs.events import Event, EventKind, job_of
from arkwright.jobs.lifecycle import FINAL, PLACED, State
from arkwright.jobs.spec import JobSpec


@dataclass(slots=True)
class ActiveJob:
    """One job that waits or holds nodes. Changed by `Book.apply` and nothing else."""

    id: str
    spec: JobSpec
    project: str
    user: str
    state: State
    attempt: int = 0
    failures: int = 0
    site: str = ""
    nodes: tuple[str, ...] = ()
    gpus_per_node: float = 0
    cpus_per_node: float = 0
    memory_per_node_mib: int = 0
    gpu_indexes: tuple[int, ...] = ()
    """For a fraction, the GPU of each node that serves it."""
    groups: tuple[GroupPlacement, ...] = ()
    """What the nodes give, group after group, where they differ."""
    cap_w: int | None = None
    """Watts per GPU the attempt may draw at most; None is no cap."""
    was_capped: bool = False
    """Its engine has been told of a cap, and must be told that it is lifted."""
    stop_cause: str | None = None
    is_cancelled: bool = False
    told: str = ""
    """Why it stops for another job, `evicted` or `moved`; empty when it does not."""
    evictions: int = 0
    moves: int = 0
    begun_ms: int | None = None
    """When its first attempt was started."""
    number: int = 0
    """Its place in the log: a short name of the job for those who expect a number."""

    @property
    def attempt_id(self) -> str:
        """The attempt that holds nodes now; `<job>.<n>`."""
        return f"{self.id}.{self.attempt}"


class Book:
    """Every active job by id, in order of submission."""

    def __init__(self) -> None:
        self.jobs: dict[str, ActiveJob] = {}
        self._placed: dict[str, ActiveJob] = {}
        self._last_spec: tuple[dict[str, Any], JobSpec] | None = None

    def apply(self, event: Event) -> ActiveJob | None:
        """Follow one event of the log; the job that it is about. Jobs that are over leave the
        book."""
        if event.kind is EventKind.JOB_SUBMITTED:
            after = event.after
            job = self.jobs[event.subject] = ActiveJob(
                id=event.subject,
                spec=self._spec(after["spec"]),
                project=after["project"],
                user=after["user"],
                state=State(after["state"]),
                number=event.seq,
            )
            return job
        found = self.jobs.get(job_of(event) or "")
        if found is not None:
            self._change(found, event)
        return found

    def _spec(self, fields: dict[str, Any]) -> JobSpec:
        """One object for all tasks of an array: their submissions follow one another."""
        if self._last_spec is None or self._last_spec[0] != fields:
            self._last_spec = fields, msgspec.convert(fields, JobSpec)
        return self._last_spec[1]

    def _change(self, job: ActiveJob, event: Event) -> None:
        job.state = State(event.after["state"])
        if event.kind is EventKind.JOB_STARTED:
            _place(job, event)
            job.begun_ms = event.at_ms if job.begun_ms is None else job.begun_ms
        elif event.kind is EventKind.JOB_CAPPED:
            job.cap_w = event.after["watts_per_gpu"]
            job.was_capped = True
        elif event.kind is EventKind.JOB_STOPPING:
            job.stop_cause = event.cause
            job.is_cancelled = job.is_cancelled or bool(event.after["is_cancel"])
            job.told = job.told or event.after.get("why", "")
        elif event.kind is EventKind.JOB_ENDED:
            job.failures = event.after["failures"]
            job.evictions = event.after.get("evictions", job.evictions)
            job.moves = event.after.get("moves", job.moves)
            job.nodes = ()
        if job.state in PLACED:
            self._placed[job.id] = job
        else:
            self._placed.pop(job.id, None)
        if job.state in FINAL:
            del self.jobs[job.id]

    def placed(self) -> list[ActiveJob]:
        """Jobs that hold nodes, in order of submission."""
        return sorted(self._placed.values(), key=lambda job: job.number)


def _place(job: ActiveJob, event: Event) -> None:
    after = event.after
    job.attempt = after["attempt"]
    job.site = after["site"]
    job.nodes = tuple(after["nodes"])
    job.gpus_per_node = after["gpus_per_node"]
    job.cpus_per_node = after["cpus_per_node"]
    job.memory_per_node_mib = after["memory_per_node_mib"]
    job.gpu_indexes = tuple(after.get("gpu_indexes", ()))
    job.groups = msgspec.convert(after.get("groups", ()), tuple[GroupPlacement, ...])
    job.cap_w, job.was_capped = None, False
    job.stop_cause = None
    job.is_cancelled = False
    job.told = ""
