"""Whether a declared plan can be true: no optimisation, only arithmetic, lead times and base rates.

`audit(factory)` holds every statement of `programme.declared` against the design of its machines,
published prices, lead times, what else was stated, and what became of promises like it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from arkwright.design.span import Span
from arkwright.errors import InputError
from arkwright.factory import Factory
from arkwright.factory.declared_spec import DeclaredKind
from arkwright.plan.audit import count_checks, date_checks, money_checks, power_checks
from arkwright.plan.audit.finding import AuditFinding, Weight
from arkwright.plan.audit.odds import Case, Odds, built_share
from arkwright.plan.audit.statements import Record, Statement, record

__all__ = ["RULES", "Audit", "AuditFinding", "Funnel", "Judged", "Weight", "audit"]

RULES = {
    "A1": "GPUs against megawatts",
    "A2": "Announced megawatts against contracts",
    "A3": "First phase against the headline",
    "A4": "Which megawatt",
    "A5": "Money against megawatts",
    "A6": "Money raised against cost",
    "A7": "Contract against cost of a GPU-hour",
    "A8": "Date against lead times",
    "A9": "Date against megawatts",
    "A10": "Date against the machine's",
    "A11": "Grid connection",
    "A12": "Whole racks",
    "A13": "Parts against the whole",
    "A14": "Claims on one site",
    "A15": "Stated again, moved, withdrawn",
    "A16": "Residency",
    "A17": "Share of the world's supply",
    "A18": "Odds",
}
"""What each rule holds against what."""


class Judged(Struct, frozen=True, kw_only=True):
    """A promise with its odds."""

    statement: Statement
    case: Case
    odds: Odds
    needs_kw: float
    """Facility power that the promise takes; 0 where neither GPUs nor megawatts are stated."""
    needs_money: Span | None
    """What its GPUs cost at published prices."""
    built_share: tuple[float, float] | None
    """Share of announcements that are built as said; None for contracts: none was read."""


class Funnel(Struct, frozen=True, kw_only=True):
    """What is in force of one kind, counted once."""

    kind: DeclaredKind
    statements: tuple[str, ...]
    gpus: int
    power_kw: float
    """Stated megawatts on whatever basis."""
    power_kw_drawn: tuple[float, float]
    """What those GPUs draw, IT to grid."""
    money: float


class Audit(Struct, frozen=True, kw_only=True):
    """What was found."""

    name: str
    as_of_day: int
    currency: str
    statements: tuple[Statement, ...]
    findings: tuple[AuditFinding, ...]
    """Worst first, then by rule and statement."""
    promises: tuple[Judged, ...]
    """Those in force, oldest first."""
    funnel: tuple[Funnel, ...]
    built_sources: tuple[str, ...]

    def of(self, *weights: Weight) -> list[AuditFinding]:
        """Findings of `weights`."""
        return [finding for finding in self.findings if finding.weight in weights]


def audit(factory: Factory, as_of_day: int | None = None, seed: int = 0) -> Audit:
    """Everything there is to say about `factory.programme.declared`, as known on a day.

    `as_of_day`: days since 1970-01-01; None takes the day of the last statement. Pure; the same
    seed gives the same odds. InputError where nothing had been declared by then.
    """
    known = record(factory, as_of_day)
    if not known.statements:
        said = factory.programme.declared if factory.programme is not None else {}
        first = min((each.stated for each in said.values()), default="")
        hint = f"the first statement is of {first}" if first else "add programme: {declared: {…}}"
        raise InputError(f"nothing was declared about {factory.factory} by then; {hint}")
    cases = date_checks.judged(known, seed)
    low, high, sources = built_share()
    return Audit(
        name=factory.factory,
        as_of_day=known.as_of_day,
        currency=known.currency,
        statements=tuple(known.statements.values()),
        findings=_findings(known, cases),
        promises=tuple(
            Judged(
                statement=known.statements[name],
                case=case,
                odds=found,
                needs_kw=case.facility_kw,
                needs_money=money_checks.cost_of(
                    known, known.statements[name], known.statements[name].headline.gpus or 0
                )
                if known.statements[name].headline.gpus
                else None,
                built_share=(low, high)
                if known.statements[name].kind is DeclaredKind.ANNOUNCED
                else None,
            )
            for name, (case, found) in cases.items()
            if known.statements[name].is_in_force
        ),
        funnel=tuple(_funnel(known)),
        built_sources=sources,
    )


def _findings(known: Record, cases: dict[str, tuple[Case, Odds]]) -> tuple[AuditFinding, ...]:
    found = [
        *power_checks.gpus_against_megawatts(known),
        *power_checks.announced_against_contracted(known),
        *money_checks.phase_against_headline(known),
        *power_checks.which_megawatt(known),
        *money_checks.money_against_megawatts(known),
        *money_checks.funds_against_cost(known),
        *money_checks.contract_price(known),
        *date_checks.lead_times(known, cases),
        *date_checks.megawatts_by_date(known, cases),
        *date_checks.machine_dates(known),
        *date_checks.grid_secured(known),
        *count_checks.whole_racks(known),
        *count_checks.parts_against_whole(known),
        *count_checks.claims_on_a_site(known),
        *count_checks.restated(known),
        *count_checks.residency(known),
        *count_checks.world_supply(known),
        *date_checks.unlikely(known, cases),
    ]
    order = list(Weight)
    return tuple(sorted(found, key=lambda each: (order.index(each.weight), int(each.rule[1:]))))


def _funnel(known: Record) -> Iterator[Funnel]:
    """A figure for the programme as a whole stands beside its sites: the larger of both counts."""
    for kind in DeclaredKind:
        chosen = known.outermost(
            said
            for said in known.in_force(kind)
            if said.headline.gpus or said.headline.power_kw or said.funds
        )
        if not chosen:
            continue
        whole = [said for said in chosen if not said.sites]
        parts = [said for said in chosen if said.sites]
        yield Funnel(
            kind=kind,
            statements=tuple(said.name for said in chosen),
            gpus=max(sum(said.headline.gpus or 0 for said in some) for some in (whole, parts)),
            power_kw=max(
                sum(said.headline.power_kw or 0 for said in some) for some in (whole, parts)
            ),
            power_kw_drawn=max(_drawn(whole), _drawn(parts)),
            money=sum(said.funds for said in chosen),
        )


def _drawn(chosen: list[Statement]) -> tuple[float, float]:
    """What their GPUs draw, IT to grid."""
    low = high = 0.0
    for said in chosen:
        if said.watts is not None and said.headline.gpus:
            span = said.watts.on(None).times(float(said.headline.gpus))
            low, high = low + span.low, high + span.high
    return low, high
