"""What has moved, kernel: a short memory of nodes and rows that are not what they were.

A ring in the state (`moved`, `moved_count`): who keeps sums over nodes (`index`) brings them up to
date by looking only at what stands there since it last did. Nothing is decided by it.
"""

from __future__ import annotations

from arkwright.sched.state import State


def node(state: State, index: int) -> None:
    """The node's free amounts or its state have changed, or what its rows use."""
    _note(state, index)


def row(state: State, index: int) -> None:
    """The row has another limit."""
    _note(state, -1 - index)


def _note(state: State, entry: int) -> None:
    count = state.moved_count[0]
    state.moved[count % len(state.moved)] = entry
    state.moved_count[0] = count + 1
