"""Segments once more: a gang in equal parts, each inside one domain of a level."""


def size(shape):
    return abs(shape.segment)


def arrange(factory, shape, nodes, free, has_room):
    """The gang out of `nodes`, in order of preference, part by part; None when it does not fit."""
    domains = {}
    for node in nodes:
        domains.setdefault(factory.nodes[node].domains[shape.segment_level], []).append(node)
    left = {domain: len(members) for domain, members in domains.items()}
    taken = []
    while len(taken) < shape.nodes:
        part = min(size(shape), shape.nodes - len(taken))
        able = [
            (left[domain], sum(free[node][0] for node in members), domain)
            for domain, members in domains.items()
            if left[domain] >= part
        ]
        if not able:
            return None
        domain = min(able)[2]
        got = []
        for node in domains[domain]:
            if len(got) < part and node not in taken and has_room([*taken, *got], node):
                got.append(node)
        if len(got) == part:
            taken += got
            left[domain] -= part
        else:
            left[domain] = len(got)
    return taken


def go_by_index(factory, shape):
    """Whether some row above nodes holds part of a domain and something beside it."""
    if shape.watts == 0:
        return False
    everything = range(len(factory.nodes))
    domains = {}
    for node in everything:
        members = domains.setdefault(factory.nodes[node].domains[shape.segment_level], set())
        members.add(node)
    for row in range(len(factory.row_limit)):
        under = {node for node in everything if row in factory.path(factory.nodes[node].row)}
        for members in domains.values():
            if under & members and members - under and under - members:
                return True
    return False
