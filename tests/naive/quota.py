"""Quota with guarantees, obviously: what every row would have used, summed anew, before and after.

A frame is one instant that a job must fit: the shapes that hold quota then, limits by row, and what
rows keep then.
"""

from naive import groups


def used(factory, shapes, kept=None):
    """GPUs [milli] of every quota row: its own jobs, and each row below with what it uses or keeps,
    whichever is more."""
    direct = [0] * len(factory.row_limit)
    for shape in shapes:
        for group in groups.of(factory, shape):
            for row in (group.row, group.type_row):
                if row >= 0:
                    direct[row] += group.nodes * group.gpu_milli
    kept = factory.row_kept if kept is None else kept
    below = [[] for _ in direct]
    for row, parent in enumerate(factory.row_parent):
        if parent >= 0:
            below[parent].append(row)
    return {row: _used_by(below, direct, row, kept) for row in range(len(direct))}


def fits(factory, shape, frames):
    """Whether no row that the job adds to would be over its limit at any of the instants."""
    for shapes, limits, kept in frames:
        before, after = used(factory, shapes, kept), used(factory, [*shapes, shape], kept)
        for row, limit in limits.items():
            if limit >= 0 and after[row] > before[row] and after[row] > limit:
                return False
    return True


def _used_by(below, direct, row, kept):
    return direct[row] + sum(max(_used_by(below, direct, b, kept), kept[b]) for b in below[row])
