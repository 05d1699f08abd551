"""What an attempt leaves on the shared file system, read with care: its tenant can write there.

<output_dir>/<unix user>/                 the user's own; nobody else's (2770, our group)
                        /<attempt>.slurm  what the batch script itself printed
                        /<attempt>/claim        -> number of the job that runs the attempt
                                  /lease          `over` once the attempt was given up
                                  /started.json   the script began
                                  /exit.json      how it ended
                                  /srun.log       what srun said
                                  /rank-R.log     output of rank R
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import stat
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from arkwright.engines.slurm.batch_script import OVER
from arkwright.errors import EngineError

Told = TypeVar("Told")
CLOSED = "closed"
"""Stands in `claim` when Arkwright gave the attempt up: no script may begin any more."""
_RECORD_BYTES_MAX = 1 << 16
_SRUN_BYTES_MAX = 1 << 18
_FAILED = re.compile(
    r"^srun: error: ([^\s:]+): tasks? ([^:]+): (?:Exited with exit code (\d+)|(\w[\w ]*))", re.M
)
_SIGNALS = {
    "Killed": 9,
    "Terminated": 15,
    "Segmentation fault": 11,
    "Aborted": 6,
    "Bus error": 7,
    "Floating point exception": 8,
    "Interrupt": 2,
    "Hangup": 1,
}


class ExitRecord(Struct, frozen=True):
    """What the batch script wrote last."""

    job: int
    code: int
    why: str
    asked: bool = False
    """The job asked to be queued again."""
    at_s: int = 0


class Begun(Struct, frozen=True):
    """What the batch script wrote first."""

    job: int
    at_s: int = 0


class Folder:
    """The directory of one attempt."""

    def __init__(self, output_dir: Path, unix_user: str, attempt_id: str) -> None:
        self.home = output_dir / unix_user
        self.path = self.home / attempt_id
        self.printed = self.home / f"{attempt_id}.slurm"
        self._user = unix_user

    def prepare(self) -> None:
        """See that the user has a directory to write into. Raises EngineError with what to do."""
        if self.home.is_dir():
            return
        try:
            uid = pwd.getpwnam(self._user).pw_uid
            if os.geteuid() not in (0, uid):
                raise PermissionError(13, "only root or the user can make it")
            self.home.mkdir(mode=0o2770)
            os.chown(self.home, uid, -1)
            self.home.chmod(0o2770)
        except (KeyError, OSError) as error:
            words = "no such user here" if isinstance(error, KeyError) else error.strerror
            raise EngineError(
                f"{self._user} has no directory {self.home} for the output of jobs: {words}; make "
                f"it: install -d -m 2770 -o {self._user} -g GROUP-OF-ARKWRIGHT {self.home}"
            ) from error

    def claimant(self) -> str:
        """The job that took the attempt, `closed`, or nothing."""
        try:
            return str(self.path.joinpath("claim").readlink())
        except OSError:
            return ""

    def close(self) -> bool:
        """Let no script of this attempt begin any more; whether none has. Raises EngineError."""
        try:
            if not self.path.exists():
                self.path.mkdir()
                # Private all the same: the directory above is.
                self.path.chmod(0o777)
            self.path.joinpath("claim").symlink_to(CLOSED)
        except FileExistsError:
            return self.claimant() == CLOSED
        except OSError as error:
            raise EngineError(f"cannot write in {self.path}: {error.strerror}") from error
        return True

    def give_up(self) -> None:
        """Have whatever still runs of the attempt killed by those who watch beside it. Nothing
        where there is no such file; raises EngineError."""
        path = self.path / "lease"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as error:
            raise EngineError(f"cannot write {path}: {error.strerror}") from error
        try:
            told = os.fstat(handle)
            # Only a file of the tenant's own may be written: it could be a link to any other.
            if stat.S_ISREG(told.st_mode) and told.st_uid == self._uid() and told.st_nlink == 1:
                os.pwrite(handle, f"{OVER}\n".encode(), 0)
        except OSError as error:
            raise EngineError(f"cannot write {path}: {error.strerror}") from error
        finally:
            os.close(handle)

    def has_ended(self) -> bool:
        """Whether the script has left its last word."""
        return self.path.joinpath("exit.json").exists()

    def exit(self) -> ExitRecord | None:
        """How the script says it ended."""
        return self._record("exit.json", ExitRecord)

    def begun(self) -> Begun | None:
        """Whether the script began."""
        return self._record("started.json", Begun)

    def ranks_started(self) -> int:
        """Ranks that have opened their output."""
        try:
            with os.scandir(self.path) as found:
                return sum(each.name.startswith("rank-") for each in found)
        except OSError:
            return 0

    def first_failure(self) -> tuple[str, int] | None:
        """Node and code of the first rank that failed, as srun tells it."""
        said = self.read("srun.log", 0, _SRUN_BYTES_MAX)[0].decode(errors="replace")
        found = [match for match in _FAILED.finditer(said) if match[4] != "Terminated"]
        if not found:
            return None
        word = found[0][4]
        code = int(found[0][3]) if found[0][3] else 128 + _SIGNALS.get(word.strip(), 9)
        return found[0][1], code

    def read(self, name: str, offset: int, limit: int) -> tuple[bytes, int]:
        """Bytes of a file and its size; nothing while there is none. Raises EngineError."""
        path = self.path / name
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return b"", 0
        except OSError as error:
            raise EngineError(f"cannot read {path}: {error.strerror}") from error
        try:
            told = os.fstat(handle)
            # A tenant may leave a link there: what is read must be theirs.
            if not stat.S_ISREG(told.st_mode) or told.st_uid not in (self._uid(), os.geteuid()):
                raise EngineError(f"{path} is no file of {self._user}; it is not read")
            return os.pread(handle, limit, max(0, offset)), told.st_size
        except OSError as error:
            raise EngineError(f"cannot read {path}: {error.strerror}") from error
        finally:
            os.close(handle)

    def _record(self, name: str, kind: type[Told]) -> Told | None:
        with contextlib.suppress(EngineError, msgspec.MsgspecError):
            data, _ = self.read(name, 0, _RECORD_BYTES_MAX)
            return msgspec.json.decode(data, type=kind) if data else None
        return None

    def _uid(self) -> int:
        return self.home.stat().st_uid
