"""The futures section: what it takes, and what it refuses with which fix."""

from pathlib import Path

import pytest

from arkwright.errors import InputError
from arkwright.factory import loads
from arkwright.factory.futures_rules import cholesky, correlation_matrix, spread_of
from arkwright.factory.futures_spec import Correlations, parse_lag

BASE = """
factory: fjords
sites:
  narvik: {country: NO, grid: {connection: 0 MW, zone: NO4}}
programme:
  from: 2027-Q1
  until: 2029-Q4
  sites: {narvik: {tranches: [{power: 8 MW}], halls: {h1: {power: 6 MW, count: 2}}}}
  generations: {gb300: {system: gb300-nvl72}}
  capital: {cash: 500 M USD}
  demand: {lab: {kind: take-or-pay, compute: 5000, price: 3 USD/GPU-h}}
  futures:
"""


def problems(section):
    """(line of the section, key, found and right) of every problem."""
    try:
        loads((BASE + section).encode())
    except InputError as error:
        first = BASE.count("\n") + 1
        return [
            (
                int(p.where.rsplit(":", 1)[1]) - first + 1,
                p.key.removeprefix("programme.futures."),
                f"{p.found}; {p.right}",
            )
            for p in error.problems
        ]
    return []


def told(section):
    """The one problem of a section, without its line."""
    found = problems(section)
    assert len(found) == 1, found
    return found[0][1:]


def test_everything_has_a_default():
    assert problems("    {}\n") == []


def test_a_whole_section_is_read():
    section = """
    outcomes: 200
    seed: 7
    rental: {start: 2.35 USD/GPU-h, reverts_to: 2 USD/GPU-h, half_life: 4 quarters, volatility: 0.3, jumps: {per_year: 0.5, size: -0.3, spread: 0.2}}
    energy: {NO4: {start: 40 EUR/MWh, volatility: 0.8}, "*": {half_life: 6 months}}
    carbon_price: {start: 75 EUR/t, trend: 0.05}
    demand: {lab: {growth: 0.1, volatility: 0.2, half_life: 2 years}}
    correlation: {rental_demand: 0.5, zones: 0.4}
    delays:
      tranches: {0 quarters: 0.5, 2 quarters: 0.3, never: 0.2}
      halls: {0 quarters: 0.5, 6 months: 0.5}
      generations: {0 quarters: 1}
      sites: {narvik: {tranches: {1 year: 1}}}
      each: {narvik/1: {0 quarters: 1}, narvik/h1: {1 quarter: 1}, gb300: {2 quarters: 1}}
    lives: {4 years: 0.3, 5 years: 0.5, 6 years: 0.2}
    allocation: {per_year: 0.2, lasts: 2 quarters, delivered: 0.5, later: 1 year}
    withdrawals: [{class: lab, from: 2027-Q2, until: 2028-Q1, probability: 0.3}]
    stages: [2028-Q1, 2029-Q1]
    leaves: 64
"""  # noqa: E501
    assert problems(section) == []


def test_times_are_whole_quarters():
    assert [parse_lag(t) for t in ("0 quarters", "1 quarter", "6 months", "4 years", "never")] == [
        0, 1, 2, 16, -1,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no whole number of quarters"):
        parse_lag("7 months")
    assert spread_of({"never": 0.2, "1 year": 0.3, "0 quarters": 0.5}) == [
        (0, 0.5), (4, 0.3), (-1, 0.2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "key", "words"),
    [
        ("    delays: {tranches: {0 quarters: 0.5, 2 quarters: 0.3}}", "delays.tranches",
         "the probabilities sum to 0.8; they must sum to 1"),
        ("    delays: {halls: {7 months: 1}}", "delays.halls.7 months",
         "it is no whole number of quarters; for example 2 quarters"),
        ("    delays: {halls: {6 months: 0.5, 2 quarters: 0.5}}", "delays.halls.2 quarters",
         "it is the same as 6 months; give it once"),
        ("    delays: {sites: {narwik: {}}}", "delays.sites.narwik",
         "no site is called 'narwik'; did you mean narvik? known: narvik"),
        ("    delays: {each: {narvik/2: {0 quarters: 1}}}", "delays.each.narvik/2",
         "no tranche, hall or generation is called 'narvik/2'; did you mean narvik/1? "
         "known: narvik/1, narvik/h1, gb300"),
        ("    lives: {0 years: 1}", "lives.0 years", "racks kept 0 years; a time above 0, "
         "for example 5 years"),
        ("    lives: {5 years: 0.5}", "lives", "the probabilities sum to 0.5; they must sum to 1"),
        ("    rental: {half_life: 0 months}", "rental.half_life",
         "no time; for example 4 quarters"),
        ("    rental: {start: 0 USD/GPU-h}", "rental.start",
         "0 USD/GPU-h is no price to walk from; a price above 0"),
        ("    rental: {jumps: {per_year: 1}}", "rental.jumps",
         "jumps of no size; give size, for example -0.3, or spread, or per_year: 0"),
        ("    rental: {volatility: -0.3}", "rental.volatility",
         "found the number -0.3; use a number of at least 0 and of at most 5"),
        ("    energy: {NO5: {}}", "energy.NO5", "no price zone, country or site is called 'NO5'; "
         "did you mean NO? known: NO4, NO, narvik"),
        ("    energy: {NO4: {start: 0 EUR/MWh}}", "energy.NO4.start",
         "0 EUR/MWh is no price to walk from; a price above 0 EUR/MWh"),
        ("    demand: {labs: {}}", "demand.labs",
         "no class of demand is called 'labs'; did you mean lab? known: lab"),
        ("    correlation: {rental_demand: 0.9, demand_energy: 0.9, rental_energy: -0.9}",
         "correlation", "no prices and demands can go together like that: the matrix of the "
         "correlations has a negative eigenvalue; bring them nearer to 0, or raise zones and "
         "classes"),
        ("    correlation: {rental_demand: 1.2}", "correlation.rental_demand",
         "found the number 1.2; use a number of at least -1 and of at most 1"),
        ("    withdrawals: [{class: lab, from: 2030-Q1, probability: 0.3}]", "withdrawals[0].from",
         "2030-Q1 is outside the horizon; from 2027-Q1 to 2029-Q4"),
        ("    withdrawals: [{class: lab, from: 2028-Q1, until: 2027-Q4, probability: 0.3}]",
         "withdrawals[0].until", "2027-Q4 is before 2028-Q1; a quarter not before from"),
        ("    allocation: {lasts: never}", "allocation.lasts",
         "never; whole quarters above 0, for example 3 quarters"),
        ("    stages: [2027-Q1]", "stages[0]",
         "2027-Q1 is where the programme begins; from 2027-Q2 to 2029-Q4"),
        ("    stages: [2028-Q1, 2027-Q4]", "stages[1]",
         "2027-Q4 is not after 2028-Q1; write them in order, each once"),
        ("    stages: [2028-Q1]\n    outcomes: 1", "stages",
         "outcomes is 1, so that nothing is drawn; draw some, for example 200"),
        ("    leaves: 8", "leaves", "there are no stages to make a tree of; "
         "add stages, for example stages: [2027-Q1, 2028-Q1], or leave it out"),
        ("    stages: [2027-Q4, 2028-Q4]\n    leaves: 7", "leaves",
         "7 leaves for 2 stages; at least 8: two ways out of each, and of the start"),
        ("    stages: [2027-Q4]\n    tree: {a: {}}", "stages",
         "there is a tree too; leave one of stages and tree out"),
        ("    outcomes: 0", "outcomes",
         "found the number 0; use a number of at least 1 and of at most 20000"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_fix(section, key, words):
    assert told(section + "\n") == (key, words)


@pytest.mark.parametrize(
    ("tree", "key", "words"),
    [
        ("a: {probability: 0.7, from: 2027-Q2}\n      b: {probability: 0.4, from: 2027-Q2}",
         "a.probability", "the probabilities of a, b after the programme's start sum to 1.1; "
         "they must sum to 1"),
        ("a: {parent: c, from: 2027-Q2}", "a.parent", "no event is called 'c'; known: none; "
         "an event without parent follows the programme's start"),
        ("a: {}\n      b: {parent: a}", "b.from",
         "nobody says when it is known; add from, for example from: 2027-Q2"),
        ("a: {from: 2027-Q2}\n      b: {parent: a, from: 2027-Q2}", "b.from",
         "2027-Q2 is not after 2027-Q2 of its parent a; a quarter after 2027-Q2"),
        ("a: {from: 2031-Q2}", "a.from",
         "2031-Q2 is outside the horizon; from 2027-Q2 to 2029-Q4"),
        ("a: {probability: 0.5, from: 2027-Q2}\n      b: {probability: 0.5, from: 2027-Q3}",
         "b.from", "2027-Q3, but a after the programme's start is known in 2027-Q2; use 2027-Q2: "
         "what did not happen is known when it would have"),
        ("a: {demand: {labs: 0}}", "a.demand.labs",
         "no class of demand is called 'labs'; did you mean lab? known: lab"),
        ("a: {tranches: {narvik/9: never}}", "a.tranches.narvik/9",
         "no tranche or site is called 'narvik/9'; did you mean narvik/1? known: narvik/1, narvik"),
        ("a: {generations: {gb300: 1 month}}", "a.generations.gb300",
         "1 month: it is no whole number of quarters; for example 2 quarters"),
        ("a: {supply: {rubin: 0.5}}", "a.supply.rubin",
         "no generation is called 'rubin'; known: gb300"),
        ("a: {rental: -1}", "a.rental",
         "found the number -1; use a number of at least 0 and of at most 1000"),
    ],
)  # fmt: skip
def test_a_tree_that_cannot_be_is_refused_with_its_fix(tree, key, words):
    assert told(f"    tree:\n      {tree}\n") == (f"tree.{key}", words)


def test_an_event_that_never_happens_is_refused():
    tree = "    tree: {a: {from: 2027-Q2}, b: {probability: 0, from: 2027-Q2}}\n"
    assert told(tree) == (
        "tree.b.probability",
        "it never happens; leave it out, or give a probability above 0",
    )


def test_events_that_follow_each_other_in_a_ring_are_named():
    tree = """
    tree:
      a: {parent: c, from: 2027-Q4}
      b: {parent: a, from: 2028-Q1}
      c: {parent: b, from: 2028-Q2}
"""
    found = problems(tree)
    assert (
        3,
        "tree.a.parent",
        "it follows itself: a after c after b after a; "
        "let one of them follow another event, or the programme's start (no parent)",
    ) in found
    assert sum("follows itself" in words for _, _, words in found) == 1


def test_all_problems_come_at_once_with_their_lines():
    section = """
    rental: {start: 0 USD/GPU-h}
    lives: {4 years: 0.5}
    delays: {sites: {oslo: {halls: {0 quarters: 2}}}}
    tree: {a: {probability: 0.5, from: 2026-Q2}}
"""
    # A value out of its range is read no further; what could be read is still checked.
    assert {(line, key) for line, key, _ in problems(section)} == {
        (2, "rental.start"),
        (3, "lives"),
        (4, "delays.sites.oslo.halls.0 quarters"),
        (5, "tree.a.from"),
        (5, "tree.a.probability"),
    }


def test_the_factor_of_a_correlation_matrix_gives_it_back():
    matrix = correlation_matrix(Correlations())
    lower = cholesky(matrix)
    assert lower is not None
    for i in range(4):
        for j in range(4):
            product = sum(lower[i][k] * lower[j][k] for k in range(4))
            assert product == pytest.approx(matrix[i][j])


def test_prices_may_be_one_and_the_same():
    # Rental and carbon wholly together: a pivot of 0 is allowed.
    given = Correlations(
        rental_carbon=1.0, rental_demand=0, demand_carbon=0, rental_energy=0, energy_carbon=0
    )
    lower = cholesky(correlation_matrix(given))
    assert lower is not None
    assert lower[3][3] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("block", [0, 1])
def test_the_page_shows_what_is_taken(block):
    page = (Path(__file__).parents[2] / "docs" / "plan-futures.md").read_text(encoding="utf-8")
    shown = page.split("```yaml\n")[block + 1].split("```")[0].removeprefix("programme:\n")
    section = shown.removeprefix("  futures:\n")
    text = BASE.replace("{power: 8 MW}", "{power: 8 MW}, {power: 8 MW}")
    text = text.replace("  demand: {", "  demand: {market: {compute: 20000}, ")
    assert loads((text + section).encode()).programme.futures
