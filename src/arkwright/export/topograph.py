"""NVIDIA Topograph's model file: the switches as a tree, and blocks of nodes below them.

The form that its `*-sim` and `test` providers read since 2026-08: `switches` by name, `blocks` with
a switch, nodes and the annotation of their accelerator domain.
"""

from __future__ import annotations

from collections.abc import Sequence

from arkwright.export.fabric_tree import FabricTree, grouped
from arkwright.hostlist import hostlist

DOMAIN = "accelerator.topology.test/domain"


def topograph(trees: Sequence[FabricTree]) -> str:
    """The model of all trees as YAML."""
    lines = ["switches:"]
    for tree in trees:
        lines += _switches(tree)
    lines.append("blocks:")
    for tree in trees:
        lines += _blocks(tree)
    return "\n".join(lines) + "\n"


def _switches(tree: FabricTree) -> list[str]:
    lines = []
    for depth in reversed(range(len(tree.tiers))):
        below = tree.tiers[depth - 1] if depth else tree.tiers[0]
        for name, members in grouped(tree.tiers[depth], below):
            lines.append(f"  {name}:")
            if depth == len(tree.tiers) - 1:
                lines += ["    labels:", f'      topology.kubernetes.io/region: "{tree.site}"']
            if depth:
                lines.append("    switches:")
                lines += [f"    - {member}" for member in dict.fromkeys(members)]
            elif len(tree.tiers) > 1:
                lines[-1] += " {}"
    return lines


def _blocks(tree: FabricTree) -> list[str]:
    """A block for what shares leaf and domain; a domain between two leaf groups gives two."""
    lines = []
    is_domain = tree.domain_nodes > 1
    domain = tree.domain if is_domain else ("",) * len(tree.names)
    keys = [f"{leaf} {of}" for leaf, of in zip(tree.tiers[0], domain, strict=True)]
    for key, names in grouped(keys, tree.names):
        leaf, _, of = key.partition(" ")
        lines += [f"- switch: {leaf}", "  nodes:"]
        # One range in an entry: that much every reader of such lists knows.
        lines += [f'  - "{entry}"' for entry in _entries(names)]
        if is_domain:
            lines += ["  annotations:", f"    {DOMAIN}: {of}"]
    return lines


def _entries(names: Sequence[str]) -> list[str]:
    stems = [name.rpartition("-")[0] for name in names]
    return [hostlist(mine, numbers=1) for _, mine in grouped(stems, names)]
