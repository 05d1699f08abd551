"""Why a job does not start: one code, its numbers, and the smallest change that would start it."""

from __future__ import annotations

from typing import NamedTuple

from arkwright.sched.codes import WAIT


class Reason(NamedTuple):
    """Integers only; `fleet` turns them into names and words. -1 where a field says nothing.

    `code` is one of the reason codes of `codes`. What the numbers mean with each:

    - NOT_ENOUGH_FREE: `asked` nodes, `free` nodes have room now.
    - TOPOLOGY: `asked` nodes in one domain of `level`; the fullest offer is `free` nodes.
    - QUOTA, NEVER_QUOTA: capacity row `row` has `used` of `limit`; the job asks `asked`.
    - POWER, NEVER_POWER: the gang asks `asked` watts; row `row` above its nodes has `used` of
      `limit`, and at most `free` of the gang's nodes fit together in one place.
    - LIMIT_AHEAD: at `at_ms` row `row` gets the limit `limit`, when `used` will still be held; the
      job would last past that and asks `asked`.
    - CONTRACT_AHEAD: from `at_ms` on row `row` keeps `limit`; the job would last past that, asks
      `asked`, and `free` would be left for it then.
    - BUDGET, NEVER_BUDGET: budget row `row` has `used` of `limit` GPU-milliseconds, the job would
      use `asked`; it may last `free` ms at most, and the period ends at `at_ms`.
    - SEGMENTS, NEVER_SEGMENTS: `asked` segments of `limit` nodes, each in one domain of `level`;
      `free` of them fit in one place that may hold the gang.
    - RAILS: `asked` nodes with the same `limit` milli-GPU free; `free` have them in one place.
    - RESERVED_WINDOW: `asked` nodes; window `window` of row `row` (-1: of nobody), from `at_ms`
      until `until_ms`, keeps all but `free` of those that would serve it.
    - RESERVED_FOR_HEAD: it would take what job `job` needs at `at_ms`: the head, or with
      conservative backfill the first in order whose place in the plan it would take.
    - BEHIND_HIGHER_PRIORITY: job `job` goes first.
    - NODES_DOWN: `asked` nodes, only `free` of the nodes that are up could ever serve it.
    - NEVER_NODE_TOO_SMALL: `asked` of `resource` per node, the largest node has `free`.
    - NEVER_TOO_MANY_NODES, NEVER_TOPOLOGY: `asked` nodes, at most `free` could ever fit.

    `change` and `to`: FEWER_NODES (a gang of `to` nodes), WEAKER_LEVEL (require level `to`, -1 for
    no level), SHORTER (expected to last at most `to` ms), LESS_PER_NODE (`to` of `resource`:
    0 milli-GPU, 1 milli-CPU, 2 MiB, 3 watts), RELEASE_IT, NODES_RETURN (`to` more), OTHER_NODES
    (another pool, type or site), SMALLER_SEGMENT (of `to` nodes, 0 for none), ANY_RAILS, WAIT
    (none).
    """

    code: int
    asked: int = -1
    free: int = -1
    level: int = -1
    row: int = -1
    used: int = -1
    limit: int = -1
    resource: int = -1
    job: int = -1
    at_ms: int = -1
    change: int = WAIT
    to: int = -1
    until_ms: int = -1
    window: int = -1
    group: int = -1
    """Of a gang of different nodes, the group that the numbers are about, from 0."""
