"""The server as a process of this machine: is it alive, start it, stop it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from arkwright.errors import InputError, ServerError
from arkwright.home import Paths, ServerRecord, read_server

MODULE = "arkwright.control.server"
POLL_S = 0.02
LOG_LINES = 8


def command(file: Path, paths: Paths, host: str, port: int) -> list[str]:
    """The server's command line."""
    places = ["--home", str(paths.home), "--host", host, "--port", str(port)]
    return [sys.executable, "-m", MODULE, str(file.absolute()), *places]


def live(paths: Paths) -> ServerRecord | None:
    """The record of the running server; None where it has gone, or its pid is now another's."""
    record = read_server(paths)
    return record if record is not None and is_server(record.pid) else None


def is_server(pid: int) -> bool:
    """Whether process `pid` is a server of ours: pids are used again, and signals kill."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return not Path("/proc/self").exists() and _exists(pid)
    except OSError:
        return False
    return MODULE.encode() in words


def start(argv: Sequence[str], paths: Paths, timeout_s: float) -> ServerRecord:
    """Start the server on its own, and wait until it says that it is ready.

    Raises InputError or ServerError with the last lines of its log.
    """
    with paths.server_log.open("ab") as log:
        log_from = log.tell()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=paths.root,
            start_new_session=True,
        )
    try:
        record = _ready(process, paths, log_from, timeout_s)
    except BaseException:
        # Also when the user loses patience: nothing half started is left behind.
        process.kill()
        process.wait()
        raise
    return record


def _ready(
    process: subprocess.Popen[bytes], paths: Paths, log_from: int, timeout_s: float
) -> ServerRecord:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        record = read_server(paths)
        if record is not None and record.pid == process.pid and _answers(record):
            return record
        if process.poll() is not None:
            said = _said(paths, log_from)
            message = f"starting the server of factory {paths.factory}: {said}"
            raise InputError(message) if process.returncode == 2 else ServerError(message)
        time.sleep(POLL_S)
    raise ServerError(
        f"starting the server of factory {paths.factory}: not ready after {timeout_s:g} s; "
        f"{_said(paths, log_from)}"
    )


def stop(pid: int, timeout_s: float) -> bool:
    """Ask the server to stop (SIGTERM) and wait; False when it still runs after `timeout_s`."""
    until = time.monotonic() + timeout_s
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return True
    while is_server(pid):
        if time.monotonic() >= until:
            return False
        time.sleep(POLL_S)
    return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _answers(record: ServerRecord) -> bool:
    from arkwright.client import Client

    try:
        with Client(record.url, "", timeout_s=5) as client:
            return bool(client.health()["is_healthy"])
    except (ServerError, InputError):
        return False


def _said(paths: Paths, log_from: int) -> str:
    """What the server wrote since byte `log_from`: its own last sentence, else its last lines."""
    try:
        data = paths.server_log.read_bytes()[log_from:]
    except OSError:
        data = b""
    lines = data.decode(errors="replace").rstrip().splitlines()
    ours = [number for number, line in enumerate(lines) if line.startswith("arkwright: ")]
    if ours:
        return "\n".join(lines[ours[-1] :]).removeprefix("arkwright: ")
    if not lines:
        return f"it wrote nothing; its log is {paths.server_log}"
    return "\n  ".join([f"its log {paths.server_log} ends:", *lines[-LOG_LINES:]])
