"""`kill -9` of the real server while jobs run and 200 submissions are in flight, again and again.

Ten factories are killed eleven times each at random instants: 110 kills. After every one the next
server must know every job that was acknowledged, start none a second time, and adopt what runs.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from arkwright.client import Client
from live.factory_process import FactoryProcess

KILLS = 11
SUBMITTERS = 10
SUBMISSIONS_EACH = 20
KILL_WITHIN_S = 0.8
SETTLE_S = 120.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_killed_server_loses_nothing_and_starts_nothing_twice(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    runs = tmp_path / "runs"
    runs.touch()
    server = FactoryProcess(tmp_path / "home")
    acknowledged: list[str] = []
    try:
        with server.start() as client:
            steady = client.submit(_steady(runs))["id"]
            _wait(lambda: client.job(steady)["state"] == "running")
        for _ in range(KILLS):
            flight = _Flight(_address(server), runs)
            flight.begin()
            time.sleep(draw.uniform(0, KILL_WITHIN_S))  # the random instant; nothing waits on it
            server.kill()
            acknowledged += flight.end()
            with server.start() as client:
                known = {job["id"] for job in client.jobs(is_all=True)}
                assert set(acknowledged) <= known
        with client:
            _wait(lambda: not _unfinished(client))
            jobs = {job["id"]: job for job in client.jobs(is_all=True)}
            assert jobs[steady]["state"] == "running"
            assert jobs[steady]["attempt"] == 1
    finally:
        server.stop()
    assert len(acknowledged) > KILLS  # the kills came while submissions were being answered
    started = Counter(runs.read_text().split())
    twice = {attempt: count for attempt, count in started.items() if count != 1}
    assert twice == {}
    runnable = {f"{job}.1" for job, found in jobs.items() if found["state"] == "succeeded"}
    assert set(started) == runnable | {f"{steady}.1"}


class _Flight:
    """Two hundred submissions from ten threads: one in twenty runs, the others are held."""

    def __init__(self, address: tuple[str, int, str], runs: Path) -> None:
        self._address = address
        self._runs = runs
        self._acknowledged: list[str] = []
        self._threads = [threading.Thread(target=self._submit) for _ in range(SUBMITTERS)]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> list[str]:
        for thread in self._threads:
            thread.join()
        return self._acknowledged

    def _submit(self) -> None:
        host, port, token = self._address
        connection = http.client.HTTPConnection(host, port, timeout=30)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            for index in range(SUBMISSIONS_EACH):
                job = _short(self._runs, is_held=index != SUBMISSIONS_EACH // 2)
                connection.request("POST", "/v1/jobs", json.dumps(job), headers)
                answer = connection.getresponse()
                body = json.loads(answer.read())
                assert answer.status == 201, body
                self._acknowledged.append(body["id"])
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return  # the server is gone: what it did not answer, it did not promise
        finally:
            connection.close()


def _short(runs: Path, *, is_held: bool) -> dict[str, object]:
    return {
        "name": "short",
        "project": "lab",
        "held": is_held,
        "command": ["sh", "-c", f"echo $ARKWRIGHT_ATTEMPT >> {runs}; sleep 0.2"],
    }


def _steady(runs: Path) -> dict[str, object]:
    """A job that runs through every kill."""
    command = f"echo $ARKWRIGHT_ATTEMPT >> {runs}; exec sleep 3600"
    return {"name": "steady", "project": "lab", "command": ["sh", "-c", command]}


def _unfinished(client: Client) -> list[str]:
    """Jobs that should end by themselves and have not yet."""
    states = ["queued", "starting", "running", "stopping"]
    return [job["id"] for job in client.jobs(states=states) if job["name"] == "short"]


def _address(server: FactoryProcess) -> tuple[str, int, str]:
    record = json.loads((server.root / "server.json").read_text())
    url = urlsplit(record["url"])
    token = (server.root / "owner.token").read_text().strip()
    return url.hostname or "", url.port or 0, token


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.05)
