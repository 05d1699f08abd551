"""Drawings: XML that stands alone, asks nothing of the network, and shows what it was given."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.design import drawing
from arkwright.design.drawing.svg import DARK, LIGHT, WIDTH
from arkwright.design.span import Span
from arkwright.errors import InputError

NS = "{http://www.w3.org/2000/svg}"
NASTY = 'a <b> & "c" \x00\x0b\ud800 </svg><script>'


def parsed(svg):
    """The root, after the rules every drawing keeps."""
    root = ET.fromstring(svg)
    assert root.tag == f"{NS}svg"
    assert root.find(f"{NS}title").text
    assert "prefers-color-scheme:dark" in root.find(f"{NS}style").text
    rest = svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|href|url\(|@import|<script|<image", rest)
    width, height = (float(n) for n in root.get("viewBox").split()[2:])
    assert width == WIDTH
    for text in root.iter(f"{NS}text"):
        assert 0 <= float(text.get("x")) <= width
        assert 0 <= float(text.get("y")) <= height
    for box in root.iter(f"{NS}rect"):
        x, wide = float(box.get("x", 0)), float(box.get("width"))
        assert x + wide <= width + 1
        assert wide >= 0
        assert float(box.get("height")) >= 0
    return root


def words(root):
    return " | ".join(text.text or "" for text in root.iter(f"{NS}text"))


def of_class(root, name):
    return [e for e in root.iter() if name in (e.get("class") or "").split()]


def rack(**changed):
    slots = (
        drawing.Slot(title="power shelf", count=4, height_u=1, colour="c2"),
        drawing.Slot(title="compute tray", count=18, height_u=1, colour="c0", note="4 GPUs"),
    )
    whole = {"title": "Rack", "height_u": 48, "slots": slots, "facts": (("power", "142 kW"),)}
    return drawing.RackSketch(**whole | changed)


def test_a_rack_shows_every_device_once_and_to_scale():
    root = parsed(drawing.rack_elevation(rack()))
    trays = of_class(root, "c0")
    assert len(trays) == 18
    assert len(of_class(root, "c2")) == 4
    assert len({tray.get("y") for tray in trays}) == 18
    assert "18 x compute tray" in words(root)
    assert "142 kW" in words(root)


def hall(racks=40, turned=False):
    row = np.repeat([1, 2], racks // 2).astype(np.int16)
    place = np.tile(np.arange(racks // 2), 2)
    long_m, short_m = 1.2 * 2 + 0.6 * racks // 2, 6.0
    return drawing.HallSketch(
        title="Hall a/h1",
        length_m=short_m if turned else long_m,
        width_m=long_m if turned else short_m,
        x_m=1.5 + place * 0.6,
        y_m=np.where(row == 1, 1.8, 4.2),
        row=row,
        kind=np.r_[np.ones(2), np.zeros(racks - 2)].astype(np.int8),
        kinds=("compute racks", "network racks"),
        rack_width_m=0.6,
        rack_depth_m=1.2,
        hot_aisle_m=1.2,
    )


@pytest.mark.parametrize("turned", [False, True])
def test_a_hall_has_one_shape_for_each_rack(turned):
    svg = drawing.hall_plan(hall(turned=turned))
    root = parsed(svg)
    paths = {p.find(f"{NS}title").text: p.get("d") for p in root.iter(f"{NS}path")}
    assert paths["38 compute racks"].count("M") == 38
    assert paths["2 network racks"].count("M") == 2
    assert "38 compute racks" in words(root)
    assert " m2, aisles included" in words(root)


def test_a_hall_of_thousands_stays_small():
    assert len(drawing.hall_plan(hall(4000))) < 150_000


def test_a_single_line_names_every_stage_and_marks_what_is_overloaded():
    stages = (
        drawing.Stage(kind="grid", title="Grid connection"),
        drawing.Stage(kind="transformer", title="6 transformers", carried_kw=3, installed_kw=2),
        drawing.Stage(kind="generator", title="2 generators", is_branch=True),
        drawing.Stage(kind="ups", title="4 UPS modules", carried_kw=1, installed_kw=2),
        drawing.Stage(kind="rack", title="9 racks", carried_kw=1),
    )
    root = parsed(drawing.single_line("Chain", stages))
    shown = words(root)
    assert all(stage.title in shown for stage in stages)
    assert "3 kW of 2 kW, 150%" in shown
    assert "1 kW of 2 kW, 50%" in shown
    assert len(of_class(root, "c4")) == 1


def test_a_fabric_shows_counts_and_links():
    tiers = (
        drawing.TierSketch(name="spine switches", count=16, note="QM9700", links=1024),
        drawing.TierSketch(name="leaf switches", count=32, note="QM9700", links=1016, groups=4),
        drawing.TierSketch(name="nodes", count=127, note="8 ports each"),
    )
    sketch = drawing.FabricSketch(title="Fabric", subtitle="2 tiers", tiers=tiers)
    root = parsed(drawing.fabric_tiers(sketch))
    for text in ("16 spine switches", "32 leaf switches", "127 nodes", "1,024 links", "1,016"):
        assert text in words(root)
    mesh, groups = (p.get("d").count("M") for p in of_class(root, "rule"))
    assert mesh == 14 * 14
    # Four groups of three or four boxes each: nobody reaches across.
    assert groups < 14 * 14 / 3


FLOWS = (
    drawing.Flow(origin="grid", target="it", kw=900),
    drawing.Flow(origin="grid", target="losses", kw=100),
    drawing.Flow(origin="it", target="air", kw=900),
)
STATIONS = tuple(
    drawing.Station(name=name, column=column, colour="c0")
    for name, column in (("grid", 0), ("it", 1), ("losses", 1), ("air", 2), ("unused", 2))
)


def test_ribbons_are_as_wide_as_what_they_carry():
    root = parsed(drawing.sankey("Power", STATIONS, FLOWS))
    high = {p.find(f"{NS}title").text: _height(p.get("d")) for p in of_class(root, "faint")}
    assert high["grid to it: 900 kW"] == pytest.approx(9 * high["grid to losses: 100 kW"], rel=0.02)
    assert "unused" not in words(root)
    assert "1 MW" in words(root)


def _height(d):
    return float(re.search(r"v([0-9.]+)", d)[1])


def test_a_station_that_gives_what_it_does_not_take_is_refused():
    with pytest.raises(InputError, match=r"it takes 900.0 kW and gives 905.0 kW"):
        drawing.sankey("Power", STATIONS, (*FLOWS, drawing.Flow(origin="it", target="air", kw=5)))


def test_costs_are_solid_to_the_low_end():
    bar = drawing.CostBar(title="Racks", cost=Span(250e6, 500e6), how="100", colour="c0")
    root = parsed(drawing.cost_bars("Costs", "USD", [bar], bar.cost))
    pale, solid = (float(box.get("width")) for box in of_class(root, "c0"))
    assert solid == pytest.approx(pale / 2, abs=0.1)
    assert "250 to 500 M USD" in words(root)
    parsed(drawing.cost_bars("Costs", "USD", [], Span(0, 0)))


def test_a_gantt_puts_bands_on_one_axis():
    bars = (
        drawing.GanttBar(title="Building", quick=(20800, 21200), slow=(21000, 22000)),
        drawing.GanttBar(
            title="Energised", quick=(21200, 21200), slow=(22000, 22000), is_milestone=True
        ),
    )
    root = parsed(drawing.gantt(drawing.GanttSketch(title="G", subtitle="s", bars=bars)))
    assert "Building" in words(root)
    assert "2028-01 to 2030-03" in words(root)  # days 21,200 and 22,000
    assert re.search(r"20(27|28|29)", words(root))


def test_words_from_a_file_cannot_break_out():
    root = parsed(drawing.rack_elevation(rack(title=NASTY)))
    assert 'a <b> & "c"' in root.find(f"{NS}title").text


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1e11), st.floats(0, 1e11)), max_size=12))
def test_any_costs_stay_on_the_page(costs):
    bars = [
        drawing.CostBar(title="x" * 80, cost=Span(min(c), max(c)), how="y" * 200, colour="c1")
        for c in costs
    ]
    parsed(drawing.cost_bars("Costs", "USD", bars, Span(0, 1)))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 100_000), st.integers(1, 2000), st.integers(1, 500))
def test_any_fabric_stays_on_the_page(nodes, leaves, groups):
    tiers = (
        drawing.TierSketch(name="leaf switches", count=leaves, note="n", links=5, groups=groups),
        drawing.TierSketch(name="nodes", count=nodes, note=""),
    )
    parsed(drawing.fabric_tiers(drawing.FabricSketch(title="F", subtitle="", tiers=tiers)))


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_words_can_be_read_on_their_ground(palette):
    # WCAG 2.1: 4.5 for words, 3 for shapes.
    assert _contrast(palette["ink"], palette["bg"]) > 7
    assert _contrast(palette["soft"], palette["bg"]) > 4.5
    for colour in ("c0", "c1", "c2", "c3", "c4", "c5"):
        assert _contrast(palette[colour], palette["bg"]) > 3


def _contrast(a, b):
    """(L1 + 0.05) / (L2 + 0.05), L of sRGB by WCAG 2.1."""
    bright, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
