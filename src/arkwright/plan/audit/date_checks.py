"""Rules about dates: lead times, megawatts that are there by then, machines, and the odds."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright import catalog
from arkwright.catalog import audit as held
from arkwright.catalog import money as figures
from arkwright.design.span import Span
from arkwright.design.timeline import date_text
from arkwright.factory.declared_dates import period
from arkwright.factory.declared_spec import REACHED, DeclaredBasis, DeclaredKind
from arkwright.plan.audit.finding import AuditFinding, Weight
from arkwright.plan.audit.odds import Case, Odds, odds
from arkwright.plan.audit.statements import Record, Statement
from arkwright.plan.audit.wording import (
    days_text,
    each_text,
    gpus_text,
    listed,
    month_text,
    power_text,
    share_text,
    when_text,
)

_DAYS_PER_WEEK = 7
_DAYS_PER_QUARTER = 91.3125
_SECURED = (DeclaredKind.GRID_SECURED, DeclaredKind.ENERGISED)


Cases = dict[str, tuple[Case, Odds]]
_WHAT = {"energised": "Power", "first": "The first GPUs"}


def case_of(record: Record, said: Statement) -> Case | None:
    """The promise of a statement about one site as `odds` takes it; None where it has no date.

    `by` is when all of it runs, `from` when the first of it does; of megawatts without GPUs, when
    they are energised. Its phase's date stands for the first where the headline has none.
    """
    if len(said.sites) != 1 or said.kind in REACHED or said.kind is DeclaredKind.FUNDED:
        return None
    head, part = said.headline, said.phase
    promised, milestone, gpus = head.by, "all", head.gpus
    if promised is None:
        promised, milestone = head.start, "first"
    if promised is None:
        promised, milestone = part.by or part.start, "first"
    if promised is None:
        return None
    if head.gpus is None and part.gpus is None:
        milestone = "energised"
    site = said.sites[0]
    needed_kw = _facility_kw(said)
    return Case(
        name=said.name,
        stated_day=said.stated_day,
        begun_day=record.first_stated(said),
        country=record.factory.sites[site].country,
        facility_kw=needed_kw,
        gpus=gpus,
        milestone=milestone,
        promised=promised,
        is_energised=_is_energised(record, said, needed_kw),
    )


def lead_times(record: Record, cases: Cases) -> Iterator[AuditFinding]:
    """A8: the promised day against the day that every lead time at its quick end gives.

    Counted from the first day that anything of it was stated, with the connection reserved and
    everything ordered on that day.
    """
    for name, (case, found) in cases.items():
        said = record.statements[name]
        waits_for_nothing = not found.critical_sources  # power that is energised already
        if not said.is_in_force or waits_for_nothing:
            continue
        early = found.quickest_day - case.promised.last
        begun = date_text(case.begun_day)
        what = _what(case)
        if early <= 0:
            weight = Weight.CONSISTENT
            text = (
                f"{what} {when_text(case.promised)}: possible. Quick lead times from "
                f"{begun} on end in {month_text(found.quickest_day)}."
            )
        else:
            weight = Weight.DOUBT
            text = (
                f"{what} {when_text(case.promised)}: {early / _DAYS_PER_WEEK:.0f} weeks sooner "
                f"than quick lead times from {begun} on give "
                f"({month_text(found.quickest_day)}; {found.longest}). So much must have been done "
                "before it was stated."
            )
        yield AuditFinding(
            rule="A8",
            weight=weight,
            statements=(name,),
            text=text,
            figures={"weeks_short": max(0.0, early / _DAYS_PER_WEEK)},
            sources=found.critical_sources,
        )


def megawatts_by_date(record: Record, cases: Cases) -> Iterator[AuditFinding]:
    """A9: megawatts that all the GPUs need by their date, against those that are stated for it.

    Stated are the phase's megawatts; what is beyond them is taken to be begun with the statement.
    """
    for name, (case, found) in cases.items():
        said = record.statements[name]
        gpus, part_kw = said.headline.gpus, said.phase.power_kw
        if case.milestone != "all" or not gpus or part_kw is None or said.watts is None:
            continue
        each = said.watts.on(said.phase.basis)
        needed = each.times(float(gpus))
        if part_kw >= needed.low:
            continue
        carried = Span(part_kw, part_kw).over(each)
        is_late = found.quickest_day > case.promised.last
        whole = f"Of the {power_text(said.headline.power_kw)} " if said.headline.power_kw else ""
        text = (
            f"{gpus_text(gpus)} {when_text(case.promised)} draw "
            f"{power_text(needed.low, needed.high)} ({each_text(each)} each). {whole}"
            f"{'only' if whole else 'Only'} {power_text(part_kw)} are a stated phase, enough for "
            f"{gpus_text(carried.low, carried.high)}. The other "
            f"{power_text(max(needed.low - part_kw, 0.0), needed.high - part_kw)} "
        )
        if is_late:
            text += (
                "and the GPUs there, had they been begun with the statement, run in "
                f"{month_text(found.quickest_day)} at the earliest ({found.critical}): the "
                "date contradicts the megawatts."
            )
        else:
            text += f"can still come in time ({month_text(found.quickest_day)})."
        yield AuditFinding(
            rule="A9",
            weight=Weight.CONTRADICTION if is_late else Weight.NOTE,
            statements=(name,),
            text=text,
            figures={
                "gpus": gpus,
                "power_kw_needed_low": needed.low,
                "power_kw_needed_high": needed.high,
                "power_kw_phase": part_kw,
                "gpus_phase_low": carried.low,
                "gpus_phase_high": carried.high,
                "share_low": carried.low / gpus,
                "share_high": carried.high / gpus,
                "weeks_short": max(0.0, (found.quickest_day - case.promised.last) / _DAYS_PER_WEEK),
            },
            sources=(said.watts.source, *found.critical_sources),
        )


def machine_dates(record: Record) -> Iterator[AuditFinding]:
    """A10: the promised day against the quarter from which a system can be had, with its slip."""
    for said in record.in_force():
        row = held.system_dates().get(said.system or "")
        due = said.headline.start or said.phase.start or said.headline.by
        if row is None or due is None or not said.headline.gpus or said.is_system_assumed:
            continue
        first = period(row.first)
        slow = first.last + row.slip_quarters_high * _DAYS_PER_QUARTER
        assert said.system is not None
        title = catalog.system(said.system).title
        if due.last < first.first:
            weight, end = Weight.CONTRADICTION, f"is not to be had before {row.first}."
        elif due.last < slow:
            weight = Weight.DOUBT
            end = (
                f"can be had from {row.first}, {row.slip_quarters_low:g} to "
                f"{row.slip_quarters_high:g} quarters later if it slips as one before it did."
            )
        else:
            weight, end = Weight.CONSISTENT, f"can be had by then (from {row.first})."
        yield AuditFinding(
            rule="A10",
            weight=weight,
            statements=(said.name,),
            text=f"{days_text(due)}: {title} {end}",
            figures={"slip_quarters_high": row.slip_quarters_high},
            sources=(row.provenance,),
        )


def grid_secured(record: Record) -> Iterator[AuditFinding]:
    """A11: a site with megawatts for which nobody said that a connection is reserved."""
    for site, place in record.factory.sites.items():
        here = record.powered(site)
        asked = sum(s.headline.power_kw or 0.0 for s in record.outermost(here))
        secured = sum(s.headline.power_kw or 0.0 for s in here if s.kind in _SECURED)
        if place.grid.connection is not None:
            secured = max(secured, place.grid.connection)
        if not here:
            continue
        names = tuple(s.name for s in here)
        own = figures.grid_wait(place.country)
        wait = own or figures.longest_grid_wait()
        where = wait.country if own else f"{wait.country}, the longest that was read"
        slack = 1 - held.audit_figure("about_tolerance").middle
        if secured and secured >= asked * slack:
            weight, text = Weight.CONSISTENT, f"{power_text(secured)} at {site} are secured."
        else:
            weight = Weight.DOUBT
            text = f"{power_text(asked)} at {site}: "
            text += f"{power_text(secured)} are secured. For the rest " if secured else ""
            text += (
                "nobody stated that a connection is reserved. The dates here take it as reserved; "
                f"a new one takes {wait.weeks_low / 52:.0f} to {wait.weeks_high / 52:.0f} years in "
                f"{where}."
            )
        yield AuditFinding(
            rule="A11",
            weight=weight,
            statements=names,
            text=text,
            figures={"power_kw": asked, "power_kw_secured": secured},
            sources=(wait.provenance,),
        )


def unlikely(record: Record, cases: Cases) -> Iterator[AuditFinding]:
    """A18: promises whose probability to come in time is below the limit, or that are overdue."""
    limit = held.audit_figure("unlikely").middle
    low = {
        name: (case, found)
        for name, (case, found) in cases.items()
        if record.statements[name].is_in_force and found.on_time < limit
    }
    if not low:
        return
    words = []
    for name, (case, found) in low.items():
        chance = "below 1 %" if found.on_time < 0.01 else share_text(found.on_time)
        words.append(f"{name} {when_text(case.promised)} {chance}")
    yield AuditFinding(
        rule="A18",
        weight=Weight.DOUBT,
        statements=tuple(low),
        text=f"Probability to come in time: {listed(words)}.",
        figures={name: found.on_time for name, (_, found) in low.items()},
        sources=next(iter(low.values()))[1].rests_on,
    )


def judged(record: Record, seed: int) -> Cases:
    """Odds of every statement that promises something at one site by a date, and is not there."""
    reached = record.in_force(DeclaredKind.INSTALLED, DeclaredKind.UTILISED)
    there = {name for said in reached for name in said.within}
    cases = {}
    for name, said in record.statements.items():
        case = case_of(record, said)
        if case is not None and name not in there:
            as_of = record.as_of_day if said.is_in_force else said.stated_day
            cases[name] = case, odds(case, as_of, seed)
    return cases


def _is_energised(record: Record, said: Statement, needed_kw: float) -> bool:
    """What a promise needs stands with power: as many megawatts as it takes, within tolerance."""
    there = [s for s in record.powered(said.sites[0]) if s.kind is DeclaredKind.ENERGISED]
    power_kw = sum(s.headline.power_kw or 0.0 for s in there)
    slack = 1 - held.audit_figure("power_tolerance").middle
    return bool(there) and power_kw >= needed_kw * slack


def _what(case: Case) -> str:
    return _WHAT.get(case.milestone, f"All {gpus_text(case.gpus or 0)}")


def _facility_kw(said: Statement) -> float:
    """Megawatts as stated, else what its GPUs draw."""
    if said.headline.power_kw is not None:
        return said.headline.power_kw
    if said.headline.gpus and said.watts is not None:
        return said.headline.gpus * said.watts.on(DeclaredBasis.FACILITY).high
    return 0.0
