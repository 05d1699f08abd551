"""What holds for the whole run: its longest parts start first, so that no worker ends alone."""

from __future__ import annotations

import pytest

LONGEST = ("test_openb.py", "test_kill_server.py", "test_jit.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A stable sort: within a file, and among the other files, the order stays."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else 9)
