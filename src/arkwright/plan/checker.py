"""Does a schedule keep every rule in every outcome? From the rules as they are written, plainly.

Nothing of the solver is used: states are summed up again, and what may be earned is found again by
`best_use`. Each rule is one function with its formula; `docs/plan.md` states them all. Decisions
are followed along every outcome's path, so two stages and trees are the same here.

Axes as in `rollout`; `a` is the quarter of a decision and `b` the one in which it has an effect.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from arkwright.plan.best_use import best_use
from arkwright.plan.breach import TOLERANCE, Bench, Breach
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import ANYWHERE, Floats, Rollout
from arkwright.plan.schedule import Schedule


class Use(Struct, frozen=True, kw_only=True, eq=False):
    """What somebody says is run and served, to be checked beside the schedule."""

    running_mw: Floats
    """(P, G, W, T) MW at the grid of racks in use."""
    served: Floats
    """(C, R, W, T) H100-equivalents."""


def check(
    rollout: Rollout, futures: Futures, schedule: Schedule, *, use: Use | None = None
) -> list[Breach]:
    """Every rule that is broken, in the order of their numbers.

    Args:
        rollout: the programme.
        futures: its outcomes.
        schedule: what was decided; whole racks, halls and starts.
        use: also check this use of what stands (R1, R2, R3, R12, R15 and demand). Cash and cover
            always count the best use there is.

    Raises:
        ValueError: a decision has the wrong shape.
    """
    case = _Case(rollout, futures, schedule)
    found = [
        *_r5_tranches(case),
        *_r6_halls(case),
        *_r7_orders(case),
        *_r8_minimum(case),
        *_r9_cash(case),
        *_r10_loans(case),
        *_r11_cover(case),
        *_r13_vendor(case),
        *_r14_country(case),
        *_r16_hedge(case),
        *(_use(case, use) if use is not None else ()),
    ]
    return sorted(found, key=lambda breach: breach.rule)


class _Case:
    """A schedule followed along every outcome's path; axes (…, W, T)."""

    def __init__(self, rollout: Rollout, futures: Futures, schedule: Schedule) -> None:
        _same_shapes(rollout, futures, schedule)
        self.rollout, self.futures = rollout, futures
        self.bench = Bench(rollout=rollout, futures=futures)
        power, supply = rollout.power, rollout.supply
        self.starts = schedule.starts[:, futures.path]
        self.halls = schedule.halls[:, futures.path]
        self.racks = schedule.racks[:, :, futures.path]
        self.signed = schedule.signed[:, futures.path]
        self.drawn = schedule.drawn[:, futures.path]
        powered = np.einsum("kwa,wkab->kwb", self.starts, futures.powered)
        at = power.tranche_site[:, None] == np.arange(len(power.mw_now))
        self.energised = power.mw_now[:, None, None] + np.einsum(
            "ks,k,kwb->swb", at, power.tranche_mw, powered
        )
        opened = np.einsum("pwa,wpab->pwb", self.halls, futures.opened)
        self.ready = power.halls_now[:, None, None] + opened
        self.ready_mw = power.hall_mw[:, None, None] * self.ready
        arrived = np.einsum("pgwa,wgab->pgwb", self.racks, futures.arrived)
        self.present = supply.racks_now[:, :, None, :] + arrived
        self.in_force = np.einsum("jwa,jab->jwb", self.signed, rollout.market.offer_active)
        self.service = np.einsum("fwa,fab->wb", self.drawn, rollout.capital.service)
        self.margin = self._margin()

    def _margin(self) -> Floats:
        """Q[w, t], M: the best use, less what stands costs, and power contracts settled."""
        rollout, futures, market = self.rollout, self.futures, self.rollout.market
        earned = best_use(rollout, futures, self.energised, self.ready_mw, self.present)
        halls = np.einsum("p,pwt->wt", rollout.power.hall_opex, self.ready)
        racks = np.einsum("pg,pgwt->wt", rollout.supply.rack_opex, self.present)
        over = futures.spot[market.offer_site] - market.offer_strike[:, None, None]
        margin: Floats = earned - halls - racks + (over * self.in_force).sum(axis=0)
        return margin

    def paid(self) -> Floats:
        """(W, T) M for tranches, halls and racks."""
        capital = self.rollout.capital
        paid: Floats = (
            np.einsum("kwa,kab->wb", self.starts, capital.pay_tranche)
            + np.einsum("pwa,pab->wb", self.halls, capital.pay_hall)
            + np.einsum("pgwa,pgab->wb", self.racks, capital.pay_rack)
        )
        return paid


def _same_shapes(rollout: Rollout, futures: Futures, schedule: Schedule) -> None:
    names, slots = rollout.names, len(futures.slot_quarter)
    wanted = {
        "starts": (len(names.tranches), slots),
        "halls": (len(names.places), slots),
        "racks": (len(names.places), len(names.generations), slots),
        "signed": (len(names.offers), slots),
        "drawn": (len(names.facilities), slots),
    }
    wrong = [
        f"{name} is {getattr(schedule, name).shape} and must be {shape}"
        for name, shape in wanted.items()
        if getattr(schedule, name).shape != shape
    ]
    if wrong:
        raise ValueError(f"a schedule of {rollout.name}: " + "; ".join(wrong))


def _r5_tranches(case: _Case) -> Iterator[Breach]:
    """sum_t starts[k] <= 1; starts[k] by t <= starts[before] by t; may_start;
    sum_{p in s, g} rack_mw racks by t >= offtake[k] starts[k, t]."""
    power, names = case.rollout.power, case.rollout.names.tranches
    begun = case.starts.cumsum(axis=2)
    yield from case.bench.whole(5, names, case.starts, "starts")
    yield from case.bench.forbidden(5, names, case.starts, power.may_start, "starts")
    once = "{where} has been started {found} times by {when}"
    yield from case.bench.above(5, names, begun, np.ones_like(begun), "starts", once)
    first = np.where((power.tranche_before >= 0)[:, None, None], begun[power.tranche_before], begun)
    order = "{where} is started by {when}, and the tranche before it is not"
    yield from case.bench.above(5, names, begun, first, "starts", order)
    ordered = np.einsum("pg,pgwt->pwt", case.rollout.supply.rack_mw, case.racks).cumsum(axis=2)
    same = power.tranche_site[:, None] == power.place_site
    at_site = np.einsum("kp,pwt->kwt", same, ordered)
    wanted = power.tranche_offtake_mw[:, None, None] * case.starts
    offtake = "{where} starts in {when} and wants {found} MW of racks ordered; {allowed} MW are"
    yield from case.bench.above(5, names, wanted, at_site, "MW", offtake)


def _r6_halls(case: _Case) -> Iterator[Breach]:
    """sum_t halls[p] <= hall_count_max[p]; may_build."""
    power, names = case.rollout.power, case.rollout.names.places
    begun = case.halls.cumsum(axis=2)
    yield from case.bench.whole(6, names, case.halls, "halls")
    yield from case.bench.forbidden(6, names, case.halls, power.may_build, "halls")
    most = np.broadcast_to(power.hall_count_max[:, None, None] * 1.0, begun.shape)
    words = "{found} halls of {where} are begun by {when}; there is room for {allowed}"
    yield from case.bench.above(6, names, begun, most, "halls", words)


def _r7_orders(case: _Case) -> Iterator[Breach]:
    """sum_p racks[p, g, t] <= allocation[g, t]; may_order."""
    supply, names = case.rollout.supply, case.rollout.names
    kinds = tuple(f"{g} at {p}" for p in names.places for g in names.generations)
    by_kind = case.racks.reshape(len(kinds), *case.futures.path.shape)
    may = supply.may_order.reshape(len(kinds), -1)
    yield from case.bench.whole(7, kinds, by_kind, "racks")
    yield from case.bench.forbidden(7, kinds, by_kind, may, "racks")
    ordered = case.racks.sum(axis=0)
    most = np.broadcast_to(supply.allocation[:, None, :], ordered.shape)
    words = "{found} racks of {where} are ordered in {when}; {allowed} are allocated"
    yield from case.bench.above(7, names.generations, ordered, most, "racks", words)


def _r8_minimum(case: _Case) -> Iterator[Breach]:
    """sum_p racks[p, g] by t >= minimum[g, t]."""
    ordered = case.racks.sum(axis=0).cumsum(axis=2)
    least = np.broadcast_to(case.rollout.supply.minimum[:, None, :], ordered.shape)
    words = "{found} racks of {where} are ordered by {when}; {allowed} were agreed"
    names = case.rollout.names.generations
    yield from case.bench.below(8, names, ordered, least, "racks", words)


def _r9_cash(case: _Case) -> Iterator[Breach]:
    """cash_now + sum_{tau <= t} (equity + drawn - pay - service + Q) >= cash_min, each outcome."""
    capital = case.rollout.capital
    flow = capital.equity + case.drawn.sum(axis=0) - case.paid() - case.service + case.margin
    cash = (capital.cash_now + flow.cumsum(axis=1))[None]
    words = "{found} M of cash are left at the end of {when}; {allowed} M must be"
    least = np.full_like(cash, capital.cash_min)
    yield from case.bench.below(9, ("cash",), cash, least, "M", words)


def _r10_loans(case: _Case) -> Iterator[Breach]:
    """drawn[f] by t <= draw_limit[f, t]."""
    names = case.rollout.names.facilities
    drawn = case.drawn.cumsum(axis=2)
    most = np.broadcast_to(case.rollout.capital.draw_limit[:, None, :], drawn.shape)
    yield from case.bench.negative(10, names, case.drawn, "M")
    words = "{found} M of {where} are drawn by {when}; {allowed} M are available"
    yield from case.bench.above(10, names, drawn, most, "M", words)


def _r11_cover(case: _Case) -> Iterator[Breach]:
    """sum_w probability (Q - cover_min service) >= 0 in each quarter in which service is due."""
    least, probability = case.rollout.capital.cover_min, case.futures.probability
    service = probability @ case.service
    if least <= 0:
        return
    due = service > TOLERANCE
    margin = np.where(due, probability @ case.margin, 0.0)[None, None]
    wanted = np.where(due, least * service, 0.0)[None, None]
    words = "{found} M are earned in {when} on average; debt service wants {allowed} M"
    yield from case.bench.below(11, ("debt",), margin, wanted, "M", words)


def _r13_vendor(case: _Case) -> Iterator[Breach]:
    """sum_{g of v} compute racks <= share[v] * sum compute racks, at the end."""
    supply, market = case.rollout.supply, case.rollout.market
    ordered = case.racks.sum(axis=(0, 3)) * supply.rack_compute[:, None]
    of = supply.generation_vendor == np.arange(len(market.vendor_share_max))[:, None]
    bought = (of @ ordered)[:, :, None]
    most = market.vendor_share_max[:, None, None] * ordered.sum(axis=0)[None, :, None]
    words = "{found} H100-equivalents are ordered of {where}; its share is {allowed}"
    names = case.rollout.names.vendors
    yield from case.bench.above(13, names, bought, most, "H100-equivalents", words)


def _r14_country(case: _Case) -> Iterator[Breach]:
    """sum_{k in r} mw starts + mw_now <= share[r] * the same of all, at the end."""
    power, market = case.rollout.power, case.rollout.market
    countries = np.arange(len(market.country_share_max))[:, None]
    started = case.starts.sum(axis=2) * power.tranche_mw[:, None]
    mw = (power.site_country[power.tranche_site] == countries) @ started
    mw += ((power.site_country == countries) @ power.mw_now)[:, None]
    most = market.country_share_max[:, None, None] * mw.sum(axis=0)[None, :, None]
    words = "{found} MW are connected or started in {where}; its share is {allowed} MW"
    yield from case.bench.above(14, case.rollout.names.countries, mw[:, :, None], most, "MW", words)


def _r16_hedge(case: _Case) -> Iterator[Breach]:
    """contracts in force in r <= hedge_share_max (mw_now + MW promised by then); offers' MW."""
    rollout, names = case.rollout, case.rollout.names
    power, market = rollout.power, rollout.market
    yield from case.bench.negative(16, names.offers, case.signed, "MW")
    yield from case.bench.forbidden(16, names.offers, case.signed, market.may_sign, "MW")
    signed = case.signed.cumsum(axis=2)
    most = np.broadcast_to(market.offer_mw_max[:, None, None], signed.shape)
    words = "{found} MW of {where} are signed by {when}; {allowed} MW are offered"
    yield from case.bench.above(16, names.offers, signed, most, "MW", words)
    countries = np.arange(len(names.countries))[:, None]
    force = np.einsum("rj,jwt->rwt", market.offer_country == countries, case.in_force)
    quarters = np.arange(case.starts.shape[2])
    promised = quarters[:, None] + power.tranche_lead[:, None, None] <= quarters
    mw = np.einsum("kwa,kab->kwb", case.starts * power.tranche_mw[:, None, None], promised)
    here = power.site_country[power.tranche_site] == countries
    now = (power.site_country == countries) @ power.mw_now
    allowed = market.hedge_share_max * (now[:, None, None] + np.einsum("rk,kwt->rwt", here, mw))
    words = "{found} MW are under contract in {where} in {when}; {allowed} MW may be"
    yield from case.bench.above(16, names.countries, force, allowed, "MW", words)


def _use(case: _Case, use: Use) -> Iterator[Breach]:
    """R1, R2, R3, R12, R15 and demand of a use that is claimed."""
    rollout, names, running = case.rollout, case.rollout.names, use.running_mw
    power, supply, market = rollout.power, rollout.supply, rollout.market
    at = np.arange(len(names.sites))[:, None] == power.place_site
    grid = np.einsum("sp,pgwt->swt", at, running)
    words = "{found} MW run at {where} in {when}; {allowed} MW are energised"
    yield from case.bench.above(1, names.sites, grid, case.energised, "MW", words)
    words = "{found} MW run in {where} in {when}; its halls have {allowed} MW"
    yield from case.bench.above(2, names.places, running.sum(axis=1), case.ready_mw, "MW", words)
    kinds = tuple(f"{g} at {p}" for p in names.places for g in names.generations)
    flat = (len(kinds), *case.futures.path.shape)
    racks = (running / supply.rack_mw[:, :, None, None]).reshape(flat)
    words = "{found} racks of {where} run in {when}; {allowed} stand"
    yield from case.bench.negative(3, kinds, racks, "racks")
    yield from case.bench.above(3, kinds, racks, case.present.reshape(flat), "racks", words)
    countries = np.arange(len(names.countries))
    home = power.site_country[power.place_site] == countries[:, None]
    made = np.einsum("rp,pg,pgwt->rwt", home, supply.rack_compute / supply.rack_mw, running)
    unit = "H100-equivalents"
    words = "{found} H100-equivalents are served from {where} in {when}; {allowed} run"
    yield from case.bench.above(12, names.countries, use.served.sum(axis=0), made, unit, words)
    wanted = market.class_country[:, None]
    abroad = ~((wanted == countries) | (wanted == ANYWHERE))[:, :, None, None] * use.served
    words = "{found} H100-equivalents of {where} are served abroad in {when}"
    nothing = np.zeros((len(names.classes), *case.futures.path.shape))
    yield from case.bench.above(12, names.classes, abroad.sum(axis=1), nothing, unit, words)
    served = use.served.sum(axis=1)
    words = "{found} H100-equivalents of {where} are served in {when}; {allowed} are wanted"
    yield from case.bench.above(15, names.classes, served, case.futures.demand, unit, words)
    stands = np.einsum("g,pgwt->wt", supply.rack_compute, case.present)
    share = market.class_share_max[:, None, None] * stands
    words = "{found} H100-equivalents go to {where} in {when}; its share is {allowed}"
    yield from case.bench.above(15, names.classes, served, share, unit, words)
