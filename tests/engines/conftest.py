"""A local engine in a directory of its own, which leaves nothing running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arkwright.engines.local import LocalEngine
from engines.gangs import clean_engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    with clean_engine(tmp_path / "engine") as made:
        yield made
