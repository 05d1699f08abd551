"""Rules of capacity contracts: each makes sense, and all of one time fit within the quota above."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from arkwright.factory.spec import Organisation, Project, Quota, TypeQuota
from arkwright.units import parse_instant

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""


class _Sold(NamedTuple):
    """A contract whose times make sense [ms since the Unix epoch]."""

    from_ms: int
    until_ms: int
    gpus: int
    gpu_type: str | None


def contract_rules(path: str, organisation: Organisation) -> Found:
    """Every broken one: times, lending, and what is sold at once against limits."""
    own: list[_Sold] = []
    yield from _each(path, organisation, own)
    projects: dict[str, tuple[Quota, list[_Sold]]] = {}
    for name, project in organisation.projects.items():
        theirs: list[_Sold] = []
        key = f"{path}.projects.{name}"
        yield from _each(key, project, theirs)
        yield from _within(key, project.quota, theirs, {})
        projects[name] = project.quota, theirs
    yield from _within(path, organisation.quota, own, projects)


def instant_ms(written: str) -> int:
    """An `Instant` in ms since the Unix epoch. Raises ValueError when there is no such day."""
    return parse_instant(written if "T" in written else f"{written}T00:00:00Z")


def _each(path: str, part: Organisation | Project, known: list[_Sold]) -> Found:
    """What is wrong with single ones; those whose times make sense go to `known`."""
    for index, contract in enumerate(part.contracts):
        key = f"{path}.contracts[{index}]"
        if contract.lend > contract.gpus:
            found = f"{contract.lend:,} GPUs, more than the {contract.gpus:,} bought"
            yield f"{key}.lend", found, f"give at most {contract.gpus}"
        from_ms, until_ms = _known_ms(contract.start), _known_ms(contract.end)
        for name, written, at_ms in (
            ("from", contract.start, from_ms),
            ("until", contract.end, until_ms),
        ):
            if at_ms is None:
                found = f"there is no such time as {written}"
                yield f"{key}.{name}", found, "give a day such as 2027-01-01, or a time as RFC 3339"
        if from_ms is None or until_ms is None:
            continue
        if from_ms >= until_ms:
            found = f"{contract.end} is not after {contract.start}"
            yield f"{key}.until", found, "give a later end"
            continue
        known.append(_Sold(from_ms, until_ms, contract.gpus, contract.gpu_type))


def _known_ms(written: str) -> int | None:
    """The instant; None where there is none, and before 1970, which no clock here shows."""
    try:
        at_ms = instant_ms(written)
    except ValueError:
        return None
    return at_ms if at_ms >= 0 else None


def _within(
    path: str, quota: Quota, own: list[_Sold], below: Mapping[str, tuple[Quota, list[_Sold]]]
) -> Found:
    """What is promised at one time is at most the limit, of all types and of each.

    Promised is the guarantee with the contracts, or what is promised to projects, if that is more:
    theirs lies within the organisation's.
    """
    times = {
        each.from_ms for each in (*own, *(sold for _, all_ in below.values() for sold in all_))
    }
    for gpu_type in (None, *quota.by_type):
        bound = quota if gpu_type is None else quota.by_type[gpu_type]
        most = 0
        for at_ms in times:
            mine = _promised(quota, own, gpu_type, at_ms)
            theirs = sum(_promised(part, sold, gpu_type, at_ms) for part, sold in below.values())
            most = max(most, mine, theirs)
        if bound.gpus is not None and most > bound.gpus:
            kind = "" if gpu_type is None else f" of {gpu_type}"
            found = (
                f"{most:,} GPUs{kind} at one time with what is guaranteed, more than the limit of "
                f"{bound.gpus:,}"
            )
            yield f"{path}.contracts", found, f"give a limit of at least {most}, or sell less"


def _promised(quota: Quota, sold: Iterable[_Sold], gpu_type: str | None, at_ms: int) -> int:
    bound: TypeQuota | None = quota if gpu_type is None else quota.by_type.get(gpu_type)
    bought = sum(
        each.gpus
        for each in sold
        if each.from_ms <= at_ms < each.until_ms and gpu_type in (None, each.gpu_type)
    )
    return bought + ((bound.guarantee or 0) if bound is not None else 0)
