"""What to do when: the milestones as a planner's list, deliveries of a year together."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arkwright.plan.answers.milestones import GRID, HALL, RACKS, Milestone


class Step(Struct, frozen=True, kw_only=True):
    """One line: of halls and racks everything of a kind that a site begins in a year."""

    begun: int
    """First quarter."""
    until: int
    """Last quarter in which some of it is begun."""
    site: str
    kind: str
    name: str
    amount: float
    """Expected: what is begun in some outcomes only counts with their probability."""
    mw: float
    gpus: float
    low: int
    """When one outcome in ten has the last of it."""
    high: int
    promised: int
    """When the last of it is promised."""
    late: float
    """Probability that the last of it is late."""
    probability: float
    """Of anything of it being begun, at least that of the likeliest part."""


def steps(found: Sequence[Milestone], quarters: Sequence[str]) -> tuple[Step, ...]:
    """Lines by first quarter, then site."""
    groups: dict[tuple[str, str, str, str], list[Milestone]] = {}
    for one in found:
        year = "" if one.kind == GRID else quarters[one.begun][:4]
        groups.setdefault((one.site, one.kind, one.name, year), []).append(one)
    kinds = (GRID, HALL, RACKS)
    lines = [_joined(group) for group in groups.values()]
    sites = list(dict.fromkeys(one.site for one in found))
    lines.sort(key=lambda s: (s.begun, sites.index(s.site), kinds.index(s.kind), s.name))
    return tuple(lines)


def _joined(group: Sequence[Milestone]) -> Step:
    last = max(group, key=lambda one: (one.promised, one.high))
    first = group[0]
    return Step(
        begun=min(one.begun for one in group),
        until=max(one.begun for one in group),
        site=first.site,
        kind=first.kind,
        name=first.name,
        amount=sum(one.amount * one.probability for one in group),
        mw=sum(one.mw * one.probability for one in group),
        gpus=sum(one.gpus * one.probability for one in group),
        low=last.low,
        high=last.high,
        promised=last.promised,
        late=last.late,
        probability=max(one.probability for one in group),
    )
