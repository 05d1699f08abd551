"""The page about the factory file: what it shows is what loads."""

import re
from pathlib import Path

import pytest

from arkwright import factory
from arkwright.factory import spec

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "factory-file.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_on_the_page_loads(block):
    factory.loads(block.encode(), "factory-file.md")


@pytest.mark.parametrize(
    "section", [spec.Factory, spec.Site, spec.Policy, spec.Organisation, spec.Energy, spec.Engine]
)
def test_every_key_is_on_the_page(section):
    for key in section.__struct_fields__:
        assert key in PAGE, f"docs/factory-file.md does not mention {key}"
