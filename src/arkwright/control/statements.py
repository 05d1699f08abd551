"""What of a contract was used so far, from the attempts in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Row, or_, select

from arkwright.control.clock import INSTANT_MS_MAX
from arkwright.control.controller import Controller
from arkwright.control.refusals import NotFound
from arkwright.control.store import Reader
from arkwright.control.tables import ATTEMPTS, JOBS
from arkwright.control.users import Identity
from arkwright.fleet import Contract
from arkwright.jobs.spec import JobSpec, parts_by_node
from arkwright.ledger import Held, Sold, Statement, statements


class Question(Struct, frozen=True, kw_only=True):
    """All that the answer needs of the loop's thread."""

    contract: Contract
    others: Sequence[Contract]
    """All of the customer's, this one among them."""
    guaranteed: Mapping[str | None, int]
    gpu_types: Mapping[str, str]
    """By node."""
    now_ms: int


def question(controller: Controller, identity: Identity, name: str) -> Question:
    """Of a contract that the user may see, also one whose time is over. On the loop's thread."""
    fleet = controller.fleet
    known = {each.name: each for each in fleet.contract_book}
    if name not in known or not identity.may_see(known[name].project):
        raise NotFound(f"contract {name}: not found; see `arkwright reserve --list`")
    project = known[name].project
    return Question(
        contract=known[name],
        others=fleet.bought(project),
        guaranteed=fleet.guaranteed(project),
        gpu_types={node.path: node.gpu_type for node in fleet.nodes},
        now_ms=max(controller.clock(), controller.store.last_ms),
    )


def statement(reader: Reader, asked: Question) -> Statement:
    """The contract until now: paid, used, not used. From any thread."""
    sold = [
        Sold(
            name=each.name,
            gpu_type=each.gpu_type,
            gpus=each.gpus,
            from_ms=each.from_ms,
            until_ms=each.until_ms,
            usd_per_gpu_hour=each.usd_per_gpu_hour,
        )
        for each in asked.others
    ]
    held = [_held(row, asked) for row in _attempts(reader, asked)]
    found = statements(sold, held, asked.guaranteed, asked.now_ms)
    return next(each for each in found if each.name == asked.contract.name)


def _attempts(reader: Reader, asked: Question) -> Sequence[Row[Any]]:
    """Of the project and what is below it, since this contract began."""
    project = asked.contract.project
    below = JOBS.c.project.startswith(f"{project}/", autoescape=True)
    query = (
        select(ATTEMPTS.c.start_ms, ATTEMPTS.c.end_ms, ATTEMPTS.c.nodes, JOBS.c.spec)
        .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
        .where(or_(JOBS.c.project == project, below))
        .where(or_(ATTEMPTS.c.end_ms.is_(None), ATTEMPTS.c.end_ms > asked.contract.from_ms))
    )
    return reader.rows(query)


def _held(row: Row[Any], asked: Question) -> Held:
    parts = parts_by_node(msgspec.convert(row.spec, JobSpec), len(row.nodes))
    gpus: dict[str, float] = {}
    for path, part in zip(row.nodes, parts, strict=False):
        # A node that an earlier factory file had is of the type the job asked for, if any.
        gpu_type = asked.gpu_types.get(path) or part.resources.gpu_type or ""
        gpus[gpu_type] = gpus.get(gpu_type, 0.0) + part.resources.gpus_per_node
    until_ms = INSTANT_MS_MAX if row.end_ms is None else row.end_ms
    return Held(from_ms=row.start_ms, until_ms=until_ms, gpus=gpus)
