"""The migrated store has the very tables the code reads and writes."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from arkwright.control.migrations import HEAD
from arkwright.control.store import open_store
from arkwright.control.tables import METADATA


def test_migrating_an_empty_file_makes_exactly_the_declared_tables(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    try:
        with store._engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    finally:
        store.close()


def test_head_is_the_newest_version_and_there_is_one_line_of_them() -> None:
    from importlib.resources import files

    scripts = ScriptDirectory(str(files("arkwright.control") / "migrations"))
    assert scripts.get_heads() == [HEAD]
