"""Gangs of different nodes, obviously: group after group, in the first site that holds them all.

A gang is the shape of its first group; `more` is where the next stands in the factory's classes.
"""

from contextlib import contextmanager


def of(factory, shape):
    """The shapes of all groups, in order; the shape alone for most gangs."""
    found = [shape]
    while found[-1].more >= 0:
        found.append(factory.classes[found[-1].more])
    return found


def parts(factory, shape, nodes):
    """Each group with its nodes, out of the list of all."""
    found, first = [], 0
    for group in of(factory, shape):
        found.append((group, nodes[first : first + group.nodes]))
        first += group.nodes
    return found


def at(factory, shape, nodes, node):
    """The group of the gang that holds the node."""
    return next(group for group, theirs in parts(factory, shape, nodes) if node in theirs)


def milli(factory, shape):
    return sum(group.nodes * group.gpu_milli for group in of(factory, shape))


@contextmanager
def as_group(job, group):
    """For a moment the job is one group of its gang."""
    whole, job.shape = job.shape, group
    try:
        yield
    finally:
        job.shape = whole


def any_admits(factory, job, chain, *question):
    """Whether the node would serve some group of the chain."""
    found = False
    for group in chain:
        with as_group(job, group):
            found = found or factory.node_admits(job, *question)
    return found


def place(factory, job, free, gpus, scores, rooms, rank, keeps):
    """`scores`: those of every group. The nodes of all groups one after another, or None."""
    chain = of(factory, job.shape)
    for site in sorted({node.site for node in factory.nodes}):
        chosen, left = [], [dict(room) for room in rooms]

        def is_left(node, block, site=site, chosen=chosen):
            there = factory.nodes[node].site == site
            return there and node not in chosen and keeps(node, block)

        for group, theirs in zip(chain, scores, strict=True):
            with as_group(job, group):
                nodes, _ = factory.place_group(job, free, gpus, theirs, left, rank, is_left)
            if nodes is None:
                break
            chosen += nodes
            for row, asked in factory.charges(group, nodes).items():
                for room in left:
                    if row in room:
                        room[row] -= asked
        else:
            return chosen
    return None
