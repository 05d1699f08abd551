"""What is declared in a file, as the funnel's first steps."""

from pathlib import Path

import numpy as np

from arkwright import factory
from arkwright.plan.answers.said import said

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILE = b"""
factory: x
sites:
  a: {country: NO, grid: {connection: 1 MW}, halls: {h: {system: gb300-nvl72, racks: 1}}}
programme:
  declared:
    whole: {kind: announced, stated: 2026-01-01, source: s, headline: {gpus: 1000, by: 2027-Q2}}
    part:
      kind: announced
      stated: 2026-01-01
      source: s
      sites: [a]
      headline: {gpus: 300, power: 2 MW, basis: grid, by: 2026}
      within: [whole]
    signed:
      kind: contracted
      stated: 2026-02-01
      source: s
      sites: [a]
      headline: {gpus: 200, by: 2027-Q1}
    gone: {kind: contracted, stated: 2025-01-01, source: s, sites: [a], headline: {gpus: 900}}
    withdrawn: {kind: contracted, stated: 2026-03-01, source: s, sites: [a], withdraws: [gone]}
"""
QUARTERS = ("2026-Q3", "2026-Q4", "2027-Q1", "2027-Q2", "2027-Q3")


def test_each_statement_in_force_counts_once_from_the_quarter_it_is_promised_by():
    found = said(factory.loads(FILE), QUARTERS)
    # The part lies within the whole, so that the whole alone counts.
    assert found["announced"].gpus.tolist() == [0, 0, 0, 1000, 1000]
    assert np.isnan(found["announced"].mw).all()
    assert found["contracted"].gpus.tolist() == [0, 0, 200, 200, 200]


def test_without_declarations_nothing_is_said():
    assert said(factory.load(EXAMPLES / "fjord.yaml"), QUARTERS) == {}


def test_the_public_record_beside_a_plan_has_what_was_announced():
    found = said(factory.load(EXAMPLES / "nscale-plan.yaml"), QUARTERS)
    assert found["announced"].gpus.max() >= 100_000
    assert found["contracted"].gpus.max() >= 191_600
