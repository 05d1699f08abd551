"""The formats by name, and the files each makes of a design."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, structs

from arkwright.design import Blueprint
from arkwright.design.bill import bill, bill_csv
from arkwright.design.fabric.schedule import schedule_csv
from arkwright.design.network import Network
from arkwright.design.power_tree import PowerTree
from arkwright.errors import InputError
from arkwright.export.dps import dps_topology
from arkwright.export.drawing import fabric_dots
from arkwright.export.fabric_tree import FabricTree, by_site, fabric_trees
from arkwright.export.kubernetes import kai_topology, kueue_topology, node_labels
from arkwright.export.netbox import netbox
from arkwright.export.nscale import nscale
from arkwright.export.provisioned_power import provisioned_power
from arkwright.export.slurm import slurm
from arkwright.export.slurm_inventory import slurm_of_inventory
from arkwright.export.topograph import topograph
from arkwright.factory import Factory, Inventory

Files = Mapping[str, Iterable[str]]
"""Text in pieces by path below the folder it is written to; each can be read once."""

FORMATS = {
    "slurm": "nodes.conf, gres.conf, topology.yaml and topology.conf (tree, block) of a cluster",
    "kubernetes": "labels of nodes, Topology objects of Kueue and KAI Scheduler",
    "topograph": "the model that NVIDIA Topograph simulates a fabric from",
    "nscale": "topology JSON as Nscale's Radar API gives it",
    "netbox": "device types as YAML; racks, devices, cables and power feeds as CSV",
    "dps": "topology JSON of NVIDIA DPS: who feeds whom, down to the node, and what each may carry",
    "dot": "a graph of every fabric, for Graphviz",
    "cables": "every cable with both ends and its length, as CSV",
    "bill": "what to buy, how many, why so many, as CSV",
    "mlperf-power": "MLPerf Endpoints' system_power.json (not verified by MLCommons)",
}
"""Name and what it writes."""


class Design(Struct, frozen=True, kw_only=True, eq=False):
    """What is exported: a factory, its blueprint and its network, which may be of fewer sites."""

    factory: Factory
    plan: Blueprint
    network: Network
    chains: Mapping[str, PowerTree] = {}
    """The power chain of each site; only `dps` needs them."""

    def at(self, site: str) -> Design:
        """The one site. InputError where it has no halls."""
        found = tuple(each for each in self.network.sites if each.site == site)
        if not found and site not in _inventories(self.factory):
            names = [each.site for each in self.network.sites] + list(_inventories(self.factory))
            known = ", ".join(names) or "none"
            raise InputError(f"no site {site} with halls in the factory; it has {known}")
        alone = structs.replace(self.factory, sites={site: self.factory.sites[site]})
        return Design(
            factory=alone,
            plan=self.plan,
            network=Network(sites=found, links=self.network.links),
            chains=self.chains,
        )


def export(name: str, design: Design) -> Files:
    """The files of the format `name`. InputError for an unknown one, or where nothing is built."""
    if name not in FORMATS:
        raise InputError(f"there is no format {name}; those there are: {', '.join(FORMATS)}")
    if not design.network.sites:
        return _without_halls(name, design.factory)
    if name in ("slurm", "kubernetes", "nscale"):
        return _by_site(name, design)
    if name == "dps":
        return _dps(design)
    trees = fabric_trees(design.plan, design.network)
    sites = design.network.sites
    match name:
        case "topograph":
            return {"model.yaml": [topograph(trees)]}
        case "netbox":
            return netbox(design.factory, design.plan, sites)
        case "dot":
            return {file: [text] for file, text in fabric_dots(sites).items()}
        case "cables":
            return {f"{site.site}-cables.csv": schedule_csv(site.schedule) for site in sites}
        case "bill":
            return {"bill.csv": [bill_csv(bill(design.plan, design.network))]}
        case _:
            return {file: [text] for file, text in provisioned_power(trees).items()}


def _by_site(name: str, design: Design) -> Files:
    """Files of each site, in a folder of its name where there are several."""
    found: dict[str, Iterable[str]] = {}
    trees = by_site(fabric_trees(design.plan, design.network))
    for site, mine in trees:
        folder = f"{site}/" if len(trees) > 1 else ""
        for file, text in _of_site(name, design.factory.factory, mine).items():
            found[folder + file] = text
    if name == "slurm":
        found |= _of_inventories(design.factory, _inventories(design.factory), is_alone=False)
    return found


def _without_halls(name: str, factory: Factory) -> Files:
    inventories = _inventories(factory)
    if not inventories:
        raise InputError("the factory has no halls, so there is nothing to export")
    if name != "slurm":
        raise InputError(f"{name} is made of halls; nodes of an inventory go to slurm only")
    return _of_inventories(factory, inventories)


def _inventories(factory: Factory) -> dict[str, Inventory]:
    """By site, of the sites that have one."""
    return {
        name: site.inventory for name, site in factory.sites.items() if site.inventory is not None
    }


def _of_inventories(
    factory: Factory, inventories: Mapping[str, Inventory], is_alone: bool = True
) -> Files:
    """Files of each cluster that is there already; beside halls each in a folder of its own."""
    found: dict[str, Iterable[str]] = {}
    for site, inventory in inventories.items():
        folder = "" if is_alone and len(inventories) == 1 else f"{site}/"
        folder += "inventory/" if factory.sites[site].halls else ""
        for file, text in slurm_of_inventory(factory.factory, site, inventory).items():
            found[folder + file] = [text]
    return found


def _dps(design: Design) -> Files:
    """The chain of each site, in a folder of its name where there are several."""
    sites = [site.site for site in design.network.sites]
    found = {}
    for site in sites:
        nodes = [node for node in design.plan.nodes if node.site == site]
        folder = f"{site}/" if len(sites) > 1 else ""
        found[f"{folder}topology.json"] = [dps_topology(design.chains[site], nodes)]
    return found


def _of_site(name: str, factory: str, trees: Sequence[FabricTree]) -> Files:
    if name == "slurm":
        return {file: [text] for file, text in slurm(factory, trees).items()}
    if name == "nscale":
        return {"topology.json": nscale(trees)}
    return {
        "node-labels.yaml": node_labels(trees),
        "kueue-topology.yaml": [kueue_topology(trees)],
        "kai-topology.yaml": [kai_topology(trees)],
    }
