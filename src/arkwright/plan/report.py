"""A plan as one HTML page: what to build when, what it is worth, what it hangs on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arkwright.design.blueprint import Assumption, Finding, Severity
from arkwright.design.report import Report, SiteView, Total
from arkwright.plan.answers.whole import Answers
from arkwright.plan.answers.wording import (
    gpus,
    megawatts,
    millions,
    money,
    share,
)
from arkwright.plan.answers.words import checked, sentences
from arkwright.plan.breach import Breach
from arkwright.plan.sections import funnel, holds, power, risk, rules, what, worth


def report(
    found: Answers,
    findings: Sequence[Finding] = (),
    assumptions: Sequence[Assumption] = (),
    more: Sequence[SiteView] = (),
) -> Report:
    """The page's content; `more` are sections of others, such as an audit or options."""
    parts = (what, funnel, worth, power, holds, risk)
    sections = [*(part.section(found) for part in parts), *more, rules.section(found)]
    said = "" if found.breaches is None else f" {checked(found).capitalize()}."
    names = found.rollout.names.quarters
    return Report(
        title=f"{found.rollout.name}: a plan from {names[0]} to {names[-1]}",
        words=(
            f"{len(found.futures.probability):,} outcomes, money in M {found.rollout.currency} "
            f"at its worth today where it says so. Bands are from P10 to P90.{said}"
        ),
        totals=tuple(_totals(found)),
        sites=tuple(sections),
        findings=(*(_broken(breach) for breach in found.breaches or ()), *findings),
        assumptions=tuple(assumptions),
        said=sentences(found),
    )


def _broken(breach: Breach) -> Finding:
    return Finding(
        severity=Severity.ERROR, where=breach.where, text=breach.words, rule=f"R{breach.rule}"
    )


def _totals(found: Answers) -> Iterator[Total]:
    money_of, currency = found.worth, found.rollout.currency
    low, high = (millions(end) for end in (money_of.npv.low, money_of.npv.high))
    yield Total(
        value=money(money_of.npv.mean, currency),
        title="expected worth (NPV)",
        basis=f"{low} to {high} M",
    )
    tail = share(found.rollout.tail)
    yield Total(
        value=money(money_of.cvar, currency),
        title="in the tail (CVaR)",
        basis=f"mean of the worst {tail}",
    )
    yield Total(value=share(money_of.loss), title="probability of a loss", basis="NPV below 0")
    yield Total(
        value=money(money_of.capex.mean, currency),
        title="paid for grid, halls, racks",
        basis="expected, undiscounted",
    )
    yield Total(
        value=money(money_of.cash_least.low, currency),
        title="least cash",
        basis="worst quarter, one outcome in ten is below",
    )
    last = {step.name: step for step in found.funnel}
    for name in ("energised", "installed", "utilised"):
        step = last[name]
        if step.mw is not None:
            many = "" if step.gpus is None or name == "energised" else (
                f"{gpus(float(step.gpus.mean[-1]))} GPUs, "
            )  # fmt: skip
            yield Total(
                value=megawatts(float(step.mw.mean[-1])),
                title=f"{name} at the end",
                basis=f"{many}expected",
            )
    over = found.overbuild
    yield Total(
        value=share(over.utilisation.mean),
        title="utilisation",
        basis=f"{share(over.utilisation.low)} to {share(over.utilisation.high)}",
    )
    even = found.break_even
    if even.price is not None:
        yield Total(
            value=f"{even.price:.2f} {currency}",
            title="break-even price",
            basis=f"an H100-equivalent hour; {even.price_mean:.2f} expected",
        )
