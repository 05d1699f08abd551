"""`docs/cli.md` is what the command line says of itself."""

from __future__ import annotations

from pathlib import Path

from arkwright.cli.reference import render
from arkwright.cli.root import VERBS


def test_the_page_is_current():
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    advice = "run: python -m arkwright.cli.reference > docs/cli.md"
    assert page.read_text(encoding="utf-8") == render(), advice


def test_every_verb_is_on_the_page():
    page = render()
    missing = [verb for verb in VERBS if f"## `arkwright {verb}`" not in page]
    assert missing in ([], ["demo"])
