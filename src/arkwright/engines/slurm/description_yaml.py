"""`topology.yaml` (25.05 and later), also as `scontrol show topoconf` prints it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from arkwright.engines.slurm.description import SwitchLine, Topology
from arkwright.errors import InputError
from arkwright.hostlist import expand


def topology_yaml(text: str, source: str = "topology.yaml") -> Topology:
    """All topologies of the file as one tree and one set of blocks.

    A cluster may describe its nodes several times over, for several partitions. The one that is the
    cluster's default comes first; of a later one what is not told yet is taken, and the rest
    counted in a note. InputError for what is no topology.
    """
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{source} is not YAML: {error}") from None
    if not isinstance(found, list) or not all(isinstance(part, dict) for part in found):
        raise InputError(f"{source} is no topology.yaml, which is a list of topologies")
    merged = _Merged()
    try:
        for part in sorted(found, key=lambda part: not part.get("cluster_default")):
            merged.take(part)
    except (KeyError, TypeError, AttributeError) as error:
        said = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{source} cannot be read as a topology: {said}") from None
    return merged.topology()


class _Merged:
    """What of the topologies is told by now."""

    def __init__(self) -> None:
        self.switches: dict[str, SwitchLine] = {}
        self.blocks: dict[str, tuple[str, ...]] = {}
        self.sizes: list[tuple[int, ...]] = []
        self.on_leaf: set[str] = set()
        self.in_block: set[str] = set()
        self.left_out = 0
        self.others: set[str] = set()

    def take(self, part: dict[str, Any]) -> None:
        self.others |= {kind for kind in ("ring", "torus3d") if part.get(kind)}
        for name, nodes in _blocks(part.get("block") or {}):
            if name in self.blocks or self.in_block & set(nodes):
                self.left_out += 1
                continue
            self.blocks[name] = nodes
            self.in_block |= set(nodes)
        sizes = (part.get("block") or {}).get("block_sizes") or []
        self.sizes += [tuple(int(size) for size in sizes)] if sizes else []
        for name, switch in _switches(part.get("tree") or {}):
            if name in self.switches or self.on_leaf & set(switch.nodes):
                self.left_out += 1
                continue
            self.switches[name] = switch
            self.on_leaf |= set(switch.nodes)

    def topology(self) -> Topology:
        """Sizes only where there is one list of them: they are of one topology."""
        note = (
            f"{self.left_out:,} switches and blocks of further topologies are left out: their "
            "nodes hang elsewhere already"
        )
        return Topology(
            switches=self.switches,
            blocks=self.blocks,
            block_sizes=self.sizes[0] if len(self.sizes) == 1 else (),
            notes=(*([note] if self.left_out else []), *(_other(kind) for kind in self.others)),
        )


def _other(kind: str) -> str:
    return f"a topology of kind {kind} is left out: only trees and blocks are read"


def _blocks(block: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for entry in block.get("blocks") or []:
        yield str(entry["block"]), tuple(expand(str(entry.get("nodes") or "")))


def _switches(tree: dict[str, Any]) -> Iterator[tuple[str, SwitchLine]]:
    for entry in tree.get("switches") or []:
        below = expand(str(entry.get("children") or ""))
        nodes = expand(str(entry.get("nodes") or ""))
        yield str(entry["switch"]), SwitchLine(nodes=tuple(nodes), switches=tuple(below))
