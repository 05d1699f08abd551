"""Why a deferred job waits, in words: what it depends on, its time, its turn in its array."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from arkwright.control.book import ActiveJob
from arkwright.control.controller import Controller
from arkwright.control.naming import is_task_of
from arkwright.control.tables import JOBS
from arkwright.control.users import Identity
from arkwright.fleet import WaitReason
from arkwright.jobs.array import at_once, index_of, root_of, task_id
from arkwright.jobs.dependencies import Condition, When
from arkwright.units import parse_instant, render_instant

NAMED_MAX = 5
"""Dependencies that are named; of more only the number is said."""


def why_deferred(controller: Controller, identity: Identity, job: ActiveJob) -> WaitReason:
    """Codes `dependency`, `begin` and `array-limit`; the first that holds, all in the message.

    Runs on the loop's thread.
    """
    now_ms = max(controller.clock(), controller.store.last_ms)
    found: list[tuple[str, str]] = []
    numbers: dict[str, Any] = {}
    if needed := controller.deferral.unmet(job, now_ms):
        each = [
            " or ".join(_condition(controller, identity, job, one) for one in any_of.conditions)
            for any_of in needed[:NAMED_MAX]
        ]
        more = f", and {len(needed) - NAMED_MAX} more" if len(needed) > NAMED_MAX else ""
        found.append(("dependency", f"waits for {', and '.join(each)}{more}"))
        numbers["dependencies"] = len(needed)
    if job.spec.begin is not None and (begin_ms := parse_instant(job.spec.begin)) > now_ms:
        found.append(("begin", f"does not begin before {render_instant(begin_ms)}"))
        numbers["begin_ms"] = begin_ms
    if (limit := at_once(job.spec)) is not None:
        out = controller.deferral.out(root_of(job.id))
        if out >= limit:
            words = f"its array has at most {limit} of its tasks queued or running at once, and has"
            found.append(("array-limit", f"{words} {out}"))
            numbers |= {"limit": limit, "used": out}
    if not found:
        return WaitReason(code="queues-now", message="nothing holds it back any more", change="")
    message = "; ".join(words for _, words in found)
    return WaitReason(code=found[0][0], message=message, change="", numbers=numbers)


def _condition(
    controller: Controller, identity: Identity, job: ActiveJob, condition: Condition
) -> str:
    if condition.when is When.SINGLETON:
        eldest = controller.deferral.eldest_of(job)
        return f"{eldest}, an earlier job of the same name and user, to end"
    target = condition.job
    if condition.when is When.AFTER_CORR:
        target = task_id(target, index_of(job.id))
    row = controller.store.read().first(
        select(JOBS.c.name, JOBS.c.project).where((JOBS.c.id == target) | is_task_of(target))
    )
    if row is None or not identity.may_see(row.project):
        return f"a job of another project {_FOR[condition.when]}"
    fact = controller.deferral.fact(target)
    late = f" {condition.minutes} minutes ago" if condition.minutes else ""
    words = f", which {fact.words}," if fact.words else ""
    return f"{row.name} ({target}){words} {_FOR[condition.when]}{late}"


_FOR = {
    When.AFTER_OK: "to succeed",
    When.AFTER_CORR: "to succeed",
    When.AFTER_ANY: "to end",
    When.AFTER_NOT_OK: "to fail",
    When.AFTER: "to have begun",
}
