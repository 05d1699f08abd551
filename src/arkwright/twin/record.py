"""What a run of the twin leaves behind: who ran where and when, and what was out meanwhile.

Columns are numpy arrays of int64 unless said otherwise; times are milliseconds since the Unix epoch
in UTC. Everything the outputs, the energy account and the report tell is computed from this and
from the tables it was run with, so a record can be kept, read back and looked at again.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class Ending(IntEnum):
    """How an attempt of a job ended."""

    COMPLETED = 0
    FAILED = 1
    CANCELLED = 2
    TIMEOUT = 3
    NODE_FAILED = 4
    """Its node, or something its node hangs on, went out; the job waits again."""
    PREEMPTED = 5
    """Told to stop for another; the job waits again."""
    MOVED = 6
    """Told to stop so that what is free has another shape; the job waits again."""
    RUNNING = 7
    """Still running when the run ended; `end_ms` is that instant."""


class Places(NamedTuple):
    """The nodes in the order of their index, and where each stands."""

    path: list[str]
    """[n_nodes]: `site/hall/rack/tray`."""
    site: Ints
    hall: Ints
    row: Ints
    rack: Ints
    """[n_nodes]: index into the names below; halls, rows and racks are counted over all sites."""
    gpus: Ints
    gpu_type: Ints
    """[n_nodes]: whole GPUs, and an index into `gpu_types`."""
    sites: list[str]
    halls: list[str]
    rows: list[str]
    racks: list[str]
    """Paths, each once, in the order in which they are met."""
    gpu_types: list[str]


class Attempts(NamedTuple):
    """Every start of a job, in the order of starting; n_attempts rows."""

    job: Ints
    """Row of the job table the run was given."""
    start_ms: Ints
    end_ms: Ints
    ending: Ints
    """`Ending`."""
    lost_ms: Ints
    """Of its run, what was not saved and has to be done again."""
    node_first: Ints
    """[n_attempts + 1]: its nodes are `node[node_first[i]:node_first[i + 1]]`."""
    node: Ints
    gpu_milli: Ints
    """[of all attempts' nodes]: node index, and how many milli-GPU are held there."""


class Outages(NamedTuple):
    """Spans in which a node took no work, by node and time; one per node even where one part that
    failed took many nodes with it."""

    node: Ints
    from_ms: Ints
    until_ms: Ints
    """When it was back, or the end of the run."""
    cause: Ints
    """Index into `causes`."""
    failure: Ints
    """Number of the failure: nodes that went out together share it."""
    causes: list[str]
    """As the failure model names them: `gpu`, `node`, `link`, `leaf`, `pdu`, `cdu`, `hall`."""


class Record(NamedTuple):
    """One run, from `from_ms` through `until_ms`."""

    from_ms: int
    until_ms: int
    places: Places
    attempts: Attempts
    outages: Outages
    decisions: str
    """SHA-256 of the decisions in their canonical byte form: equal runs have equal ones."""
