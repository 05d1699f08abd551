"""Windows on a calendar, naively: nodes kept for a row and what hangs on it, or for nobody."""

from dataclasses import dataclass


@dataclass
class Window:
    number: int
    nodes: list[int]
    from_ms: int
    until_ms: int
    row: int = -1


def is_open(factory, shape, node, from_ms, end_ms):
    """Whether a job of the shape may hold the node all through `[from_ms, end_ms)`."""
    return not any(
        node in window.nodes
        and any(window.from_ms <= at_ms < window.until_ms for at_ms in range(from_ms, end_ms))
        and (window.row < 0 or window.row not in factory.path(shape.row))
        for window in factory.windows
    )
