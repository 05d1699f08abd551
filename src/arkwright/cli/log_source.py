"""Where an event log is read from: a running server, a factory's home, its database, a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkwright.errors import InputError, ServerError

if TYPE_CHECKING:
    from arkwright.jobs.events import Event

Log = Callable[[], Iterable["Event"]]
PAGE = 10_000
_DATABASE = b"SQLite format 3\x00"


def log_from(where: str | None, factory: str | None = None) -> Log:
    """The event log, from its first event to the last there is now; may be asked for repeatedly.

    `where`: a server's URL, a home, the folder or database of one factory, or a file as
    `arkwright events --after 0 --json` prints it, also with -f. None: of `factory`, else of
    $ARKWRIGHT_URL, else of the factory that was started last. Raises InputError or ServerError.
    """
    if where is None:
        if factory is None and (url := os.environ.get("ARKWRIGHT_URL")):
            return _of_server(url)
        from arkwright.client.discovery import locate

        paths = locate(factory=factory)
        if not paths.store_db.exists():
            raise ServerError(f"{paths.store_db}: there is no store; start one with `arkwright up`")
        return _of_database(paths.store_db)
    if where.startswith(("http://", "https://")):
        return _of_server(where)
    path = Path(where)
    if path.is_dir():
        return _of_database(_store_in(path, factory))
    try:
        with path.open("rb") as file:
            is_database = file.read(len(_DATABASE)) == _DATABASE
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    return _of_database(path) if is_database else _of_file(path)


def _of_server(url: str) -> Log:
    from arkwright.client import Client

    with Client.discover(environ=os.environ | {"ARKWRIGHT_URL": url}) as client:
        events = _converted(client.events(after=0), url)
    return lambda: events


def _store_in(folder: Path, factory: str | None) -> Path:
    """The database in a factory's folder, or in a home that has several."""
    from arkwright.home import Paths, current

    found = folder / "store.db"
    if found.exists():
        return found
    name = factory or current(folder)
    if name is not None and Paths(folder, name).store_db.exists():
        return Paths(folder, name).store_db
    raise InputError(
        f"{folder} holds no event log: give a home (with --factory NAME where it has several), "
        "the folder of one factory, its store.db, or a file of `arkwright events --after 0 --json`"
    )


def _of_database(path: Path) -> Log:
    from arkwright.control.store import open_reader

    reader = open_reader(path)
    # A server that writes on must not change what is read twice.
    last_seq = reader.last_seq()

    def pages() -> Iterator[Event]:
        after_seq = 0
        while page := reader.events(after_seq=after_seq, limit=PAGE):
            yield from (event for event in page if event.seq <= last_seq)
            after_seq = page[-1].seq
            if after_seq >= last_seq:
                return

    return pages


def _of_file(path: Path) -> Log:
    import msgspec

    data = path.read_bytes()
    try:
        whole = msgspec.json.decode(data)
        items: Any = whole.get("items", [whole]) if isinstance(whole, dict) else whole
    except msgspec.DecodeError:
        items = _lines(data, path)
    if not isinstance(items, list):
        raise InputError(f"{path}: there are no events; {_RIGHT}")
    events = _converted(items, str(path))
    return lambda: events


def _lines(data: bytes, path: Path) -> list[Any]:
    """One event on each line."""
    import msgspec

    items = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            items.append(msgspec.json.decode(line))
        except msgspec.DecodeError as error:
            raise InputError(f"{path}: line {number} is no event: {error}; {_RIGHT}") from None
    return items


def _converted(items: Iterable[Any], where: str) -> Sequence[Event]:
    import msgspec

    from arkwright.jobs.events import Event

    events = []
    for number, item in enumerate(items, 1):
        try:
            events.append(msgspec.convert(item, Event))
        except msgspec.ValidationError as error:
            raise InputError(f"{where}: item {number} is no event: {error}; {_RIGHT}") from None
    return events


_RIGHT = "write the log with `arkwright events --after 0 --json > FILE`"
