"""Slurm: node lines, gres.conf and both forms of its topology. One site is one cluster.

Written for 26.05 (`topology.yaml`, which wins where it stands beside `topology.conf`) and for older
ones (`topology.conf`; the tree and the blocks are two files of which one takes that name).
"""

from __future__ import annotations

from collections.abc import Sequence

from arkwright import catalog
from arkwright.catalog import System
from arkwright.design import Node
from arkwright.export.fabric_tree import FabricTree, grouped
from arkwright.hostlist import hostlist

DEVICES = {"NVIDIA": ("/dev/nvidia", 0), "AMD": ("/dev/dri/renderD", 128)}
"""Device files of GPUs by vendor, and the number the Linux kernel gives the first."""


def slurm(factory: str, trees: Sequence[FabricTree]) -> dict[str, str]:
    """The files of one site's cluster by name."""
    head = f"# Site {trees[0].site} of factory {factory}, written by arkwright export slurm.\n"
    return {
        "nodes.conf": head + _nodes(trees),
        "gres.conf": head + _gres(trees),
        "topology.yaml": head + _yaml(trees),
        "topology.conf": f"{head}# For TopologyPlugin=topology/tree.\n" + _tree_conf(trees),
        "topology-block.conf": f"{head}# For TopologyPlugin=topology/block.\n" + _block_conf(trees),
    }


def block_sizes(blocks: Sequence[int]) -> list[int]:
    """Sizes that blocks of so many nodes can be planned in: the smallest block, then doubled.

    Slurm wants every block to hold at least the first size, and each size to be the one before
    times a power of two. 72 blocks of 18 nodes give 18, 36, 72, 144, 288, 576, 1,152.
    """
    sizes = [min(blocks)]
    while 2 * sizes[-1] <= min(blocks) * len(blocks):
        sizes.append(2 * sizes[-1])
    return sizes


def _nodes(trees: Sequence[FabricTree]) -> str:
    lines = [
        "# Include it in slurm.conf, which also needs GresTypes=gpu. RealMemory is what the maker",
        "# states; a node that finds less drains: lower it to what `slurmd -C` prints there.",
    ]
    for tree in trees:
        kinds = grouped([_kind(node) for node in tree.nodes], tree.names)
        lines += [f"NodeName={hostlist(names)} {kind} State=UNKNOWN" for kind, names in kinds]
    for number, tree in enumerate(trees):
        default = " Default=YES" if number == 0 else ""
        lines.append(f"PartitionName={tree.system} Nodes={hostlist(tree.names)}{default} State=UP")
    return _text(lines)


def _kind(node: Node) -> str:
    gres = f" Gres=gpu:{node.gpu_type}:{node.gpus}" if node.gpus else ""
    return f"CPUs={int(node.cpus)} RealMemory={node.memory_mib}{gres} Feature={node.system}"


def _gres(trees: Sequence[FabricTree]) -> str:
    lines = []
    for tree in trees:
        system = catalog.system(tree.system)
        lines.append(
            f"NodeName={hostlist(tree.names)} Name=gpu Type={system.gpu} File={_files(system)}"
        )
    return _text(lines)


def _files(system: System) -> str:
    stem, first = DEVICES[catalog.gpu(system.gpu).vendor]
    if system.gpus_per_node == 1:
        return f"{stem}{first}"
    return f"{stem}[{first}-{first + system.gpus_per_node - 1}]"


def _yaml(trees: Sequence[FabricTree]) -> str:
    """One tree for the site, and blocks for each system, whose sizes differ."""
    domains = any(tree.domain_nodes > 1 for tree in trees)
    lines = [f"- topology: tree\n  cluster_default: {_yes(not domains)}\n  tree:\n    switches:"]
    for name, kind, children in _switches(trees):
        lines.append(f"      - switch: {name}\n        {kind}: {children}")
    for number, tree in enumerate(trees):
        blocks = tree.blocks
        lines.append(
            f"- topology: {tree.system}\n  cluster_default: {_yes(domains and not number)}"
        )
        lines.append("  block:\n    block_sizes:")
        lines += [f"      - {size}" for size in block_sizes([len(names) for _, names in blocks])]
        lines.append("    blocks:")
        lines += [f"      - block: {name}\n        nodes: {hostlist(n)}" for name, n in blocks]
    return _text(lines)


def _tree_conf(trees: Sequence[FabricTree]) -> str:
    return _text(
        [
            f"SwitchName={name} {'Nodes' if kind == 'nodes' else 'Switches'}={children}"
            for name, kind, children in _switches(trees)
        ]
    )


def _block_conf(trees: Sequence[FabricTree]) -> str:
    blocks = [block for tree in trees for block in tree.blocks]
    lines = [f"BlockName={name} Nodes={hostlist(nodes)}" for name, nodes in blocks]
    sizes = block_sizes([len(nodes) for _, nodes in blocks])
    return _text([*lines, f"BlockSizes={','.join(str(size) for size in sizes)}"])


def _switches(trees: Sequence[FabricTree]) -> list[tuple[str, str, str]]:
    """Name, `nodes` or `children`, and the list, the lowest tier first."""
    found = []
    for tree in trees:
        found += [(name, "nodes", hostlist(n)) for name, n in grouped(tree.tiers[0], tree.names)]
        for lower, upper in zip(tree.tiers, tree.tiers[1:], strict=False):
            parents = dict(zip(lower, upper, strict=True))
            for name, below in grouped(list(parents.values()), list(parents)):
                found.append((name, "children", hostlist(below)))
    return found


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
