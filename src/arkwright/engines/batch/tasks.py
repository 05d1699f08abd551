"""How many tasks each node of a job has, and how Slurm writes that down."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby


def block(tasks: int, nodes: int, per_node: int | None = None) -> list[int]:
    """Tasks of each node, as even as can be, the first nodes taking one more (Slurm's `block`);
    with `per_node` each node is filled before the next.

    >>> block(5, 2), block(5, 3, 2)
    ([3, 2], [2, 2, 1])
    """
    if per_node is not None and tasks != per_node * nodes:
        filled = [max(0, min(per_node, tasks - per_node * node)) for node in range(nodes)]
        # No node stays empty while another has two: a step runs on every node it was given.
        return filled if all(filled) or tasks < nodes else block(tasks, nodes)
    each, more = divmod(tasks, nodes)
    return [each + (node < more) for node in range(nodes)]


def counted(tasks: Sequence[int]) -> str:
    """SLURM_TASKS_PER_NODE's form.

    >>> counted([8, 8, 8, 4])
    '8(x3),4'
    """
    runs = [(number, len(list(same))) for number, same in groupby(tasks)]
    return ",".join(f"{number}(x{times})" if times > 1 else str(number) for number, times in runs)
