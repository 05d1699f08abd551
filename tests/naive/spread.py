"""Spread once more: each node from the domain that has fewest of the gang so far."""


def asked(shape):
    return shape.spread_level >= 0 and shape.nodes > 1


def levels(shape, count):
    """Where one domain is to hold the gang: the preferred level or the required, and above."""
    top = shape.level_required + 1 if shape.level_required >= 0 else count
    if shape.level_preferred > shape.spread_level:
        return list(range(min(shape.level_preferred, top - 1), top))
    return [shape.level_required] if shape.level_required >= 0 else []


def arrange(factory, shape, nodes, free, has_room):
    """The gang out of `nodes`, in order of preference; None when it does not fit."""

    def domain(node):
        return factory.nodes[node].domains[shape.spread_level]

    room = {}
    for node in nodes:
        room[domain(node)] = room.get(domain(node), 0) + free[node][0]
    taken = []
    while len(taken) < shape.nodes:
        able = [node for node in nodes if node not in taken and has_room(taken, node)]
        if not able:
            return None
        count = {d: sum(domain(node) == d for node in taken) for d in room}
        fewest = min((count[d], -room[d], d) for d in map(domain, able))[2]
        taken.append(next(node for node in able if domain(node) == fewest))
    return taken
