"""Scratch arrays of one cycle: never part of the state, meaningless between cycles."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from arkwright.sched.codes import ARKWRIGHT, FGD
from arkwright.sched.eviction import ENABLED, TRIES
from arkwright.sched.state import Ints, State

# Places in `Work.result`.
HEAD: Final = 0
SHADOW_MS: Final = 1
LONGEST_MS: Final = 2

# Places in `Work.told`.
NOTICES: Final = 0
TRIED: Final = 1

# Columns of a notice, of which `Work.notice` is a flat table.
NOTICE_KIND: Final = 0
NOTICE_JOB: Final = 1
NOTICE_CLAIMANT: Final = 2
NOTICE_WHY: Final = 3
NOTICE_COLUMNS: Final = 4

# `Work.class_within_ms` of a class none of whose jobs may start in this cycle.
CLOSED: Final = -1


class Work(NamedTuple):
    """Axes: n_nodes, n_domains (of the level that has most), n_rows, n_steps, n_classes."""

    result: Ints
    """[3]: the head that holds a reservation (-1 none), its shadow time, and how long a job may
    last to get a reservation where the last that was tried could not."""
    fit: Ints
    """[n_nodes]: candidate nodes of the placement under way."""
    chosen: Ints
    """[n_nodes]: the nodes it took, ascending."""
    node_rank: Ints
    """[n_nodes]: 0 for nodes to take first, 1 for the others; beats best fit."""
    node_fits: Ints
    """[n_nodes]: while releases are replayed, whether the head may use it and whether it fits."""
    domain_offer: Ints
    """[n_domains]: while releases are replayed, how many nodes of a domain would serve the head."""
    domain_fit: Ints
    domain_free: Ints
    """[n_domains]: how many candidates lie in a domain, and the milli-GPU free on them."""
    score: Ints
    """[n_nodes]: what the placement policy gives the candidates."""
    seen_moves: Ints
    seen_score: Ints
    """[n_classes * n_nodes], or empty: scores found before, good while the node has not moved."""
    aside: Ints
    """[n_nodes]: 1 where the head's reservation lies."""
    shadow_each: Ints
    """[n_gpus]: free at the shadow time GPU by GPU, the head not counted."""
    shadow_gpu_milli: Ints
    shadow_cpu_milli: Ints
    shadow_memory_mib: Ints
    """[n_nodes]: free at the shadow time; then what is left there beside the head."""
    beside_gpu_milli: Ints
    beside_cpu_milli: Ints
    beside_memory_mib: Ints
    """[n_nodes]: what a job that outlasts the shadow time may take now."""
    row_used: Ints
    """[n_rows]: used at the shadow time."""
    row_spare: Ints
    """[n_rows]: what jobs that outlast the shadow time may still add."""
    row_left: Ints
    """[n_rows]: what the rows above nodes leave the placement under way."""
    row_taken: Ints
    """[n_rows]: scratch of the placement under way, all zero between uses."""
    row_limit_then: Ints
    """[n_rows]: limits at the instant of the replay, then at the shadow time."""
    step_left: Ints
    """[n_steps]: what the row has left when the step comes, after all expected to hold it then."""
    class_within_ms: Ints
    """[n_classes]: how long a job of the class may last to be tried; BIG any, CLOSED none."""
    class_candidate: Ints
    """[n_classes]: the class's next job to try, -1 none."""
    placed: Ints
    claimed: Ints
    """[n_nodes]: where the gang goes without the set of victims tried last, and the cheapest."""
    told: Ints
    """[2]: how many notices the cycle wrote, and how many jobs looked for victims."""
    notice: Ints
    """What the cycle decided besides starts, in order: UNCLAIM, CLAIM, PREEMPT, a row each."""


def workspace(state: State) -> Work:
    """Room for one cycle on this state."""
    n_nodes, n_rows = len(state.node_state), len(state.row_limit)
    n_domains = int(state.node_domain.max()) + 1 if state.node_domain.size else 1
    n_classes = int(state.class_count[0])
    sizes = {"result": 3, "row_used": n_rows, "row_spare": n_rows}
    sizes |= {"row_left": n_rows, "row_taken": n_rows, "domain_offer": n_domains}
    sizes |= {"domain_fit": n_domains, "domain_free": n_domains}
    n_seen = n_classes * n_nodes if state.policy[0] in (FGD, ARKWRIGHT) else 0
    n_seen *= int(len(state.typical_weight) > 0)
    sizes |= {"shadow_each": len(state.gpu_milli_free), "seen_moves": n_seen, "seen_score": n_seen}
    sizes |= {"row_limit_then": n_rows, "step_left": len(state.step_at_ms)}
    notices = len(state.job_state) + n_nodes + int(state.eviction[TRIES])
    notices *= int(state.eviction[ENABLED] != 0 or state.claim_count[0] > 0)
    sizes |= {"told": 2, "notice": NOTICE_COLUMNS * notices}
    sizes |= {"class_within_ms": n_classes, "class_candidate": n_classes}
    return Work(*[np.zeros(sizes.get(name, n_nodes), np.int64) for name in Work._fields])
