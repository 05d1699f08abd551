"""The script's own output files, shown in the engine's log as well.

The script writes straight to the files that it named, as under Slurm; what appears in them is
copied into the log, a moment later. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Any

from arkwright.engines.rank_process import LaunchError

PIECE = 1 << 20
MODE = 0o644


class OutputMirror:
    """Opens a batch script's streams, and copies what its files gain."""

    def __init__(self, batch: Any, log: Path) -> None:
        """Raises LaunchError where a file cannot be opened: Slurm fails such a job, too."""
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._followed: list[int] = []
        self._is_appended = bool(batch["is_appended"])
        stdin = self._open_input(batch["input"] or os.devnull)
        stdout = self._log if batch["output"] is None else self._open(batch["output"])
        is_same = batch["error"] is None or batch["error"] == batch["output"]
        stderr = stdout if is_same else self._open(batch["error"])
        self.streams = (stdin, stdout, stderr)

    def copy(self) -> None:
        """Bring the log up to date. What cannot be copied (a full disk) is tried again later."""
        with contextlib.suppress(OSError):
            for source in self._followed:
                if os.fstat(source).st_size < os.lseek(source, 0, os.SEEK_CUR):
                    os.lseek(source, 0, os.SEEK_SET)  # the script emptied its file
                while piece := os.read(source, PIECE):
                    written = os.write(self._log, piece)
                    if written < len(piece):
                        os.lseek(source, written - len(piece), os.SEEK_CUR)

    def _open_input(self, name: str) -> int:
        try:
            return os.open(name, os.O_RDONLY)
        except OSError as error:
            raise LaunchError(f"cannot read the input file {name}: {error.strerror}", 1) from None

    def _open(self, name: str) -> int:
        if name == os.devnull:
            return self._log
        mode = 0 if self._is_appended else os.O_TRUNC
        try:
            made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | mode, MODE)
            if stat.S_ISREG(os.fstat(made).st_mode):
                source = os.open(name, os.O_RDONLY)
                os.lseek(source, 0, os.SEEK_END)
                self._followed.append(source)
        except OSError as error:
            why = f"cannot write the output file {name}: {error.strerror}"
            if not Path(name).parent.is_dir():
                why += "; make its directory before you submit: Slurm does not make it either"
            raise LaunchError(why, 1) from None
        return made
