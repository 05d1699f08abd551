"""What-ifs, loans and contracts, prices of rules, and the page, on the harbour."""

import json
import re

import numpy as np
import pytest
from msgspec.structs import replace

from arkwright import documents
from arkwright.design.report import page
from arkwright.errors import InputError
from arkwright.plan.answers.deals import deals
from arkwright.plan.answers.document import document, milestones_csv
from arkwright.plan.answers.frontier import Point
from arkwright.plan.answers.funnel import Said
from arkwright.plan.answers.prices import shadow_words, shadows
from arkwright.plan.answers.whole import Proof, answered
from arkwright.plan.answers.wording import dates, megawatts, millions, money, share
from arkwright.plan.answers.words import sentences
from arkwright.plan.outcome import evaluate
from arkwright.plan.report import report
from arkwright.plan.rule_table import RULES
from arkwright.plan.solution import Price
from arkwright.plan.whatif import changed, difference
from plan.harbour import QUARTERS, all_at_once, harbour

close = pytest.approx
PROOF = Proof(gap=0.008, bound=1.0, stopped="stopped at the gap asked for", seconds=1.0)


def answers(schedule=None, **more):
    rollout, futures = harbour()
    return answered(
        rollout, futures, evaluate(rollout, futures, schedule or all_at_once()), PROOF, **more
    )


def moved(schedule, quarters):
    shifted = {
        name: np.roll(getattr(schedule, name), quarters, axis=-1)
        for name in ("starts", "halls", "racks")
    }
    return replace(schedule, **shifted)


def test_a_key_is_changed_as_if_the_file_said_so():
    tree = documents.parse(b"programme: {sites: {a: {tranches: [{power: 1 MW}]}}}", "f")
    found = changed(tree, ["programme.sites.a.tranches[0].earliest=2028-Q1", "name=x"])
    tranche = found.value["programme"].value["sites"].value["a"].value["tranches"].value[0]
    assert {key: node.value for key, node in tranche.value.items()} == {
        "power": "1 MW",
        "earliest": "2028-Q1",
    }
    assert found.value["name"].value == "x"
    assert tranche.value["earliest"].where.startswith("--whatif programme.sites.a")
    assert "earliest" not in str(tree)


def test_every_change_that_cannot_be_read_is_named():
    with pytest.raises(InputError) as refused:
        changed(documents.parse(b"a: 1", "f"), ["a", "b=", "=c", "a..b=1"])
    assert [problem.found for problem in refused.value.problems] == [
        "found 'a'", "found 'b='", "found '=c'", "found 'a..b=1'",
    ]  # fmt: skip


def test_a_difference_says_what_moves_and_what_that_does():
    later = answers(moved(all_at_once(), 1))
    found = difference(["x=1"], answers(), later)
    # A quarter less: 8, 4, 8 and 0 less earned, 5 in the mean; the worst is as bad as before.
    assert found.words[0] == (
        "The plan is worth 5.00 M EUR less in expectation and as much in the tail."
    )
    assert found.words[1] == "3 things are begun otherwise."
    rows = {row[0]: row[1:] for row in found.rows}
    assert rows["expected worth, M EUR"] == ("5.00", "0.00", "−5.00")
    assert rows["GPUs at the end"] == ("64", "64", "")
    assert ("grid quay/1", "2026-Q4, there 2027-Q1 – after 2027-Q3",
            "2027-Q1, there 2027-Q2 – after 2027-Q3") in found.moves  # fmt: skip


def test_no_difference_is_said_too():
    found = difference(["x=1"], answers(), answers())
    assert found.words == (
        "The plan is worth as much as before, as far as it is proven.",
        "What is begun, and when, stays the same.",
    )
    assert found.moves == ()


def test_loans_and_contracts_are_told_by_year():
    rollout, futures = harbour()
    names = replace(rollout.names, offers=("wind",), facilities=("bank",))
    schedule = replace(
        all_at_once(),
        drawn=np.array([[0, 3.0, 2.0, 0]]),
        signed=np.array([[4.0, 0, 0, 1.0]]),
    )
    found = deals(replace(rollout, names=names), futures, schedule)
    assert [(d.kind, d.name, d.begun, d.until, d.amount) for d in found] == [
        ("power contract", "wind", 0, 0, 4),
        ("loan", "bank", 1, 2, 5),
        ("power contract", "wind", 3, 3, 1),
    ]


def test_prices_of_rules_are_added_over_what_may_be_known_and_told_in_words():
    rollout, futures = harbour()
    told = replace(futures, slot_quarter=np.array([0, 1, 1, 2, 3]))
    price = Price(
        rule="R7",
        words="allocation",
        axes=("generation", "slot"),
        index=(np.array([0, 0, 0]), np.array([1, 2, 3])),
        value=np.array([0.2, 0.1, 1e-9]),
    )
    (found,) = shadows(rollout, told, [price])
    assert found.worth == close(0.3)
    assert shadow_words(found, rollout) == (
        "R7 allocation of g in 2027-Q1: one rack more is worth 300 k EUR"
    )


def test_figures_have_three_digits_and_a_real_minus():
    assert [money(v, "EUR") for v in (0, 0.0421, 12.34, -1240.0, 999.7)] == [
        "0.00 M EUR", "42.1 k EUR", "12.3 M EUR", "−1.24 B EUR", "1.00 B EUR",
    ]  # fmt: skip
    assert [millions(v) for v in (-0.001, -0.02, 1234.5)] == ["0.00", "−0.02", "1,234"]
    assert [share(v) for v in (0, 0.001, 0.25, 0.999, 1)] == ["0%", "<1%", "25%", ">99%", "100%"]
    assert megawatts(1340) == "1.34 GW"
    quarters = ("2027-Q1", "2027-Q2", "2028-Q1")
    spans = ((0, 0), (0, 1), (1, 2), (2, 3))
    assert [dates(*ends, quarters) for ends in spans] == [
        "2027-Q1", "2027-Q1 – Q2", "2027-Q2 – 2028-Q1", "2028-Q1 – after 2028-Q1",
    ]  # fmt: skip


def test_the_document_is_plain_json_with_every_answer():
    body = document(answers())
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    assert body["worth"]["npv"]["mean"] == close(5)
    assert body["overbuild"]["by_quarter"]["mean"][0] is None
    assert [row["what"] for row in body["decisions"]] == ["start", "halls", "racks"]
    assert body["funnel"]["not_declared"] == ["announced", "contracted"]
    assert len(milestones_csv(answers()).splitlines()) == 4


def test_the_page_has_a_drawing_of_everything_and_the_rules_by_number():
    points = tuple(
        Point(risk_weight=w, npv=5.0 - w, cvar=-8.0 + w, objective=0.0, mw=10.0, gpus=64.0,
              gap=0.01, is_own=w == 0.5)
        for w in (0.0, 0.5, 1.0)
    )  # fmt: skip
    text = page(report(answers(frontier=points)))
    # Gantt, two of the funnel, worth, cash, flow, tornado, frontier, one site, utilisation.
    assert text.count("<svg") == 10
    assert all(f"<td>{rule.number}</td>" in text for rule in RULES)
    assert not re.search(r"<script|<link|<img|url\(|@import", text)
    assert "nan" not in re.sub(r"<[a-z][^>]*>", "", text)
    assert "NaN" not in text
    for path in re.findall(r' d="([^"]*)"', text):
        assert "nan" not in path


def test_a_plan_that_builds_nothing_has_a_page_too():
    nothing = replace(
        all_at_once(),
        starts=np.zeros((1, QUARTERS)),
        halls=np.zeros((1, QUARTERS)),
        racks=np.zeros((1, 1, QUARTERS)),
    )
    text = page(report(answers(nothing)))
    assert "Nothing is begun." in text


def test_what_was_announced_is_held_beside_what_is_installed():
    said = {"announced": Said(mw=np.full(4, np.nan), gpus=np.array([0.0, 500, 900, 900]))}
    found = answers(said=said)
    # 64 GPUs from 2027-Q1 on.
    assert "Of 900 GPUs announced the plan has 64 by 2027-Q2 and 64 by 2027-Q3 installed." in (
        sentences(found)
    )
