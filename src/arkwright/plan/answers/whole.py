"""Everything a plan answers, worked out at once."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from arkwright.plan.answers.binding import Bound, Earlier, bounds, earlier, tightest
from arkwright.plan.answers.breakeven import BreakEven, break_even
from arkwright.plan.answers.deals import Deal, deals
from arkwright.plan.answers.dependence import Dependence, dependences
from arkwright.plan.answers.frontier import Point
from arkwright.plan.answers.funnel import Said, Step, funnel
from arkwright.plan.answers.knowing import Knowing
from arkwright.plan.answers.marginal import marginal
from arkwright.plan.answers.milestones import Milestone, milestones
from arkwright.plan.answers.money import Flow, Worth, flow, worth
from arkwright.plan.answers.overbuild import Overbuild, overbuild
from arkwright.plan.answers.prices import Shadow
from arkwright.plan.answers.sites import SitePower, site_power
from arkwright.plan.answers.tornado import Bar, tornado
from arkwright.plan.breach import Breach
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Rollout


class Proof(Struct, frozen=True, kw_only=True):
    """How good the plan is known to be."""

    gap: float | None
    """No plan is better by more than this share; None where nothing was solved."""
    bound: float | None
    """No plan's objective is higher, M."""
    stopped: str
    """Why the search ended, in words."""
    seconds: float


class Answers(Struct, frozen=True, kw_only=True, eq=False):
    """A plan and what it says."""

    rollout: Rollout
    futures: Futures
    outcome: Outcome
    proof: Proof
    worth: Worth
    flow: Flow
    milestones: tuple[Milestone, ...]
    deals: tuple[Deal, ...]
    funnel: tuple[Step, ...]
    sites: tuple[SitePower, ...]
    overbuild: Overbuild
    break_even: BreakEven
    tornado: tuple[Bar, ...]
    bounds: tuple[Bound, ...]
    """The one that is worth the most to loosen, of each quarter."""
    site_bounds: tuple[Bound, ...]
    earlier: tuple[Earlier, ...]
    dependences: tuple[Dependence, ...]
    shadows: tuple[Shadow, ...] = ()
    """What the rules of the first stage cost, dearest first."""
    breaches: tuple[Breach, ...] | None = None
    """Rules that the independent checker finds broken; None where it was not asked."""
    frontier: tuple[Point, ...] = ()
    """Empty where it was not asked for: it takes a plan for each weight."""
    knowing: tuple[Knowing, ...] = ()
    """Empty where it was not asked for."""


def answered(
    rollout: Rollout,
    futures: Futures,
    outcome: Outcome,
    proof: Proof,
    said: Mapping[str, Said] | None = None,
    shadows: tuple[Shadow, ...] = (),
    breaches: tuple[Breach, ...] | None = None,
    frontier: tuple[Point, ...] = (),
    knowing: tuple[Knowing, ...] = (),
    bars: tuple[Bar, ...] | None = None,
) -> Answers:
    """Every answer that needs no further plan; those that do are given: `bars` is a tornado."""
    schedule = outcome.schedule
    even = break_even(rollout, futures, schedule, outcome)
    value = marginal(rollout, futures, outcome)
    site_bounds = bounds(rollout, futures, outcome, value)
    return Answers(
        rollout=rollout,
        futures=futures,
        outcome=outcome,
        proof=proof,
        worth=worth(rollout, futures, outcome),
        flow=flow(futures, outcome),
        milestones=milestones(rollout, futures, schedule),
        deals=deals(rollout, futures, schedule),
        funnel=funnel(rollout, futures, schedule, outcome, said),
        sites=site_power(rollout, futures, outcome),
        # Below break-even more was built than pays; a plan that cannot fail that way has no such
        # line, and nothing of it is too much.
        overbuild=overbuild(rollout, futures, schedule, outcome, even.utilisation or 0.0),
        break_even=even,
        tornado=tornado(rollout, futures, schedule) if bars is None else bars,
        bounds=tightest(site_bounds),
        site_bounds=site_bounds,
        earlier=earlier(rollout, futures, schedule, value),
        dependences=dependences(rollout, futures, schedule, outcome),
        shadows=shadows,
        breaches=breaches,
        frontier=frontier,
        knowing=knowing,
    )
