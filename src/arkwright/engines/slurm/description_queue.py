"""The queue as `squeue` prints it, of every version from 22.05 to 26.05. Pure.

Fields are asked for by name, each followed by `^`: nothing is cut off, and nothing in the command
needs quoting on its way through a remote shell. The job's name comes last, for it may have a `^`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field, structs

from arkwright.engines.slurm.description import amount, gres_of, limit_s
from arkwright.engines.slurm.description_scontrol import instant_ms
from arkwright.errors import InputError, Problem

MARK = "^"
FIELDS = (
    "JobArrayID", "JobID", "State", "Reason", "Partition", "UserName", "Account", "QOS",
    "PriorityLong", "SubmitTime", "EligibleTime", "StartTime", "EndTime", "TimeLimit", "NumNodes",
    "NumCPUs", "NumTasks", "tres-alloc", "tres-per-node", "tres-per-job", "tres-per-socket",
    "tres-per-task", "NodeList", "Feature", "Reservation", "Dependency", "OverSubscribe",
    "ReqNodes", "MinMemory", "Name",
)  # fmt: skip
FORMAT = ",".join(f"{name}:{MARK}" for name in FIELDS)
"""For `squeue -O`."""

_MEMORY = re.compile(r"(?:^|,)mem=([\d.]+)([KMGTP]?)")
_MIB = {"": 1.0, "K": 2**-10, "M": 1.0, "G": 2.0**10, "T": 2.0**20, "P": 2.0**30}
_NOT_GENERIC = ("cpu", "mem")
"""Newer versions repeat `-c 4` as `cpu=4` per task."""
_TRES_GPU = re.compile(r"gres/gpu(?::([^=,]+))?=(\d+)")
_NUMBER = re.compile(r"\d+[KM]?")


class QueuedJob(Struct, frozen=True, kw_only=True):
    """A job that waits or runs. Instants in ms since the Unix epoch, None where Slurm says none."""

    id: str
    """As people write it: `12`, `12_3` for a task of an array."""
    number: int
    """Slurm's own; tasks of an array that wait together share one."""
    name: str
    state: str
    reason: str
    """Why it waits, in Slurm's word."""
    partitions: tuple[str, ...]
    user: str
    account: str
    qos: str
    priority: int
    submit_ms: int
    eligible_ms: int | None
    start_ms: int | None
    """Of one that waits, when Slurm expects to start it."""
    limit_s: float | None
    """None is no limit."""
    nodes: int
    cpus: int
    """Of the whole job."""
    memory_mib: int
    """Of the whole job; 0 where it asks for none."""
    takes_all_memory: bool
    """It asks for all the memory of its nodes: `memory_mib` is of some node, not of those it may
    run on."""
    gpus_per_node: float
    gpu_type: str | None
    gres: dict[str, float] = field(default_factory=dict)
    """Other generic resources on each node."""
    node_names: str = ""
    """Where it runs, in short."""
    is_exclusive: bool = False
    """It takes whole nodes, whatever it asks for. Not told by newer versions: False there."""
    constraint: str | None = None
    reservation: str | None = None
    dependency: str = ""
    wanted_nodes: str = ""
    """Nodes it asks for by name."""

    @property
    def is_waiting(self) -> bool:
        """Whether it has not started."""
        return self.state == "PENDING"

    @property
    def holds_nodes(self) -> bool:
        """Whether it takes up nodes: what is suspended, stopped or completing does too."""
        return bool(self.node_names) and not self.is_waiting

    @property
    def gpus(self) -> float:
        """Of the whole job."""
        return self.gpus_per_node * self.nodes


def queue(text: str) -> tuple[QueuedJob, ...]:
    """Jobs of `squeue -a -r -h -O FORMAT`, a line each; a header is passed over. InputError with
    every line that cannot be read."""
    found: list[QueuedJob] = []
    rows: list[dict[str, str]] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = line.rstrip("\n").split(MARK, len(FIELDS) - 1)
        if not line.strip() or cells[0] == "JOBID":
            continue
        if len(cells) != len(FIELDS):
            said = f"{len(cells)} fields where {len(FIELDS)} were asked for"
            problems.append(Problem(f"squeue:{number}", "", said, f"squeue -a -r -h -O {FORMAT}"))
            continue
        cells[-1] = cells[-1].strip().removesuffix(MARK)
        try:
            rows.append(dict(zip(FIELDS, map(str.strip, cells), strict=True)))
            found.append(_job(rows[-1]))
        except (ValueError, InputError) as error:
            problems.append(Problem(f"squeue:{number}", cells[0], str(error), "as squeue prints"))
    if problems:
        raise InputError("cannot read the queue", problems[:20])
    if all(row["OverSubscribe"] == "NO" for row in rows):
        # Newer versions say so of every job that does not share its CPUs.
        return tuple(found)
    return tuple(
        structs.replace(job, is_exclusive=row["OverSubscribe"] == "NO")
        for job, row in zip(found, rows, strict=True)
    )


def _job(told: Mapping[str, str]) -> QueuedJob:
    nodes, cpus = max(1, _first(told["NumNodes"])), _first(told["NumCPUs"])
    gpus_per_node, gpu_type, gres = _gres(told, nodes)
    submit_ms = instant_ms(told["SubmitTime"])
    if submit_ms is None:
        raise ValueError(f"SubmitTime is {told['SubmitTime']!r}")
    return QueuedJob(
        id=told["JobArrayID"],
        number=int(told["JobID"]),
        name=told["Name"],
        state=told["State"],
        reason=_given(told["Reason"]) or "",
        partitions=tuple(told["Partition"].split(",")),
        user=told["UserName"],
        account=_given(told["Account"]) or "",
        qos=_given(told["QOS"]) or "",
        priority=int(told["PriorityLong"]),
        submit_ms=submit_ms,
        eligible_ms=instant_ms(told["EligibleTime"]),
        start_ms=instant_ms(told["StartTime"]),
        limit_s=limit_s(told["TimeLimit"]),
        nodes=nodes,
        cpus=cpus,
        memory_mib=_memory_mib(told["tres-alloc"]),
        takes_all_memory=told["MinMemory"].rstrip("KMGTPcn") == "0",
        gpus_per_node=gpus_per_node,
        gpu_type=gpu_type,
        gres=gres,
        node_names=_given(told["NodeList"]) or "",
        constraint=_given(told["Feature"]),
        reservation=_given(told["Reservation"]),
        dependency=_given(told["Dependency"]) or "",
        wanted_nodes=_given(told["ReqNodes"]) or "",
    )


def _gres(told: Mapping[str, str], nodes: int) -> tuple[float, str | None, dict[str, float]]:
    """GPUs on each node, their type, and other resources on each node.

    What it asks for per node, job, socket or task; where none of that is said, what Slurm counts
    for the whole job (it does where AccountingStorageTRES has gres/gpu). Of GPUs per socket one
    socket per node is taken, of those per task the tasks of a node.
    """
    tasks = max(1, _first(told["NumTasks"]))
    shares = {
        "tres-per-node": 1.0,
        "tres-per-job": 1 / nodes,
        "tres-per-socket": 1.0,
        "tres-per-task": tasks / nodes,
    }
    gpus, types, others = 0.0, [], dict[str, float]()
    for key, share in shares.items():
        asked, more = gres_of((_given(told[key]) or "").replace("=", ":"))
        gpus += share * sum(asked.values())
        types += [kind for kind in asked if kind != "gpu"]
        for name, count in more.items():
            if name in _NOT_GENERIC:
                continue
            others[name] = others.get(name, 0.0) + share * count
    counted = _TRES_GPU.findall(told["tres-alloc"])
    if counted and not gpus:
        total = [int(count) for kind, count in counted if not kind]
        gpus = (total[0] if total else sum(int(count) for _, count in counted)) / nodes
        types = [kind for kind, _ in counted if kind]
    # A job that spreads its GPUs unevenly is counted as if each node had the most any has.
    each = float(-(-gpus // 1)) if gpus > 1 else gpus
    return each, types[0] if len(set(types)) == 1 else None, others


def _memory_mib(tres: str) -> int:
    found = _MEMORY.search(tres)
    return round(float(found[1]) * _MIB[found[2]]) if found else 0


def _first(text: str) -> int:
    """Of `4`, `1K` (1,024) or `1-8` the first number; 0 without one."""
    found = _NUMBER.match(text)
    return amount(found[0]) or 0 if found else 0


def _given(text: str) -> str | None:
    return None if text in ("", "(null)", "N/A", "None") else text
