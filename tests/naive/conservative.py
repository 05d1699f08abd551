"""Conservative backfill, naively: try every instant, look at every instant of the run.

Exact for whole GPUs. Where fractions are asked, the single GPUs are looked at now alone.
"""

from naive import contracts, groups, quota
from naive.scheduler import INFINITE, demand, serves
from naive.windows import is_open


def cycle(factory, now_ms):
    """Start what may start; returns [(job index, nodes)] in order, and every job's start."""
    started, promised = [], {}
    places = [(job, now_ms, factory.end_ms(job, now_ms), job.nodes) for job in factory.active()]
    queue = [job for job in factory.jobs if job.state == "queued"]
    ahead = []
    while queue:
        usage = factory.shares.usage()
        job = min(queue, key=lambda job: (factory.shares.order(job, *usage), job.order()))
        queue.remove(job)
        at_ms = None
        if factory.budgets.fits(job, ahead):
            at_ms, nodes = earliest(factory, places, job, now_ms)
        promised[job.index] = at_ms
        if at_ms is None:
            continue
        if at_ms > now_ms:
            ahead.append(job)
        places.append((job, at_ms, at_ms + job.duration_ms, nodes))
        if at_ms == now_ms:
            factory.start(job, nodes, now_ms)
            started.append((job.index, nodes))
    return started, promised


def instants(factory, places, now_ms):
    """Every time at which anything changes."""
    changes = {now_ms} | {ms for _, from_ms, end_ms, _ in places for ms in (from_ms, end_ms)}
    changes |= {at_ms for at_ms, _ in [*factory.announced, *factory.pledged]}
    changes |= {ms for window in factory.windows for ms in (window.from_ms, window.until_ms)}
    return sorted(ms for ms in changes if ms >= now_ms)


def earliest(factory, places, job, now_ms):
    for at_ms in instants(factory, places, now_ms):
        nodes = place(factory, places, job, now_ms, at_ms)
        if nodes is not None:
            return at_ms, nodes
    return None, None


def place(factory, places, job, now_ms, at_ms):
    """The nodes of lowest index in the smallest, lowest domain that holds the whole run."""
    shape, end_ms = job.shape, at_ms + job.duration_ms
    moments, frames = [], []
    for ms in [ms for ms in instants(factory, places, now_ms) if at_ms <= ms < end_ms] or [at_ms]:
        there = [(other, nodes) for other, from_ms, to_ms, nodes in places if from_ms <= ms < to_ms]
        limits = factory.limits_at(ms, now_ms)
        moments.append((*left(factory, there), limits))
        kept = contracts.kept_at(factory, ms, now_ms)
        frames.append(([other.shape for other, _ in there], dict(enumerate(limits)), kept))

    if not quota.fits(factory, shape, frames):
        return None
    chain = groups.of(factory, shape)
    if len(chain) == 1:
        return place_group(factory, job, moments, now_ms, at_ms)
    for site in sorted({node.site for node in factory.nodes}):
        elsewhere = {n for n, node in enumerate(factory.nodes) if node.site != site}
        found, then = [], [(free, list(used), limits) for free, used, limits in moments]
        for group in chain:
            with groups.as_group(job, group):
                barred = elsewhere | set(found)
                theirs = place_group(factory, job, then, now_ms, at_ms, barred)
            if theirs is None:
                break
            found += theirs
            for row, asked in factory.charges(group, theirs).items():
                for _, used, _ in then:
                    used[row] += asked
        else:
            return found
    return None


def place_group(factory, job, moments, now_ms, at_ms, barred=()):
    """The same of one group, in what nodes and rows have at the moments of the run."""
    shape, end_ms = job.shape, at_ms + job.duration_ms

    def free(node):
        return all(
            asked <= has
            for frees, _, _ in moments
            for asked, has in zip(job.demand(), frees[node], strict=True)
        )

    def rows_hold(nodes, rows):
        return all(
            limits[row] < 0 or used[row] + asked <= limits[row]
            for _, used, limits in moments
            for row, asked in factory.charges(shape, nodes).items()
            if row in rows
        )

    def fits(node):
        gpus = factory.gpus_left(factory.active())[node]
        return (
            node not in barred
            and factory.node_admits(job, node, (INFINITE,) * 3, [1000] * len(gpus) * 100)
            and (at_ms > now_ms or serves(shape, gpus))
            and free(node)
            and is_open(factory, shape, node, at_ms, end_ms)
        )

    def gang(nodes):
        """The first of the nodes that the rows carry together, as many as wanted, or None."""
        taken = []
        for node in nodes:
            above = factory.path(factory.nodes[node].row)
            if len(taken) < shape.nodes and rows_hold([*taken, node], above):
                taken.append(node)
        return taken if len(taken) == shape.nodes else None

    candidates = [node for node in range(len(factory.nodes)) if fits(node)]
    levels = range(shape.level_required + 1)
    if shape.level_required < 0 and shape.level_preferred >= 0:
        levels = range(len(factory.nodes[0].domains))
    if shape.nodes == 1 and factory.policy:
        levels = ()
    for level in levels:
        for domain in sorted({factory.nodes[node].domains[level] for node in candidates}):
            inside = [n for n in candidates if factory.nodes[n].domains[level] == domain]
            if gang(inside):
                return gang(inside)
    return None if shape.level_required >= 0 and levels else gang(candidates)


def left(factory, there):
    """What nodes have free and rows have used when these jobs run on these nodes."""
    free = [list(node.total) for node in factory.nodes]
    used = [0] * len(factory.row_limit)
    for job, nodes in there:
        for group, theirs in groups.parts(factory, job.shape, nodes):
            for node in theirs:
                for resource, asked in enumerate(demand(group)):
                    free[node][resource] -= asked
        for row, asked in factory.charges_of(job.shape, nodes).items():
            used[row] += asked
    return free, used
