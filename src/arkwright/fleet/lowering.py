"""Names to numbers: nodes to columns, projects to capacity rows, a job's wishes to a shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from arkwright import sched
from arkwright.design import Node, PowerLimit
from arkwright.errors import InputError
from arkwright.fleet import pools, power_tree, quota_tree
from arkwright.fleet.quota_tree import ProjectQuota, QuotaTree
from arkwright.jobs.spec import JobSpec, Level, Tier, TopologyMode, parts_of, sizes_of
from arkwright.sched.codes import CRITICAL, FLEXIBLE, STANDARD
from arkwright.units import MILLI, MS_PER_S, gigabytes_to_mib

_BACKFILL = {
    "easy": sched.EASY,
    "none": sched.STRICT,
    "greedy": sched.GREEDY,
    "conservative": sched.CONSERVATIVE,
}
LEVELS = tuple(Level)
"""Topology levels, smallest first: the axis `n_levels` of the scheduler."""
_PLACEMENT = {
    "arkwright": sched.ARKWRIGHT,
    "random": sched.RANDOM,
    "first-fit": sched.FIRST_FIT,
    "best-fit": sched.BEST_FIT,
    "dot-product": sched.DOT_PRODUCT,
    "gpu-packing": sched.GPU_PACKING,
    "gpu-clustering": sched.GPU_CLUSTERING,
    "fgd": sched.FGD,
}
_TIERS = {Tier.CRITICAL: CRITICAL, Tier.STANDARD: STANDARD, Tier.FLEXIBLE: FLEXIBLE}
_LEVEL_INDEX = {level: index for index, level in enumerate(LEVELS)}


class TypicalDemand(Struct, frozen=True, kw_only=True):
    """What a typical job asks of one node, and how common it is beside the others."""

    gpus: float
    cpus: float = 0
    gpu_types: tuple[str, ...] = ()
    weight: int = 1


class Preemption(Struct, frozen=True, kw_only=True):
    """Who may be told to stop for whom."""

    enabled: bool = False
    priority_gap: int = 1
    """Within a tier, by how much the waiting job's priority must be higher."""
    evictions_max: int = 3
    run_min_s: float = 0.0
    defragment: bool = False
    moves_max: int = 2


class FleetPolicy(Struct, frozen=True, kw_only=True):
    """What the scheduler must know of the factory's policy."""

    ordering: str = "priority"
    backfill: str = "easy"
    placement: str = "arkwright"
    placement_seed: int = 0
    typical: tuple[TypicalDemand, ...] = ()
    preemption: Preemption = Preemption()
    time_limit_default_s: float = 86_400.0
    time_limit_max_s: float | None = None
    half_life_s: float = 604_800.0
    """Under `fair-share`, in which half of what was used is forgotten."""
    age_per_point_s: float = 3_600.0
    deadline_default_s: float = 604_800.0
    sha256: str = ""


class Names(Struct, frozen=True, kw_only=True):
    """The dictionary between names and indices, fixed for the life of a fleet."""

    nodes: tuple[Node, ...]
    node_index: dict[str, int]
    sites: tuple[str, ...]
    gpu_types: tuple[str, ...]
    projects: tuple[ProjectQuota, ...]
    quotas: QuotaTree
    """The first rows; `row_of_power` continues their numbers."""
    row_of_project: dict[str, int]
    power_limits: tuple[PowerLimit, ...]
    row_of_power: dict[str, int]
    row_of_rack: dict[str, int]
    """Of racks whose path does not say where in the power tree they hang."""
    gpu_kw_max: dict[str, float]
    kinds: tuple[pools.Kind, ...] = ()
    """Sets of pools and features that nodes have."""
    is_preempting: bool = False
    """Whether jobs may be told to stop for others; else what they say of it tells none apart."""


def names_of(
    nodes: Sequence[Node],
    projects: Sequence[ProjectQuota],
    power: Sequence[PowerLimit] = (),
    is_preempting: bool = False,
) -> Names:
    """Sort nodes by path and number everything, so that the same factory gives the same arrays."""
    ordered = tuple(sorted(nodes, key=lambda node: node.path))
    tree = tuple(sorted(projects, key=lambda project: project.path))
    quotas = quota_tree.quota_tree(tree, ordered)
    limits = power_tree.ordered(power)
    row_of_power = {limit.path: row for row, limit in enumerate(limits, len(quotas.rows))}
    return Names(
        nodes=ordered,
        node_index={node.path: index for index, node in enumerate(ordered)},
        sites=tuple(sorted({node.site for node in ordered})),
        gpu_types=tuple(sorted({node.gpu_type for node in ordered})),
        projects=tree,
        quotas=quotas,
        row_of_project=quotas.row_of_project,
        power_limits=limits,
        row_of_power=row_of_power,
        row_of_rack=power_tree.row_of_rack(row_of_power, limits),
        gpu_kw_max=power_tree.gpu_kw_max(ordered),
        kinds=pools.kinds_of(ordered),
        is_preempting=is_preempting,
    )


def empty_state(names: Names, policy: FleetPolicy | None = None) -> sched.State:
    """The scheduler's state of an idle factory."""
    policy = FleetPolicy() if policy is None else policy
    nodes, hung = names.nodes, (names.row_of_power, names.row_of_rack)
    columns = sched.Nodes(
        domain=_domains(nodes),
        pool=np.array(pools.numbers_of(names.kinds, nodes), np.int64),
        gpu_type=np.array([names.gpu_types.index(node.gpu_type) for node in nodes], np.int64),
        site=np.array([names.sites.index(node.site) for node in nodes], np.int64),
        gpu_milli=np.array([node.gpus * MILLI for node in nodes], np.int64),
        cpu_milli=np.array([math.floor(node.cpus * MILLI) for node in nodes], np.int64),
        memory_mib=np.array([node.memory_mib for node in nodes], np.int64),
        row=np.array([power_tree.row_of(*hung, node) for node in nodes], np.int64),
    )
    half_life_ms = round(policy.half_life_s * MS_PER_S) if policy.ordering == "fair-share" else 0
    quota = quota_tree.rows_of(names.quotas, half_life_ms)
    power = power_tree.rows(names.row_of_power, names.power_limits)
    eviction = _eviction(policy.preemption)
    return sched.empty(columns, _joined(quota, power), _placing(names, policy), eviction)


def gang_of(names: Names, spec: JobSpec, project: str) -> sched.Gang:
    """What the scheduler must find for the whole job."""
    shapes = [shape_of(names, part, project) for part in parts_of(spec)]
    return sched.Gang(shapes[0], sizes_of(spec)[1:], tuple(shapes[1:]))


def never_fits(
    state: sched.State, names: Names, spec: JobSpec, project: str, lasts_ms: int
) -> sched.Reason | None:
    """Why no state of this factory could ever start such a job; None when one could."""
    gang = gang_of(names, spec, project)
    return sched.never_fits(state, gang.shape, lasts_ms, gang.groups)


def shape_of(names: Names, spec: JobSpec, project: str) -> sched.Shape:
    """The same of its smallest size, or its first group: amounts rounded so that they suffice."""
    spec = parts_of(spec)[0]
    resources = spec.resources
    required, preferred = _levels(spec)
    return sched.Shape(
        nodes=sizes_of(spec)[0],
        gpu_milli=math.ceil(resources.gpus_per_node * MILLI),
        cpu_milli=math.ceil(resources.cpus_per_node * MILLI),
        memory_mib=gigabytes_to_mib(resources.memory_per_node),
        gpu_type=_index_or_unknown(names.gpu_types, resources.gpu_type),
        pool=pools.bits_of(names.kinds, spec.slurm),
        level_required=required,
        level_preferred=preferred,
        sites=_site_bits(names, spec, project),
        row=names.row_of_project.get(project, sched.NONE),
        type_row=quota_tree.type_row(names.quotas, names.gpu_types, spec, project),
        watts=power_tree.watts(names.gpu_kw_max, spec) if names.power_limits else 0,
        **_form(spec),
        **(_standing(spec) if names.is_preempting else {}),
    )


def _standing(spec: JobSpec) -> dict[str, int]:
    """Who may be told to stop for whom. The grace of a job that nobody may tell says nothing."""
    return {
        "tier": _TIERS[spec.tier],
        "preemptible": int(spec.preemptible),
        "grace_ms": math.ceil(spec.grace * MS_PER_S) if spec.preemptible else 0,
    }


def refuse_unsaid_type(names: Names, spec: JobSpec, project: str) -> None:
    """InputError for a job that names no GPU type where a quota of one would have to count it."""
    if any(
        quota_tree.is_type_unsaid(names.quotas, names.gpu_types, part, project)
        for part in parts_of(spec)
    ):
        raise InputError(
            f"job {spec.name}: GPUs of {project} are counted by type, and it names none; "
            f"add resources: {{gpu_type: ...}}, one of {', '.join(names.gpu_types)}"
        )


def duration_ms(spec: JobSpec, policy: FleetPolicy) -> int:
    """How long the job is expected to hold its nodes: its limit, or the policy's default."""
    limit_s = spec.time_limit if spec.time_limit is not None else policy.time_limit_default_s
    return max(1, math.ceil(limit_s * MS_PER_S))


def backfill_of(policy: FleetPolicy) -> int:
    """The scheduler's mode."""
    return _BACKFILL[policy.backfill]


def priority_of(names: Names, spec: JobSpec, project: str) -> int:
    """The job's own priority on top of its organisation's."""
    return spec.priority + priority_of_project(names, project)


def priority_of_project(names: Names, project: str) -> int:
    """What its organisation adds to the priority of every job; 0 for a project nobody knows."""
    row = names.row_of_project.get(project)
    quota = names.quotas.rows[row].quota if row is not None else None
    return quota.priority if isinstance(quota, ProjectQuota) else 0


def _domains(nodes: Sequence[Node]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """`domain[n_levels, n_nodes]`: indices in order of first appearance along the sorted paths."""
    table = np.zeros((len(LEVELS), len(nodes)), np.int64)
    for level in range(len(LEVELS)):
        seen: dict[str, int] = {}
        for index, node in enumerate(nodes):
            table[level, index] = seen.setdefault(node.domains[level], len(seen))
    return table


def _placing(names: Names, policy: FleetPolicy) -> sched.Placing:
    typical = [
        sched.Typical(
            gpu_milli=math.ceil(demand.gpus * MILLI),
            cpu_milli=math.ceil(demand.cpus * MILLI),
            weight=demand.weight,
            gpu_types=_type_bits(names, demand.gpu_types),
        )
        for demand in policy.typical
    ]
    return sched.Placing(_PLACEMENT[policy.placement], policy.placement_seed, typical)


def _eviction(preemption: Preemption) -> sched.Eviction:
    return sched.Eviction(
        enabled=int(preemption.enabled),
        priority_gap=preemption.priority_gap,
        evictions_max=preemption.evictions_max,
        run_min_ms=math.ceil(preemption.run_min_s * MS_PER_S),
        defragment=int(preemption.defragment),
        moves_max=preemption.moves_max,
    )


def _type_bits(names: Names, gpu_types: tuple[str, ...]) -> int:
    """Acceptable GPU types as bits; any when none is named, none when no node has those named."""
    if not gpu_types:
        return sched.ANY_TYPE
    return sum(1 << index for index, name in enumerate(names.gpu_types) if name in gpu_types)


def _joined(quota: sched.Rows, power: sched.Rows) -> sched.Rows:
    """Quota rows, then the power rows with what such a row is where it is no quota."""
    others = len(power.parent)
    return quota._replace(
        parent=[*quota.parent, *power.parent],
        limit=[*quota.limit, *power.limit],
        guarantee=[*quota.guarantee, *[sched.NONE] * others],
        kept=[*quota.kept, *[0] * others],
        budget=[*quota.budget, *[sched.NONE] * others],
        share=[*quota.share, *[1] * others],
    )


def _levels(spec: JobSpec) -> tuple[int, int]:
    """Required and preferred level. A gang never crosses sites, and prefers to be close."""
    site = _LEVEL_INDEX[Level.SITE]
    if spec.topology is None or spec.topology.level is None or spec.topology.segment is not None:
        return site, 0
    level = _LEVEL_INDEX[spec.topology.level]
    if spec.topology.mode is TopologyMode.REQUIRED:
        return level, 0
    return site, level


def _form(spec: JobSpec) -> dict[str, int]:
    """Segments, spread and rails. One segment is the whole gang; one node has no rails to align."""
    topology, form = spec.topology, {}
    if topology is None:
        return {}
    if topology.segment is not None and topology.level is not None:
        is_required = topology.mode is TopologyMode.REQUIRED
        size = min(topology.segment, spec.nodes)
        form["segment"] = size if is_required else -size
        form["segment_level"] = _LEVEL_INDEX[topology.level]
    if topology.spread is not None:
        form["spread_level"] = _LEVEL_INDEX[topology.spread]
    if topology.rails is not None and spec.nodes > 1:
        form["rails"] = 1
    return form


def _site_bits(names: Names, spec: JobSpec, project: str) -> int:
    """The sites the job may run at, as bits: its own wish within what its project may use."""
    allowed = set(names.sites)
    if spec.sites:
        allowed &= set(spec.sites)
    path = project
    while path:
        row = names.row_of_project.get(path)
        quota = names.quotas.rows[row].quota if row is not None else None
        if isinstance(quota, ProjectQuota) and quota.sites is not None:
            allowed &= set(quota.sites)
        path = path.rpartition("/")[0]
    return sum(1 << index for index, site in enumerate(names.sites) if site in allowed)


def _index_or_unknown(known: Sequence[str], name: str | None) -> int:
    """Index of `name`; ANY without a name; one past the end for a name no node has."""
    if name is None:
        return sched.ANY
    return known.index(name) if name in known else len(known)
