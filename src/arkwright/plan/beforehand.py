"""The plan of a tree that is decided beforehand, whatever becomes known.

The same outcomes in two stages are a programme of a quarter of the slots or fewer. Its plan can be
followed on the tree, so the tree is worth at least as much.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from arkwright.errors import InfeasibleError
from arkwright.plan.futures import Futures
from arkwright.plan.information import blind, everywhere
from arkwright.plan.outcome import evaluate
from arkwright.plan.progress import Search
from arkwright.plan.rollout import Rollout
from arkwright.plan.solution import Progress, Solution


def beforehand(
    solve: Callable[[Futures, Callable[[Progress], None]], Solution],
    futures: Futures,
    search: Search,
) -> Solution | None:
    """The two-stage solution, on the slots of the tree; None where none was found.

    Args:
        solve: futures and who is told, to a solution.
        futures: the tree.
        search: told of the progress, without bounds: those of two stages do not hold on a tree.
    """
    search.phase = "beforehand"

    def told(now: Progress) -> None:
        search.report(msgspec.structs.replace(now, phase="beforehand", bound=float("inf")))
        if search.interrupted:
            raise KeyboardInterrupt

    try:
        found = solve(blind(futures), told)
    except InfeasibleError:
        return None  # a tree may have a plan where two stages have none
    finally:
        search.phase = "policy"
    return found


def on_tree(rollout: Rollout, futures: Futures, found: Solution) -> Solution:
    """A two-stage solution with its schedules in the slots of a tree; its bound does not hold.

    No cuts are taken where it had its own: over all the slots they say less than the branches' own
    dispatch, and those of a dozen points nearly double the first linear programme.
    """
    schedule = everywhere(found.schedule, futures)
    return msgspec.structs.replace(
        found,
        schedule=schedule,
        outcome=evaluate(rollout, futures, schedule),
        bound=float("inf"),
        policy=everywhere(found.policy, futures),
        warm=(),
    )
