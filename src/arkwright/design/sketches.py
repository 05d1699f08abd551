"""What the drawings need, taken from the parts of a design."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from arkwright import catalog, units
from arkwright.catalog import money as figures
from arkwright.catalog import parts
from arkwright.design.blueprint import HallPlan, Rack
from arkwright.design.drawing import (
    CostBar,
    FabricSketch,
    Flow,
    GanttBar,
    GanttSketch,
    HallSketch,
    RackSketch,
    Slot,
    Stage,
    Station,
    TierSketch,
)
from arkwright.design.fabric.build import FabricPlan
from arkwright.design.money import CostLine
from arkwright.design.network import SiteNetwork
from arkwright.design.power_chain import Parts, rack_loads
from arkwright.design.power_tree import loads
from arkwright.design.site_plant import SitePlant
from arkwright.design.timeline import Timeline

_SLOTS = {
    "node": ("compute tray", "c0"),
    "shelf": ("power shelf", "c2"),
    "switch": ("scale-up switch tray", "c3"),
    "oob": ("management switch", "c1"),
}
_CHAIN = (
    "utility",
    "transformer-hv",
    "transformer",
    "generator",
    "ups",
    "busway",
    "pdu",
    "shelf",
)
_GROUPS = {"compute": "c0", "network": "c1", "storage": "c3", "facility": "c2", "energy": "c2"}


def rack_sketch(system_name: str) -> RackSketch | None:
    """A full rack of a system; None where nobody said what its front looks like."""
    face = figures.rack_face(system_name)
    if face is None:
        return None
    system, body = catalog.system(system_name), parts.rack_body(system_name)
    heights = {
        "node": face.node_u,
        "shelf": face.shelf_u,
        "switch": face.switch_u,
        "oob": face.oob_u,
    }
    slots = []
    for entry in face.order.split():
        kind, count = entry.split(":")
        title, colour = _SLOTS[kind]
        if kind == "node" and not body.switch_trays:
            title = system.title
        note = f"{system.gpus_per_node} GPUs each" if kind == "node" else ""
        slots.append(
            Slot(title=title, count=int(count), height_u=heights[kind], colour=colour, note=note)
        )
    liquid = system.liquid_fraction
    facts = [
        ("GPUs", f"{system.gpus_per_rack}"),
        ("nodes", f"{system.nodes_per_rack}"),
        ("power, maximum (IT)", f"{system.rack_power_kw_max:g} kW"),
        ("heat into liquid", "not read" if liquid is None else f"{liquid:.0%}"),
        ("mass, filled", f"{body.mass_kg:,.0f} kg"),
        ("height", f"{body.height_u} U"),
        ("footprint", f"{body.width_m:g} m x {body.depth_m:g} m"),
        ("scale-up domain", f"{system.scaleup_gpus} GPUs"),
    ]
    if body.pdus:
        facts.append(("PDUs", f"{body.pdus}"))
    return RackSketch(
        title=f"Rack of {system.title}",
        height_u=body.height_u,
        slots=tuple(slots),
        facts=tuple(facts),
        note=f"Order and heights: {face.provenance}",
    )


def hall_sketches(network: SiteNetwork) -> Iterator[tuple[str, HallSketch]]:
    """Every hall of a site, by its path."""
    floor, origin_m = network.floor, 0.0
    for index, (hall, racks) in enumerate(zip(floor.halls, network.halls, strict=True)):
        mine, body = floor.hall == index, parts.rack_body(racks.system)
        yield (
            hall.path,
            HallSketch(
                title=f"Hall {hall.path}: {hall.rows} rows, {hall.racks:,} racks",
                length_m=hall.length_m,
                width_m=hall.width_m,
                x_m=floor.x_m[mine] - origin_m,
                y_m=floor.y_m[mine],
                row=floor.row[mine],
                kind=floor.kind[mine],
                kinds=("compute racks", "network racks", "central racks", "storage racks"),
                rack_width_m=body.width_m,
                rack_depth_m=body.depth_m,
                hot_aisle_m=parts.rule("aisle_hot_m").value,
            ),
        )
        origin_m += hall.length_m + parts.rule("hall_gap_m").value


def stages(plant: SitePlant, racks: list[Rack], connection: str) -> tuple[Stage, ...]:
    """The power chain of a site, the grid first; `connection` says its limit and basis."""
    chain = plant.power
    delivered = loads(chain.tree).delivered_kw[:, 0]
    carried: dict[str, float] = {}
    for node, kw in zip(chain.tree.nodes, delivered.tolist(), strict=True):
        carried[node.kind] = carried.get(node.kind, 0.0) + kw
    shelved_kw = sum(load.peak_kw for load in rack_loads(racks) if load.shelves)
    found = [Stage(kind="grid", title="Grid connection", note=connection)]
    for kind in _CHAIN:
        mine = [part for part in chain.parts if part.kind == kind and part.installed]
        if not mine:
            continue
        rated = sum(part.installed * part.rating_kw for part in mine)
        of_shelves = shelved_kw if kind == "shelf" else None
        found.append(
            Stage(
                kind=kind,
                title=_counted(mine),
                note=_STAGE_NOTES.get(kind, ""),
                carried_kw=carried.get(kind, of_shelves),
                installed_kw=rated or None,
                is_branch=kind == "generator",
            )
        )
        if kind == "transformer":
            found.append(_cooling(plant))
    found.append(
        Stage(
            kind="rack",
            title=f"{chain.tree.count('rack'):,} racks",
            note="basis IT: nodes, network, storage",
            carried_kw=chain.it_kw[0],
        )
    )
    return tuple(found)


_STAGE_NOTES = {
    "utility": "each able to carry the whole site",
    "generator": "start when the grid is lost",
    "transformer-hv": "high to medium voltage",
    "transformer": "medium to low voltage, spare parts included",
    "ups": "modules, spare parts included",
    "busway": "a pair to each group of racks",
    "shelf": "in the racks, delivered with them",
}


def _cooling(plant: SitePlant) -> Stage:
    machines: dict[str, int] = {}
    for hall in plant.halls:
        for loop in hall.loops:
            for machine in loop.machines:
                machines[machine.kind] = machines.get(machine.kind, 0) + machine.installed
    titles = [f"{count} {kind.replace('-', ' ')}s" for kind, count in machines.items()]
    return Stage(
        kind="cooling",
        title="Cooling plant, lights and other",
        note=", ".join(titles).replace("cdus", "CDUs"),
        carried_kw=plant.cooling_kw_max + plant.other_kw_max,
        is_branch=True,
    )


def _counted(mine: list[Parts]) -> str:
    """`6 + 2 transformers of 2,450 + 980 kW`."""
    title = {
        "ups": "UPS module",
        "pdu": "rack PDU",
        "shelf": "power shelf",
        "transformer-hv": "HV transformer",
        "utility": "feed",
    }
    word = title.get(mine[0].kind, mine[0].kind)
    if sum(part.installed for part in mine) > 1:
        word = {"power shelf": "power shelves"}.get(word, f"{word}s")
    counts = " + ".join(f"{part.installed:,}" for part in mine)
    ratings = " + ".join(f"{part.rating_kw:,.0f}" for part in mine if part.rating_kw)
    return f"{counts} {word}{f' of {ratings} kW' if ratings else ''}"


def fabric_sketch(fabric: FabricPlan) -> FabricSketch | None:
    """Tiers of a fabric from the top; None for one that has no size of its own."""
    size, switch = fabric.size, parts.switch(fabric.switch)
    if size is None or fabric.ask is None:
        return None
    speed = f"{fabric.port_gbit_s:g} Gbit/s each"
    each = f"{switch.title}"
    # A cable of a NIC with ports in several planes is that many links.
    groups = -(-fabric.ask.nodes // size.nodes_per_group)
    of_spines = size.spine_groups * size.planes
    rows = [
        (
            "core switches",
            size.core,
            size.cables.spine_core,
            "spine to the cores of its group",
            size.planes,
        ),
        ("spine switches", size.spine, size.cables.leaf_spine, "leaf to spine", of_spines),
        ("leaf switches", size.leaf, size.cables.node_leaf, "node to leaf", groups),
    ]
    tiers = [
        TierSketch(
            name=name,
            count=count,
            note=each,
            links=links * size.planes,
            link_note=f"{way}, {speed}",
            groups=within,
        )
        for name, count, links, way, within in rows
        if count
    ]
    nics = fabric.ask.nics_per_node
    ports = ("1 port" if nics == 1 else f"{nics} ports") + " each"
    if size.planes > 1:
        ports += " in every plane"
    tiers.append(TierSketch(name="nodes", count=fabric.ask.nodes, note=ports))
    planes = f"{size.planes} planes, " if size.planes > 1 else ""
    bisection = fabric.bisection_gbit_s
    across = f", bisection {bisection / 1000:,.0f} Tbit/s one way" if bisection else ""
    return FabricSketch(
        title=f"Fabric {fabric.name}",
        subtitle=f"{planes}{size.tiers} tiers of {switch.title}, oversubscription "
        f"{size.oversubscription:.3g} : 1{across}",
        tiers=tuple(tiers),
    )


def heat_flows(plant: SitePlant, racks: list[Rack]) -> tuple[list[Station], list[Flow]]:
    """Mean kW of the year from the grid through the racks to where the heat goes."""
    year, chain = plant.year, plant.power
    hours = year.it_kwh / chain.it_kw[1]
    it_kw, nodes_kw = chain.it_kw[1], sum(load.typical_kw for load in rack_loads(racks))
    beside_kw = max(it_kw - nodes_kw, 0.0)
    nodes_kw = it_kw - beside_kw
    lost_kw, cooling_kw = year.losses_kwh / hours, year.cooling_kwh / hours
    other_kw, reuse_kw = year.other_kwh / hours, year.reuse_kwh / hours
    loops = [loop for hall in plant.halls for loop in hall.loops]
    heat_kw = sum(loop.heat_kw for loop in loops)
    share = sum(loop.heat_kw for loop in loops if loop.name == "liquid") / heat_kw
    # Liquid takes its share of all IT heat; what stands beside the nodes gives to air first.
    liquid_kw = min(it_kw * share, nodes_kw)
    stations = [
        Station(name="Grid", column=0, colour="c5"),
        Station(name="Nodes", column=1, colour="c0"),
        Station(name="Network, storage", column=1, colour="c1"),
        Station(name="Chain losses", column=1, colour="c2"),
        Station(name="Cooling plant", column=1, colour="c3"),
        Station(name="Lights and other", column=1, colour="c5"),
        Station(name="Liquid loops", column=2, colour="c0"),
        Station(name="Air loops", column=2, colour="c1"),
        Station(name="Heat reused", column=3, colour="c1"),
        Station(name="Outside air", column=3, colour="c5"),
    ]
    flows = [
        Flow(origin="Grid", target="Nodes", kw=nodes_kw),
        Flow(origin="Grid", target="Network, storage", kw=beside_kw),
        Flow(origin="Grid", target="Chain losses", kw=lost_kw),
        Flow(origin="Grid", target="Cooling plant", kw=cooling_kw),
        Flow(origin="Grid", target="Lights and other", kw=other_kw),
        Flow(origin="Nodes", target="Liquid loops", kw=liquid_kw),
        Flow(origin="Nodes", target="Air loops", kw=nodes_kw - liquid_kw),
        Flow(origin="Network, storage", target="Air loops", kw=beside_kw),
        Flow(origin="Liquid loops", target="Heat reused", kw=min(reuse_kw, liquid_kw)),
        Flow(origin="Liquid loops", target="Outside air", kw=liquid_kw - reuse_kw),
        Flow(origin="Air loops", target="Outside air", kw=it_kw - liquid_kw),
        Flow(origin="Chain losses", target="Outside air", kw=lost_kw),
        Flow(origin="Cooling plant", target="Outside air", kw=cooling_kw),
        Flow(origin="Lights and other", target="Outside air", kw=other_kw),
    ]
    return stations, flows


def cost_sketch(lines: tuple[CostLine, ...]) -> list[CostBar]:
    """Bars of a cost's lines."""
    return [
        CostBar(
            title=line.item,
            cost=line.cost,
            how=line.how,
            colour=_GROUPS.get(line.group, "c5"),
            is_estimate=line.is_estimate,
        )
        for line in lines
    ]


def gantt_sketch(plan: Timeline) -> GanttSketch:
    """Steps and milestones of a schedule."""

    def days(weeks: float) -> int:
        return plan.start_day + round(weeks * 7)

    bars = [
        GanttBar(
            title=step.title,
            quick=(days(step.start.low), days(step.end.low)),
            slow=(days(step.start.high), days(step.end.high)),
            is_critical=step.is_critical,
        )
        for step in plan.steps
    ]
    bars += [
        GanttBar(
            title=stone.title,
            quick=(stone.day[0], stone.day[0]),
            slow=(stone.day[1], stone.day[1]),
            is_milestone=True,
        )
        for stone in plan.milestones
    ]
    start = str(np.datetime64(plan.start_day, "D"))
    return GanttSketch(
        title=f"Schedule of {plan.site}",
        subtitle=f"from {start}, every step quick or every step slow",
        bars=tuple(bars),
    )


def hall_words(halls: Sequence[HallPlan]) -> str:
    """`hall h1: 72 racks of GB300 NVL72, 5,184 GPUs, …`; halls alike are named together."""
    alike: dict[str, list[str]] = {}
    for hall in halls:
        title, kw = catalog.system(hall.system).title, hall.it_power_kw_max
        racks = "1 rack" if hall.racks == 1 else f"{hall.racks:,} racks"
        power = units.render(kw, "kW")
        words = f"{racks} of {title}, {hall.gpus:,} GPUs, {power} of racks (IT, maximum)"
        alike.setdefault(words, []).append(hall.name)
    return "; ".join(
        f"hall {names[0]}: {words}"
        if len(names) == 1
        else f"halls {', '.join(names)}, each {words}"
        for words, names in alike.items()
    )
