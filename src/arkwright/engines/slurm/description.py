"""A cluster as Slurm describes it: nodes, partitions, topology, reservations. Frozen, and plain.

What reads it: `description_scontrol` what a running cluster says, `description_conf` and
`description_yaml` its configuration files, `description_queue` its queue. What is made of it:
`description_inventory` the inventory of a factory file. Part of it is the same in both: amounts,
time limits, generic resources, here.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct, field

from arkwright.errors import InputError

GPU: Final = "gpu"
"""The resource whose amounts are GPUs, and the type of those that have none."""

_AMOUNT = re.compile(r"(\d+)([KMGTP]?)", re.IGNORECASE)
_FACTORS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}
_IN_BRACKETS = re.compile(r"\([^)]*\)")
_NO_LIMIT = (
    "UNLIMITED",
    "INFINITE",
    "NONE",
    "N/A",
    "NOT_SET",
    "INVALID",
    "PARTITION_LIMIT",
    "(NULL)",
    "",
)


class NodeLine(Struct, frozen=True, kw_only=True):
    """One node."""

    name: str
    cpus: int = 1
    memory_mib: int = 1
    gpus: dict[str, int] = field(default_factory=dict)
    """By type, `gpu` where it has none."""
    gres: dict[str, int] = field(default_factory=dict)
    """Other generic resources, `name` or `name:type`."""
    features: tuple[str, ...] = ()
    weight: int = 1
    states: tuple[str, ...] = ()
    """Base state, then flags: `("MIXED", "DRAIN")`; empty in a configuration."""
    reason: str = ""
    cpus_allocated: int = 0

    @property
    def condition(self) -> str:
        """`up`, `draining` (takes nothing new) or `down`, by NODE STATE CODES of the manual."""
        flags = set(self.states)
        if flags & _DOWN:
            return "down"
        return "draining" if flags & _DRAINING else "up"


_DOWN = {"DOWN", "ERROR", "FAIL", "UNKNOWN", "NOT_RESPONDING", "INVAL", "INVALID_REG", "FUTURE"}
_DRAINING = {"DRAIN", "DRAINED", "DRAINING", "FAILING", "REBOOT_ISSUED", "REBOOT"}


class PartitionLine(Struct, frozen=True, kw_only=True):
    """One partition."""

    name: str
    nodes: tuple[str, ...] = ()
    is_default: bool = False
    time_limit_max_s: float | None = None
    """None is no limit."""
    time_limit_default_s: float | None = None
    tier: int = 1
    state: str = "UP"
    is_exclusive: bool = False
    """Jobs there take whole nodes."""


class SwitchLine(Struct, frozen=True, kw_only=True):
    """One switch with what is directly below it: nodes, or switches."""

    nodes: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()


class Topology(Struct, frozen=True, kw_only=True):
    """How nodes hang together; either part may be empty."""

    switches: dict[str, SwitchLine] = field(default_factory=dict)
    blocks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    block_sizes: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


class ReservationLine(Struct, frozen=True, kw_only=True):
    """Nodes kept for some from one instant until another. Instants in ms since the Unix epoch."""

    name: str
    nodes: tuple[str, ...]
    from_ms: int
    until_ms: int
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


class Description(Struct, frozen=True, kw_only=True):
    """A whole cluster."""

    nodes: tuple[NodeLine, ...]
    partitions: tuple[PartitionLine, ...] = ()
    topology: Topology = Topology()
    cluster: str = ""
    version: str = ""
    is_memory_counted: bool = True
    """Whether Slurm hands out memory (CR_…_MEMORY), or only looks at what a node has."""
    notes: tuple[str, ...] = ()
    """What was found and has no place here, each with how often."""


def gres_of(text: str) -> tuple[dict[str, int], dict[str, int]]:
    """GPUs by type, and other generic resources, of `gpu:h100:8(S:0-1),shard:16`.

    >>> gres_of("gpu:a100:4(S:0-1),gpu:v100:2,shard:64")
    ({'a100': 4, 'v100': 2}, {'shard': 64})
    """
    gpus: dict[str, int] = {}
    others: dict[str, int] = {}
    for part in _IN_BRACKETS.sub("", text).split(","):
        words = [
            word
            for word in part.strip().removeprefix("gres/").removeprefix("gres:").split(":")
            if word
        ]
        if not words or words[0] in ("(null)", "N/A"):
            continue
        words = [word for word in words if word != "no_consume"]
        count = amount(words[-1]) if len(words) > 1 else None
        names = words if count is None else words[:-1]
        into, key = (
            (gpus, names[1] if len(names) > 1 else GPU)
            if names[0] == GPU
            else (others, ":".join(names))
        )
        into[key] = into.get(key, 0) + (1 if count is None else count)
    return {k: n for k, n in gpus.items() if n}, {k: n for k, n in others.items() if n}


def amount(text: str) -> int | None:
    """`8`, `4G`; None for another text."""
    found = _AMOUNT.fullmatch(text)
    return int(found[1]) * _FACTORS[found[2].upper()] if found else None


def limit_s(text: str) -> float | None:
    """Seconds of a time limit in Slurm's forms: minutes, minutes:seconds, hours:minutes:seconds,
    days-hours, days-hours:minutes, days-hours:minutes:seconds. None is no limit.

    >>> limit_s("2-00:00:00"), limit_s("90"), limit_s("UNLIMITED")
    (172800.0, 5400.0, None)
    """
    if text.strip().upper() in _NO_LIMIT:
        return None
    days, dash, rest = text.strip().rpartition("-")
    parts = rest.split(":")
    if not all(part.isdigit() for part in [*parts, *([days] if dash else [])]) or len(parts) > 3:
        raise InputError(f"{text!r} is no time limit of Slurm's; write for example 2-00:00:00")
    numbers = [int(part) for part in parts]
    if dash:
        hours, minutes, seconds = (*numbers, 0, 0)[:3]
        return float(((int(days) * 24 + hours) * 60 + minutes) * 60 + seconds)
    if len(numbers) == 1:
        return float(numbers[0] * 60)
    total = 0
    for number in numbers:
        total = total * 60 + number
    return float(total)
