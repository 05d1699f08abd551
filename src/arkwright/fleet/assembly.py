"""A fleet from a checked factory and the nodes its engines found."""

from __future__ import annotations

from collections.abc import Sequence

from arkwright.design import Node, power_limits
from arkwright.factory import Factory, allowed_sites, policy_hash, time_limit_default
from arkwright.fleet.fleet import Fleet
from arkwright.fleet.lowering import FleetPolicy, Preemption, ProjectQuota, TypicalDemand


def assemble(factory: Factory, nodes: Sequence[Node]) -> Fleet:
    """The fleet of `factory` on `nodes`: quotas, residency, power and policy come from the file."""
    policy = FleetPolicy(
        ordering=factory.policy.ordering.value,
        backfill=factory.policy.backfill.value,
        placement=factory.policy.placement.value,
        placement_seed=factory.policy.placement_seed,
        typical=tuple(
            TypicalDemand(
                gpus=job.gpus_per_node,
                cpus=job.cpus_per_node,
                gpu_types=job.gpu_types,
                weight=job.weight,
            )
            for job in factory.policy.typical_jobs
        ),
        preemption=Preemption(
            enabled=factory.policy.preemption.enabled,
            priority_gap=factory.policy.preemption.priority_gap,
            evictions_max=factory.policy.preemption.evictions_max,
            run_min_s=factory.policy.preemption.run_min,
            defragment=factory.policy.preemption.defragment,
            moves_max=factory.policy.preemption.moves_max,
        ),
        time_limit_default_s=time_limit_default(factory).value,
        time_limit_max_s=factory.policy.time_limit_max,
        sha256=policy_hash(factory),
    )
    return Fleet(nodes, project_quotas(factory), policy, power_limits(factory))


def project_quotas(factory: Factory) -> list[ProjectQuota]:
    """Every organisation and project, with what it may hold, where, and its standing."""
    quotas = []
    for name, organisation in factory.organisations.items():
        tree = [(name, organisation.quota)]
        tree += [(f"{name}/{sub}", project.quota) for sub, project in organisation.projects.items()]
        quotas += [
            ProjectQuota(
                path=path,
                gpus_limit=quota.gpus,
                sites=allowed_sites(factory, path),
                priority=organisation.priority,
            )
            for path, quota in tree
        ]
    return quotas
