"""The programme section: what is read, and what is refused, all at once with its fix."""

from __future__ import annotations

import pytest

from arkwright import factory
from arkwright.errors import InputError

GOOD = """
factory: f
sites:
  a: {country: NO}
  b: {country: GB, halls: {old: {system: dgx-h100, racks: 4}}}
programme:
  from: 2026-Q4
  until: 2030-Q4
  sites:
    a:
      tranches:
        - {power: 20 MW, lead: 6 months}
        - {power: 20 MW, earliest: 2027-Q3, offtake: 10 MW, cost: 9 M EUR}
      halls: {h1: {power: 10 MW, count: 3}}
    b: {halls: {h1: {power: 5 MW, count: 1, density: 60 kW, liquid: false}}, since: {old: 2025-Q1}}
  generations:
    gb300: {system: gb300-nvl72, until: 2028-Q1}
    h100: {system: dgx-h100, price: 1.4 M USD, allocation: [{from: 2026-Q4, racks: 8}]}
  supply: {first: {generation: gb300, gpus: 7200, by: 2027-Q4}}
  capital:
    equity: [{amount: 1.1 B USD, paid: 2025-09-25}]
    loans: {bank: {amount: 300 M USD, from: 2027-Q1, maturity: 2031-Q4, rate: 0.09}}
    cover: 1.2
  power:
    contracts: {ppa: {site: a, price: 38 EUR/MWh, power: 20 MW, term: 10 years}}
    hedge_max: 0.8
  demand:
    big: {kind: take-or-pay, gpus: 7200, generation: gb300, value: 900 M USD}
    state: {kind: sovereign, country: GB, compute: 300, price: 3 USD/GPU-h}
    market: {compute: 20000}
  limits: {vendors: {NVIDIA: 1.0}, countries: {GB: 0.5}, customers: {big: 0.9}}
  carbon_price: 70 EUR/t
"""


def problems(old: str = "", new: str = "") -> list[tuple[str, str, str]]:
    """Of the good file with one text replaced, each by key, found and right."""
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        factory.loads(GOOD.replace(old, new, 1).encode(), "f.yaml")
    return [(problem.key, problem.found, problem.right) for problem in caught.value.problems]


def test_a_programme_is_read_and_written_and_read_the_same():
    made = factory.loads(GOOD.encode())
    assert made.programme is not None
    assert made.programme.sites["a"].tranches[0].lead == 6  # months
    assert made.programme.power.contracts["ppa"].term == 120  # 10 x 12 months
    assert factory.loads(factory.dump(made).encode()) == made


def test_a_site_of_the_programme_needs_no_halls_of_its_own_and_no_other_site_goes_without():
    factory.loads(GOOD.encode())
    ((key, found, _),) = problems(
        "  a: {country: NO}\n", "  a: {country: NO}\n  c: {country: NO}\n"
    )
    assert (key, found) == ("sites.c", "it has neither halls nor an engine")


CASES = [
    ("from: 2026-Q4\n", "from: 2031-Q4\n", "programme.until", "is before its start, 2031-Q4"),
    ("until: 2030-Q4", "until: 2090-Q4", "programme.until", "257 quarters"),
    ("  until: 2030-Q4\n", "", "programme.until", "it is missing"),
    ("from: 2026-Q4\n", "from: 2026-Q5\n", "programme.from", "2026-Q5"),
    ("2025-09-25", "2025-02-30", "programme.capital.equity[0].paid", "no such day as 2025-02-30"),
    ("    a:\n", "    alpha:\n", "programme.sites.alpha", "no site is called alpha"),
    ("  a: {country: NO}\n", "  a: {engine: {kind: local}}\n", "programme.sites.a", "country"),
    ("country: NO}", "country: XK}", "programme.sites.a", "no price of electricity in XK"),
    ("since: {old", "since: {new", "programme.sites.b.since.new", "no hall new stands there"),
    ("2025-Q1", "2027-Q1", "programme.sites.b.since.old", "after the programme's start"),
    ("b: {halls: {h1", "b: {halls: {old", "programme.sites.b.halls.old", "stands there already"),
    (
        "- {power: 20 MW, lead",
        "- {power: 20 MW, earliest: 2028-Q1, lead",
        "programme.sites.a.tranches[1].earliest",
        "2027-Q3 is before 2028-Q1",
    ),
    ("power: 20 MW, lead", "power: 0 MW, lead", "programme.sites.a.tranches[0].power", "nothing"),
    ("2027-Q3", "2031-Q3", "programme.sites.a.tranches[1].earliest", "after the programme's end"),
    ("offtake: 10 MW", "offtake: 50 MW", "programme.sites.a.tranches[1].offtake", "50 MW"),
    ("cost: 9 M EUR", "cost: -9 M EUR", "programme.sites.a.tranches[1].cost", "-9 M EUR"),
    ("cost: 9 M EUR", "cost: 9 M XXX", "programme.sites.a.tranches[1].cost", "XXX is worth in USD"),
    ("density: 60 kW", "density: 30 kW", "programme.sites.b.halls.h1.density", "below every rack"),
    ("power: 5 MW", "power: 5 kW", "programme.sites.b.halls.h1.power", "carry no rack"),
    ("gb300-nvl72, until", "gb300, until", "programme.generations.gb300.system", "unknown system"),
    (
        "until: 2028-Q1}",
        "available: 2028-Q2, until: 2028-Q1}",
        "programme.generations.gb300.until",
        "before it is available",
    ),
    ("2028-Q1}", "2026-Q1}", "programme.generations.gb300.until", "before the programme begins"),
    (
        "racks: 8}]",
        "racks: 8}, {from: 2026-Q4, racks: 9}]",
        "programme.generations.h100.allocation[1].from",
        "not after the step above",
    ),
    (
        "dgx-h100, price: 1.4 M USD",
        "mi300x-8",
        "programme.generations.h100.price",
        "no price of 8 x MI300X server was read",
    ),
    (
        "generation: gb300, gpus: 7200, by",
        "generation: gb200, gpus: 7200, by",
        "programme.supply.first.generation",
        "no generation is called gb200",
    ),
    ("gpus: 7200, by", "gpus: 7200, racks: 9, by", "programme.supply.first", "both racks and gpus"),
    ("by: 2027-Q4", "by: 2025-Q4", "programme.supply.first.by", "before the programme begins"),
    ("2031-Q4, rate", "2026-Q4, rate", "programme.capital.loans.bank.maturity", "not after it can"),
    ("rate: 0.09", "rate: -0.09", "programme.capital.loans.bank.rate", "-0.09"),
    ("1.1 B USD", "-1.1 B USD", "programme.capital.equity[0].amount", "-1.1 B USD"),
    ("site: a, price", "site: c, price", "programme.power.contracts.ppa.site", "no site c"),
    ("term: 10 years", "term: 0 years", "programme.power.contracts.ppa.term", "no time"),
    ("hedge_max: 0.8", "hedge_max: 1.8", "programme.power.hedge_max", "1.8"),
    (", value: 900 M USD", "", "programme.demand.big.price", "nobody says what take-or-pay pays"),
    ("value: 900", "price: 3 USD/GPU-h, value: 900", "programme.demand.big.value", "both a price"),
    ("country: GB, compute", "compute", "programme.demand.state.country", "without a country"),
    ("GB, compute", "SE, compute", "programme.demand.state.country", "no site in SE"),
    ("market: {compute: 20000}", "market: {}", "programme.demand.market", "neither compute"),
    ("{compute: 20000}", "{gpus: 20}", "programme.demand.market.generation", "of which generation"),
    ("{compute: 20000}", "{compute: 2, from: 2031-Q1}", "programme.demand.market.from", "after"),
    ("vendors: {NVIDIA", "vendors: {Nvidia", "programme.limits.vendors.Nvidia", "no vendor Nvidia"),
    ("NVIDIA: 1.0", "NVIDIA: 0.9", "programme.limits.vendors", "together they allow 0.9"),
    ("{GB: 0.5}", "{SE: 0.5}", "programme.limits.countries.SE", "no country SE"),
    ("{big: 0.9}", "{huge: 0.9}", "programme.limits.customers.huge", "no customer huge"),
    ("{GB: 0.5}", "{GB: 1.5}", "programme.limits.countries.GB", "1.5"),
    ("70 EUR/t", "70 EUR/MWh", "programme.carbon_price", "70 EUR/MWh"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "key", "said"), CASES, ids=[f"{c[2]} {c[3]}" for c in CASES]
)
def test_what_is_wrong_is_named_by_its_key_with_a_fix(old, new, key, said):
    found = {(at, said in what) for at, what, _ in problems(old, new)}
    assert (key, True) in found
    assert all(right for _, _, right in problems(old, new))


def test_an_impossible_horizon_is_one_problem_and_not_one_for_every_date_in_it():
    assert len(problems("from: 2026-Q4\n", "from: 2031-Q4\n")) == 1


def test_all_problems_are_reported_at_once_with_their_lines():
    text = GOOD.replace("system: gb300-nvl72, until: 2028-Q1", "system: gb300, until: 2026-Q1")
    text = text.replace("term: 10 years", "term: 0 years").replace(
        "until: 2030-Q4", "until: 2090-Q4"
    )
    text = text.replace("hedge_max: 0.8", "hedge_max: 1.8")
    with pytest.raises(InputError) as caught:
        factory.loads(text.encode(), "f.yaml")
    found = {problem.key: problem.where for problem in caught.value.problems}
    assert {
        "programme.until": "f.yaml:8",
        "programme.generations.gb300.system": "f.yaml:17",
        "programme.generations.gb300.until": "f.yaml:17",
        "programme.power.contracts.ppa.term": "f.yaml:25",
        "programme.power.hedge_max": "f.yaml:26",
    }.items() <= found.items()


def test_a_misspelt_key_hides_no_problem_elsewhere_and_invents_none():
    text = GOOD.replace("tranches:", "tranche:").replace("term: 10 years", "term: 0 years")
    with pytest.raises(InputError) as caught:
        factory.loads(text.encode(), "f.yaml")
    # Without site a there would be no country NO and no site for the contract: neither is said.
    assert {problem.key for problem in caught.value.problems} == {
        "programme.sites.a.tranche",
        "programme.power.contracts.ppa.term",
    }


def test_a_programme_that_only_happens_or_is_declared_needs_no_dates():
    factory.loads(b"factory: f\nsites: {a: {engine: {kind: local}}}\nprogramme: {}\n")
