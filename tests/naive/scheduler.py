"""A slow, obvious scheduler: the rules of docs/scheduler.md in lists and dicts, no kernel code.

Every free amount is summed anew from the running jobs, every queue is sorted anew, every shadow
time is found by trying each instant. It is what the kernels of `arkwright.sched` must equal.
"""

from dataclasses import dataclass, field

EASY, STRICT, GREEDY = 0, 1, 2
INFINITE = 10**18


@dataclass
class Node:
    domains: list[int]
    pool: int
    gpu_type: int
    site: int
    total: tuple[int, int, int]
    state: int = 0


@dataclass
class Job:
    index: int
    shape: object  # anything with the fields of arkwright.sched.Shape
    priority: int
    submit_ms: int
    seq: int
    duration_ms: int
    state: str = "queued"  # held, queued, active, done
    start_ms: int = -1
    nodes: list[int] = field(default_factory=list)
    gpus: dict[int, list[int]] = field(default_factory=dict)  # node -> GPUs of it

    def order(self):
        return (-self.priority, self.submit_ms, self.seq, self.index)

    def demand(self):
        return (self.shape.gpu_milli, self.shape.cpu_milli, self.shape.memory_mib)


@dataclass
class Reservation:
    head: Job
    shadow_ms: int
    nodes: list[int]
    spare: dict[int, tuple[int, int, int]]  # left at the shadow time beside the head, per node
    row_spare: dict[int, int]
    gpus: dict[int, list[int]]  # free at the shadow time, the head not counted


class Factory:
    def __init__(self, nodes, row_parent, row_limit, policy=None):
        self.policy = policy  # naive.policies; None is Arkwright's without typical shapes
        self.nodes = nodes
        self.row_parent = list(row_parent)
        self.row_limit = list(row_limit)
        self.jobs = []

    def active(self):
        return [job for job in self.jobs if job.state == "active"]

    def cycle(self, now_ms, mode=EASY):
        """Start what may start; returns [(job index, nodes)] in order."""
        started = []
        reservation = None
        queue = sorted((job for job in self.jobs if job.state == "queued"), key=Job.order)
        for job in queue:
            nodes = self.nodes_for(job, now_ms, reservation)
            if nodes is not None:
                self.start(job, nodes, now_ms)
                started.append((job.index, nodes))
                if reservation and now_ms + job.duration_ms > reservation.shadow_ms:
                    self.take_spare(reservation, job)
            elif reservation is None and mode != GREEDY:
                reservation = self.reserve(job, now_ms)
                if reservation and mode == STRICT:
                    break
        return started

    def nodes_for(self, job, now_ms, reservation):
        free, used = self.left(self.active())
        gpus = self.gpus_left(self.active())
        scores = self.scores(job, gpus, free)
        if not self.rows_admit(job.shape, used):
            return None
        if reservation is None:
            return self.place(job, free, gpus, scores, rank=lambda node: 0)
        if now_ms + job.duration_ms <= reservation.shadow_ms:
            rank = lambda node: node not in reservation.nodes  # noqa: E731
            return self.place(job, free, gpus, scores, rank)
        asked = job.shape.nodes * job.shape.gpu_milli
        if any(asked > reservation.row_spare.get(row, INFINITE) for row in self.path(job.shape)):
            return None
        beside = [
            tuple(map(min, free[node], reservation.spare.get(node, (INFINITE,) * 3)))
            for node in range(len(free))
        ]

        def keeps_head(node):
            """The head is still served at the shadow time beside the GPUs the job would get."""
            if node not in reservation.gpus:
                return True
            left = list(reservation.gpus[node])
            for gpu in self.pick_gpus(job, node, gpus[node], free[node]):
                left[gpu] -= min(job.shape.gpu_milli, 1000)
            return serves(reservation.head.shape, left)

        rank = lambda node: node not in reservation.nodes  # noqa: E731
        return self.place(job, beside, gpus, scores, rank, keeps_head)

    def reserve(self, head, now_ms):
        """The first instant at which the head fits when running jobs end as expected."""

        def end_ms(job):
            return max(job.start_ms + job.duration_ms, now_ms + 1)

        free_now, _ = self.left(self.active())
        gpus_now = self.gpus_left(self.active())
        for instant in sorted({end_ms(job) for job in self.active()}):
            running = [job for job in self.active() if end_ms(job) > instant]
            free, used = self.left(running)
            gpus = self.gpus_left(running)

            def rank(node):
                return self.node_admits(head, node, free_now[node], gpus_now[node])

            nodes = self.place(head, free, gpus, self.scores(head, gpus, free), rank)
            if nodes is not None and self.rows_admit(head.shape, used):
                spare = {
                    node: tuple(a - b for a, b in zip(free[node], head.demand(), strict=True))
                    for node in nodes
                }
                asked = head.shape.nodes * head.shape.gpu_milli
                row_spare = {
                    row: self.row_limit[row] - used[row] - asked
                    for row in self.path(head.shape)
                    if self.row_limit[row] >= 0
                }
                then = {node: gpus[node] for node in nodes}
                return Reservation(head, instant, nodes, spare, row_spare, then)
        return None

    def take_spare(self, reservation, job):
        for node in job.nodes:
            if node in reservation.spare:
                left = reservation.spare[node]
                reservation.spare[node] = tuple(
                    a - b for a, b in zip(left, job.demand(), strict=True)
                )
                for gpu in job.gpus[node]:
                    reservation.gpus[node][gpu] -= min(job.shape.gpu_milli, 1000)
        for row in self.path(job.shape):
            if row in reservation.row_spare:
                reservation.row_spare[row] -= job.shape.nodes * job.shape.gpu_milli

    def place(self, job, free, gpus, scores, rank, keeps_head=lambda node: True):
        """Whole gang in the smallest domain, best score; None when it does not fit."""
        shape = job.shape
        fit = [
            n
            for n in range(len(self.nodes))
            if self.node_admits(job, n, free[n], gpus[n]) and keeps_head(n)
        ]
        if shape.nodes == 1 and self.policy:
            return self.best(fit, 1, free, scores, rank) if fit else None
        if shape.level_required >= 0:
            levels = list(range(shape.level_required + 1))
        elif shape.level_preferred >= 0:
            levels = list(range(len(self.nodes[0].domains)))
        else:
            levels = []
        for level in levels:
            domains = {}
            for node in fit:
                domains.setdefault(self.nodes[node].domains[level], []).append(node)
            large = [
                (sum(free[n][0] for n in members), domain)
                for domain, members in domains.items()
                if len(members) >= shape.nodes
            ]
            if large:
                return self.best(domains[min(large)[1]], shape.nodes, free, scores, rank)
        if shape.level_required >= 0 or len(fit) < shape.nodes:
            return None
        return self.best(fit, shape.nodes, free, scores, rank)

    def best(self, candidates, count, free, scores, rank):
        def around(node):
            if not self.nodes[node].domains:
                return 0
            mine = self.nodes[node].domains[0]
            return sum(free[n][0] for n in candidates if self.nodes[n].domains[0] == mine)

        key = {n: (rank(n), -scores[n], free[n][0], around(n), n) for n in candidates}
        if self.policy and not self.policy.breaks_ties:
            key = {n: (rank(n), -scores[n], n) for n in candidates}
        return sorted(sorted(candidates, key=key.get)[:count])

    def node_admits(self, job, index, free, gpus):
        node, shape = self.nodes[index], job.shape
        return (
            node.state == 0
            and shape.pool in (-1, node.pool)
            and shape.gpu_type in (-1, node.gpu_type)
            and (shape.sites >> node.site) & 1 == 1
            and (shape.gpu_types >> node.gpu_type) & 1 == 1
            and serves(shape, gpus)
            and all(asked <= left for asked, left in zip(job.demand(), free, strict=True))
        )

    def rows_admit(self, shape, used):
        asked = shape.nodes * shape.gpu_milli
        return all(
            self.row_limit[row] < 0 or used[row] + asked <= self.row_limit[row]
            for row in self.path(shape)
        )

    def left(self, running):
        """Free amounts per node and used amounts per row when just these jobs run."""
        free = [list(node.total) for node in self.nodes]
        used = [0] * len(self.row_limit)
        for job in running:
            for node in job.nodes:
                for resource, asked in enumerate(job.demand()):
                    free[node][resource] -= asked
            for row in self.path(job.shape):
                used[row] += job.shape.nodes * job.shape.gpu_milli
        return [tuple(amounts) for amounts in free], used

    def gpus_left(self, running):
        """Free milli-GPU of every GPU, node by node, when just these jobs run."""
        left = [[1000] * (node.total[0] // 1000) for node in self.nodes]
        for job in running:
            for node, gpus in job.gpus.items():
                for gpu in gpus:
                    left[node][gpu] -= min(job.shape.gpu_milli, 1000)
        return left

    def scores(self, job, gpus, free):
        if self.policy is None:
            return [0] * len(self.nodes)
        return [
            self.policy.score(self, job, n, gpus[n], free[n])
            if self.node_admits(job, n, free[n], gpus[n])
            else None
            for n in range(len(self.nodes))
        ]

    def pick_gpus(self, job, node, gpus, free):
        """Whole ones: lowest first. A fraction: the policy's choice, else the fullest that fits."""
        asked = job.shape.gpu_milli
        if asked == 0 or asked >= 1000:
            whole = [gpu for gpu, left in enumerate(gpus) if left == 1000]
            return whole[: asked // 1000]
        fit = [gpu for gpu, left in enumerate(gpus) if left >= asked]
        if self.policy and self.policy.picks_gpu:
            return [min(fit, key=lambda gpu: self.policy.gpu_key(self, job, node, gpu, gpus, free))]
        return [min(fit, key=lambda gpu: gpus[gpu])]

    def path(self, shape):
        row, rows = shape.row, []
        while row >= 0:
            rows.append(row)
            row = self.row_parent[row]
        return rows

    def submit(self, shape, duration_ms, priority, submit_ms, held=False):
        index = len(self.jobs)
        job = Job(index, shape, priority, submit_ms, index, duration_ms)
        job.state = "held" if held else "queued"
        self.jobs.append(job)

    def start(self, job, nodes, now_ms):
        free, _ = self.left(self.active())
        gpus = self.gpus_left(self.active())
        job.gpus = {n: self.pick_gpus(job, n, gpus[n], free[n]) for n in nodes}
        job.state, job.nodes, job.start_ms = "active", nodes, now_ms

    def leave(self, job, state):
        job.state, job.nodes, job.start_ms = state, [], -1
        job.gpus = {}


def serves(shape, gpus):
    """Whether these GPUs of a node hold its share: fully free ones, or one with enough left."""
    if shape.gpu_milli == 0:
        return True
    if shape.gpu_milli < 1000:
        return max(gpus, default=0) >= shape.gpu_milli
    return gpus.count(1000) * 1000 >= shape.gpu_milli
