"""A site's inventory and Slurm's files: the factory made of an inventory, and the files of one.

The inventory has the cluster's own names, so that what comes out is the cluster that went in:
every node, GPU, CPU, partition, switch and block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import yaml

from arkwright import catalog
from arkwright.export.slurm import DEVICES, block_sizes
from arkwright.factory import Factory, Inventory, InventoryPool, NodeGroup, Site, dump, loads
from arkwright.hostlist import expand
from arkwright.units import MIB

_MINUTE_S = 60


def slurm_factory(
    inventory: Inventory, *, factory: str, site: str, country: str | None = None
) -> Factory:
    """A factory of one site that has `inventory`. InputError for names that no factory can have."""
    made = Factory(factory=factory, sites={site: Site(country=country, inventory=inventory)})
    # Once through its own text, which checks the names that were given.
    return loads(dump(made).encode(), "the factory")


def slurm_of_inventory(factory: str, site: str, inventory: Inventory) -> dict[str, str]:
    """The files of the site's cluster by name, those of a topology only where there is one."""
    head = f"# Site {site} of factory {factory}, written by arkwright export slurm.\n"
    files = {"nodes.conf": _nodes(inventory), "gres.conf": _gres(inventory)}
    if inventory.switches or inventory.blocks:
        files["topology.yaml"] = _yaml(inventory)
    if inventory.switches:
        files["topology.conf"] = "# For TopologyPlugin=topology/tree.\n" + _text(_tree(inventory))
    if inventory.blocks:
        sizes = ",".join(str(size) for size in _sizes(inventory))
        lines = [f"BlockName={name} Nodes={nodes}" for name, nodes in inventory.blocks.items()]
        files["topology-block.conf"] = "# For TopologyPlugin=topology/block.\n" + _text(
            [*lines, f"BlockSizes={sizes}"]
        )
    return {name: head + text for name, text in files.items()}


def _nodes(inventory: Inventory) -> str:
    types = sorted({name.partition(":")[0] for group in inventory.nodes for name in group.gres})
    gres = ",".join(["gpu", *types])
    lines = [f"# Include it in slurm.conf, which also needs GresTypes={gres}."]
    lines += [_node_line(group) for group in inventory.nodes]
    lines += [_pool_line(name, pool) for name, pool in inventory.pools.items()]
    return _text(lines)


def _node_line(group: NodeGroup) -> str:
    memory_mib = round(group.memory * 1e9 / MIB)
    parts = [f"NodeName={group.names} CPUs={int(group.cpus)} RealMemory={max(1, memory_mib)}"]
    resources = [
        f"gpu:{kind}:{n}" if kind != "gpu" else f"gpu:{n}" for kind, n in group.gpus.items()
    ]
    resources += [f"{name}:{count}" for name, count in group.gres.items()]
    if resources:
        parts.append(f"Gres={','.join(resources)}")
    if group.features:
        parts.append(f"Feature={','.join(group.features)}")
    if group.weight != 1:
        parts.append(f"Weight={group.weight}")
    return " ".join([*parts, "State=UNKNOWN"])


def _pool_line(name: str, pool: InventoryPool) -> str:
    parts = [f"PartitionName={name}"]
    if pool.nodes is not None:
        parts.append(f"Nodes={pool.nodes}")
    if pool.is_default:
        parts.append("Default=YES")
    if pool.time_limit_max is not None:
        parts.append(f"MaxTime={_limit(pool.time_limit_max)}")
    if pool.time_limit_default is not None:
        parts.append(f"DefaultTime={_limit(pool.time_limit_default)}")
    if pool.tier != 1:
        parts.append(f"PriorityTier={pool.tier}")
    return " ".join([*parts, "State=UP"])


def _gres(inventory: Inventory) -> str:
    """Types with the device files that drivers make; parts of GPUs have none, slurmd finds them."""
    lines = []
    for group in inventory.nodes:
        if any("." in kind for kind in group.gpus):
            lines.append(f"NodeName={group.names} AutoDetect=nvml")
            continue
        first = 0
        for kind, count in group.gpus.items():
            stem, least = DEVICES[_vendor(group, kind)]
            files = f"[{first + least}-{first + least + count - 1}]" if count > 1 else first + least
            typed = "" if kind == "gpu" else f" Type={kind}"
            lines.append(f"NodeName={group.names} Name=gpu{typed} File={stem}{files}")
            first += count
    return _text(lines)


def _vendor(group: NodeGroup, kind: str) -> str:
    """Of a GPU the catalogue knows; else by how AMD calls its own."""
    known = catalog.gpus()
    found = known.get(group.gpu_type or kind) or known.get(kind)
    if found is not None:
        return found.vendor
    return "AMD" if kind.lower().startswith(("mi", "amd")) else "NVIDIA"


def _tree(inventory: Inventory) -> Iterator[str]:
    for name, switch in inventory.switches.items():
        if switch.nodes is not None:
            yield f"SwitchName={name} Nodes={switch.nodes}"
        else:
            yield f"SwitchName={name} Switches={switch.switches}"


def _yaml(inventory: Inventory) -> str:
    topologies: list[dict[str, object]] = []
    if inventory.switches:
        switches: list[Mapping[str, str | None]] = [
            {"switch": name, "nodes": switch.nodes}
            if switch.nodes is not None
            else {"switch": name, "children": switch.switches}
            for name, switch in inventory.switches.items()
        ]
        is_default = not inventory.blocks
        topologies.append(
            {"topology": "tree", "cluster_default": is_default, "tree": {"switches": switches}}
        )
    if inventory.blocks:
        blocks = [{"block": name, "nodes": nodes} for name, nodes in inventory.blocks.items()]
        body = {"block_sizes": list(_sizes(inventory)), "blocks": blocks}
        topologies.append({"topology": "blocks", "cluster_default": True, "block": body})
    text: str = yaml.safe_dump(topologies, sort_keys=False, width=1_000_000)
    return text


def _sizes(inventory: Inventory) -> Sequence[int]:
    counts = [len(expand(nodes)) for nodes in inventory.blocks.values()]
    return inventory.block_sizes or block_sizes(counts)


def _limit(seconds: float) -> str:
    """In Slurm's words, rounded up to a minute, which it counts in."""
    minutes = -(-int(seconds) // _MINUTE_S)
    days, rest = divmod(minutes, 24 * 60)
    clock = f"{rest // 60:02d}:{rest % 60:02d}:00"
    return f"{days}-{clock}" if days else clock


def _text(lines: Sequence[str] | Iterator[str]) -> str:
    return "\n".join(lines) + "\n"
