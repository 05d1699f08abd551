"""Energy of a run by looking at every node in every second of it."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

SECOND_MS, HOUR_MS = 1_000, 3_600_000


class Found(NamedTuple):
    jobs_j: dict
    """Of every job [J]."""
    node_j: dict
    idle_j: dict
    """Of every site, of what no job held."""
    hour_j: dict
    """Of every site and hour, everything."""
    job_hour_j: dict
    """Of every job, site and hour."""
    watts_max: dict
    """Of every site, the most of any second."""


def energy_by_the_second(record, draws):
    """Every instant of `record` is at a whole second. A node that is out draws `node_out_w`."""
    places, log, outages = record.places, record.attempts, record.outages
    jobs_j, node_j, idle_j = defaultdict(float), defaultdict(float), defaultdict(float)
    hour_j, job_hour_j, watts_max = defaultdict(float), defaultdict(float), defaultdict(float)
    for now_ms in range(record.from_ms, record.until_ms, SECOND_MS):
        hour = now_ms // HOUR_MS
        watts, free = defaultdict(float), dict(enumerate((places.gpus * 1000).tolist()))
        for i in range(len(log.job)):
            if not log.start_ms[i] <= now_ms < log.end_ms[i]:
                continue
            job = int(log.job[i])
            for pair in range(log.node_first[i], log.node_first[i + 1]):
                node = int(log.node[pair])
                per_gpu = draws.busy_w_per_gpu[draws.node_system[node], draws.job_kind[job]]
                if len(draws.job_w_per_gpu) and not np.isnan(draws.job_w_per_gpu[job]):
                    per_gpu = draws.job_w_per_gpu[job]
                drawn = per_gpu * log.gpu_milli[pair] / 1000
                jobs_j[job] += drawn
                job_hour_j[job, int(places.site[node]), hour] += drawn
                watts[node] += drawn
                free[node] -= int(log.gpu_milli[pair])
        out = {
            int(outages.node[i])
            for i in range(len(outages.node))
            if outages.from_ms[i] <= now_ms < outages.until_ms[i]
        }
        at_site = defaultdict(float)
        for node in range(len(places.path)):
            idle = draws.node_idle_w[node] * free[node] / (1000 * places.gpus[node])
            idle = draws.node_out_w[node] if node in out else idle
            site = int(places.site[node])
            idle_j[site] += idle
            node_j[node] += watts[node] + idle
            at_site[site] += watts[node] + idle
        for site, drawn in at_site.items():
            hour_j[site, hour] += drawn
            watts_max[site] = max(watts_max[site], drawn)
    return Found(jobs_j, node_j, idle_j, hour_j, job_hour_j, watts_max)
