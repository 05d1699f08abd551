"""Money, time and carbon in the catalogue: ranges run low to high, and nothing is nameless."""

import pytest

from arkwright.catalog import money
from arkwright.errors import InputError


def test_every_range_runs_from_low_to_high():
    kinds = ("", "weeks_", "price_per_kw_", "kg_per_gpu_")
    pairs = [(f"{kind}low", f"{kind}high") for kind in kinds]
    for _, rows in money.tables():
        for row in rows.values():
            for low, high in pairs:
                if hasattr(row, low):
                    assert 0 <= getattr(row, low) <= getattr(row, high)


def test_a_country_without_a_figure_gets_the_widest_band():
    assert money.build_cost("GB").price_per_kw_low == 12_000
    assert money.build_cost("NO") == money.build_cost(None)
    every = money.table("build_costs.csv", money.BuildCost).values()
    assert money.build_cost(None).price_per_kw_low == min(row.price_per_kw_low for row in every)
    assert money.build_cost(None).price_per_kw_high == max(row.price_per_kw_high for row in every)


def test_steps_stand_after_those_they_wait_for():
    names = list(money.lead_times())
    for row in money.lead_times().values():
        assert all(names.index(name) < names.index(row.name) for name in row.after.split())


def test_what_was_not_read_is_none():
    assert money.embodied("gb300-nvl72") is None
    assert money.grid_wait("XX") is None
    with pytest.raises(InputError, match="utilisation"):
        money.figure("luck")
