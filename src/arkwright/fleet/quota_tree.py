"""Quotas as capacity rows: organisation over project, the same per GPU type, and budgets.

Rows in this order: `factory` where anybody has a guarantee or a contract, organisations and
projects by path, quotas of one GPU type by type and path, budgets by path. A guarantee means
something only where the whole is bounded, so above guarantees stands a row of all GPUs the factory
has (of that type).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from arkwright import sched
from arkwright.design import Node
from arkwright.jobs.spec import JobSpec
from arkwright.units import MILLI, MS_PER_S, S_PER_HOUR

FACTORY = "factory"
GPU_MS_PER_HOUR = MS_PER_S * S_PER_HOUR


class TypeQuota(Struct, frozen=True, kw_only=True):
    """What may be held of one GPU type."""

    gpu_type: str
    gpus_limit: int | None = None
    guarantee: int | None = None
    lend: int | None = None


class Budget(Struct, frozen=True, kw_only=True):
    """GPU time of a period."""

    gpu_hours: float
    per: str = "month"
    """`month`, `quarter` or `year`."""


class Contract(Struct, frozen=True, kw_only=True):
    """GPUs that a project and what is below it have bought in `[from_ms, until_ms)`."""

    name: str
    project: str
    gpus: int
    from_ms: int
    until_ms: int
    gpu_type: str | None = None
    """Of which type; None is any."""
    lend: int = 0
    """How many of them others may borrow while they are not used."""
    usd_per_gpu_hour: float | None = None
    is_in_file: bool = False
    """The factory file's, which no command withdraws."""

    @property
    def holders(self) -> tuple[Holder, ...]:
        """Whose guarantees it adds to: the project's, and of its GPUs of the type."""
        whole = Holder(self.project)
        return (whole,) if self.gpu_type is None else (whole, Holder(self.project, self.gpu_type))

    def touches(self, from_ms: int, until_ms: int) -> bool:
        """Whether it has any time in common with `[from_ms, until_ms)`."""
        return self.from_ms < until_ms and from_ms < self.until_ms


class Holder(NamedTuple):
    """A quota that contracts add to: of a project, or of its GPUs of one type."""

    project: str
    gpu_type: str | None = None

    @property
    def label(self) -> str:
        """`lab`, `lab@h100`."""
        return self.project if self.gpu_type is None else f"{self.project}@{self.gpu_type}"


class ProjectQuota(Struct, frozen=True, kw_only=True):
    """A node of the quota tree: an organisation or a project inside one."""

    path: str
    gpus_limit: int | None
    """Most GPUs its running jobs may hold together; None is unlimited."""
    sites: tuple[str, ...] | None = None
    """Sites its jobs may ever run at; None is every site."""
    priority: int = 0
    """Added to the priority of every job."""
    guarantee: int | None = None
    """GPUs it may always have; None guarantees nothing."""
    lend: int | None = None
    """How much of an unused guarantee others may borrow; None is all of it."""
    share: int | None = None
    """Weight under fair share; None takes the guarantee, else the limit, else 1."""
    by_type: tuple[TypeQuota, ...] = ()
    budget: Budget | None = None
    contracts: tuple[Contract, ...] = ()
    """Those of the factory file."""


class QuotaRow(Struct, frozen=True, kw_only=True):
    """One capacity row of quotas."""

    label: str
    """`lab/vision`, `lab@h100`, `the budget of lab`, `factory`, `factory@h100`."""
    path: str
    """Organisation or project; empty for the whole factory."""
    gpu_type: str | None = None
    quota: ProjectQuota | TypeQuota
    is_budget: bool = False


class QuotaTree(Struct, frozen=True, kw_only=True):
    """The rows, and where to find them."""

    rows: tuple[QuotaRow, ...]
    row_of_project: dict[str, int]
    row_of_type: dict[tuple[str, str], int]
    """By path and GPU type; the whole factory's is under the empty path."""
    row_of_budget: dict[str, int]


def quota_tree(projects: Sequence[ProjectQuota], nodes: Sequence[Node]) -> QuotaTree:
    """The tree of these projects, given by path, above these nodes."""
    rows: list[QuotaRow] = []
    if any(_is_promised(project) for project in projects):
        whole = ProjectQuota(path="", gpus_limit=sum(node.gpus for node in nodes))
        rows.append(QuotaRow(label=FACTORY, path="", quota=whole))
    first = len(rows)
    rows += [QuotaRow(label=project.path, path=project.path, quota=project) for project in projects]
    row_of_type = {}
    for gpu_type in _counted_types(projects):
        for row in _rows_of_type(gpu_type, projects, nodes):
            row_of_type[row.path, gpu_type] = len(rows)
            rows.append(row)
    row_of_budget = {}
    for project in projects:
        if project.budget is not None:
            row_of_budget[project.path] = len(rows)
            label = f"the budget of {project.path}"
            rows.append(QuotaRow(label=label, path=project.path, quota=project, is_budget=True))
    return QuotaTree(
        rows=tuple(rows),
        row_of_project={project.path: row for row, project in enumerate(projects, first)},
        row_of_type=row_of_type,
        row_of_budget=row_of_budget,
    )


def rows_of(tree: QuotaTree, half_life_ms: int) -> sched.Rows:
    """The rows as the scheduler takes them; `half_life_ms` is 0 without fair share."""
    quotas = [row.quota for row in tree.rows]
    budgets = [_budget_row(tree, row) for row in tree.rows]
    return sched.Rows(
        parent=[_parent(tree, row) for row in tree.rows],
        limit=[_limit(row) for row in tree.rows],
        guarantee=[
            sched.NONE
            if row.is_budget or row.quota.guarantee is None
            else row.quota.guarantee * MILLI
            for row in tree.rows
        ],
        kept=[0 if row.is_budget else kept_gpus(row.quota) * MILLI for row in tree.rows],
        budget=budgets,
        share=[share_of(quota) for quota in quotas],
        half_life_ms=half_life_ms,
    )


def kept_gpus(quota: ProjectQuota | TypeQuota) -> int:
    """What of a guarantee is lent to nobody."""
    if quota.guarantee is None or quota.lend is None:
        return 0
    return quota.guarantee - quota.lend


def share_of(quota: ProjectQuota | TypeQuota) -> int:
    """Weight beside the others of the same parent, at least 1."""
    given = quota.share if isinstance(quota, ProjectQuota) else None
    for value in (given, quota.guarantee, quota.gpus_limit):
        if value is not None:
            return max(1, value)
    return 1


def type_row(tree: QuotaTree, gpu_types: Sequence[str], spec: JobSpec, project: str) -> int:
    """The lowest row that counts the job's GPUs by their type; none without such quotas."""
    gpu_type = spec.resources.gpu_type
    if gpu_type is None and len(gpu_types) == 1:
        gpu_type = gpu_types[0]
    if gpu_type is None or not tree.row_of_type:
        return sched.NONE
    return _nearest(tree.row_of_type, project, gpu_type)


def is_type_unsaid(tree: QuotaTree, gpu_types: Sequence[str], spec: JobSpec, project: str) -> bool:
    """Whether the job has to name its GPU type, for a quota to count it, and does not."""
    if spec.resources.gpu_type is not None or spec.resources.gpus_per_node == 0:
        return False
    kinds = {gpu_type for _, gpu_type in tree.row_of_type}
    counted = any(_nearest(tree.row_of_type, project, kind) >= 0 for kind in kinds)
    return len(gpu_types) > 1 and counted


def _rows_of_type(
    gpu_type: str, projects: Sequence[ProjectQuota], nodes: Sequence[Node]
) -> list[QuotaRow]:
    typed = {
        project.path: quota
        for project in projects
        for quota in (*_bare_types(project), *project.by_type)
        if quota.gpu_type == gpu_type
    }
    bought = {each.gpu_type for project in projects for each in project.contracts}
    if gpu_type in bought or any(quota.guarantee is not None for quota in typed.values()):
        count = sum(node.gpus for node in nodes if node.gpu_type == gpu_type)
        typed = {"": TypeQuota(gpu_type=gpu_type, gpus_limit=count)} | typed
    return [
        QuotaRow(label=f"{path or FACTORY}@{gpu_type}", path=path, gpu_type=gpu_type, quota=quota)
        for path, quota in typed.items()
    ]


def _is_promised(project: ProjectQuota) -> bool:
    """Whether it is to have GPUs whatever others do."""
    return bool(project.contracts) or project.guarantee is not None


def _counted_types(projects: Sequence[ProjectQuota]) -> list[str]:
    return sorted(
        {
            typed.gpu_type
            for project in projects
            for typed in (*_bare_types(project), *project.by_type)
        }
    )


def _bare_types(project: ProjectQuota) -> list[TypeQuota]:
    """Types of which it has bought GPUs: they are counted, also where nothing else is said."""
    return [
        TypeQuota(gpu_type=each.gpu_type) for each in project.contracts if each.gpu_type is not None
    ]


def _parent(tree: QuotaTree, row: QuotaRow) -> int:
    if row.is_budget or not row.path:
        return sched.NONE
    above = row.path.rpartition("/")[0]
    if row.gpu_type is not None:
        return _nearest(tree.row_of_type, above, row.gpu_type)
    if above:
        return tree.row_of_project.get(above, sched.NONE)
    return 0 if tree.rows[0].label == FACTORY and not tree.rows[0].path else sched.NONE


def _nearest(row_of_type: Mapping[tuple[str, str], int], path: str, gpu_type: str) -> int:
    while path and (path, gpu_type) not in row_of_type:
        path = path.rpartition("/")[0]
    return row_of_type.get((path, gpu_type), sched.NONE)


def _limit(row: QuotaRow) -> int:
    if row.is_budget and isinstance(row.quota, ProjectQuota) and row.quota.budget is not None:
        return round(row.quota.budget.gpu_hours * GPU_MS_PER_HOUR)
    return sched.UNLIMITED if row.quota.gpus_limit is None else row.quota.gpus_limit * MILLI


def _budget_row(tree: QuotaTree, row: QuotaRow) -> int:
    if row.is_budget or row.gpu_type is not None:
        return sched.NONE
    return tree.row_of_budget.get(row.path, sched.NONE)
