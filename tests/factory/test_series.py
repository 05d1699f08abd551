"""Weather files: hours as they are, gaps counted, nonsense refused with its line."""

import numpy as np
import pytest

from arkwright.errors import InputError
from arkwright.factory import loads
from arkwright.factory.plant_spec import Climate
from arkwright.factory.series import epw, load_weather, weather_csv


def year_csv(year=2023, drop=(), head="time,dry_bulb_c,rh", days=365):
    start = np.datetime64(f"{year}-01-01T00:00")
    hours = [start + np.timedelta64(h, "h") for h in range(days * 24)]
    rows = [f"{at},{h % 24 / 2},0.8" for h, at in enumerate(hours) if h not in drop]
    return "\n".join([head, *rows])


def test_a_whole_year_is_read():
    weather = weather_csv(year_csv(), "w.csv")
    assert (weather.hours, weather.hours_missing) == (8760, 0)
    assert weather.dry_bulb_c[13] == 6.5
    assert weather.humidity is not None
    assert weather.humidity[0] == 0.8


def test_a_leap_year_has_8784_hours():
    assert weather_csv(year_csv(2024, days=366), "w.csv").hours == 8784


def test_gaps_are_counted_and_never_filled():
    weather = weather_csv(year_csv(drop={5, 6, 7, 100}), "w.csv")
    assert weather.hours_missing == 4
    assert weather.longest_gap_hours == 3
    assert np.isnan(weather.dry_bulb_c[6])


def test_an_empty_cell_is_a_gap():
    text = "utc,temp_c,rh_pct\n2023-01-01 00:00,,90\n2023-01-01 01:00,3.5,90"
    weather = weather_csv(text, "w.csv")
    assert weather.hours_missing == 8759
    assert weather.humidity[1] == pytest.approx(0.9)


def test_place_and_year_pick_rows():
    text = "site,utc,temp_c\nA,2022-01-01 00:00,1\nB,2022-01-01 00:00,2\nB,2023-01-01 00:00,3"
    assert weather_csv(text, "w.csv", "B", 2022).dry_bulb_c[0] == 2
    assert weather_csv(text, "w.csv", "B", 2023).dry_bulb_c[0] == 3
    with pytest.raises(InputError, match="no hour of the place"):
        weather_csv(text, "w.csv", "C", 2023)


@pytest.mark.parametrize(
    ("text", "where", "right"),
    [
        ("time,dry_bulb_c\nyesterday,3", "w.csv:2: time", "2026-01-31T13:00"),
        ("time,dry_bulb_c\n2023-01-01T00:30,3", "w.csv:2: time", "whole hours"),
        ("time,dry_bulb_c\n2023-01-01T00:00,3\n2024-01-01T00:00,3", "w.csv:3", "climate.year"),
        ("time,dry_bulb_c\n2023-01-01T00:00,3\n2023-01-01T00:00,4", "w.csv:3", "twice"),
        ("time,dry_bulb_c\n2023-01-01T00:00,300", "w.csv:2: dry bulb", "-90 to 60"),
        ("time,dry_bulb_c\n2023-01-01T00:00,warm", "w.csv:2: dry bulb", "a number"),
        ("time,dry_bulb_c,rh\n2023-01-01T00:00,3,80", "w.csv:2: humidity", "rh_pct"),
        ("hour,t\n1,2", "w.csv:1: time", "one called time"),
    ],
)
def test_nonsense_is_refused_with_its_line(text, where, right):
    with pytest.raises(InputError) as caught:
        weather_csv(text, "w.csv")
    assert where in str(caught.value)
    assert right in str(caught.value)


def epw_text(rows):
    head = ["LOCATION,Somewhere,NA,NOR,TMY,0,68.4,17.4,1.0,30.0"] + ["X"] * 7
    return "\n".join([*head, *rows])


def epw_row(month, day, hour, dry, humidity):
    return f"1999,{month},{day},{hour},60,?9?9,{dry},0.0,{humidity},101325,0,0"


def test_an_epw_hour_ends_at_its_number_and_99_9_is_missing():
    rows = [epw_row(1, 1, 1, -3.5, 80), epw_row(1, 1, 2, 99.9, 999), epw_row(12, 31, 24, 1.0, 70)]
    weather = epw(epw_text(rows), "n.epw")
    assert weather.label == "Somewhere NA NOR"
    assert (weather.hours, weather.hours_missing) == (8760, 8758)
    assert (weather.dry_bulb_c[0], weather.dry_bulb_c[-1]) == (-3.5, 1.0)
    assert weather.humidity[0] == 0.8
    assert np.isnan(weather.humidity[1])


def test_a_file_that_is_no_epw_says_so(tmp_path):
    path = tmp_path / "w.epw"
    path.write_text("time,dry\n")
    with pytest.raises(InputError, match="LOCATION"):
        load_weather(path, Climate())
    with pytest.raises(InputError, match="cannot read the weather file none"):
        load_weather(tmp_path / "none.csv", Climate())


def test_a_synthetic_year_beside_a_file_is_refused():
    hall = "halls: {h: {system: gb300-nvl72, gpus: 72}}"
    text = f"factory: f\nsites: {{a: {{climate: {{weather: w.csv, mean: 3 °C}}, {hall}}}}}"
    with pytest.raises(InputError, match="synthetic year; weather is given"):
        loads(text.encode())
    text = f"factory: f\nsites: {{a: {{climate: {{year: 2023}}, {hall}}}}}"
    with pytest.raises(InputError, match="there is no weather file"):
        loads(text.encode())
