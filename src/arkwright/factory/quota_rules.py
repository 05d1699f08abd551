"""Rules between the quotas of an organisation and those of its projects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from arkwright.factory.spec import Organisation, Quota, TypeQuota

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""


def quota_rules(path: str, organisation: Organisation) -> Found:
    """Every broken one: guarantees within limits, and what projects have within what is there."""
    whole = organisation.quota
    projects = {name: project.quota for name, project in organisation.projects.items()}
    yield from _one(f"{path}.quota", whole)
    for name, quota in projects.items():
        yield from _one(f"{path}.projects.{name}.quota", quota)
    yield from _below(path, "quota", whole, projects)
    for gpu_type, bound in whole.by_type.items():
        typed = {name: q.by_type[gpu_type] for name, q in projects.items() if gpu_type in q.by_type}
        yield from _below(path, f"quota.by_type.{gpu_type}", bound, typed)


def _one(key: str, quota: Quota) -> Found:
    yield from _guarantee(key, quota)
    for gpu_type, typed in quota.by_type.items():
        yield from _guarantee(f"{key}.by_type.{gpu_type}", typed)


def _guarantee(key: str, quota: TypeQuota) -> Found:
    if quota.guarantee is None:
        if quota.lend is not None:
            yield f"{key}.lend", "there is no guarantee to lend from", "give guarantee as well"
        return
    if quota.gpus is not None and quota.guarantee > quota.gpus:
        found = f"{quota.guarantee:,} GPUs, more than the limit of {quota.gpus:,}"
        yield f"{key}.guarantee", found, f"give at most {quota.gpus}"
    if quota.lend is not None and quota.lend > quota.guarantee:
        found = f"{quota.lend:,} GPUs, more than the guarantee of {quota.guarantee:,}"
        yield f"{key}.lend", found, f"give at most {quota.guarantee}"


def _below(path: str, key: str, whole: TypeQuota, projects: Mapping[str, TypeQuota]) -> Found:
    for name, quota in projects.items():
        if whole.gpus is not None and quota.gpus is not None and quota.gpus > whole.gpus:
            found = f"{quota.gpus:,} GPUs, more than the {whole.gpus:,} of the whole organisation"
            yield f"{path}.projects.{name}.{key}.gpus", found, f"give at most {whole.gpus}"
    bound = whole.guarantee if whole.guarantee is not None else whole.gpus
    promised = sum(quota.guarantee or 0 for quota in projects.values())
    if bound is not None and promised > bound:
        found = f"{bound:,} GPUs, and {promised:,} of them are guaranteed to projects"
        which = "guarantee" if whole.guarantee is not None else "gpus"
        yield f"{path}.{key}.{which}", found, f"give at least {promised}, or guarantee less"
