"""The routes under `/v1/power`: the power tree, and limits set or announced by owners."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from arkwright import documents
from arkwright.control import power
from arkwright.control.context import Context
from arkwright.control.power import PowerRequest
from arkwright.control.users import Identity
from arkwright.control.web import body_of, integer, many, one, reason_of


async def power_list(api: Context, _request: Request, _identity: Identity) -> Response:
    """Every place of the power tree: what jobs there are expected to draw, its limit, and the
    limits announced for it."""
    return many("power", await api.ask(api.server.loop.ask(lambda c: c.fleet.power())))


async def power_set(api: Context, request: Request, identity: Identity) -> Response:
    """Limit a place from now on, or with `from_ms` or `until_ms` announce a limit. Owners only."""
    path = request.path_params["place"]
    body = documents.plain(await body_of(request), "request body")
    asked = documents.decode(body, PowerRequest)
    found = await api.ask(api.server.loop.ask(lambda c: power.set_limit(c, identity, path, asked)))
    return one("power", found)


async def power_withdraw(api: Context, request: Request, identity: Identity) -> Response:
    """Withdraw the limit announced for `from_ms`, or without it all that was set and announced:
    the factory file's limit holds again. Owners only."""
    path = request.path_params["place"]
    text = request.query_params.get("from_ms")
    from_ms = None if text is None else integer(text, "from_ms", 0)
    reason = reason_of(await body_of(request, is_optional=True))
    found = await api.ask(
        api.server.loop.ask(lambda c: power.withdraw(c, identity, path, from_ms, reason))
    )
    return one("power", found)
