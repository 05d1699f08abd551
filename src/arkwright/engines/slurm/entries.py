"""What the engine must remember of its attempts, in files that outlive the server.

attempts/<attempt>.json   launched, and not forgotten
past/<attempt>.json       forgotten: where its output lies, and that it must not start again
nodes.json                nodes as they were last seen, and the path each was given
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from arkwright.engines.attempt_files import sync_directory
from arkwright.engines.port import Attempt, Observation
from arkwright.engines.slurm.records import SlurmNode
from arkwright.errors import EngineError

_ATTEMPT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Stop(Struct, frozen=True):
    """The order to stop: the first one's reason and time, the shortest grace."""

    grace_s: float
    reason: str
    at_ms: int


class Entry(Struct, kw_only=True):
    """One attempt. Times are this server's clock, in ms; 0 is not yet."""

    attempt: Attempt
    unix_user: str
    port: int
    """Of the gang's rendezvous."""
    launched_ms: int
    tries: int = 0
    """How often a submission was begun. Saved before it is: after a crash Slurm is asked first."""
    tried_ms: int = 0
    job_id: int = 0
    submitted_ms: int = 0
    stop: Stop | None = None
    told_ms: int = 0
    """When the job was told to stop."""
    killed_ms: int = 0
    given_up: str = ""
    """Why it will not start, or is taken back before it has."""
    started_ms: int = 0
    end: Observation | None = None

    @property
    def id(self) -> str:
        """The attempt's."""
        return self.attempt.attempt_id

    @property
    def is_live(self) -> bool:
        """Whether Slurm may have it."""
        return self.end is None and self.job_id != 0


class Past(Struct, frozen=True):
    """What is left of an attempt that was forgotten."""

    unix_user: str
    ranks: int


class KnownNodes(Struct, frozen=True):
    """The cluster as it was last seen."""

    nodes: tuple[SlurmNode, ...] = ()
    paths: dict[str, str] = {}


class Entries:
    """The files under `root`. Raises EngineError when they cannot be written."""

    def __init__(self, root: Path) -> None:
        self._attempts = root / "attempts"
        self._past = root / "past"
        self._nodes = root / "nodes.json"
        try:
            for folder in (self._attempts, self._past):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EngineError(f"cannot keep attempts in {root}: {error.strerror}") from error

    def load(self) -> Iterator[Entry]:
        """Every attempt that is not forgotten."""
        for path in sorted(self._attempts.glob("*.json")):
            try:
                yield msgspec.json.decode(path.read_bytes(), type=Entry)
            except (OSError, msgspec.MsgspecError) as error:
                raise EngineError(f"cannot read the attempt in {path}: {error}") from error

    def save(self, entry: Entry, *, is_durable: bool = False) -> None:
        """Make the entry what is on disk; when durable, before this returns."""
        path = self._path(self._attempts, entry.id)
        write(path, msgspec.json.encode(entry), is_durable=is_durable)

    def forget(self, entry: Entry, ranks: int) -> None:
        """Drop all but what a question for output needs."""
        past = msgspec.json.encode(Past(entry.unix_user, ranks))
        write(self._path(self._past, entry.id), past, is_durable=False)
        self._path(self._attempts, entry.id).unlink(missing_ok=True)

    def past(self, attempt_id: str) -> Past | None:
        """The attempt, if it was forgotten."""
        try:
            return msgspec.json.decode(self._path(self._past, attempt_id).read_bytes(), type=Past)
        except (OSError, msgspec.MsgspecError):
            return None

    def save_nodes(self, known: KnownNodes) -> None:
        """Remember the cluster."""
        write(self._nodes, msgspec.json.encode(known), is_durable=False)

    def load_nodes(self) -> KnownNodes:
        """The cluster as it was last seen; nothing when it never was."""
        try:
            return msgspec.json.decode(self._nodes.read_bytes(), type=KnownNodes)
        except (OSError, msgspec.MsgspecError):
            return KnownNodes()

    def _path(self, folder: Path, attempt_id: str) -> Path:
        if not _ATTEMPT_ID.fullmatch(attempt_id):
            raise EngineError(
                f"{attempt_id!r} cannot name an attempt; letters, digits, '.', '_' and '-' can"
            )
        return folder / f"{attempt_id}.json"


def write(path: Path, body: bytes, *, is_durable: bool) -> None:
    """Make `body` appear at `path` whole. Raises EngineError."""
    draft = path.with_name(f".{path.name}.new")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            if is_durable:
                file.flush()
                os.fsync(handle)
        draft.rename(path)
        if is_durable:
            sync_directory(path.parent)
    except OSError as error:
        raise EngineError(f"cannot write {path}: {error.strerror}") from error
