"""Blueprint: whole racks, stable paths, topology and power, with worked numbers."""

import itertools
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import catalog, design, factory
from arkwright.design import LEVELS, Severity
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
    assert hall.leaf_groups == 9  # 1,296 nodes / 144 of a scalable unit (8 racks)
    assert site.rack_power_kw_max == pytest.approx(10_224)  # 72 x 142
    assert site.it_power_kw_max == pytest.approx(11_246.4)  # + 10 %
    assert site.facility_power_kw_max == pytest.approx(12_371.04)  # x 1.10
    assert len(fjord.nodes) == 1296
    assert fjord.gpus == 5184


def test_fjord_does_not_fit_its_connection_at_maximum_and_is_told_what_would(fjord):
    # 12,371.04 / 72 = 171.82 kW a rack at the grid; 12,000 / 171.82 = 69.8
    (warning,) = texts(fjord, Severity.WARNING)
    assert "12.371 MW" in warning
    assert "371.04 kW" in warning
    assert "69 of 72 racks" in warning


def test_every_default_that_was_used_is_shown_with_its_source(fjord):
    names = {assumption.name for assumption in fjord.assumptions}
    assert {"PUE", "ancillary power", "electricity price", "carbon intensity"} <= names
    assert all(a.source and a.value for a in fjord.assumptions)
    lines = design.summary(fjord)
    assert sum(line.basis.startswith("assumed: ") for line in lines) == len(fjord.assumptions)


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


def test_a_leaf_group_is_a_scalable_unit_and_the_file_may_set_it():
    level = LEVELS.index(Level.LEAF)
    # 127 nodes of a DGX H100 pod round to 32 racks of 4 = 128 nodes = 4 units of 32.
    pod = built("{system: dgx-h100, gpus: 1016}")
    assert len(pod.nodes) == 128
    assert len(design.domain_names(pod.nodes)[level]) == 4
    own = built("{system: dgx-h100, gpus: 1016}", "fabric: {scalable_unit_nodes: 64},")
    assert len(design.domain_names(own.nodes)[level]) == 2


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


@pytest.mark.parametrize(
    ("grid", "warned"),
    [
        ("{connection: 12 MW, basis: it}", False),  # IT power is 11.25 MW
        ("{connection: 11 MW, basis: it}", True),
        ("{connection: 12 MW, basis: facility}", True),
        ("{connection: 12.4 MW}", False),  # facility power is 12.37 MW
        ("{connection: 1 MW, basis: ai-capacity}", False),  # nobody knows what it is
    ],
)
def test_power_is_compared_on_the_basis_of_the_connection(grid, warned):
    blueprint = built("{system: gb300-nvl72, gpus: 5184}", f"grid: {grid},")
    assert bool(texts(blueprint, Severity.WARNING)) is warned


def test_an_estimated_system_is_called_one():
    assert "estimates" in texts(built("{system: vr-nvl72, racks: 1}"), Severity.WARNING)[0]


def test_what_nobody_knows_is_said():
    f = factory.loads(b"factory: f\nsites: {a: {halls: {h: {system: dgx-h100, racks: 1}}}}")
    notes = texts(design.blueprint(f), Severity.NOTE)
    assert any("carbon intensity is not known" in note for note in notes)


def test_a_site_that_only_runs_has_no_racks_on_paper():
    blueprint = design.blueprint(factory.load(EXAMPLES / "workstation.yaml"))
    assert blueprint.nodes == ()
    assert blueprint.sites[0].it_power_kw_max == 0


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
    began = time.perf_counter()
    assert len(design.blueprint(f).nodes) == 2778 * 18  # 200,000 / 72 = 2,777.8 racks
    assert time.perf_counter() - began < 2
