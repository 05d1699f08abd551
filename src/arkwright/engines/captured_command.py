"""Run a command to its end or its time limit, keep the first part of its output."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from arkwright.engines import procfs
from arkwright.engines.marks import EXEC_MARK
from arkwright.engines.port import ExecResult
from arkwright.errors import EngineError

OUTPUT_BYTES_MAX = 1 << 20
EXIT_TIMEOUT = 124
"""As the coreutils command `timeout` returns."""


def run_captured(argv: Sequence[str], marks: Mapping[str, str], timeout_s: float) -> ExecResult:
    """Run `argv` with `marks` as its environment, kill what it leaves behind.

    The mark under EXEC_MARK, which must be there, is how leftovers are found. Output beyond 1 MiB
    is read and dropped. Raises EngineError when the command cannot start.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(marks),
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise EngineError(f"cannot start a command beside an attempt: {error}") from error
    with process:
        try:
            output, is_cut, is_over = _read(process, time.monotonic() + timeout_s)
        finally:
            _kill(process, marks[EXEC_MARK])
    code = process.returncode
    return ExecResult(
        exit_code=EXIT_TIMEOUT if is_over else code if code >= 0 else 128 - code,
        output=output,
        is_cut=is_cut,
        is_timed_out=is_over,
    )


def _read(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bool, bool]:
    """Output, whether there was more, and whether the deadline passed before the command ended."""
    assert process.stdout is not None
    kept = bytearray()
    is_cut = False
    handle = process.stdout.fileno()
    os.set_blocking(handle, False)
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        is_open = True
        while True:
            has_ended = process.poll() is not None
            if is_open and selector.select(0 if has_ended else 0.05):
                piece = os.read(handle, 1 << 16)
                is_open = bool(piece)
                is_cut = is_cut or len(kept) + len(piece) > OUTPUT_BYTES_MAX
                kept += piece[: OUTPUT_BYTES_MAX - len(kept)]
                if not is_open:
                    selector.unregister(handle)
            elif has_ended:
                return bytes(kept), is_cut, False
            elif not is_open:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
            if time.monotonic() >= deadline:
                return bytes(kept), is_cut, process.poll() is None


def _kill(process: subprocess.Popen[bytes], token: str) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for pid in procfs.marked(f"{EXEC_MARK}={token}"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
