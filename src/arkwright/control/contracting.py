"""Capacity contracts as people ask for them: checked, turned into events, listed.

Owners sell; members see what is theirs. What the factory file has stands there alone: nobody adds
to it or takes from it here. Called on the loop's thread.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from arkwright.control.clock import INSTANT_MS_MAX
from arkwright.control.controller import Controller
from arkwright.control.refusals import Conflict, Forbidden, NotFound
from arkwright.control.resources import ContractResource
from arkwright.control.store import NewEvent
from arkwright.control.users import Identity
from arkwright.errors import InputError
from arkwright.fleet import Contract
from arkwright.jobs.events import EventKind
from arkwright.units import render_instant

CONTRACTS_MAX = 1_000
"""Made and not over. Each decision looks ahead to the times of all."""


class ContractRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is bought. Times in ms since the Unix epoch; without `from_ms`, from now."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    project: str
    gpus: Annotated[int, Meta(ge=1, le=1_000_000)]
    until_ms: Annotated[int, Meta(ge=1, le=INSTANT_MS_MAX)]
    from_ms: Annotated[int, Meta(ge=0, le=INSTANT_MS_MAX)] | None = None
    gpu_type: str | None = None
    """None: GPUs of any type."""
    lend: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """How many of them others may borrow while they are not used."""
    usd_per_gpu_hour: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    reason: Annotated[str, Meta(max_length=500)] = ""


def request_of(body: Any) -> ContractRequest:
    """The request in a body. Raises InputError that names what is wrong."""
    try:
        return msgspec.convert(body, ContractRequest)
    except msgspec.ValidationError as error:
        raise InputError(f"the contract cannot be read: {error}") from None


def sell(controller: Controller, identity: Identity, request: ContractRequest) -> ContractResource:
    """Make the contract, or refuse it as a whole."""
    now_ms = max(controller.clock(), controller.store.last_ms)
    _refuse_members(identity)
    from_ms = max(now_ms, now_ms if request.from_ms is None else request.from_ms)
    if request.until_ms <= from_ms:
        over = "is over already" if request.until_ms <= now_ms else "would end before it begins"
        raise InputError(f"contract {request.name} {over}; give a later `until`")
    if request.lend > request.gpus:
        raise InputError(
            f"contract {request.name}: {request.lend} GPUs to lend of {request.gpus} bought; "
            f"lend at most {request.gpus}"
        )
    contract = Contract(
        name=request.name,
        project=request.project,
        gpus=request.gpus,
        from_ms=from_ms,
        until_ms=request.until_ms,
        gpu_type=request.gpu_type,
        lend=request.lend,
        usd_per_gpu_hour=request.usd_per_gpu_hour,
    )
    _check_name(controller, request.name, now_ms)
    _check_room(controller, contract)
    cause, actor = request.reason or f"asked by {identity.name}", f"user:{identity.name}"
    body = _body(contract)
    controller.record([NewEvent(EventKind.CONTRACT_MADE, request.name, actor, cause, {}, body)])
    return _resource(contract, now_ms)


def withdraw(controller: Controller, identity: Identity, name: str) -> ContractResource:
    """End a contract now, or before it begins; nothing of it is kept from then on."""
    now_ms = max(controller.clock(), controller.store.last_ms)
    found = controller.fleet.contract(name, now_ms)
    if found is None or not identity.may_see(found.project):
        raise NotFound(f"contract {name}: not found; see `arkwright reserve --list`")
    _refuse_members(identity)
    if found.is_in_file:
        raise Conflict(f"contract {name}: it stands in the factory file; take it out there")
    cause, actor = f"asked by {identity.name}", f"user:{identity.name}"
    controller.record(
        [NewEvent(EventKind.CONTRACT_WITHDRAWN, name, actor, cause, _body(found), {})]
    )
    return _resource(found, now_ms)


def listed(controller: Controller, identity: Identity) -> list[ContractResource]:
    """Those whose time is not over and whose project the user may see, by start."""
    now_ms = max(controller.clock(), controller.store.last_ms)
    coming = controller.fleet.contracts(now_ms)
    return [_resource(each, now_ms) for each in coming if identity.may_see(each.project)]


def _refuse_members(identity: Identity) -> None:
    if not identity.is_owner:
        raise Forbidden(f"{identity.name} is no owner: only owners make and end contracts")


def _check_name(controller: Controller, name: str, now_ms: int) -> None:
    fleet = controller.fleet
    if fleet.contract(name, now_ms) is not None or fleet.reservation(name, now_ms) is not None:
        raise Conflict(f"there is a contract or a reservation {name} already; choose another name")
    if len(fleet.contracts(now_ms)) >= CONTRACTS_MAX:
        raise Conflict(f"{CONTRACTS_MAX} contracts are not over; end some first")


def _check_room(controller: Controller, contract: Contract) -> None:
    """The factory counts what is bought, bounds the whole, and has not promised it to others."""
    fleet = controller.fleet
    if not fleet.has_project(contract.project):
        known = ", ".join(fleet.project_paths)
        raise InputError(f"project {contract.project}: not in this factory; use one of {known}")
    if not fleet.can_keep(contract):
        of_type = f" of {contract.gpu_type}" if contract.gpu_type else ""
        quota = f"quota.by_type.{contract.gpu_type}" if contract.gpu_type else "quota"
        raise Conflict(
            f"contract {contract.name}: GPUs{of_type} of {contract.project} are not counted "
            f"against all that the factory has; give it {quota}.guarantee: 0 in the factory file, "
            "start the server again, then sell"
        )
    found = fleet.oversold(contract)
    if found is not None:
        raise Conflict(
            f"contract {contract.name}: at {render_instant(found.at_ms)} {found.promised:,} GPUs "
            f"of {found.label} would be promised, and it may have {found.limit:,}; sell "
            f"{found.promised - found.limit:,} fewer, or for another time"
        )


def _body(contract: Contract) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(contract)
    del body["name"]
    return body


def _resource(contract: Contract, now_ms: int) -> ContractResource:
    return ContractResource(
        name=contract.name,
        project=contract.project,
        gpus=contract.gpus,
        gpu_type=contract.gpu_type,
        lend=contract.lend,
        from_ms=contract.from_ms,
        until_ms=contract.until_ms,
        usd_per_gpu_hour=contract.usd_per_gpu_hour,
        is_open=contract.from_ms <= now_ms,
        is_in_file=contract.is_in_file,
    )
