"""What a job asks for as a whole, and the classes that it needs for it."""

from __future__ import annotations

from typing import NamedTuple

from arkwright.errors import InternalError
from arkwright.sched import codes, event
from arkwright.sched.event import Event
from arkwright.sched.state import Shape, State, chain_of, find_class, shape_of


class Gang(NamedTuple):
    """A shape, and the larger sizes it may have as well, or the other groups that belong to it."""

    shape: Shape
    sizes: tuple[int, ...] = ()
    """Numbers of nodes beyond the shape's, ascending: an elastic gang takes the largest that fits
    when it starts."""
    groups: tuple[Shape, ...] = ()
    """The groups after the first of a gang of different nodes, in the order they are placed."""


def class_of(state: State, gang: Gang, now_ms: int) -> tuple[int, tuple[Event, ...]]:
    """Index of the class such jobs queue in, and the events that make what is not there yet."""
    if gang.sizes and gang.groups:
        raise InternalError("a gang has other sizes or other groups, not both")
    events: list[Event] = []

    def class_for(shape: Shape) -> int:
        cls = find_class(state, shape) if not events else codes.NONE
        if cls < 0:
            cls = int(state.class_count[0]) + len(events)
            events.append(event.add_class(now_ms, shape))
        return cls

    more, larger = codes.NONE, codes.NONE
    for group in reversed(gang.groups):
        more = class_for(group._replace(more=more))
    for nodes in reversed(gang.sizes):
        larger = class_for(gang.shape._replace(nodes=nodes, larger=larger))
    return class_for(gang.shape._replace(larger=larger, more=more)), tuple(events)


def gang_of(state: State, cls: int) -> Gang:
    """The gang that jobs of the class are, in the size of the class."""
    shapes = [shape_of(state, each)._replace(more=codes.NONE) for each in chain_of(state, cls)]
    return Gang(shapes[0]._replace(larger=codes.NONE), (), tuple(shapes[1:]))
