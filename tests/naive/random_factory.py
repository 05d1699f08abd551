"""Random factories that drive the kernels and the naive scheduler through the same events."""

from dataclasses import dataclass, field
from random import Random

from arkwright import sched
from arkwright.sched import codes
from arkwright.sched.draw import draw
from arkwright.sched.schedule import Decisions, cycle_with, notices_of
from arkwright.sched.work import workspace
from naive import policies
from naive import scheduler as naive
from naive.random_quota import (
    BUDGETS,
    give_quotas,
    make_pledged_so,
    random_quota_event,
    random_quota_rows,
    with_quota,
)
from naive.windows import Window

POLICIES = {
    sched.RANDOM: policies.Random,
    sched.FIRST_FIT: policies.FirstFit,
    sched.BEST_FIT: policies.BestFit,
    sched.DOT_PRODUCT: policies.DotProduct,
    sched.GPU_PACKING: policies.GpuPacking,
    sched.GPU_CLUSTERING: policies.GpuClustering,
    sched.FGD: policies.Fgd,
    sched.ARKWRIGHT: policies.Arkwright,
}

QUICK = (sched.BEST_FIT, sched.ARKWRIGHT)
"""Those of them that the quick checks try as well."""


@dataclass
class Pair:
    """One factory twice: arrays, and lists and dicts. `log` is every event so far."""

    state: sched.State
    nodes: sched.Nodes
    rows: sched.Rows
    placing: sched.Placing
    factory: naive.Factory
    shapes: list[sched.Shape]
    log: list[sched.Event] = field(default_factory=list)
    now_ms: int = 0
    eviction: sched.Eviction | None = None
    announces: int = 0
    """How often limits are announced, against eight submits."""
    looks_min: int = 1
    """From which look on the kernels use what they have summed up."""
    reserves: int = 0
    """How often nodes are reserved."""
    windows: int = 0
    """How many have been."""
    quotas: int = 0
    """How often guarantees, periods and unseen use change."""
    whole: int = 0
    """All GPUs, where guarantees are to be large parts of them."""

    def apply(self, event):
        self.state = sched.apply(self.state, event)
        self.log.append(event)

    def rebuilt(self):
        """The state after every event so far, from nothing."""
        state = sched.empty(self.nodes, self.rows, self.placing, self.eviction)
        for event in self.log:
            state = sched.apply(state, event)
        return state

    def active(self):
        return [job.index for job in self.factory.active()]

    def in_state(self, state):
        return [job.index for job in self.factory.jobs if job.state == state]


def random_pair(
    random: Random, placing=None, has_quotas=None, forms=True, eviction=None, sells=False
) -> Pair:
    """A mixed factory, or one of equal nodes in which jobs get in each other's way all the time."""
    placing = placing or sched.Placing()
    busy = random.random() < 0.6
    n_nodes = random.randint(2, 8) if busy else random.randint(1, 12)
    n_levels = random.randint(0, 3)
    domain = [[node // (2 * 2**level) for node in range(n_nodes)] for level in range(n_levels)]
    nodes = sched.Nodes(
        domain=domain,
        pool=[int(not busy and random.random() < 0.15) for _ in range(n_nodes)],
        gpu_type=[int(not busy and random.random() < 0.5) for _ in range(n_nodes)],
        site=[0 if busy else node * 2 // n_nodes for node in range(n_nodes)],
        gpu_milli=[random.choice([4000, 8000]) for _ in range(n_nodes)],
        cpu_milli=[random.choice([8000, 16000]) for _ in range(n_nodes)],
        memory_mib=[random.choice([1000, 2000]) for _ in range(n_nodes)],
    )
    power = random.random() < 0.5
    if power:
        nodes = nodes._replace(row=_power_rows(random, n_nodes))
    total = sum(nodes.gpu_milli)
    limits = [random.choice([-1, total // 2, total * 3 // 4, total]) for _ in range(4)]
    watts = [random.choice([-1, 100 * n_nodes, 250 * n_nodes]), *_row_watts(random, n_nodes)]
    tree = sched.Rows(parent=[-1, 0, 0, -1, -1, 4, 4, 5], limit=limits + watts)
    has_quotas = random.random() < 0.5 if has_quotas is None else has_quotas
    if has_quotas:
        tree = random_quota_rows(random, tree, total)
    shape = _busy_shape if busy else _random_shape
    shapes = [shape(random, n_nodes, n_levels, len(limits)) for _ in range(5)]
    if power:
        asked = [0, 50, 100, 100, 150, 300]
        shapes = [shape._replace(watts=random.choice(asked)) for shape in shapes]
    if forms:
        shapes = [_with_form(random, shape, n_levels) for shape in shapes]
    if has_quotas:
        shapes = [with_quota(random, shape, sells) for shape in shapes]
    if eviction:
        tree = tree._replace(guarantee=random_guarantees(random, limits) + [-1] * 4)
        if eviction.defragment and n_levels > 0 and random.random() < 0.7:
            shapes = _shapes_in_the_way(random)
        shapes = [random_standing(random, shape) for shape in shapes]
    shapes = list(dict.fromkeys(shapes))
    sized = shapes if eviction else with_sizes(random, shapes, n_nodes)
    shapes = with_groups(random, sized)
    plain = _plain_nodes(nodes, power)
    plain_policy = POLICIES[placing.policy](placing.seed, placing.typical, draw)
    if placing == sched.Placing():
        plain_policy = None
    factory = naive.Factory(plain, tree.parent, tree.limit, plain_policy, shapes)
    give_quotas(factory, tree)
    state = sched.empty(nodes, tree, placing, eviction)
    pair = Pair(state, nodes, tree, placing, factory, shapes, eviction=eviction)
    factory.eviction = eviction
    factory.row_guarantee = list(tree.guarantee) or factory.row_guarantee
    for shape in shapes:
        pair.apply(sched.add_class(0, shape))
    factory.gpus_told_apart = bool(pair.state.gpus_kept[0])
    pair.announces = random.choice([0, 0, 2])
    pair.looks_min = random.choice([1, 1, 4])
    pair.reserves = random.choice([0, 0, 2])
    pair.quotas = random.choice([0, 1, 3]) if has_quotas else 0
    return pair


def _plain_nodes(nodes: sched.Nodes, power) -> list[naive.Node]:
    return [
        naive.Node(
            [level[i] for level in nodes.domain],
            nodes.pool[i],
            nodes.gpu_type[i],
            nodes.site[i],
            (nodes.gpu_milli[i], nodes.cpu_milli[i], nodes.memory_mib[i]),
            nodes.row[i] if power else -1,
        )
        for i in range(len(nodes.pool))
    ]


def with_sizes(random: Random, shapes, n_nodes) -> list[sched.Shape]:
    """Some gangs are elastic: the larger sizes of a shape are classes of their own before it."""
    found: list[sched.Shape] = []
    for shape in shapes:
        larger = -1
        if shape.nodes < n_nodes and random.random() < 0.2:
            for nodes in range(min(n_nodes, 3 * shape.nodes), shape.nodes, -shape.nodes):
                found.append(shape._replace(nodes=nodes, larger=larger))
                larger = len(found) - 1
        found.append(shape._replace(larger=larger))
    return found


def with_groups(random: Random, shapes) -> list[sched.Shape]:
    """Some gangs have other groups: each stands before the one it belongs to."""
    found = list(shapes)
    plain = [shape for shape in shapes if _may_be_group(shape)]
    for first in plain:
        if random.random() > 0.4:
            continue
        more = -1
        for other in random.choices(plain, k=random.choice([1, 1, 2])):
            nodes = random.choice([1, 1, other.nodes])
            type_row = random.choice([-1, first.type_row])
            row = first.row
            group = other._replace(nodes=nodes, row=row, type_row=type_row, more=more)
            found += [] if group in found else [group]
            more = found.index(group)
        found.append(first._replace(nodes=random.choice([1, first.nodes]), more=more))
    return found


def _may_be_group(shape) -> bool:
    has_form = shape.segment or shape.spread_level >= 0 or shape.rails or shape.larger >= 0
    return not has_form and shape.gpu_milli % 1000 == 0


def sizes_of(shapes, cls) -> list[sched.Shape]:
    """The sizes of an elastic gang, smallest first; one for any other."""
    sizes = [shapes[cls]]
    while sizes[-1].larger >= 0:
        sizes.append(shapes[sizes[-1].larger])
    return sizes


def random_placing(random: Random, policy) -> sched.Placing:
    """The policy with some typical shapes."""
    typical = [
        sched.Typical(
            gpu_milli=random.choice([0, 200, 500, 700, 1000, 1000, 2000, 4000]),
            cpu_milli=random.choice([0, 500, 1000, 3000, 8000]),
            weight=random.randint(1, 20),
            gpu_types=random.choice([-1, -1, 1, 2]),
        )
        for _ in range(random.randint(1, 4))
    ]
    return sched.Placing(policy, random.randrange(1000), typical)


def random_event(pair: Pair, random: Random) -> None:
    """One event, given to both."""
    kind = random.choices(
        [
            "submit",
            "end",
            "requeue",
            "hold",
            "release",
            "priority",
            "node",
            "limit",
            "stop",
            "run",
            "announce",
            "reserve",
            "quota",
            "saved",
        ],
        [
            *(8, 8, 1, 1, 1, 1, 1, 1, 1, 1),
            *(pair.announces, pair.reserves, pair.quotas, 2 if pair.eviction else 0),
        ],
    )[0]
    jobs = pair.factory.jobs
    active, queued, held = pair.active(), pair.in_state("queued"), pair.in_state("held")
    if kind == "submit":
        cls = random.randrange(len(pair.shapes))
        for _ in range(random.choice([1, 1, 3, 6])):
            submit_random(pair, random, cls=random.choice([cls, cls, None]))
    elif kind == "end" and active + queued + held:
        due = [job for job in active if expected_end_ms(pair, job) <= pair.now_ms]
        job = random.choice(due or active * 2 + queued + held)
        pair.apply(sched.end(pair.now_ms, job))
        pair.factory.leave(jobs[job], "done", pair.now_ms)
    elif kind == "requeue" and active:
        job = random.choice([job for job in active if jobs[job].told] or active)
        pair.apply(sched.requeue(pair.now_ms, job))
        pair.factory.leave(jobs[job], "queued", pair.now_ms)
    elif kind == "hold" and queued:
        job = random.choice(queued)
        pair.apply(sched.hold(pair.now_ms, job))
        pair.factory.unclaim(jobs[job])
        jobs[job].state = "held"
    elif kind == "release" and held:
        job = random.choice(held)
        pair.apply(sched.release(pair.now_ms, job))
        jobs[job].state = "queued"
    elif kind == "priority" and queued + held + active:
        job = random.choice(queued + held + active)
        value = random.randint(0, 3)
        pair.apply(sched.priority(pair.now_ms, job, value))
        jobs[job].priority = value
    elif kind == "node":
        node, state = random.randrange(len(pair.factory.nodes)), random.choice([0, 0, 0, 1, 2])
        pair.apply(sched.node_state(pair.now_ms, node, state))
        pair.factory.nodes[node].state = state
    elif kind == "limit" and pair.factory.row_limit:
        set_limit(pair, *_random_limit(pair, random))
    elif kind == "announce":
        (row, limit), at_ms = _random_limit(pair, random), pair.now_ms + random.randint(0, 40)
        if row in BUDGETS.values():
            return
        pair.apply(sched.announce(pair.now_ms, row, at_ms, limit))
        pair.factory.announced[at_ms, row] = limit
        if random.random() < 0.1:
            pair.apply(sched.withdraw(pair.now_ms, row, at_ms))
            del pair.factory.announced[at_ms, row]
    elif kind == "reserve":
        reserve_random(pair, random)
    elif kind == "quota":
        random_quota_event(pair, random)
    else:
        _event_of_active(pair, random, kind)


def _event_of_active(pair: Pair, random: Random, kind) -> None:
    active, jobs = pair.active(), pair.factory.jobs
    if kind in ("stop", "run"):
        starting = [job for job in active if pair.state.job_state[job] == sched.STARTING]
        if starting:
            job = random.choice(starting)
            event = sched.stop if kind == "stop" else sched.run
            pair.apply(event(pair.now_ms, job))
            jobs[job].stopping = kind == "stop"
    elif kind == "saved" and active:
        job = random.choice(active)
        if jobs[job].saved_ms <= pair.now_ms:
            pair.apply(sched.saved(pair.now_ms, job, pair.now_ms))
            jobs[job].saved_ms = pair.now_ms


def reserve_random(pair: Pair, random: Random) -> None:
    """Some nodes for a quota row or for nobody, now and then one that is given up again."""
    n_nodes = len(pair.factory.nodes)
    nodes = random.sample(range(n_nodes), min(n_nodes, random.choice([1, 1, 2])))
    from_ms = pair.now_ms + random.randint(0, 40)
    until_ms, row = from_ms + random.choice([1, 5, 20, 60]), random.choice([-1, 0, 1, 3])
    number, pair.windows = pair.windows, pair.windows + 1
    for node in nodes:
        pair.apply(sched.reserve(pair.now_ms, node, number, from_ms, until_ms, row))
    pair.factory.windows.append(Window(number, nodes, from_ms, until_ms, row))
    if random.random() < 0.3:
        gone = random.choice(pair.factory.windows)
        pair.apply(sched.unreserve(pair.now_ms, gone.number))
        pair.factory.windows.remove(gone)


def make_announced_so(pair: Pair, random: Random) -> None:
    """Limits whose time has come, most of them in time."""
    for (at_ms, row), limit in sorted(pair.factory.announced.items()):
        if at_ms <= pair.now_ms and random.random() < 0.8:
            set_limit(pair, row, limit)
    make_pledged_so(pair, random)


def set_limit(pair: Pair, row, limit) -> None:
    pair.apply(sched.row_limit(pair.now_ms, row, limit))
    pair.factory.row_limit[row] = limit
    for at_ms, other in list(pair.factory.announced):
        if other == row and at_ms <= pair.now_ms:
            del pair.factory.announced[at_ms, other]


def _random_limit(pair: Pair, random: Random):
    row = random.randrange(len(pair.factory.row_limit))
    amounts = [-1, 8000, 24000] if row < 4 or row >= 8 else [-1, 0, 300, 700]
    if row in BUDGETS.values():
        amounts = [-1, 0, 100, 500]
    return row, random.choice(amounts)


def expected_end_ms(pair: Pair, job) -> int:
    return pair.factory.jobs[job].expected_ms


def random_eviction(random: Random) -> sched.Eviction:
    """A policy that lets jobs be stopped, with bounds that sometimes bind."""
    return sched.Eviction(
        enabled=1,
        priority_gap=random.choice([1, 1, 2]),
        evictions_max=random.choice([0, 1, 2, 20]),
        run_min_ms=random.choice([0, 0, 5]),
        defragment=random.choice([0, 1]),
        moves_max=random.choice([1, 20]),
        tries=random.choice([1, 2, 8]),
        domains_max=random.choice([1, 2, 64]),
        candidates_max=random.choice([3, 1024, 1024]),
    )


def random_guarantees(random: Random, limits):
    return [random.choice([-1, 0, 8000, 16000]) for _ in limits]


def random_standing(random: Random, shape) -> sched.Shape:
    """The shape with a tier of its own, most of them preemptible."""
    return shape._replace(
        tier=random.choice([0, 1, 1, 2, 2]),
        preemptible=int(random.random() < 0.7),
        grace_ms=random.choice([0, 1, 3, 10]),
    )


def submit_random(pair: Pair, random: Random, duration_ms=None, priority=None, cls=None) -> None:
    cls = random.randrange(len(pair.shapes)) if cls is None else cls
    sizes = sizes_of(pair.shapes, cls)
    duration = random.choice([1, 3, 5, 10, 20, 30, 100]) if duration_ms is None else duration_ms
    rank = random.choice([0, 0, 0, 1, 2]) if priority is None else priority
    held = random.random() < 0.05
    pair.apply(sched.submit(pair.now_ms, cls, duration, rank, held=held))
    pair.factory.submit(pair.shapes[cls], duration, rank, pair.now_ms, held, sizes)


def decide_both(pair: Pair, mode=sched.EASY, kernels=sched.INTERPRETED):
    """One cycle on each; what each decided. The real state gets the decisions as events."""
    draft = sched.copy(pair.state)
    work = workspace(draft, pair.looks_min)
    out = sched.room(draft)
    count = cycle_with(draft, work, pair.now_ms, out, mode, kernels)
    found = Decisions(out[:count].tolist(), notices_of(work))
    decided = [(job, list(sched.nodes_of(draft, job))) for job in found.starts]
    gpus = {job: sched.gpus_of(draft, job) for job in found.starts}
    for job, nodes in decided:
        pair.apply(sched.start(pair.now_ms, job, nodes, gpus[job]))
    for notice in found.notices:
        pair.apply(sched.notified(draft, pair.now_ms, notice))
    if not decided and not found.notices and mode in (sched.EASY, sched.CONSERVATIVE):
        pair.state = draft  # as the live loop does: the draft remembers what is blocked
    else:
        assert sched.same(draft, pair.state)
    theirs = pair.factory.cycle(pair.now_ms, mode)
    if not pair.eviction:
        return decided, theirs
    return [*decided, *_as_told(draft, found)], [*theirs, *pair.factory.notices]


def _as_told(draft, found):
    words = {codes.UNCLAIM: "unclaim", codes.CLAIM: "claim", codes.PREEMPT: "preempt"}
    for notice in found.notices:
        about = (words[notice.kind], notice.job)
        if notice.kind == codes.CLAIM:
            yield (*about, sched.claimed_by(draft, notice.job))
        elif notice.kind == codes.PREEMPT:
            yield (*about, notice.claimant, notice.why)
        else:
            yield about


def _power_rows(random: Random, n_nodes):
    """Rows 5 and 6 are halves of row 4, row 7 is a rack of row 5; not every node counts watts."""
    if random.random() < 0.5:
        return [random.choice([-1, 4, 5, 6, 7]) for _ in range(n_nodes)]
    return [5 if 2 * node < n_nodes else 6 for node in range(n_nodes)]


def _row_watts(random: Random, n_nodes):
    return [random.choice([-1, 100 * (n_nodes // 2), 300, 450]) for _ in range(3)]


def _busy_shape(random: Random, n_nodes, n_levels, n_rows) -> sched.Shape:
    return sched.Shape(
        nodes=random.choice([1, 1, 2, random.randint(1, n_nodes)]),
        gpu_milli=random.choice([1000, 2000, 4000, 4000, 300, 600]),
        level_required=random.choice([-1, -1, *range(n_levels)]),
        row=random.choice([-1, -1, random.randrange(n_rows)]),
    )


def _shapes_in_the_way(random: Random):
    """Single nodes, and gangs that need two in the smallest domain: there is room, not there."""
    single = [sched.Shape(1, random.choice([2000, 4000, 4000, 600])) for _ in range(2)]
    gangs = [sched.Shape(2, random.choice([2000, 4000]), level_required=0) for _ in range(2)]
    return [*single, *gangs, sched.Shape(1, 4000, row=random.randint(0, 3))]


def _random_shape(random: Random, n_nodes, n_levels, n_rows) -> sched.Shape:
    level = random.choice([-1, *range(n_levels)])
    required = random.random() < 0.6
    return sched.Shape(
        nodes=random.choice([1, 1, 2, 3, random.randint(1, n_nodes)]),
        gpu_milli=random.choice([0, 250, 500, 700, 1000, 4000, 8000]),
        cpu_milli=random.choice([0, 0, 1000, 8000]),
        memory_mib=random.choice([0, 0, 500]),
        gpu_type=random.choice([-1, -1, 0, 1]),
        pool=random.choice([-1, 0b01, 0b11]),
        level_required=level if required else -1,
        level_preferred=-1 if required else level,
        sites=random.choice([-1, -1, 1, 2]),
        row=random.randrange(-1, n_rows),
        gpu_types=random.choice([-1, -1, -1, 1, 2, 3]),
    )


def _with_form(random: Random, shape: sched.Shape, n_levels) -> sched.Shape:
    """Some gangs come in segments, some are spread, some want the same GPUs on every node."""
    form = random.choice(["none", "none", "none", "segments", "spread", "rails"])
    if n_levels and form == "segments":
        size = random.choice([1, 2, 2, 3, -1, -2, -3])
        shape = shape._replace(segment=size, segment_level=random.randrange(n_levels))
    if n_levels and form == "spread":
        shape = shape._replace(spread_level=random.randrange(n_levels))
    if shape.gpu_milli >= 1000 and (form == "rails" or random.random() < 0.05):
        shape = shape._replace(rails=1)
    return shape
