"""Outages as rows of the table that a run forward takes its events from."""

from __future__ import annotations

import numpy as np

from arkwright.sched import UP, codes
from arkwright.sched.advance import AT_MS, FAULT, FORWARD_COLUMNS, INDEX, KIND, VALUES
from arkwright.twin.failures.outages import NodeEvents
from arkwright.twin.record import Ints


def forward_rows(told: NodeEvents) -> Ints:
    """One row per event, in the same order: shape (n, FORWARD_COLUMNS).

    A node that goes out is a FAULT: what ran there waits again. One that is back is UP.
    """
    rows = np.zeros((len(told.at_ms), FORWARD_COLUMNS), np.int64)
    rows[:, AT_MS] = told.at_ms
    rows[:, INDEX] = told.node
    rows[:, KIND] = np.where(told.is_up == 1, codes.NODE_STATE, FAULT)
    rows[:, VALUES] = np.where(told.is_up == 1, UP, 0)
    return rows
