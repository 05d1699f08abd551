"""Rules about counts: whole racks, parts and wholes, claims on a site, what was said before."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright import catalog
from arkwright.catalog import audit as held
from arkwright.design.span import Span
from arkwright.factory.declared_dates import Span as Days
from arkwright.factory.declared_spec import DeclaredKind
from arkwright.plan.audit.finding import AuditFinding, Weight
from arkwright.plan.audit.statements import Record, Statement
from arkwright.plan.audit.wording import days_text, gpus_text, listed, power_text, share_text


def whole_racks(record: Record) -> Iterator[AuditFinding]:
    """A12: GPUs / GPUs of a rack is whole, if a count is of real racks."""
    whole: list[tuple[Statement, int]] = []
    broken: list[tuple[Statement, int]] = []
    for said in record.in_force():
        for gpus in dict.fromkeys((said.headline.gpus, said.phase.gpus)):
            if gpus is not None and said.racks_gpus is not None and len(said.sites) == 1:
                (broken if gpus % said.racks_gpus else whole).append((said, gpus))
    for chosen, weight in ((broken, Weight.NOTE), (whole, Weight.CONSISTENT)):
        if not chosen:
            continue
        words = [
            f"{gpus_text(gpus)} ({said.name}) {gpus / (said.racks_gpus or 1):,.1f}".removesuffix(
                ".0"
            )
            for said, gpus in chosen
        ]
        is_whole = weight is Weight.CONSISTENT
        end = "whole racks" if is_whole else "racks: round numbers, not counts of what was ordered"
        yield AuditFinding(
            rule="A12",
            weight=weight,
            statements=tuple(dict.fromkeys(said.name for said, _ in chosen)),
            text=f"{listed(words)} {end}.",
            figures={said.name: gpus / (said.racks_gpus or 1) for said, gpus in chosen},
            sources=tuple(
                dict.fromkeys(catalog.system(said.system or "").provenance for said, _ in chosen)
            ),
        )


def parts_against_whole(record: Record) -> Iterator[AuditFinding]:
    """A13: the sum of what lies within a statement against the statement.

    A part as large as the whole is the same figure, said again.
    """
    slack = held.audit_figure("about_tolerance").middle
    for whole in record.in_force():
        gpus = whole.headline.gpus
        if not gpus or whole.kind is DeclaredKind.FUNDED:
            continue
        inside = [said for said in record.parts(whole) if said.headline.gpus]
        parts = [s for s in inside if abs((s.headline.gpus or 0) / gpus - 1) > slack]
        if not parts:
            continue
        total = sum(said.headline.gpus or 0 for said in record.outermost(parts))
        names = listed([said.name for said in parts])
        verb = "hold" if len(parts) > 1 else "holds"
        text = f"{names} {verb} {total:,} of the {gpus_text(gpus)}"
        if total > gpus * (1 + slack):
            weight, end = Weight.CONTRADICTION, ": more than the whole."
        elif total >= gpus * (1 - slack):
            weight = Weight.CONSISTENT
            end = (
                ": they agree." if total == gpus else f" ({share_text(total / gpus)}): they agree."
            )
        else:
            weight = Weight.NOTE
            gone = [
                f"{said.headline.gpus:,} were withdrawn ({said.name})"
                for said in record.statements.values()
                if whole.name in said.within and said.is_withdrawn and said.headline.gpus
            ]
            rest = listed(gone) if gone else "nobody said where the rest goes"
            end = f" ({share_text(total / gpus)}); {rest}."
        yield AuditFinding(
            rule="A13",
            weight=weight,
            statements=(whole.name, *(said.name for said in parts)),
            text=text + end,
            figures={"gpus": gpus, "gpus_parts": total},
            sources=(whole.provenance,),
        )


def claims_on_a_site(record: Record) -> Iterator[AuditFinding]:
    """A14: everything that is promised at one site against the megawatts stated for it.

    Statements that lie within another are counted once; ambitions are not counted.
    """
    for site in record.factory.sites:
        here = record.at(site)
        power = record.outermost(record.powered(site))
        claims = [s for s in record.outermost(here) if s.headline.gpus and s.watts is not None]
        stated_kw = sum(s.headline.power_kw or 0.0 for s in power)
        if len(claims) < 2 and not (claims and claims[0].headline.power_kw is None and stated_kw):
            continue
        needed, gpus = Span(0.0, 0.0), 0
        for said in claims:
            assert said.watts is not None
            gpus += said.headline.gpus or 0
            needed += said.watts.on(None).times(float(said.headline.gpus or 0))
        each = listed([f"{gpus_text(s.headline.gpus or 0)} ({s.name})" for s in claims])
        verb = "draw" if len(claims) > 1 else "that draw"
        text = f"At {site} {each} {verb} {power_text(needed.low, needed.high)}"
        slack = 1 + held.audit_figure("power_tolerance").middle
        values = {"gpus": float(gpus), "power_kw_low": needed.low, "power_kw_high": needed.high}
        if not stated_kw:
            weight, end = Weight.NOTE, "; no megawatts were stated for the site."
        elif needed.low <= stated_kw * slack:
            weight, end = Weight.CONSISTENT, f"; {power_text(stated_kw)} is stated there: they fit."
        else:
            weight = Weight.DOUBT
            end = (
                f"; {power_text(stated_kw)} is stated there. Nobody said that one of them holds "
                "the other, and not all of them fit: part is counted twice, or has no power."
            )
        yield AuditFinding(
            rule="A14",
            weight=weight,
            statements=tuple(dict.fromkeys([s.name for s in (*claims, *power)])),
            text=text + end,
            figures=values | {"power_kw_stated": stated_kw},
            sources=tuple(s.provenance for s in claims),
        )


def restated(record: Record) -> Iterator[AuditFinding]:
    """A15: what became of a statement: raised, lowered, moved, withdrawn."""
    for there in record.in_force(DeclaredKind.INSTALLED, DeclaredKind.UTILISED):
        for name in there.within:
            yield AuditFinding(
                rule="A15",
                weight=Weight.CONSISTENT,
                statements=(name, there.name),
                text=f"{name} was {there.kind.value} by {there.stated}.",
                figures={},
                sources=(there.provenance,),
            )
    for old in record.statements.values():
        if not old.replaced_by:
            continue
        new = record.statements[old.replaced_by]
        if old.is_withdrawn:
            what = gpus_text(old.headline.gpus) if old.headline.gpus else "It"
            text = f"{what} of {old.stated} {'were' if old.headline.gpus else 'was'} withdrawn on "
            text += f"{new.stated}{f': {new.note}' if new.note else ''}."
            weight, values = Weight.DOUBT, {"gpus": float(old.headline.gpus or 0)}
        else:
            weight, text, values = _changed(old, new)
        yield AuditFinding(
            rule="A15",
            weight=weight,
            statements=(old.name, new.name),
            text=text,
            figures=values,
            sources=(old.provenance, new.provenance),
        )


def residency(record: Record) -> Iterator[AuditFinding]:
    """A16: a customer who is bound to places was promised GPUs elsewhere."""
    for said in record.in_force():
        bound = record.factory.organisations.get(said.customer)
        if bound is None or not bound.residency or not said.sites:
            continue
        outside = [
            site
            for site in said.sites
            if site not in bound.residency
            and record.factory.sites[site].country not in bound.residency
        ]
        if outside:
            text = (
                f"{said.customer} may be served in {listed(list(bound.residency))} only, and was "
                f"promised GPUs at {listed(outside)}."
            )
        else:
            text = f"{listed(list(said.sites))} lies where {said.customer} may be served."
        yield AuditFinding(
            rule="A16",
            weight=Weight.CONTRADICTION if outside else Weight.CONSISTENT,
            statements=(said.name,),
            text=text,
            figures={},
            sources=("residency in the factory file",),
        )


def world_supply(record: Record) -> Iterator[AuditFinding]:
    """A17: racks of a statement over the racks that the world gets in a year."""
    supply = held.audit_figure("racks_per_year")
    limit = held.audit_figure("supply_share").middle
    chosen = [s for s in record.in_force() if s.headline.gpus and "nvl72" in (s.system or "")]
    for said in record.outermost(chosen):
        assert said.racks_gpus is not None
        racks = (said.headline.gpus or 0) / said.racks_gpus
        share = Span(racks / supply.high, racks / supply.low)
        if share.high < limit:
            continue
        yield AuditFinding(
            rule="A17",
            weight=Weight.NOTE,
            statements=(said.name,),
            text=(
                f"{gpus_text(said.headline.gpus or 0)} are {racks:,.0f} racks, "
                f"{share_text(share.low, share.high)} of the "
                f"{supply.low:,.0f} to {supply.high:,.0f} that the world gets in a year: it takes "
                "an allocation that the statement should name."
            ),
            figures={"racks": racks, "share_low": share.low, "share_high": share.high},
            sources=(supply.provenance,),
        )


def _changed(old: Statement, new: Statement) -> tuple[Weight, str, dict[str, float]]:
    changes: list[str] = []
    values: dict[str, float] = {}
    weight = Weight.NOTE
    before, after = old.headline, new.headline
    if before.gpus and after.gpus and before.gpus != after.gpus:
        verb = "raised" if after.gpus > before.gpus else "lowered"
        changes.append(f"{verb} from {gpus_text(before.gpus)} to {gpus_text(after.gpus)}")
        values |= {"gpus_before": float(before.gpus), "gpus_after": float(after.gpus)}
    if before.power_kw and after.power_kw and before.power_kw != after.power_kw:
        verb = "raised" if after.power_kw > before.power_kw else "lowered"
        words = f"{power_text(before.power_kw)} to {power_text(after.power_kw)}"
        changes.append(f"{verb} from {words}")
    was, now = _due(before.start, before.by), _due(after.start, after.by)
    if was is not None and now is not None and was.last != now.last:
        weeks = (now.last - was.last) / 7
        verb = "put off" if weeks > 0 else "brought forward"
        changes.append(f"{verb} from {days_text(was)} to {days_text(now)} ({abs(weeks):.0f} weeks)")
        values["slip_days"] = float(now.last - was.last)
        weight = Weight.DOUBT if weeks > 0 else Weight.NOTE
    said = listed(changes) if changes else "said again, unchanged"
    note = f"; {new.note}" if new.note else ""
    return weight, f"On {new.stated} what was stated on {old.stated} was {said}{note}.", values


def _due(start: Days | None, by: Days | None) -> Days | None:
    return by or start
