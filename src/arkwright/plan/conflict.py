"""A programme that cannot be: which rules contradict each other, and the least that would do.

Every rule that limits decisions is given an amount by which it may be broken, in its own unit. The
least total (each amount as a share of its limit) is zero where the programme can be; otherwise

- the rules with a price at that optimum contain a contradiction (Farkas), from which rules are left
  out one after another while the rest still contradicts itself (a deletion filter): what stays is a
  smallest set, each of which is needed for the contradiction;
- each rule of that set is relaxed alone, which says what it would take there;
- the amounts of the whole say what is needed together, should there be more than one contradiction.

Cash and cover (R9, R11) depend on what is earned: the cuts of the solver bound that from above, and
are added until the cash that a schedule really leaves agrees with them.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arkwright.plan.elastic import ENOUGH, Elastic, Shortfall
from arkwright.plan.futures import Futures
from arkwright.plan.limits import Limit
from arkwright.plan.rollout import Rollout


class Relaxation(Struct, frozen=True, kw_only=True):
    """One limit, and by how much it gives way."""

    limit: Limit
    by: float
    """In the limit's unit."""
    words: str


class Conflict(Struct, frozen=True, kw_only=True):
    """Why a programme cannot be."""

    limits: tuple[Limit, ...]
    """A smallest set: without any one of them the others can be kept."""
    ways: tuple[Relaxation, ...]
    """What each of them alone would have to give for the others to be kept, least share first."""
    relaxation: tuple[Relaxation, ...]
    """What has to give in all for every rule of the programme to be kept, by least total share."""
    whole: bool
    """Parts of tranches and halls could keep the limits: only whole ones cannot."""
    words: str
    """The contradiction and the least ways out, in a few sentences."""


def conflict(rollout: Rollout, futures: Futures) -> Conflict | None:
    """Why no schedule keeps every rule in every outcome; None where one does.

    Racks count in parts here, as in the solver. Starts and halls are whole.
    """
    programme = Elastic(rollout, futures)
    everything = tuple(range(len(programme.limits)))
    whole = False
    found = programme.shortfall(everything, whole=whole)
    if found.total <= ENOUGH:
        whole = True
        found = programme.shortfall(everything, whole=whole)
    if found.total <= ENOUGH:
        return None
    suspects = everything if whole else _priced(found, everything)
    kept = _smallest(programme, suspects, whole)
    ways = _ways(programme, kept, whole)
    among = programme.shortfall(kept, whole=whole)
    limits = tuple(programme.named(g, among) for g in sorted(kept, key=programme.rank))
    relaxation = tuple(
        _relaxed(programme.named(g, found), float(found.by[g]))
        for g in everything
        if found.by[g] > ENOUGH * programme.scale[g]
    )
    return Conflict(
        limits=limits,
        ways=ways,
        relaxation=relaxation,
        whole=whole,
        words=_words(limits, ways, relaxation, whole),
    )


def _priced(found: Shortfall, everything: Sequence[int]) -> tuple[int, ...]:
    return tuple(g for g in everything if abs(found.price[g]) > 1e-9)


def _smallest(programme: Elastic, suspects: Sequence[int], whole: bool) -> tuple[int, ...]:
    """Leave out what is not needed: a rule with all its limits first, then limit by limit."""
    kept = list(suspects)
    rules = sorted({programme.limits[g].rule for g in kept})
    parts = [[g for g in kept if programme.limits[g].rule == rule] for rule in rules]
    for part in [*parts, *([g] for g in suspects)]:
        rest = [g for g in kept if g not in part]
        if len(rest) == len(kept):
            continue
        if programme.shortfall(rest, whole=whole, yes_or_no=True).total > ENOUGH:
            kept = rest
    return tuple(kept)


def _ways(programme: Elastic, kept: Sequence[int], whole: bool) -> tuple[Relaxation, ...]:
    """Each limit relaxed alone, the others kept."""
    found = []
    for g in kept:
        alone = programme.shortfall(kept, whole=whole, giving=(g,))
        by = float(alone.by[g])
        found.append((by / programme.scale[g], _relaxed(programme.named(g, alone), by)))
    found.sort(key=lambda pair: pair[0])
    return tuple(relaxation for _, relaxation in found)


def _relaxed(limit: Limit, by: float) -> Relaxation:
    return Relaxation(limit=limit, by=by, words=limit.relaxed(by))


def _words(
    limits: Sequence[Limit],
    ways: Sequence[Relaxation],
    relaxation: Sequence[Relaxation],
    whole: bool,
) -> str:
    """`R7 allows 120 racks …; R8 wants 200 …: these cannot all be kept. Either … or ….`"""
    told = _merged(limits)
    cannot = "this cannot be kept" if len(told) == 1 else "these cannot all be kept"
    if whole:
        cannot += " with whole tranches and halls"
    out = "; or ".join(way.words for way in ways)
    either = "Either " if len(ways) > 1 else "What would do: "
    text = f"{'; '.join(told)}: {cannot}. {either}{out}."
    known = {limit.key for limit in limits}
    if any(part.limit.key not in known for part in relaxation):
        together = "; ".join(_gathered(relaxation))
        text += f" The least that makes the whole programme possible: {together}."
    return text


def _gathered(relaxation: Sequence[Relaxation]) -> list[str]:
    """One thing to do for each rule and place, however many quarters it is for."""
    groups: dict[tuple[str, str], list[tuple[Limit, float]]] = {}
    for part in relaxation:
        groups.setdefault((part.limit.clause, part.limit.where), []).append((part.limit, part.by))
    return [same[0][0].all_relaxed(same) for same in groups.values()]


def _merged(limits: Sequence[Limit]) -> list[str]:
    """One clause for each rule and place, however many quarters it binds in."""
    clauses: dict[tuple[str, str], list[Limit]] = {}
    for limit in limits:
        clauses.setdefault((limit.clause, limit.where), []).append(limit)
    return [same[0].together(same) for same in clauses.values()]
