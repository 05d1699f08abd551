"""A fleet from a checked factory and the nodes its engines found."""

from __future__ import annotations

from collections.abc import Sequence

from arkwright.design import Node, PowerLimit, power_limits
from arkwright.factory import (
    Factory,
    Organisation,
    Project,
    age_per_point,
    allowed_sites,
    deadline_default,
    half_life,
    instant_ms,
    policy_hash,
    time_limit_default,
)
from arkwright.fleet.fleet import Fleet
from arkwright.fleet.lowering import FleetPolicy, Preemption, TypicalDemand
from arkwright.fleet.quota_tree import Budget, Contract, ProjectQuota, TypeQuota


def assemble(
    factory: Factory, nodes: Sequence[Node], power: Sequence[PowerLimit] | None = None
) -> Fleet:
    """The fleet of `factory` on `nodes`: quotas, residency and policy come from the file.

    `power` is the power tree, `design.power_limits` of the factory; None designs it here, under
    synthetic weather.
    """
    power = power_limits(factory) if power is None else power
    return Fleet(nodes, project_quotas(factory), fleet_policy(factory), power)


def fleet_policy(factory: Factory) -> FleetPolicy:
    """What the scheduler must know of the factory's policy."""
    return FleetPolicy(
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
        half_life_s=half_life(factory).value,
        age_per_point_s=age_per_point(factory).value,
        deadline_default_s=deadline_default(factory).value,
        sha256=policy_hash(factory),
    )


def project_quotas(factory: Factory) -> list[ProjectQuota]:
    """Every organisation and project, with what it may hold, where, and its standing."""
    quotas = []
    for name, organisation in factory.organisations.items():
        tree: list[tuple[str, Organisation | Project]] = [(name, organisation)]
        tree += [(f"{name}/{sub}", project) for sub, project in organisation.projects.items()]
        quotas += [
            ProjectQuota(
                path=path,
                gpus_limit=part.quota.gpus,
                sites=allowed_sites(factory, path),
                priority=organisation.priority,
                guarantee=part.quota.guarantee,
                lend=part.quota.lend,
                share=part.quota.share,
                by_type=_by_type(part),
                budget=_budget(part),
                contracts=_contracts(path, part),
            )
            for path, part in tree
        ]
    return quotas


def _by_type(part: Organisation | Project) -> tuple[TypeQuota, ...]:
    return tuple(
        TypeQuota(
            gpu_type=gpu_type, gpus_limit=typed.gpus, guarantee=typed.guarantee, lend=typed.lend
        )
        for gpu_type, typed in part.quota.by_type.items()
    )


def _contracts(path: str, part: Organisation | Project) -> tuple[Contract, ...]:
    """Named by their place in the file: no name of a contract made later has such a sign."""
    return tuple(
        Contract(
            name=f"{path}#{number}",
            project=path,
            gpus=contract.gpus,
            from_ms=instant_ms(contract.start),
            until_ms=instant_ms(contract.end),
            gpu_type=contract.gpu_type,
            lend=contract.lend,
            usd_per_gpu_hour=contract.usd_per_gpu_hour,
            is_in_file=True,
        )
        for number, contract in enumerate(part.contracts, 1)
    )


def _budget(part: Organisation | Project) -> Budget | None:
    if part.budget is None:
        return None
    return Budget(gpu_hours=part.budget.gpu_hours, per=part.budget.per.value)
