"""MLPerf Endpoints' `system_power.json`: what a system is built to draw, by rack.

The total is the maker's maximum of a full rack, scaled to the nodes; groups whose unit power nobody
published are left for MLCommons to fill. Nothing here is a result, and MLCommons has not seen it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from arkwright import catalog
from arkwright.catalog import parts
from arkwright.export.fabric_tree import FabricTree

NOTE = "Not verified by MLCommons. Written from a design by arkwright export mlperf-power."


def provisioned_power(trees: Sequence[FabricTree]) -> Mapping[str, str]:
    """A file for each system of each site, by the folder MLPerf wants it in."""
    return {
        f"{tree.site}/{tree.system}/system_power.json": json.dumps(_power(tree), indent=2) + "\n"
        for tree in trees
    }


def _power(tree: FabricTree) -> dict[str, object]:
    system, nodes = catalog.system(tree.system), len(tree.nodes)
    gpu, rack_w = catalog.gpu(system.gpu), system.rack_power_kw_max * 1000
    racks = len({node.path.rpartition("/")[0] for node in tree.nodes})
    accelerator: dict[str, object] = {"num_accelerator": sum(node.gpus for node in tree.nodes)}
    if gpu.tdp_w is not None:
        accelerator["tdp_per_accelerator"] = gpu.tdp_w
    accelerator["public_specification"] = gpu.provenance
    body = parts.rack_body(tree.system)
    found: dict[str, object] = {
        "note": NOTE,
        "basis": "IT, racks at the maker's maximum, without scale-out network, storage and cooling",
        "provisioned_power_w": round(rack_w * nodes / system.nodes_per_rack),
        "rack_power_w": round(rack_w),
        "rack_nodes": system.nodes_per_rack,
        "submitted_nodes": nodes,
        "rack_power_source": system.provenance,
        "accelerator": accelerator,
    }
    if body.switch_trays:
        trays: dict[str, object] = {"num_switches": body.switch_trays * racks}
        found["scale_up_network"] = trays | {"public_specification": body.provenance}
    return found
