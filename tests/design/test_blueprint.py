"""Blueprint: whole racks, stable paths, topology and power, with worked numbers."""

import itertools
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import catalog, design, factory
from arkwright.design import LEVELS, Severity
from arkwright.errors import InputError
from arkwright.jobs.spec import Level

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def built(hall, site=""):
    text = f"factory: f\nsites: {{a: {{country: NO, {site} halls: {{h1: {hall}}}}}}}"
    return design.blueprint(factory.loads(text.encode()))


def texts(blueprint, severity):
    return [f.text for f in blueprint.findings if f.severity is severity]


@pytest.fixture(scope="module")
def fjord():
    return design.blueprint(factory.load(EXAMPLES / "fjord.yaml"))


def test_fjord_is_72_racks_of_142_kw(fjord):
    (site,) = fjord.sites
    (hall,) = site.halls
    assert (hall.racks, hall.nodes, hall.gpus) == (72, 1296, 5184)  # 5184 / 72; x 18; x 4
    assert hall.scale_up_domains == 72
    assert hall.scalable_units == 9  # 1,296 nodes / 144 of a scalable unit (8 racks)
    assert hall.leaf_groups == 18  # 1,296 nodes / 72 ports down of a leaf of 144
    assert site.rack_power_kw_max == pytest.approx(10_224)  # 72 x 142
    assert (site.it_power_kw_max, site.facility_power_kw_max) == (None, None)  # of `whole`
    assert len(fjord.nodes) == 1296
    assert fjord.gpus == 5184


def test_every_default_that_was_used_is_shown_with_its_source(fjord):
    names = {assumption.name for assumption in fjord.assumptions}
    assert {"electricity price", "carbon intensity", "gb300-nvl72 rack, maximum"} <= names
    assert all(a.source and a.value for a in fjord.assumptions)


def test_paths_are_site_hall_rack_tray(fjord):
    assert fjord.nodes[0].path == "narvik/h1/r001/t01"
    assert fjord.nodes[18].path == "narvik/h1/r002/t01"
    assert fjord.nodes[-1].path == "narvik/h1/r072/t18"


def test_a_hall_that_grows_keeps_its_paths():
    small = built("{system: gb300-nvl72, racks: 998}")
    large = built("{system: gb300-nvl72, racks: 1002}")
    paths = [node.path for node in large.nodes]
    assert [node.path for node in small.nodes] == paths[: len(small.nodes)]
    assert paths[-1] == "a/h1/r1002/t18"
    assert len(set(paths)) == len(paths)


def test_a_rack_is_never_cut_and_the_rounding_is_said():
    blueprint = built("{system: gb300-nvl72, gpus: 8000}")
    assert blueprint.sites[0].halls[0].racks == 112  # 8000 / 72 = 111.1
    assert "8,000 GPUs are 111.1 GB300 NVL72 racks; 112 racks carry 8,064" in texts(
        blueprint, Severity.NOTE
    )


def test_whole_racks_need_no_note():
    assert not any(
        "racks carry" in t for t in texts(built("{system: dgx-h100, gpus: 64}"), Severity.NOTE)
    )


def test_an_nvl72_rack_is_one_scale_up_domain_and_a_dgx_node_is_its_own():
    nvl = built("{system: gb200-nvl72, racks: 2}")
    dgx = built("{system: dgx-h100, racks: 2}")
    level = LEVELS.index(Level.SCALE_UP)
    assert len(design.domain_names(nvl.nodes)[level]) == 2
    assert len(design.domain_names(dgx.nodes)[level]) == 8  # 2 racks x 4 systems


def leaves_of(blueprint):
    return [node.domains[LEVELS.index(Level.LEAF)] for node in blueprint.nodes]


def test_a_leaf_group_is_what_hangs_on_the_same_leaves():
    # 127 nodes of a DGX H100 pod round to 32 racks of 4 = 128 nodes; a leaf of 64 ports has 32 down
    pod = leaves_of(built("{system: dgx-h100, gpus: 1016}"))
    assert len(pod) == 128
    assert list(dict.fromkeys(pod)) == [f"a/h1/compute-leaves-00{n}" for n in (1, 2, 3, 4)]
    assert [pod.count(leaf) for leaf in dict.fromkeys(pod)] == [32] * 4
    # Twice the bandwidth into a leaf than out of it: 42 down and 22 up. Two nodes are left for a
    # fourth group, and their rack counts to the third.
    thin = built("{system: dgx-h100, gpus: 1016}", "fabric: {oversubscription: 2},")
    groups = leaves_of(thin)
    assert [groups.count(leaf) for leaf in dict.fromkeys(groups)] == [44, 40, 44]
    # Where the racks of a unit stand changes no wiring.
    unit = built("{system: dgx-h100, gpus: 1016}", "fabric: {scalable_unit_nodes: 64},")
    assert leaves_of(unit) == pod


def test_a_rack_on_two_groups_of_leaves_counts_whole_to_the_first_and_that_is_said():
    # 42 down: node 42 is the third of its rack of four, and so on: 2 of 3 borders cut a rack.
    thin = built("{system: dgx-h100, gpus: 1016}", "fabric: {oversubscription: 2},")
    racks = {node.path.rpartition("/")[0]: set() for node in thin.nodes}
    for node, leaf in zip(thin.nodes, leaves_of(thin), strict=True):
        racks[node.path.rpartition("/")[0]].add(leaf)
    assert {len(leaves) for leaves in racks.values()} == {1}
    assert any("2 of 32 racks hang on two groups" in t for t in texts(thin, Severity.NOTE))


def test_with_three_tiers_spine_groups_are_domains_and_else_the_hall_is():
    spine = LEVELS.index(Level.SPINE)
    small = built("{system: dgx-h100, racks: 32}")
    assert {node.domains[spine] for node in small.nodes} == {"a/h1"}
    # 64 ports: two tiers connect 8 rails x 8 leaves x 32 = 256 nodes. 2,560 nodes are 80 leaves on
    # each rail, evenly in as few groups of up to 32 as hold them: 27, 27 and 26 leaves of 32 nodes.
    large = built("{system: dgx-h100, gpus: 20480}")
    groups = [node.domains[spine] for node in large.nodes]
    assert list(dict.fromkeys(groups)) == [f"a/h1/compute-spines-00{n}" for n in (1, 2, 3)]
    assert [groups.count(group) for group in dict.fromkeys(groups)] == [864, 864, 832]


def test_more_nodes_than_three_tiers_connect_are_refused_with_a_switch_that_would_do():
    # 64 / 8 groups a rail of 32 leaves with 32 nodes each are 8,192; 102,400 GPUs are 12,800 nodes.
    with pytest.raises(InputError) as refused:
        built("{system: dgx-h100, gpus: 102400}")
    assert str(refused.value).startswith("a/h1: fabric of 12,800 nodes with 8 NICs each")
    assert "at most 8,192 nodes" in str(refused.value)
    assert str(refused.value).endswith("; fabric: {switch: q3400-ra} would do")
    # 144 ports: 18 groups of 72 leaves with 72 nodes.
    large = built("{system: dgx-h100, gpus: 102400}", "fabric: {switch: q3400-ra},")
    assert len(large.nodes) == 12_800


def test_halls_of_one_system_share_a_fabric_but_no_domain():
    """40 + 40 nodes on leaves of 32: the second group is 8 nodes of h1 and 24 of h2."""
    halls = "{h1: {system: dgx-h100, nodes: 40}, h2: {system: dgx-h100, nodes: 40}}"
    text = f"factory: f\nsites: {{a: {{halls: {halls}}}}}"
    pair = leaves_of(design.blueprint(factory.loads(text.encode())))
    assert {leaf: pair.count(leaf) for leaf in dict.fromkeys(pair)} == {
        "a/h1/compute-leaves-001": 32,
        "a/h1/compute-leaves-002": 8,
        "a/h2/compute-leaves-002": 24,
        "a/h2/compute-leaves-003": 16,
    }


def test_domains_nest_and_their_indices_name_them(fjord):
    names, indices = design.domain_names(fjord.nodes), design.domain_indices(fjord.nodes)
    for level in range(len(LEVELS)):
        assert [names[level][i] for i in indices[level]] == [n.domains[level] for n in fjord.nodes]
    for below, above in itertools.pairwise(indices):
        parents = {}
        for inner, outer in zip(below, above, strict=True):
            assert parents.setdefault(inner, outer) == outer


def test_the_file_may_give_cpus_and_memory():
    node = built("{system: dgx-h100, gpus: 8, cpus_per_node: 96, memory_per_node: 1 TiB}").nodes[0]
    assert node.cpus == 96
    assert node.memory_mib == 2**20
    assert built("{system: dgx-h100, gpus: 8}").nodes[0].cpus == 112


def test_an_estimated_system_is_called_one():
    assert "estimates" in texts(built("{system: vr-nvl72, racks: 1}"), Severity.WARNING)[0]


def test_what_nobody_knows_is_said():
    f = factory.loads(b"factory: f\nsites: {a: {halls: {h: {system: dgx-h100, racks: 1}}}}")
    notes = texts(design.blueprint(f), Severity.NOTE)
    assert any("carbon intensity is not known" in note for note in notes)


def test_a_site_that_only_runs_has_no_racks_on_paper():
    blueprint = design.blueprint(factory.load(EXAMPLES / "workstation.yaml"))
    assert blueprint.nodes == ()
    assert blueprint.sites[0].rack_power_kw_max == 0


@given(st.sampled_from(list(catalog.systems())), st.integers(1, 3000))
def test_every_hall_holds_what_was_asked_in_the_fewest_racks(system, gpus):
    blueprint = built(f"{{system: {system}, gpus: {gpus}}}")
    (hall,) = blueprint.sites[0].halls
    per_rack = catalog.system(system).gpus_per_rack
    assert gpus <= hall.gpus < gpus + per_rack
    assert sum(node.gpus for node in blueprint.nodes) == hall.gpus
    assert len({node.path for node in blueprint.nodes}) == hall.nodes == len(blueprint.nodes)
    assert sum(rack.power_kw_max for rack in blueprint.racks) == pytest.approx(hall.it_power_kw_max)
    assert sum(n.power_kw_max for n in blueprint.nodes) == pytest.approx(hall.it_power_kw_max)
    level = LEVELS.index(Level.SCALE_UP)
    assert len(design.domain_names(blueprint.nodes)[level]) == hall.scale_up_domains
    leaves = design.domain_names(blueprint.nodes)[LEVELS.index(Level.LEAF)]
    assert len(leaves) == hall.leaf_groups


def test_two_hundred_thousand_gpus_are_laid_out_within_two_seconds():
    f = factory.loads(b"factory: f\nsites: {a: {halls: {h: {system: gb300-nvl72, gpus: 200000}}}}")
    began = time.process_time()
    assert len(design.blueprint(f).nodes) == 2778 * 18  # 200,000 / 72 = 2,777.8 racks
    assert time.process_time() - began < 2
