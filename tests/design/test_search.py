"""Every variant is the design that the same file would get, and the front is what none beats."""

import csv
import io
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import documents, factory
from arkwright.design.checker import check, passes
from arkwright.design.measures import MEASURES, measured
from arkwright.design.plant_cost import usual_chain
from arkwright.design.search import USUAL, WORTH, Search, Variant, search, with_front
from arkwright.design.search_space import axes, choices, own_number, with_choice
from arkwright.design.search_view import (
    front_table,
    own_words,
    search_csv,
    search_document,
    search_svg,
)
from arkwright.design.whole import whole
from arkwright.errors import InputError

TEXT = """
factory: f
sites:
  a:
    country: NO
    grid: {connection: 2.5 MW}
    halls: {h: {system: gb300-nvl72, gpus: 1000}}
"""
OVER = ("system=gb300-nvl72,dgx-h100", "oversubscription=1,3", "supply_c=W27,45 °C",
        "redundancy=N,N+1,2N")  # fmt: skip


def varied(*over: str):
    return axes(over, documents.parse(TEXT.encode(), "f"))


@pytest.fixture(scope="module")
def asked():
    return factory.loads(TEXT.encode())


@pytest.fixture(scope="module")
def found(asked):
    return search(asked, axes(OVER))


def test_every_variant_is_the_design_from_scratch(asked, found):
    # What variants share is designed once, so each fourth is built again without sharing.
    for variant in found.variants[::4]:
        changed = with_choice(asked, variant.choice)
        built = whole(changed)
        usual = {
            site.plan.name: usual_chain(changed.sites[site.plan.name].power, site.plant.power)
            for site in built.sites
        }
        values = measured(changed, built, usual).values
        assert variant.values == pytest.approx(values), variant.choice
        assert passes(check(changed, built)) is (not variant.reason)


def test_nothing_on_the_front_is_dominated(found):
    rows = costs(found, found.feasible)
    for variant in found.front:
        mine = costs(found, [variant])[0]
        worse = [row for row in rows if dominates(row, mine)]
        assert not worse


def test_every_feasible_variant_is_on_the_front_or_beaten_by_one_that_is(found):
    for variant in found.feasible:
        better = found.better(variant.number)
        assert variant.on_front is (better is None)
        if better is not None:
            assert better.on_front
            # One percent is the resolution: no figure of the better one is worse by more.
            pairs = zip(costs(found, [better])[0], costs(found, [variant])[0], strict=True)
            assert all(b <= v + 0.0101 * abs(v) for b, v in pairs)


NAMES = ("capex_per_gpu", "facility_kw_per_gpu", "bisection_gbit_s_per_gpu")
# Close to each other, so that many figures fall into one step of the resolution; zero too.
figures = st.one_of(st.just(0.0), st.floats(1.0, 1.1), st.sampled_from([1.0, 2.0, 1e-7, 5e9]))


@given(st.lists(st.tuples(figures, figures, figures, st.booleans()), max_size=14))
def test_whatever_the_figures_the_front_is_undominated_and_beats_the_rest(rows):
    variants = [
        Variant(
            number=number,
            choice={},
            values=dict(zip(NAMES, row[:3], strict=True)),
            reason="out" if row[3] else "",
        )
        for number, row in enumerate(rows, start=1)
    ]
    marked = tuple(with_front(variants, NAMES))
    found = Search(name="f", currency="USD", axes=(), objectives=NAMES, variants=marked)
    rows_of = {v.number: costs(found, [v])[0] for v in found.feasible}
    for variant in found.feasible:
        mine = rows_of[variant.number]
        exactly = any(dominates(row, mine) for row in rows_of.values())
        better = found.better(variant.number)
        assert variant.on_front is (better is None)
        assert not (variant.on_front and exactly)
        if better is not None:
            assert better.on_front
            pairs = zip(rows_of[better.number], mine, strict=True)
            assert all(b <= v + 0.0101 * abs(v) for b, v in pairs)
    assert bool(found.front) is bool(found.feasible)


def costs(found, variants) -> list[list[float]]:
    return [[MEASURES[o].cost(v.values[o]) for o in found.objectives] for v in variants]


def dominates(one, other) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def test_the_infeasible_are_counted_with_their_reason(asked):
    small = factory.loads(TEXT.replace("2.5 MW", "2.2 MW").encode())
    found = search(small, varied("redundancy=N+1,2N", "supply_c=W17,W45", "oversubscription=1"))
    assert not found.feasible
    assert not found.front
    ((reason, count, detail),) = found.reasons
    assert (reason, count) == ("L1: the grid connection does not carry it", 4)
    assert "on a connection of 2.2 MW" in detail
    assert own_words(found).startswith("The file as it is is variant 3, which is out: L1")


def test_a_variant_that_cannot_be_built_says_why(asked):
    # 10,000 nodes of 8 NICs on 64-port switches need a fourth tier.
    large = factory.loads(TEXT.replace("gpus: 1000", "gpus: 80000").encode())
    names = ["system=dgx-h100", "redundancy=N+1", "supply_c=W45", "oversubscription=1"]
    (only,) = search(large, varied(*names)).variants
    assert only.reason == "it cannot be built"
    assert "connect at most 8,192 nodes" in only.detail


def test_without_a_price_there_is_no_capex_and_other_objectives_still_work(asked):
    over = axes(["system=dgx-h200", "supply_c=W45", "redundancy=N+1", "oversubscription=1"])
    assert search(asked, over).reasons[0][0] == "capex a GPU is not known"
    assert len(search(asked, over, ["facility_mw"]).front) == 1


def test_it_is_the_same_every_time_and_says_how_far_it_is(asked, found):
    told = []
    again = search(asked, axes(OVER), progress=lambda done, of: told.append((done, of)))
    assert told == [(number, 24) for number in range(1, 25)]
    assert msgspec.json.encode(again) == msgspec.json.encode(found)


def test_what_the_file_fixes_stays_fixed_unless_it_is_named():
    text = TEXT.replace("    halls", "    cooling: {supply: W32}\n    halls")
    tree = documents.parse(text.encode(), "f")
    assert [axis.name for axis in axes((), tree)] == ["oversubscription", "redundancy"]
    assert [axis.name for axis in axes(("supply_c", "system"), tree)] == [
        "system",
        "oversubscription",
        "supply_c",
        "redundancy",
    ]


def test_the_usual_values_with_systems_are_more_than_500_variants():
    # 6 systems x 6 oversubscriptions x 5 classes of water x 4 redundancies
    assert len(list(choices(axes(["system"])))) == 720


def test_every_wrong_axis_is_said_at_once():
    with pytest.raises(InputError) as refused:
        axes(["colour=red", "supply_c=90 °C", "redundancy=3N", "oversubscription=0.5"])
    told = [(p.key if hasattr(p, "key") else p[1]) for p in refused.value.problems]
    assert told == ["colour=red", "supply_c", "redundancy", "oversubscription"]


def test_an_unknown_objective_names_those_that_are_known(asked):
    with pytest.raises(InputError, match="capex_per_gpu"):
        search(asked, axes(["supply_c=W45"]), ["beauty"])


def test_the_file_itself_is_found_among_the_variants(asked, found):
    assert found.own == 0  # the file says W45, the search 45 °C
    names = varied("supply_c=W27,W45", "redundancy=N,N+1", "oversubscription=1,3")
    # (oversubscription 1, W45, N+1) is the fourth of eight
    assert own_number(asked, names) == 4


def test_where_gpus_differ_what_a_gpu_is_worth_is_an_objective(asked, found):
    assert found.objectives == (*USUAL, WORTH)
    one = varied("redundancy=N+1", "supply_c=W45", "oversubscription=1")
    assert search(asked, one).objectives == USUAL


def test_csv_and_json_have_every_variant(found):
    rows = list(csv.DictReader(io.StringIO(search_csv(found))))
    assert [row["number"] for row in rows] == [str(v.number) for v in found.variants]
    states = {row["state"] for row in rows}
    assert "front" in states
    assert states <= {"front", "beaten", "out"}
    document = json.loads(json.dumps(search_document(found)))
    assert document["front"] == [v.number for v in found.front if not v.like]
    assert len(document["variants"]) == 24


def test_a_long_front_is_shown_evenly_and_the_rest_is_counted(found):
    every, few = front_table(found), front_table(found, 6)
    assert every.left_out == 0
    assert set(few.rows) <= set(every.rows)
    assert few.left_out == len(every.rows) - len(few.rows) > 0
    noted = [row for row in every.rows if row[-1]]
    assert set(noted) <= set(few.rows)


def test_the_drawing_has_a_panel_for_each_further_objective(found):
    svg = search_svg(found)
    assert svg.count(", USD</text>") == len(found.objectives) - 1
    assert svg.startswith("<svg")
    assert "<script" not in svg
