"""Runs made up for the report: a small fleet with failures and a plain scheduler, seeded, so that
a page can be drawn and looked at without the twin; and a large one without any scheduler.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from msgspec import structs

from arkwright.twin.record import Attempts, Ending, Outages, Places, Record
from arkwright.twin.report import Jobs, Labels, Power, SitePower, Told

HOUR_MS = 3_600_000
FROM_MS = 1_803_859_200_000
"""2027-03-01 00:00 UTC."""


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def hand_made() -> Told:
    """Ten hours on two nodes of 4 GPUs in one rack. Job 0 (8 GPUs) is submitted at 0, starts at
    1 h, loses node 1 at 3 h with half an hour of work, starts again at 5 h and completes at 8 h.
    Job 1 (2 GPUs) starts at once and fails at 1 h. Job 2 never starts. Job 3 is withdrawn before
    it does. Node 1 is out from 3 h to 5 h.
    """
    h = HOUR_MS
    not_told = Labels(np.full(4, -1, dtype=np.int64))
    where = Places(
        ["s/h/r/a", "s/h/r/b"], ints(0, 0), ints(0, 0), ints(0, 0), ints(0, 0), ints(4, 4),
        ints(0, 0), ["s"], ["s/h"], ["s/h/row"], ["s/h/r"], ["gpu"],
    )  # fmt: skip
    attempts = Attempts(
        job=ints(1, 0, 0),
        start_ms=ints(0, 1 * h, 5 * h),
        end_ms=ints(1 * h, 3 * h, 8 * h),
        ending=ints(Ending.FAILED, Ending.NODE_FAILED, Ending.COMPLETED),
        lost_ms=ints(0, h // 2, 0),
        node_first=ints(0, 1, 3, 5),
        node=ints(0, 0, 1, 0, 1),
        gpu_milli=ints(2000, 4000, 4000, 4000, 4000),
    )
    out = Outages(ints(1), ints(3 * h), ints(5 * h), ints(0), ints(7), ["node"])
    jobs = Jobs(
        ids=np.array(["a", "b", "c", "d"], dtype=object),
        submit_ms=ints(0, 0, 4 * h, 4 * h),
        estimate_ms=ints(-1, -1, -1, -1),
        gpus_milli=ints(8000, 2000, 16000, 1000),
        project=not_told,
        pool=not_told,
        kind=not_told,
        outcome=Labels(ints(-1, -1, -1, 0), ("cancelled",)),
    )
    return Told(name="hand", record=Record(0, 10 * h, where, attempts, out, ""), jobs=jobs)


def nothing() -> Told:
    """The same fleet, with no job at all."""
    run = hand_made()
    jobs = run.jobs
    none = structs.replace(
        jobs,
        **{
            name: getattr(jobs, name)[:0]
            for name in ("ids", "submit_ms", "estimate_ms", "gpus_milli")
        },
        **{
            name: structs.replace(getattr(jobs, name), codes=ints())
            for name in ("project", "pool", "kind", "outcome")
        },
    )
    empty = Attempts(*(ints() for _ in range(5)), ints(0), ints(), ints())
    return structs.replace(run, jobs=none, record=run.record._replace(attempts=empty))


def places(
    sites: int = 2, halls: int = 4, racks: int = 14, trays: int = 9, gpus: int = 8
) -> Places:
    """`halls` per site, `racks` per hall in two rows, `trays` per rack."""
    path, site, hall, row, rack = [], [], [], [], []
    names = ["narvik", "porto", "turku", "galway"][:sites]
    hall_names, row_names, rack_names = [], [], []
    for s, name in enumerate(names):
        for h in range(halls):
            hall_names.append(f"{name}/h{h + 1}")
            for r in range(racks):
                if r in (0, (racks + 1) // 2):
                    row_names.append(f"{hall_names[-1]}/row{1 + (r > 0)}")
                rack_names.append(f"{hall_names[-1]}/r{r + 1:02}")
                for t in range(trays):
                    path.append(f"{rack_names[-1]}/t{t + 1:02}")
                    site.append(s)
                    hall.append(len(hall_names) - 1)
                    row.append(len(row_names) - 1)
                    rack.append(len(rack_names) - 1)
    n = len(path)
    ints = [np.array(column, dtype=np.int64) for column in (site, hall, row, rack)]
    full = np.full(n, gpus, dtype=np.int64)
    kinds = np.zeros(n, dtype=np.int64)
    return Places(path, *ints, full, kinds, names, hall_names, row_names, rack_names, ["h200"])


def jobs(
    count: int, gpus: int, hours: float, seed: int, load: float = 0.9
) -> tuple[Jobs, np.ndarray]:
    """Submissions with a daily swing, sizes of powers of two; and how long each truly runs [ms]."""
    rng = np.random.default_rng(seed)
    size = rng.choice([1, 1, 2, 4, 8, 8, 16, 32, 64, 128, 256], count)
    size = np.minimum(size, gpus // 4)
    run_h = np.exp(rng.normal(0.0, 1.4, count))
    run_h *= load * gpus * hours / (run_h * size).sum()
    run_ms = np.maximum(run_h * HOUR_MS, 60_000).astype(np.int64)
    hour = np.arange(int(hours * 4)) / 4
    swing = 1.2 + np.sin(2 * np.pi * (hour - 9) / 24)
    at = np.interp(np.sort(rng.random(count)), np.cumsum(swing) / swing.sum(), hour)
    projects = ("atlas/pretrain", "atlas/eval", "fjord/speech", "nordlys/climate", "uni/<course>")
    pick = rng.choice(len(projects), count, p=[0.35, 0.25, 0.2, 0.15, 0.05])
    told = Jobs(
        ids=np.array([f"j{n:06}" for n in range(count)], dtype=object),
        submit_ms=FROM_MS + (at * HOUR_MS).astype(np.int64),
        estimate_ms=(run_ms * rng.uniform(1.1, 3.0, count)).astype(np.int64),
        gpus_milli=size.astype(np.int64) * 1000,
        project=Labels(pick, projects),
        pool=Labels((size > 8).astype(np.int64), ("small", "large")),
        kind=Labels(np.zeros(count, dtype=np.int64), ("batch",)),
        outcome=Labels(rng.choice([0, 0, 0, 0, 1, 2], count), ("completed", "failed", "cancelled")),
    )
    return told, run_ms


def outages(where: Places, until_ms: int, count: int, seed: int) -> Outages:
    """Single nodes, and now and then a whole rack; spans of a node do not overlap."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, int, int, int]] = []
    free_from = np.zeros(len(where.path), dtype=np.int64)
    for failure, at in enumerate(np.sort(rng.integers(FROM_MS, until_ms, count))):
        node = int(rng.integers(len(where.path)))
        is_rack = failure % 12 == 5
        hit = np.flatnonzero(where.rack == where.rack[node]) if is_rack else np.array([node])
        back = min(until_ms, int(at) + int(rng.lognormal(1.0, 1.0) * HOUR_MS))
        for one in hit[free_from[hit] <= at]:
            rows.append((int(one), int(at), back, 2 if is_rack else failure % 2, failure))
            free_from[one] = back
    rows.sort()
    columns = [np.array(c, dtype=np.int64) for c in zip(*rows, strict=True)] if rows else [
        np.zeros(0, dtype=np.int64)] * 5  # fmt: skip
    return Outages(*columns, causes=["gpu", "node", "pdu"])


class _Start(NamedTuple):
    job: int
    start_ms: int
    nodes: np.ndarray
    milli: np.ndarray


def run(
    where: Places, table: Jobs, run_ms: np.ndarray, out: Outages, until_ms: int, depth: int
) -> Record:
    """First come, first served; `depth` jobs behind one that does not fit may pass it."""
    state = _State(where, table, run_ms.copy(), until_ms)
    for job, at in enumerate(table.submit_ms):
        state.push(int(at), 2, job)
    for row in range(len(out.node)):
        state.push(int(out.from_ms[row]), 1, row)
        state.push(int(out.until_ms[row]), 3, row)
    while state.heap and state.heap[0][0] < until_ms:
        now = state.heap[0][0]
        while state.heap and state.heap[0][0] == now:
            _, kind, what = heapq.heappop(state.heap)
            if kind == 0 and what in state.live:
                state.end(what, now, Ending(state.fate[state.starts[what].job]))
            elif kind == 1:
                state.fail(int(out.node[what]), now)
            elif kind == 2:
                state.queue.append(what)
            elif kind == 3:
                state.up[out.node[what]] = True
        state.start(now, depth)
    for attempt in sorted(state.live):
        state.end(attempt, until_ms, Ending.RUNNING)
    return Record(FROM_MS, until_ms, where, state.attempts(), out, "5eed" * 16)


class _State:
    def __init__(self, where, table, left_ms, until_ms):
        self.where, self.table, self.left_ms, self.until_ms = where, table, left_ms, until_ms
        self.free = where.gpus.copy() * 1000
        self.up = np.ones(len(where.path), dtype=bool)
        self.heap: list[tuple[int, int, int]] = []
        self.queue: list[int] = []
        self.starts: list[_Start] = []
        self.ends: dict[int, tuple[int, int, int]] = {}
        self.live: set[int] = set()
        self.fate = np.where(table.outcome.codes == 1, Ending.FAILED, Ending.COMPLETED)

    def push(self, at: int, kind: int, what: int) -> None:
        heapq.heappush(self.heap, (at, kind, what))

    def start(self, now: int, depth: int) -> None:
        passed, index = 0, 0
        while index < len(self.queue) and passed <= depth:
            if self._place(self.queue[index], now):
                del self.queue[index]
            else:
                passed += 1
                index += 1

    def _place(self, job: int, now: int) -> bool:
        asked = int(self.table.gpus_milli[job])
        per = min(asked, int(self.where.gpus[0]) * 1000)
        fits = np.flatnonzero((self.free >= per) & self.up)
        count = asked // per
        if len(fits) < count:
            return False
        # The fullest node first for small jobs; the order of the fleet for gangs.
        nodes = fits[:count] if count > 1 else fits[[int(np.argmin(self.free[fits]))]]
        self.free[nodes] -= per
        attempt = len(self.starts)
        self.starts.append(_Start(job, now, nodes, np.full(count, per)))
        self.live.add(attempt)
        self.push(now + int(self.left_ms[job]), 0, attempt)
        return True

    def end(self, attempt: int, now: int, ending: Ending) -> int:
        one = self.starts[attempt]
        self.live.discard(attempt)
        self.free[one.nodes] += one.milli
        ran = now - one.start_ms
        lost = ran % HOUR_MS if ending is Ending.NODE_FAILED else 0
        self.left_ms[one.job] -= ran - lost
        self.ends[attempt] = (now, int(ending), lost)
        return one.job

    def fail(self, node: int, now: int) -> None:
        self.up[node] = False
        for attempt in sorted(self.live):
            if node in self.starts[attempt].nodes:
                self.queue.insert(0, self.end(attempt, now, Ending.NODE_FAILED))

    def attempts(self) -> Attempts:
        n = len(self.starts)
        ends = [self.ends[i] for i in range(n)]
        first = np.append(0, np.cumsum([len(s.nodes) for s in self.starts])).astype(np.int64)
        nodes = np.concatenate([s.nodes for s in self.starts]).astype(np.int64)
        milli = np.concatenate([s.milli for s in self.starts]).astype(np.int64)
        plain = [np.array(c, dtype=np.int64) for c in zip(*ends, strict=True)]
        return Attempts(
            np.array([s.job for s in self.starts], dtype=np.int64),
            np.array([s.start_ms for s in self.starts], dtype=np.int64),
            *plain, first, nodes, milli,
        )  # fmt: skip


def power(record: Record) -> Power:
    """Hourly, from what jobs hold: invented figures that add up."""
    corners = np.arange(record.from_ms, record.until_ms, HOUR_MS, dtype=np.int64)
    ends = np.append(corners[1:], record.until_ms)
    attempts, where = record.attempts, record.places
    pair = np.repeat(np.arange(len(attempts.job)), np.diff(attempts.node_first))
    sites = []
    for at, name in enumerate(where.sites):
        mine = where.site[attempts.node] == at
        start, end = attempts.start_ms[pair[mine]], attempts.end_ms[pair[mine]]
        milli = attempts.gpu_milli[mine]
        busy = np.array([
            (milli * np.clip(np.minimum(end, hi) - np.maximum(start, lo), 0, None)).sum()
            / (hi - lo) / 1000 for lo, hi in zip(corners, ends, strict=True)
        ])  # fmt: skip
        sites.append(_site(name, corners, ends, busy, int(where.gpus[where.site == at].sum()), at))
    return Power(sites=tuple(sites), currency="EUR")


def _site(name, corners, ends, busy, gpus, at) -> SitePower:
    hour = (corners - corners[0]) / HOUR_MS
    idle_w = np.full(len(busy), 250.0 * gpus)
    it_w = idle_w + 1050.0 * busy
    outdoor = 6 + 8 * at + 6 * np.sin(2 * np.pi * (hour - 9) / 24) + 2 * np.sin(hour / 37)
    loss_w = 0.06 * it_w
    cooling_w = it_w * (0.05 + 0.004 * np.clip(outdoor - 5, 0, None))
    total = it_w + loss_w + cooling_w
    cap = np.full(len(busy), 1.5 * 1000 * gpus)
    cap[(hour > 24 * 4) & (hour < 24 * 4 + 10)] = 1.35 * 1000 * gpus
    price = 45 + 25 * np.sin(2 * np.pi * (hour - 12) / 24) + 15 * at
    carbon = 60 + 150 * at + 40 * np.sin(2 * np.pi * (hour - 14) / 24)
    hours = (ends - corners) / HOUR_MS
    kwh = {n: float((v * hours).sum() / 1000) for n, v in
           (("jobs_kwh", it_w - idle_w), ("idle_kwh", idle_w), ("loss_kwh", loss_w),
            ("cooling_kwh", cooling_w))}  # fmt: skip
    return SitePower(
        site=name, t_ms=corners, it_w=it_w, idle_w=idle_w, loss_w=loss_w, cooling_w=cooling_w,
        cap_w=cap, price_per_mwh=price, carbon_g_per_kwh=carbon, pue=total / it_w,
        outdoor_c=outdoor, **kwh,
        carbon_kg=float((total * hours * carbon).sum() / 1e6),
        water_m3=float((it_w * hours).sum() / 1000 * 0.2 / 1000),
        cost=float((total * hours * price).sum() / 1e6),
    )  # fmt: skip


def told(name: str = "greedy", *, count: int = 400, hours: float = 48.0, depth: int = 50,
         seed: int = 7, fails: int = 20, with_power: bool = True, load: float = 0.9,
         where: Places | None = None) -> Told:  # fmt: skip
    """One run, small unless asked otherwise."""
    where = where or places(2, 1, 4, 3)
    until_ms = FROM_MS + int(hours * HOUR_MS)
    table, run_ms = jobs(count, int(where.gpus.sum()), hours, seed, load)
    record = run(where, table, run_ms, outages(where, until_ms, fails, seed + 1), until_ms, depth)
    notes = ("Power is invented for a test of the page.",)
    return Told(
        name=name, record=record, jobs=table, notes=notes,
        power=power(record) if with_power else Power(),
    )  # fmt: skip


def large(n_jobs: int, n_nodes: int, days: float, seed: int = 1, hours: float = 1.0) -> Told:
    """As many jobs as one likes on nodes drawn at random: no scheduler, only its size is real."""
    rng = np.random.default_rng(seed)
    trays = 8
    where = places(2, 8, max(1, n_nodes // (16 * trays)), trays)
    nodes = len(where.path)
    until = FROM_MS + int(days * 24 * HOUR_MS)
    submit = np.sort(rng.integers(FROM_MS, until - HOUR_MS, n_jobs))
    width = rng.choice([1, 1, 1, 1, 1, 1, 2, 4, 8, 16], n_jobs)
    wait = (rng.exponential(0.5, n_jobs) * HOUR_MS).astype(np.int64)
    start = np.minimum(submit + wait, until - 1)
    order = np.argsort(start, kind="stable")
    run_ms = (rng.lognormal(0, 1.5, n_jobs) * hours * HOUR_MS).astype(np.int64) + 1000
    end = np.minimum(start + run_ms, until)
    first = np.append(0, np.cumsum(width[order])).astype(np.int64)
    base = np.repeat(rng.integers(0, nodes - 16, n_jobs), width[order])
    node = base + np.arange(first[-1]) - np.repeat(first[:-1], width[order])
    fails = np.sort(rng.integers(FROM_MS, until, max(1, int(nodes * days * 0.0065))))
    out = Outages(
        rng.integers(0, nodes, len(fails)), fails, np.minimum(fails + HOUR_MS * 5, until),
        np.zeros(len(fails), dtype=np.int64), np.arange(len(fails)), ["node"],
    )  # fmt: skip
    attempts = Attempts(
        order, start[order], end[order],
        rng.choice([0, 0, 0, 1, 2], n_jobs), np.zeros(n_jobs, dtype=np.int64),
        first, node, np.full(len(node), 8000),
    )  # fmt: skip
    table = Jobs(
        ids=np.arange(1, n_jobs + 1), submit_ms=submit, estimate_ms=run_ms * 2,
        gpus_milli=width.astype(np.int64) * 8000,
        project=Labels(rng.integers(0, 40, n_jobs), tuple(f"org/p{i}" for i in range(40))),
        pool=Labels(np.zeros(n_jobs, dtype=np.int64), ("all",)),
        kind=Labels(np.zeros(n_jobs, dtype=np.int64), ("batch",)),
        outcome=Labels(np.zeros(n_jobs, dtype=np.int64), ("completed",)),
    )  # fmt: skip
    record = Record(FROM_MS, until, where, attempts, out, "0" * 64)
    return Told(name="easy", record=record, jobs=table)
