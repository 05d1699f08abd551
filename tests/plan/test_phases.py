"""A plan as dated factory files: they load, they are designed, they run, and hold what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from arkwright import cli, factory
from arkwright.design.whole import whole
from arkwright.plan.build import build
from arkwright.plan.phases import phases, standing
from arkwright.plan.schedule import Schedule

ROOT = Path(__file__).resolve().parents[2]
SMALL = build(factory.load(ROOT / "examples" / "programme-small.yaml"))
GB300, RUBIN = 0, 1
LAST = len(SMALL.rollout.names.quarters)


def nothing(made):
    """A schedule in which nothing is decided."""
    names = made.rollout.names
    quarters = len(names.quarters)
    return Schedule(
        starts=np.zeros((len(names.tranches), quarters)),
        halls=np.zeros((len(names.places), quarters)),
        racks=np.zeros((len(names.places), len(names.generations), quarters)),
        signed=np.zeros((len(names.offers), quarters)),
        drawn=np.zeros((len(names.facilities), quarters)),
    )


def growing():
    """8 MW and a hall at once, the rest two quarters later; racks for both, some too early."""
    chosen = nothing(SMALL)
    chosen.starts[0, 0] = chosen.starts[1, 2] = 1
    chosen.halls[0, 0] = chosen.halls[0, 2] = 1
    chosen.racks[0, GB300, 1] = 39
    chosen.racks[0, GB300, 3] = 10
    chosen.racks[0, RUBIN, 4] = 20
    return chosen


FOUND = {each.quarter: each for each in phases(SMALL, growing())}


def test_there_is_a_phase_where_something_changes_and_none_before_the_first_rack():
    # Ordered 2027-Q1, two quarters: the first racks. The second tranche comes in 2028-Q2.
    assert list(FOUND) == ["2027-Q3", "2028-Q1", "2028-Q2", "2028-Q3"]
    connections = [each.factory.sites["narvik"].grid.connection for each in FOUND.values()]
    assert connections == [8000, 8000, 16000, 16000]  # kW at the grid


def test_racks_fill_one_hall_after_the_other_and_halls_keep_their_names():
    halls = {
        quarter: {name: (hall.system, hall.racks) for name, hall in _halls(each).items()}
        for quarter, each in FOUND.items()
    }
    # A hall of 6 MW takes 39.7 racks of 160.8 kW at the grid: the 40th reaches over its end.
    assert halls["2027-Q3"] == {"h1-1": ("gb300-nvl72", 39)}
    assert halls["2028-Q1"] == {"h1-1": ("gb300-nvl72", 40), "h1-2": ("gb300-nvl72", 9)}
    assert set(halls["2028-Q3"]) == {"h1-1", "h1-2", "h1-2-rubin"}


def test_racks_without_a_hall_wait_and_the_file_says_so():
    # 12.76 MW of halls: 20 Rubin of 0.254 first, then 47 of 49 GB300.
    last = FOUND["2028-Q3"]
    assert last.waiting == {("narvik/h1", "gb300"): 2}
    assert "# 2 racks of gb300 wait for a hall of narvik/h1." in last.text
    assert sum(hall.racks for hall in _halls(last).values()) == 67


@pytest.mark.parametrize("quarter", list(FOUND))
def test_a_phase_loads_and_its_design_has_the_plan_s_racks_and_megawatts(quarter):
    phase = FOUND[quarter]
    made = factory.loads(phase.text.encode())
    assert made == phase.factory
    assert made.programme is None
    (site,) = whole(made).sites
    at = SMALL.rollout.names.quarters.index(quarter)
    stands = standing(SMALL.rollout, growing(), SMALL.as_promised)[at]
    waiting = sum(phase.waiting.values())
    assert site.plan.racks == stands.racks.sum() - waiting
    planned_mw = (stands.racks * SMALL.rollout.supply.rack_mw).sum()
    planned_mw -= waiting * SMALL.rollout.supply.rack_mw[0, GB300]
    # Racks of one design divided by their number and added up again: within 1 % of a whole design.
    assert site.power.grid_kw_max / 1000 == pytest.approx(planned_mw, rel=0.01)


@given(
    st.integers(0, 2),
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(5, LAST - 4), st.integers(1, 30)), max_size=4
    ),
)
def test_every_rack_stands_in_a_hall_or_waits_and_no_hall_is_over_its_power_by_a_rack(
    halls, orders
):
    chosen = nothing(SMALL)
    chosen.halls[0, 1] = halls
    for generation, quarter, racks in orders:
        chosen.racks[0, generation, quarter] += racks
    mw, hall_mw = SMALL.rollout.supply.rack_mw[0], SMALL.rollout.power.hall_mw[0]
    systems = list(SMALL.rollout.names.systems)
    stands = standing(SMALL.rollout, chosen, SMALL.as_promised)
    for phase in phases(SMALL, chosen):
        at = SMALL.rollout.names.quarters.index(phase.quarter)
        held = sum(hall.racks for hall in _halls(phase).values())
        assert held + sum(phase.waiting.values()) == stands[at].racks.sum()
        rooms = {}
        for name, hall in _halls(phase).items():
            room = "-".join(name.split("-")[:2])
            rooms[room] = rooms.get(room, 0) + hall.racks * mw[systems.index(hall.system)]
        assert len(rooms) <= halls
        assert all(used < hall_mw + mw.max() for used in rooms.values())
        assert sum(rooms.values()) <= halls * hall_mw + 1e-9


def test_under_an_outcome_with_a_late_connection_the_phase_has_the_megawatts_of_that_outcome():
    late = SMALL.as_promised
    powered = late.powered.copy()
    powered[0, 0, 0, 2:4] = False  # the first tranche comes two quarters late
    late = structs.replace(late, names=("late grid",), powered=powered)
    first = phases(SMALL, growing(), late)[0]
    assert (first.quarter, first.outcome) == ("2027-Q3", "late grid")
    assert first.factory.sites["narvik"].grid.connection == 0
    assert first.text.startswith("# fjord-programme at the end of 2027-Q3: late grid.")


def test_in_a_tree_a_phase_follows_the_slots_of_its_outcome():
    two = structs.replace(
        SMALL.as_promised,
        names=("up", "down"),
        path=np.stack([np.arange(LAST), np.r_[0, np.arange(LAST, 2 * LAST - 1)]]),
        powered=np.repeat(SMALL.as_promised.powered, 2, axis=0),
        opened=np.repeat(SMALL.as_promised.opened, 2, axis=0),
        arrived=np.repeat(SMALL.as_promised.arrived, 2, axis=0),
    )
    chosen = nothing(SMALL)
    wide = Schedule(
        **{
            name: np.concatenate([getattr(chosen, name)] * 2, axis=-1)[..., : 2 * LAST - 1]
            for name in Schedule.__struct_fields__
        }
    )
    wide.halls[0, 0] = 1
    wide.racks[0, GB300, 2] = 5  # slot 2 is on the path `up` alone
    up, down = (phases(SMALL, wide, two, outcome) for outcome in (0, 1))
    assert sum(hall.racks for hall in _halls(up[-1]).values()) == 5
    assert down == ()


def test_a_hall_that_stands_is_in_every_phase_as_it_was():
    made = build(factory.load(ROOT / "examples" / "nordic-programme.yaml"))
    first, *_ = phases(made, nothing(made))
    assert first.quarter == "2026-Q4"
    assert _halls(first)["first"].racks == 112
    assert list(first.factory.sites) == ["narvik"]


def test_tenants_who_may_run_nowhere_in_a_phase_are_left_out():
    file = SMALL.given.factory
    text = (
        factory.dump(file) + "organisations: {home: {residency: [NO]}, away: {residency: [oslo]}}\n"
    )
    text = text.replace("sites:\n", "sites:\n  oslo: {country: SE, engine: {kind: local}}\n", 1)
    made = build(factory.loads(text.encode()))
    first, *_ = phases(made, growing())
    assert list(first.factory.organisations) == ["home"]


def test_a_phase_runs_in_the_twin(tmp_path, monkeypatch, capsys):
    chosen = nothing(SMALL)
    chosen.starts[0, 0] = chosen.halls[0, 0] = 1
    chosen.racks[0, GB300, 1] = 2
    monkeypatch.chdir(tmp_path)
    Path("phase.yaml").write_text(phases(SMALL, chosen)[0].text)
    Path("scenario.yaml").write_text(
        "kind: scenario\nname: phase\nfactory: phase.yaml\nseed: 3\n"
        "workloads: [{generate: {load: 0.7, jobs: 50}}]\n"
        "horizon: {from: 2027-10-01, for: 1 d}\n"
    )
    assert cli.main(["simulate", "scenario.yaml", "--json"]) == 0
    assert '"utilisation"' in capsys.readouterr().out


def _halls(phase):
    return phase.factory.sites["narvik"].halls
