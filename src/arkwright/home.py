"""Where a factory keeps its files on this machine. Server and client agree on it here.

    <home>/current              name of the factory the client talks to
    <home>/<factory>/           factory.yaml, server.json, server.log, store.db, engine/, …

`<home>` is $ARKWRIGHT_HOME, else $XDG_STATE_HOME/arkwright, else ~/.local/state/arkwright.
Standard library only: every verb of the command line imports this.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Paths(NamedTuple):
    """The files of one factory."""

    home: Path
    factory: str

    @property
    def root(self) -> Path:
        """The factory's own directory; everything below is inside it."""
        return self.home / self.factory

    @property
    def factory_yaml(self) -> Path:
        """A copy of the factory file the server was started with."""
        return self.root / "factory.yaml"

    @property
    def store_db(self) -> Path:
        """The SQLite database."""
        return self.root / "store.db"

    @property
    def server_json(self) -> Path:
        """Written by the server when it is ready: `ServerRecord`."""
        return self.root / "server.json"

    @property
    def server_log(self) -> Path:
        """What the server writes to its standard output and error."""
        return self.root / "server.log"

    @property
    def owner_token(self) -> Path:
        """The first owner's token, readable by its owner only (mode 0600)."""
        return self.root / "owner.token"

    @property
    def engine(self) -> Path:
        """The local engine's directory: attempts, their logs and their meters."""
        return self.root / "engine"

    def make(self) -> Paths:
        """Create the directory, for this user only; raises OSError."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self


class ServerRecord(NamedTuple):
    """What `server.json` says about the server that wrote it."""

    pid: int
    url: str
    factory: str
    started_ms: int


def home_dir(environ: Mapping[str, str]) -> Path:
    """The directory all factories of this user lie in; made absolute, not created."""
    if given := environ.get("ARKWRIGHT_HOME"):
        return Path(given).expanduser().absolute()
    if state := environ.get("XDG_STATE_HOME"):
        return Path(state).expanduser().absolute() / "arkwright"
    # The user's own directory comes from the same mapping, so that tests need no real one.
    user = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return user / ".local" / "state" / "arkwright"


def current(home: Path) -> str | None:
    """The factory the client talks to unless told otherwise; None before the first `up`."""
    try:
        return (home / "current").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def set_current(home: Path, factory: str) -> None:
    """Make `factory` the one the client talks to; raises OSError."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(home / "current", f"{factory}\n")


def read_server(paths: Paths) -> ServerRecord | None:
    """The server's record, or None where there is none or it cannot be read as one."""
    try:
        found = json.loads(paths.server_json.read_text(encoding="utf-8"))
        return ServerRecord(
            int(found["pid"]), str(found["url"]), str(found["factory"]), int(found["started_ms"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_server(paths: Paths, record: ServerRecord) -> None:
    """Say that the server is ready; readers see the old record or the new, never a part."""
    write_whole(paths.server_json, json.dumps(record._asdict()) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Replace the file: whoever reads it sees the old text or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
