"""Every export keeps every count: read back by readers of our own and held against the design."""

import json
import re
from collections import Counter
from functools import cache
from itertools import pairwise

import numpy as np
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import catalog, design, factory
from arkwright.catalog import parts
from arkwright.design.fabric.build import Role
from arkwright.design.network import network
from arkwright.export import Design, export, host_name, imported, read_nscale
from arkwright.export.kubernetes import CLIQUE, DOMAIN, TIER
from export import readers

NAMES = ("a", "new-york", "b2")
# Unlike systems at one site; racks that are not full; domains of a node and of a rack; three tiers
# from 257 nodes of DGX H100 on (64 ports make 2,048 in two tiers, and a node has 8).
HALLS = st.lists(
    st.tuples(
        st.sampled_from(["gb300-nvl72", "dgx-h100", "dgx-b300", "mi300x-8"]), st.integers(1, 300)
    ),
    min_size=1,
    max_size=3,
)
SITES = st.lists(HALLS, min_size=1, max_size=2)
few = settings(max_examples=12, deadline=None)


@cache
def made(sites):
    text = {"factory": "f", "sites": {}}
    for name, halls in zip(NAMES, sites, strict=False):
        text["sites"][name] = {
            "halls": {
                f"h{i + 1}": {"system": system, "nodes": nodes}
                for i, (system, nodes) in enumerate(halls)
            }
        }
    found = factory.loads(json.dumps(text).encode())
    plan = design.blueprint(found)
    return Design(factory=found, plan=plan, network=network(found, plan))


def designs():
    return SITES.map(lambda sites: made(tuple(tuple(halls) for halls in sites)))


def files(name, found):
    return {path: "".join(pieces) for path, pieces in export(name, found).items()}


def texts(found, name):
    """All files of one name, of every site."""
    return [text for path, text in found.items() if path.rpartition("/")[2] == name]


def read(text):
    return yaml.load(text, readers.LOADER)


def hosts(found):
    return Counter({host_name(node.path): node.gpus for node in found.plan.nodes})


@few
@given(designs())
def test_slurm_keeps_nodes_gpus_leaves_and_domains(found):
    written = files("slurm", found)
    nodes = Counter()
    for text in texts(written, "nodes.conf"):
        nodes.update(readers.slurm_nodes(text))
    assert nodes == hosts(found)
    for text in texts(written, "gres.conf"):
        for line in readers.slurm_lines(text):
            files_each = len(readers.expanded(line["File"]))
            assert {nodes[name] for name in readers.expanded(line["NodeName"])} == {files_each}
    below = [readers.slurm_tree(text)[0] for text in texts(written, "topology.conf")]
    assert sorted(node for leaf in below for node in leaf) == sorted(nodes)
    for text in texts(written, "topology-block.conf"):
        blocks, sizes = readers.slurm_blocks(text)
        assert sizes[0] == min(len(members) for members in blocks.values())
        assert all(b == 2 * a for a, b in pairwise(sizes))
        assert sizes[-1] <= sum(len(members) for members in blocks.values())
        domains = {}
        for node in found.plan.nodes:
            if catalog.system(node.system).scaleup_gpus > node.gpus:
                domains.setdefault(host_name(node.domains[0]), []).append(host_name(node.path))
        assert {k: v for k, v in domains.items() if k in blocks} == {
            k: v for k, v in blocks.items() if k in domains
        }


@few
@given(designs())
def test_the_yaml_says_what_the_conf_says(found):
    written = files("slurm", found)
    trees, blocks = texts(written, "topology.conf"), texts(written, "topology-block.conf")
    for text, tree, block in zip(texts(written, "topology.yaml"), trees, blocks, strict=True):
        topologies = read(text)
        assert sum(found["cluster_default"] for found in topologies) == 1
        first, *rest = topologies
        leaf = {
            node: switch["switch"]
            for switch in first["tree"]["switches"]
            for node in readers.expanded(switch.get("nodes", ""))
        }
        assert leaf == readers.slurm_tree(tree)[0]
        every = [block for found in rest for block in found["block"]["blocks"]]
        stated = {block["block"]: readers.expanded(block["nodes"]) for block in every}
        assert stated == readers.slurm_blocks(block)[0]


@few
@given(designs())
def test_leaf_groups_are_those_that_are_wired(found):
    """Nodes below one leaf of the export end on the same leaf switches, and no others do."""
    leaves = {}
    for text in texts(files("slurm", found), "topology.conf"):
        leaves |= readers.slurm_tree(text)[0]
    for site in found.network.sites:
        table = site.schedule
        compute = [table.fabrics.index(f.name) for f in site.fabrics if f.role is Role.COMPUTE]
        mine = np.isin(table.fabric, compute) & (table.a < site.nodes)
        ends = {}
        for node, leaf in zip(table.a[mine].tolist(), table.b[mine].tolist(), strict=True):
            ends.setdefault(host_name(table.devices.path[node]), set()).add(leaf)
        groups = {}
        for node, wired in ends.items():
            groups.setdefault(leaves[node], set()).add(frozenset(wired))
        assert all(len(wired) == 1 for wired in groups.values())
        assert len({next(iter(wired)) for wired in groups.values()}) == len(groups)


@few
@given(designs())
def test_kubernetes_and_topograph_agree_with_slurm(found):
    nodes, layers, domains, leaves = {}, {}, {}, {}
    for text in texts(files("kubernetes", found), "node-labels.yaml"):
        nodes |= readers.labels(text)
    (model,) = files("topograph", found).values()
    layers, domains = readers.topograph(model)
    for text in texts(files("slurm", found), "topology.conf"):
        leaves |= readers.slurm_tree(text)[0]
    assert set(nodes) == set(layers) == set(leaves) == set(hosts(found))
    for name, labels in nodes.items():
        tiers = [labels[f"{TIER}{n}"] for n in range(len(layers[name]))]
        assert tiers == layers[name]
        assert f"{TIER}{len(tiers)}" not in labels
        assert tiers[0] == leaves[name]
        assert labels.get(DOMAIN) == domains[name]
        # RFC 1123, as Kubernetes asks of names and of label values.
        for value in (name, *labels.values()):
            assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?", value)
        assert (CLIQUE in labels) == (DOMAIN in labels)


@few
@given(designs())
def test_levels_of_kueue_and_kai_are_on_every_node(found):
    written = files("kubernetes", found)
    nodes = [readers.labels(text) for text in texts(written, "node-labels.yaml")]
    for labels, kueue, kai in zip(
        nodes, texts(written, "kueue-topology.yaml"), texts(written, "kai-topology.yaml"),
        strict=True,
    ):  # fmt: skip
        documents = list(yaml.safe_load_all(kueue))
        topologies = {d["metadata"]["name"]: d for d in documents if d["kind"] == "Topology"}
        flavors = [d for d in documents if d["kind"] == "ResourceFlavor"]
        assert [d["spec"] for d in yaml.safe_load_all(kai)] == [
            d["spec"] for d in topologies.values()
        ]
        assert len(flavors) == len(topologies)
        for flavor in flavors:
            wanted = flavor["spec"]["nodeLabels"]
            mine = [found for found in labels.values() if wanted.items() <= found.items()]
            levels = topologies[flavor["spec"]["topologyName"]]["spec"]["levels"]
            *others, last = [level["nodeLabel"] for level in levels]
            assert mine
            assert last == "kubernetes.io/hostname"
            assert 1 <= len(levels) <= 16
            assert all(set(others) <= set(found) for found in mine)


@few
@given(designs())
def test_netbox_keeps_racks_devices_and_cables_and_none_shares_a_port_or_a_rack_unit(found):
    written = files("netbox", found)
    types, height = {}, {}
    for path, text in written.items():
        if path.endswith(".yaml"):
            type_ = read(text)
            height[type_["model"]] = type_["u_height"]
            ports = [port["name"] for port in type_.get("interfaces", [])]
            assert len(set(ports)) == len(ports)
            types[type_["manufacturer"], type_["model"]] = set(ports)
    racks = readers.table(written["06-racks.csv"])
    devices = {row["name"]: row for row in readers.table(written["07-devices.csv"])}
    sites = found.network.sites
    assert len(racks) == sum(len(site.floor.racks) for site in sites)
    assert len(devices) == sum(len(site.schedule.devices.path) for site in sites)
    kinds = Counter(row["role"] for row in devices.values())
    assert kinds["node"] == len(found.plan.nodes)
    trays = sum(parts.rack_body(rack.system).switch_trays for rack in found.plan.racks)
    assert kinds["switch-tray"] == trays
    places = {(row["site"], row["location"], row["name"]) for row in racks}
    assert {(row["site"], row["location"], row["rack"]) for row in devices.values()} <= places
    ends = Counter()
    cables = readers.table(written["08-cables.csv"])
    assert len(cables) == sum(len(site.schedule) for site in sites)
    for row in cables:
        for side in "ab":
            device, port = devices[row[f"side_{side}_device"]], row[f"side_{side}_name"]
            assert port in types[device["manufacturer"], device["device_type"]]
            ends[device["name"], port] += 1
    assert set(ends.values()) <= {1}
    assert_no_two_share_a_rack_unit(devices.values(), height)


def assert_no_two_share_a_rack_unit(devices, height):
    taken = Counter()
    for row in devices:
        for unit in range(height[row["device_type"]] if row["position"] else 0):
            taken[row["site"], row["location"], row["rack"], int(row["position"]) + unit] += 1
    assert set(taken.values()) <= {1}
    assert all(1 <= unit <= 48 for *_, unit in taken)


@few
@given(designs())
def test_a_graph_keeps_every_cable_and_every_device(found):
    written = files("dot", found)
    for site in found.network.sites:
        table = site.schedule
        for fabric in site.fabrics:
            cables, boxes = readers.dot(written[f"{site.site}-{fabric.name}.dot"])
            mine = table.fabric == table.fabrics.index(fabric.name)
            assert cables.total() == mine.sum()
            assert sum(boxes.values()) == len({*table.a[mine].tolist(), *table.b[mine].tolist()})


@few
@given(designs())
def test_cables_and_bill_are_all_there(found):
    for path, text in files("cables", found).items():
        (site,) = [s for s in found.network.sites if path == f"{s.site}-cables.csv"]
        assert len(readers.table(text)) == len(site.schedule)
    bill = readers.table(files("bill", found)["bill.csv"])
    racks = sum(int(row["count"]) for row in bill if row["group"] == "racks")
    assert racks == sum(len(site.floor.racks) for site in found.network.sites)


@few
@given(designs())
def test_provisioned_power_is_the_makers_maximum_scaled_to_the_nodes(found):
    total_w = nodes = gpus = 0
    for text in files("mlperf-power", found).values():
        power = json.loads(text)
        assert "Not verified by MLCommons" in power["note"]
        # rack_power_w x submitted_nodes / rack_nodes is the checker's own rule.
        scaled = power["rack_power_w"] * power["submitted_nodes"] / power["rack_nodes"]
        assert abs(power["provisioned_power_w"] - scaled) < 1
        total_w += power["provisioned_power_w"]
        nodes += power["submitted_nodes"]
        gpus += power["accelerator"]["num_accelerator"]
    assert nodes == len(found.plan.nodes)
    assert gpus == found.plan.gpus
    racks_w = 1000 * sum(rack.power_kw_max for rack in found.plan.racks)
    assert abs(total_w - racks_w) < len(found.plan.racks)


@few
@given(designs())
def test_nscale_comes_back_with_every_node_and_every_domain(found):
    """Export and re-import, system by system, for the file does not say what a server is."""
    for text in texts(files("nscale", found), "topology.json"):
        servers = read_nscale(text.encode())
        systems = {host_name(node.path): node.system for node in found.plan.nodes}
        for system in {systems[server.name] for server in servers}:
            mine = [server for server in servers if systems[server.name] == system]
            back = imported(mine, factory="back", site="back", system=system)
            plan = design.blueprint(back.factory)
            assert [place.path for place in back.places] == [node.path for node in plan.nodes]
            assert {place.server.name for place in back.places} == {s.name for s in mine}
            domain = {node.path: node.domains[0] for node in plan.nodes}
            was = {place.path: place.server.block for place in back.places}
            if mine[0].block:
                pairs = {(was[path], domain[path]) for path in was}
                assert len(pairs) == len({b for b, _ in pairs}) == len({d for _, d in pairs})
