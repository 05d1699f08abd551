"""A migrated store with nothing in it, made once per process and then copied.

Alembic takes longer than most tests that need a store; what it makes is tested by
`control/test_migrations.py`.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine

from arkwright.control.migrations import upgrade


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
