"""What Slurm says of a cluster, as two real versions said it, and as its files have it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.engines.slurm.description import Topology, gres_of, limit_s
from arkwright.engines.slurm.description_conf import configured_cluster
from arkwright.engines.slurm.description_inventory import inventory_of
from arkwright.engines.slurm.description_queue import FIELDS, queue
from arkwright.engines.slurm.description_reading import COMMANDS, Outputs, kept, observed
from arkwright.engines.slurm.description_scontrol import running_cluster, states_of, topology_lines
from arkwright.engines.slurm.description_yaml import topology_yaml
from arkwright.errors import InputError

RECORDED = Path(__file__).resolve().parents[2] / "slurm" / "recorded"
VERSIONS = ("22.05", "26.05")

GRES = [
    ("gpu:h100:8(S:0-1)", {"h100": 8}, {}),
    ("gpu:4", {"gpu": 4}, {}),
    ("gpu", {"gpu": 1}, {}),
    ("gpu:a100:4(S:0,1),gpu:v100:2,shard:64(0/64)", {"a100": 4, "v100": 2}, {"shard": 64}),
    ("gres:gpu:h100:8", {"h100": 8}, {}),
    ("gres/gpu:a100:1", {"a100": 1}, {}),
    ("bandwidth:lustre:no_consume:4G,gpu:0", {}, {"bandwidth:lustre": 4 * 2**30}),
    ("gpu:1g.10gb:7", {"1g.10gb": 7}, {}),
    ("(null)", {}, {}),
    ("", {}, {}),
]
LIMITS = [
    ("90", 5400), ("1:30", 90), ("02:00:00", 7200), ("2-00:00:00", 172_800), ("1-12", 129_600),
    ("1-12:30", 131_400), ("UNLIMITED", None), ("NONE", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "gpus", "others"), GRES)
def test_generic_resources_in_every_form(text, gpus, others):
    assert gres_of(text) == (gpus, others)


@pytest.mark.parametrize(("text", "seconds"), LIMITS)
def test_time_limits_in_every_form(text, seconds):
    assert limit_s(text) == seconds


def test_a_time_limit_that_is_none_is_refused():
    with pytest.raises(InputError, match="no time limit"):
        limit_s("two days")


@pytest.fixture(params=VERSIONS)
def found(request):
    return observed(kept(RECORDED / request.param))


def test_nodes_have_what_the_cluster_was_made_of(found):
    nodes = {node.name: node for node in found.cluster.nodes}
    assert list(nodes) == ["n1", "n2", "n3", "n4", "n5", "n6"]
    assert nodes["n1"].gpus == {"h100": 8}
    assert nodes["n3"].gpus == {"a100": 4}
    assert nodes["n5"].gpus == {}
    assert nodes["n1"].features == ("ib", "h100")
    assert [nodes[name].memory_mib for name in ("n1", "n3", "n5")] == [64_000, 32_000, 16_000]
    assert (nodes["n1"].weight, nodes["n3"].weight) == (10, 1)
    assert {node.cpus for node in nodes.values()} == {16}


def test_a_drained_node_says_so_with_its_reason(found):
    nodes = {node.name: node for node in found.cluster.nodes}
    assert (nodes["n6"].condition, nodes["n6"].reason) == ("draining", "bad fan, ticket 7")
    assert nodes["n1"].condition == "up"


def test_partitions_overlap_and_have_their_limits(found):
    gpu, cpu, every = found.cluster.partitions
    assert (gpu.name, gpu.is_default, gpu.time_limit_max_s) == ("gpu", True, 172_800)
    assert gpu.nodes == ("n1", "n2", "n3", "n4")
    assert (cpu.tier, cpu.time_limit_max_s) == (5, None)
    assert len(every.nodes) == 6


def test_the_queue_has_each_job_with_what_it_asks_for(found):
    jobs = {job.name: job for job in found.queue}
    train, small, wide = jobs["train"], jobs["small"], jobs["wide"]
    assert (train.gpus_per_node, train.gpu_type, train.node_names) == (8, "h100", "n[1-2]")
    assert (small.gpus_per_node, small.gpu_type, small.constraint) == (2, None, "a100")
    assert (wide.nodes, wide.gpus, wide.limit_s) == (4, 16, 3600)
    assert jobs["both"].gpus_per_node == 4  # one task, four GPUs for each task
    assert jobs["both"].takes_all_memory
    assert jobs["next"].gpu_type == "h100"
    assert jobs["after"].dependency.startswith("afterok:7")
    assert jobs["held"].reason == "JobHeldUser"
    assert {job.id for job in found.queue if job.name == "array"} == {
        "13_0",
        "13_1",
        "13_2",
        "13_3",
    }


def test_the_reservation_is_five_hours_ahead(found):
    (maint,) = found.reservations
    assert (maint.name, maint.nodes) == ("maint", ("n3", "n4"))
    assert maint.until_ms - maint.from_ms == 2 * 3_600_000
    assert 4 * 3_600_000 < maint.from_ms - found.now_ms <= 5 * 3_600_000


def test_topology_is_a_tree_and_where_the_version_knows_them_blocks(found):
    topology = found.cluster.topology
    leaves = {name: line.nodes for name, line in topology.switches.items() if line.nodes}
    assert leaves["leaf1"] == ("n1", "n2")
    assert sorted(node for nodes in leaves.values() for node in nodes) == [
        "n1", "n2", "n3", "n4", "n5", "n6",
    ]  # fmt: skip
    new = found.cluster.version.startswith("26")
    assert topology.blocks == ({"rack1": ("n1", "n2"), "rack2": ("n3", "n4")} if new else {})


STATES = [
    ("IDLE", "up"), ("MIXED+PLANNED", "up"), ("IDLE+CLOUD+POWERED_DOWN", "up"),
    ("IDLE+DRAIN", "draining"), ("ALLOCATED+DRAIN", "draining"), ("DOWN*", "down"),
    ("IDLE*+DRAIN", "down"), ("DOWN+DRAIN", "down"), ("UNKNOWN+NOT_RESPONDING", "down"),
    ("IDLE+INVALID_REG", "down"), ("RESERVED+MAINTENANCE", "up"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "condition"), STATES)
def test_states_say_what_can_be_done_with_a_node(text, condition):
    line = f"NodeName=n1 CPUTot=4 RealMemory=10 State={text}"
    assert running_cluster("", line, "", Topology()).nodes[0].condition == condition
    assert states_of(text)


def test_lines_that_cannot_be_read_are_all_named():
    with pytest.raises(InputError, match=r"node:1[\s\S]*node:2"):
        running_cluster("", "NodeName=a CPUTot=x RealMemory=1\nNodeName=b RealMemory=1", "",
                        Topology())  # fmt: skip
    with pytest.raises(InputError, match="2 fields where"):
        queue("12^PENDING\n")


def test_blocks_as_scontrol_shows_them():
    text = (
        "BlockName=b1 BlockIndex=0 Nodes=n[1-2] BlockSize=2\n"
        "BlockName=b2 BlockIndex=1 Nodes=n[3-4] BlockSize=2\n"
        "AggregatedBlock=b[1-2] BlockIndex=2 Nodes=n[1-4] BlockSize=4\n"
    )
    found = topology_lines(text)
    assert found.blocks == {"b1": ("n1", "n2"), "b2": ("n3", "n4")}
    assert found.notes == ()


CONF = {
    "slurm.conf": r"""
ClusterName=hill   # a comment
SelectTypeParameters=CR_Core
Include /etc/slurm/nodes.conf
NodeSet=fast Feature=ib
PartitionName=DEFAULT MaxTime=1-00:00:00 State=UP
PartitionName=gpu Nodes=g[1-2] Default=YES \
    DefaultTime=01:00:00
PARTITIONNAME=fast Nodes=fast MaxTime=60
PartitionName=all Nodes=ALL PriorityTier=3
""",
    "nodes.conf": """
NodeName=DEFAULT Sockets=2 CoresPerSocket=16 ThreadsPerCore=2 RealMemory=512000
NodeName=g[1-2] Gres=gpu:8 Feature=ib,h100
NodeName=c[1-3] CPUs=128 RealMemory=256000 Weight=5
NodeName=cloud[1-100] State=FUTURE
""",
    "gres.conf": """
NodeName=g1 Name=gpu Type=h100 File=/dev/nvidia[0-7]
NodeName=g2 Name=gpu Type=h100 File=/dev/nvidia[0-3]
NodeName=g2 Name=gpu Type=h200 Count=4
""",
    "topology.conf": "SwitchName=s1 Nodes=g[1-2]\nSwitchName=s2 Nodes=c[1-3]\n"
    "SwitchName=top Switches=s[1-2]\n",
}


@pytest.mark.parametrize(("how", "notes"), [("off", 0), ("nvml", 1)])
def test_only_gpus_that_slurm_looks_for_are_missing(how, notes):
    files = CONF | {"gres.conf": f"AutoDetect={how}\n{CONF['gres.conf']}"}
    assert len(configured_cluster(files).notes) == notes


def test_configuration_files_with_defaults_includes_and_sets():
    found = configured_cluster(CONF)
    nodes = {node.name: node for node in found.nodes}
    assert found.cluster == "hill"
    assert not found.is_memory_counted
    assert list(nodes) == ["g1", "g2", "c1", "c2", "c3"]
    assert (nodes["g1"].cpus, nodes["g1"].memory_mib) == (64, 512_000)  # 2 x 16 x 2
    assert nodes["g1"].gpus == {"h100": 8}
    assert nodes["g2"].gpus == {"h100": 4, "h200": 4}
    assert (nodes["c1"].cpus, nodes["c1"].weight) == (128, 5)
    lines = {line.name: line for line in found.partitions}
    assert lines["gpu"].time_limit_max_s == 86_400
    assert lines["gpu"].time_limit_default_s == 3600
    assert lines["fast"].nodes == ("g1", "g2")
    assert lines["fast"].time_limit_max_s == 3600
    assert (len(lines["all"].nodes), lines["all"].tier) == (5, 3)
    assert found.topology.switches["top"].switches == ("s1", "s2")


BAD = [
    ("slurm.conf", "Nodes=g[1-2]", "Nodes=g[1-7]", "no node and no NodeSet is called g3"),
    ("slurm.conf", "nodes.conf", "lost.conf", "Include /etc/slurm/lost.conf"),
    ("nodes.conf", "c[1-3]", "g1", "node g1 is there twice"),
    ("nodes.conf", "CPUs=128", "CPUs=many", r"nodes\.conf:4"),
    ("topology.conf", "g[1-2]", "g[1-2", "brackets do not match"),
]


@pytest.mark.parametrize(("name", "good", "bad", "said"), BAD)
def test_what_is_wrong_in_a_file_is_named_with_its_line(name, good, bad, said):
    with pytest.raises(InputError, match=said):
        configured_cluster(CONF | {name: CONF[name].replace(good, bad)})


def test_several_topologies_of_one_yaml_become_one():
    found = topology_yaml(
        """
- topology: fast
  cluster_default: true
  block: {block_sizes: [2, 4], blocks: [{block: b1, nodes: "g[1-2]"}]}
- topology: slow
  cluster_default: false
  tree: {switches: [{switch: s1, nodes: "g[1-2]"}]}
- topology: other
  cluster_default: false
  block: {block_sizes: [1], blocks: [{block: b1, nodes: "c1"}]}
- topology: flat
  cluster_default: false
  flat: true
"""
    )
    assert found.blocks == {"b1": ("g1", "g2")}
    assert found.switches["s1"].nodes == ("g1", "g2")
    assert found.block_sizes == ()  # of two topologies: neither holds for all
    assert "1 switches and blocks of further topologies" in found.notes[0]


@pytest.mark.parametrize("text", ["{", "a: 1", "- topology: x\n  block: {blocks: [{nodes: a}]}"])
def test_what_is_no_topology_yaml_is_refused(text):
    with pytest.raises(InputError, match=r"topology\.yaml"):
        topology_yaml(text)


def test_unknown_gpus_and_other_resources_are_said_and_kept():
    conf = {"nodes.conf": "NodeName=n[1-2] CPUs=8 RealMemory=1000 Gres=gpu:z9:2,shard:8\n"}
    listed = inventory_of(configured_cluster(conf))
    (group,) = listed.inventory.nodes
    assert (group.gpus, group.gres, group.system) == ({"z9": 2}, {"shard": 8}, None)
    said = "\n".join(listed.notes)
    assert "no GPU called z9" in said
    assert "shard: kept in the file" in said
    assert "2 nodes are in no partition" in said


def test_a_system_is_taken_where_it_has_as_many_gpus():
    conf = {"nodes.conf": "NodeName=n1 Gres=gpu:nvidia_h100_80gb_hbm3:8\nPartitionName=p Nodes=n1"}
    cluster = configured_cluster(conf)
    (group,) = inventory_of(cluster, {"": "dgx-h100"}).inventory.nodes
    assert (group.system, group.gpu_type) == ("dgx-h100", "h100")
    with pytest.raises(InputError, match="node n1 has 8 GPUs, and gb300-nvl72 has 4"):
        inventory_of(cluster, {"": "gb300-nvl72"})


def test_every_command_only_reads():
    """What is not `date`, `scontrol show`, `squeue` or `sacct` could change something."""
    for words in COMMANDS.values():
        assert words[0] in ("date", "squeue", "sacct") or words[:2] == ("scontrol", "show"), words


TEXTS = {
    version: {path.stem: path.read_text() for path in (RECORDED / version).glob("*.txt")}
    for version in VERSIONS
}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(VERSIONS),
    st.sampled_from(
        ["nodes", "partitions", "reservations", "queue", "topology", "topoconf", "date"]
    ),
    st.integers(0, 6000),
    st.integers(0, 400),
    st.text(alphabet="=[]^, -:\n\x00é9", max_size=6),
)
def test_outputs_that_are_cut_or_mangled_are_read_or_refused(version, name, at, length, put):
    texts = dict(TEXTS[version])
    text = texts.get(name, "")
    texts[name] = text[:at] + put + text[at + length :]
    try:
        found = observed(Outputs(texts=texts))
        inventory_of(found.cluster)
    except InputError:
        return  # said in words, with the line


def test_cpus_of_a_task_are_no_resource_beside_cpus():
    cells = TEXTS["26.05"]["queue"].splitlines()[5].split("^")
    cells[FIELDS.index("tres-per-task")] = "cpu=4,gres/shard=2"
    (job,) = queue("^".join(cells))
    assert set(job.gres) == {"shard"}


def test_large_jobs_are_told_in_thousands_where_nobody_asks_otherwise():
    line = TEXTS["26.05"]["queue"].splitlines()[5]
    cells = line.split("^")
    cells[FIELDS.index("NumNodes")] = "2K"
    (job,) = queue("^".join(cells))
    assert job.nodes == 2048


def test_every_output_that_is_kept_is_on_the_page():
    page = (RECORDED.parents[2] / "docs" / "slurm.md").read_text("utf-8")
    for name, words in COMMANDS.items():
        assert f"`{name}.txt`" in page
        assert words[0] in page
