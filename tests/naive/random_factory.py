"""Random factories that drive the kernels and the naive scheduler through the same events."""

from dataclasses import dataclass, field
from random import Random

from arkwright import sched
from arkwright.sched.draw import draw
from naive import policies
from naive import scheduler as naive
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
    announces: int = 0
    """How often limits are announced, against eight submits."""
    reserves: int = 0
    """How often nodes are reserved."""
    windows: int = 0
    """How many have been."""

    def apply(self, event):
        self.state = sched.apply(self.state, event)
        self.log.append(event)

    def active(self):
        return [job.index for job in self.factory.active()]

    def in_state(self, state):
        return [job.index for job in self.factory.jobs if job.state == state]


def random_pair(random: Random, placing=None) -> Pair:
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
    shape = _busy_shape if busy else _random_shape
    shapes = [shape(random, n_nodes, n_levels, len(limits)) for _ in range(5)]
    if power:
        asked = [0, 50, 100, 100, 150, 300]
        shapes = [shape._replace(watts=random.choice(asked)) for shape in shapes]
    shapes = list(dict.fromkeys(shapes))
    plain = [
        naive.Node(
            [level[i] for level in domain],
            nodes.pool[i],
            nodes.gpu_type[i],
            nodes.site[i],
            (nodes.gpu_milli[i], nodes.cpu_milli[i], nodes.memory_mib[i]),
            nodes.row[i] if power else -1,
        )
        for i in range(n_nodes)
    ]
    plain_policy = POLICIES[placing.policy](placing.seed, placing.typical, draw)
    if placing == sched.Placing():
        plain_policy = None
    factory = naive.Factory(plain, tree.parent, tree.limit, plain_policy)
    pair = Pair(sched.empty(nodes, tree, placing), nodes, tree, placing, factory, shapes)
    for shape in shapes:
        pair.apply(sched.add_class(0, shape))
    pair.announces = random.choice([0, 0, 2])
    pair.reserves = random.choice([0, 0, 2])
    return pair


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
        ],
        [8, 8, 1, 1, 1, 1, 1, 1, 1, 1, pair.announces, pair.reserves],
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
        pair.factory.leave(jobs[job], "done")
    elif kind == "requeue" and active:
        job = random.choice(active)
        pair.apply(sched.requeue(pair.now_ms, job))
        pair.factory.leave(jobs[job], "queued")
    elif kind == "hold" and queued:
        job = random.choice(queued)
        pair.apply(sched.hold(pair.now_ms, job))
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
        pair.apply(sched.announce(pair.now_ms, row, at_ms, limit))
        pair.factory.announced[at_ms, row] = limit
        if random.random() < 0.1:
            pair.apply(sched.withdraw(pair.now_ms, row, at_ms))
            del pair.factory.announced[at_ms, row]
    elif kind == "reserve":
        reserve_random(pair, random)
    elif kind in ("stop", "run"):
        starting = [job for job in active if pair.state.job_state[job] == sched.STARTING]
        if starting:
            event = sched.stop if kind == "stop" else sched.run
            pair.apply(event(pair.now_ms, random.choice(starting)))


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


def set_limit(pair: Pair, row, limit) -> None:
    pair.apply(sched.row_limit(pair.now_ms, row, limit))
    pair.factory.row_limit[row] = limit
    for at_ms, other in list(pair.factory.announced):
        if other == row and at_ms <= pair.now_ms:
            del pair.factory.announced[at_ms, other]


def _random_limit(pair: Pair, random: Random):
    row = random.randrange(len(pair.factory.row_limit))
    amounts = [-1, 8000, 24000] if row < 4 else [-1, 0, 300, 700]
    return row, random.choice(amounts)


def expected_end_ms(pair: Pair, job) -> int:
    return pair.factory.jobs[job].start_ms + pair.factory.jobs[job].duration_ms


def submit_random(pair: Pair, random: Random, duration_ms=None, priority=None, cls=None) -> None:
    cls = random.randrange(len(pair.shapes)) if cls is None else cls
    duration = random.choice([1, 3, 5, 10, 20, 30, 100]) if duration_ms is None else duration_ms
    rank = random.choice([0, 0, 0, 1, 2]) if priority is None else priority
    held = random.random() < 0.05
    pair.apply(sched.submit(pair.now_ms, cls, duration, rank, held=held))
    pair.factory.submit(pair.shapes[cls], duration, rank, pair.now_ms, held)


def decide_both(pair: Pair, mode=sched.EASY, kernels=sched.INTERPRETED):
    """One cycle on each; what each decided. The real state gets the decisions as events."""
    draft = sched.copy(pair.state)
    out = sched.room(draft)
    count = sched.cycle(draft, pair.now_ms, out, mode, kernels)
    decided = [(int(job), list(sched.nodes_of(draft, int(job)))) for job in out[:count]]
    gpus = {int(job): sched.gpus_of(draft, int(job)) for job in out[:count]}
    for job, nodes in decided:
        pair.apply(sched.start(pair.now_ms, job, nodes, gpus[job]))
    if not decided and mode in (sched.EASY, sched.CONSERVATIVE):
        pair.state = draft  # as the live loop does: the draft remembers what is blocked
    else:
        assert sched.same(draft, pair.state)
    return decided, pair.factory.cycle(pair.now_ms, mode)


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


def _random_shape(random: Random, n_nodes, n_levels, n_rows) -> sched.Shape:
    level = random.choice([-1, *range(n_levels)])
    required = random.random() < 0.6
    return sched.Shape(
        nodes=random.choice([1, 1, 2, 3, random.randint(1, n_nodes)]),
        gpu_milli=random.choice([0, 250, 500, 700, 1000, 4000, 8000]),
        cpu_milli=random.choice([0, 0, 1000, 8000]),
        memory_mib=random.choice([0, 0, 500]),
        gpu_type=random.choice([-1, -1, 0, 1]),
        pool=random.choice([-1, 0]),
        level_required=level if required else -1,
        level_preferred=-1 if required else level,
        sites=random.choice([-1, -1, 1, 2]),
        row=random.randrange(-1, n_rows),
        gpu_types=random.choice([-1, -1, -1, 1, 2, 3]),
    )
