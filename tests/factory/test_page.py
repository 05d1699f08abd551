"""The page about the factory file: what it shows is what loads."""

import re
from pathlib import Path

import pytest

from arkwright import factory
from arkwright.factory import programme_spec, spec

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "factory-file.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_on_the_page_loads(block):
    factory.loads(block.encode(), "factory-file.md")


@pytest.mark.parametrize(
    "section",
    [
        *(spec.Factory, spec.Site, spec.Policy, spec.Organisation, spec.Energy, spec.Engine),
        *(programme_spec.ProgrammeSite, programme_spec.Tranche, programme_spec.HallKind),
        *(programme_spec.Generation, programme_spec.Supply, programme_spec.Capital),
        *(programme_spec.Loan, programme_spec.ProgrammePower, programme_spec.PowerContract),
        *(programme_spec.Demand, programme_spec.Limits, programme_spec.Risk),
        programme_spec.Programme,
    ],
)
def test_every_key_is_on_the_page(section):
    for key in section.__struct_encode_fields__:
        assert key in PAGE, f"docs/factory-file.md does not mention {key}"
