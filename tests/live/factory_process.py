"""A real server process on a loopback port, for tests that kill it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from arkwright.client import Client

FACTORY = """
factory: live
sites:
  here: {country: NO, engine: {kind: local, nodes: 4, gpus_per_node: 2}}
organisations:
  lab: {}
"""
READY_S = 60.0


class FactoryProcess:
    """Starts, kills and restarts one server on one home."""

    def __init__(self, home: Path, factory: str = FACTORY) -> None:
        self.home = home
        self.file = home / "factory.yaml"
        home.mkdir(parents=True, exist_ok=True)
        self.file.write_text(factory)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        """The factory's own folder."""
        return self.home / "live"

    def start(self) -> Client:
        """Start and wait until it says that it is ready; returns the owner's client."""
        record = self.root / "server.json"
        record.unlink(missing_ok=True)  # a killed server leaves its own behind
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "arkwright.control.server",
                    str(self.file),
                    "--home",
                    str(self.home),
                    "--port",
                    "0",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_S
        while not record.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.home / "server.log").read_text()[-2000:])
            time.sleep(0.01)
        url = json.loads(record.read_text())["url"]
        return Client(url, (self.root / "owner.token").read_text().strip())

    def kill(self) -> None:
        """`kill -9`: no handler runs, nothing is flushed."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the server in order, and everything its engine still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
        self._end_jobs()

    def _end_jobs(self) -> None:
        """Kill what the engine left running: a test must leave no process behind."""
        marker = str(self.root / "engine")
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    line = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                    if marker.encode() in line:
                        os.kill(int(entry.name), signal.SIGKILL)
                except OSError:
                    continue
