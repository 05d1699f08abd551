"""A scripted HTTP server on loopback: says what it is told, remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit


class Asked(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Drop(NamedTuple):
    """Close the connection: before anything is answered, or after an ordinary answer."""

    after: dict[str, Any] | None = None


class Stream(NamedTuple):
    """Server-sent text, then the end of the connection."""

    text: str


class Problem(NamedTuple):
    status: int
    detail: str
    more: dict[str, Any] | None = None


Said = dict[str, Any] | Drop | Stream | Problem | Callable[[Asked], Any] | bytes


class FakeApi:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.scripts: dict[tuple[str, str], list[Said]] = {}
        self.url = ""

    def say(self, method: str, path: str, *answers: Said) -> None:
        """Answer `method path` with each of `answers` in turn, the last one for ever."""
        self.scripts[method, path] = list(answers)

    def next(self, asked: Asked) -> Said:
        self.asked.append(asked)
        script = self.scripts.get((asked.method, asked.path))
        if script is None:
            return Problem(404, f"{asked.method} {asked.path}: the test says nothing about it")
        said = script.pop(0) if len(script) > 1 else script[0]
        return said(asked) if callable(said) else said

    def paths(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]


@contextmanager
def fake_api() -> Iterator[FakeApi]:
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def setup(self) -> None:
            api.connections += 1
            super().setup()

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def answer(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(length)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            headers = {key.lower(): value for key, value in self.headers.items()}
            path = unquote(parts.path)
            body = json.loads(data) if data else None
            said = api.next(Asked(self.command, path, query, headers, body))
            if isinstance(said, Drop):
                if said.after is not None:
                    self.send(200, json.dumps(said.after).encode(), "application/json")
                self.close_connection = True
            elif isinstance(said, Stream):
                self.send(200, said.text.encode(), "text/event-stream", is_stream=True)
            elif isinstance(said, Problem):
                problem = {"type": "x", "title": "x", "status": said.status, "detail": said.detail}
                data = json.dumps(problem | (said.more or {})).encode()
                self.send(said.status, data, "application/problem+json")
            elif isinstance(said, bytes):
                self.send(200, said, "text/html")
            else:
                self.send(200, json.dumps(said).encode(), "application/json")

        do_GET = do_POST = do_DELETE = answer

        def send(self, status: int, data: bytes, kind: str, *, is_stream: bool = False) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if is_stream:
                self.send_header("Connection", "close")
                self.close_connection = True
            else:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def job(job_id: str = "01aaaaaaaabbbbbbbbbbbb", **changes: Any) -> dict[str, Any]:
    """A job as the API gives it."""
    return {
        "api_version": "v1",
        "kind": "job",
        "id": job_id,
        "name": "train",
        "project": "lab",
        "user": "owner",
        "state": "running",
        "reason": "",
        "exit_code": None,
        "priority": 0,
        "nodes": 2,
        "gpus": 4.0,
        "attempt": 1,
        "submit_ms": 1_000,
        "end_ms": None,
        "spec": {"name": "train"},
        "attempts": [],
    } | changes


def over(state: str = "succeeded", **changes: Any) -> dict[str, Any]:
    return job(state=state, end_ms=13_000, **changes)


def log(text: str, **changes: Any) -> dict[str, Any]:
    """A piece of a log as the API gives it; `offset` is where `text` begins."""
    offset = changes.pop("offset", 0)
    return {
        "api_version": "v1",
        "kind": "log",
        "job_id": "01aaaaaaaabbbbbbbbbbbb",
        "attempt": 1,
        "rank": 0,
        "ranks": 1,
        "offset": offset,
        "next_offset": offset + len(text),
        "text": text,
        "is_end": True,
    } | changes


FACTORY = {
    "api_version": "v1",
    "kind": "factory",
    "name": "workstation",
    "pid": 1,
    "last_seq": 250,
    "sites": [{"name": "here", "nodes": 4, "gpus": 8, "is_virtual": True}],
}
