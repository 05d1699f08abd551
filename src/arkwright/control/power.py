"""Limits of the power tree: what operators ask, checked and turned into events.

Called on the loop's thread, as `intake` is.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from arkwright.control.clock import INSTANT_MS_MAX
from arkwright.control.controller import Controller
from arkwright.control.refusals import Conflict, Forbidden, NotFound
from arkwright.control.store import NewEvent
from arkwright.control.users import Identity
from arkwright.errors import InputError
from arkwright.fleet import PowerUse
from arkwright.fleet.power_tree import listed
from arkwright.jobs.events import EventKind

WINDOWS_MAX = 100
"""Limits announced for one place."""


class PowerRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit for a place: watts at its racks, or percent of the factory file's limit."""

    limit_w: Annotated[int, Meta(ge=0, le=10**13)] | None = None
    percent: Annotated[float, Meta(ge=0, le=1000)] | None = None
    from_ms: Annotated[int, Meta(ge=0, le=INSTANT_MS_MAX)] | None = None
    """None: from now on, until it is withdrawn."""
    until_ms: Annotated[int, Meta(ge=0, le=INSTANT_MS_MAX)] | None = None
    """Only with a limit that is announced, or for a limit from now until then."""
    reason: Annotated[str, Meta(max_length=500)] = ""


def set_limit(
    controller: Controller, identity: Identity, path: str, asked: PowerRequest
) -> PowerUse:
    """Set a limit from now on, or announce one; what the place is limited to then."""
    _refuse_members(identity)
    _place(controller, path)
    now_ms = max(controller.clock(), controller.store.last_ms)
    limit_w = _watts(controller, path, asked)
    actor, cause = f"user:{identity.name}", asked.reason or f"asked by {identity.name}"
    book = controller.fleet.power_book
    before: dict[str, int | None] = {"limit_w": book.in_force(path)}
    if asked.from_ms is None and asked.until_ms is None:
        after: dict[str, int | None] = {"limit_w": limit_w}
        new = NewEvent(EventKind.POWER_LIMIT_SET, path, actor, cause, before, after)
    else:
        from_ms = now_ms if asked.from_ms is None else asked.from_ms
        _check_window(path, from_ms, asked.until_ms, now_ms)
        if len(book.windows(path)) >= WINDOWS_MAX:
            raise Conflict(f"{path}: {WINDOWS_MAX} limits are announced; withdraw some first")
        after = {"limit_w": limit_w, "from_ms": from_ms, "until_ms": asked.until_ms}
        new = NewEvent(EventKind.POWER_LIMIT_ANNOUNCED, path, actor, cause, before, after)
    controller.record([new])
    return _use(controller, path)


def withdraw(
    controller: Controller, identity: Identity, path: str, from_ms: int | None, reason: str
) -> PowerUse:
    """Withdraw the limit announced for `from_ms`; with None all that was set and announced."""
    _refuse_members(identity)
    _place(controller, path)
    book = controller.fleet.power_book
    known = [window.from_ms for window in book.windows(path)]
    if from_ms is None and not known and not book.is_set(path):
        raise Conflict(f"{path}: nothing was set or announced; the factory file's limit holds")
    if from_ms is not None and from_ms not in known:
        times = ", ".join(map(str, known)) or "nothing"
        raise Conflict(f"{path}: no limit is announced from {from_ms} ms; there is {times}")
    actor, cause = f"user:{identity.name}", reason or f"asked by {identity.name}"
    before, after = {"limit_w": book.in_force(path)}, {"from_ms": from_ms}
    controller.record(
        [NewEvent(EventKind.POWER_LIMIT_WITHDRAWN, path, actor, cause, before, after)]
    )
    return _use(controller, path)


def _refuse_members(identity: Identity) -> None:
    if not identity.is_owner:
        raise Forbidden(f"{identity.name} is no owner: only owners limit power")


def _place(controller: Controller, path: str) -> None:
    places = [use.path for use in controller.fleet.power()]
    if path not in places:
        known = listed(places)
        raise NotFound(f"{path}: no place with a power limit; this factory has {known}")


def _use(controller: Controller, path: str) -> PowerUse:
    return next(use for use in controller.fleet.power() if use.path == path)


def _watts(controller: Controller, path: str, asked: PowerRequest) -> int:
    if (asked.limit_w is None) == (asked.percent is None):
        raise InputError(f"power of {path}: give limit_w or percent, one of the two")
    if asked.limit_w is not None:
        return asked.limit_w
    of_w = controller.fleet.power_book.file_limit(path)
    if of_w is None:
        raise InputError(
            f"power of {path}: percent of what? The factory file gives it no limit; give watts"
        )
    return int(of_w * (asked.percent or 0.0) // 100)


def _check_window(path: str, from_ms: int, until_ms: int | None, now_ms: int) -> None:
    if until_ms is not None and until_ms <= max(from_ms, now_ms):
        raise InputError(
            f"power of {path}: the limit would end ({until_ms} ms) before it holds "
            f"({max(from_ms, now_ms)} ms); give a later end"
        )
