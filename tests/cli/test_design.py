"""`arkwright design`: what it prints, writes and refuses."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arkwright.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FJORD = str(EXAMPLES / "fjord.yaml")


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(
        "factory: small\nsites:\n  a:\n    country: NO\n    grid: {connection: 1 MW}\n"
        "    halls: {h: {system: gb300-nvl72, racks: 8}}\n"
    )
    return path


def test_json_is_whole_and_carries_its_kind(capsys):
    assert not main(["design", FJORD, "--json"])
    body = json.loads(capsys.readouterr().out)
    assert (body["api_version"], body["kind"]) == ("v1", "blueprint")
    (power,) = body["power"]
    assert power["rack_kw_max"] == pytest.approx(10_224)
    assert body["faults"] == []
    assert len(body["racks"]) == 72


def test_bill_and_cables_are_tables(tmp_path, capsys):
    bill, cables = tmp_path / "bill.csv", tmp_path / "sub" / "cables.csv"
    assert not main(["design", FJORD, "--bill", str(bill), "--cables", str(cables)])
    with bill.open() as file:
        lines = list(csv.DictReader(file))
    assert {"site", "item", "count", "how", "source"} <= lines[0].keys()
    with cables.open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["a"] == "narvik/h1/r001/t01"
    assert sum(row["fabric"] == "compute" for row in rows) == 10_368


def test_a_folder_takes_everything(tmp_path, capsys):
    assert not main(["design", FJORD, "-o", str(tmp_path / "out")])
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["bill.csv", "cables.csv", "design.json"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["design", FJORD, "-o", str(tmp_path / "file" / "out")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_grid_that_cannot_carry_it_is_refused_with_what_it_can(small, capsys):
    assert main(["design", str(small)]) == 2
    said = capsys.readouterr().err
    assert "1 MW of grid carries 432 GPUs at PUE 1.06; you asked for 576" in said
    assert "--anyway" in said


def test_anyway_builds_it_and_reports_it(small, capsys):
    assert not main(["design", str(small), "--anyway"])
    said = capsys.readouterr().out
    assert "warning L1: a: grid demand of" in said
    assert "checker: 1 fault" in said


def test_sources_lists_every_value_assumed(capsys):
    assert not main(["design", FJORD, "--sources"])
    said = capsys.readouterr().out
    assert "Arkwright's choice where the file gives none" in said
    assert "NVIDIA DGX SuperPOD RA-11333-001" in said


def test_a_weather_file_is_read_beside_the_factory(tmp_path, capsys):
    start = datetime(2023, 1, 1, tzinfo=UTC)
    times = [start + timedelta(hours=hour) for hour in range(8760)]
    hours = [f"{at:%Y-%m-%dT%H:%M},{40 if at.month == 7 else 10}" for at in times]
    hours = ["time,dry_bulb_c", *hours]
    (tmp_path / "w.csv").write_text("\n".join(hours))
    path = tmp_path / "f.yaml"
    path.write_text(
        "factory: f\nsites: {a: {climate: {weather: w.csv},"
        " halls: {h: {system: gb300-nvl72, racks: 8}}}}"
    )
    assert not main(["design", str(path)])
    said = capsys.readouterr().out
    # 31 days of 40 °C are above the 35 °C that W45 allows: 8,760 - 744
    assert "8,016 h liquid" in said


FEW = ["--over", "redundancy=N+1,2N", "--over", "supply_c=W45", "--over", "oversubscription=1,2"]


def test_a_search_prints_every_variant_as_json(capsys):
    assert not main(["design", FJORD, "--search", *FEW, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["api_version"], found["kind"]) == ("v1", "search")
    assert len(found["variants"]) == 4
    assert set(found["front"]) <= {1, 2, 3, 4}
    assert found["axes"]["redundancy"] == ["N+1", "2N"]


def test_a_search_writes_a_table_a_page_and_a_drawing(tmp_path, capsys):
    assert not main(["design", FJORD, "--search", *FEW, "-o", str(tmp_path / "out")])
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["search.csv", "search.html", "search.json", "search.svg"]
    with (tmp_path / "out" / "search.csv").open() as file:
        assert [row["redundancy"] for row in csv.DictReader(file)] == ["N+1", "2N", "N+1", "2N"]
    assert "http" not in (tmp_path / "out" / "search.html").read_text().replace(
        "http://www.w3.org/2000/svg", ""
    )


def test_a_search_over_objectives_that_are_named(capsys):
    assert not main(["design", FJORD, "--search", *FEW, "--objectives", "pue,capex"])
    said = capsys.readouterr().out
    assert "PUE: mean of the year, typical draw" in said
    assert "bisection a GPU" not in said


def test_a_hall_with_a_budget_is_designed_with_its_racks(tmp_path, capsys):
    path = tmp_path / "f.yaml"
    path.write_text("factory: f\nsites: {a: {halls: {h: {system: dgx-h100, budget: 20 M USD}}}}")
    assert not main(["design", str(path), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert "20 M USD builds" in found["findings"][0]["text"]
    assert found["swing"][0]["site"] == "a"
