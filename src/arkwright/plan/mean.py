"""A part of the dispatch inside the master: groups of outcomes, each as if it were one.

Cuts alone teach the master slowly that a rack wants a hall and a hall a connection. Summed over the
outcomes of a group with their probabilities, every limit of the dispatch stays valid for the summed
quantities: so one dispatch a group and quarter, with mean kernels, bounds the expected margin from
above (Jensen). What prices do while quantities vary is bounded too: demand is served in outcomes
with the best price first (tangents of that concave function), energy is drawn at the least price.
Groups are branches of the tree: what a group can earn bounds the mean of its outcomes, so that CVaR
over groups bounds CVaR (averaging never makes a tail worse). Where each outcome is a group, both
are exact.

The cuts say the rest. (Partial Benders decomposition, Crainic, Hewitt, Maggioni and Rei, 2021.)
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.blocks import Rows, rows
from arkwright.plan.columns import Columns
from arkwright.plan.cuts import Flows, Values, npv_slope, pull, standing_margin
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import ANYWHERE, Floats, Ints, Rollout

TANGENTS = 5
CELLS = 400
"""Most groups times quarters: the size of a linear programme that is solved in some ten seconds."""


class Mean(Struct, frozen=True, kw_only=True, eq=False):
    """Columns after the master's own, and rows over both."""

    upper: Floats
    """(extra,) their upper bounds; the lower are zero."""
    rows: tuple[Rows, ...]


class _Layout(Struct, frozen=True, kw_only=True, eq=False):
    """Where the columns of the groups are; H groups."""

    place: Ints
    generation: Ints
    running: Ints
    """(I, H, T) MW"""
    exported: Ints
    """(R, H, T)"""
    served: Ints
    """(C, N, H, T) pieces of falling price"""
    start: int
    """The loss at which the tail begins, split in two columns: what is more and less than 0."""
    beyond: Ints
    """(H,) how far a group is in the tail, by its probability."""


def grouped(futures: Futures) -> Ints:
    """(W,) outcomes that are together as late as `CELLS` allows."""
    outcomes, quarters = futures.path.shape
    if outcomes * quarters <= CELLS // 4:  # in two stages cuts are quicker sooner
        return np.arange(outcomes)
    group = np.zeros(outcomes, dtype=np.int64)
    for t in range(quarters):
        slots, finer = np.unique(futures.path[:, t], return_inverse=True)
        if len(slots) * quarters > CELLS:
            break
        group = finer.astype(np.int64)
    return group


def mean(
    rollout: Rollout,
    futures: Futures,
    columns: Columns,
    group: Ints,
    known: Flows,
    running: Values,
) -> Mean:
    """The dispatch of each group of outcomes.

    Args:
        rollout: the programme.
        futures: its outcomes.
        columns: of the master.
        group: (W,)
        known: what decisions cost, whatever the outcome.
        running: what stands costs, and contracts bring.
    """
    groups = int(group.max()) + 1
    member = (group[None, :] == np.arange(groups)[:, None]) * futures.probability  # (H, W)
    price, most = _pieces(rollout, futures, member)
    ever = (rollout.supply.may_order | (rollout.supply.racks_now > 0)).any(axis=2)
    place, generation = np.nonzero(ever)
    quarters = futures.path.shape[1]
    start = len(columns.lower)
    at = _numbered(
        start,
        [
            (len(place), groups, quarters),
            (len(rollout.names.countries), groups, quarters),
            price.shape,
            (2,),
            (groups,),
        ],
    )
    layout = _Layout(
        place=place,
        generation=generation,
        running=at[0],
        exported=at[1],
        served=at[2],
        start=int(at[3][0]),
        beyond=at[4],
    )
    upper = np.full(int(at[4][-1]) + 1 - start, np.inf)
    upper[at[2] - start] = most
    return Mean(
        upper=upper,
        rows=(
            *_standing(rollout, futures, columns, layout, member),
            *_market(rollout, layout),
            _worth(rollout, futures, columns, layout, price, member),
            *_tail(rollout, futures, columns, layout, price, member, known, running),
        ),
    )


def _numbered(start: int, shapes: list[tuple[int, ...]]) -> list[Ints]:
    out = []
    for shape in shapes:
        size = int(np.prod(shape))
        out.append(np.arange(start, start + size).reshape(shape))
        start += size
    return out


def _pieces(rollout: Rollout, futures: Futures, member: Floats) -> tuple[Floats, Floats]:
    """(price, most), (C, N, H, T): expected revenue of a class, concave in what it gets.

    The best that q units can bring is to serve the outcomes with the best price first. Its tangents
    at the middles of N equal parts of the probability have a lower envelope of N pieces.
    """
    worth = futures.price + rollout.market.class_penalty[:, None, None]
    groups = len(member)
    shape = (len(worth), TANGENTS, groups, worth.shape[2])
    price, most = np.zeros(shape), np.zeros(shape)
    for h in range(groups):
        some = np.flatnonzero(member[h])
        order = np.argsort(-worth[:, some], axis=1)
        value = np.take_along_axis(worth[:, some], order, axis=1)
        size = (futures.demand * member[h][:, None])[:, some]
        size = np.take_along_axis(size, order, axis=1)
        ends = np.cumsum(size, axis=1)
        earned = np.cumsum(size * value, axis=1)
        at = ((np.arange(TANGENTS) + 0.5) / TANGENTS * len(some)).astype(int)
        slope, point, height = value[:, at], ends[:, at], earned[:, at]
        intercept = height - slope * point
        fall = slope[:, :-1] - slope[:, 1:]
        rise = intercept[:, 1:] - intercept[:, :-1]
        meet = np.divide(rise, fall, out=point[:, :-1].copy(), where=fall > 1e-15)
        meet = np.minimum(np.maximum.accumulate(np.maximum(meet, 0.0), axis=1), ends[:, -1:])
        edges = np.concatenate([np.zeros_like(ends[:, :1]), meet, ends[:, -1:]], axis=1)
        price[:, :, h], most[:, :, h] = np.maximum(slope, 0.0), np.diff(edges, axis=1)
    return price, most


def _standing(
    rollout: Rollout, futures: Futures, columns: Columns, at: _Layout, member: Floats
) -> list[Rows]:
    """R1, R2 and R3 of the sums, and R15."""
    power, supply, market = rollout.power, rollout.supply, rollout.market
    built = np.stack([_built(rollout, futures, w) for w in member])  # (H, T, I, M)
    entries = np.nonzero(built)
    value = built[entries]
    share = member.sum(axis=1)[:, None]
    places, kinds = len(power.hall_mw), len(supply.rack_compute)
    items = built.shape[2]
    site, hall = np.full(items, -1), np.full(items, -1)
    rack, mw, compute = np.full(items, -1), np.zeros(items), np.zeros(items)
    site[columns.kind["starts"]] = power.tranche_site
    hall[columns.kind["halls"]] = np.arange(places)
    racks = columns.kind["racks"].start + at.place * kinds + at.generation
    rack[racks] = np.arange(len(racks))
    mw[racks] = supply.rack_mw[at.place, at.generation]
    compute[racks] = supply.rack_compute[at.generation]
    place = power.place_site[at.place]
    quarters = built.shape[1]
    one = np.ones((1, quarters))
    stand = supply.racks_now[at.place, at.generation]

    def limit(
        rule: str, words: str, of: Ints, factor: Floats, used: Ints, which: Ints, now: Floats
    ) -> Rows:
        """sum of `used` columns of a target <= what was decided for it + `now` (X, T)."""
        groups = len(member)
        count = len(now)
        mine = of[entries[2]] >= 0
        h, t, item, slot = (axis[mine] for axis in entries)
        row = (of[item] * groups + h) * quarters + t
        amount = -value[mine] * factor[item]
        x, g, q = (axis.ravel() for axis in np.indices((count, groups, quarters)))
        use = (which[:, None, None] * groups + np.arange(groups)[:, None]) * quarters + np.arange(
            quarters
        )
        return rows(
            rule,
            words,
            [(use, used, np.ones(1)), *columns.entries(row, item, slot, amount)],
            axes=("target", "group", "quarter"),
            index=(x, g, q),
            upper=(now[:, None] * share).ravel(),
            count=count * groups * quarters,
        )

    out = [
        limit("R1", "grid", site, np.ones(items), at.running, place, power.mw_now[:, None] * one),
        limit(
            "R2",
            "halls",
            hall,
            np.ones(items),
            at.running,
            at.place,
            (power.hall_mw * power.halls_now)[:, None] * one,
        ),
        limit(
            "R3",
            "racks",
            rack,
            mw,
            at.running,
            np.arange(len(racks)),
            mw[racks][:, None] * stand,
        ),
    ]
    for c in np.flatnonzero(market.class_share_max < 1.0):
        factor = compute * market.class_share_max[c]
        zero = np.zeros(at.served.shape[1], dtype=np.int64)
        now = (factor[racks][:, None] * stand).sum(axis=0, keepdims=True)
        out.append(limit("R15", "share", np.minimum(rack, 0), factor, at.served[c], zero, now))
    return out


def _built(rollout: Rollout, futures: Futures, weight: Floats) -> Floats:
    """(T, I, M) MW, halls' MW and racks that one more decision makes stand, by weight."""
    shape = futures.path.shape
    power, supply = rollout.power, rollout.supply
    values = Values(
        tranche=np.broadcast_to(power.tranche_mw[:, None, None], (len(power.tranche_mw), *shape)),
        hall=np.broadcast_to(power.hall_mw[:, None, None], (len(power.hall_mw), *shape)),
        rack=np.ones((*supply.rack_mw.shape, *shape)),
        contract=None,
    )
    return pull(rollout, futures, values, np.broadcast_to(weight[:, None], shape))


def _market(rollout: Rollout, at: _Layout) -> list[Rows]:
    """R12: own classes and exports of a country <= its compute; the market <= all exports."""
    power, supply, market = rollout.power, rollout.supply, rollout.market
    groups, quarters = at.exported.shape[1:]
    row = np.arange(at.exported.size).reshape(at.exported.shape)
    density = supply.rack_compute[at.generation] / supply.rack_mw[at.place, at.generation]
    home = power.site_country[power.place_site[at.place]]
    entries = [
        (row, at.exported, np.ones(1)),
        (row[home], at.running, -density[:, None, None]),
    ]
    own = np.flatnonzero(market.class_country != ANYWHERE)
    entries.append((row[market.class_country[own]][:, None], at.served[own], np.ones(1)))
    anywhere = np.flatnonzero(market.class_country == ANYWHERE)
    whole = np.arange(groups * quarters).reshape(groups, quarters)
    return [
        rows(
            "R12",
            "compute of a country",
            entries,
            axes=("country", "group", "quarter"),
            index=[axis.ravel() for axis in np.indices(at.exported.shape)],
            upper=0.0,
            count=at.exported.size,
        ),
        rows(
            "R12",
            "compute for the market",
            [(whole, at.served[anywhere], np.ones(1)), (whole, at.exported, -np.ones(1))],
            axes=("group", "quarter"),
            index=[axis.ravel() for axis in np.indices((groups, quarters))],
            upper=0.0,
            count=groups * quarters,
        ),
    ]


def _worth(
    rollout: Rollout,
    futures: Futures,
    columns: Columns,
    at: _Layout,
    price: Floats,
    member: Floats,
) -> Rows:
    """Expected margin of a quarter <= revenue less penalties and the cheapest energy."""
    quarter = np.arange(futures.path.shape[1])
    owed = np.einsum(
        "c,cwt,w->t", rollout.market.class_penalty, futures.demand, futures.probability
    )
    least = _least_energy(rollout, futures, at, member)
    return rows(
        "R0",
        "margin of mean outcomes",
        [
            (quarter, columns.margin, np.ones(1)),
            (quarter, at.served, -price),
            (quarter, at.running, least),
        ],
        axes=("quarter",),
        index=(quarter,),
        upper=-owed,
        count=len(quarter),
    )


def _tail(
    rollout: Rollout,
    futures: Futures,
    columns: Columns,
    at: _Layout,
    price: Floats,
    member: Floats,
    known: Flows,
    running: Values,
) -> list[Rows]:
    """CVaR <= start - (what groups are below it, by probability) / tail (Rockafellar, Uryasev)."""
    if rollout.risk_weight <= 0 or len(member) == 1:
        return []
    discount = rollout.capital.discount
    group, share = np.arange(len(member)), member.sum(axis=1)
    decided = [npv_slope(rollout, futures, known, running, weight) for weight in member]
    slope = columns.coefficients(np.stack(decided))
    row, column = np.nonzero(slope)
    now = standing_margin(rollout)
    owed = np.einsum("c,cwt,hw->ht", rollout.market.class_penalty, futures.demand, member)
    least = _least_energy(rollout, futures, at, member)
    wide = group[:, None]
    below = rows(
        "R0",
        "tail of mean outcomes",
        [
            (group, at.beyond, np.ones(1)),
            (group, np.full(1, at.start), -share),
            (group, np.full(1, at.start + 1), share),
            (row, column, slope[row, column]),
            (wide, at.served, price * discount),
            (wide, at.running, -least * discount),
        ],
        axes=("group",),
        index=(group,),
        lower=(owed @ discount) - share * (now @ discount),
        count=len(group),
    )
    zero = np.zeros(1, dtype=np.int64)
    most = rows(
        "R0",
        "tail",
        [
            (zero, np.full(1, columns.tail), np.ones(1)),
            (zero, np.full(1, at.start), -np.ones(1)),
            (zero, np.full(1, at.start + 1), np.ones(1)),
            (zero, at.beyond, np.full(1, 1 / rollout.tail)),
        ],
        upper=0.0,
        count=1,
    )
    return [below, most]


def _least_energy(rollout: Rollout, futures: Futures, at: _Layout, member: Floats) -> Floats:
    """(I, H, T) M per MW, the cheapest in a group."""
    energy = futures.energy * rollout.supply.load_factor[:, None, None]
    least = np.stack([energy[:, some > 0].min(axis=1) for some in member], axis=1)  # (S, H, T)
    out: Floats = least[rollout.power.place_site[at.place]]
    return out
