"""REST `/v1`: the table of routes, who may pass, and the application around them.

Handlers are thin (`routes_jobs`, `routes_factory`): they check who asks, ask the loop or the store,
and answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arkwright.control import (
    routes_ask,
    routes_contracts,
    routes_factory,
    routes_jobs,
    routes_power,
    routes_reservations,
)
from arkwright.control.context import Context
from arkwright.control.factory_server import FactoryServer
from arkwright.control.openapi import openapi
from arkwright.control.resources import HealthResource
from arkwright.control.users import Identity, identify
from arkwright.control.web import STATUS, http_problem, json, one, problem

Handler = Callable[[Context, Request, Identity], Awaitable[Response]]

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/v1/jobs", routes_jobs.submit),
    ("GET", "/v1/jobs", routes_jobs.job_list),
    ("GET", "/v1/jobs/{job}", routes_jobs.job),
    ("GET", "/v1/jobs/{job}/why", routes_jobs.why),
    ("GET", "/v1/jobs/{job}/when", routes_ask.when),
    ("GET", "/v1/jobs/{job}/snapshot", routes_ask.snapshot),
    ("POST", "/v1/jobs/when", routes_ask.when_new),
    ("POST", "/v1/whatif", routes_ask.whatif),
    ("GET", "/v1/jobs/{job}/cost", routes_jobs.cost),
    ("GET", "/v1/jobs/{job}/logs", routes_jobs.logs),
    ("POST", "/v1/jobs/{job}/cancel", routes_jobs.cancel),
    ("POST", "/v1/jobs/{job}/hold", routes_jobs.hold),
    ("POST", "/v1/jobs/{job}/release", routes_jobs.release),
    ("POST", "/v1/jobs/{job}/exec", routes_jobs.execute),
    ("GET", "/v1/factory", routes_factory.factory),
    ("GET", "/v1/nodes", routes_factory.node_list),
    ("GET", "/v1/quotas", routes_factory.quota_list),
    ("POST", "/v1/nodes/{node:path}/drain", routes_factory.node_drain),
    ("POST", "/v1/nodes/{node:path}/resume", routes_factory.node_resume),
    ("GET", "/v1/power", routes_power.power_list),
    ("PUT", "/v1/power/{place:path}", routes_power.power_set),
    ("DELETE", "/v1/power/{place:path}", routes_power.power_withdraw),
    ("POST", "/v1/reservations", routes_reservations.make),
    ("GET", "/v1/reservations", routes_reservations.listed),
    ("DELETE", "/v1/reservations/{reservation}", routes_reservations.withdraw),
    ("POST", "/v1/contracts", routes_contracts.make),
    ("GET", "/v1/contracts", routes_contracts.listed),
    ("GET", "/v1/contracts/{contract:path}/cost", routes_contracts.cost),
    ("DELETE", "/v1/contracts/{contract:path}", routes_contracts.withdraw),
    ("POST", "/v1/users", routes_factory.user_add),
    ("GET", "/v1/events", routes_factory.events),
)


class Api:
    """The routes over one running factory."""

    def __init__(self, server: FactoryServer) -> None:
        self._context = Context(server)
        self._server = server

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/healthz", self._health),
            Route("/v1/openapi.json", self._openapi),
            *(
                Route(path, self._guard(handler), methods=[method])
                for method, path, handler in ROUTES
            ),
        ]
        handlers = {HTTPException: http_problem, Exception: problem}
        handlers |= {kind: problem for kind, _ in STATUS}
        return Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]

    def _guard(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            identity = None
            if scheme.lower() == "bearer" and token:
                identity = await run_in_threadpool(identify, self._server.reader, token.strip())
            if identity is None:
                detail = "no valid token: send `Authorization: Bearer <token>`"
                raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})
            return await handler(self._context, request, identity)

        return guarded

    async def _health(self, _request: Request) -> Response:
        fault = self._server.loop.fault
        notice = self._server.deciding.notice
        body = HealthResource(is_healthy=fault is None, fault=fault, notice=notice)
        return one("health", body, status=200 if fault is None else 503)

    async def _openapi(self, _request: Request) -> Response:
        routes = [(method, path, handler.__doc__ or "") for method, path, handler in ROUTES]
        return json(openapi(routes))
