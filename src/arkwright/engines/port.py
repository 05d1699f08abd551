"""The port every engine stands behind. Nothing above it asks which engine it is.

Order obligations, on which the promises of DESIGN §8 rest:

- `launch` is called only after the decision is committed. It is idempotent by attempt id: a second
  call for an attempt that was launched before, by this process or an earlier one, starts nothing.
- An attempt counts as ended only when `observe` says so, and it says so only when no process of
  it is left, on any node. Until then its resources are held.
- `stop` is idempotent, returns at once, and is followed by an end in a later `observe`.
- An engine that does not answer says so at once or within a second: `observe` raises EngineError,
  the others EngineUnreachable, which means that nobody knows whether the order was carried out. It
  is given again when the engine answers. An EngineError of `launch` means that nothing was begun.
- An engine never sees the store, the queue or another tenant's job.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from msgspec import Struct

from arkwright.jobs.spec import SlurmOptions, Starts


class NodeFacts(Struct, frozen=True, kw_only=True):
    """One node an engine can run on, as it found it."""

    path: str
    """`site/hall/rack/tray`, stable over restarts."""
    gpus: int
    gpu_type: str
    """Catalogue name, or `virtual` for a CPU slot that stands in for a GPU."""
    is_virtual: bool
    cpus: float
    memory_mib: int
    pools: tuple[str, ...] = ()
    """Pools it is in (Slurm's partitions): jobs that name one keep to it. A node in none is open to
    all."""
    features: tuple[str, ...] = ()
    """What a job's constraint can ask for."""


class Capabilities(Struct, frozen=True, kw_only=True):
    """What an engine found and what it can do."""

    engine: str
    nodes: tuple[NodeFacts, ...]
    verbs: tuple[str, ...]
    """Optional verbs it has: `exec`, `signal`, `adjust`, `set_node`."""
    energy: str
    """How energy is measured here: `nvml`, `rapl`, `cpu-model` or `none`."""
    limits: str
    """How CPU and memory limits are enforced here, in words for `nodes` and `check`."""


class Placement(Struct, frozen=True, kw_only=True):
    """The part of a gang on one node."""

    node: str
    gpus: int
    """GPUs this attempt may use on the node; 1 where it shares one."""
    cpus: float
    memory_mib: int
    """0 means no limit."""
    gpu_fraction: float | None = None
    """How much of a GPU it may use, where it shares one."""
    shared_gpu: int | None = None
    """Which GPU of the node that is, counted from 0: attempts of one number share one GPU."""
    ranks: int | None = None
    """Processes on the node; None starts the attempt's `ranks_per_node`."""
    gang_group: str | None = None
    """Name of the group of the gang that the node belongs to, where it has groups."""


class ArrayTask(Struct, frozen=True, kw_only=True):
    """Which task of which array an attempt runs."""

    job_id: str
    """The array's own id."""
    index: int
    first: int
    last: int
    step: int
    count: int
    number: int = 0
    """The array's number, as `Attempt.number` is the task's."""


class Attempt(Struct, frozen=True, kw_only=True):
    """Everything an engine needs to run one attempt of one job; nothing is left to choose."""

    attempt_id: str
    """`<job>.<n>`: the key of idempotency."""
    job_id: str
    job_name: str
    project: str
    user: str
    placements: tuple[Placement, ...]
    """In gang order: the index is the node rank; the first holds MASTER_ADDR."""
    ranks_per_node: int
    """On each node that says nothing else."""
    command: tuple[str, ...] | None
    script: str | None
    workdir: str | None
    env: dict[str, str]
    checkpoint_dir: str | None
    checkpoint_signal: str | None
    grace_s: float
    time_limit_s: float | None
    starts: Starts = Starts.RANKS
    """`batch`: only the first node starts something, once, and that starts the rest."""
    slurm: SlurmOptions | None = None
    array: ArrayTask | None = None
    unix_user: str | None = None
    """The account it runs under, where the engine serves several; None is the engine's own."""
    number: int = 0
    """The job as a number, the same in every attempt: what scripts expect of SLURM_JOB_ID. 0 where
    there is none."""


class AttemptPhase(Enum):
    """What an engine sees of an attempt."""

    LAUNCHING = "launching"
    RUNNING = "running"
    STOPPING = "stopping"
    """Some part has ended or was told to; others are still alive."""
    ENDED = "ended"


class Energy(Struct, frozen=True, kw_only=True):
    """Energy of an attempt and how it is known. `energy_j` is None when it is not measured."""

    energy_j: float | None
    method: str
    """`nvml`, `rapl`, `cpu-model` or `none`."""


class Observation(Struct, frozen=True, kw_only=True):
    """An attempt as the engine sees it now."""

    attempt_id: str
    phase: AttemptPhase
    exit_code: int | None = None
    """When ENDED: 0, the first failing rank's code, or 128 + signal; None when not known."""
    reason: str = ""
    """Why it ended or is ending: `exited`, `stopped: …`, `node lost`, `time limit`, `memory limit`,
    `launch failed: …`, `unknown attempt`."""
    failed_nodes: tuple[str, ...] = ()
    """Nodes on which a part ended badly (the ranks' fault)."""
    lost_nodes: tuple[str, ...] = ()
    """Nodes that vanished under the attempt (the node's fault)."""
    is_requeued: bool = False
    """When ENDED: the job itself asked to be queued again (`scontrol requeue`); no failure."""
    cpu_s: float = 0.0
    """CPU seconds its processes used, children included."""
    energy: Energy = Energy(energy_j=None, method="none")
    started_ms: int | None = None
    """When every rank was running."""
    ended_ms: int | None = None


class LogChunk(Struct, frozen=True, kw_only=True):
    """A piece of one rank's output."""

    rank: int
    offset: int
    """Byte position of `data` in the rank's log; ask again from `offset + len(data)`."""
    data: bytes
    is_end: bool
    """True when the rank's output is complete and this chunk reaches its end."""


class ExecResult(Struct, frozen=True, kw_only=True):
    """What a command run beside an attempt returned."""

    exit_code: int
    output: bytes
    """The first part of what it wrote, at most `OUTPUT_BYTES_MAX` of the engine."""
    is_cut: bool = False
    """It wrote more than `output` has."""
    is_timed_out: bool = False
    """It was killed at its time limit."""


class PowerCap(Struct, frozen=True):
    """A cap on every GPU of an attempt, in watts of a GPU with its share of the node."""

    watts_per_gpu: int
    watts_per_gpu_full: int
    """What is expected without a cap: what lies between the two is what the GPU gives."""


class NodeCondition(Struct, frozen=True, kw_only=True):
    """Whether a node can be given work, as the engine sees it now."""

    path: str
    state: str
    """`up`; `draining`: no new work, what runs goes on; `down`: nothing runs there any more."""
    reason: str = ""
    """Why it is not up, with who holds it where that is somebody else's job."""


class Engine(Protocol):
    """The verbs every engine has; `exec`, `adjust`, and `nodes` with `set_node`, for those that
    name them in `Capabilities.verbs` (`exec`, `adjust`, `set_node`).

    EngineError from a verb says in words what was not done. From `observe` and `nodes` it means
    that nothing is known at the moment, of any attempt: whoever asks keeps what it knew and asks
    again. It comes quickly, whatever the engine waits for.
    """

    def capabilities(self) -> Capabilities:
        """What is here. Called at start and when an operator asks; may take a second."""

    def launch(self, attempt: Attempt) -> None:
        """Start every part of the gang and return; raises EngineError when it cannot even begin."""

    def stop(self, attempt_id: str, *, grace_s: float, reason: str) -> None:
        """SIGTERM to every process, `grace_s` later SIGKILL. Unknown or ended attempts: nothing."""

    def observe(self, attempt_ids: tuple[str, ...]) -> tuple[Observation, ...]:
        """One observation per attempt asked for; with none it is asked whether it is there. An
        attempt never launched here is ENDED with reason `unknown attempt`. Cheap enough for several
        calls a second."""

    def version(self) -> int | None:
        """A number that grows whenever `observe` may tell something new: while it is the same
        nobody need ask. None where the engine cannot say."""

    def logs(self, attempt_id: str, rank: int, offset: int, limit: int) -> LogChunk:
        """At most `limit` bytes of a rank's output from `offset`; raises EngineError when there is
        no such attempt or rank."""

    def exec(self, attempt_id: str, command: tuple[str, ...], timeout_s: float) -> ExecResult:
        """Run `command` on the attempt's first node in its environment and directory."""

    def adjust(self, attempt_id: str, cap: PowerCap | None) -> None:
        """Cap the attempt's GPUs, or lift the cap. Repeatable; raises EngineError."""

    def nodes(self) -> tuple[NodeCondition, ...]:
        """The state of every node, what others run there counted as `draining`. The engine is the
        one place where it is kept: `set_node` is seen here. Cheap enough for every second."""

    def set_node(self, node_path: str, state: str, reason: str) -> None:
        """Take a node out of service (`draining`) or back (`up`), there as well. Repeatable."""

    def forget(self, attempt_id: str) -> None:
        """The end of the attempt is recorded: what is kept for idempotency may go, logs stay."""
