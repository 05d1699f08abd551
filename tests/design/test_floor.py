"""Racks on a floor: deterministic, without overlaps, within limits that are said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.design.blueprint import Severity
from arkwright.design.floor import (
    HallRacks,
    RackKind,
    floor,
    floor_load_kg_per_m2,
    limits,
)
from arkwright.factory import Power


def hall(compute, central=0, system="gb300-nvl72", path="a/h1"):
    ordinary = tuple((f"{path}/r{i:03d}", RackKind.COMPUTE) for i in range(1, compute + 1))
    middle = tuple((f"{path}/c{i:03d}", RackKind.CENTRAL) for i in range(1, central + 1))
    return HallRacks(path=path, system=system, ordinary=ordinary, central=middle)


def test_a_row_has_twenty_racks_and_rows_come_in_pairs():
    plan = floor([hall(45)])
    assert plan.halls[0].rows == 4  # 45 racks are three rows, and a pair is never cut
    assert np.bincount(plan.row).tolist() == [0, 20, 20, 5]
    # First rack: 1.2 m of aisle and half of 0.6 m; half of the depth of 1.2 m.
    assert (plan.x_m[0], plan.y_m[0]) == pytest.approx((1.5, 1.8))
    # Second row: behind the hot aisle, 1.2 m of depth and 1.2 m of aisle further.
    assert plan.y_m[20] == pytest.approx(1.8 + 2.4)
    # Third row: a cold aisle further, again 2.4 m.
    assert plan.y_m[40] == pytest.approx(1.8 + 4.8)


def test_central_racks_stand_in_a_pair_of_their_own_in_the_middle():
    plan = floor([hall(80, central=3)])
    central = plan.kind == RackKind.CENTRAL
    assert set(plan.row[central]) == {3}  # four rows of compute: after the first pair
    assert set(plan.row[~central]) == {1, 2, 5, 6}


def test_a_second_hall_stands_beside_the_first():
    plan = floor([hall(20), hall(20, path="a/h2")])
    assert plan.x_m[plan.hall == 1].min() > plan.x_m[plan.hall == 0].max() + 10


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 2000), st.integers(0, 200))
def test_racks_never_overlap_and_stand_inside_the_hall(compute, central):
    asked = [hall(compute, central)]
    plan = floor(asked)
    places = np.stack([plan.x_m, plan.y_m]).round(3)
    assert np.unique(places, axis=1).shape[1] == compute + central
    (only,) = plan.halls
    assert plan.x_m.min() >= 1.5 - 1e-9
    assert plan.x_m.max() <= only.length_m - 1.5 + 1e-9
    assert plan.y_m.max() <= only.width_m - 1.8 + 1e-9
    again = floor(asked)
    assert (again.x_m == plan.x_m).all()
    assert (again.row == plan.row).all()


def test_a_large_hall_is_about_square():
    (only,) = floor([hall(1200, 200)]).halls
    assert 0.4 < only.length_m / only.width_m < 2.5


def test_an_nvl72_rack_puts_944_kg_on_a_square_metre():
    # 1,360 kg / (0.6 m x (1.2 m + half of 1.2 m and 1.2 m of aisles)) = 944
    assert floor_load_kg_per_m2(1360, 0.6, 1.2) == pytest.approx(944.4, abs=0.1)


def test_a_full_row_of_nvl72_needs_four_busways():
    # 20 x 142 kW = 2,840 kW over 1,127 x 0.8 = 901.6 kW is 3.1
    asked = [hall(20)]
    (note,) = limits(floor(asked), asked, np.full(20, 142.0), Power())
    assert note.severity is Severity.NOTE
    assert "4 busways" in note.text


def test_what_the_floor_does_not_carry_is_a_warning():
    asked = [hall(1)]
    plan = floor(asked)
    plan.mass_kg[:] = 2000  # 1,389 kg/m2 against 1,224
    (warning,) = limits(plan, asked, np.array([100.0]), Power())
    assert warning.severity is Severity.WARNING
    assert "1,389 kg/m2" in warning.text
    assert warning.source
