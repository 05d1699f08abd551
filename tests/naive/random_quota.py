"""Guarantees, quotas of a GPU type, budgets and fair shares for random factories.

Rows 0 to 3 are quotas and 4 to 7 watts, as without these; 8 and 9 are of a GPU type, 10 and 11 the
budgets of rows 0 and 1.
"""

from arkwright import sched
from naive.budgets import Budgets, cost
from naive.shares import Shares

BUDGETS = {0: 10, 1: 11}
GUARANTEED = (1, 2, 3, 9)


def random_quota_rows(random, tree, total):
    n_rows = 12
    kept, guarantee = [0] * n_rows, [-1] * n_rows
    for row in GUARANTEED:
        guarantee[row], kept[row] = _guarantee(random)
    budget = [BUDGETS.get(row, -1) for row in range(n_rows)]
    types = [random.choice([-1, total // 2, total * 3 // 4]) for _ in range(2)]
    return sched.Rows(
        parent=[*tree.parent, -1, 8, -1, -1],
        limit=[*tree.limit, *types, *(random.choice([-1, -1, 100, 500]) for _ in range(2))],
        guarantee=guarantee,
        kept=kept,
        budget=budget,
        share=[random.choice([1, 1, 2, 5]) for _ in range(n_rows)],
        half_life_ms=random.choice([0, 0, 7, 50, 1000]),
    )


def with_quota(random, shape, sells=False):
    """The shape on rows that have guarantees, and often on those of a type too; where contracts are
    sold, on nothing but rows that they bind."""
    row = shape.row if random.random() < 0.2 else random.choice([0, 1, 1, 2, 2, 3])
    if sells:
        row = random.choice([0, 1, 1, 2])
    return shape._replace(row=row, type_row=random.choice([-1, -1, 8, 9, 9]))


def give_quotas(factory, tree):
    """The naive factory gets what the rows say."""
    if len(tree.budget):
        factory.row_kept = list(tree.kept)
        factory.budgets = Budgets(factory, BUDGETS)
        factory.shares = Shares(factory, tree.half_life_ms, list(tree.share))


def open_market(pair):
    """A factory in which contracts bind: all its GPUs are the bound above, no other row refuses
    anything, nobody is guaranteed anything yet, what is pledged are large parts of the whole."""
    pair.whole = sum(pair.nodes.gpu_milli)
    pair.quotas = 3
    for row in range(len(pair.rows.limit)):
        limit = pair.whole if row in (0, 8) else -1
        pair.apply(sched.row_limit(0, row, limit))
        pair.factory.row_limit[row] = limit
    for row in GUARANTEED:
        set_guarantee(pair, row, -1, 0)


def random_quota_event(pair, random):
    kind = random.choice(["guarantee", "pledge", "pledge", "period", "spent"])
    if kind == "guarantee":
        set_guarantee(pair, random.choice(GUARANTEED), *_guarantee(random, pair.whole))
    elif kind == "pledge":
        pledge_random(pair, random)
    elif kind == "period":
        own = random.choice(list(BUDGETS.values()))
        pair.apply(sched.period(pair.now_ms, own))
        pair.factory.budgets.period_ms[own] = pair.now_ms
    else:
        row, milli = random.choice([0, 1, 2, 3]), random.choice([0, 300, 4000])
        start_ms = max(0, pair.now_ms - random.randint(0, 60))
        pair.apply(sched.spent(start_ms, row, milli, pair.now_ms))
        pair.factory.budgets.over.append((row, milli, start_ms, pair.now_ms))
        pair.factory.shares.use(row, cost(milli, pair.now_ms - start_ms), start_ms)


def pledge_random(pair, random):
    """Another guarantee from a time on, mostly with its end; now and then one is taken back."""
    row = random.choice((1, 2, 9) if pair.whole else GUARANTEED)
    from_ms = pair.now_ms + random.randint(0, 40)
    steps = [(from_ms, *_guarantee(random, pair.whole))]
    if random.random() < 0.7:
        steps.append((from_ms + random.choice([1, 5, 20, 60]), *random.choice([(-1, 0), (0, 0)])))
    for at_ms, value, kept in steps:
        pair.apply(sched.pledge(pair.now_ms, row, at_ms, value, kept))
        pair.factory.pledged[at_ms, row] = (value, kept)
    if random.random() < 0.1:
        at_ms, row = random.choice(list(pair.factory.pledged))
        pair.apply(sched.unpledge(pair.now_ms, row, at_ms))
        del pair.factory.pledged[at_ms, row]


def make_pledged_so(pair, random):
    """Guarantees whose time has come, most of them in time."""
    for (at_ms, row), (value, kept) in sorted(pair.factory.pledged.items()):
        if at_ms <= pair.now_ms and random.random() < 0.8:
            set_guarantee(pair, row, value, kept)


def set_guarantee(pair, row, value, kept):
    pair.apply(sched.guarantee(pair.now_ms, row, value, kept))
    pair.factory.row_kept[row] = kept
    pair.factory.row_guarantee[row] = value
    for at_ms, other in list(pair.factory.pledged):
        if other == row and at_ms <= pair.now_ms:
            del pair.factory.pledged[at_ms, other]


def _guarantee(random, whole=0):
    if whole:
        value = random.choice([whole // 2, whole * 3 // 4])
        return value, random.choice([value // 2, value, value])
    value = random.choice([-1, 0, 4000, 8000, 12000])
    return value, random.choice([0, max(value, 0) // 2, max(value, 0)])
