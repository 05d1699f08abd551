"""Kubernetes: labels of nodes, and the Topology objects of Kueue and KAI that name them.

Labels are those that NVIDIA Topograph writes on a running cluster, so that nothing changes when it
takes over: `fabric.topograph.run/tier-N` counts from the node outwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from arkwright import catalog
from arkwright.export.fabric_tree import FabricTree
from arkwright.export.names import host_name

TIER = "fabric.topograph.run/tier-"
DOMAIN = "accelerator.topograph.run/domain"
CLIQUE = "nvidia.com/gpu.clique"
SYSTEM = "node.kubernetes.io/instance-type"
HOST = "kubernetes.io/hostname"


def node_labels(trees: Sequence[FabricTree]) -> Iterator[str]:
    """A Node with its labels for every node, for `kubectl apply --server-side`."""
    for tree in trees:
        is_nvidia = catalog.gpu(catalog.system(tree.system).gpu).vendor == "NVIDIA"
        for index, node in enumerate(tree.nodes):
            labels = {"topology.kubernetes.io/region": node.site, SYSTEM: node.system}
            labels["topology.kubernetes.io/zone"] = host_name(f"{node.site}/{node.hall}")
            labels |= {f"{TIER}{n}": tier[index] for n, tier in enumerate(tree.tiers)}
            if tree.domain_nodes > 1:
                labels[DOMAIN] = tree.domain[index]
                if is_nvidia:
                    # The driver puts the cluster's identity here; on paper there is only a name.
                    labels[CLIQUE] = f"{tree.domain[index]}.0"
            yield _node(tree.names[index], labels)


def kueue_topology(trees: Sequence[FabricTree]) -> str:
    """A Topology for each system, coarse to fine, and the ResourceFlavor that refers to it."""
    documents = []
    for tree in trees:
        levels = "".join(f"    - nodeLabel: {label}\n" for label in _levels(tree))
        documents.append(
            "apiVersion: kueue.x-k8s.io/v1beta2\nkind: Topology\n"
            f"metadata:\n  name: {tree.system}\nspec:\n  levels:\n{levels}"
        )
        documents.append(
            "apiVersion: kueue.x-k8s.io/v1beta2\nkind: ResourceFlavor\n"
            f"metadata:\n  name: {tree.system}\nspec:\n  nodeLabels:\n"
            f"    {SYSTEM}: {tree.system}\n  topologyName: {tree.system}\n"
        )
    return "---\n" + "---\n".join(documents)


def kai_topology(trees: Sequence[FabricTree]) -> str:
    """A Topology of KAI Scheduler for each system."""
    documents = []
    for tree in trees:
        levels = "".join(f"    - nodeLabel: {label}\n" for label in _levels(tree))
        documents.append(
            "apiVersion: kai.scheduler/v1alpha1\nkind: Topology\n"
            f"metadata:\n  name: {tree.system}\nspec:\n  levels:\n{levels}"
        )
    return "---\n" + "---\n".join(documents)


def _levels(tree: FabricTree) -> list[str]:
    tiers = [f"{TIER}{number}" for number in reversed(range(len(tree.tiers)))]
    return [*tiers, *([DOMAIN] if tree.domain_nodes > 1 else []), HOST]


def _node(name: str, labels: dict[str, str]) -> str:
    lines = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in labels.items())
    return f"---\napiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n  labels:\n{lines}"
