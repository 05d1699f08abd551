"""Announced factories: the design's megawatts against the row's, on the basis the row states.

Compared are rows with megawatts, a basis, a number of GPUs and one kind of GPU that do not
contradict themselves. The file is shared reference data and is not in the repository.
"""

import csv
from pathlib import Path

import pytest

from arkwright import factory
from arkwright.design.whole import whole

TABLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "design" / "factories.csv"
WITHIN = 0.15

# id: country, system, basis the row's words come to, what else is publicly known of the site
COMPARED = {
    # "site capacity": what the site may draw. The type is named by the press only.
    "stargate-norway": ("NO", "gb300-nvl72", "grid_kw_max", "cooling: {kind: direct-liquid}"),
    # "AI capacity" has no definition; IT is the nearest
    "loughton": ("GB", "gb300-nvl72", "it_kw_max", ""),
    # "campus capacity"
    "nscale-texas": ("US", "gb300-nvl72", "grid_kw_max", ""),
    # Ethernet fabric: three tiers of 64-port switches end at 16,384 such nodes
    "abilene-4bldg": ("US", "gb200-nvl72", "it_kw_max", "fabric: {switch: sn5600}"),
    # "grid allocation". SN5600 is published; PUE 1.18 was reached (its H100 are liquid cooled, as
    # no H100 system of the catalogue is).
    "colossus-100k": ("US", "dgx-h100", "grid_kw_max", "pue: 1.18, fabric: {switch: sn5600}"),
    "ms-model": ("US", "gb300-nvl72", "facility_kw_max", ""),
}
LEFT_OUT = {
    "stargate-uk": "no megawatts",
    "nscale-uk-total": "no megawatts, several sites",
    "abilene": "contradicts itself: its note has 450,000 GPUs for the same megawatts, and chips "
    "that may mean superchips; 3.0 MW per 1,000 are 1.42 times those of its own buildings 1 to 4",
    "colossus-1": "a range of megawatts and three kinds of GPU",
    "nebius-bethune": "no GPUs",
    "shell-leases": "no GPUs, several sites",
    "new-carlisle": "no GPUs, and its chips are of another maker",
}


@pytest.fixture(scope="module")
def rows():
    if not TABLE.exists():
        pytest.skip("the shared reference data is not here")
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_every_row_is_compared_or_left_out_with_a_reason(rows):
    assert set(rows) == set(COMPARED) | set(LEFT_OUT)
    assert not set(COMPARED) & set(LEFT_OUT)


@pytest.mark.parametrize(
    "name",
    # The largest takes as long as all the others together.
    [pytest.param(name, marks=pytest.mark.slow if name == "ms-model" else ()) for name in COMPARED],
)
def test_megawatts_of_an_announced_factory(rows, name):
    country, system, basis, known = COMPARED[name]
    row = rows[name]
    halls = f"halls: {{h: {{system: {system}, gpus: {row['gpus']}}}}}"
    more = f"{known}, " if known else ""
    text = f"factory: f\nsites: {{a: {{country: {country}, {more}{halls}}}}}"
    (site,) = whole(factory.loads(text.encode())).sites
    found_mw = getattr(site.power, basis) / 1000
    stated_mw = float(row["mw"])
    assert found_mw == pytest.approx(stated_mw, rel=WITHIN), f"{found_mw / stated_mw - 1:+.1%}"
