"""What a training step does to the connection, and the rules L8 and L9."""

import pytest

from arkwright import factory, units
from arkwright.design.blueprint import Severity
from arkwright.design.checker import check
from arkwright.design.load_swing import load_swing
from arkwright.design.whole import whole


def site_of(system: str, grid: str = ""):
    text = (
        "factory: f\nsites: {a: {country: NO, pue: 1.1, "
        f"grid: {{{grid}}}, halls: {{h: {{system: {system}, gpus: 576}}}}}}}}"
    )
    asked = factory.loads(text.encode())
    return asked, whole(asked)


def found_by(rule: str, asked, built):
    return [fault for fault in check(asked, built) if fault.rule == rule]


def test_the_swing_is_from_the_maximum_of_the_nodes_to_idle():
    _, built = site_of("gb300-nvl72")
    found = load_swing(built.blueprint.racks, built.sites[0])
    assert found.it_kw == pytest.approx(8 * 142 * 0.85)  # idle is 15 % of the maximum
    assert found.it_kw < found.grid_kw < found.it_kw * 1.08  # losses follow the load
    assert found.storage_kj == pytest.approx(576 * 0.065)
    # 37.4 kJ over 1.6 s and over 0.4 s: 23.4 + 93.6 kW of 965.6
    left = (965.6 - 37.44 / 1.6 - 37.44 / 0.4) / 965.6
    assert found.smoothed_kw / found.grid_kw == pytest.approx(left)


def test_without_storage_in_the_racks_nothing_is_smoothed():
    _, built = site_of("dgx-h100")
    found = load_swing(built.blueprint.racks, built.sites[0])
    assert found.storage_kj == 0
    assert found.smoothed_kw == pytest.approx(found.grid_kw)
    assert not found.holds_ramp


def test_no_limit_no_fault():
    asked, built = site_of("dgx-h100")
    assert not [fault for rule in ("L8", "L9") for fault in found_by(rule, asked, built)]


def test_a_swing_above_what_the_connection_bears_has_a_margin_and_a_fix():
    asked, built = site_of("gb300-nvl72", "swing: 500 kW")
    (fault,) = found_by("L8", asked, built)
    assert fault.severity is Severity.WARNING
    found = load_swing(built.blueprint.racks, built.sites[0])
    assert units.parse(fault.margin, "kW") == pytest.approx(500 - found.smoothed_kw, abs=0.1)
    assert "let no node fall below" in fault.fix
    # (smoothed - 500) x 0.8 x 0.2 x 2 s
    needed = (found.smoothed_kw - 500) * 0.32
    assert found.storage_needed_kj(500) == pytest.approx(needed)


def test_the_floor_that_is_named_is_enough():
    _, built = site_of("gb200-nvl72")
    site = built.sites[0]
    found = load_swing(built.blueprint.racks, site)
    floor = found.floor(site.power.rack_kw_max, 400.0)
    left_kw = site.power.rack_kw_max * (1 - floor) * found.grid_kw / found.it_kw
    assert left_kw == pytest.approx(400.0)


def test_a_bearable_swing_is_no_fault():
    asked, built = site_of("gb300-nvl72", "swing: 1.2 MW")
    assert not found_by("L8", asked, built)


def test_nodes_that_hold_a_ramp_are_told_the_rate():
    asked, built = site_of("gb300-nvl72", "ramp: 1 MW/min")
    (note,) = found_by("L9", asked, built)
    assert note.severity is Severity.NOTE
    # 16.7 kW/s over 576 GPUs, less what the losses take: some 28 W/s
    assert "at most 28" in note.fix or "at most 27" in note.fix


def test_nodes_that_cannot_hold_a_ramp_are_a_fault():
    asked, built = site_of("dgx-h100", "ramp: 1 MW/min")
    (fault,) = found_by("L9", asked, built)
    assert fault.severity is Severity.WARNING
    assert "put storage at the connection" in fault.fix


def test_a_ramp_is_power_by_time():
    assert units.parse("20 MW/min", "kW/s") == pytest.approx(333.333, abs=1e-3)
    assert units.render(units.parse("1 MW/s", "kW/s"), "kW/s") == "1 MW/s"
