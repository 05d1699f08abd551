"""What a job asks for as a whole, and the classes that it needs for it."""

from __future__ import annotations

from typing import NamedTuple

from arkwright.sched import codes, event
from arkwright.sched.event import Event
from arkwright.sched.state import Shape, State, find_class


class Gang(NamedTuple):
    """A shape, and the larger sizes it may have as well."""

    shape: Shape
    sizes: tuple[int, ...] = ()
    """Numbers of nodes beyond the shape's, ascending: an elastic gang takes the largest that fits
    when it starts."""


def class_of(state: State, gang: Gang, now_ms: int) -> tuple[int, tuple[Event, ...]]:
    """Index of the class such jobs queue in, and the events that make what is not there yet."""
    events: list[Event] = []
    cls = codes.NONE
    for nodes in (*reversed(gang.sizes), gang.shape.nodes):
        shape = gang.shape._replace(nodes=nodes, larger=cls)
        cls = find_class(state, shape) if not events else codes.NONE
        if cls < 0:
            cls = int(state.class_count[0]) + len(events)
            events.append(event.add_class(now_ms, shape))
    return cls, tuple(events)
