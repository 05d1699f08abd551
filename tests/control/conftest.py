"""One served factory, closed when the test ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from control.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(tmp_path)) as site:
        yield site


@pytest.fixture
def two_tenants(site: Site) -> Site:
    """`anna` works for the lab, `rolf` for its rival, `vera` in one project of the lab."""
    site.add_user("anna", "lab")
    site.add_user("rolf", "rival")
    site.add_user("vera", "lab/vision")
    return site
