"""The whole design: what the parts say replaces what a blueprint has to assume."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import design, factory
from arkwright.design.checker import check, passes
from arkwright.design.overview import overview
from arkwright.design.whole import shortfalls, whole
from arkwright.errors import InputError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ON_PAPER = sorted(
    path.name
    for path in EXAMPLES.glob("*.yaml")
    if "factory:" in path.read_text()
    # Halls that stand; a programme's are still to be built.
    and "halls:" in path.read_text().partition("\nprogramme:")[0]
)


def read(halls, site=""):
    text = f"factory: f\nsites: {{a: {{country: NO, {site} halls: {halls}}}}}"
    return factory.loads(text.encode())


@pytest.fixture(scope="module")
def fjord():
    return whole(factory.load(EXAMPLES / "fjord.yaml"))


def test_ten_lines_become_megawatts_each_on_its_basis(fjord):
    (site,) = fjord.sites
    power = site.power
    # 72 x 142 = 10,224 kW of racks; 108 switches of 2,115 W and their modules, 72 of 940 W and
    # theirs; nine appliances of 2.2 kW; six servers of 0.5 kW
    assert power.rack_kw_max == pytest.approx(10_224)
    assert 500 < power.network_kw_max < 650
    assert power.storage_kw_max == pytest.approx(19.8)
    assert power.servers_kw_max == pytest.approx(3.0)
    parts = power.rack_kw_max + power.network_kw_max + power.storage_kw_max + power.servers_kw_max
    assert power.it_kw_max == pytest.approx(parts)
    losses = power.losses_kw_max + power.cooling_kw_max + power.other_kw_max
    assert power.facility_kw_max == pytest.approx(power.it_kw_max + losses)
    # Below 30 MW there is no HV transformer of its own, so the grid gives what the facility takes.
    assert power.grid_kw_max == power.facility_kw_max
    assert power.it_kw_idle < power.it_kw_typical < power.it_kw_max < power.facility_kw_max


def test_the_figures_of_the_page_docs_design_md(fjord):
    power = fjord.sites[0].power
    assert (round(power.it_kw_max), round(power.it_kw_typical)) == (10_832, 10_328)
    assert round(power.grid_kw_max) == 11_555
    assert (round(power.losses_kw_max), round(power.cooling_kw_max)) == (394, 221)
    asked = read("{h1: {system: gb300-nvl72, gpus: 5184}}", "grid: {connection: 10 MW},")
    (short,) = shortfalls(asked, whole(asked))
    assert short.gpus_fit == 4_464
    counts = {line.item: line.count for line in fjord.bill}
    assert counts["UPS module of 1500 kW; online"] == 12
    assert counts["dry cooler of 1000 kW"] == 13
    assert counts["Quantum-X800 Q3400-RA switches"] == 108


def test_the_parts_replace_the_share_and_the_pue_that_a_blueprint_assumes(fjord):
    names = {entry.name for entry in fjord.assumptions}
    assert not names & {"ancillary power", "PUE"}
    assert "PUE (yearly mean)" in names
    plan = fjord.blueprint.sites[0]
    assert plan.it_power_kw_max == fjord.sites[0].power.it_kw_max
    assert design.blueprint(factory.load(EXAMPLES / "fjord.yaml")).racks == fjord.blueprint.racks


def test_a_pue_in_the_file_is_taken_and_the_computed_one_is_said():
    built = whole(read("{h: {system: gb300-nvl72, racks: 8}}", "pue: 1.25,"))
    power = built.sites[0].power
    assert power.facility_kw_max == pytest.approx(power.it_kw_max * 1.25)
    (line,) = [a for a in built.assumptions if a.name.startswith("PUE")]
    assert "given in the file; the cooling model says 1.0" in line.source


def test_a_site_with_an_engine_only_has_nothing_to_design():
    text = b"factory: f\nsites: {here: {engine: {kind: local}}}"
    built = whole(factory.loads(text))
    assert (built.sites, built.bill) == ((), ())
    assert overview(built)[1].label == "site here"


@pytest.mark.parametrize("name", ON_PAPER)
def test_every_example_can_be_built_and_the_checker_passes_it(name):
    asked = factory.load(EXAMPLES / name)
    built = whole(asked)
    assert not shortfalls(asked, built)
    assert passes(check(asked, built)), check(asked, built)
    assert len(overview(built)) > 20


def test_there_are_examples_of_announced_sites():
    expected = {"narvik.yaml", "loughton.yaml", "texas.yaml", "stargate-uk.yaml"}
    assert expected | {"h100-superpod-127.yaml", "university-rack.yaml"} <= set(ON_PAPER)


def test_power_alone_fills_a_hall():
    # 1 MW carries floor(1,000 / 142) = 7 racks of 72 GPUs
    built = whole(read("{h: {system: gb300-nvl72, power: 1 MW}}"))
    (hall,) = built.sites[0].plan.halls
    assert (hall.racks, hall.gpus, hall.power_kw_asked) == (7, 504, 1000)
    assert any("1 MW carry 7 GB300 NVL72 racks" in finding.text for finding in built.findings)


def test_power_too_small_for_one_rack_is_refused_with_what_would_do():
    with pytest.raises(
        InputError, match="100 kW carry no rack of GB300 NVL72; give at least 142 kW"
    ):
        read("{h: {system: gb300-nvl72, power: 100 kW}}")


def test_a_connection_that_is_too_small_is_answered_with_the_nearest_that_fits():
    asked = read("{h: {system: gb300-nvl72, gpus: 5184}}", "grid: {connection: 10 MW},")
    (short,) = shortfalls(asked, whole(asked))
    # What is named fits, and one rack more does not.
    for more, fits in ((0, True), (72, False)):
        gpus = short.gpus_fit + more
        tried = whole(read(f"{{h: {{system: gb300-nvl72, gpus: {gpus}}}}}"))
        assert (tried.sites[0].power.grid_kw_max <= 10_000) is fits
    words = str(short)
    assert words.startswith(f"10 MW of grid carries {short.gpus_fit:,} GPUs at PUE 1.0")
    assert "you asked for 5,184" in words


def test_a_connection_that_carries_no_rack_says_zero():
    asked = read("{h: {system: gb300-nvl72, racks: 2}}", "grid: {connection: 100 kW},")
    (short,) = shortfalls(asked, whole(asked))
    assert short.gpus_fit == 0


def test_a_connection_without_a_defined_basis_is_not_judged():
    grid = "grid: {connection: 1 MW, basis: ai-capacity},"
    asked = read("{h: {system: gb300-nvl72, racks: 72}}", grid)
    assert shortfalls(asked, whole(asked)) == []


def test_halls_shrink_in_proportion_when_the_connection_is_shared():
    halls = "{a: {system: gb300-nvl72, racks: 30}, b: {system: dgx-h100, racks: 10}}"
    asked = read(halls, "grid: {connection: 2 MW},")
    (short,) = shortfalls(asked, whole(asked))
    assert 0 < short.gpus_fit < 30 * 72


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_more_racks_never_draw_less(first, more):
    small = whole(read(f"{{h: {{system: dgx-h100, racks: {first}}}}}")).sites[0].power
    large = whole(read(f"{{h: {{system: dgx-h100, racks: {first + more}}}}}")).sites[0].power
    assert small.it_kw_max < large.it_kw_max
    assert small.rack_kw_max < large.rack_kw_max
