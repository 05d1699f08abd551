"""A slow, obvious scheduler: the rules of docs/scheduler.md in lists and dicts, no kernel code.

Every free amount is summed anew from the running jobs, every queue is sorted anew, every shadow
time is found by trying each instant. It is what the kernels of `arkwright.sched` must equal.
"""

from dataclasses import dataclass, field

from naive import contracts, groups, quota, rails, segments, spread
from naive.budgets import Budgets
from naive.eviction import Eviction
from naive.shares import Shares
from naive.windows import is_open

EASY, STRICT, GREEDY, CONSERVATIVE = 0, 1, 2, 3
INFINITE = 10**18


@dataclass
class Node:
    domains: list[int]
    pool: int
    gpu_type: int
    site: int
    total: tuple[int, int, int]
    row: int = -1
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
    sizes: list[object] = field(default_factory=list)  # shapes of an elastic gang, smallest first
    expected_ms: int = -1  # the end
    saved_ms: int = -1
    stopping: bool = False
    told: int = 0  # EVICTED or MOVED while it stops for another
    claimant: "Job" = None
    claim: list[int] = field(default_factory=list)  # nodes kept for it
    evictions: int = 0
    moves: int = 0

    def order(self):
        return (-self.priority, self.submit_ms, self.seq, self.index)

    def demand(self):
        return demand(self.shape)


@dataclass
class Reservation:
    head: Job
    shadow_ms: int
    nodes: list[int]
    spare: dict[int, tuple[int, int, int]]  # left at the shadow time beside the head, per node
    row_spare: dict[int, int]
    shapes: list[object]  # that hold quota at the shadow time, the head and what joins it included
    gpus: dict[int, list[int]]  # free at the shadow time, the head not counted
    block: int  # of GPUs that the head would hold on every node, where it asks for rails


class Factory(Eviction):
    def __init__(self, nodes, row_parent, row_limit, policy=None, classes=()):
        self.policy = policy  # naive.policies; None is Arkwright's without typical shapes
        self.nodes = nodes
        self.row_parent = list(row_parent)
        self.row_limit = list(row_limit)
        self.row_kept = [0] * len(self.row_limit)
        self.budgets = Budgets(self, {})
        self.shares = Shares(self, 0, [1] * len(self.row_limit))
        self.row_guarantee = [-1] * len(self.row_limit)
        self.eviction = None  # arkwright.sched.Eviction
        self.gpus_told_apart = True
        self.announced = {}  # (at_ms, row): limit
        self.pledged = {}  # (at_ms, row): (guarantee, kept)
        self.windows = []  # naive.windows
        self.jobs = []
        self.classes = classes  # shapes, where groups find each other
        self.ends_before = {}  # of those told to stop in this cycle

    def active(self):
        return [job for job in self.jobs if job.state == "active"]

    def cycle(self, now_ms, mode=EASY):
        """Start what may start; returns [(job index, nodes)] in order."""
        if mode == CONSERVATIVE:
            from naive import conservative  # which builds on this module

            return conservative.cycle(self, now_ms)[0]
        started = []
        while True:
            claims = len(self.claimants())
            reservation = self.go_through_queue(now_ms, mode, started)
            if len(self.claimants()) == claims:
                break
        self.notices = self.evict(now_ms, mode == STRICT, reservation)
        return started

    def go_through_queue(self, now_ms, mode, started):
        """Ends early when a job with a claim starts: what it barred is open to those before it."""
        reservation = None
        queue = [job for job in self.jobs if job.state == "queued"]
        while queue:
            usage = self.shares.usage()
            job = min(queue, key=lambda job: (self.shares.order(job, *usage), job.order()))
            queue.remove(job)
            nodes, had_claim = self.nodes_for(job, now_ms, reservation), bool(job.claim)
            if nodes is not None:
                nodes = self.largest_size(job, nodes, now_ms, reservation)
                self.start(job, nodes, now_ms)
                started.append((job.index, nodes))
                if had_claim:
                    break
                if reservation and now_ms + job.duration_ms > reservation.shadow_ms:
                    self.take_spare(reservation, job)
            elif reservation is None and mode != GREEDY:
                reservation = self.reserve(job, now_ms)
                if reservation and mode == STRICT:
                    break
        return reservation

    def largest_size(self, job, nodes, now_ms, reservation):
        """Grow an elastic gang size by size while the next one fits; it keeps the last that did."""
        for shape in job.sizes[1:]:
            fitted, job.shape = job.shape, shape
            more = self.nodes_for(job, now_ms, reservation)
            if more is None:
                job.shape = fitted
                break
            nodes = more
        return nodes

    def nodes_for(self, job, now_ms, reservation):
        free, used = self.left(self.active())
        gpus = self.gpus_left(self.active())
        scores = self.scores(job, gpus, free)
        end_ms = now_ms + job.duration_ms
        room = [self.room(used, self.row_limit), self.ahead(now_ms, -1, end_ms, reservation)]
        frames = [(self.shapes(self.active()), self.limits_now(), self.row_kept)]
        frames += self.frames_ahead(now_ms, -1, end_ms, reservation)
        if reservation and end_ms > reservation.shadow_ms:
            limits = dict(enumerate(self.limits_at(reservation.shadow_ms, now_ms)))
            kept = contracts.kept_at(self, reservation.shadow_ms, now_ms)
            frames.append((reservation.shapes, limits, kept))
        ahead = [reservation.head] if reservation else []
        if not quota.fits(self, job.shape, frames) or not self.budgets.fits(job, ahead):
            return None

        def is_allowed(node, *_):
            return is_open(self, job.shape, node, now_ms, end_ms)

        if reservation is None:
            return self.place(job, free, gpus, scores, room, lambda node: 0, is_allowed)
        rank = lambda node: node not in reservation.nodes  # noqa: E731
        if end_ms <= reservation.shadow_ms:
            return self.place(job, free, gpus, scores, room, rank, is_allowed)
        room.append(reservation.row_spare)
        beside = [
            tuple(map(min, free[node], reservation.spare.get(node, (INFINITE,) * 3)))
            for node in range(len(free))
        ]

        def keeps_head(node, block):
            """The head is still served at the shadow time beside the GPUs the job would get."""
            if not is_allowed(node):
                return False
            if node not in reservation.gpus:
                return True
            left = list(reservation.gpus[node])
            for gpu in self.pick_gpus(job, node, gpus[node], free[node], block):
                left[gpu] -= min(job.shape.gpu_milli, 1000)
            head = groups.at(self, reservation.head.shape, reservation.nodes, node)
            if head.rails:
                return rails.has(head, left, reservation.block)
            return serves(head, left)

        return self.place(job, beside, gpus, scores, room, rank, keeps_head)

    def reserve(self, head, now_ms, beside=None):
        """The first instant at which the head fits when running jobs end as expected."""
        if not self.budgets.fits(head, []):
            return None
        free_now, _ = self.left(self.active())
        gpus_now = self.gpus_left(self.active())
        chain = groups.of(self, head.shape)
        ends = {self.end_ms(job, now_ms) for job in self.active()}
        changes = {at_ms for at_ms, _ in [*self.announced, *self.pledged]}
        changes |= {window.until_ms for window in self.windows}
        for instant in sorted(ends | {at_ms for at_ms in changes if at_ms > now_ms}):
            running = self.active_after(instant, now_ms)
            free, used = self.left(running)
            gpus = self.gpus_left(running)
            limits = self.limits_at(instant, now_ms)
            room = [
                self.room(used, limits),
                self.ahead(now_ms, instant, instant + head.duration_ms, beside),
            ]

            def rank(node):
                return groups.any_admits(self, head, chain, node, free_now[node], gpus_now[node])

            def is_allowed(node, *_, instant=instant):
                return is_open(self, head.shape, node, instant, instant + head.duration_ms)

            kept = contracts.kept_at(self, instant, now_ms)
            frames = [(self.shapes(running), dict(enumerate(limits)), kept)]
            frames += self.frames_ahead(now_ms, instant, instant + head.duration_ms, None)
            scores = self.scores(head, gpus, free)
            nodes, block = self.place_block(head, free, gpus, scores, room, rank, is_allowed)
            if nodes is not None and quota.fits(self, head.shape, frames):
                spare = {
                    node: tuple(a - b for a, b in zip(free[node], demand(group), strict=True))
                    for group, theirs in groups.parts(self, head.shape, nodes)
                    for node in theirs
                }
                row_spare = {
                    row: limits[row] - used[row] - asked
                    for row, asked in self.charges_of(head.shape, nodes).items()
                    if limits[row] >= 0
                }
                then = {node: gpus[node] for node in nodes}
                shapes = [*self.shapes(running), head.shape]
                return Reservation(head, instant, nodes, spare, row_spare, shapes, then, block)
        return None

    def end_ms(self, job, now_ms):
        return max(job.expected_ms, now_ms + 1)

    def active_after(self, instant, now_ms):
        return [job for job in self.active() if self.end_ms(job, now_ms) > instant]

    def active_at_limit(self, at_ms, now_ms):
        """Who is expected to run then, as it was before this cycle told anybody to stop."""
        if at_ms <= now_ms:
            return self.active()
        ends = {job.index: job.expected_ms for job in self.active()} | self.ends_before
        return [job for job in self.active() if max(ends[job.index], now_ms + 1) > at_ms]

    def room(self, used, limits):
        return {row: limits[row] - used[row] for row in range(len(used)) if limits[row] >= 0}

    def limits_at(self, instant, now_ms):
        """An announced limit is in force from its time on; one that is late only when lower."""
        limits = list(self.row_limit)
        for (at_ms, row), limit in sorted(self.announced.items()):
            late_and_higher = at_ms <= now_ms and (limit < 0 or 0 <= limits[row] <= limit)
            if at_ms <= instant and not late_and_higher:
                limits[row] = limit
        return limits

    def ahead(self, now_ms, after_ms, end_ms, reservation):
        """What each row has left at the announced limits of a run, beside all expected then."""
        left = {}
        for (at_ms, row), limit in self.announced.items():
            if limit < 0 or not after_ms < at_ms < end_ms:
                continue
            used = self.left(self.active_at_limit(at_ms, now_ms))[1]
            head = reservation and reservation.head
            if head and reservation.shadow_ms <= at_ms < reservation.shadow_ms + head.duration_ms:
                used[row] += self.charges_of(head.shape, reservation.nodes).get(row, 0)
            left[row] = min(left.get(row, INFINITE), limit - used[row])
        return left

    def shapes(self, running):
        return [job.shape for job in running]

    def limits_now(self):
        return dict(enumerate(self.row_limit))

    def frames_ahead(self, now_ms, after_ms, end_ms, reservation):
        """What is announced for a run, each with what is expected to hold quota then."""
        found = [(at_ms, {row: limit}) for (at_ms, row), limit in self.announced.items()]
        found += [
            (at_ms, dict(enumerate(self.limits_at(at_ms, now_ms)))) for at_ms, _ in self.pledged
        ]
        frames = []
        for at_ms, limits in found:
            if after_ms < at_ms < end_ms:
                running = self.active_after(at_ms, now_ms) if at_ms > now_ms else self.active()
                head = reservation and reservation.head
                if head and 0 <= at_ms - reservation.shadow_ms < head.duration_ms:
                    running = [*running, head]
                kept = contracts.kept_at(self, at_ms, now_ms)
                frames.append((self.shapes(running), limits, kept))
        return frames

    def take_spare(self, reservation, job):
        reservation.shapes.append(job.shape)
        for node in job.nodes:
            if node in reservation.spare:
                left = reservation.spare[node]
                group = groups.at(self, job.shape, job.nodes, node)
                reservation.spare[node] = tuple(
                    a - b for a, b in zip(left, demand(group), strict=True)
                )
                for gpu in job.gpus[node]:
                    reservation.gpus[node][gpu] -= min(job.shape.gpu_milli, 1000)
        for row, asked in self.charges_of(job.shape, job.nodes).items():
            if row in reservation.row_spare:
                reservation.row_spare[row] -= asked

    def place(self, *args):
        """Whole gang in the smallest domain, best score; None when it does not fit."""
        return self.place_block(*args)[0]

    def place_block(self, job, free, gpus, scores, rooms, rank, keeps_head=lambda *_: True):
        if len(groups.of(self, job.shape)) > 1:
            return groups.place(self, job, free, gpus, scores, rooms, rank, keeps_head), 0
        return self.place_group(job, free, gpus, scores, rooms, rank, keeps_head)

    def place_group(self, job, free, gpus, scores, rooms, rank, keeps_head):
        for block in rails.blocks(self, job.shape):
            fit = [
                n
                for n in range(len(self.nodes))
                if self.node_admits(job, n, free[n], gpus[n])
                and (not job.shape.rails or rails.has(job.shape, gpus[n], block))
                and keeps_head(n, block)
            ]
            nodes = self.place_on(job, fit, free, scores, rooms, rank)
            if nodes is not None:
                return nodes, block
        return None, None

    def place_on(self, job, fit, free, scores, rooms, rank):
        shape = job.shape

        def row_left(row):
            return min(room.get(row, INFINITE) for room in rooms)

        def within_rows(nodes):
            """As many as the gang wants of these, in order, each if its rows have room for it."""
            taken = []
            for node in nodes:
                if len(taken) < shape.nodes and has_room(taken, node):
                    taken.append(node)
            return taken

        def has_room(taken, node):
            charges = self.charges(shape, [*taken, node])
            return all(
                asked <= row_left(row)
                for row, asked in charges.items()
                if row in self.path(self.nodes[node].row)
            )

        def choose(nodes):
            best = self.best_first(nodes, free, scores, rank)
            if spread.asked(shape):
                return sorted(spread.arrange(self, shape, best, free, has_room))
            return sorted(within_rows(best))

        def choose_segments(nodes):
            best = self.best_first(nodes, free, scores, rank)
            if segments.go_by_index(self, shape):
                best = sorted(nodes)
            chosen = segments.arrange(self, shape, best, free, has_room)
            return None if chosen is None else sorted(chosen)

        fit = [node for node in fit if within_rows([node])]
        if shape.nodes == 1 and self.policy:
            return self.best_first(fit, free, scores, rank)[:1] or None
        if shape.level_required >= 0:
            levels = list(range(shape.level_required + 1))
        elif shape.level_preferred >= 0:
            levels = list(range(len(self.nodes[0].domains)))
        else:
            levels = []
        if spread.asked(shape):
            levels = spread.levels(shape, len(self.nodes[0].domains))

        def smallest_domain(in_segments):
            for level in levels:
                domains = {}
                for node in fit:
                    domains.setdefault(self.nodes[node].domains[level], []).append(node)
                split = in_segments and level > shape.segment_level
                for _, domain in sorted(
                    (sum(free[n][0] for n in members), domain)
                    for domain, members in domains.items()
                    if len(within_rows(members)) == shape.nodes
                ):
                    chosen = (choose_segments if split else choose)(domains[domain])
                    if chosen:
                        return chosen
            if shape.level_required >= 0 or len(within_rows(fit)) < shape.nodes:
                return None
            return choose_segments(fit) if in_segments else choose(fit)

        found = smallest_domain(True) if shape.segment else None
        return found if found or shape.segment > 0 else smallest_domain(False)

    def best_first(self, candidates, free, scores, rank):
        def around(node):
            if not self.nodes[node].domains:
                return 0
            mine = self.nodes[node].domains[0]
            return sum(free[n][0] for n in candidates if self.nodes[n].domains[0] == mine)

        key = {n: (rank(n), -scores[n], free[n][0], around(n), n) for n in candidates}
        if self.policy and not self.policy.breaks_ties:
            key = {n: (rank(n), -scores[n], n) for n in candidates}
        return sorted(candidates, key=key.get)

    def node_admits(self, job, index, free, gpus):
        node, shape = self.nodes[index], job.shape
        return (
            node.state == 0
            and not self.claimed_by_another(job, index)
            and shape.pool >> node.pool & 1
            and shape.gpu_type in (-1, node.gpu_type)
            and (shape.sites >> node.site) & 1 == 1
            and (shape.gpu_types >> node.gpu_type) & 1 == 1
            and serves(shape, gpus)
            and all(asked <= left for asked, left in zip(job.demand(), free, strict=True))
        )

    def charges(self, shape, nodes):
        """What a gang on these nodes counts for above each node in watts; `quota` has the GPUs."""
        charges = {}
        for node in nodes if shape.watts else ():
            for row in self.path(self.nodes[node].row):
                charges[row] = charges.get(row, 0) + shape.watts
        return charges

    def charges_of(self, shape, nodes):
        """The same of a whole gang."""
        charges = {}
        for group, theirs in groups.parts(self, shape, nodes):
            for row, asked in self.charges(group, theirs).items():
                charges[row] = charges.get(row, 0) + asked
        return charges

    def left(self, running):
        """Free amounts per node and used amounts per row when just these jobs run."""
        free = [list(node.total) for node in self.nodes]
        used = [0] * len(self.row_limit)
        for job in running:
            for group, theirs in groups.parts(self, job.shape, job.nodes):
                for node in theirs:
                    for resource, asked in enumerate(demand(group)):
                        free[node][resource] -= asked
            for row, asked in self.charges_of(job.shape, job.nodes).items():
                used[row] += asked
        return [tuple(amounts) for amounts in free], used

    def gpus_left(self, running):
        """Free milli-GPU of every GPU, node by node, when just these jobs run."""
        left = [[1000] * (node.total[0] // 1000) for node in self.nodes]
        for job in running:
            for group, theirs in groups.parts(self, job.shape, job.nodes):
                for node in theirs:
                    for gpu in job.gpus[node]:
                        left[node][gpu] -= min(group.gpu_milli, 1000)
        return left

    def scores(self, job, gpus, free):
        chain = groups.of(self, job.shape)
        if len(chain) == 1:
            return self.scores_of_group(job, gpus, free)
        found = []
        for group in chain:
            with groups.as_group(job, group):
                found.append(self.scores_of_group(job, gpus, free))
        return found

    def scores_of_group(self, job, gpus, free):
        if self.policy is None:
            return [0] * len(self.nodes)
        return [
            self.policy.score(self, job, n, gpus[n], free[n])
            if self.node_admits(job, n, free[n], gpus[n])
            else None
            for n in range(len(self.nodes))
        ]

    def pick_gpus(self, job, node, gpus, free, block=None):
        """Whole: lowest first, or the block. A fraction: the policy's choice, else the fullest."""
        asked = job.shape.gpu_milli
        if job.shape.rails and block is not None:
            return list(rails.block(job.shape, block))
        if asked == 0 or asked >= 1000:
            whole = [gpu for gpu, left in enumerate(gpus) if left == 1000]
            return whole[: asked // 1000]
        fit = [gpu for gpu, left in enumerate(gpus) if left >= asked]
        if self.policy and self.policy.picks_gpu:
            return [min(fit, key=lambda gpu: self.policy.gpu_key(self, job, node, gpu, gpus, free))]
        return [min(fit, key=lambda gpu: gpus[gpu])]

    def path(self, row):
        rows = []
        while row >= 0:
            rows.append(row)
            row = self.row_parent[row]
        return rows

    def submit(self, shape, duration_ms, priority, submit_ms, held=False, sizes=()):
        index = len(self.jobs)
        job = Job(index, shape, priority, submit_ms, index, duration_ms)
        job.sizes = list(sizes)
        job.state = "held" if held else "queued"
        self.jobs.append(job)

    def start(self, job, nodes, now_ms):
        free, _ = self.left(self.active())
        gpus = self.gpus_left(self.active())
        block = rails.common(self, job.shape, gpus, nodes)
        job.gpus = {}
        for group, theirs in groups.parts(self, job.shape, nodes):
            with groups.as_group(job, group):
                for n in theirs:
                    job.gpus[n] = self.pick_gpus(job, n, gpus[n], free[n], block)
        job.state, job.nodes, job.start_ms = "active", nodes, now_ms
        self.shares.started(job, now_ms)
        job.expected_ms, job.saved_ms = now_ms + job.duration_ms, now_ms
        self.unclaim(job)

    def leave(self, job, state, now_ms):
        if job.state == "active":
            attempt = (groups.milli(self, job.shape), job.start_ms, now_ms)
            self.budgets.over.append((job.shape.row, *attempt))
            self.shares.ended(job, now_ms)
        if state == "queued" and job.told:
            job.evictions += job.told == 1
            job.moves += job.told == 2
        self.unclaim(job)
        job.stopping, job.told, job.claimant = False, 0, None
        job.state, job.nodes, job.start_ms = state, [], -1
        job.gpus = {}
        if job.sizes:
            job.shape = job.sizes[0]


def demand(shape):
    return (shape.gpu_milli, shape.cpu_milli, shape.memory_mib)


def serves(shape, gpus):
    """Whether these GPUs of a node hold its share: fully free ones, or one with enough left."""
    if shape.gpu_milli == 0:
        return True
    if shape.gpu_milli < 1000:
        return max(gpus, default=0) >= shape.gpu_milli
    return gpus.count(1000) * 1000 >= shape.gpu_milli
