"""One run as columns in the page's block of bytes, and what the page has to know of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from arkwright.twin.power import STEPPED, SitePower
from arkwright.twin.record import Ending, Places
from arkwright.twin.report.detail import Detail, detail
from arkwright.twin.report.heat import heat
from arkwright.twin.report.pack import Pack
from arkwright.twin.report.steps import Steps, binned, edges, means
from arkwright.twin.report.tally import Tally
from arkwright.twin.report.told import Floats, Ints, Told

STEPS_MAX = 9_000
"""Of a line over time: the hours of a year, or all changes where they are fewer."""
_RACK_CELLS_MAX = 2_000_000
_RACK_BINS = (48, 480)

Head = dict[str, Any]


class Embedded(Struct, frozen=True, eq=False):
    """What a page carries of all runs."""

    head: Head
    """JSON: names, and where in the block each column lies."""
    block: str
    """Deflated columns as base64."""
    details: tuple[Detail, ...]


def embed(runs: Sequence[Told], tallies: Sequence[Tally], title: str) -> Embedded:
    """All runs; places that several share are carried once."""
    pack = Pack()
    fleets: list[Places] = []
    heads: list[Head] = []
    details = []
    for number, (told, tally) in enumerate(zip(runs, tallies, strict=True)):
        places = told.record.places
        fleet = next((at for at, p in enumerate(fleets) if _is_same(p, places)), len(fleets))
        if fleet == len(fleets):
            fleets.append(places)
        chosen = detail(told, tally, len(runs))
        details.append(chosen)
        heads.append(_run(pack, f"{number}.", told, tally, chosen, len(runs)) | {"fleet": fleet})
    head = {
        "title": title,
        "endings": [ending.name.lower().replace("_", " ") for ending in Ending],
        "fleets": [_fleet(pack, f"fleet{at}.", places) for at, places in enumerate(fleets)],
        "runs": heads,
        "columns": pack.columns,
    }
    return Embedded(head, pack.base64(), tuple(details))


def _is_same(one: Places, other: Places) -> bool:
    return one is other or (
        one.path == other.path
        and bool(np.array_equal(one.gpus, other.gpus))
        and bool(np.array_equal(one.row, other.row))
    )


def _fleet(pack: Pack, prefix: str, places: Places) -> Head:
    pack.texts(prefix + "path", places.path)
    for name in ("site", "hall", "row", "rack", "gpus", "gpu_type"):
        pack.ints(prefix + name, getattr(places, name))
    names = ("sites", "halls", "rows", "racks", "gpu_types")
    return {"prefix": prefix} | {name: list(getattr(places, name)) for name in names}


def _run(pack: Pack, prefix: str, told: Told, tally: Tally, chosen: Detail, n_runs: int) -> Head:
    record = told.record
    _jobs(pack, prefix + "job.", told, chosen)
    _attempts(pack, prefix + "attempt.", told, chosen)
    _outages(pack, prefix + "outage.", told, chosen)
    steps = {
        name: _steps(pack, f"{prefix}line.{name}.", getattr(tally, name), record.from_ms)
        for name in ("held", "out", "queue", "queue_gpus")
    }
    sites = [
        _site_power(pack, f"{prefix}power.{at}.", site, record.from_ms, record.until_ms)
        for at, site in enumerate(told.power.sites)
    ]
    return {
        "name": told.name,
        "prefix": prefix,
        "from_ms": record.from_ms,
        "until_ms": record.until_ms,
        "is_dated": told.is_dated,
        "is_exact": chosen.is_exact,
        "clock_ms": _busiest(tally) - record.from_ms,
        "capacity_milli": tally.capacity_milli,
        "decisions": record.decisions,
        "projects": list(told.jobs.project.names),
        "pools": list(told.jobs.pool.names),
        "kinds": list(told.jobs.kind.names),
        "outcomes": list(told.jobs.outcome.names),
        "causes": list(record.outages.causes),
        "currency": told.power.currency,
        "line_width_ms": steps,
        "power": sites,
        **_heat(pack, prefix + "heat.", told, chosen, n_runs),
    }


def _busiest(tally: Tally) -> int:
    """Where the clock stands at first: when most GPUs were waited for, or else held."""
    asked = tally.queue_gpus
    line = asked if asked.value.any() else tally.held
    return int(line.t_ms[int(np.argmax(line.value))])


def _jobs(pack: Pack, prefix: str, told: Told, chosen: Detail) -> None:
    jobs, rows = told.jobs, chosen.jobs
    ids = jobs.ids[rows]
    if ids.dtype.kind in "iu":
        pack.ints(prefix + "id", ids, is_rising=True)
    else:
        pack.texts(prefix + "id", [str(one) for one in ids])
    pack.ints(prefix + "submit_ms", jobs.submit_ms[rows] - told.record.from_ms, is_rising=True)
    pack.ints(prefix + "estimate_ms", jobs.estimate_ms[rows])
    pack.ints(prefix + "gpus_milli", jobs.gpus_milli[rows])
    for name in ("project", "pool", "kind", "outcome"):
        pack.ints(prefix + name, getattr(jobs, name).codes[rows])


def _attempts(pack: Pack, prefix: str, told: Told, chosen: Detail) -> None:
    attempts, keeps = told.record.attempts, chosen.attempts
    counts = np.diff(attempts.node_first)
    pairs = np.repeat(keeps, counts)
    start = attempts.start_ms[keeps]
    pack.ints(prefix + "job", np.searchsorted(chosen.jobs, attempts.job[keeps]))
    pack.ints(prefix + "start_ms", start - told.record.from_ms, is_rising=True)
    pack.ints(prefix + "run_ms", attempts.end_ms[keeps] - start)
    pack.ints(prefix + "ending", attempts.ending[keeps])
    pack.ints(prefix + "lost_ms", attempts.lost_ms[keeps])
    pack.ints(prefix + "nodes", counts[keeps])
    pack.ints(prefix + "node", attempts.node[pairs], is_rising=True)
    pack.ints(prefix + "gpu_milli", attempts.gpu_milli[pairs])


def _outages(pack: Pack, prefix: str, told: Told, chosen: Detail) -> None:
    outages, keeps = told.record.outages, chosen.outages
    pack.ints(prefix + "node", outages.node[keeps], is_rising=True)
    pack.ints(prefix + "from_ms", outages.from_ms[keeps] - told.record.from_ms)
    pack.ints(prefix + "out_ms", (outages.until_ms - outages.from_ms)[keeps])
    pack.ints(prefix + "cause", outages.cause[keeps])


def _steps(pack: Pack, prefix: str, steps: Steps, from_ms: int) -> int:
    """The width of the bins, 0 where the line is exact."""
    line = binned(steps, from_ms, STEPS_MAX)
    pack.ints(prefix + "t_ms", line.t_ms - from_ms, is_rising=True)
    pack.floats(prefix + "value", line.value)
    return line.width_ms


def _site_power(pack: Pack, prefix: str, site: SitePower, from_ms: int, until_ms: int) -> Head:
    modelled = [name for name in STEPPED if len(getattr(site, name))]
    t_ms = np.clip(site.t_ms, from_ms, until_ms)
    width_ms = 0
    at = t_ms
    if len(t_ms) > STEPS_MAX:
        corners = edges(from_ms, until_ms, STEPS_MAX)
        at, width_ms = corners[:-1], int(corners[1] - corners[0])
    for name in modelled:
        value = getattr(site, name)
        if width_ms:
            value = (
                _lowest(t_ms, value, corners)
                if name == "cap_w"
                else means(Steps(t_ms, value, until_ms), corners)
            )
        pack.floats(prefix + name, value)
    pack.ints(prefix + "t_ms", at - from_ms, is_rising=True)
    return {"site": site.site, "prefix": prefix, "columns": modelled, "width_ms": width_ms}


def _lowest(t_ms: Ints, value: Floats, corners: Ints) -> Floats:
    """The lowest value in force within every bin: a limit is not a mean, and may be infinite."""
    first = np.searchsorted(t_ms, corners[:-1], side="right") - 1
    last = np.searchsorted(t_ms, corners[1:], side="left") - 1
    return np.minimum(np.minimum.reduceat(value, first), value[last])


def _heat(pack: Pack, prefix: str, told: Told, chosen: Detail, n_runs: int) -> Head:
    record = told.record
    places, racks = record.places, len(record.places.racks)
    bins = int(np.clip(_RACK_CELLS_MAX // (n_runs * max(racks, 1)), *_RACK_BINS))
    by_rack = heat(record, places.rack, racks, bins)
    pack.ints(prefix + "rack_busy", by_rack.busy.ravel())
    pack.ints(prefix + "rack_out", by_rack.out.ravel())
    if chosen.node_bins:
        nodes = len(places.path)
        by_node = heat(record, np.arange(nodes), nodes, chosen.node_bins)
        pack.ints(prefix + "node_busy", by_node.busy.ravel())
    return {"rack_bins": bins, "node_bins": chosen.node_bins}
