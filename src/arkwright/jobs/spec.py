"""What a user may ask for: the job specification, frozen and complete from the start.

The whole vocabulary is here so that a file written today stays valid. What this version does not
act on yet is accepted by the schema and refused by `unsupported`, never silently ignored.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct, structs

from arkwright.units import Gigabytes, Seconds

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
"""A short name that is safe in a path, a label and a shell."""
ProjectPath = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*$")]
"""`organisation` or `organisation/project`."""
EnvironmentName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]


class Kind(Enum):
    """A batch job ends by itself; a service runs until it is stopped."""

    BATCH = "batch"
    SERVICE = "service"


class Tier(Enum):
    """How a job may be disturbed when power or capacity runs short, most protected first."""

    CRITICAL = "critical"
    STANDARD = "standard"
    FLEXIBLE = "flexible"


class Level(Enum):
    """Topology levels a gang can be kept within, smallest first."""

    SCALE_UP = "scale-up"
    RACK = "rack"
    LEAF = "leaf"
    SPINE = "spine"
    HALL = "hall"
    SITE = "site"


class TopologyMode(Enum):
    """`required` waits until the gang fits within the level; `preferred` goes wider if need be."""

    REQUIRED = "required"
    PREFERRED = "preferred"


class Rails(Enum):
    """`aligned`: GPUs of the same places on every node; each rail carries the whole gang."""

    ALIGNED = "aligned"


class Topology(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Keep the gang within one domain of `level`, or apart; and which GPUs of its nodes it takes.

    With `segment` it is each part of that many nodes that lies within one domain of `level`, and
    `mode` says whether it must.
    """

    level: Level | None = None
    mode: TopologyMode = TopologyMode.PREFERRED
    segment: Count | None = None
    spread: Level | None = None
    """Nodes over as many domains of this level as can be, evenly."""
    rails: Rails | None = None


class Resources(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one node of the gang gives to the job."""

    gpus_per_node: Annotated[float, Meta(ge=0, le=1024)] = 1
    """Whole GPUs, or a fraction below one of a single GPU."""
    gpu_type: str | None = None
    """Catalogue name of the GPU, for example `h100`; any when absent."""
    cpus_per_node: Annotated[float, Meta(ge=0, le=4096)] = 0
    """0 takes the share of the node's CPUs that its GPUs are of the node's GPUs."""
    memory_per_node: Gigabytes = 0.0
    """0 sets no limit and reserves nothing."""


class Group(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One kind of node in a gang of different nodes; ranks see its name as ARKWRIGHT_GROUP."""

    name: Name
    nodes: Count = 1
    ranks_per_node: Annotated[int, Meta(ge=1, le=1024)] | None = None
    """None starts one rank per GPU, at least one."""
    resources: Resources = Resources()


class Checkpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a job keeps its progress, and how it is told to save."""

    dir: str
    """Directory that survives the attempt; ranks see it as ARKWRIGHT_CHECKPOINT_DIR."""
    signal: Annotated[str, Meta(pattern=r"^SIG[A-Z0-9]+$")] | None = None
    """Sent to every rank before a planned stop, so that it may save; none when absent."""
    interval: Seconds | None = None
    """How often the job saves by itself: bounds what a failure can cost."""


class RetryOn(Enum):
    """Ends of an attempt that may be tried again."""

    NODE_LOST = "node-lost"
    FAILURE = "failure"


class Retry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How often an attempt that ended in one of `on` is followed by another."""

    limit: Annotated[int, Meta(ge=0, le=1000)] = 3
    on: tuple[RetryOn, ...] = (RetryOn.NODE_LOST,)


class Power(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Expected draw and the lowest cap the job still makes sense under."""

    watts_per_gpu: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None
    """A GPU with its share of the node; none takes the catalogue's maximum."""
    cap_watts_per_gpu_min: Annotated[float, Meta(gt=0)] | None = None


class Elastic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The range of nodes an elastic gang can run on; which it gets is decided when it starts."""

    nodes_min: Count
    nodes_max: Count
    step: Count | None = None
    """Sizes are `nodes_min` and so many more, again and again; none takes `nodes_min`."""


class Starts(Enum):
    """What starts on the nodes of a gang."""

    RANKS = "ranks"
    """Every rank runs the command or the script."""
    BATCH = "batch"
    """The script runs once, on the first node, and starts the rest itself with `srun`."""


class OpenMode(Enum):
    """What becomes of an output file that is there already."""

    TRUNCATE = "truncate"
    APPEND = "append"


class EarlySignal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signal before the time limit, for a script that saves or asks to be queued again."""

    name: Annotated[str, Meta(pattern=r"^SIG[A-Z0-9]+$")]
    before: Seconds = 60.0
    """So long before the limit."""
    batch_only: bool = False
    """To the script alone, not to the tasks that it started; else to those alone."""


class SlurmOptions(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a job asks in Slurm's words and no other field says. Slurm gets all of it; which of it
    other engines heed is in docs/scripts.md."""

    ntasks: Count | None = None
    """Tasks of the whole gang; None is `ntasks_per_node` on every node, else one per node."""
    ntasks_per_node: Annotated[int, Meta(ge=1, le=4096)] | None = None
    cpus_per_task: Annotated[int, Meta(ge=1, le=4096)] | None = None
    gpus_per_task: Annotated[int, Meta(ge=0, le=1024)] | None = None
    arguments: tuple[str, ...] = ()
    """Given to the script after its name."""
    submit_dir: str | None = None
    """Where it was submitted (SLURM_SUBMIT_DIR), if it is not `workdir`."""
    output: str | None = None
    """File for standard output, with Slurm's patterns (`%x-%j.out`), relative to `workdir`."""
    error: str | None = None
    """File for standard error; None is the same as `output`."""
    input: str | None = None
    open_mode: OpenMode = OpenMode.TRUNCATE
    signal: EarlySignal | None = None
    requeue: bool = True
    """May be queued again (`scontrol requeue`, a lost node)."""
    exclusive: bool = False
    time_min: Seconds | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    reservation: str | None = None
    constraint: str | None = None
    prefer: str | None = None
    exclude: str | None = None
    """Nodes in Slurm's form, `node[01-04,7]`."""
    nodelist: str | None = None
    switches: str | None = None
    licenses: str | None = None
    comment: str | None = None
    mail_type: str | None = None
    mail_user: str | None = None
    container_image: str | None = None
    container_mounts: str | None = None
    container_workdir: str | None = None
    container_name: str | None = None
    passthrough: tuple[str, ...] = ()
    """Options that Arkwright does not understand, as `--name=value`: Slurm gets them as they are,
    other engines leave them out."""


class Service(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Replicas of a long-running service."""

    replicas: Count = 1
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None


class JobSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One job as its user wrote it.

    Exactly one of `command` (arguments, run as they are) and `script` (text, run by its `#!` line
    or by /bin/sh) says what every rank runs; `ranks_per_node` processes start on every node.
    """

    name: Name
    project: ProjectPath | None = None
    """None takes the project of the token that submits."""
    kind: Kind = Kind.BATCH
    nodes: Count = 1
    ranks_per_node: Annotated[int, Meta(ge=1, le=1024)] | None = None
    """None starts one rank per GPU, at least one."""
    resources: Resources = Resources()
    command: tuple[str, ...] | None = None
    script: str | None = None
    workdir: str | None = None
    env: dict[EnvironmentName, str] = {}
    time_limit: Seconds | None = None
    """Hard limit; also what backfill plans with. None takes the policy's default."""
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    tier: Tier = Tier.STANDARD
    """Who may be told to stop for whom, where the factory's policy allows it at all."""
    preemptible: bool = False
    """May be told to stop for another job: it ends within `grace`, waits again and is no failure.
    A checkpoint bounds what that costs."""
    topology: Topology | None = None
    sites: tuple[Name, ...] = ()
    """Sites the job may run at; empty means every site its project may use."""
    deadline: str | None = None
    """When it should be over, as RFC 3339 (`2026-05-01T12:00:00Z`); `ordering: deadline` heeds it.
    """
    held: bool = False
    checkpoint: Checkpoint | None = None
    retry: Retry = Retry()
    grace: Seconds = 10.0
    """Between SIGTERM and SIGKILL when the job is stopped."""
    groups: tuple[Group, ...] = ()
    """Different nodes in one gang, instead of `nodes` and `resources`: all start together at one
    site, and are placed in this order. Ranks are numbered across them in this order too."""
    starts: Starts = Starts.RANKS
    slurm: SlurmOptions | None = None
    # Some of these are accepted from the start and not acted on yet: see `unsupported`.
    elastic: Elastic | None = None
    array: Annotated[str, Meta(pattern=r"^[0-9,:%-]+$", max_length=4096)] | None = None
    """Runs once for every index, each by itself: `0-99:2%8` (see `array`)."""
    depends_on: tuple[str, ...] = ()
    """What has to have happened first, such as `afterok:JOB` (see `dependencies`)."""
    begin: str | None = None
    """Not before this instant, as RFC 3339."""
    service: Service | None = None
    image: str | None = None
    power: Power | None = None


def unsupported(spec: JobSpec) -> list[tuple[str, str]]:
    """Fields set in `spec` that this version does not act on, each with what to do instead."""
    found = {
        "kind": (spec.kind is Kind.SERVICE, "services are not run yet; use kind: batch"),
        "service": (spec.service is not None, "services are not run yet; leave it out"),
        "image": (spec.image is not None, "containers are not run yet; leave it out"),
    }
    return [(key, f"not yet: {advice}") for key, (is_set, advice) in found.items() if is_set]


def sizes_of(spec: JobSpec) -> tuple[int, ...]:
    """Numbers of nodes the gang may have, ascending; one unless it is elastic."""
    elastic = spec.elastic
    if elastic is None:
        return (spec.nodes,)
    step = elastic.step or elastic.nodes_min
    return tuple(range(elastic.nodes_min, elastic.nodes_max + 1, step))


def parts_of(spec: JobSpec) -> tuple[JobSpec, ...]:
    """The job once for each group, with what that asks for as if it were all; itself without."""
    return tuple(
        structs.replace(
            spec,
            nodes=group.nodes,
            ranks_per_node=group.ranks_per_node,
            resources=group.resources,
            groups=(),
        )
        for group in spec.groups
    ) or (spec,)


def parts_by_node(spec: JobSpec, count: int) -> list[JobSpec]:
    """For each of the `count` nodes of the gang, in order, the part of the job that it serves."""
    if not spec.groups:
        return [spec] * count
    return [part for part in parts_of(spec) for _ in range(part.nodes)]


def nodes_of(spec: JobSpec) -> int:
    """Nodes of the whole gang, at its smallest."""
    return sum(sizes_of(part)[0] for part in parts_of(spec))


def gpus_of(spec: JobSpec) -> float:
    """GPUs of the whole gang, at its smallest."""
    return sum(sizes_of(part)[0] * part.resources.gpus_per_node for part in parts_of(spec))


def ranks_of(spec: JobSpec, nodes: int) -> int:
    """Processes of the whole gang on so many nodes; one where it starts the others itself."""
    if spec.starts is Starts.BATCH:
        return 1
    return sum(map(ranks_per_node, parts_by_node(spec, nodes)))


def ranks_per_node(spec: JobSpec) -> int:
    """Processes per node: as asked, else one per whole GPU, at least one."""
    if spec.ranks_per_node is not None:
        return spec.ranks_per_node
    return max(1, int(spec.resources.gpus_per_node))
