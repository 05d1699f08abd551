"""What a network was built of because the file did not say."""

from __future__ import annotations

from arkwright.catalog import parts
from arkwright.design.blueprint import Assumption, Finding, Severity
from arkwright.design.fabric.build import Cluster
from arkwright.factory import Site, Storage


def assumed(cluster: Cluster, asked: Site) -> list[Assumption]:
    """Defaults of one cluster, each with its source."""
    network = parts.system_network(cluster.system)
    product = parts.storage_product(cluster.storage.product)
    where, found = cluster.hall, []

    def add(name: str, value: str, source: str) -> None:
        found.append(Assumption(where=where, name=name, value=value, source=source))

    chosen = parts.switch(asked.fabric.switch or network.compute_switch)
    if asked.fabric.switch is None:
        add("compute switch", chosen.title, network.provenance)
    if asked.fabric.planes is None:
        add("planes", f"{network.compute_planes}", network.provenance)
    storage_switch = parts.switch(network.storage_switch)
    value = f"{network.storage_nics} ports of {network.storage_gbit_s:g} Gbit/s a node"
    add("storage network", f"{storage_switch.title}, {value}", network.provenance)
    if asked.storage == Storage():
        rate = parts.storage_rate(asked.storage.level.value)
        add("storage level", rate.name, rate.provenance)
    add("storage node", product.title, product.provenance)
    for part in dict.fromkeys((chosen, storage_switch)):
        watts = f"{part.power_w_typical:g} W typical without modules"
        add(f"{part.title}, power", watts, f"{part.power_source} ({part.power_grade.value})")
    return found


def estimates(cluster: Cluster) -> list[Finding]:
    """A warning where nobody published how the system is attached."""
    network = parts.system_network(cluster.system)
    if not network.is_estimate:
        return []
    text = f"the network of {cluster.system} is an estimate: {network.source}"
    source = network.provenance
    return [Finding(severity=Severity.WARNING, where=cluster.hall, text=text, source=source)]
