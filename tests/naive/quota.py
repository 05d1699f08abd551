"""Quota with guarantees, obviously: what every row would have used, summed anew, before and after.

A frame is one instant that a job must fit: the shapes that hold quota then, and limits by row.
"""

from naive import groups


def used(factory, shapes):
    """GPUs [milli] of every quota row: its own jobs, and each row below with what it uses or keeps,
    whichever is more."""
    direct = [0] * len(factory.row_limit)
    for shape in shapes:
        for group in groups.of(factory, shape):
            for row in (group.row, group.type_row):
                if row >= 0:
                    direct[row] += group.nodes * group.gpu_milli
    return {row: _used_by(factory, direct, row) for row in range(len(direct))}


def fits(factory, shape, frames):
    """Whether no row that the job adds to would be over its limit at any of the instants."""
    for shapes, limits in frames:
        before, after = used(factory, shapes), used(factory, [*shapes, shape])
        for row, limit in limits.items():
            if limit >= 0 and after[row] > before[row] and after[row] > limit:
                return False
    return True


def _used_by(factory, direct, row):
    below = [other for other, parent in enumerate(factory.row_parent) if parent == row]
    kept = factory.row_kept
    return direct[row] + sum(max(_used_by(factory, direct, b), kept[b]) for b in below)
