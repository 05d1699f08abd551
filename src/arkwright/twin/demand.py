"""What the jobs of a table ask for, in the scheduler's terms: by the fleet's own rules.

Jobs that ask alike are one class. Each class is made of a job specification and goes through the
very functions that lower a job of the live factory, so the twin cannot come to ask for something
else; only what differs from job to job (time, order, class) is worked out for whole columns.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from arkwright import sched
from arkwright.fleet import lowering
from arkwright.fleet.ordering import order_keys
from arkwright.jobs.spec import JobSpec, Resources, SlurmOptions, Tier
from arkwright.twin.record import Ints
from arkwright.twin.setting import POOL, Setting
from arkwright.twin.workload.table import JobTable, Labels
from arkwright.units import MIB, MILLI, MS_PER_S

_SUBJECT: Final = "job"
_KEY_MAX: Final = 1 << 62


class Demand(NamedTuple):
    """The setting with the classes of the jobs, and of each job what is its own."""

    state: sched.State
    job_class: Ints
    order_key: Ints
    lasts_ms: Ints
    """What it is planned with: the limit asked for, or the policy's default."""


def demand_of(setting: Setting, jobs: JobTable) -> Demand:
    """A job that says how many nodes it wants gets them; else one of less than a node takes its
    share of one, and a larger one as many whole nodes as hold its GPUs."""
    projects = _projects(setting, jobs)
    nodes, gpu_milli = _sizes(setting, jobs)
    columns = (
        nodes,
        gpu_milli,
        -(-jobs.cpus_milli // nodes),
        -(-jobs.memory_mib // nodes),
        _known_types(setting, jobs.gpu_type),
        projects.codes.astype(np.int64),
        jobs.preemptible.astype(np.int64),
        _known_pools(setting, jobs.pool),
    )
    first, job_kind = _kinds(columns)
    kinds = np.stack([column[first] for column in columns], axis=1)
    state, kind_class = sched.copy(setting.state), np.zeros(len(kinds), np.int64)
    for kind, asked in enumerate(kinds.tolist()):
        spec = _spec(setting, jobs, asked)
        gang = lowering.gang_of(setting.names, spec, _name(projects, asked[5]))
        kind_class[kind], classes = sched.class_of(state, gang, 0)
        for made in classes:
            state = sched.apply(state, made)
    lasts_ms = _lasts_ms(setting, jobs)
    points = jobs.priority + _standing(setting, projects)
    return Demand(
        state=state,
        job_class=kind_class[job_kind],
        order_key=order_keys(setting.policy, points, lasts_ms, jobs.submit_ms),
        lasts_ms=lasts_ms,
    )


def _sizes(setting: Setting, jobs: JobTable) -> tuple[Ints, Ints]:
    """Nodes, and milli-GPU on each of them."""
    node_milli = int(setting.state.node_gpu_milli_total.max(initial=MILLI))
    is_whole = jobs.gpus_milli > node_milli
    fitting = np.where(is_whole, -(-jobs.gpus_milli // node_milli), 1)
    nodes = np.where(jobs.nodes > 0, jobs.nodes, fitting)
    each = -(-jobs.gpus_milli // nodes)
    each = np.where(each > MILLI, -(-each // MILLI) * MILLI, each)
    return nodes, np.where((jobs.nodes == 0) & is_whole, node_milli, each)


def _known_types(setting: Setting, asked: Labels) -> Ints:
    """Codes of the GPU types that the setting has; of the others a job takes any."""
    known = [name in setting.names.gpu_types for name in asked.names]
    codes = asked.codes.astype(np.int64)
    if not any(known):
        return np.full(len(codes), sched.ANY, np.int64)
    return np.where(np.array(known)[codes] & (codes >= 0), codes, sched.ANY)


def _known_pools(setting: Setting, asked: Labels) -> Ints:
    """Codes of the pools that the setting has; in others a job takes any node."""
    there = frozenset[str]().union(*(kind.pools for kind in setting.names.kinds))
    known = np.array([bool(there & set(name.split(","))) for name in asked.names] or [False])
    codes = asked.codes.astype(np.int64)
    return np.where(known[codes] & (codes >= 0), codes, -1)


def _projects(setting: Setting, jobs: JobTable) -> Labels:
    """The projects that the setting has quotas for; in a bare pool all jobs are of one."""
    rows = setting.names.row_of_project
    if list(rows) == [POOL]:
        return Labels(np.zeros(len(jobs), np.int32), (POOL,))
    known = np.array([name in rows for name in jobs.project.names] or [False])
    codes = jobs.project.codes
    return Labels(np.where((codes >= 0) & known[codes], codes, -1), jobs.project.names)


def _name(labels: Labels, code: int) -> str:
    return labels.names[code] if code >= 0 else ""


def _spec(setting: Setting, jobs: JobTable, asked: list[int]) -> JobSpec:
    nodes, gpu_milli, cpu_milli, memory_mib, gpu_type, _, preemptible, pool = asked
    counts_cpus = bool(setting.state.node_cpu_milli_total.any())
    counts_memory = bool(setting.state.node_memory_mib_total.any())
    return JobSpec(
        name=_SUBJECT,
        nodes=nodes,
        resources=Resources(
            gpus_per_node=gpu_milli / MILLI,
            gpu_type=jobs.gpu_type.names[gpu_type] if gpu_type >= 0 else None,
            cpus_per_node=cpu_milli / MILLI if counts_cpus else 0,
            memory_per_node=memory_mib * MIB / 1e9 if counts_memory else 0.0,
        ),
        tier=Tier.FLEXIBLE if preemptible else Tier.STANDARD,
        preemptible=bool(preemptible),
        slurm=SlurmOptions(partition=jobs.pool.names[pool]) if pool >= 0 else None,
    )


def _lasts_ms(setting: Setting, jobs: JobTable) -> Ints:
    default_ms = round(setting.policy.time_limit_default_s * MS_PER_S)
    return np.maximum(np.where(jobs.estimate_ms >= 0, jobs.estimate_ms, default_ms), 1)


def _standing(setting: Setting, projects: Labels) -> Ints:
    """Of each job, the priority of its organisation."""
    points = [lowering.priority_of_project(setting.names, name) for name in projects.names]
    standing: Ints = np.array([*points, 0], np.int64)[projects.codes]
    return standing


def _kinds(columns: tuple[Ints, ...]) -> tuple[Ints, Ints]:
    """Where each different row first comes, in that order, and the number of each row's kind.

    Rows become one number each, digit after digit, and kinds once that would no longer fit.
    """
    key, size = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        least = int(column.min(initial=0))
        span = int(column.max(initial=0)) - least + 1
        if size * span >= _KEY_MAX:
            names, key = np.unique(key, return_inverse=True)
            size = len(names)
        key = key * span + (column - least)
        size *= span
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[number]
