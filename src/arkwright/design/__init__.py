"""Design: a checked factory becomes halls, racks, nodes, topology and power. Pure and frozen."""

from arkwright.design.blueprint import (
    LEVELS,
    Assumption,
    Blueprint,
    Finding,
    HallPlan,
    Node,
    Rack,
    Severity,
    SitePlan,
)
from arkwright.design.engine_nodes import Facts, engine_nodes
from arkwright.design.inventory import inventory_nodes, nodes_of_inventory
from arkwright.design.lower import blueprint
from arkwright.design.power_limits import PowerLimit, power_limits
from arkwright.design.topology import domain_indices, domain_names

__all__ = [
    "LEVELS",
    "Assumption",
    "Blueprint",
    "Facts",
    "Finding",
    "HallPlan",
    "Node",
    "PowerLimit",
    "Rack",
    "Severity",
    "SitePlan",
    "blueprint",
    "domain_indices",
    "domain_names",
    "engine_nodes",
    "inventory_nodes",
    "nodes_of_inventory",
    "power_limits",
]
