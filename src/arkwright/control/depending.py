"""What a job says it depends on, with ids for the names a person wrote."""

from __future__ import annotations

from msgspec import structs

from arkwright.control.naming import indices_of, named
from arkwright.control.refusals import Conflict, NotFound
from arkwright.control.store import Reader
from arkwright.control.users import Identity
from arkwright.jobs.array import array_shape, indices_text
from arkwright.jobs.dependencies import When, dependencies, written
from arkwright.jobs.dependencies import named as names_in
from arkwright.jobs.spec import JobSpec


def with_ids(
    reader: Reader, identity: Identity, spec: JobSpec
) -> tuple[JobSpec, list[tuple[str, str, str]]]:
    """The job with every dependency by id; and key, finding and advice for what is not there.

    Only jobs that were accepted before have an id, so no job can wait for itself, in no circle.
    """
    wrong: list[tuple[str, str, str]] = []
    items: list[str] = []
    for place, item in enumerate(spec.depends_on):
        key = f"depends_on[{place}]"
        needed = dependencies((item,))
        ids: dict[str, str] = {}
        for name in names_in(needed):
            try:
                found = named(reader, identity, name)
            except (NotFound, Conflict) as error:
                wrong.append((key, str(error), "give the id of a job that was submitted"))
                continue
            ids[name] = found.id
        for each in needed:
            for one in each.conditions:
                if one.when is When.AFTER_CORR and one.job in ids:
                    wrong += _without_partner(reader, key, spec, ids[one.job])
        items += written(needed, ids)
    return structs.replace(spec, depends_on=tuple(items)), wrong


def _without_partner(
    reader: Reader, key: str, spec: JobSpec, other: str
) -> list[tuple[str, str, str]]:
    """Tasks of `spec` for which the array `other` has none of the same index."""
    try:
        there = indices_of(reader, other)
    except NotFound:
        return [(key, f"{other} is no array", "use afterok, or name an array")]
    alone = [index for index in array_shape(spec.array or "0").indices if index not in there]
    if not alone:
        return []
    found = f"{other} has no task {indices_text(alone)}"
    return [(key, found, f"its tasks are {indices_text(there)}")]
