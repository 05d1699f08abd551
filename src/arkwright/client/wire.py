"""One HTTP connection that stays open, for the client. Standard library only.

What can go wrong below HTTP becomes `WireLost`, which knows whether the request was surely not
sent; the client decides what may be repeated.
"""

from __future__ import annotations

import http.client
import select
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import NamedTuple
from urllib.parse import urlsplit

from arkwright.errors import InputError

LINE_BYTES_MAX = 16 * 2**20


class WireLost(Exception):
    """The connection failed. `is_unsent`: the server surely has not seen the request."""

    def __init__(self, message: str, *, is_unsent: bool) -> None:
        super().__init__(message)
        self.is_unsent = is_unsent


class Answer(NamedTuple):
    """What came back, unread."""

    status: int
    reason: str
    body: bytes


class Wire:
    """A connection to the server at `url`, opened when it is first needed."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{url!r} is no server; write for example http://127.0.0.1:7460")
        try:
            port = parts.port
        except ValueError:
            raise InputError(f"{url!r}: the port is no number from 0 to 65535") from None
        kind = http.client.HTTPSConnection if parts.scheme == "https" else None
        self._connection = (kind or http.client.HTTPConnection)(
            parts.hostname, port, timeout=timeout_s
        )
        self._prefix = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._response: http.client.HTTPResponse | None = None

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float | None = None,
    ) -> Answer:
        """Send a request and read the whole answer; raises WireLost."""
        response = self._send(method, target, body, headers, timeout_s or self._timeout_s)
        try:
            return Answer(response.status, response.reason, response.read())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise WireLost(_said(error), is_unsent=False) from error

    def open(self, target: str, headers: Mapping[str, str]) -> Answer | None:
        """Begin a stream: None when it has begun (then iterate), else the server's refusal."""
        response = self._send("GET", target, None, headers, self._timeout_s)
        if response.status != 200:
            return Answer(response.status, response.reason, response.read())
        self._response = response
        return None

    def __iter__(self) -> Iterator[bytes]:
        """Lines of the stream; raises WireLost when the connection breaks, ends when it closes."""
        assert self._response is not None, "open() comes first"
        try:
            while line := self._response.readline(LINE_BYTES_MAX):
                yield line
        except (OSError, http.client.HTTPException) as error:
            raise WireLost(_said(error), is_unsent=False) from error

    def _send(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> http.client.HTTPResponse:
        self._connect(timeout_s)
        sent = dict(headers)
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            self._connection.request(method, self._prefix + target, body, sent)
            return self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise WireLost(_said(error), is_unsent=False) from error

    def _connect(self, timeout_s: float) -> None:
        """Open, or open again what the server has closed while it was idle."""
        self._connection.timeout = timeout_s
        if self._connection.sock is not None and _is_stale(self._connection):
            self.close()
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout_s)
            return
        try:
            self._connection.connect()
        except (OSError, UnicodeError) as error:
            self.close()
            raise WireLost(_said(error), is_unsent=True) from error

    def close(self) -> None:
        """Close the connection; it opens again when it is needed."""
        self._response = None
        self._connection.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.close()


def _is_stale(connection: http.client.HTTPConnection) -> bool:
    """An idle connection with something to read has been closed at the other end."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).lower() or type(error).__name__
