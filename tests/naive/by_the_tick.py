"""A factory looked at once a second: the plainest simulator there is, for whole-node jobs.

Times are whole seconds. At each second, in this order: jobs end, nodes come back, nodes go out,
jobs arrive, then first come, first served on the nodes of lowest index, with or without EASY
backfill. A job that asks more nodes than are in service is passed over.
"""

from typing import NamedTuple


class Job(NamedTuple):
    submit_s: int
    run_s: int
    nodes: int


class Out(NamedTuple):
    node: int
    from_s: int
    until_s: int


def attempts(jobs, n_nodes, last_s, outages=(), backfill=False, period_s=0, restart_s=0):
    """(job, start, end or None) of every attempt, in the order of starting."""
    waiting, running, found = [], {}, []
    left = {job: each.run_s for job, each in enumerate(jobs)}
    tries = dict.fromkeys(left, 0)
    out = set()
    for now in range(last_s + 1):
        for job in [job for job, (_, end, _, _) in running.items() if end == now]:
            row = running.pop(job)[3]
            found[row][2] = now
        out -= {each.node for each in outages if each.until_s == now}
        for each in outages:
            if each.from_s != now:
                continue
            out.add(each.node)
            for job in [job for job, (_, _, nodes, _) in running.items() if each.node in nodes]:
                start, _, _, row = running.pop(job)
                found[row][2] = now
                ran = max(now - start - (restart_s if tries[job] else 0), 0)
                left[job] -= ran // period_s * period_s if period_s else 0
                tries[job] += 1
                waiting.append(job)
        waiting += [job for job, each in enumerate(jobs) if each.submit_s == now]
        waiting.sort(key=lambda job: (jobs[job].submit_s, job))
        for job in _who_starts(jobs, waiting, running, n_nodes - len(out), now, backfill):
            waiting.remove(job)
            taken = {node for _, _, nodes, _ in running.values() for node in nodes}
            free = [node for node in range(n_nodes) if node not in taken | out]
            lasts = left[job] + (restart_s if tries[job] else 0)
            running[job] = (now, now + lasts, free[: jobs[job].nodes], len(found))
            found.append([job, now, None])
    return [tuple(row) for row in found]


def _who_starts(jobs, waiting, running, up, now, backfill):
    free = up - sum(len(nodes) for _, _, nodes, _ in running.values())
    starts, ends = [], [(end, len(nodes)) for _, end, nodes, _ in running.values()]
    queue = [job for job in waiting if jobs[job].nodes <= up]
    while queue and jobs[queue[0]].nodes <= free:
        job = queue.pop(0)
        starts.append(job)
        free -= jobs[job].nodes
        ends.append((now + jobs[job].run_s, jobs[job].nodes))
    if not queue or not backfill:
        return starts
    shadow, then = now, free
    for end, nodes in sorted(ends):
        if then >= jobs[queue[0]].nodes and end != shadow:
            break
        shadow, then = end, then + nodes
    extra = then - jobs[queue[0]].nodes
    for job in queue[1:]:
        nodes, end = jobs[job].nodes, now + jobs[job].run_s
        if nodes <= free and (end <= shadow or nodes <= extra):
            starts.append(job)
            free -= nodes
            extra -= nodes if end > shadow else 0
    return starts
