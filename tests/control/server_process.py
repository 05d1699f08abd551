"""The server as its users start it: a process, a port, an exit code, and words on stderr."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FACTORY = """
factory: real
sites:
  here: {country: NO, engine: {kind: local, nodes: 2, gpus_per_node: 1}}
organisations:
  lab: {}
"""
WAIT_S = 60.0


class ServerProcess:
    """One server on one home; `stop` it, or let it refuse to start."""

    def __init__(
        self, folder: Path, home: Path | None = None, *, port: int = 0, factory: str = FACTORY
    ) -> None:
        self.home = home or folder / "home"
        self.root = self.home / "real"
        file = folder / "factory.yaml"
        file.write_text(factory)
        command = [sys.executable, "-m", "arkwright.control.server", str(file)]
        command += ["--home", str(self.home), "--port", str(port)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def ready(self) -> ServerProcess:
        record = self.root / "server.json"

        def is_ready() -> bool:
            assert self.process.poll() is None, self.process.communicate()[1]
            return record.exists() and json.loads(record.read_text())["pid"] == self.process.pid

        try:
            until(is_ready)
        except BaseException:
            self.close()
            raise
        found = json.loads(record.read_text())
        url = urlsplit(found["url"])
        self.address = (url.hostname or "", url.port or 0)
        self.token = (self.root / "owner.token").read_text().strip()
        return self

    def refusal(self) -> tuple[int, str]:
        """Exit code and words of a server that would not start."""
        _, words = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, words

    def stop(self) -> tuple[int, float, str]:
        """SIGTERM: exit code, seconds until it was gone, and what it had said."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        _, words = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, time.monotonic() - begin, words

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(*self.address, timeout=WAIT_S)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def stream(self) -> http.client.HTTPConnection:
        """An open event stream of which the first bytes have arrived."""
        connection = http.client.HTTPConnection(*self.address, timeout=WAIT_S)
        headers = {"Authorization": f"Bearer {self.token}"}
        connection.request("GET", "/v1/events?watch=true", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.readline().startswith(b"id: ")
        connection.answer = answer  # type: ignore[attr-defined]
        return connection


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)
