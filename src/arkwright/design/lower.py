"""Factory to blueprint: whole racks, stable paths, topology as wired, and what had to be assumed.

What stands between and beside the racks (network, power chain, cooling) is of `whole`.
"""

from __future__ import annotations

import math

import numpy as np

from arkwright import catalog, units
from arkwright.catalog import System
from arkwright.design.blueprint import (
    Assumption,
    Blueprint,
    Finding,
    HallPlan,
    Node,
    Rack,
    Severity,
    SitePlan,
)
from arkwright.design.fabric.groups import HallGroups, HallNodes, hall_groups
from arkwright.errors import InputError
from arkwright.factory import Factory, Hall, PowerBasis, Site, Term, energy_at, expand
from arkwright.units import MIB

CONNECTION_RULE = "connection"
"""Of what is said about a site's connection."""


def blueprint(factory: Factory) -> Blueprint:
    """Every hall of `factory` as racks and nodes, with findings and the defaults used.

    Nodes an engine finds (a `local` site) are not here: they are facts of a machine, and join
    through `engine_nodes`. InputError where a compute fabric cannot be built of its switches.
    """
    drawing = _Drawing()
    sites = tuple(drawing.site(factory, name, site) for name, site in factory.sites.items())
    return Blueprint(
        name=factory.factory,
        sites=sites,
        racks=tuple(drawing.racks),
        nodes=tuple(drawing.nodes),
        findings=tuple(drawing.findings),
        assumptions=tuple(drawing.assumptions),
    )


class _Drawing:
    """What grows while halls are laid out."""

    def __init__(self) -> None:
        self.racks: list[Rack] = []
        self.nodes: list[Node] = []
        self.findings: list[Finding] = []
        self.assumptions: list[Assumption] = []

    def note(self, where: str, text: str, rule: str = "") -> None:
        self.findings.append(Finding(severity=Severity.NOTE, where=where, text=text, rule=rule))

    def warn(self, where: str, text: str) -> None:
        self.findings.append(Finding(severity=Severity.WARNING, where=where, text=text))

    def assume(self, where: str, name: str, value: str, source: str) -> None:
        self.assumptions.append(Assumption(where=where, name=name, value=value, source=source))

    def site(self, factory: Factory, name: str, site: Site) -> SitePlan:
        extents = [
            _hall_nodes(f"{name}/{key}", hall, catalog.system(hall.system))
            for key, hall in site.halls.items()
        ]
        groups = hall_groups(extents, site.fabric)
        halls = tuple(
            self.hall(name, site, key, found) for key, found in zip(site.halls, groups, strict=True)
        )
        if halls:
            self.connection(name, site)
        if site.inventory is not None:
            count = sum(len(expand(group.names)) for group in site.inventory.nodes)
            text = f"{count:,} nodes stand already: no power, cooling or network is designed"
            self.note(name, f"{text} for them")
        energy = energy_at(factory, name)
        self.term(name, "electricity price", energy.price)
        self.term(name, "carbon intensity", energy.carbon)
        return SitePlan(
            name=name,
            country=site.country,
            halls=halls,
            gpus=sum(hall.gpus for hall in halls),
            nodes=sum(hall.nodes for hall in halls),
            racks=sum(hall.racks for hall in halls),
            rack_power_kw_max=sum(hall.it_power_kw_max for hall in halls),
            connection_kw=site.grid.connection,
            connection_basis=site.grid.basis.value,
        )

    def connection(self, name: str, site: Site) -> None:
        """Why the site's power cannot be held against its connection."""
        limit = site.grid.connection
        if limit is None:
            text = "no grid connection is given, so power is not checked against it"
            self.note(name, text, CONNECTION_RULE)
        elif site.grid.basis is PowerBasis.AI_CAPACITY:
            text = f"the connection of {units.render(limit, 'kW')} is on no defined basis"
            text += "; give grid: {basis: grid} to check power against it"
            self.note(name, text, CONNECTION_RULE)

    def term(self, where: str, name: str, term: Term | None) -> None:
        if term is None:
            self.note(where, f"{name} is not known; receipts will leave it out. Give it in energy")
        elif term.is_default:
            self.assume(where, name, f"{term.value:g} {term.unit}".strip(), term.source)

    def hall(self, site: str, place: Site, name: str, groups: HallGroups) -> HallPlan:
        hall = place.halls[name]
        path, system = f"{site}/{name}", catalog.system(hall.system)
        racks, nodes = _extent(hall, system)
        unit_nodes = place.fabric.scalable_unit_nodes or system.scalable_unit_nodes
        self.rounding(path, hall, system, racks)
        self.provenance(path, system, hall)
        self.cut(path, groups, racks)
        self.fill(site, name, system, groups, _host(hall, system))
        return HallPlan(
            path=path,
            name=name,
            system=system.name,
            gpus_asked=hall.gpus,
            power_kw_asked=hall.power if _is_by_power(hall) else None,
            gpus=nodes * system.gpus_per_node,
            nodes=nodes,
            racks=racks,
            scale_up_domains=-(-nodes * system.gpus_per_node // system.scaleup_gpus),
            scalable_units=-(-nodes // unit_nodes),
            leaf_groups=len(np.unique(groups.leaf)),
            it_power_kw_max=nodes * system.rack_power_kw_max / system.nodes_per_rack,
        )

    def rounding(self, path: str, hall: Hall, system: System, racks: int) -> None:
        empty = racks * system.nodes_per_rack - (hall.nodes or 0)
        if hall.nodes is not None and empty:
            trays = "1 tray" if empty == 1 else f"{empty} trays"
            self.note(path, f"{hall.nodes:,} nodes leave {trays} of its last rack empty")
        if _is_by_power(hall):
            self.note(
                path,
                f"{units.render(hall.power or 0.0, 'kW')} carry {racks:,} {system.title} racks at "
                f"their maximum, {racks * system.gpus_per_rack:,} GPUs",
            )
        if hall.gpus is None or hall.gpus == racks * system.gpus_per_rack:
            return
        exact = hall.gpus / system.gpus_per_rack
        self.note(
            path,
            f"{hall.gpus:,} GPUs are {exact:.1f} {system.title} racks; "
            f"{racks:,} racks carry {racks * system.gpus_per_rack:,}",
        )

    def cut(self, path: str, groups: HallGroups, racks: int) -> None:
        if groups.racks_cut:
            text = (
                f"{groups.racks_cut:,} of {racks:,} racks hang on two groups of leaves; the "
                "scheduler counts each with the group of its first node"
            )
            self.note(path, text)

    def provenance(self, path: str, system: System, hall: Hall) -> None:
        kw = f"{system.rack_power_kw_max:g} kW"
        self.assume(path, f"{system.name} rack, maximum", kw, system.provenance)
        if hall.cpus_per_node is None or hall.memory_per_node is None:
            host = f"{system.cpus_per_node} CPUs, {system.memory_gb_per_node:g} GB"
            source = f"{system.host_source} ({system.host_grade.value})"
            self.assume(path, f"{system.name} node", host, source)
        if system.is_estimate:
            self.warn(path, f"{system.title}: figures are estimates, not a specification")

    def fill(
        self, site: str, hall: str, system: System, groups: HallGroups, host: tuple[float, int]
    ) -> None:
        """Racks in hall order, full but the last; groups as they are wired."""
        path, nodes = f"{site}/{hall}", len(groups.leaf)
        domain_nodes = max(1, system.scaleup_gpus // system.gpus_per_node)
        trays = [f"t{index:02d}" for index in range(1, system.nodes_per_rack + 1)]
        cpus, memory_mib = host
        leaves, spines = _group_names(path, groups)
        position = 0
        for number in range(1, -(-nodes // len(trays)) + 1):
            rack = f"r{number:03d}"
            used = trays[: nodes - position]
            rack_path = f"{path}/{rack}"
            self.racks.append(
                Rack(
                    path=rack_path,
                    site=site,
                    hall=hall,
                    system=system.name,
                    nodes=len(used),
                    gpus=len(used) * system.gpus_per_node,
                    power_kw_max=system.rack_power_kw_max * len(used) / len(trays),
                )
            )
            for index, tray in enumerate(used):
                node_path = f"{rack_path}/{tray}"
                scale_up = _scale_up(rack_path, node_path, index, domain_nodes, len(trays))
                leaf, spine = leaves[position], spines[position]
                self.nodes.append(
                    Node(
                        path=node_path,
                        site=site,
                        hall=hall,
                        rack=rack,
                        tray=tray,
                        system=system.name,
                        gpus=system.gpus_per_node,
                        gpu_type=system.gpu,
                        is_virtual=False,
                        cpus=cpus,
                        memory_mib=memory_mib,
                        power_kw_max=system.node_power_kw_max,
                        domains=(scale_up, rack_path, leaf, spine, path, site),
                    )
                )
                position += 1


def _hall_nodes(path: str, hall: Hall, system: System) -> HallNodes:
    if _is_by_power(hall) and (hall.budget is not None or hall.power is None):
        raise InputError(
            f"{path}: a budget says how many racks of {system.title} there are, and only a "
            "design works that out: give the hall racks, as `arkwright design` names them"
        )
    return HallNodes(path, system.name, _extent(hall, system)[1], system.nodes_per_rack)


def _group_names(hall: str, groups: HallGroups) -> tuple[list[str], list[str]]:
    """Leaf and spine domain of each node. Below three tiers all leaves are under the same spines,
    so that the hall is the spine's domain. Numbers are those of the exports."""
    label = f"{hall}/{groups.fabric}"
    leaves = [f"{label}-leaves-{group + 1:03d}" for group in groups.leaf.tolist()]
    if groups.tiers <= 2:
        return leaves, [hall] * len(leaves)
    return leaves, [f"{label}-spines-{group + 1:03d}" for group in groups.spine.tolist()]


def _extent(hall: Hall, system: System) -> tuple[int, int]:
    """Racks and nodes: whole racks, unless the file counts nodes; at last, what power carries."""
    if hall.nodes is not None:
        return math.ceil(hall.nodes / system.nodes_per_rack), hall.nodes
    if _is_by_power(hall):
        racks = math.floor((hall.power or 0.0) / system.rack_power_kw_max)
    else:
        racks = hall.racks or math.ceil((hall.gpus or 0) / system.gpus_per_rack)
    return racks, racks * system.nodes_per_rack


def _is_by_power(hall: Hall) -> bool:
    return hall.gpus is None and hall.racks is None and hall.nodes is None


def _host(hall: Hall, system: System) -> tuple[float, int]:
    """CPUs and MiB of memory of one node: the file's, else the catalogue's."""
    memory_gb = hall.memory_per_node
    memory_gb = system.memory_gb_per_node if memory_gb is None else memory_gb
    # Rounded down, unlike a job's wish: what is not there must not be promised.
    return float(hall.cpus_per_node or system.cpus_per_node), int(memory_gb * 1e9 // MIB)


def _scale_up(rack: str, node: str, index: int, domain_nodes: int, rack_nodes: int) -> str:
    """A node alone, a whole rack, or a part of one."""
    if domain_nodes == 1:
        return node
    return rack if domain_nodes >= rack_nodes else f"{rack}/d{index // domain_nodes + 1:02d}"
