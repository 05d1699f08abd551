"""Reservations as people ask for them: checked, turned into events, listed.

Owners reserve for any project, and for nobody (maintenance). A member of a whole organisation
reserves for what is in it, up to the organisation's quota. Called on the loop's thread.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from arkwright.control.clock import INSTANT_MS_MAX
from arkwright.control.controller import Controller
from arkwright.control.intake import node_path
from arkwright.control.refusals import Conflict, Forbidden, NotFound
from arkwright.control.resources import ReservationResource
from arkwright.control.store import NewEvent
from arkwright.control.users import Identity
from arkwright.errors import InputError
from arkwright.fleet import Reservation
from arkwright.jobs.events import EventKind

NODES_MAX = 100_000


class ReservationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for. Times in ms since the Unix epoch; without `from_ms`, from now."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    until_ms: Annotated[int, Meta(ge=1, le=INSTANT_MS_MAX)]
    nodes: (
        Annotated[int, Meta(ge=1, le=NODES_MAX)]
        | Annotated[list[str], Meta(min_length=1, max_length=NODES_MAX)]
    )
    """How many, chosen by the server; or which."""
    from_ms: Annotated[int, Meta(ge=0, le=INSTANT_MS_MAX)] | None = None
    project: str | None = None
    """For whom; None for nobody."""
    gpu_type: str | None = None
    """Where the server chooses: only nodes of this type."""
    reason: Annotated[str, Meta(max_length=500)] = ""


def request_of(body: Any) -> ReservationRequest:
    """The request in a body. Raises InputError that names what is wrong."""
    try:
        return msgspec.convert(body, ReservationRequest)
    except msgspec.ValidationError as error:
        raise InputError(f"the reservation cannot be read: {error}") from None


def reserve(
    controller: Controller, identity: Identity, request: ReservationRequest
) -> ReservationResource:
    """Make the reservation, or refuse it as a whole."""
    now_ms = max(controller.clock(), controller.store.last_ms)
    _check_rights(controller, identity, request.project)
    from_ms = max(now_ms, now_ms if request.from_ms is None else request.from_ms)
    if request.until_ms <= from_ms:
        over = "is over already" if request.until_ms <= now_ms else "would end before it begins"
        raise InputError(f"reservation {request.name} {over}; give a later `until`")
    fleet = controller.fleet
    taken = fleet.reservation(request.name, now_ms) or fleet.contract(request.name, now_ms)
    if taken is not None:
        kind = "reservation" if isinstance(taken, Reservation) else "contract"
        raise Conflict(f"there is a {kind} {request.name} already; choose another name")
    reservation = Reservation(
        name=request.name,
        project=request.project,
        nodes=_nodes(controller, request, from_ms),
        from_ms=from_ms,
        until_ms=request.until_ms,
    )
    if not identity.is_owner:
        _check_quota(controller, identity, reservation)
    body = msgspec.to_builtins(reservation)
    del body["name"]
    cause = request.reason or f"asked by {identity.name}"
    actor = f"user:{identity.name}"
    controller.record([NewEvent(EventKind.RESERVATION_MADE, request.name, actor, cause, {}, body)])
    return _resource(reservation, now_ms)


def withdraw(controller: Controller, identity: Identity, name: str) -> ReservationResource:
    """Give up a reservation; its nodes are for everybody from now on."""
    now_ms = max(controller.clock(), controller.store.last_ms)
    found = controller.fleet.reservation(name, now_ms)
    if found is None or not _may_see(identity, found):
        raise NotFound(f"reservation {name}: not found; see `arkwright reserve --list`")
    _check_rights(controller, identity, found.project)
    body = msgspec.to_builtins(found)
    del body["name"]
    cause, actor = f"asked by {identity.name}", f"user:{identity.name}"
    controller.record([NewEvent(EventKind.RESERVATION_WITHDRAWN, name, actor, cause, body, {})])
    return _resource(found, now_ms)


def listed(controller: Controller, identity: Identity) -> list[ReservationResource]:
    """Those whose time is not over and whose project the user may see, and all maintenance."""
    now_ms = max(controller.clock(), controller.store.last_ms)
    coming = controller.fleet.reservations(now_ms)
    return [_resource(each, now_ms) for each in coming if _may_see(identity, each)]


def _check_rights(controller: Controller, identity: Identity, project: str | None) -> None:
    if project is None:
        if not identity.is_owner:
            raise Forbidden(f"{identity.name} is no owner: name a project to reserve nodes for")
        return
    if not identity.may_see(project):
        raise Forbidden(f"{identity.name} may not reserve nodes for project {project}")
    if not identity.is_owner and "/" in (identity.project or ""):
        raise Forbidden(
            f"{identity.name} belongs to {identity.project}: owners and members of a whole "
            "organisation reserve nodes"
        )
    if not controller.fleet.has_project(project):
        known = ", ".join(controller.fleet.project_paths)
        raise InputError(f"project {project}: not in this factory; use one of {known}")


def _nodes(controller: Controller, request: ReservationRequest, from_ms: int) -> tuple[str, ...]:
    """The nodes named, or the best of those that can be had."""
    fleet = controller.fleet
    span = from_ms, request.until_ms
    if isinstance(request.nodes, int):
        found = fleet.reservable(span, request.gpu_type)
        if len(found) < request.nodes:
            kind = f" with {request.gpu_type}" if request.gpu_type else ""
            raise Conflict(
                f"reservation {request.name} asks for {request.nodes} nodes{kind}; {len(found)} "
                "are up and not reserved in that time"
            )
        return tuple(sorted(found[: request.nodes]))
    if request.gpu_type is not None:
        raise InputError("gpu_type: goes with a number of nodes; these are named one by one")
    paths = tuple(sorted({node_path(controller, each) for each in request.nodes}))
    if request.project is None:
        return paths  # what must be mended must be mended, whoever has reserved it
    for other in fleet.reservations(from_ms):
        shared = sorted(set(paths) & set(other.nodes)) if other.touches(*span) else []
        if shared:
            more = f" and {len(shared) - 1} more" if len(shared) > 1 else ""
            raise Conflict(f"node {shared[0]}{more}: reserved in that time already")
    return paths


def _check_quota(controller: Controller, identity: Identity, made: Reservation) -> None:
    """What an organisation reserves at one time stays within its quota."""
    mine = str(identity.project)
    fleet = controller.fleet
    limit = fleet.gpus_limit(mine)
    if limit is None:
        return
    overlapping = [
        each
        for each in fleet.reservations(made.from_ms)
        if each.touches(made.from_ms, made.until_ms)
        and each.project
        and identity.may_see(each.project)
    ]
    paths = {path for each in [*overlapping, made] for path in each.nodes}
    gpus = sum(node.gpus for node in fleet.nodes if node.path in paths)
    if gpus > limit:
        raise Conflict(
            f"reservation {made.name}: {mine} would have {gpus} GPUs reserved in that time and may "
            f"use {limit}; give fewer nodes"
        )


def _may_see(identity: Identity, reservation: Reservation) -> bool:
    return reservation.project is None or identity.may_see(reservation.project)


def _resource(reservation: Reservation, now_ms: int) -> ReservationResource:
    return ReservationResource(
        name=reservation.name,
        project=reservation.project,
        nodes=list(reservation.nodes),
        from_ms=reservation.from_ms,
        until_ms=reservation.until_ms,
        is_open=reservation.from_ms <= now_ms,
    )
