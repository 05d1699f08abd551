"""What quotas are and what is used of them, for people: numbers of the scheduler's rows, named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from arkwright import sched
from arkwright.fleet.contracts import row_of
from arkwright.fleet.lowering import Names
from arkwright.fleet.periods import period_of
from arkwright.fleet.quota_tree import GPU_MS_PER_HOUR, Contract, ProjectQuota, QuotaRow
from arkwright.units import MILLI

PERIODS_AHEAD: Final = 13
"""New periods that a forecast looks ahead to: a year of months, and the one under way."""


class BudgetUse(Struct, frozen=True, kw_only=True):
    """GPU time of the period under way [GPU-hours]."""

    per: str
    gpu_hours: float
    spent_gpu_hours: float
    """By attempts that are over."""
    promised_gpu_hours: float
    """By running jobs, from their start in the period to their expected end."""
    left_gpu_hours: float
    """Below 0 where jobs ran past their estimates."""
    start_ms: int | None
    end_ms: int | None
    """When the period began and when it ends; None before the first is noted."""


class TypeUse(Struct, frozen=True, kw_only=True):
    """GPUs of one type."""

    gpu_type: str
    gpus_limit: float | None
    guarantee: float | None
    lend: float | None
    used: float
    borrowed: float
    lent: float


class ContractUse(Struct, frozen=True, kw_only=True):
    """GPUs bought for a time that is not over."""

    name: str
    gpu_type: str | None
    gpus: int
    lend: int
    from_ms: int
    until_ms: int
    is_open: bool
    """Its time has begun."""
    is_in_file: bool
    used: float
    """GPUs that jobs hold now of all contracts of the project and type (of all types, where it has
    none): what is guaranteed besides is used first."""
    usd_per_gpu_hour: float | None


class QuotaUse(Struct, frozen=True, kw_only=True):
    """One organisation or project, or the whole factory. GPUs; fractions of one count."""

    project: str
    """Path of the organisation or project. Empty for the whole factory, which is given where
    anybody has a guarantee."""
    gpus_limit: float | None
    """None is unlimited."""
    guarantee: float | None
    lend: float | None
    """How much of an unused guarantee others may borrow."""
    used: float
    """By its running jobs, those of projects below included; with what those keep for themselves.
    """
    borrowed: float
    """Used beyond the guarantee."""
    lent: float
    """Most of its unused guarantee that its neighbours hold now."""
    by_type: list[TypeUse]
    contracts: list[ContractUse]
    budget: BudgetUse | None
    share: int | None
    """Weight under fair share; None under another order."""
    usage_gpu_hours: float | None
    """What fair share remembers: GPU time used, and promised to running jobs, halved with every
    half-life since."""


def quota_uses(
    state: sched.State, names: Names, contracts: Iterable[Contract], now_ms: int
) -> list[QuotaUse]:
    """The tree by path, the whole factory first where it has a row. `contracts` that are not over
    stand with their project."""
    bought = list(contracts)
    tree = names.quotas
    rows = [
        (row, each)
        for row, each in enumerate(tree.rows)
        if not each.is_budget and each.gpu_type is None
    ]
    return [
        QuotaUse(
            project=each.path,
            **_amounts(state, row),
            by_type=[
                TypeUse(gpu_type=gpu_type, **_amounts(state, typed))
                for (path, gpu_type), typed in tree.row_of_type.items()
                if path == each.path
            ],
            contracts=[
                _contract(state, names, contract, now_ms)
                for contract in bought
                if contract.project == each.path
            ],
            budget=_budget(state, tree.row_of_budget, each),
            share=int(state.row_share[row]) if state.fair[0] > 0 and each.path else None,
            usage_gpu_hours=sched.decayed(state, row, now_ms) / GPU_MS_PER_HOUR
            if state.fair[0] > 0
            else None,
        )
        for row, each in rows
    ]


def periods_due(state: sched.State, names: Names, now_ms: int) -> list[tuple[str, int, int]]:
    """Budgets whose period under way at `now_ms` is not noted yet: path, start and end [ms]."""
    due = []
    for path, row in names.quotas.row_of_budget.items():
        if now_ms >= state.row_period_end_ms[row]:
            due.append((path, *period_of(now_ms, _per(names, row))))
    return due


def periods_ahead(state: sched.State, names: Names, now_ms: int) -> tuple[sched.Event, ...]:
    """The beginnings of periods that a forecast at `now_ms` has to know of, in order of time."""
    events = []
    for row in names.quotas.row_of_budget.values():
        at_ms = max(now_ms, int(state.row_period_end_ms[row]) - 1)
        for _ in range(PERIODS_AHEAD):
            _, at_ms = period_of(at_ms, _per(names, row))
            events.append(sched.period(at_ms, row, period_of(at_ms, _per(names, row))[1]))
    return tuple(sorted(events, key=lambda event: (event.at_ms, event.subject)))


def _amounts(state: sched.State, row: int) -> dict[str, Any]:
    limit, guarantee = int(state.row_limit[row]), int(state.row_guarantee[row])
    kept, used = int(state.row_kept[row]), int(state.row_used[row])
    return {
        "gpus_limit": None if limit < 0 else limit / MILLI,
        "guarantee": None if guarantee < 0 else guarantee / MILLI,
        "lend": None if guarantee < 0 else (guarantee - kept) / MILLI,
        "used": used / MILLI,
        "borrowed": sched.borrowed(state, row) / MILLI,
        "lent": _lent(state, row) / MILLI,
    }


def _contract(state: sched.State, names: Names, contract: Contract, now_ms: int) -> ContractUse:
    is_open = contract.from_ms <= now_ms
    used = _used_bought(state, names, contract) if is_open else 0
    return ContractUse(
        name=contract.name,
        gpu_type=contract.gpu_type,
        gpus=contract.gpus,
        lend=contract.lend,
        from_ms=contract.from_ms,
        until_ms=contract.until_ms,
        is_open=is_open,
        is_in_file=contract.is_in_file,
        used=used / MILLI,
        usd_per_gpu_hour=contract.usd_per_gpu_hour,
    )


def _used_bought(state: sched.State, names: Names, contract: Contract) -> int:
    """Of the GPUs bought by the project, of the type, what its jobs hold beyond what the factory
    file guarantees it [milli-GPU]."""
    row = row_of(names, contract.holders[-1])
    if row < 0:
        return 0
    besides = (names.quotas.rows[row].quota.guarantee or 0) * MILLI
    return max(0, min(int(state.row_used[row]), int(state.row_guarantee[row])) - besides)


def _lent(state: sched.State, row: int) -> int:
    """What is unused and lent, as far as rows of the same parent borrow at all."""
    unused = int(state.row_guarantee[row] - max(state.row_used[row], state.row_kept[row]))
    if unused <= 0:
        return 0
    parent = state.row_parent[row]
    neighbours = [
        other
        for other in range(len(state.row_parent))
        if other != row and parent >= 0 and state.row_parent[other] == parent
    ]
    return min(unused, sum(_borrowed(state, other) for other in neighbours))


def _borrowed(state: sched.State, row: int) -> int:
    """A row without a guarantee has nothing of its own: all it uses is borrowed."""
    return int(max(state.row_used[row] - max(state.row_guarantee[row], 0), 0))


def _budget(
    state: sched.State, row_of_budget: Mapping[str, int], each: QuotaRow
) -> BudgetUse | None:
    row = row_of_budget.get(each.path)
    if row is None or not isinstance(each.quota, ProjectQuota) or each.quota.budget is None:
        return None
    limit, used = int(state.row_limit[row]), int(state.row_used[row])
    settled, end_ms = int(state.row_settled[row]), int(state.row_period_end_ms[row])
    return BudgetUse(
        per=each.quota.budget.per,
        gpu_hours=limit / GPU_MS_PER_HOUR,
        spent_gpu_hours=settled / GPU_MS_PER_HOUR,
        promised_gpu_hours=(used - settled) / GPU_MS_PER_HOUR,
        left_gpu_hours=(limit - used) / GPU_MS_PER_HOUR,
        start_ms=int(state.row_period_ms[row]) if end_ms >= 0 else None,
        end_ms=end_ms if end_ms >= 0 else None,
    )


def _per(names: Names, row: int) -> str:
    quota = names.quotas.rows[row].quota
    assert isinstance(quota, ProjectQuota)
    assert quota.budget is not None
    return quota.budget.per
