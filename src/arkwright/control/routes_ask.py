"""Questions about the future: when a job starts, and what a change would do.

A scene is taken on the loop's thread; the answer is worked out on another, so the loop goes on.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from arkwright import documents
from arkwright.control import intake, job_views
from arkwright.control.context import Context
from arkwright.control.controller import Controller
from arkwright.control.naming import named, named_job
from arkwright.control.refusals import Conflict, Forbidden
from arkwright.control.resources import WhatIfResource, WhenResource
from arkwright.control.users import Identity
from arkwright.control.web import body_of, boolean, one
from arkwright.errors import InputError
from arkwright.fleet import Alternative, Changes, Forecast, Outcome, Scene, Snapshot, saved
from arkwright.fleet import alternatives as alternatives_of
from arkwright.fleet import forecast as forecast_of
from arkwright.fleet import forecast_new as forecast_new_of
from arkwright.fleet import whatif as whatif_of
from arkwright.jobs.lifecycle import FINAL, State
from arkwright.jobs.spec import JobSpec

CHANGES_MAX = 1000


async def when(api: Context, request: Request, identity: Identity) -> Response:
    """When a job starts, with a band; `alternatives=true` adds what it could ask instead.

    Of an array it is the first task that waits, queued before deferred before held.
    """
    asked = await api.read(named, identity, request.path_params["job"])
    row = await api.read(job_views.row_to_explain, identity, asked)
    wants_more = boolean(request.query_params.get("alternatives"), "alternatives")
    if row.state in {state.value for state in FINAL}:
        raise Conflict(f"job {row.id} is over ({row.state}): it starts no more")

    def look(controller: Controller) -> tuple[Scene, bool]:
        job = controller.book.jobs.get(row.id)
        is_deferred = job is not None and job.state is State.DEFERRED
        return _scene_of(controller, api.server.foresight.visits), is_deferred

    scene, is_deferred = await api.ask(api.server.loop.ask(look))
    if row.id not in scene.job_index:
        raise Conflict(f"job {row.id} ended just now")
    run = api.server.foresight.run

    def answer() -> tuple[Forecast, list[Alternative]]:
        more = alternatives_of(scene, row.id, run) if wants_more else []
        return forecast_of(scene, row.id, run, is_deferred=is_deferred), more

    forecast, more = await run_in_threadpool(answer)
    resource = WhenResource(
        job_id=row.id, name=row.name, project=row.project, forecast=forecast, alternatives=more
    )
    return one("when", resource)


async def when_new(api: Context, request: Request, identity: Identity) -> Response:
    """When a job would start if it were submitted now. It is checked as if it were; nothing is."""
    spec = _decoded(await body_of(request), JobSpec)
    scene, project = await api.ask(
        api.server.loop.ask(
            lambda c: (_scene_of(c, api.server.foresight.visits), intake.check(c, identity, spec))
        )
    )
    run = api.server.foresight.run
    found = await run_in_threadpool(forecast_new_of, scene, spec, project, identity.name, run)
    return one("when", WhenResource(job_id=None, name=spec.name, project=project, forecast=found))


async def whatif(api: Context, request: Request, identity: Identity) -> Response:
    """What changes to jobs, nodes, quotas and power would do: who would start when.

    Nothing is changed. Members change and see what is theirs; nodes, quotas and power are the
    owners' to ask about.
    """
    changes = _decoded(await body_of(request), Changes)
    count = sum(len(getattr(changes, name)) for name in changes.__struct_fields__)
    if not 0 < count <= CHANGES_MAX:
        raise InputError(f"{count} changes; give between 1 and {CHANGES_MAX}")
    if (changes.nodes or changes.quotas or changes.power) and not identity.is_owner:
        raise Forbidden(f"{identity.name} is no owner: only owners change nodes, quotas and power")
    rows = [await api.read(named_job, identity, change.job) for change in changes.jobs]
    known = tuple(
        msgspec.structs.replace(change, job=row.id)
        for change, row in zip(changes.jobs, rows, strict=True)
    )
    changes = msgspec.structs.replace(changes, jobs=known)

    def look(controller: Controller) -> tuple[Scene, Changes, list[str]]:
        nodes = tuple(
            msgspec.structs.replace(change, node=intake.node_path(controller, change.node))
            for change in changes.nodes
        )
        projects = [intake.check(controller, identity, spec) for spec in changes.submit]
        scene = _scene_of(controller, api.server.foresight.visits)
        return scene, msgspec.structs.replace(changes, nodes=nodes), projects

    scene, asked, projects = await api.ask(api.server.loop.ask(look))
    run = api.server.foresight.run
    found = await run_in_threadpool(whatif_of, scene, asked, projects, identity.name, run)
    return one("whatif", _discreet(found, identity))


async def snapshot(api: Context, request: Request, identity: Identity) -> Response:
    """The scheduler's state at this instant, the reason of this job in it, as a file. Owners only.

    `arkwright replay FILE` takes the decision again from it, anywhere.
    """
    if not identity.is_owner:
        raise Forbidden(f"{identity.name} is no owner: a snapshot holds everybody's jobs")
    row = await api.read(named_job, identity, request.path_params["job"])

    def take(controller: Controller) -> Snapshot:
        if row.id not in controller.book.jobs:
            raise Conflict(f"job {row.id} is over ({row.state}): the scheduler has forgotten it")
        now_ms = max(controller.clock(), controller.store.last_ms)
        return controller.fleet.snapshot(row.id, now_ms, controller.store.last_decision)

    taken = await api.ask(api.server.loop.ask(take))
    data = await run_in_threadpool(saved, taken)
    return Response(data, media_type="application/octet-stream")


def _scene_of(controller: Controller, visits: int) -> Scene:
    now_ms = max(controller.clock(), controller.store.last_ms)
    return controller.fleet.scene(now_ms, visits)


def _decoded(body: Any, kind: Any) -> Any:
    return documents.decode(documents.plain(body, "request body"), kind)


def _discreet(found: Outcome, identity: Identity) -> WhatIfResource:
    """The outcome without the jobs that are not this user's to know; they are counted."""
    visible = [move for move in found.moves if identity.may_see(move.project)]
    return WhatIfResource(
        now_ms=found.now_ms,
        moves=visible,
        moves_of_others=len(found.moves) - len(visible),
        sooner=found.sooner,
        later=found.later,
        same=found.same,
    )
