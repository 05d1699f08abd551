"""Rules about money: what a sum buys of what was promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from arkwright.catalog import money as figures
from arkwright.design.span import Span
from arkwright.factory.declared_spec import DeclaredKind
from arkwright.plan.audit.finding import AuditFinding, Weight
from arkwright.plan.audit.statements import Record, Statement
from arkwright.plan.audit.wording import gpus_text, listed, power_text, share_text

_KW_PER_GW = 1e6
_BILLION = 1e9
_KW_PER_MW = 1e3
_HOURS_PER_YEAR = 8760


class Price(NamedTuple):
    """What was published for a system, in the record's currency."""

    per_kw: Span
    """Everything, GPUs included; basis facility."""
    sources: tuple[str, ...]


def price_of(record: Record, system: str) -> Price:
    """Money per kW of facility power: the widest of the published figures for it or for any."""
    rows = [
        row
        for row in figures.cost_bands().values()
        if row.measure == "capex" and row.system in ("", system)
    ]
    span = Span(min(row.low for row in rows), max(row.high for row in rows))
    per_kw = record.rates.convert(span.times(_BILLION / _KW_PER_GW), "USD")
    return Price(per_kw, tuple(row.provenance for row in rows))


def cost_of(record: Record, said: Statement, gpus: int) -> Span | None:
    """What `gpus` of its system cost with everything around them; None without a system."""
    if said.system is None or said.watts is None:
        return None
    return price_of(record, said.system).per_kw.times(said.watts.facility).times(float(gpus))


def phase_against_headline(record: Record) -> Iterator[AuditFinding]:
    """A3: what share of the headline a phase's megawatts, GPUs or money are.

    power / kW a GPU = GPUs it carries; money / published price a GPU where it has neither.
    """
    for said in record.statements.values():
        gpus = said.headline.gpus
        carried = _carried(record, said)
        if not gpus or carried is None:
            continue
        share = carried.times(1 / gpus)
        values = {"gpus": float(gpus), "share_low": share.low, "share_high": share.high}
        text = f"The first phase is {_phase_words(record, said)}"
        if said.phase.gpus is not None:
            text += f": {share_text(share.low)} of the headline's {gpus_text(gpus)}"
        else:
            values |= {"gpus_phase_low": carried.low, "gpus_phase_high": carried.high}
            text += (
                f". It carries {gpus_text(carried.low, carried.high)}, "
                f"{share_text(share.low, share.high)} of the headline's {gpus_text(gpus)}"
            )
        if said.phase_money:
            own = Span(said.phase_money, said.phase_money).over(share)
            values |= {"money": said.phase_money, "cost_low": own.low, "cost_high": own.high}
            text += (
                f": {_money(record, said.phase_money)} buys about {share_text(share.low)} of what "
                f"was announced. All of it costs {own.text(record.currency)} at the phase's price"
            )
            published = cost_of(record, said, gpus)
            if published is not None:
                text += f", {published.text(record.currency)} at published ones"
        yield AuditFinding(
            rule="A3",
            weight=Weight.DOUBT if said.phase_money and share.high < 0.5 else Weight.NOTE,
            statements=(said.name,),
            text=text + ".",
            figures=values,
            sources=(*((said.watts.source,) if said.watts else ()), said.provenance),
        )


def money_against_megawatts(record: Record) -> Iterator[AuditFinding]:
    """A5: money of a phase per MW and per GPU against what was published for the system."""
    for said in record.statements.values():
        if not said.phase_money or said.system is None or said.watts is None:
            continue
        price = price_of(record, said.system)
        power_kw = said.phase.power_kw
        if power_kw is None and said.phase.gpus is not None:
            middle = (said.watts.facility.low + said.watts.facility.high) / 2
            power_kw = said.phase.gpus * middle
        if power_kw is None:
            continue
        per_kw = said.phase_money / power_kw
        fits = price.per_kw.low <= per_kw <= price.per_kw.high
        each = said.watts.facility.times(per_kw)
        text = (
            f"{_money(record, said.phase_money)} for {power_text(power_kw)} is "
            f"{Span(per_kw, per_kw).times(_KW_PER_MW).text(record.currency)} a MW, "
            f"{each.text(record.currency)} a GPU with everything around it; published are "
            f"{price.per_kw.times(_KW_PER_MW).text(record.currency)} a MW"
        )
        if fits:
            weight, end = Weight.CONSISTENT, ": it fits."
        elif per_kw < price.per_kw.low:
            weight, end = Weight.DOUBT, ". That is too little to hold the GPUs as well."
        else:
            weight, end = Weight.DOUBT, ". It pays for more than was named."
        yield AuditFinding(
            rule="A5",
            weight=weight,
            statements=(said.name,),
            text=text + end,
            figures={
                "money_per_kw": per_kw,
                "published_per_kw_low": price.per_kw.low,
                "published_per_kw_high": price.per_kw.high,
            },
            sources=(*price.sources, said.provenance),
        )


def funds_against_cost(record: Record) -> Iterator[AuditFinding]:
    """A6: money raised against the cost of the GPUs that were contracted, else announced."""
    raised = record.outermost(said for said in record.in_force() if said.funds)
    phases = [said for said in record.in_force() if said.phase_equity]
    signed = record.outermost(
        said for said in record.in_force(DeclaredKind.CONTRACTED) if said.headline.gpus
    )
    word = "contracted"
    if not signed:
        said_only = (said for said in record.in_force() if said.headline.gpus)
        signed, word = record.outermost(said_only), "announced"
    funds = sum(said.funds for said in raised)
    costs = [cost_of(record, said, said.headline.gpus or 0) for said in signed]
    cost = sum((each for each in costs if each is not None), Span(0.0, 0.0))
    if not signed or not funds or not cost.high:
        return
    gpus = sum(said.headline.gpus or 0 for said in signed)
    covered = Span(funds / cost.high, funds / cost.low)
    text = (
        f"{_money(record, funds)} was raised ({listed([s.name for s in raised])}). The "
        f"{gpus_text(gpus)} {word} cost {cost.text(record.currency)} at published prices. "
    )
    gap = Span(max(cost.low - funds, 0.0), max(cost.high - funds, 0.0))
    is_covered = covered.high >= 1
    if is_covered:
        text += "It covers them."
    else:
        text += (
            f"It covers {share_text(covered.low, covered.high)}: {gap.text(record.currency)} must "
            "come from lenders, customers or suppliers that nobody named."
        )
    yield AuditFinding(
        rule="A6",
        weight=Weight.CONSISTENT if is_covered else Weight.DOUBT,
        statements=tuple(said.name for said in (*raised, *signed, *phases)),
        text=text,
        figures={
            "funds": funds,
            "gpus": gpus,
            "cost_low": cost.low,
            "cost_high": cost.high,
            "covered_low": covered.low,
            "covered_high": covered.high,
        },
        sources=tuple(
            dict.fromkeys(s for said in signed for s in price_of(record, said.system or "").sources)
        ),
    )


def contract_price(record: Record) -> Iterator[AuditFinding]:
    """A7: contract value / (GPUs x years x 8,760 h) against published costs of a GPU-hour."""
    bands = [row for row in figures.cost_bands().values() if row.measure == "per_gpu_hour"]
    for said in record.in_force():
        gpus, years = said.headline.gpus, said.contract_years
        if said.contract_value is None or not gpus or years is None:
            continue
        hour = said.contract_value / (gpus * years * _HOURS_PER_YEAR)
        known = [row for row in bands if row.system == said.system] or bands
        span = Span(min(row.low for row in known), max(row.high for row in known))
        cost = record.rates.convert(span, "USD")
        fits = round(hour, 2) >= cost.low
        text = (
            f"{_money(record, said.contract_value)} for {gpus_text(gpus)} over {years:g} years is "
            f"{hour:.2f} {record.currency} a GPU-hour, used or not; published costs of ownership "
            f"are {cost.low:.2f} to {cost.high:.2f}"
        )
        end = ": it can be earned." if fits else ": it does not pay for the machines."
        yield AuditFinding(
            rule="A7",
            weight=Weight.CONSISTENT if fits else Weight.DOUBT,
            statements=(said.name,),
            text=text + end,
            figures={
                "price_per_gpu_hour": hour,
                "published_low": cost.low,
                "published_high": cost.high,
            },
            sources=(*(row.provenance for row in known), said.provenance),
        )


def _carried(record: Record, said: Statement) -> Span | None:
    """GPUs that the phase has, that its megawatts carry, or that its money buys."""
    if said.phase.gpus is not None:
        return Span(float(said.phase.gpus), float(said.phase.gpus))
    if said.watts is None:
        return None
    if said.phase.power_kw is None:
        one = cost_of(record, said, 1)
        if not said.phase_money or one is None:
            return None
        return Span(said.phase_money, said.phase_money).over(one)
    each = said.watts.on(said.phase.basis)
    return Span(said.phase.power_kw, said.phase.power_kw).over(each)


def _phase_words(record: Record, said: Statement) -> str:
    parts = []
    if said.phase.gpus is not None:
        parts.append(gpus_text(said.phase.gpus))
    if said.phase.power_kw is not None:
        parts.append(power_text(said.phase.power_kw))
    if said.phase_money:
        parts.append(_money(record, said.phase_money))
    return listed(parts)


def _money(record: Record, amount: float) -> str:
    return Span(amount, amount).text(record.currency)
