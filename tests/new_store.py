"""Stores that cost a test little: migrated once per process and copied, not synchronised.

Alembic takes longer than most tests that need a store; what it makes is tested by
`control/test_migrations.py`.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event

from arkwright.control.migrations import upgrade
from arkwright.control.store import Store


def put_new_store(path: Path) -> None:
    """The store at `path`, unless there is one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        engine = create_engine(f"sqlite:///{path}")
        upgrade(engine, str(path))
        engine.dispose()
        return path.read_bytes()


def spare_the_disk(store: Store) -> None:
    """Let commits return before they are on the disk: what crashes in these tests is the process.

    That a server's own store waits for the disk is tested by `control/test_store_file.py`.
    """
    event.listen(store._engine, "connect", _unsynchronised)
    store._engine.dispose()


def _unsynchronised(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
