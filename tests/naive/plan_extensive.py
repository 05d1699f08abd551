"""The roll-out once more, as one linear programme over every outcome (the extensive form).

Written with linopy from the formulas of docs/plan.md alone, one call for each formula, with nothing
of the solver in it: no cuts, no oracle, no decomposition. Axes carry their letter in lower case as
name (`w` outcomes, `m` slots, `t` quarters, `u` the earlier quarter of two).
"""

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

from arkwright.plan.rollout import ANYWHERE
from arkwright.plan.schedule import Schedule

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import linopy


@dataclass(frozen=True)
class Answer:
    value: float  # of the objective
    schedule: Schedule
    npv: np.ndarray  # (W,)
    margin: np.ndarray  # (W, T), as the programme has it: never above the best dispatch
    status: str


INFEASIBLE = None


def extensive(rollout, futures, whole="mw", fixed=None, without=()):
    """The best schedule, or None when there is none.

    `whole`: "none" relaxes everything, "mw" keeps starts and halls integer, "all" racks as well.
    `fixed`: a Schedule that is followed, whose value is wanted. `without`: rules left out.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Extensive(rollout, futures, whole, fixed, set(without)).answer()


class Extensive:
    def __init__(self, rollout, futures, whole, fixed, without):
        self.rollout, self.futures, self.without = rollout, futures, without
        self.whole = whole
        self.model = linopy.Model(force_dim_names=True)
        self.on_path()
        self.decisions(fixed)
        self.state()
        self.dispatch()
        self.money()
        self.rules_of_building()
        self.rules_of_supply()
        self.rules_of_money()
        self.rules_of_dependence()
        self.objective()

    def answer(self):
        # Tolerances a thousand times finer than what is compared.
        self.model.solve(
            "highs",
            io_api="direct",
            output_flag=False,
            log_to_console=False,
            mip_rel_gap=0.0,
            mip_abs_gap=1e-9,
            primal_feasibility_tolerance=1e-9,
            dual_feasibility_tolerance=1e-9,
            mip_feasibility_tolerance=1e-9,
        )
        status = self.model.termination_condition
        if status in ("infeasible", "infeasible_or_unbounded"):
            return INFEASIBLE
        assert status == "optimal", status
        schedule = Schedule(
            starts=self.starts.solution.values,
            halls=self.halls.solution.values,
            racks=self.racks.solution.values,
            signed=self.signed.solution.values,
            drawn=self.drawn.solution.values,
        )
        value = float(self.model.objective.value)
        return Answer(
            value, schedule, self.npv.solution.values, self.margin.solution.values, status
        )

    def add(self, rule, constraint, name):
        if rule not in self.without:
            self.model.add_constraints(constraint, name=name)

    def data(self, values, dims):
        """An array with named axes, numbered from 0."""
        values = np.asarray(values)
        assert values.ndim == len(dims), (values.shape, dims)
        return xr.DataArray(
            values.astype(float),
            dims=list(dims),
            coords={dim: np.arange(n) for dim, n in zip(dims, values.shape, strict=True)},
        )

    def at_slot(self, kernel, dims):
        """kernel[..., u, t] for a decision in slot m: u is the quarter of the slot."""
        quarter = self.futures.slot_quarter
        axis = dims.index("u")
        return self.data(np.take(kernel, quarter, axis=axis), dims.replace("u", "m"))

    def on_path(self):
        futures = self.futures
        outcomes, quarters = futures.path.shape
        slots = len(futures.slot_quarter)
        passes = np.zeros((outcomes, slots))
        for w in range(outcomes):
            for t in range(quarters):
                assert futures.slot_quarter[futures.path[w, t]] == t
                passes[w, futures.path[w, t]] = 1
        self.on = self.data(passes, "wm")
        so_far = passes[:, :, None] * (futures.slot_quarter[:, None] <= np.arange(quarters))
        self.so_far = self.data(so_far, "wmt")
        self.probability = self.data(futures.probability, "w")

    def decisions(self, fixed):
        rollout, quarter = self.rollout, self.futures.slot_quarter
        power, supply, market = rollout.power, rollout.supply, rollout.market
        slots, outcomes, quarters = len(quarter), *self.futures.path.shape
        wide = np.full((len(rollout.names.facilities), slots), np.inf)
        limits = {
            "starts": (power.may_start[:, quarter] * 1.0, "km"),
            "halls": (power.may_build[:, quarter] * 1.0 * power.hall_count_max[:, None], "pm"),
            "racks": (np.where(supply.may_order[:, :, quarter], np.inf, 0.0), "pgm"),
            "signed": (market.may_sign[:, quarter] * market.offer_mw_max[:, None], "jm"),
            "drawn": (wide, "fm"),
        }
        integer = {"none": (), "mw": ("starts", "halls"), "all": ("starts", "halls", "racks")}
        for name, (most, dims) in limits.items():
            least = np.zeros(most.shape)
            if fixed is not None:
                least = most = getattr(fixed, name)
            whole = name in integer[self.whole] and most.size > 0
            variable = self.model.add_variables(
                lower=self.data(least, dims),
                upper=self.data(most, dims),
                name=name,
                integer=whole and fixed is None,
            )
            setattr(self, name, variable)
        wt = {"w": np.arange(outcomes), "t": np.arange(quarters)}
        self.margin = self.model.add_variables(coords=wt, name="margin")
        self.npv = self.model.add_variables(coords={"w": wt["w"]}, name="npv")

    def state(self):
        """E, H and D: what is energised, ready and standing in every outcome."""
        rollout, futures, on = self.rollout, self.futures, self.on
        power, supply = rollout.power, rollout.supply
        at_site = self.data(
            power.tranche_site[:, None] == np.arange(len(power.mw_now)), "ks"
        ) * self.data(power.tranche_mw, "k")
        powered = self.at_slot(futures.powered, "wkut") * on
        self.energised = (at_site * powered * self.starts).sum(["k", "m"]) + self.data(
            power.mw_now, "s"
        )
        opened = self.at_slot(futures.opened, "wput") * on
        self.ready = (opened * self.halls).sum("m") + self.data(power.halls_now, "p")
        arrived = self.at_slot(futures.arrived, "wgut") * on
        self.present = (arrived * self.racks).sum("m") + self.data(supply.racks_now, "pgt")

    def dispatch(self):
        """R1, R2, R3, R12, R15 and demand; x racks in use, z compute served."""
        rollout, futures, model = self.rollout, self.futures, self.model
        power, supply, market = rollout.power, rollout.supply, rollout.market
        sites, countries = len(power.mw_now), len(rollout.names.countries)
        classes = len(market.class_country)
        outcomes, quarters = futures.path.shape
        rack_mw = self.data(supply.rack_mw, "pg")
        compute = self.data(supply.rack_compute, "g")
        wide = np.zeros((outcomes, quarters))
        none = np.zeros((*supply.rack_mw.shape, 1, 1)) + wide
        self.use = use = model.add_variables(lower=self.data(none, "pgwt"), name="use")
        may_serve = (market.class_country[:, None] == np.arange(countries)) | (
            market.class_country[:, None] == ANYWHERE
        )
        most = self.data(np.where(may_serve, np.inf, 0.0)[:, :, None, None] + wide, "crwt")
        self.serve = serve = model.add_variables(lower=0, upper=most, name="serve")
        here = self.data(power.place_site[:, None] == np.arange(sites), "ps")
        in_country = self.data(
            power.site_country[power.place_site][:, None] == np.arange(countries), "pr"
        )
        self.add(1, (here * rack_mw * use).sum(["p", "g"]) <= self.energised, "R1 grid")
        hall_mw = self.data(power.hall_mw, "p")
        self.add(2, (rack_mw * use).sum("g") - hall_mw * self.ready <= 0, "R2 hall")
        self.add(3, use - self.present <= 0, "R3 delivery")
        self.model.add_constraints(
            serve.sum("c") - (in_country * compute * use).sum(["p", "g"]) <= 0,
            name="R12 residency",
        )
        self.model.add_constraints(
            serve.sum("r") <= self.data(futures.demand, "cwt"), name="demand"
        )
        share = self.data(market.class_share_max, "c")
        standing = (compute * self.present).sum(["p", "g"])
        limited = market.class_share_max < 1
        if limited.any():
            self.add(15, serve.sum("r") - share * standing <= 0, "R15 customer")
        assert classes == len(futures.demand)

    def money(self):
        """Q[w,t] and NPV[w]."""
        rollout, futures, on = self.rollout, self.futures, self.on
        power, supply, market, capital = (
            rollout.power,
            rollout.supply,
            rollout.market,
            rollout.capital,
        )
        penalty = market.class_penalty[:, None, None]
        earned = (self.data(futures.price + penalty, "cwt") * self.serve).sum(["c", "r"])
        missed = self.data((penalty * futures.demand).sum(0), "wt")
        site = power.place_site
        mw_drawn = self.data(supply.load_factor[site][:, None] * supply.rack_mw, "pg")
        energy = (self.data(futures.energy[site], "pwt") * mw_drawn * self.use).sum(["p", "g"])
        standing = (self.data(power.hall_opex, "p") * self.ready).sum("p") + (
            self.data(supply.rack_opex, "pg") * self.present
        ).sum(["p", "g"])
        self.force = self.at_slot(market.offer_active, "jut") * on
        over = self.data(
            futures.spot[market.offer_site] - market.offer_strike[:, None, None], "jwt"
        )
        contracts = (over * self.force * self.signed).sum(["j", "m"])
        self.model.add_constraints(
            self.margin - earned + energy + standing - contracts == -missed, name="margin"
        )
        pays = [
            (self.at_slot(capital.pay_tranche, "kut") * on * self.starts).sum(["k", "m"]),
            (self.at_slot(capital.pay_hall, "put") * on * self.halls).sum(["p", "m"]),
            (self.at_slot(capital.pay_rack, "pgut") * on * self.racks).sum(["p", "g", "m"]),
        ]
        self.pay = pays[0] + pays[1] + pays[2]
        self.service = (self.at_slot(capital.service, "fut") * on * self.drawn).sum(["f", "m"])
        self.income = (self.exactly_now() * self.drawn).sum(["f", "m"])
        left = (
            (self.at_slot(capital.salvage_tranche, "ku") * on * self.starts).sum(["k", "m"])
            + (self.at_slot(capital.salvage_hall, "pu") * on * self.halls).sum(["p", "m"])
            + (self.at_slot(capital.salvage_rack, "pgu") * on * self.racks).sum(["p", "g", "m"])
            - (self.at_slot(capital.owed, "fu") * on * self.drawn).sum(["f", "m"])
        )
        discount = self.data(capital.discount, "t")
        flows = self.margin + self.income - self.service - self.pay
        npv = (discount * flows).sum("t") + capital.discount_end * left
        self.model.add_constraints(self.npv - npv == 0, name="npv")

    def exactly_now(self):
        """(w, m, t): 1 where slot m is the one of quarter t on the path."""
        outcomes, quarters = self.futures.path.shape
        now = np.zeros((outcomes, len(self.futures.slot_quarter), quarters))
        for w in range(outcomes):
            now[w, self.futures.path[w], np.arange(quarters)] = 1
        return self.data(now, "wmt")

    def rules_of_building(self):
        """R5 tranches and R6 halls."""
        power, supply, on, so_far = (
            self.rollout.power,
            self.rollout.supply,
            self.on,
            self.so_far,
        )
        self.add(5, (on * self.starts).sum("m") <= 1, "R5 once")
        by_now = (so_far * self.starts).sum("m")
        later = np.flatnonzero(power.tranche_before >= 0)
        if len(later):
            chain = np.zeros((len(later), len(power.tranche_mw)))
            chain[np.arange(len(later)), later] = 1
            chain[np.arange(len(later)), power.tranche_before[later]] = -1
            self.add(5, (self.data(chain, "ik") * by_now).sum("k") <= 0, "R5 order")
        wants = np.flatnonzero(power.tranche_offtake_mw > 0)
        if len(wants):
            # From the start on, which says what the start's own quarter does: orders add up.
            same_site = power.tranche_site[wants][:, None] == power.place_site
            mw = self.data(same_site[:, :, None] * supply.rack_mw, "ipg")
            ordered = (mw * so_far * self.racks).sum(["p", "g", "m"])
            pick = np.zeros((len(wants), len(power.tranche_mw)))
            pick[np.arange(len(wants)), wants] = power.tranche_offtake_mw[wants]
            wanted = (self.data(pick, "ik") * by_now).sum("k")
            self.add(5, wanted - ordered <= 0, "R5 offtake")
        most = self.data(power.hall_count_max, "p")
        self.add(6, (on * self.halls).sum("m") <= most, "R6 halls")

    def rules_of_supply(self):
        """R7 allocation and R8 minimum."""
        supply = self.rollout.supply
        quarter = self.futures.slot_quarter
        self.add(
            7,
            self.racks.sum("p") <= self.data(supply.allocation[:, quarter], "gm"),
            "R7 allocation",
        )
        if supply.minimum.any():
            ordered = (self.so_far * self.racks).sum(["p", "m"])
            self.add(8, ordered >= self.data(supply.minimum, "gt"), "R8 minimum")

    def rules_of_money(self):
        """R9 cash, R10 loans, R11 cover."""
        capital = self.rollout.capital
        quarters = len(capital.discount)
        before = self.data(
            np.arange(quarters)[:, None] <= np.arange(quarters)[None, :], "ty"
        )  # quarter t is no later than y
        flows = self.margin + self.income - self.service - self.pay
        cash = (before * flows).sum("t")
        paid_in = capital.cash_now + np.cumsum(capital.equity)
        self.add(9, cash >= self.data(capital.cash_min - paid_in, "y"), "R9 cash")
        if not self.drawn.size:
            return
        drawn = (self.so_far * self.drawn).sum("m")
        self.add(10, drawn <= self.data(capital.draw_limit, "ft"), "R10 loans")
        due = capital.service.any(axis=(0, 1)) & (capital.cover_min > 0)
        if due.any():
            self.cover(due)

    def cover(self, due):
        """R11 in each quarter with service: a binary says whether a quarter has any."""
        rollout, futures, capital = self.rollout, self.futures, self.rollout.capital
        t = np.flatnonzero(due)
        pick = self.data(due[None, :] & (t[:, None] == np.arange(len(due))), "nt")
        owing = self.model.add_variables(
            lower=self.data(np.zeros(len(t)), "n"),
            upper=self.data(np.ones(len(t)), "n"),
            integer=self.whole != "none",
            name="owing",
        )
        service = (self.probability * (pick * self.service).sum("t")).sum("w")
        margin = (self.probability * (pick * self.margin).sum("t")).sum("w")
        most = capital.service.max(axis=1).T @ capital.draw_limit.max(axis=1)
        self.add(11, service - self.data(most[t], "n") * owing <= 0, "R11 a quarter with service")
        # Less than every penalty, everything that can stand and every contract at its worst costs.
        power, supply, market = rollout.power, rollout.supply, rollout.market
        halls = power.hall_opex @ (power.halls_now + power.hall_count_max)
        racks = supply.rack_opex.max() * (supply.racks_now.max() + supply.allocation).sum()
        over = market.offer_strike[:, None, None] + np.abs(futures.spot[market.offer_site])
        contracts = over.max(axis=(1, 2)) @ market.offer_mw_max
        owed = (market.class_penalty[:, None, None] * futures.demand).sum(0).max()
        worst = halls + racks + contracts + owed + most.max() * capital.cover_min
        cover = margin - capital.cover_min * service - worst * owing
        self.add(11, cover >= -worst, "R11 cover")

    def rules_of_dependence(self):
        """R13 vendor, R14 country, R16 hedge, and no more of an offer than is offered."""
        rollout, on = self.rollout, self.on
        power, supply, market = rollout.power, rollout.supply, rollout.market
        compute = self.data(supply.rack_compute, "g") * on
        vendors = len(market.vendor_share_max)
        of_vendor = self.data(supply.generation_vendor[:, None] == np.arange(vendors), "gv")
        over = of_vendor - self.data(market.vendor_share_max, "v")
        if (market.vendor_share_max < 1).any():
            self.add(13, (over * compute * self.racks).sum(["p", "g", "m"]) <= 0, "R13 vendor")
        countries = len(market.country_share_max)
        country = power.site_country[power.tranche_site]
        of_country = self.data(country[:, None] == np.arange(countries), "kr")
        share = self.data(market.country_share_max, "r")
        mw = self.data(power.tranche_mw, "k")
        now = np.bincount(power.site_country, power.mw_now, countries)
        if (market.country_share_max < 1).any():
            started = ((of_country - share) * mw * on * self.starts).sum(["k", "m"])
            spare = share * now.sum() - self.data(now, "r")
            self.add(14, started <= spare, "R14 country")
        if not self.signed.size:
            return
        offered = self.data(market.offer_mw_max, "j")
        self.model.add_constraints((on * self.signed).sum("m") <= offered, name="offers")
        here = self.data(market.offer_country[:, None] == np.arange(countries), "jr")
        hedged = (here * self.force * self.signed).sum(["j", "m"])
        quarters = np.arange(len(rollout.capital.discount))
        promised = self.futures.slot_quarter + power.tranche_lead[:, None]
        by = self.data(promised[:, :, None] <= quarters, "kmt")
        promised_mw = (of_country * mw * by * on * self.starts).sum(["k", "m"])
        most = market.hedge_share_max
        self.add(16, hedged - most * promised_mw <= most * self.data(now, "r"), "R16 hedge")

    def objective(self):
        rollout, model = self.rollout, self.model
        risk, tail = rollout.risk_weight, rollout.tail
        value = (1 - risk) * (self.probability * self.npv).sum()
        if risk > 0:
            level = model.add_variables(name="level")
            short = model.add_variables(lower=0, coords=self.npv.coords, name="short")
            model.add_constraints(short + self.npv - level >= 0, name="short")
            value = value + risk * level - (risk / tail) * (self.probability * short).sum()
        model.add_objective(value, sense="max")
