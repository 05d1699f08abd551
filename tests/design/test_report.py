"""The report: one page that needs nothing else and says what the design says."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from arkwright import factory
from arkwright.design import portrait
from arkwright.design.blueprint import Finding, Severity
from arkwright.design.checker import check
from arkwright.design.fabric.schedule import Tier
from arkwright.design.report import folded, page
from arkwright.design.sketches import fabric_sketch
from arkwright.design.whole import whole
from design.drawing.test_drawing import parsed

START = int(np.datetime64("2026-12-01", "D").astype(int))
FJORD = """
factory: fjord
sites:
  narvik:
    country: NO
    grid: {connection: 14 MW}
    halls:
      h1: {system: gb300-nvl72, gpus: 5184}
    cooling: {heat_reuse: 0.3}
"""
PAIR = """
factory: pair
sites:
  a: {country: GB, halls: {h1: {system: dgx-h100, nodes: 127}, h2: {system: dgx-b300, racks: 3}}}
  b: {country: US, grid: {connection: 5 MW}, halls: {h1: {system: dgx-b200, racks: 20}}}
"""
VOID = {"meta", "br", "hr"}


def reported(text=FJORD):
    read = factory.loads(text.encode())
    built = whole(read)
    return portrait.report(read, built, check(read, built), START)


class Balanced(HTMLParser):
    """Every tag that opens closes, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def fjord():
    return reported()


def test_the_page_stands_alone(fjord):
    html = page(fjord)
    rest = html.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"<script|<link|<img|src=|url\(|@import", rest)
    assert not re.search(r'(href|src)="(?!#)', rest)
    read = Balanced()
    read.feed(html)
    assert read.open == []
    assert {link.removeprefix("#") for link in read.links} <= set(read.ids)
    assert len(html) < 250_000
    assert "prefers-color-scheme:dark" in html
    assert "@media print" in html


def test_the_header_has_the_totals(fjord):
    totals = {total.title: total for total in fjord.totals}
    assert totals["GPUs"].value == "5,184"
    assert totals["IT power"].basis.startswith("maximum")
    assert totals["connection"].value == "14 MW"
    assert totals["connection"].basis == "basis grid"
    assert "USD" in totals["to build"].value
    assert "85% used" in totals["a used GPU-hour"].basis
    assert totals["first GPUs run at narvik"].value == "2028-07 to 2030-09"


def test_every_drawing_is_there_by_name(fjord):
    assert set(portrait.drawings(fjord)) == {
        "hall-narvik-h1",
        "rack-gb300-nvl72",
        "narvik-single-line",
        "narvik-power-and-heat",
        "narvik-fabric-compute",
        "narvik-fabric-storage",
        "narvik-capex",
        "narvik-opex",
        "narvik-schedule",
    }


def test_heat_that_is_reused_has_a_temperature(fjord):
    totals = {total.title: total for total in fjord.sites[0].totals}
    assert totals["heat reused a year"].basis == "at 52 °C"


def test_two_sites_each_have_their_part():
    found = reported(PAIR)
    assert [site.name for site in found.sites] == ["a", "b"]
    names = set(portrait.drawings(found))
    assert {"rack-dgx-h100", "rack-dgx-b300", "rack-dgx-b200", "hall-a-h2"} <= names
    read = Balanced()
    read.feed(page(found))
    assert read.open == []


def test_everything_assumed_has_a_source(fjord):
    assert all(assumption.source for assumption in fjord.assumptions)


def test_findings_that_differ_only_in_place_and_number_are_shown_once():
    def lost(number, severity=Severity.WARNING):
        where = f"a/busway-{number}"
        text = f"with {where} lost, {number} parts are above their rating"
        return Finding(severity=severity, where=where, text=text)

    other = Finding(severity=Severity.NOTE, where="a", text="something else")
    shown = folded([lost(1), lost(2), other, lost(3)])
    assert [(finding.where, more) for finding, more in shown] == [("a/busway-1", 2), ("a", 0)]


def test_the_same_design_gives_the_same_page(fjord):
    assert page(fjord) == page(reported())


EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FACTORIES = [path for path in EXAMPLES.glob("*.yaml") if "halls:" in path.read_text("utf-8")]


@pytest.mark.slow
@pytest.mark.parametrize("path", FACTORIES, ids=[path.stem for path in FACTORIES])
def test_every_example_can_be_drawn(path):
    read = factory.load(path)
    built = whole(read)
    found = portrait.report(read, built, check(read, built), START)
    html = page(found)
    assert len(html) < 1_000_000
    reader = Balanced()
    reader.feed(html)
    assert reader.open == []
    for svg in portrait.drawings(found).values():
        parsed(svg)


def test_links_are_those_of_the_schedule():
    # Two planes of in-band: each of 127 nodes has a port in both.
    read = factory.load(EXAMPLES / "h100-superpod-127.yaml")
    built = whole(read)
    (site,) = built.sites
    table = site.network.schedule
    for fabric in site.network.fabrics:
        sketch = fabric_sketch(fabric)
        if sketch is None:
            continue
        mine = table.tier[table.fabric == table.fabrics.index(fabric.name)]
        drawn = [tier.links for tier in sketch.tiers[:-1]]
        wired = [int((mine == tier).sum()) for tier in (Tier.LEAF_SPINE, Tier.NODE_LEAF)]
        assert drawn == wired, fabric.name
