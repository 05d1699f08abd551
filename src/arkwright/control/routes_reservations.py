"""The routes of reservations: make, list, withdraw."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from arkwright.control import reserving
from arkwright.control.context import Context
from arkwright.control.users import Identity
from arkwright.control.web import body_of, many, one


async def make(api: Context, request: Request, identity: Identity) -> Response:
    """Keep nodes for a project, or for nobody, in a time to come."""
    asked = reserving.request_of(await body_of(request))
    made = await api.ask(api.server.loop.ask(lambda c: reserving.reserve(c, identity, asked)))
    return one("reservation", made, status=201, location=f"/v1/reservations/{made.name}")


async def listed(api: Context, _request: Request, identity: Identity) -> Response:
    """Reservations whose time is not over."""
    found = await api.ask(api.server.loop.ask(lambda c: reserving.listed(c, identity)))
    return many("reservations", found)


async def withdraw(api: Context, request: Request, identity: Identity) -> Response:
    """Give up a reservation."""
    name = request.path_params["reservation"]
    gone = await api.ask(api.server.loop.ask(lambda c: reserving.withdraw(c, identity, name)))
    return one("reservation", gone)
