"""Small runs to account for."""

import numpy as np

from arkwright.twin.draw import Draws
from arkwright.twin.record import Attempts, Outages, Places, Record

HOUR_MS = 3_600_000
T0 = 1_767_225_600_000  # 1 January 2026, 00:00 UTC


def ints(*values):
    return np.array(values, dtype=np.int64)


def places(nodes, gpus=8, sites=1, gpu_type="h100"):
    """`nodes` at each of `sites`, each site one hall of racks of two."""
    count = nodes * sites
    site = np.repeat(np.arange(sites), nodes)
    per_site = -(-nodes // 2)
    rack = site * per_site + np.tile(np.arange(nodes) // 2, sites)
    names = [f"s{number}" for number in range(sites)]
    return Places(
        path=[f"s{site[n]}/h1/r{rack[n]}/t{n}" for n in range(count)],
        site=site,
        hall=site,
        row=site,
        rack=rack,
        gpus=np.full(count, gpus),
        gpu_type=np.zeros(count, dtype=np.int64),
        sites=names,
        halls=[f"{name}/h1" for name in names],
        rows=[f"{name}/h1/row" for name in names],
        racks=[f"s{number // per_site}/h1/r{number}" for number in range(per_site * sites)],
        gpu_types=[gpu_type],
    )


def record(at, until_ms, attempts, outages=(), from_ms=T0):
    """Attempts are (job, from, until, {node: milli-GPU}), outages (node, from, until)."""
    nodes = [list(held.items()) for _, _, _, held in attempts]
    pairs = [pair for held in nodes for pair in held]
    count = len(attempts)
    outages = sorted(outages)
    return Record(
        from_ms=from_ms,
        until_ms=until_ms,
        places=at,
        attempts=Attempts(
            job=ints(*(job for job, _, _, _ in attempts)),
            start_ms=ints(*(start for _, start, _, _ in attempts)),
            end_ms=ints(*(end for _, _, end, _ in attempts)),
            ending=np.zeros(count, dtype=np.int64),
            lost_ms=np.zeros(count, dtype=np.int64),
            node_first=np.cumsum(ints(0, *(len(held) for held in nodes))),
            node=ints(*(node for node, _ in pairs)),
            gpu_milli=ints(*(milli for _, milli in pairs)),
        ),
        outages=Outages(
            node=ints(*(node for node, _, _ in outages)),
            from_ms=ints(*(start for _, start, _ in outages)),
            until_ms=ints(*(end for _, _, end in outages)),
            cause=np.zeros(len(outages), dtype=np.int64),
            failure=np.arange(len(outages)),
            causes=["node"],
        ),
        decisions="",
    )


def draws(at, kinds=(500.0, 300.0), idle_w=800.0, out_w=0.0, job_kind=(), own=None):
    """All nodes alike."""
    nodes = len(at.path)
    return Draws(
        node_idle_w=np.full(nodes, idle_w),
        node_out_w=np.full(nodes, out_w),
        busy_w_per_gpu=np.array([kinds]),
        node_system=np.zeros(nodes, dtype=np.int64),
        job_kind=ints(*job_kind),
        job_w_per_gpu=np.zeros(0) if own is None else np.array(own),
    )
