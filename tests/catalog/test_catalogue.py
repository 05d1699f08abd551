"""The shipped catalogue: complete, traceable, consistent with itself and with what was read."""

from pathlib import Path

import pytest

from arkwright import catalog
from arkwright.catalog import Grade
from arkwright.catalog.page import markdown
from arkwright.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


def test_the_asked_for_gpus_and_systems_are_there():
    assert {"h100", "h200", "b200", "b300", "gb200", "gb300", "rubin", "mi300x"} <= set(
        catalog.gpus()
    )
    assert {
        "dgx-h100",
        "dgx-h200",
        "dgx-b200",
        "dgx-b300",
        "gb200-nvl72",
        "gb300-nvl72",
        "vr-nvl72",
        "mi300x-8",
    } == set(catalog.systems())


def test_a_gb300_rack_is_142_kw_of_72_gpus():
    system = catalog.system("gb300-nvl72")
    assert system.rack_power_kw_max == 142
    assert system.gpus_per_rack == 72  # 18 trays x 4
    assert system.node_power_kw_max == pytest.approx(7.889, abs=1e-3)  # 142 / 18
    assert system.gpu_power_w_max == pytest.approx(1972.2, abs=0.1)  # 142,000 / 72
    assert system.grade is Grade.PRIMARY


def test_rack_power_is_the_sum_of_its_systems_where_systems_are_what_was_read():
    # 4 x 10.2, 2 x 14.3, 4 x 14.5 kW
    racks = {name: catalog.system(name).rack_power_kw_max for name in catalog.systems()}
    assert racks["dgx-h100"] == pytest.approx(4 * 10.2)
    assert racks["dgx-b200"] == pytest.approx(2 * 14.3)
    assert racks["dgx-b300"] == pytest.approx(4 * 14.5)


@pytest.mark.parametrize("name", list(catalog.systems()))
def test_a_system_adds_up(name):
    system = catalog.system(name)
    gpu = catalog.gpu(system.gpu)
    assert system.gpus_per_rack % system.scaleup_gpus == 0
    assert system.scaleup_gpus % system.gpus_per_node == 0
    if gpu.tdp_w is not None:
        assert system.gpu_power_w_max > gpu.tdp_w, "a rack draws more than its GPUs alone"
    if gpu.is_estimate:
        assert system.is_estimate


@pytest.mark.parametrize("name", list(catalog.gpus()))
def test_lower_precision_is_never_slower(name):
    gpu = catalog.gpu(name)
    rates = [gpu.bf16_dense_tflops, gpu.fp8_dense_tflops, gpu.fp4_dense_tflops]
    known = [rate for rate in rates if rate is not None]
    assert known == sorted(known)


def test_what_no_maker_published_is_marked_an_estimate():
    assert catalog.gpu("rubin").is_estimate
    assert catalog.system("vr-nvl72").is_estimate
    assert catalog.system("vr-nvl72").grade is Grade.ESTIMATE
    assert catalog.system("mi300x-8").is_estimate


def test_the_cpu_model_turns_busy_seconds_into_joules():
    model = catalog.cpu_model()
    assert model.energy_j(3600) == pytest.approx(12_600)  # 3.5 W x 3,600 s
    assert "model" in model.note


def test_a_country_without_a_figure_has_none_rather_than_a_guess():
    assert catalog.carbon("NO").g_per_kwh == 29
    assert catalog.carbon("XX") is None
    assert catalog.price("XX") is None
    assert catalog.price(None) is None


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="gb300-nvl72"):
        catalog.system("gb300")


def test_the_page_in_docs_is_the_catalogue():
    # Regenerate with: python -m arkwright.catalog docs/catalogue.md
    assert (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8") == markdown()
