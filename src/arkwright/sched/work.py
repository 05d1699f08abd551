"""Scratch arrays of one cycle: never part of the state, meaningless between cycles."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from arkwright.sched.codes import ARKWRIGHT, FGD
from arkwright.sched.eviction import ENABLED, TRIES
from arkwright.sched.state import Ints, State

# Places in `Work.result`.
HEAD: Final = 0
SHADOW_MS: Final = 1
LONGEST_MS: Final = 2
ASIDE: Final = 3
LOOKS_MIN: Final = 4
HEAD_BLOCK: Final = 5
GANG_PART: Final = 6
FEW_MAX: Final = 7
REPLAYED: Final = 8
TOUCHED: Final = 9
SHADOW_SEEN: Final = 10
FORESEEN_HEAD: Final = 11
FORESEEN_MS: Final = 12
UPSETS: Final = 13
RANKED: Final = 14
RESULT_FIELDS: Final = 15

# Values of `Work.node_fits`.
FITS_NOW: Final = 1
FITS_THEN: Final = 2

LOOKS_DEFAULT: Final = 4
"""Summing costs as much as a few walks; a class that is refused at once never pays for it."""

FEW_DEFAULT: Final = 32
"""Up to so many domains of a level are looked at one by one; a tree pays for more."""

STRIP_NODES: Final = 4
"""Nodes of a strip on average, at least: going through shorter ones takes more than it saves."""

INDEX_ENTRIES: Final = 1 << 24
"""What the sums of all demands may take together [numbers of 8 bytes]."""

ASK: Final = (
    "gpu_milli",
    "cpu_milli",
    "memory_mib",
    "gpu_type",
    "gpu_types",
    "pool",
    "sites",
    "watts",
)
"""Fields of `Shape` that tell which nodes would serve a class, and which rows refuse them."""

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
    """[15]: the head that holds a reservation (-1 none), its shadow time, and how long a job may
    last to get a reservation where the last that was tried could not; how many nodes are set aside;
    how often a demand is asked for before `index` keeps sums for it; the block of GPUs
    the head would hold (see `rails`); whether one group of several is being placed; up to how
    many domains `index` looks at one by one; 1 and the class for whose head `node_fits` stands;
    how many entries `touched` has, and 1 and how much of `State.moved_count` `shadow_*` have seen;
    1 and the job whose shadow time was found last, that time, and how often until then something
    came otherwise than foreseen; whether `node_fits` tells which nodes rank behind others.
    """
    fit: Ints
    """[n_nodes]: candidate nodes of the placement under way."""
    run_ms: Ints
    """[2]: from when and until when the placement under way would hold its nodes; an empty run asks
    what is free now, whoever it is kept for later."""
    barred: Ints
    """[n_nodes]: scratch, all zero between uses."""
    chosen: Ints
    """[n_nodes]: the nodes it took, ascending; of a gang of groups, group after group."""
    gang_node: Ints
    """[n_nodes]: while the groups of a gang are placed, 1 where this one may not go."""
    gang_chosen: Ints
    """[n_nodes]: what the groups before it took."""
    node_rank: Ints
    """[n_nodes]: 1 for nodes free now while those of a head of groups are chosen, else zero; beats
    best fit."""
    node_fits: Ints
    """[n_nodes]: while releases are replayed, FITS_NOW or FITS_THEN where the head fits."""
    domain_offer: Ints
    """[n_domains]: while releases are replayed, how many nodes of a domain would serve the head."""
    domain_fit: Ints
    domain_free: Ints
    """[n_domains]: how many candidates lie in a domain, and the milli-GPU free on them."""
    segment_whole: Ints
    segment_rest: Ints
    segment_left: Ints
    """[n_domains]: full segments in a domain, the largest rest beside them; nodes, else zero."""
    score: Ints
    """[n_nodes]: what the placement policy gives the candidates."""
    seen_moves: Ints
    seen_score: Ints
    """[n_classes * n_nodes], or empty: scores found before, good while the node has not moved."""
    touched: Ints
    """[n_nodes]: nodes whose `shadow_*` are not what is free now."""
    aside_node: Ints
    """[n_nodes]: the nodes that are set aside."""
    aside: Ints
    """[n_nodes]: where the head's reservation lies, 1 and the class whose share it holds there."""
    shadow_each: Ints
    """[n_gpus]: free at the shadow time GPU by GPU, the head not counted."""
    shadow_gpu_milli: Ints
    shadow_cpu_milli: Ints
    shadow_memory_mib: Ints
    """[n_nodes]: free at the shadow time; then, where it is set aside, what is left there."""
    beside_gpu_milli: Ints
    beside_cpu_milli: Ints
    beside_memory_mib: Ints
    """[n_nodes]: where it is set aside, what a job that outlasts the shadow time may take now."""
    row_used: Ints
    """[n_rows]: used at the shadow time; then also by the head and what started to outlast it."""
    row_spare: Ints
    """[n_rows]: what jobs that outlast the shadow time may still add above their nodes."""
    row_left: Ints
    """[n_rows]: what the rows above nodes leave the placement under way."""
    row_owed: Ints
    """[n_rows]: GPU time of budgets that is kept for the head."""
    row_taken: Ints
    """[n_rows]: scratch of the placement under way, all zero between uses."""
    row_limit_then: Ints
    row_kept_then: Ints
    """[n_rows]: limits, and what rows keep, at the instant of the replay, then at the shadow time.
    """
    step_left: Ints
    """[n_steps * n_rows]: what the rows that a step binds have left when it comes, after all
    expected to hold them then; BIG elsewhere."""
    step_within: Ints
    """[n_steps * n_rows]: what each row then has left of what it keeps for itself."""
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

    # What `index` keeps for n_asks asks (what a class wants of a node) and n_demands demands (an
    # ask and how many nodes); `class_ask` and `class_demand` are -1 where it keeps nothing.
    class_ask: Ints
    class_demand: Ints
    ask_seen: Ints
    """[n_asks]: how much of `State.moved_count` its sums have seen; -1 there are none."""
    ask_looks: Ints
    ask_count: Ints
    """[n_asks]: how many nodes would serve it."""
    ask_tight: Ints
    """[n_asks]: how many rows could refuse some node."""
    ask_free: Ints
    """[n_asks, n_nodes]: milli-GPU free of the nodes that would serve it, -1 of the others."""
    ask_fit: Ints
    ask_sum: Ints
    """[n_asks, domains of all levels]: how many nodes would serve it, and the free on them."""
    ask_under: Ints
    ask_row_tight: Ints
    """[n_asks, n_rows]: nodes under the row that would serve it; 1 when it has not room for all."""
    demand_seen: Ints
    """[n_demands, n_levels]: how much of `State.moved_count` a level's tournament has seen."""
    demand_least: Ints
    """[n_demands, trees of all levels]: the tournaments; a level's starts at `level_tree`."""
    level_tree: Ints
    """[n_levels + 1]."""
    level_most: Ints
    """[n_levels]: nodes of the largest domain."""
    strip: Ints
    """[2]: a level whose domains are strips of nodes side by side, by which nodes that fit are
    looked for, -1 none; and one whose domains are bands of such strips, or the strips themselves.
    """
    strip_fits: Ints
    band_fits: Ints
    """[n_strips], [n_bands]: in how many nodes of a strip, or a band, `node_fits` is set."""


def workspace(
    state: State,
    looks_min: int = LOOKS_DEFAULT,
    few_max: int = FEW_DEFAULT,
    strip_nodes: int = STRIP_NODES,
) -> Work:
    """Room for cycles on this state, and on no other: it keeps what it has learned of the nodes.

    From the look number `looks_min` a class takes at nodes on, `index` keeps sums for it, and trees
    where a level has more than `few_max` domains. Strips have `strip_nodes` on average, or more.
    """
    n_nodes, n_rows = len(state.node_state), len(state.row_limit)
    n_domains = int(state.node_domain.max()) + 1 if state.node_domain.size else 1
    n_classes = int(state.class_count[0])
    sizes = {"result": RESULT_FIELDS, "row_used": n_rows, "row_spare": n_rows, "run_ms": 2}
    sizes |= {"row_left": n_rows, "row_taken": n_rows, "domain_offer": n_domains}
    sizes["row_owed"] = n_rows
    sizes |= {"domain_fit": n_domains, "domain_free": n_domains}
    sizes |= dict.fromkeys(("segment_whole", "segment_rest", "segment_left"), n_domains)
    n_seen = n_classes * n_nodes if state.policy[0] in (FGD, ARKWRIGHT) else 0
    n_seen *= int(len(state.typical_weight) > 0)
    sizes |= {"shadow_each": len(state.gpu_milli_free), "seen_moves": n_seen, "seen_score": n_seen}
    sizes |= {"row_limit_then": n_rows, "row_kept_then": n_rows}
    sizes |= {"step_left": len(state.step_at_ms) * n_rows}
    sizes |= {"step_within": len(state.step_at_ms) * n_rows}
    notices = len(state.job_state) + n_nodes + int(state.eviction[TRIES])
    notices *= int(state.eviction[ENABLED] != 0 or state.claim_count[0] > 0)
    sizes |= {"told": 2, "notice": NOTICE_COLUMNS * notices}
    sizes |= {"class_within_ms": n_classes, "class_candidate": n_classes}
    index = _index_columns(state, n_nodes, n_rows, strip_nodes)
    work = Work(
        *[
            index[name] if name in index else np.zeros(sizes.get(name, n_nodes), np.int64)
            for name in Work._fields
        ]
    )
    work.result[LOOKS_MIN] = looks_min
    work.result[FEW_MAX] = few_max
    return work


def _index_columns(state: State, n_nodes: int, n_rows: int, strip_nodes: int) -> dict[str, Ints]:
    """Room for the sums of as many demands as the budget holds; the system gives memory on use."""
    n_places = int(state.level_first[-1])
    n_levels = len(state.node_domain)
    sizes = [1 << max(int(count) - 1, 0).bit_length() for count in np.diff(state.level_first)]
    level_tree = np.cumsum([0, *(2 * size for size in sizes)], dtype=np.int64)
    each = n_nodes + 2 * n_places + int(level_tree[-1]) + 2 * n_rows
    most = INDEX_ENTRIES // max(each, 1)
    class_demand, n_demands = _numbered(state, (*ASK, "nodes"), most)
    class_ask, n_asks = _numbered(state, ASK, most)
    shapes = {
        "ask_looks": (n_asks,),
        "ask_count": (n_asks,),
        "ask_tight": (n_asks,),
        "ask_free": (n_asks, n_nodes),
        "ask_fit": (n_asks, n_places),
        "ask_sum": (n_asks, n_places),
        "ask_under": (n_asks, n_rows),
        "ask_row_tight": (n_asks, n_rows),
        "demand_least": (n_demands, int(level_tree[-1])),
    }
    columns = {name: np.zeros(shape, np.int64) for name, shape in shapes.items()}
    nodes_of_place = np.diff(state.domain_first)
    level_most = [
        int(nodes_of_place[first:last].max(initial=0))
        for first, last in pairwise(state.level_first.tolist())
    ]
    strip = _strip_level(state, strip_nodes)
    band = _band_level(state, strip)
    return columns | {
        "class_ask": np.where(class_demand < 0, -1, class_ask),
        "class_demand": class_demand,
        "ask_seen": np.full(n_asks, -1, np.int64),
        "demand_seen": np.full((n_demands, n_levels), -1, np.int64),
        "level_tree": level_tree,
        "level_most": np.array(level_most, np.int64),
        "strip": np.array([strip, band], np.int64),
        "strip_fits": np.zeros(_domains(state, strip), np.int64),
        "band_fits": np.zeros(_domains(state, band), np.int64),
    }


def _strip_level(state: State, strip_nodes: int) -> int:
    """The level with most domains of those with so many nodes on average, or more."""
    best, most = -1, 0
    for level, domain in enumerate(state.node_domain):
        count = _domains(state, level)
        if most < count <= len(domain) // strip_nodes and bool(np.all(np.diff(domain) >= 0)):
            best, most = level, count
    return best


def _band_level(state: State, strip: int) -> int:
    """The level above the strips with so many domains that bands and strips of a band together are
    fewest; the strips' own where no level holds each of them whole."""
    if strip < 0:
        return strip
    best, strips = strip, _domains(state, strip)
    is_within = np.diff(state.node_domain[strip]) == 0
    for level in range(strip + 1, len(state.node_domain)):
        step = np.diff(state.node_domain[level])
        is_nested = bool(np.all(step >= 0)) and not step[is_within].any()
        count = _domains(state, level)
        now = _domains(state, best)
        if is_nested and count + strips / count < now + strips / now:
            best = level
    return best


def _domains(state: State, level: int) -> int:
    """How many domains the level has; none where there is no such level."""
    return int(state.level_first[level + 1] - state.level_first[level]) if level >= 0 else 0


def _numbered(state: State, fields: tuple[str, ...], most: int) -> tuple[Ints, int]:
    """Number the classes by these fields, -1 beyond the first `most`; how many there are."""
    count = int(state.class_count[0])
    asked = [getattr(state, f"class_{name}")[:count].tolist() for name in fields]
    numbers: dict[tuple[int, ...], int] = {}
    found = [numbers.setdefault(one, len(numbers)) for one in zip(*asked, strict=True)]
    number = np.array(found, np.int64)
    number[number >= most] = -1
    return number, min(len(numbers), most)
