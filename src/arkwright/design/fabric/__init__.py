"""The scale-out network: how many switches and cables, and whether a published table adds up."""

from arkwright.design.fabric.audit import AuditFinding, Defaults, Rule, audit
from arkwright.design.fabric.published import PublishedRow, published_rows
from arkwright.design.fabric.size import Ask, Cables, FabricSize, Layout, layout, nodes_max, size

__all__ = [
    "Ask",
    "AuditFinding",
    "Cables",
    "Defaults",
    "FabricSize",
    "Layout",
    "PublishedRow",
    "Rule",
    "audit",
    "layout",
    "nodes_max",
    "published_rows",
    "size",
]
