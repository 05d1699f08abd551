"""Factory to blueprint: whole racks, stable paths, topology, power, and what had to be assumed."""

from __future__ import annotations

import math

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
from arkwright.errors import InputError
from arkwright.factory import Factory, Hall, PowerBasis, Site, Term, energy_at, pue_at
from arkwright.units import MIB

CONNECTION_RULE = "connection"
"""Of the finding that a connection is too small; `whole` judges it by the real parts."""


def blueprint(factory: Factory) -> Blueprint:
    """Every hall of `factory` as racks and nodes, with findings and the defaults used.

    Nodes an engine finds (a `local` site) are not here: they are facts of a machine, and join
    through `engine_nodes`.
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

    def note(self, where: str, text: str, source: str = "") -> None:
        self.findings.append(Finding(severity=Severity.NOTE, where=where, text=text, source=source))

    def warn(self, where: str, text: str, rule: str = "") -> None:
        found = Finding(severity=Severity.WARNING, where=where, text=text, rule=rule)
        self.findings.append(found)

    def assume(self, where: str, name: str, value: str, source: str) -> None:
        self.assumptions.append(Assumption(where=where, name=name, value=value, source=source))

    def site(self, factory: Factory, name: str, site: Site) -> SitePlan:
        halls = tuple(self.hall(name, site, key, hall) for key, hall in site.halls.items())
        rack_power_kw = sum(hall.it_power_kw_max for hall in halls)
        pue, share = pue_at(factory, name), catalog.default("ancillary_fraction")
        it_power_kw = rack_power_kw * (1 + share.value)
        plan = SitePlan(
            name=name,
            country=site.country,
            halls=halls,
            gpus=sum(hall.gpus for hall in halls),
            nodes=sum(hall.nodes for hall in halls),
            racks=sum(hall.racks for hall in halls),
            rack_power_kw_max=rack_power_kw,
            it_power_kw_max=it_power_kw,
            facility_power_kw_max=it_power_kw * pue.value,
            connection_kw=site.grid.connection,
            connection_basis=site.grid.basis.value,
        )
        if halls:
            self.assume(name, "ancillary power", f"{share.value:.0%} of racks", share.provenance)
            self.term(name, "PUE", pue)
            self.connection(plan, site.grid.basis)
        energy = energy_at(factory, name)
        self.term(name, "electricity price", energy.price)
        self.term(name, "carbon intensity", energy.carbon)
        return plan

    def term(self, where: str, name: str, term: Term | None) -> None:
        if term is None:
            self.note(where, f"{name} is not known; receipts will leave it out. Give it in energy")
        elif term.is_default:
            self.assume(where, name, f"{term.value:g} {term.unit}".strip(), term.source)

    def hall(self, site: str, place: Site, name: str, hall: Hall) -> HallPlan:
        path, system = f"{site}/{name}", catalog.system(hall.system)
        if _is_by_power(hall) and (hall.budget is not None or hall.power is None):
            raise InputError(
                f"{path}: a budget says how many racks of {system.title} there are, and only a "
                "design works that out: give the hall racks, as `arkwright design` names them"
            )
        racks, nodes = _extent(hall, system)
        unit_nodes = place.fabric.scalable_unit_nodes or system.scalable_unit_nodes
        self.rounding(path, hall, system, racks)
        self.provenance(path, system, hall)
        self.fill(site, name, system, nodes, unit_nodes, _host(hall, system))
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
            leaf_groups=-(-nodes // unit_nodes),
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
        self,
        site: str,
        hall: str,
        system: System,
        nodes: int,
        unit_nodes: int,
        host: tuple[float, int],
    ) -> None:
        """Racks in hall order, full but the last; the scale-out group is counted in nodes."""
        path = f"{site}/{hall}"
        domain_nodes = max(1, system.scaleup_gpus // system.gpus_per_node)
        trays = [f"t{index:02d}" for index in range(1, system.nodes_per_rack + 1)]
        cpus, memory_mib = host
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
                leaf = f"{path}/su{position // unit_nodes + 1:02d}"
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
                        # The spine of this version is the whole hall.
                        domains=(scale_up, rack_path, leaf, path, path, site),
                    )
                )
                position += 1

    def connection(self, plan: SitePlan, basis: PowerBasis) -> None:
        """The site's power against its connection, on the connection's own basis."""
        limit = plan.connection_kw
        if limit is None:
            self.note(plan.name, "no grid connection is given, so power is not checked against it")
            return
        if basis is PowerBasis.AI_CAPACITY:
            text = f"the connection of {units.render(limit, 'kW')} is on no defined basis"
            self.note(plan.name, f"{text}; give grid: {{basis: grid}} to check power against it")
            return
        on_it = basis is PowerBasis.IT
        power = plan.it_power_kw_max if on_it else plan.facility_power_kw_max
        if power <= limit:
            return
        rack_kw = power / plan.racks
        label = "IT power" if on_it else "facility power"
        self.warn(
            plan.name,
            f"{label} of {units.render(power, 'kW')} at maximum exceeds the connection of "
            f"{units.render(limit, 'kW')} ({basis.value}) by {units.render(power - limit, 'kW')}; "
            f"about {int(limit / rack_kw):,} of {plan.racks:,} racks fit at maximum, "
            "or cap power (an estimate: design counts the real parts)",
            rule=CONNECTION_RULE,
        )


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
