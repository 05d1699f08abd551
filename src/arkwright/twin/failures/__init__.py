"""Failures: what breaks, when, for how long and what goes out with it.

`failure_spec` gives a model of the catalogue, `fit` one of a trace; `outages` draws a run's outages
from a model; `spares` says how many nodes to keep for them.
"""

from arkwright.twin.failures.failed import Failed, failed
from arkwright.twin.failures.fit import fit
from arkwright.twin.failures.from_design import group_of, topology_of
from arkwright.twin.failures.outages import NodeEvents, merged, node_events, outages
from arkwright.twin.failures.places import Group, Topology, strikes_nothing
from arkwright.twin.failures.spares import Spares, spares
from arkwright.twin.failures.spec import (
    Bursts,
    Cause,
    CauseChange,
    Failures,
    FailureSpec,
    Lemons,
    Part,
    Repair,
    Seasons,
    failure_spec,
)
from arkwright.twin.failures.table import forward_rows
from arkwright.twin.failures.trace import (
    FaultStatistics,
    FaultTrace,
    drawn_trace,
    read_fault_trace,
    statistics,
)

__all__ = [
    "Bursts", "Cause", "CauseChange", "Failed", "FailureSpec", "Failures", "FaultStatistics",
    "FaultTrace", "Group", "Lemons", "NodeEvents", "Part", "Repair", "Seasons", "Spares",
    "Topology", "drawn_trace", "failed", "failure_spec", "fit", "forward_rows", "group_of",
    "merged", "node_events", "outages", "read_fault_trace", "spares", "statistics",
    "strikes_nothing", "topology_of",
]  # fmt: skip
