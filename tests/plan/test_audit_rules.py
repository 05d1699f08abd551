"""Each rule of the audit on the smallest programme that it speaks of, and on one that it does not.

Worked numbers: 32 racks of GB300 NVL72 in Norway draw 2.092 kW a GPU as IT power and 2.224 at the
grid (`design`), so 100,000 of them 209 to 222 MW.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import catalog
from arkwright.plan.audit.watts import watts
from plan.declarations import Weight, found, weights

ANNOUNCED = "kind: announced, stated: 2026-03-09, source: press"
SIGNED = "kind: contracted, stated: 2025-10-15, source: press, system: gb300-nvl72"


def test_a1_counts_and_megawatts_that_fit_are_consistent():
    (one,) = found(
        "A1", "one: {..., headline: {gpus: 100000, power: 230 MW, basis: grid, by: 2030}}"
    )
    assert one.weight is Weight.CONSISTENT
    assert one.figures["kw_per_gpu"] == pytest.approx(2.30)
    assert "they fit" in one.text


def test_a1_too_few_megawatts_contradict_the_count():
    # 130 MW / 100,000 = 1.3 kW; 2.092 to 2.224 kW are needed.
    (one,) = found("A1", "one: {..., headline: {gpus: 100000, power: 130 MW, basis: unstated}}")
    assert one.weight is Weight.CONTRADICTION
    assert "need 209 to 222 MW" in one.text
    assert "130 MW carry 58,000 to 62,000 GPUs" in one.text


def test_a1_too_many_megawatts_are_doubted_and_superchips_are_thought_of():
    # 4.4 kW a GPU is twice 2.2: 100,000 superchips are 200,000 GPUs. 7 kW is neither.
    (one,) = found("A1", "one: {..., headline: {gpus: 100000, power: 440 MW, basis: grid}}")
    assert (one.weight, "superchips" in one.text) == (Weight.DOUBT, True)
    (two,) = found("A1", "one: {..., headline: {gpus: 100000, power: 700 MW, basis: grid}}")
    assert (two.weight, "superchips" in two.text) == (Weight.DOUBT, False)


def test_a1_judges_on_the_basis_that_was_stated():
    # 181 MW of IT are 1.81 kW a GPU: 14 % less than 2.092, within the tolerance. 175 are not.
    it = "one: {{..., headline: {{gpus: 100000, power: {} MW, basis: it}}}}"
    assert weights("A1", it.format(181)) == [Weight.CONSISTENT]
    assert weights("A1", it.format(175)) == [Weight.CONTRADICTION]


@settings(max_examples=20)
@given(st.integers(72, 500_000), st.floats(0.5, 6.0))
def test_a1_is_consistent_exactly_within_the_plausible_span(gpus, each_kw):
    text = f"one: {{..., headline: {{gpus: {gpus}, power: {gpus * each_kw!r} kW, basis: grid}}}}"
    from arkwright.factory.declared_spec import DeclaredBasis

    plausible = watts("gb300-nvl72", ["NO"]).plausible(DeclaredBasis.GRID)
    fits = plausible.low <= each_kw <= plausible.high
    assert weights("A1", text) == [Weight.CONSISTENT] or not fits
    assert fits or weights("A1", text) != [Weight.CONSISTENT]


@pytest.mark.parametrize("system", list(catalog.systems()))
def test_every_system_of_the_catalogue_has_watts_and_it_is_the_least_of_them(system):
    each = watts(system, ["US", "NO"])
    assert 0 < each.it.low <= each.facility.low <= each.grid.high


def test_a2_contracts_that_fill_a_part_of_what_is_announced_are_told():
    signed = f"deal: {{{SIGNED}, sites: [a], headline: {{gpus: 200000}}}}"
    (one,) = found("A2", signed, f"all: {{{ANNOUNCED}, headline: {{power: 1.3 GW, basis: grid}}}}")
    # 200,000 x (2.092 + 2.224) / 2 = 431.6 MW
    assert one.weight is Weight.DOUBT
    assert one.figures["power_kw_contracted"] == pytest.approx(431_600, rel=0.01)
    (two,) = found("A2", signed, f"all: {{{ANNOUNCED}, headline: {{power: 430 MW, basis: grid}}}}")
    assert two.weight is Weight.CONSISTENT


def test_a2_a_contract_within_another_is_counted_once():
    part = f"part: {{{SIGNED}, sites: [a], headline: {{gpus: 50000}}, within: [deal]}}"
    signed = f"deal: {{{SIGNED}, sites: [a], headline: {{gpus: 200000}}}}"
    announced = f"all: {{{ANNOUNCED}, headline: {{power: 1.3 GW, basis: grid}}}}"
    (one,) = found("A2", signed, part, announced)
    assert one.figures["gpus_contracted"] == 200_000


def test_a2_knows_a_contract_that_was_in_force_then_and_is_gone_now():
    signed = f"deal: {{{SIGNED}, sites: [a], headline: {{gpus: 200000}}}}"
    announced = f"all: {{{ANNOUNCED}, headline: {{power: 1.3 GW, basis: grid}}}}"
    gone = "gone: {kind: announced, stated: 2026-05-01, source: p, withdraws: [deal]}"
    (one,) = found("A2", signed, announced, gone)
    assert (one.figures["gpus_contracted"], one.figures["gpus_contracted_now"]) == (200_000, 0)
    assert "By now none are contracted" in one.text


PHASE = (
    "one: {{..., headline: {{gpus: {gpus}, by: {by}}}, "
    "phase: {{power: {power}, basis: unstated, money: {money}}}}}"
)


def test_a3_a_phase_is_a_share_of_the_headline_by_its_megawatts():
    # 20 MW / 2.224 = 8,993; / 2.092 = 9,560: 9.0 to 9.6 % of 100,000.
    (one,) = found("A3", PHASE.format(gpus=100000, by=2030, power="20 MW", money="1 B USD"))
    assert one.weight is Weight.DOUBT
    assert one.figures["share_low"] == pytest.approx(0.090, abs=0.001)
    assert one.figures["share_high"] == pytest.approx(0.096, abs=0.001)
    assert "1.0 B USD buys about 9 %" in one.text
    # Altered: for 10,000 GPUs the same phase is nearly all of it.
    (two,) = found("A3", PHASE.format(gpus=10000, by=2030, power="20 MW", money="1 B USD"))
    assert two.weight is Weight.NOTE
    assert two.figures["share_low"] == pytest.approx(0.90, abs=0.01)


@pytest.mark.parametrize(
    ("money", "weight", "word"),
    [
        ("1 B USD", Weight.CONSISTENT, "fits"),  # 50 M a MW, published 29 to 60
        ("200 M USD", Weight.DOUBT, "too little"),  # 10 M a MW: a building without GPUs
        ("3 B USD", Weight.DOUBT, "more than was named"),  # 150 M a MW
        ("0.86 B EUR", Weight.CONSISTENT, "fits"),  # 1.1665 USD for one
    ],
)
def test_a5_money_for_megawatts_is_held_against_published_prices(money, weight, word):
    (one,) = found("A5", PHASE.format(gpus=100000, by=2030, power="20 MW", money=money))
    assert (one.weight, word in one.text) == (weight, True)


def test_a4_megawatts_without_a_basis_are_two_different_counts():
    (one,) = found("A4", "one: {..., headline: {power: 100 MW, basis: unstated}}")
    # 100 MW / 2.224 = 44,968; / 2.092 = 47,797
    assert "45,000 GPUs" in one.text
    assert "48,000 GPUs" in one.text
    assert not found("A4", "one: {..., headline: {power: 100 MW, basis: grid}}")


def test_a6_funds_are_held_against_the_cost_of_what_was_signed():
    # 100,000 x 2.224 kW x 29 to 60 k USD a kW = 6.4 to 13.3 B USD.
    deal = f"deal: {{{SIGNED}, sites: [a], headline: {{gpus: 100000}}}}"
    fund = "round: {kind: funded, stated: 2025-09-25, source: press, funded: {equity: %s}}"
    (one,) = found("A6", deal, fund % "1.1 B USD")
    assert one.weight is Weight.DOUBT
    assert one.figures["cost_low"] == pytest.approx(6.45e9, rel=0.01)
    assert one.figures["covered_high"] == pytest.approx(0.17, abs=0.01)
    (two,) = found("A6", deal, fund % "10 B USD")
    assert two.weight is Weight.CONSISTENT


def test_a6_money_that_is_in_a_later_round_is_counted_once():
    deal = f"deal: {{{SIGNED}, sites: [a], headline: {{gpus: 100000}}}}"
    early = "early: {kind: funded, stated: 2025-09-25, source: p, funded: {equity: 1 B USD}, %s}"
    late = "late: {kind: funded, stated: 2026-03-09, source: p, funded: {equity: 2 B USD}}"
    (apart,) = found("A6", deal, early % "note: apart", late)
    (within,) = found("A6", deal, early % "within: [late]", late)
    assert (apart.figures["funds"], within.figures["funds"]) == (3e9, 2e9)


def test_a7_a_contract_is_a_price_of_a_gpu_hour():
    # 6.2 B / (52,000 x 5 x 8,760) = 2.72 USD
    deal = "deal: {%s, sites: [a], headline: {gpus: 52000}, contract: {value: %s, years: 5}}"
    (one,) = found("A7", deal % (SIGNED, "6.2 B USD"))
    assert one.figures["price_per_gpu_hour"] == pytest.approx(2.72, abs=0.005)
    assert one.weight is Weight.CONSISTENT
    assert weights("A7", deal % (SIGNED, "4 B USD")) == [Weight.DOUBT]


def test_a8_a_date_before_every_lead_time_is_doubted_and_a_late_one_is_not():
    size = "headline: {gpus: 23040, power: 50 MW, basis: unstated, by: %s}"
    # 120 + 13 + 4 + 1 weeks and three of filling after July 2025 are April 2028.
    (one,) = found("A8", f"one: {{..., {size % '2026-Q4'}}}")
    assert one.weight is Weight.DOUBT
    assert "2028-04" in one.text
    assert weights("A8", f"one: {{..., {size % '2028-Q3'}}}") == [Weight.CONSISTENT]


def test_a8_a_building_with_power_needs_no_transformer():
    size = "headline: {gpus: 12600, power: 26 MW, basis: it, from: 2026-Q2}"
    there = "there: {kind: energised, stated: 2025-07-30, source: p, sites: [a], %s}"
    bare = f"one: {{..., {size}}}"
    assert weights("A8", bare) == [Weight.DOUBT]
    there = there % "headline: {power: 26 MW, basis: it}"
    assert weights("A8", bare, there) == [Weight.CONSISTENT]


def test_a8_power_that_is_energised_already_waits_for_nothing():
    there = "there: {kind: energised, stated: 2025-07-30, source: p, sites: [a], %s}"
    there = there % "headline: {power: 26 MW, basis: it}"
    assert not found("A8", "one: {..., headline: {power: 20 MW, basis: it, by: 2026}}", there)


def test_a9_a_date_contradicts_the_megawatts_that_have_a_phase():
    def weight(**change):
        base = {"gpus": 100000, "by": "2026-12-31", "power": "20 MW", "money": "1 B USD"}
        return weights("A9", PHASE.format(**(base | change)))

    assert weight() == [Weight.CONTRADICTION]
    # Altered: five years later the rest can be built; 8,000 GPUs fit into the phase.
    assert weight(by="2031-12-31") == [Weight.NOTE]
    assert weight(gpus=8000) == []
    assert weight(power="220 MW") == []


def test_a10_a_machine_cannot_stand_before_it_is_made():
    text = "one: {{..., headline: {{gpus: 72000, from: {}}}}}".replace("...", "..., note: n")
    rubin = [("gb300-nvl72", "vr-nvl72")]

    def weight(when):
        from plan import declarations

        head = declarations.HEAD.replace(*rubin[0])
        return weights("A10", text.format(when).replace("...", head))

    assert weight("2026-Q1") == [Weight.CONTRADICTION]
    assert weight("2027-Q1") == [Weight.DOUBT]  # three quarters of slip after 2026-Q4
    assert weight("2028-Q1") == [Weight.CONSISTENT]


def test_a11_only_a_secured_connection_is_taken_as_one():
    asked = "one: {..., headline: {power: 230 MW, basis: grid, by: 2030}}"
    assert weights("A11", asked) == [Weight.DOUBT]
    secured = (
        "grid: {kind: grid-secured, stated: 2025-08-01, source: p, sites: [a], within: [one], "
        "headline: {power: 230 MW, basis: grid}}"
    )
    assert weights("A11", asked, secured) == [Weight.CONSISTENT]
    in_file = "a: {country: NO, grid: {connection: 230 MW}}"
    assert weights("A11", asked, sites=in_file) == [Weight.CONSISTENT]


def test_a12_whole_racks_are_told_from_round_numbers():
    assert weights("A12", "one: {..., headline: {gpus: 23040}}") == [Weight.CONSISTENT]
    (one,) = found("A12", "one: {..., headline: {gpus: 8000}}")
    assert one.weight is Weight.NOTE
    assert "111.1" in one.text  # 8,000 / 72


@pytest.mark.parametrize(
    ("first", "second", "weight"),
    [
        (60000, 40000, Weight.CONSISTENT),
        (60000, 36000, Weight.CONSISTENT),  # 96 %: about
        (60000, 20000, Weight.NOTE),
        (60000, 60000, Weight.CONTRADICTION),
    ],
)
def test_a13_parts_add_up_to_their_whole_or_not(first, second, weight):
    part = "{}: {{..., headline: {{gpus: {}}}, within: [all]}}"
    statements = [part.format("x", first), part.format("y", second)]
    assert weights("A13", "all: {..., headline: {gpus: 100000}}", *statements) == [weight]


def test_a14_two_claims_on_one_site_must_fit_its_megawatts():
    first = "first: {..., headline: {gpus: 100000, power: 230 MW, basis: grid}}"
    second = "second: {..., headline: {gpus: 52000}%s}"
    (one,) = found("A14", first, second % "")
    assert one.weight is Weight.DOUBT
    assert "counted twice" in one.text
    # Said to be a part of the first, they are not added.
    assert not found("A14", first, second % ", within: [first]")
    small = first.replace("100000", "40000")
    assert weights("A14", small, second % "") == [Weight.CONSISTENT]


def test_a15_what_changed_is_told_with_its_size():
    old = "old: {..., headline: {gpus: 100000, by: 2026-12-31}}"
    new = "new: {kind: announced, stated: 2025-09-18, source: p, sites: [a], updates: [old], %s}"
    (one,) = found("A15", old, new % "headline: {gpus: 52000, by: 2027-12-31}")
    assert "lowered from 100,000 GPUs to 52,000 GPUs" in one.text
    assert one.figures["slip_days"] == 365
    (two,) = found("A15", old, new % "headline: {gpus: 100000, by: 2026-12-31}")
    assert "unchanged" in two.text
    gone = "gone: {kind: announced, stated: 2026-04-09, source: p, withdraws: [old]}"
    (three,) = found("A15", old, gone)
    assert "withdrawn on 2026-04-09" in three.text


def test_a16_residency_of_the_customer_is_kept_or_broken():
    deal = "deal: {..., customer: lab, headline: {gpus: 72}}"
    bound = "organisations: {lab: {residency: [%s]}}\n"
    sites = "a: {country: NO}, b: {country: GB}"
    there = (
        "other: {kind: announced, stated: 2025-07-31, source: p, sites: [b], headline: {gpus: 1}}"
    )
    assert weights("A16", deal, there, sites=sites, more=bound % "NO") == [Weight.CONSISTENT]
    assert weights("A16", deal, there, sites=sites, more=bound % "GB") == [Weight.CONTRADICTION]


def test_a17_a_large_share_of_the_worlds_racks_needs_a_word():
    # 300,000 / 72 = 4,167 racks of 52,000 to 60,000: 7 to 8 %.
    assert weights("A17", "one: {..., headline: {gpus: 300000}}") == [Weight.NOTE]
    assert not found("A17", "one: {..., headline: {gpus: 100000}}")
