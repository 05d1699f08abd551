"""What `open_store` does with a file that is not ours, not whole, or not of our version.

Each is refused with words that help, and left byte for byte as it was.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from arkwright.control.store import NewEvent, Store, open_store
from arkwright.errors import StoreError
from arkwright.jobs.events import EventKind


def _ours(path: Path, events: int = 200) -> None:
    store = open_store(path)
    store.append([_event(index) for index in range(events)], 1_000)
    store.close()


def _event(index: int) -> NewEvent:
    body = {"sha256": "0" * 64, "padding": "x" * 500}
    return NewEvent(EventKind.FACTORY_LOADED, f"factory-{index}", "server", "file", {}, body)


def _random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def _cut_in_the_middle(path: Path) -> None:
    _ours(path)
    data = path.read_bytes()
    assert len(data) > 50_000
    path.write_bytes(data[: len(data) // 2])


def _cut_in_the_header(path: Path) -> None:
    _ours(path)
    path.write_bytes(path.read_bytes()[:50])


def _torn_pages(path: Path) -> None:
    _ours(path)
    data = bytearray(path.read_bytes())
    data[8_192:40_960] = random.Random(2).randbytes(40_960 - 8_192)
    path.write_bytes(data)


def _other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
        connection.execute("INSERT INTO songs VALUES ('Solveig')")
        connection.commit()


def _other_program_with_the_same_tool(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('ab12')")
        connection.commit()


def _newer(path: Path) -> None:
    _ours(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_random_bytes, "not a database; the file was left as it is: is this the right path"),
        (_cut_in_the_middle, "left as it is: restore a copy, or move it away"),
        (_cut_in_the_header, "the file was left as it is"),
        (_torn_pages, "left as it is: restore a copy, or move it away"),
        (_other_program, "a database of another program; it was left as it is"),
        (_other_program_with_the_same_tool, "a database of another program"),
        (_newer, "written by another version of Arkwright .*9999.*use that version or a newer"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "store.db"
    make(path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    for _ in range(2):
        with pytest.raises(StoreError, match=words) as error:
            open_store(path)
        assert str(path) in str(error.value)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    _ours(tmp_path / "store.db", events=1)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="choose a writable folder"):
        open_store(tmp_path / "file" / "store.db")
    with pytest.raises(StoreError, match="choose a writable folder"):
        open_store(Path("/proc/arkwright/store.db"))


def test_a_folder_where_the_database_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StoreError, match="unable to open database file"):
        open_store(tmp_path / "store.db")


def test_a_second_server_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "store.db")) as first:
        with pytest.raises(StoreError, match=r"a server \(pid \d+\) already runs on this store"):
            open_store(tmp_path / "store.db")
        first.append([_event(1)], 1)  # the first is not disturbed
    open_store(tmp_path / "store.db").close()


def test_a_migration_that_is_cut_short_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables and their version are one transaction: the next start begins anew."""
    from alembic import op

    create, calls = op.create_table, []

    def cut_short(name: str, *columns: object, **options: object) -> object:
        calls.append(name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return create(name, *columns, **options)

    monkeypatch.setattr(op, "create_table", cut_short)
    with pytest.raises(KeyboardInterrupt):
        open_store(tmp_path / "store.db")
    monkeypatch.undo()
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    _ours(tmp_path / "store.db", events=1)


def test_every_start_raises_the_epoch_and_knows_where_the_log_ends(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    _ours(path, events=3)
    store: Store = open_store(path)
    assert (store.epoch, store.last_seq, store.last_ms) == (2, 3, 1_000)
    store.close()


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    """The second event breaks a rule of the tables: the first is not there either."""
    with closing(open_store(tmp_path / "store.db")) as store:
        broken = NewEvent(EventKind.USER_ADDED, "a", "server", "added", {}, {"role": "owner"})
        with pytest.raises(KeyError):
            store.append([_event(1), broken], 1)
        assert (store.last_seq, store.read().events()) == (0, [])
        store.append([_event(2)], 1)
        assert [event.subject for event in store.read().events()] == ["factory-2"]


def test_what_was_answered_is_on_the_disk(tmp_path: Path) -> None:
    """FULL is 2: a commit returns when the disk has it."""
    with closing(open_store(tmp_path / "store.db")) as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
