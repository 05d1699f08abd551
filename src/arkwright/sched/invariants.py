"""What must hold after every event, derived anew from the allocations alone."""

from __future__ import annotations

import numpy as np

from arkwright.sched import budget, order, together
from arkwright.sched.codes import (
    GPU_MILLI,
    GPU_MS,
    KEPT_STEP,
    QUEUED,
    RUNNING,
    STARTING,
    STOPPING,
)
from arkwright.sched.state import Ints, Shape, State, chain_of, groups_of, nodes_of, shape_of


def check(state: State) -> list[str]:
    """Sentences about what is violated; empty when all is well. O(nodes + jobs)."""
    wrong: list[str] = []
    free = {
        "gpu_milli": state.node_gpu_milli_total.copy(),
        "cpu_milli": state.node_cpu_milli_total.copy(),
        "memory_mib": state.node_memory_mib_total.copy(),
    }
    row_used = state.row_settled.copy()
    active = []
    for job in range(int(state.job_count[0])):
        if int(state.job_state[job]) in (STARTING, RUNNING, STOPPING):
            active.append(job)
            wrong += _charge(state, job, free, row_used)
        elif nodes_of(state, job):
            wrong.append(f"job {job} holds nodes {nodes_of(state, job)} but is not active")
    _count_kept(state, row_used)
    return (
        wrong
        + _check_nodes(state, free)
        + (_check_gpus(state, active) if state.gpus_kept[0] else [])
        + _check_rows(state, row_used)
        + _check_trees(state, active)
        + _check_claims(state)
    )


def over_after_cut(state: State) -> list[tuple[int, int, int]]:
    """Rows (row, used, limit) in which jobs still hold more than a limit that was cut below them.

    Not a violation: a cut ends nothing by itself, and nothing new starts in such a row.
    """
    used, limit = state.row_used.tolist(), state.row_limit.tolist()
    return [
        (row, used[row], limit[row])
        for row in range(len(used))
        if 0 <= limit[row] < used[row] and state.row_measure[row] != GPU_MS
    ]


def _charge(state: State, job: int, free: dict[str, Ints], row_used: Ints) -> list[str]:
    """Take the job's share out of `free`; its gang must be whole and where it may be."""
    wrong = []
    cls, nodes = int(state.job_class[job]), nodes_of(state, job)
    groups = groups_of(state, cls, nodes)
    asked = sum(int(state.class_nodes[group]) for group, _ in groups)
    if len(set(nodes)) != asked or len(nodes) != asked:
        wrong.append(f"job {job}: a gang of {asked} nodes holds {sorted(set(nodes))}")
    if len(groups) > 1 and len(set(state.node_site[list(nodes)].tolist())) > 1:
        wrong.append(f"job {job}: its groups are not in one site, on nodes {list(nodes)}")
    for group, theirs in groups:
        wrong += _charge_group(state, job, shape_of(state, group), tuple(theirs), free, row_used)
    row = int(state.class_row[cls])
    while row >= 0:
        own = int(state.row_budget[row])
        if own >= 0:
            row_used[own] += budget.expected(state, job, own)
        row = int(state.row_parent[row])
    return wrong


def _charge_group(
    state: State,
    job: int,
    shape: Shape,
    nodes: tuple[int, ...],
    free: dict[str, Ints],
    row_used: Ints,
) -> list[str]:
    """The same for one group of the gang, which most have alone; budgets count whole gangs."""
    wrong = []
    for node in nodes:
        for name, amount in free.items():
            amount[node] -= getattr(shape, name)
        site = int(state.node_site[node])
        if not (shape.sites >> site) & 1:
            wrong.append(f"job {job} runs on node {node} in site {site}, which it may not enter")
        if not (shape.pool >> int(state.node_pool[node])) & 1:
            wrong.append(f"job {job} of pools {shape.pool:b} runs on node {node} of another pool")
        if shape.gpu_type not in (-1, int(state.node_gpu_type[node])):
            wrong.append(f"job {job} wants GPU type {shape.gpu_type}; node {node} has another")
        if not (shape.gpu_types >> int(state.node_gpu_type[node])) & 1:
            wrong.append(f"job {job} runs on node {node}, whose GPU type it does not accept")
    if shape.level_required >= 0:
        domains = {int(state.node_domain[shape.level_required, node]) for node in nodes}
        if len(domains) > 1:
            wrong.append(f"job {job} must stay in one domain of level {shape.level_required}")
    wrong += _check_form(state, job, shape, nodes)
    for row in (shape.row, shape.type_row):
        if row >= 0:
            row_used[row] += shape.nodes * shape.gpu_milli
    charges = [(int(state.node_row[node]), shape.watts) for node in nodes]
    for row, asked in charges:
        while row >= 0:
            row_used[row] += asked
            row = int(state.row_parent[row])
    return wrong


def _check_form(state: State, job: int, shape: Shape, nodes: tuple[int, ...]) -> list[str]:
    """Segments that had to be are there; GPUs that had to be aligned are the same on every node."""
    wrong = []
    if shape.segment > 0:
        domains = state.node_domain[shape.segment_level, list(nodes)].tolist()
        counts = [domains.count(domain) for domain in sorted(set(domains))]
        cut = sorted(count % shape.segment for count in counts if count % shape.segment)
        whole = [shape.nodes % shape.segment] if shape.nodes % shape.segment else []
        if cut != whole:
            wrong.append(f"job {job} is not in segments of {shape.segment}: {counts} in a domain")
    if shape.rails:
        wide = shape.gpu_milli // 1000
        held = [
            tuple(np.flatnonzero(state.gpu_job[first:end] == job).tolist())
            for first, end in (state.node_gpu_first[node : node + 2].tolist() for node in nodes)
        ]
        start = held[0][0] if held and held[0] else 0
        if start % wide or set(held) != {tuple(range(start, start + wide))}:
            wrong.append(f"job {job} wants the same block of {wide} GPUs on every node: {held}")
    return wrong


def _count_kept(state: State, row_used: Ints) -> None:
    """Every quota row counts in its parent with what it uses or keeps, whichever is more."""
    for row in reversed(range(len(row_used))):
        above = int(state.row_parent[row])
        if state.row_measure[row] == GPU_MILLI and above >= 0:
            row_used[above] += max(row_used[row], state.row_kept[row])


def _check_nodes(state: State, free: dict[str, Ints]) -> list[str]:
    wrong = []
    for name, left in free.items():
        kept = getattr(state, f"node_{name}_free")
        for node in range(len(left)):
            if left[node] != kept[node]:
                wrong.append(f"node {node}: {name} free {kept[node]}, the jobs leave {left[node]}")
            if left[node] < 0:
                wrong.append(f"node {node}: {name} over-committed by {-left[node]}")
    return wrong


def _check_gpus(state: State, active: list[int]) -> list[str]:
    """Every share lies on GPUs of its node: whole ones alone, fractions within one GPU."""
    wrong = []
    left = [1000] * len(state.gpu_milli_free)
    for job in active:
        cls = int(state.job_class[job])
        for place, node in enumerate(nodes_of(state, job)):
            asked = int(state.class_gpu_milli[together.group_at(state, cls, place)])
            mine = range(int(state.node_gpu_first[node]), int(state.node_gpu_first[node + 1]))
            held = [gpu for gpu in mine if state.gpu_job[gpu] == job]
            shared = int(state.slot_gpu[int(state.job_slot[job]) + place])
            if 0 < asked < 1000:
                held = [shared] if shared in mine else []
            if len(held) != -(-asked // 1000):
                wrong.append(f"job {job}: asks {asked} milli-GPU of node {node}, holds GPUs {held}")
            for gpu in held:
                left[gpu] -= min(asked, 1000)
    for gpu, milli in enumerate(left):
        if milli != state.gpu_milli_free[gpu]:
            wrong.append(f"GPU {gpu}: {state.gpu_milli_free[gpu]} free, the jobs leave {milli}")
        if milli < 0:
            wrong.append(f"GPU {gpu}: over-committed by {-milli}")
    return wrong + [
        f"GPU {gpu} is held by job {state.gpu_job[gpu]}, which is not active"
        for gpu in np.flatnonzero(state.gpu_job >= 0).tolist()
        if int(state.gpu_job[gpu]) not in active
    ]


def _check_rows(state: State, row_used: Ints) -> list[str]:
    wrong = []
    for row in range(len(row_used)):
        if row_used[row] != state.row_used[row]:
            wrong.append(f"row {row}: used {state.row_used[row]}, the jobs use {row_used[row]}")
        if state.row_measure[row] == GPU_MS:
            continue  # a job past its estimate may overspend
        if state.row_limit[row] >= 0 and row_used[row] > state.row_ceiling[row]:
            wrong.append(f"row {row}: {row_used[row]} used of {state.row_ceiling[row]}")
    steps = slice(0, int(state.step_count[0]))
    columns = (state.step_at_ms, state.step_row, state.step_kind)
    calendar = list(zip(*(column[steps].tolist() for column in columns), strict=True))
    if calendar != sorted(set(calendar)):
        wrong.append(f"the calendar is not in order, one of a kind a row and time: {calendar}")
    for step, (at_ms, row, kind) in enumerate(calendar):
        kept, whole = int(state.step_limit[step]), int(state.step_guarantee[step])
        is_quota = bool(state.row_measure[row] == GPU_MILLI)
        if kind == KEPT_STEP and not (is_quota and 0 <= kept <= max(whole, 0)):
            wrong.append(f"row {row} will keep {kept} of a guarantee of {whole} from {at_ms} on")
    return wrong + _check_windows(state)


def _check_windows(state: State) -> list[str]:
    """Every entry keeps an existing node for an existing row, once, through some time."""
    wrong, seen = [], set()
    for entry in range(int(state.window_count[0])):
        window, node = int(state.window_id[entry]), int(state.window_node[entry])
        from_ms, until_ms = int(state.window_from_ms[entry]), int(state.window_until_ms[entry])
        row = int(state.window_row[entry])
        if (window, node) in seen or not 0 <= node < len(state.node_state):
            wrong.append(f"window {window} keeps node {node}, which it has twice or which is none")
        if not 0 <= from_ms < until_ms:
            wrong.append(f"window {window} is from {from_ms} until {until_ms}")
        if not -1 <= row < len(state.row_limit):
            wrong.append(f"window {window} is for row {row}; there are {len(state.row_limit)}")
        seen.add((window, node))
    return wrong


def _check_trees(state: State, active: list[int]) -> list[str]:
    """Queued jobs stand in the tree of their class, active ones in theirs, all in order."""
    wrong = []
    expected = sorted(active, key=lambda job: (int(state.job_key_first[job]), job))
    if _walk(state, int(state.active_root[0])) != expected:
        wrong.append("the tree of active jobs does not hold the active jobs in order")
    queued: dict[int, list[tuple[int, ...]]] = {}
    for job in range(int(state.job_count[0])):
        if int(state.job_state[job]) == QUEUED:
            key = (-state.job_priority[job], state.job_submit_ms[job], state.job_seq[job], job)
            queued.setdefault(int(state.job_class[job]), []).append(tuple(int(k) for k in key))
    for cls in range(int(state.class_count[0])):
        in_order = [key[-1] for key in sorted(queued.get(cls, []))]
        if _walk(state, int(state.class_root[cls])) != in_order:
            wrong.append(f"the queue of class {cls} does not hold its jobs in order")
    if sum(map(len, queued.values())) != state.queued_count[0]:
        wrong.append(f"{state.queued_count[0]} jobs counted as queued, {queued} are")
    return wrong


def _check_claims(state: State) -> list[str]:
    """Claims are of queued jobs, on nodes; whoever stops for one stops, had its grace, may be
    stopped, and is not more protected than the job it stops for."""
    wrong = []
    claimants = {job for job in state.node_claim.tolist() if job >= 0}
    victims: dict[int, list[int]] = {job: [] for job in claimants}
    for job in range(int(state.job_count[0])):
        is_told = state.job_told[job] != 0
        if is_told and int(state.job_state[job]) != STOPPING:
            wrong.append(f"job {job} was told to stop for another and is not stopping")
        if (state.job_told_ms[job] >= 0) != is_told:
            wrong.append(f"job {job}: told to stop at {state.job_told_ms[job]}, or not")
        if state.job_claimant[job] >= 0:
            victims.setdefault(int(state.job_claimant[job]), []).append(job)
            wrong += _check_victim(state, job, int(state.job_claimant[job]))
        if (state.job_victims[job] >= 0) != (job in claimants):
            wrong.append(f"job {job}: {state.job_victims[job]} stop for it, and its claim differs")
    for job, theirs in victims.items():
        if int(state.job_state[job]) != QUEUED:
            wrong.append(f"nodes are kept for job {job}, which does not wait")
        if state.job_victims[job] != len(theirs):
            wrong.append(f"job {job}: {state.job_victims[job]} stop for it, {theirs} do")
    for node in np.flatnonzero(state.node_claim >= 0).tolist():
        job = int(state.node_claim[node])
        chain = chain_of(state, int(state.job_class[job]))
        sites = [int(state.class_sites[group]) >> int(state.node_site[node]) & 1 for group in chain]
        if not any(sites):
            wrong.append(f"node {node} is kept for job {job}, which may not enter its site")
    if state.claim_count[0] != len(claimants):
        wrong.append(f"{state.claim_count[0]} claims counted, {sorted(claimants)} have one")
    return wrong


def _check_victim(state: State, victim: int, claimant: int) -> list[str]:
    wrong = []
    mine, theirs = state.job_class[claimant], state.job_class[victim]
    if not state.class_preemptible[theirs]:
        wrong.append(f"job {victim} stops for job {claimant} and is not preemptible")
    is_reclaimed = state.class_row[theirs] >= 0 and bool(np.any(state.row_guarantee >= 0))
    if state.class_tier[theirs] < state.class_tier[mine] and not is_reclaimed:
        wrong.append(f"job {victim} stops for job {claimant}, which is of a less protected tier")
    due_ms = state.job_told_ms[victim] + state.class_grace_ms[theirs]
    if state.job_key_first[victim] > due_ms:
        wrong.append(f"job {victim} was to end by {due_ms}, not by {state.job_key_first[victim]}")
    return wrong


def _walk(state: State, root: int) -> list[int]:
    jobs = []
    job = order.first(state, root)
    while job >= 0:
        jobs.append(int(job))
        job = order.following(state, job)
    return jobs
