"""From what people call a job to the job: an id, its end, a number, a name, `array_3`.

An array is called like a job: by its id, the end of it, the number of its first task, or its name.
One of its tasks is called by that with `_3` behind it, some of them with `_[1-5,8]`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, and_, false, func, or_, select, true

from arkwright.control.clock import ID_LENGTH
from arkwright.control.refusals import Conflict, NotFound
from arkwright.control.store import Reader
from arkwright.control.tables import JOBS
from arkwright.control.users import Identity
from arkwright.errors import InputError
from arkwright.jobs.array import (
    AFTER_MARK,
    MARK,
    array_of,
    array_shape,
    index_of,
    indices_text,
    task_id,
)

NUMBER_DIGITS_MAX: Final = 18
"""More do not fit the column that holds a job's number."""
ENDING_MIN: Final = 4
"""Letters of an id's end that may stand for it."""
_TASKS = re.compile(r"(.+)_([0-9]{1,9}|\[[0-9,:-]{1,4096}\])", re.DOTALL)


class Named(Struct, frozen=True, kw_only=True):
    """What a reference stands for."""

    id: str
    """Of a job, of a task, or of an array."""
    is_array: bool = False
    indices: tuple[int, ...] | None = None
    """Of an array, the tasks that are meant; None is all of them."""


def named(reader: Reader, identity: Identity, reference: str) -> Named:
    """The job, the task or the array that is meant.

    Raises NotFound for what is not there or not the user's to see, Conflict when several ids fit.
    """
    found = _exact(reader, identity, reference) or _plain(reader, identity, reference)
    found = found or _tasks(reader, identity, reference)
    if found is None:
        raise NotFound(f"job {reference}: not found; see `arkwright ps --all`")
    return found


def named_job(reader: Reader, identity: Identity, reference: str) -> Row[Any]:
    """The one job that is meant; as `named`, and Conflict for an array."""
    found = named(reader, identity, reference)
    if found.is_array:
        one = first_task(reader, found.id).id
        raise Conflict(f"job {reference} is an array: name one of its tasks, for example {one}")
    row = reader.first(select(JOBS).where(JOBS.c.id == found.id))
    if row is None:
        raise NotFound(f"job {reference}: not found; see `arkwright ps --all`")
    return row


def first_task(reader: Reader, array_id: str) -> Row[Any]:
    """The task of an array with the lowest index; NotFound when there is no such array."""
    row = reader.first(select(JOBS).where(is_task_of(array_id)).order_by(JOBS.c.seq))
    if row is None:
        raise NotFound(f"job {array_id}: not found; see `arkwright ps --all`")
    return row


def indices_of(reader: Reader, array_id: str) -> tuple[int, ...]:
    """Of all tasks of an array, ascending."""
    return array_shape(first_task(reader, array_id).spec["array"]).indices


def is_task_of(array_id: str) -> ColumnElement[bool]:
    """Whether a row is a task of the array: their ids lie side by side in the index."""
    return and_(JOBS.c.id > array_id + MARK, JOBS.c.id < array_id + AFTER_MARK)


def visible(identity: Identity) -> ColumnElement[bool]:
    """`Identity.may_see` as a condition on the jobs' table."""
    if identity.is_owner:
        return true()
    if identity.project is None:
        return false()
    within = JOBS.c.project.startswith(f"{identity.project}/", autoescape=True)
    return or_(JOBS.c.project == identity.project, within)


def _exact(reader: Reader, identity: Identity, reference: str) -> Named | None:
    query = select(JOBS.c.id).where(visible(identity))
    if reader.first(query.where(JOBS.c.id == reference)) is not None:
        return Named(id=reference)
    if MARK not in reference and reader.first(query.where(is_task_of(reference))) is not None:
        return Named(id=reference, is_array=True)
    return None


def _plain(reader: Reader, identity: Identity, reference: str) -> Named | None:
    """By number, by the end of an id, by name."""
    query = select(JOBS.c.id, JOBS.c.spec["array"].as_string().label("array"))
    query = query.where(visible(identity))
    if reference.isdecimal() and len(reference) <= NUMBER_DIGITS_MAX:
        row = reader.first(query.where(JOBS.c.seq == int(reference)))
        if row is not None:
            return _numbered(row)
    if len(reference) >= ENDING_MIN and MARK not in reference:
        root = func.substr(JOBS.c.id, 1, ID_LENGTH)
        ending = select(root.label("root")).where(visible(identity))
        ending = ending.where(root.endswith(reference, autoescape=True)).distinct().limit(2)
        roots = [row.root for row in reader.rows(ending)]
        if len(roots) > 1:
            raise Conflict(f"job {reference}: several ids end so; give more of it")
        if roots:
            return _exact(reader, identity, roots[0])
    row = reader.first(query.where(JOBS.c.name == reference).order_by(JOBS.c.seq.desc()))
    if row is None:
        return None
    array_id = array_of(row.id)
    return Named(id=row.id) if array_id is None else Named(id=array_id, is_array=True)


def _numbered(row: Row[Any]) -> Named:
    """The number of an array is that of its first task, as it is in Slurm."""
    array_id = array_of(row.id)
    if array_id is not None and index_of(row.id) == array_shape(row.array).indices[0]:
        return Named(id=array_id, is_array=True)
    return Named(id=row.id)


def _tasks(reader: Reader, identity: Identity, reference: str) -> Named | None:
    match = _TASKS.fullmatch(reference)
    if match is None:
        return None
    head, which = match.groups()
    found = _exact(reader, identity, head) or _plain(reader, identity, head)
    if found is None or not found.is_array:
        return None
    there = indices_of(reader, found.id)
    try:
        wanted = array_shape(which.strip("[]")).indices
    except InputError as error:
        raise NotFound(f"job {reference}: {error}") from None
    if absent := sorted(set(wanted) - set(there)):
        raise NotFound(
            f"job {reference}: the array has no task {indices_text(absent)}; its tasks are "
            f"{indices_text(there)}"
        )
    if not which.startswith("["):
        return Named(id=task_id(found.id, wanted[0]))
    return Named(id=found.id, is_array=True, indices=wanted)
