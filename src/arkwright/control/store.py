"""The store: one append-only event log and the tables projected from it, in one database.

One process writes. It takes the lock beside an SQLite file, then raises the fencing epoch; every
transaction checks that the epoch is still its own, so a writer that was paused and replaced can
never write again. SQLite runs in WAL mode with synchronous=FULL: what was answered is on disk.

Past 400 lines because writing, reading and opening one file share its errors and its row forms.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError, IntegrityError

from arkwright.control import tables
from arkwright.control.projection import project_all
from arkwright.errors import FencedError, InternalError, StoreError
from arkwright.jobs.array import AFTER_MARK, MARK
from arkwright.jobs.events import Event, EventKind, job_of
from arkwright.jobs.lifecycle import FINAL


class NewEvent(msgspec.Struct, frozen=True):
    """An event before the log gives it its place."""

    kind: EventKind
    subject: str
    actor: str
    cause: str
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}


class Decision(NamedTuple):
    """One recorded decision, in its canonical bytes."""

    id: int
    parent: int
    sha256: str
    body: bytes


class Idempotency(NamedTuple):
    """A submission's key, so that the same request sent twice is accepted once."""

    user: str
    key: str
    request_sha256: str
    job_ids: tuple[str, ...]


class Store:
    """The open store of the one writer. Reading needs no lock: see `open_reader`."""

    def __init__(
        self, engine: Engine, lock: IO[str] | None, epoch: int, last: Event | None
    ) -> None:
        self._engine = engine
        self._lock = lock
        self.epoch = epoch
        self.last_seq = last.seq if last else 0
        self.last_ms = last.at_ms if last else 0
        self.last_decision = self._scalar(select(func.max(tables.DECISIONS.c.id))) or 0

    def append(
        self,
        new: Sequence[NewEvent],
        now_ms: int,
        *,
        decision: Decision | None = None,
        idempotency: Sequence[Idempotency] = (),
    ) -> list[Event]:
        """Write the events, what they change and the decision behind them, all or nothing.

        Time never runs backwards in the log, whatever the clock does. Raises StoreError when the
        database refuses; then nothing was written and the same call may be made again.
        """
        at_ms = max(now_ms, self.last_ms)
        events = [
            Event(seq=seq, at_ms=at_ms, **msgspec.structs.asdict(item))
            for seq, item in enumerate(new, start=self.last_seq + 1)
        ]
        with self._transaction("recording events") as connection:
            if events:
                connection.execute(insert(tables.EVENTS), [_event_row(item) for item in events])
            if decision is not None:
                row = decision._asdict() | {"at_ms": at_ms}
                connection.execute(insert(tables.DECISIONS).values(**row))
            project_all(connection, events)
            for key in idempotency:
                row = key._asdict() | {"job_ids": list(key.job_ids), "at_ms": at_ms}
                connection.execute(insert(tables.IDEMPOTENCY).values(**row))
        self.last_seq += len(events)
        self.last_ms = at_ms
        if decision is not None:
            self.last_decision = decision.id
        return events

    def check(self) -> None:
        """Write one row as it is: raises StoreError while the database takes no writes."""
        with self._transaction("checking that the database can be written"):
            pass

    def read(self) -> Reader:
        """Reading through the same database."""
        return Reader(self._engine)

    def close(self) -> None:
        """Close the database and give the lock back."""
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    @contextmanager
    def _transaction(self, doing: str) -> Iterator[Connection]:
        with (
            _database_errors(f"{doing} in {self._engine.url.database}"),
            self._engine.begin() as connection,
        ):
            mine = connection.execute(
                update(tables.META)
                .where(tables.META.c.key == "epoch", tables.META.c.value == str(self.epoch))
                .values(value=str(self.epoch))
            )
            if mine.rowcount != 1:
                raise FencedError(
                    f"{doing}: another server has taken over this store (epoch {self.epoch} is "
                    "no longer current); this one must stop"
                )
            yield connection

    def _scalar(self, query: Select[Any]) -> Any:
        with self._engine.connect() as connection:
            return connection.execute(query).scalar()


class Reader:
    """Queries over the tables, each on its own short connection. Safe from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """All rows of a query. Raises StoreError when the database cannot be read."""
        with (
            _database_errors(f"reading {self._engine.url.database}"),
            self._engine.connect() as connection,
        ):
            return connection.execute(query).all()

    def last_seq(self) -> int:
        """The number of the newest event; 0 before the first."""
        found = self.rows(select(func.max(tables.EVENTS.c.seq)))
        return int(found[0][0] or 0)

    def first(self, query: Select[Any]) -> Row[Any] | None:
        """The first row or None."""
        found = self.rows(query.limit(1))
        return found[0] if found else None

    def events(
        self, *, after_seq: int = 0, job_id: str | None = None, limit: int = 1000
    ) -> list[Event]:
        """Events in log order, from `after_seq` (exclusive), of one job or all."""
        query = select(tables.EVENTS).where(tables.EVENTS.c.seq > after_seq)
        if job_id is not None:
            query = query.where(tables.EVENTS.c.job_id == job_id)
        return [_event(row) for row in self.rows(query.order_by(tables.EVENTS.c.seq).limit(limit))]

    def attempts_of_array(self, first: Event, array_id: str) -> list[Event]:
        """The submission `first` of a task of an array, and start and end of every attempt of all
        its tasks, in log order: all that its receipt needs."""
        job, kinds = tables.EVENTS.c.job_id, (EventKind.JOB_STARTED, EventKind.JOB_ENDED)
        query = select(tables.EVENTS).where(
            tables.EVENTS.c.kind.in_([kind.value for kind in kinds]),
            job > array_id + MARK,
            job < array_id + AFTER_MARK,
        )
        rows = self.rows(query.order_by(tables.EVENTS.c.seq))
        return [first, *(_event(row) for row in rows)]

    def lost_sites(self) -> dict[str, int]:
        """Sites out of reach, and since when [ms]."""
        row = self.first(select(tables.META.c.value).where(tables.META.c.key == tables.LOST_SITES))
        return {} if row is None else msgspec.json.decode(row.value, type=dict[str, int])

    def events_of_active_jobs(self) -> list[Event]:
        """The whole log of every job that is not over, in log order."""
        final = [state.value for state in FINAL]
        active = select(tables.JOBS.c.id).where(tables.JOBS.c.state.not_in(final))
        query = select(tables.EVENTS).where(tables.EVENTS.c.job_id.in_(active))
        return [_event(row) for row in self.rows(query.order_by(tables.EVENTS.c.seq))]

    def events_of(self, prefix: str) -> list[Event]:
        """Every event of the kinds that begin so (`power_`, `contract_`), in log order; of kinds
        that are about no job."""
        kinds = [kind.value for kind in EventKind if kind.value.startswith(prefix)]
        # Events about no job are few beside the others; the index finds them by that.
        query = select(tables.EVENTS).where(
            tables.EVENTS.c.job_id.is_(None), tables.EVENTS.c.kind.in_(kinds)
        )
        return [_event(row) for row in self.rows(query.order_by(tables.EVENTS.c.seq))]


def open_store(path: Path) -> Store:
    """Open the SQLite store at `path` for writing, creating or migrating it; raise its epoch.

    Raises StoreError when another server holds it, or when the file is not a healthy database of
    a version we know. A file that cannot be read is never changed.
    """
    lock = _take_lock(path)
    try:
        with _database_errors(f"opening {path}"):
            _check_file(path)
        engine = _engine(path)
        try:
            with _database_errors(f"opening {path}"):
                _migrate(engine, path)
                epoch = _raise_epoch(engine)
                with engine.connect() as connection:
                    query = select(tables.EVENTS).order_by(tables.EVENTS.c.seq.desc()).limit(1)
                    row = connection.execute(query).first()
            return Store(engine, lock, epoch, _event(row) if row else None)
        except BaseException:
            engine.dispose()
            raise
    except BaseException:
        lock.close()
        raise


def open_reader(path: Path) -> Reader:
    """Open the SQLite store at `path` for reading, beside the server that writes it or after it.

    Raises StoreError for what is no healthy store. Nothing is written, no lock is taken.
    """
    with _database_errors(f"opening {path}"):
        if not path.is_file():
            raise StoreError(f"opening {path}: there is no such file")
        _check_owner(path, "ro")
    return Reader(
        create_engine(
            f"sqlite:///{_uri(path, 'ro')}&uri=true",
            connect_args={"timeout": 10.0, "check_same_thread": False},
            json_deserializer=msgspec.json.decode,
        )
    )


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": 10.0, "check_same_thread": False},
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # The driver begins no transaction by itself then, so that ours also holds a migration.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _take_lock(path: Path) -> IO[str]:
    lock_path = path.with_suffix(".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_path.open("a+")
    except OSError as error:
        raise StoreError(f"opening {path}: {error.strerror}; choose a writable folder") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise StoreError(
            f"opening {path}: a server (pid {holder}) already runs on this store; "
            "stop it with `arkwright down`, or give this one another --home"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _check_file(path: Path) -> None:
    """Look at an existing file before anything of ours, such as the WAL mode, is set in it."""
    if not path.exists():
        return
    _check_owner(path, "rw")
    with closing(sqlite3.connect(_uri(path, "rw"), uri=True)) as connection:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreError(
            f"opening {path}: the database is damaged ({verdict}); it was left as it is: "
            "restore a copy, or move it away and start anew"
        )


def _check_owner(path: Path, mode: str) -> None:
    """Refuse a database that is not ours."""
    with closing(sqlite3.connect(_uri(path, mode), uri=True)) as connection:
        found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if found and not found >= {"alembic_version", tables.META.name, tables.EVENTS.name}:
        raise StoreError(
            f"opening {path}: this is a database of another program; it was left as it is: "
            "give Arkwright another --home"
        )


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


def _migrate(engine: Engine, path: Path) -> None:
    """Bring the tables to this version. Alembic is loaded only when there is something to do."""
    from arkwright.control.migrations import HEAD

    with engine.connect() as connection:
        has_version = connection.exec_driver_sql(
            "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
        ).scalar()
        version = (
            connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            if has_version
            else None
        )
    if version != HEAD:
        from arkwright.control.migrations import upgrade

        upgrade(engine, str(path))


def _raise_epoch(engine: Engine) -> int:
    meta = tables.META
    with engine.begin() as connection:
        found = connection.execute(select(meta.c.value).where(meta.c.key == "epoch")).scalar()
        epoch = int(found or 0) + 1
        if found is None:
            connection.execute(insert(meta).values(key="epoch", value=str(epoch)))
        else:
            connection.execute(update(meta).where(meta.c.key == "epoch").values(value=str(epoch)))
    return epoch


@contextmanager
def _database_errors(doing: str) -> Iterator[None]:
    """Say what a database error means for the person who has to mend it."""
    try:
        yield
    except IntegrityError as error:
        raise InternalError(f"{doing}: {error.orig}") from error
    except (DatabaseError, sqlite3.DatabaseError) as error:
        text = str(getattr(error, "orig", error))
        advice = next((fix for sign, fix in _ADVICE if sign in text), "")
        raise StoreError(f"{doing}: {text}{advice}") from error


_ADVICE = (
    ("disk is full", "; nothing was recorded: free some space, the server goes on by itself"),
    ("disk I/O error", "; nothing was recorded: look at the disk and its free space"),
    ("not a database", "; the file was left as it is: is this the right path?"),
    ("malformed", "; the file was left as it is: restore a copy, or move it away and start anew"),
    ("readonly", "; nothing was recorded: make the file and its folder writable"),
    ("locked", "; nothing was recorded: another program holds the database"),
)


def _event_row(item: Event) -> dict[str, Any]:
    row = msgspec.structs.asdict(item)
    return row | {"kind": item.kind.value, "job_id": job_of(item)}


def _event(row: Row[Any]) -> Event:
    values = dict(row._mapping)
    del values["job_id"]
    return Event(**values | {"kind": EventKind(values["kind"])})
