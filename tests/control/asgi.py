"""A client in the same process: speaks ASGI to the application, no socket in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from starlette.applications import Starlette


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "")


async def call(
    application: Starlette,
    method: str,
    path: str,
    *,
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    pieces: Iterable[bytes] = (b"",),
) -> Answer:
    """One request. What a handler lets escape is answered as 500, as a web server does."""
    incoming = list(pieces)
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            piece = incoming.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(incoming)}
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    try:
        await application(scope_of(method, path, query, headers), receive, send)
    except Exception:  # noqa: BLE001 - the answer that was sent before it is looked at
        assert messages, "an exception left no answer behind"
    start, *bodies = messages
    return Answer(
        start["status"],
        {key.decode(): value.decode() for key, value in start["headers"]},
        b"".join(body.get("body", b"") for body in bodies),
    )


def scope_of(
    method: str,
    path: str,
    query: Mapping[str, object] | None,
    headers: Mapping[str, str] | None,
) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": urlencode(query or {}).encode(),
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in (headers or {}).items()],
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
