"""The routes of capacity contracts: make, list, what was used, end."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from arkwright.control import contracting, statements
from arkwright.control.context import Context
from arkwright.control.users import Identity
from arkwright.control.web import body_of, many, one


async def make(api: Context, request: Request, identity: Identity) -> Response:
    """Sell a project GPUs for a time, without naming nodes: theirs whether used or not."""
    asked = contracting.request_of(await body_of(request))
    made = await api.ask(api.server.loop.ask(lambda c: contracting.sell(c, identity, asked)))
    return one("contract", made, status=201, location=f"/v1/contracts/{made.name}")


async def listed(api: Context, _request: Request, identity: Identity) -> Response:
    """Contracts whose time is not over, those of the factory file as well."""
    found = await api.ask(api.server.loop.ask(lambda c: contracting.listed(c, identity)))
    return many("contracts", found)


async def cost(api: Context, request: Request, identity: Identity) -> Response:
    """What was paid of a contract so far, and how much of it was used."""
    name = request.path_params["contract"]
    asked = await api.ask(api.server.loop.ask(lambda c: statements.question(c, identity, name)))
    found = await run_in_threadpool(statements.statement, api.server.reader, asked)
    return one("statement", found)


async def withdraw(api: Context, request: Request, identity: Identity) -> Response:
    """End a contract that is not in the factory file."""
    name = request.path_params["contract"]
    gone = await api.ask(api.server.loop.ask(lambda c: contracting.withdraw(c, identity, name)))
    return one("contract", gone)
