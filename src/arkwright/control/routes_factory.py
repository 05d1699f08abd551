"""The routes of the factory itself: nodes, users, and the event log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from arkwright.control import intake, views
from arkwright.control.context import Context
from arkwright.control.naming import named_job
from arkwright.control.refusals import Conflict, Forbidden
from arkwright.control.resources import UserResource
from arkwright.control.users import MEMBER, ROLES, Identity, is_last_owner, new_user
from arkwright.control.web import body_of, boolean, integer, many, one, reason_of
from arkwright.errors import InputError

STREAM_PAGE = 500
KEEP_ALIVE_S = 15.0


async def factory(api: Context, _request: Request, identity: Identity) -> Response:
    """The factory this server runs: sites, engines, and the projects the user may use."""
    found = api.server.describe()
    projects = [path for path in found.projects if identity.may_see(path)]
    return one("factory", msgspec.structs.replace(found, projects=projects))


async def node_list(api: Context, _request: Request, identity: Identity) -> Response:
    """Every node, its state and what is free on it."""
    reader = api.server.reader
    question = api.server.loop.ask(lambda c: views.node_list(reader, c.fleet, identity))
    return many("nodes", await api.ask(question))


async def quota_list(api: Context, _request: Request, identity: Identity) -> Response:
    """Quotas of the projects the user may see, and what is used, borrowed and spent of them."""
    question = api.server.loop.ask(lambda c: views.quota_list(c, identity))
    return many("quotas", await api.ask(question))


async def node_drain(api: Context, request: Request, identity: Identity) -> Response:
    """Keep new work off a node; what runs on it goes on. Owners only."""
    return await _set_node(api, request, identity, "draining")


async def node_resume(api: Context, request: Request, identity: Identity) -> Response:
    """Return a drained or lost node to service. Owners only."""
    return await _set_node(api, request, identity, "up")


async def _set_node(api: Context, request: Request, identity: Identity, state: str) -> Response:
    reference = request.path_params["node"]
    reason = reason_of(await body_of(request, is_optional=True))
    path = await api.ask(
        api.server.loop.ask(lambda c: intake.set_node(c, identity, reference, state, reason))
    )
    reader = api.server.reader
    nodes = await api.ask(api.server.loop.ask(lambda c: views.node_list(reader, c.fleet, identity)))
    return one("node", next(node for node in nodes if node.path == path))


async def user_add(api: Context, request: Request, identity: Identity) -> Response:
    """Add a user `{"name", "role", "project"}`, or give one a new token. Owners only."""
    body = await body_of(request)
    name, role, project = _user_fields(body)
    if not identity.is_owner:
        raise Forbidden(f"{identity.name} is no owner: only owners add users")

    def add(controller: Any) -> str:
        if project is not None and not controller.fleet.has_project(project):
            known = ", ".join(controller.fleet.project_paths)
            raise InputError(f"project {project}: not in this factory; use one of {known}")
        if role == MEMBER and is_last_owner(controller.store.read(), name):
            raise Conflict(f"{name} is the only owner: add another before it becomes a member")
        event, token = new_user(name, role, project, controller.entropy, f"user:{identity.name}")
        controller.record([event])
        return token

    token = await api.ask(api.server.loop.ask(add))
    user = UserResource(name=name, role=role, project=project, token=token)
    return one("user", user, status=201)


async def events(api: Context, request: Request, identity: Identity) -> Response:
    """The event log after `after`, of everything or of `job`; `watch=true` streams it as SSE.

    A stream goes on from `Last-Event-ID` where the client sends one.
    """
    query = request.query_params
    resume = request.headers.get("last-event-id") or query.get("after")
    after_seq = integer(resume, "after", 0)
    job_id = None
    if query.get("job"):
        job_id = str((await api.read(named_job, identity, query["job"])).id)
    if boolean(query.get("watch"), "watch"):
        # Refused here, while the answer can still have a status: a stream has sent its own.
        views.may_read_events(identity, job_id)
        pages = _stream(api, identity, after_seq, job_id)
        return StreamingResponse(pages, media_type="text/event-stream")
    limit = integer(query.get("limit"), "limit", 100, views.PAGE_MAX, minimum=1)
    items = await api.read(views.events, identity, after_seq=after_seq, job_id=job_id, limit=limit)
    following = items[-1].seq if len(items) == limit else None
    return many("events", items, next_cursor=following)


async def _stream(
    api: Context, identity: Identity, after_seq: int, job_id: str | None
) -> AsyncIterator[bytes]:
    while not api.server.is_stopping:
        changed = api.server.changed
        page = await api.read(
            views.events, identity, after_seq=after_seq, job_id=job_id, limit=STREAM_PAGE
        )
        for item in page:
            after_seq = item.seq
            body = msgspec.json.encode(item)
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (item.seq, item.kind.encode(), body)
        if page:
            continue
        try:
            await asyncio.wait_for(changed.wait(), KEEP_ALIVE_S)
        except TimeoutError:
            yield b": still here\n\n"


def _user_fields(body: Any) -> tuple[str, str, str | None]:
    fields = body if isinstance(body, dict) else {}
    name, role, project = fields.get("name"), fields.get("role"), fields.get("project")
    if not (isinstance(name, str) and 0 < len(name) <= 64 and name.isprintable()):
        raise InputError("name: give the user's name, at most 64 characters")
    if role not in ROLES:
        raise InputError(f"role: {role!r}; use one of {', '.join(ROLES)}")
    if project is not None and not isinstance(project, str):
        raise InputError(f"project: {project!r}; give the path of a project")
    if role == MEMBER and project is None:
        raise InputError("project: a member belongs to an organisation or project; name it")
    return name, role, project
