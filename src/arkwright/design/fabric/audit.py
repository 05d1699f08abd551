"""Does a published table of fabrics add up? Each row against conservation, then against the rule.

Conservation asks nothing about how the fabric was meant: a cable has two ends, an end takes a port.
Only then is the row compared with what `size` gives for its nodes. Rows of one table explain each
other: what most rows say of GPUs per node, a row that says otherwise says wrongly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum

from msgspec import Struct

from arkwright.design.fabric.published import PublishedRow
from arkwright.design.fabric.size import Ask, FabricSize, size
from arkwright.errors import InputError


class Rule(Enum):
    """What a row breaks."""

    NO_SUCH_TIER = "F1"
    """Cables to a tier that has no switches, or switches without cables."""
    GPUS = "F2"
    """GPUs are nodes times GPUs per node."""
    SCALABLE_UNITS = "F3"
    """Scalable units hold the nodes: as many as a leaf has ports down."""
    PORTS = "F4"
    """A tier's cables end on its ports."""
    NIC_CABLES = "F5"
    """Every NIC has its cable to a leaf."""
    EVEN = "F6"
    """A leaf has as many cables to every spine."""
    WIRING = "F7"
    """The wiring rule of `size` gives another number."""


class Severity(Enum):
    """Whether the table is wrong, or only says something to look at."""

    MISPRINT = "misprint"
    NOTE = "note"


class AuditFinding(Struct, frozen=True, kw_only=True):
    """One thing in one row, with what was printed and what would be right."""

    rule: Rule
    severity: Severity
    row: str
    line: int
    column: str
    printed: int
    right: int
    margin: int
    """`printed - right`."""
    text: str
    fix: str


class Defaults(Struct, frozen=True, kw_only=True):
    """What the table does not say."""

    nics_per_node: int | None = None
    """None takes the GPUs per node of most rows: one NIC a GPU."""
    radix: int | None = None
    planes: int = 1
    oversubscription: float = 1.0


class _Case(Struct, frozen=True, kw_only=True):
    row: PublishedRow
    ask: Ask
    built: FabricSize
    gpus_per_node: int | None

    def finding(
        self, rule: Rule, column: str, right: int, why: str, severity: Severity = Severity.MISPRINT
    ) -> AuditFinding:
        printed = getattr(self.row, column) or 0
        return AuditFinding(
            rule=rule,
            severity=severity,
            row=self.row.name,
            line=self.row.line,
            column=column,
            printed=printed,
            right=right,
            margin=printed - right,
            text=f"{column.replace('_', '-')} is {printed:,}: {why}",
            fix=f"print {right:,}" if severity is Severity.MISPRINT else "nothing need change",
        )


def audit(rows: Sequence[PublishedRow], defaults: Defaults = Defaults()) -> list[AuditFinding]:  # noqa: B008
    """Everything that does not add up, by row and rule; empty for a table without misprints.

    A number that breaks conservation is not named again for breaking the wiring rule. InputError
    when the table says nothing of the switch's ports and `defaults` does not either.
    """
    gpus_per_node = _commonest([row.gpus // row.nodes for row in rows if row.gpus and row.nodes])
    found: list[AuditFinding] = []
    for row in rows:
        case = _case(row, defaults, gpus_per_node)
        mine: list[AuditFinding] = []
        for check in CHECKS:
            known = {finding.column for finding in mine}
            mine += [finding for finding in check(case) if finding.column not in known]
        found += mine
    return found


def _case(row: PublishedRow, defaults: Defaults, gpus_per_node: int | None) -> _Case:
    radix = row.radix or defaults.radix
    nics = row.nics_per_node or defaults.nics_per_node or gpus_per_node
    if not radix or not nics:
        lacks = "a column radix or --radix" if not radix else "gpus, nics_per_node or its option"
        raise InputError(f"audit of row {row.name} (line {row.line}): it needs {lacks}")
    ask = Ask(
        nodes=row.nodes,
        nics_per_node=nics,
        radix=radix,
        planes=row.planes or defaults.planes,
        oversubscription=defaults.oversubscription,
    )
    return _Case(row=row, ask=ask, built=size(ask), gpus_per_node=gpus_per_node)


def _no_such_tier(case: _Case) -> list[AuditFinding]:
    row, found = case.row, []
    if row.spine_core and not row.core:
        found.append(case.finding(Rule.NO_SUCH_TIER, "spine_core", 0, "there is no core switch"))
    if row.leaf_spine and not row.spine:
        found.append(case.finding(Rule.NO_SUCH_TIER, "leaf_spine", 0, "there is no spine switch"))
    if row.core and row.spine_core == 0:
        right = case.built.cables.spine_core
        why = f"{row.core:,} core switches hang on nothing"
        found.append(case.finding(Rule.NO_SUCH_TIER, "spine_core", right, why))
    return found


def _gpus(case: _Case) -> list[AuditFinding]:
    row, each = case.row, case.gpus_per_node
    if row.gpus is None or each is None or row.gpus == row.nodes * each:
        return []
    why = f"{row.nodes:,} nodes of {each} GPUs have {row.nodes * each:,}"
    return [case.finding(Rule.GPUS, "gpus", row.nodes * each, why)]


def _scalable_units(case: _Case) -> list[AuditFinding]:
    row, each = case.row, case.built.nodes_per_group
    if row.su is None or case.built.tiers == 1 or row.su == math.ceil(row.nodes / each):
        return []
    right = math.ceil(row.nodes / each)
    return [case.finding(Rule.SCALABLE_UNITS, "su", right, f"{row.nodes:,} nodes by {each} each")]


def _nic_cables(case: _Case) -> list[AuditFinding]:
    row, right = case.row, case.built.cables.node_leaf
    if row.node_leaf is None or row.node_leaf == right:
        return []
    extra = row.node_leaf - right
    nics = f"{row.nodes:,} nodes with {case.ask.nics_per_node} NICs have {right:,} cables"
    if 0 < extra * case.ask.planes <= case.built.ports_down_free and extra < case.ask.nics_per_node:
        why = f"{nics}; {extra} more end on free ports, as of fabric managers"
        return [case.finding(Rule.NIC_CABLES, "node_leaf", right, why, Severity.NOTE)]
    return [case.finding(Rule.NIC_CABLES, "node_leaf", right, nics)]


def _ports(case: _Case) -> list[AuditFinding]:
    """Ports of all planes against ends of cables, of which each plane has its own."""
    row, planes, radix = case.row, case.ask.planes, case.ask.radix
    found = []
    below = {"leaf": row.node_leaf, "spine": row.leaf_spine, "core": row.spine_core}
    above = {"leaf": row.leaf_spine, "spine": row.spine_core if row.core else 0, "core": 0}
    for tier, cables in below.items():
        switches = getattr(row, tier)
        if not switches or cables is None:
            continue
        ends = (cables + (above[tier] or 0)) * planes
        if ends > switches * radix:
            why = f"{ends:,} ends of cables on {switches * radix:,} ports"
            found.append(case.finding(Rule.PORTS, tier, math.ceil(ends / radix), why))
    return found


def _even(case: _Case) -> list[AuditFinding]:
    row, planes = case.row, case.ask.planes
    if case.built.tiers != 2 or not row.leaf or not row.spine or not row.leaf_spine:
        return []
    up, spines = row.leaf_spine * planes / row.leaf, row.spine / planes
    if up % spines == 0:
        return []
    why = f"a leaf has {up:g} cables up, {up / spines:.2f} for each of {spines:g} spines"
    return [case.finding(Rule.EVEN, "spine", case.built.spine, why)]


def _wiring(case: _Case) -> list[AuditFinding]:
    row, built = case.row, case.built
    right = {
        "leaf": built.leaf,
        "spine": built.spine,
        "core": built.core,
        "leaf_spine": built.cables.leaf_spine,
        "spine_core": built.cables.spine_core,
    }
    return [
        case.finding(Rule.WIRING, column, value, f"the wiring rule gives {value:,}")
        for column, value in right.items()
        if getattr(row, column) is not None and getattr(row, column) != value
    ]


CHECKS: tuple[Callable[[_Case], list[AuditFinding]], ...] = (
    *(_no_such_tier, _gpus, _scalable_units, _nic_cables, _ports, _even, _wiring),
)


def _commonest(numbers: Sequence[int]) -> int | None:
    """The number that comes most often; of equals the first."""
    return Counter(numbers).most_common(1)[0][0] if numbers else None
