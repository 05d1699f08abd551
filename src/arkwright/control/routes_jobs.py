"""The routes under `/v1/jobs`."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from arkwright import documents
from arkwright.control import intake, job_views, views
from arkwright.control.context import Context
from arkwright.control.controller import Controller
from arkwright.control.deferral_words import why_deferred
from arkwright.control.intake import Submission
from arkwright.control.naming import named, named_job
from arkwright.control.refusals import NotFound
from arkwright.control.resources import ExecResource, LogResource, WhyResource
from arkwright.control.users import Identity
from arkwright.control.web import body_of, boolean, integer, many, matches, one, reason_of
from arkwright.documents.tree import unfit
from arkwright.errors import InputError, Problem
from arkwright.fleet import Scene
from arkwright.jobs.lifecycle import State
from arkwright.jobs.spec import JobSpec, ranks_of

JOBS_PER_REQUEST_MAX = 10_000
LOG_BYTES_MAX = 2**20
UTF8_BYTES = 4
"""A character takes at most so many: a piece of fewer might never hold one whole."""
EXEC_TIMEOUT_S_MAX = 600.0


async def submit(api: Context, request: Request, identity: Identity) -> Response:
    """Submit one job, or several as `{"items": [...]}`: all are accepted, or none."""
    body = await body_of(request)
    is_list = isinstance(body, dict) and "items" in body
    items = body["items"] if is_list else [body]
    if not isinstance(items, list) or not items:
        raise InputError("items: is not a list of jobs; give at least one job")
    if len(items) > JOBS_PER_REQUEST_MAX:
        raise InputError(
            f"items: {len(items)} jobs in one request; give at most {JOBS_PER_REQUEST_MAX}"
        )
    specs = await run_in_threadpool(_decode_jobs, items)
    key = request.headers.get("idempotency-key")
    submission = Submission(identity, specs, key)
    job_ids = await api.ask(api.server.loop.submit(submission))
    if is_list:
        return many("accepted", [{"id": job_id} for job_id in job_ids], status=201)
    resource, seq = await api.read(job_views.job, identity, job_ids[0])
    return one("job", resource, status=201, etag=seq, location=f"/v1/jobs/{job_ids[0]}")


async def job_list(api: Context, request: Request, identity: Identity) -> Response:
    """Jobs in order of submission: active ones, or `all=true`, or `state=a,b`; cursor paging.

    With `arrays=true` all tasks of an array are one item, which counts them by state.
    """
    query = request.query_params
    is_grouped = boolean(query.get("arrays"), "arrays")
    list_them = job_views.line_list if is_grouped else job_views.job_list
    items, following = await api.read(
        list_them,
        identity,
        is_all=boolean(query.get("all"), "all"),
        after_seq=integer(query.get("cursor"), "cursor", 0),
        limit=integer(query.get("limit"), "limit", 100, views.PAGE_MAX, minimum=1),
        states=[state for state in query.get("state", "").split(",") if state],
    )
    return many("jobs", items, next_cursor=following)


async def job(api: Context, request: Request, identity: Identity) -> Response:
    """One job by id, unique end of id, or name, with its attempts."""
    resource, seq = await api.read(job_views.job, identity, request.path_params["job"])
    if matches(request.headers.get("if-none-match"), seq):
        return Response(status_code=304, headers={"ETag": f'"{seq}"'})
    return one("job", resource, etag=seq)


async def why(api: Context, request: Request, identity: Identity) -> Response:
    """Why a job waits: one code with numbers, and the smallest change that would start it.

    Of an array it is the first task that waits, queued before deferred before held.
    """
    asked = await api.read(named, identity, request.path_params["job"])
    row = await api.read(job_views.row_to_explain, identity, asked)

    def look(controller: Controller) -> WhyResource | tuple[Scene, State]:
        job = controller.book.jobs.get(row.id)
        if job is not None and job.state is State.DEFERRED:
            reason = why_deferred(controller, identity, job)
            return WhyResource(job_id=row.id, state=job.state.value, reason=reason)
        known = views.why_now(controller, row)
        if known is not None:
            return known
        now_ms = max(controller.clock(), controller.store.last_ms)
        scene = controller.fleet.scene(now_ms, api.server.foresight.visits)
        return scene, controller.book.jobs[row.id].state

    found = await api.ask(api.server.loop.ask(look))
    if isinstance(found, tuple):
        run = api.server.run_explain
        found = await run_in_threadpool(views.why_waiting, *found, row, identity, run)
    if asked.is_array:
        found = await api.read(job_views.of_array, asked.id, found)
    return one("why", found)


async def cost(api: Context, request: Request, identity: Identity) -> Response:
    """The job's receipt: GPU-hours, kWh, kg CO2e and money, each with how it was obtained."""
    asked = await api.read(named, identity, request.path_params["job"])
    of = api.server.receipt_of_array if asked.is_array else api.server.receipt
    return one("receipt", await run_in_threadpool(of, asked.id))


async def cancel(api: Context, request: Request, identity: Identity) -> Response:
    """End a job. Its processes get SIGTERM, then, after its grace, SIGKILL."""
    reason = reason_of(await body_of(request, is_optional=True))
    return await _act(
        api, request, identity, lambda c, job_id: intake.cancel(c, identity, job_id, reason)
    )


async def hold(api: Context, request: Request, identity: Identity) -> Response:
    """Keep a waiting job from starting."""
    return await _act(api, request, identity, lambda c, job_id: intake.hold(c, identity, job_id))


async def release(api: Context, request: Request, identity: Identity) -> Response:
    """Let a held job start."""
    return await _act(api, request, identity, lambda c, job_id: intake.release(c, identity, job_id))


async def _act(
    api: Context, request: Request, identity: Identity, action: Callable[[Controller, str], str]
) -> Response:
    found = await api.read(named, identity, request.path_params["job"])
    expected = request.headers.get("if-match")
    # From here on by id: a name could come to mean a newer job.
    which = request.path_params["job"].rpartition("_")[2] if found.indices else ""
    some = f"{found.id}_{which}" if which else found.id

    def act(controller: Controller) -> str:
        # Compared on the loop's thread: nothing can change between the look and the act.
        _, seq = job_views.job(api.server.reader, identity, found.id)
        if expected is not None and not matches(expected, seq):
            raise HTTPException(412, f"job {found.id} has changed since; read it again")
        return action(controller, some)

    await api.ask(api.server.loop.ask(act))
    resource, seq = await api.read(job_views.job, identity, found.id)
    return one("job", resource, etag=seq)


async def logs(api: Context, request: Request, identity: Identity) -> Response:
    """A piece of one rank's output: `rank`, `attempt`, `offset`, `limit`."""
    query = request.query_params
    row = await api.read(named_job, identity, request.path_params["job"])
    resource, _ = await api.read(job_views.job, identity, row.id)
    attempt = integer(query.get("attempt"), "attempt", resource.attempt)
    rank = integer(query.get("rank"), "rank", 0)
    found = next((a for a in resource.attempts if a.n == attempt), None)
    if found is None:
        what = f"has no attempt {attempt}" if attempt else "has not started yet"
        raise NotFound(f"job {resource.id} {what}: nothing was written")
    ranks = ranks_of(msgspec.convert(resource.spec, JobSpec), resource.nodes)
    if rank >= ranks:
        raise NotFound(f"job {resource.id} has ranks 0 to {ranks - 1}; there is no rank {rank}")
    offset = integer(query.get("offset"), "offset", 0)
    limit = integer(query.get("limit"), "limit", LOG_BYTES_MAX, LOG_BYTES_MAX, minimum=UTF8_BYTES)
    engine = api.server.engines.get(found.site)
    if engine is None:
        raise NotFound(f"{found.id} ran at {found.site}, which is no longer in the factory file")
    chunk = await run_in_threadpool(engine.logs, found.id, rank, offset, limit)
    text, used = _utf8(chunk.data, chunk.is_end)
    return one(
        "log",
        LogResource(
            job_id=resource.id,
            attempt=attempt,
            rank=rank,
            ranks=ranks,
            offset=offset,
            next_offset=offset + used,
            text=text,
            is_end=chunk.is_end,
        ),
    )


async def execute(api: Context, request: Request, identity: Identity) -> Response:
    """Run `{"command": [...], "timeout_s": 60}` beside a running job, on its first node."""
    body = await body_of(request)
    command = body.get("command") if isinstance(body, dict) else None
    if not (isinstance(command, list) and command and all(isinstance(a, str) for a in command)):
        raise InputError("command: is not a list of texts; give a program and its arguments")
    if not command[0] or any(unfit(argument) for argument in command):
        raise InputError("command: an empty program, or a text no process can take, such as a NUL")
    timeout_s = body.get("timeout_s", 60.0)
    is_number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    if not is_number or not 0 < timeout_s <= EXEC_TIMEOUT_S_MAX:
        raise InputError(f"timeout_s: {timeout_s!r}; give seconds, at most {EXEC_TIMEOUT_S_MAX:g}")
    job_id = await api.job_id(request, identity)
    site, attempt_id = await api.ask(
        api.server.loop.ask(lambda c: intake.running_attempt(c, identity, job_id))
    )
    engine = api.server.engines[site]
    result = await run_in_threadpool(engine.exec, attempt_id, tuple(command), float(timeout_s))
    output = result.output.decode(errors="replace")
    resource = ExecResource(
        job_id=job_id,
        exit_code=result.exit_code,
        output=output,
        is_cut=result.is_cut,
        is_timed_out=result.is_timed_out,
    )
    return one("exec", resource)


def _decode_jobs(items: list[Any]) -> tuple[JobSpec, ...]:
    """Every job of a request, or every problem of all of them."""
    specs: list[JobSpec] = []
    problems: list[Problem] = []
    for index, item in enumerate(items):
        source = f"items[{index}]" if len(items) > 1 else "request body"
        try:
            specs.append(documents.decode(documents.plain(item, source), JobSpec))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError("the job cannot be read", problems)
    return tuple(specs)


def _utf8(data: bytes, is_end: bool) -> tuple[str, int]:
    """Text of `data` and the bytes it took: a character cut at the end waits for the next piece."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(data, is_end)
    waiting, _ = decoder.getstate()
    return text, len(data) - len(waiting)
