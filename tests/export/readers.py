"""Small readers of other tools' formats, written from their documents and not from our writers."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def expanded(text):
    """The names of a Slurm hostlist: `a[01-02]-t[1,3]` is a01-t1, a01-t3, a02-t1, a02-t3."""
    names = []
    for entry in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text):
        found = [""]
        for literal, ranges in re.findall(r"([^\[]+)|\[([^\]]*)\]", entry):
            found = [
                name + end for name in found for end in ([literal] if literal else _of(ranges))
            ]
        names += found
    return names


def _of(ranges):
    ends = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        width = len(first)
        ends += [str(n).zfill(width) for n in range(int(first), int(last or first) + 1)]
    return ends


def slurm_lines(text):
    """Every line that is no comment as a dict of its keys."""
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    return [dict(word.split("=", 1) for word in words) for words in lines if words]


def slurm_nodes(text):
    """GPUs by node, from nodes.conf."""
    found = {}
    for line in slurm_lines(text):
        if "NodeName" in line:
            kind, _, gpus = line["Gres"].removeprefix("gpu:").rpartition(":")
            assert kind
            found |= dict.fromkeys(expanded(line["NodeName"]), int(gpus))
    return found


def slurm_tree(text):
    """Root by node, from a topology.conf that is a tree."""
    parent, leaf = {}, {}
    for line in slurm_lines(text):
        for child in expanded(line.get("Switches", "")):
            assert child not in parent, "two parents"
            parent[child] = line["SwitchName"]
        for node in expanded(line.get("Nodes", "")):
            assert node not in leaf, "two leaves"
            leaf[node] = line["SwitchName"]

    def root(switch):
        return root(parent[switch]) if switch in parent else switch

    return leaf, {node: root(switch) for node, switch in leaf.items()}


def slurm_blocks(text):
    """Nodes by block, and the sizes."""
    lines = slurm_lines(text)
    sizes = [int(size) for line in lines for size in line.get("BlockSizes", "").split(",") if size]
    blocks = {line["BlockName"]: expanded(line["Nodes"]) for line in lines if "BlockName" in line}
    return blocks, sizes


def labels(text):
    """Labels by node."""
    documents = [found for found in yaml.load_all(text, LOADER) if found]
    assert all((d["apiVersion"], d["kind"]) == ("v1", "Node") for d in documents)
    return {d["metadata"]["name"]: d["metadata"]["labels"] for d in documents}


def topograph(text):
    """Switches from the leaf to the root by node, and the accelerator domain by node."""
    model = yaml.load(text, LOADER)
    assert set(model) == {"switches", "blocks"}
    parent = {}
    for name, switch in model["switches"].items():
        for child in (switch or {}).get("switches", []):
            assert child in model["switches"]
            assert child not in parent, "two parents"
            parent[child] = name
    layers, domains = {}, {}
    for block in model["blocks"]:
        way = [block["switch"]]
        while way[-1] in parent:
            way.append(parent[way[-1]])
        for entry in block["nodes"]:
            # Its reader is known to take one range in an entry.
            assert entry.count("[") <= 1
            for node in expanded(entry):
                assert node not in layers
                layers[node] = way
                domains[node] = block.get("annotations", {}).get("accelerator.topology.test/domain")
    return layers, domains


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def dot(text):
    """Cables and devices of a graph, by the numbers on its lines and boxes."""
    number = lambda found: int(found.replace(",", ""))  # noqa: E731
    edges = re.findall(r'^  "([^"]+)" -- "([^"]+)" \[label="([\d,]+)"\];$', text, re.M)
    boxes = re.findall(r'^  "([^"]+)" \[label="[^"]*\\n([\d,]+)"\];$', text, re.M)
    assert {end for a, b, _ in edges for end in (a, b)} == {name for name, _ in boxes}
    cables = Counter()
    for a, b, count in edges:
        cables[a, b] += number(count)
    return cables, {name: number(count) for name, count in boxes}
