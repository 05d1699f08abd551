"""The loader: nothing enters the catalogue that cannot be traced."""

import pytest

from arkwright.catalog.rows import Carbon
from arkwright.catalog.table import rows
from arkwright.errors import CatalogError

HEAD = "country,g_per_kwh,year,source,date,grade,note\n"
GOOD = "NO,29,2024,somebody,2025,primary,\n"


def test_a_traceable_row_is_read():
    row = rows(HEAD + GOOD, "carbon.csv", Carbon)["NO"]
    assert row.g_per_kwh == 29.0
    assert row.provenance == "somebody (2025, primary)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "NO,29,2024,,2025,primary,\n", "carbon.csv:2: NO has no source"),
        (HEAD + GOOD + "SE,40,2024,somebody,,primary,\n", "carbon.csv:3: SE has no date"),
        (HEAD + "NO,29,2024,somebody,lately,primary,\n", "'lately' is not a date"),
        (HEAD + "NO,29,2024,somebody,2025,certain,\n", "certain"),
        (HEAD + "NO,much,2024,somebody,2025,primary,\n", "g_per_kwh"),
        (HEAD + ",29,2024,somebody,2025,primary,\n", "country"),
        (HEAD + GOOD + GOOD, "NO is given twice"),
        (HEAD + "NO,29,2024\n", "another number of cells"),
        (HEAD + GOOD.strip() + ",more\n", "another number of cells"),
        ("country,co2,source,date,grade\n", "unknown column co2"),
        ("", "unknown column"),
    ],
)
def test_an_untraceable_or_broken_row_is_refused_with_file_and_line(text, said):
    with pytest.raises(CatalogError) as caught:
        rows(text, "carbon.csv", Carbon)
    assert said in str(caught.value)
    assert "carbon.csv" in str(caught.value)
