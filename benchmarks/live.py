"""A server in a folder of its own, started and stopped by the very commands a user types."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from arkwright.client import Client
from arkwright.home import Paths, read_server

FACTORY = """
factory: bench
sites:
  here: {country: NO, engine: {kind: local, nodes: 4, gpus_per_node: 2}}
organisations:
  lab: {}
"""


class LiveServer(NamedTuple):
    """A ready server, what it took to be ready, and how to reach it."""

    folder: Path
    environment: dict[str, str]
    paths: Paths
    ready_s: float
    """From the start of the server's process to its first answer, first start (tables made)."""
    again_s: float
    """The same on a store that exists."""

    def client(self) -> Client:
        """A client as the owner."""
        return Client.discover(home=self.paths.home, environ=self.environment)

    def resident_mib(self) -> float:
        """Resident memory of the server's process, MiB."""
        record = read_server(self.paths)
        assert record is not None
        status = Path(f"/proc/{record.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def live_server() -> Iterator[LiveServer]:
    """A server that is stopped, with its jobs, at the end."""
    with tempfile.TemporaryDirectory(prefix="arkwright-bench-") as name:
        folder = Path(name)
        (folder / "bench.yaml").write_text(FACTORY)
        environment = {**os.environ, "ARKWRIGHT_HOME": str(folder / "home")}
        paths = Paths(folder / "home", "bench").make()
        first_s = _start(folder, environment, paths)
        arkwright(folder, environment, "down")
        again_s = _start(folder, environment, paths)
        (paths.home / "current").write_text("bench\n")
        try:
            yield LiveServer(folder, environment, paths, first_s, again_s)
        finally:
            _cancel_what_runs(paths, environment)
            arkwright(folder, environment, "down")


def _cancel_what_runs(paths: Paths, environment: dict[str, str]) -> None:
    """Held jobs go with the folder; processes do not."""
    with Client.discover(home=paths.home, environ=environment) as client:
        jobs = [job["id"] for job in client.jobs(states=("queued", "starting", "running"))]
        for job in jobs:
            client.cancel(job)
        for job in jobs:
            client.wait(job, timeout_s=60)


def arkwright(folder: Path, environment: dict[str, str], *words: str) -> float:
    """Run one verb; returns its wall seconds."""
    began = time.perf_counter()
    subprocess.run(
        [Path(sys.executable).with_name("arkwright"), *words],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def _start(folder: Path, environment: dict[str, str], paths: Paths) -> float:
    """Start the server process itself, so that the client's start-up is not in the figure."""
    began = time.perf_counter()
    words = ["-m", "arkwright.control.server", "bench.yaml", "--home", str(paths.home)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *words, "--port", "0"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    while (record := read_server(paths)) is None or record.pid != process.pid:
        if process.poll() is not None:
            raise RuntimeError((folder / "server.log").read_text())
        time.sleep(0.005)
    (paths.home / "current").write_text("bench\n")
    with Client.discover(home=paths.home, environ=environment) as client:
        client.health()
    return time.perf_counter() - began
