"""What the API gives: one struct per kind of thing. Keys carry their unit; `v1` only grows.

The OpenAPI document is generated from these structs, so what is documented is what is sent.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from arkwright.fleet import Alternative, Forecast, Move, WaitReason

API_VERSION = "v1"


class AttemptResource(Struct, frozen=True, kw_only=True):
    """One attempt of a job: where it ran and how it ended."""

    id: str
    n: int
    site: str
    nodes: list[str]
    gpus: float
    is_virtual: bool
    """True when CPU slots stood in for GPUs."""
    start_ms: int
    launch_ms: int | None
    end_ms: int | None
    exit_code: int | None
    reason: str | None


class TaskResource(Struct, frozen=True, kw_only=True):
    """A task's place in its array."""

    array_id: str
    array_number: int
    index: int


class ArrayResource(Struct, frozen=True, kw_only=True):
    """The tasks of an array."""

    tasks: int
    indices: str
    """As `0-9,12`."""
    at_once: int | None
    """How many are queued or running at a time; None is no bound."""
    states: dict[str, int]
    """How many tasks are in each state that one is in."""


class JobResource(Struct, frozen=True, kw_only=True):
    """A job as its owner sees it."""

    id: str
    number: int
    """Short, the same for good, unique in this factory: SLURM_JOB_ID in its scripts."""
    name: str
    project: str
    user: str
    state: str
    reason: str
    """Why it is in its state, where there is something to say; of a deferred job the codes of what
    it may have to wait for: `dependency`, `begin`, `array-limit`."""
    exit_code: int | None
    priority: int
    nodes: int
    """Of an elastic job those it holds; while it waits, or when it is over, its smallest size."""
    gpus: float
    attempt: int
    """Attempts so far."""
    submit_ms: int
    end_ms: int | None
    spec: dict[str, Any]
    """As submitted; durations in s, sizes in GB."""
    attempts: list[AttemptResource] = []
    """Filled when one job is asked for."""
    unreachable_since_ms: int | None = None
    """The site it runs at does not answer since then: `state` is what was seen last."""
    task: TaskResource | None = None
    """Of a task of an array."""
    array: ArrayResource | None = None
    """Of an array: then `state` is over when all tasks are, and the worst of theirs; `nodes` and
    `gpus` are those of one task, `exit_code` and `reason` of the first that failed."""


class WhyResource(Struct, frozen=True, kw_only=True):
    """Why a job waits."""

    job_id: str
    state: str
    reason: WaitReason


class WhenResource(Struct, frozen=True, kw_only=True):
    """When a job starts, or would if it were submitted."""

    job_id: str | None
    """None for a job that is not submitted."""
    name: str
    project: str
    forecast: Forecast
    alternatives: list[Alternative] = []
    """The job as asked, then what would start sooner; filled when asked for."""


class WhatIfResource(Struct, frozen=True, kw_only=True):
    """What changes would do."""

    now_ms: int
    moves: list[Move]
    """Jobs whose start differs, those changed and those submitted; in queue order."""
    moves_of_others: int
    """Jobs of other projects whose start differs."""
    sooner: int
    later: int
    same: int
    """How many waiting jobs each holds for, not counting those that were changed."""


class NodeResource(Struct, frozen=True, kw_only=True):
    """A node and what is free on it."""

    path: str
    site: str
    state: str
    """`up`, `draining` or `down`."""
    reason: str
    gpus: int
    gpus_free: float
    gpu_type: str
    is_virtual: bool
    cpus: float
    memory_mib: int
    jobs: list[str]
    """Ids of the jobs that hold something of it."""
    unreachable_since_ms: int | None = None
    """Its site does not answer since then: `state` and `jobs` are what was known last."""


class ReservationResource(Struct, frozen=True, kw_only=True):
    """Nodes kept for a project in a time to come."""

    name: str
    project: str | None
    """None: for nobody."""
    nodes: list[str]
    from_ms: int
    until_ms: int
    is_open: bool
    """Its time has begun."""


class ContractResource(Struct, frozen=True, kw_only=True):
    """GPUs bought for a time, without naming nodes."""

    name: str
    project: str
    gpus: int
    gpu_type: str | None
    """None: of any type."""
    lend: int
    """How many of them others may borrow while they are not used."""
    from_ms: int
    until_ms: int
    usd_per_gpu_hour: float | None
    is_open: bool
    """Its time has begun."""
    is_in_file: bool
    """It stands in the factory file, where alone it can be changed."""


class EventResource(Struct, frozen=True, kw_only=True):
    """One line of the log."""

    seq: int
    at_ms: int
    kind: str
    subject: str
    actor: str
    cause: str
    before: dict[str, Any]
    after: dict[str, Any]
    schema_version: int


class LogResource(Struct, frozen=True, kw_only=True):
    """A piece of one rank's output; ask again from `next_offset`."""

    job_id: str
    attempt: int
    rank: int
    ranks: int
    offset: int
    next_offset: int
    text: str
    """Bytes that are no UTF-8 show as the replacement character."""
    is_end: bool


class ExecResource(Struct, frozen=True, kw_only=True):
    """What a command run beside a job returned."""

    job_id: str
    exit_code: int
    output: str
    is_cut: bool = False
    """It wrote more than `output` has."""
    is_timed_out: bool = False
    """It was killed at its time limit."""


class UserResource(Struct, frozen=True, kw_only=True):
    """A user. `token` is set only in the answer that creates it."""

    name: str
    role: str
    project: str | None
    token: str | None = None


class SiteResource(Struct, frozen=True, kw_only=True):
    """A site the server runs jobs at, and what its engine found."""

    name: str
    engine: str
    nodes: int
    gpus: int
    is_virtual: bool
    energy: str
    limits: str
    unreachable_since_ms: int | None = None


class FactoryResource(Struct, frozen=True, kw_only=True):
    """The factory this server runs."""

    name: str
    server_version: str
    pid: int
    epoch: int
    sites: list[SiteResource]
    projects: list[str]
    policy_sha256: str
    last_seq: int
    log_path: str
    """Where on the server's machine the event log lies."""


class HealthResource(Struct, frozen=True, kw_only=True):
    """Whether the server answers, and whether its loop can write."""

    is_healthy: bool
    fault: str | None
    notice: str = ""
    """What an operator should know though all is well, for example that the scheduler is still
    being compiled."""


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457 problem details; `problems` and `reason` are ours."""

    type: str
    title: str
    status: int
    detail: str
    problems: list[dict[str, str]] = []
    reason: dict[str, Any] | None = None
