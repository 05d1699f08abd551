"""Bodies in, answers and problems out: the one place that knows how `/v1` speaks HTTP.

Errors are RFC 9457 problem+json; the exception tree decides the status (`STATUS`).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from arkwright.control.foresight import NotReady
from arkwright.control.intake import reason_json
from arkwright.control.refusals import Conflict, Forbidden, NotFound
from arkwright.control.resources import API_VERSION, Problem
from arkwright.errors import (
    ArkwrightError,
    EngineError,
    FencedError,
    InfeasibleError,
    InputError,
    StoreError,
)

BODY_BYTES_MAX = 16 * 2**20
DIGITS_MAX = 40
REASON_MAX = 500

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (InfeasibleError, 422),
    (InputError, 422),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (NotReady, 503),
    (EngineError, 502),
    (FencedError, 503),
    (StoreError, 507),
    (ArkwrightError, 500),
)


async def body_of(request: Request, *, is_optional: bool = False) -> Any:
    """The JSON body, at most `BODY_BYTES_MAX`; raises InputError or an HTTP 400 or 413."""
    data = bytearray()
    try:
        async for piece in request.stream():
            data += piece
            if len(data) > BODY_BYTES_MAX:
                raise HTTPException(413, f"the body is larger than {BODY_BYTES_MAX} bytes")
    except ClientDisconnect:
        raise HTTPException(400, "the client went away") from None
    if not data and is_optional:
        return {}
    try:
        return msgspec.json.decode(bytes(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"the body is no JSON: {error}") from None


def integer(
    text: str | None, name: str, default: int, maximum: int = 2**62, *, minimum: int = 0
) -> int:
    """A whole number of the query string; what is above `maximum` is taken as `maximum`."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > DIGITS_MAX:
        raise InputError(f"{name}: {text[:40]!r} is no whole number of at most {DIGITS_MAX} digits")
    if int(text) < minimum:
        raise InputError(f"{name}: {text} is too small; give at least {minimum}")
    return min(int(text), maximum)


def boolean(text: str | None, name: str) -> bool:
    """`true` or `false` of the query string; absent is false."""
    if text not in (None, "true", "false"):
        raise InputError(f"{name}: {text[:40]!r}; use true or false")
    return text == "true"


def reason_of(body: Any) -> str:
    """The `reason` of a body, which may be left out; it goes into the log as it is."""
    reason = body.get("reason", "") if isinstance(body, dict) else None
    if not isinstance(reason, str) or len(reason) > REASON_MAX or not reason.isprintable():
        raise InputError(f"reason: give one line of text of at most {REASON_MAX} characters")
    return reason


def matches(header: str | None, etag: int) -> bool:
    """Whether an If-Match or If-None-Match header names this version of the resource."""
    named = [part.strip().removeprefix("W/") for part in (header or "").split(",")]
    return f'"{etag}"' in named or named == ["*"]


def one(
    kind: str,
    resource: msgspec.Struct,
    *,
    status: int = 200,
    etag: int | None = None,
    location: str | None = None,
) -> Response:
    """One resource under its `kind`."""
    body = {"api_version": API_VERSION, "kind": kind} | msgspec.to_builtins(resource)
    headers = {"ETag": f'"{etag}"'} if etag is not None else {}
    if location:
        headers["Location"] = location
    return json(body, status=status, headers=headers)


def many(
    kind: str, items: list[Any], *, status: int = 200, next_cursor: int | None = None
) -> Response:
    """A page of resources, and where the next one starts."""
    body = {"api_version": API_VERSION, "kind": kind, "items": items, "next_cursor": next_cursor}
    return json(body, status=status)


def json(
    body: Any,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """`body` as JSON."""
    data = msgspec.json.encode(body)
    return Response(data, status_code=status, headers=headers, media_type=media_type)


async def http_problem(_request: Request, error: HTTPException) -> Response:
    """What the framework refuses, as a problem."""
    response = problem_response(error.status_code, error.detail)
    response.headers.update(error.headers or {})
    return response


async def problem(_request: Request, error: Exception) -> Response:
    """Our own errors, and any bug, as a problem."""
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    is_ours = isinstance(error, ArkwrightError)
    message = str(error) if is_ours else f"{type(error).__name__}: see the server's log"
    problems = [p._asdict() for p in error.problems] if isinstance(error, InputError) else []
    reason = reason_json(error.reason) if isinstance(error, InfeasibleError) else None
    kind = type(error).__name__ if is_ours else "InternalError"
    return problem_response(status, message, kind=kind, problems=problems, reason=reason)


def problem_response(
    status: int,
    detail: str,
    *,
    kind: str = "about:blank",
    problems: list[dict[str, str]] | None = None,
    reason: dict[str, Any] | None = None,
) -> Response:
    """RFC 9457 problem details."""
    body = Problem(
        type=kind,
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        problems=problems or [],
        reason=reason,
    )
    return json(body, status=status, media_type="application/problem+json")
