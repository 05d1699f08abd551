"""Rules about megawatts: do GPUs and power fit each other, and which megawatt is meant."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright.design.span import Span
from arkwright.factory.declared_spec import DeclaredBasis, DeclaredKind
from arkwright.plan.audit.finding import AuditFinding, Weight
from arkwright.plan.audit.statements import Record, Size, Statement
from arkwright.plan.audit.watts import Watts
from arkwright.plan.audit.wording import (
    each_text,
    gpus_text,
    listed,
    power_text,
    share_text,
)

_SUPERCHIP_GPUS = 2
_SIGNED = (DeclaredKind.CONTRACTED, DeclaredKind.INSTALLED, DeclaredKind.UTILISED)


def gpus_against_megawatts(record: Record) -> Iterator[AuditFinding]:
    """A1: MW / GPUs of one statement lies within what a GPU draws by design, and as announced."""
    for said in record.statements.values():
        for what, size in _sizes(said):
            if size.gpus is None or size.power_kw is None or said.watts is None:
                continue
            yield _one(said, what, size, said.watts)


def announced_against_contracted(record: Record) -> Iterator[AuditFinding]:
    """A2: announced MW of the whole programme against what its contracted GPUs draw."""
    signed = record.outermost(said for said in record.in_force(*_SIGNED) if said.headline.gpus)
    drawn = Span(0.0, 0.0)
    gpus = 0
    sources: list[str] = []
    for said in signed:
        if said.watts is not None and said.headline.gpus is not None:
            gpus += said.headline.gpus
            drawn += said.watts.on(DeclaredBasis.UNSTATED).times(said.headline.gpus)
            sources.append(said.watts.source)
    if not gpus:
        return
    for said in record.in_force(DeclaredKind.ANNOUNCED):
        power_kw = said.headline.power_kw
        if said.sites or said.headline.gpus is not None or power_kw is None:
            continue
        share = drawn.times(1 / power_kw)
        each = drawn.times(1 / gpus)
        middle_kw = (drawn.low + drawn.high) / 2
        is_enough = share.low <= 1 <= share.high or share.high >= 1
        text = (
            f"{gpus_text(gpus)} are contracted ({listed([s.name for s in signed])}). At about "
            f"{(each.low + each.high) / 2:.1f} kW each ({each_text(each)}, from IT to grid) they "
            f"draw about {power_text(middle_kw)} ({power_text(drawn.low, drawn.high)}); "
            f"{power_text(power_kw)} is announced. "
        )
        if is_enough:
            text += "The contracts fill what is announced."
        else:
            text += (
                f"The contracts fill {share_text(share.low, share.high)} of it: nothing signed "
                f"stands behind the other {power_text(power_kw - drawn.high, power_kw - drawn.low)}."
            )
        yield AuditFinding(
            rule="A2",
            weight=Weight.CONSISTENT if is_enough else Weight.DOUBT,
            statements=(said.name, *(s.name for s in signed)),
            text=text,
            figures={
                "gpus_contracted": gpus,
                "power_kw_announced": power_kw,
                "power_kw_contracted_low": drawn.low,
                "power_kw_contracted_high": drawn.high,
                "power_kw_contracted": middle_kw,
                "share_low": share.low,
                "share_high": share.high,
            },
            sources=(*dict.fromkeys(sources), said.provenance),
        )


def which_megawatt(record: Record) -> Iterator[AuditFinding]:
    """A4: megawatts without a basis, and what the count would be on each."""
    for said in record.in_force():
        for _, size in _sizes(said):
            if size.power_kw is None or size.basis is None or said.watts is None:
                continue
            if size.basis not in (DeclaredBasis.UNSTATED, DeclaredBasis.AI_CAPACITY):
                continue
            least = size.power_kw / said.watts.grid.high
            most = size.power_kw / said.watts.it.low
            word = "\"AI capacity\" has no definition" if (
                size.basis is DeclaredBasis.AI_CAPACITY
            ) else "no basis is stated"
            yield AuditFinding(
                rule="A4",
                weight=Weight.NOTE,
                statements=(said.name,),
                text=(
                    f"{power_text(size.power_kw)}: {word}. At the grid they carry "
                    f"{gpus_text(round(least, -2))} of {said.system}, as IT power "
                    f"{gpus_text(round(most, -2))}."
                ),
                figures={"power_kw": size.power_kw, "gpus_low": least, "gpus_high": most},
                sources=(said.watts.source,),
            )


def _sizes(said: Statement) -> Iterator[tuple[str, Size]]:
    yield "headline", said.headline
    yield "phase", said.phase
    yield "ambition", said.ambition


def _one(said: Statement, what: str, size: Size, watts: Watts) -> AuditFinding:
    assert size.gpus is not None
    assert size.power_kw is not None
    each = size.power_kw / size.gpus
    own, plausible = watts.on(size.basis), watts.plausible(size.basis)
    needed = own.times(size.gpus)
    assumed = f" ({said.system} is assumed)" if said.is_system_assumed else ""
    part = "" if what == "headline" else f" of the {what}"
    text = (
        f"{gpus_text(size.gpus)}{part} and {power_text(size.power_kw)} are {each:.2f} kW a GPU; "
        f"by design {said.system} draws {each_text(own)}{assumed}"
    )
    is_doubled = plausible.low <= each / _SUPERCHIP_GPUS <= plausible.high
    if plausible.low <= each <= plausible.high:
        weight, end = Weight.CONSISTENT, ": they fit."
    elif each < plausible.low:
        weight = Weight.CONTRADICTION
        fit = Span(size.power_kw / own.high, size.power_kw / own.low)
        end = (
            f". They would need {power_text(needed.low, needed.high)}; "
            f"{power_text(size.power_kw)} carry {gpus_text(fit.low, fit.high)}."
        )
    elif is_doubled:
        weight = Weight.DOUBT
        end = f". It fits if the count is of superchips, {gpus_text(size.gpus * 2)} in all."
    else:
        weight = Weight.DOUBT
        end = (
            f". They need {power_text(needed.low, needed.high)}: the rest has no GPUs that were "
            "named."
        )
    return AuditFinding(
        rule="A1",
        weight=weight,
        statements=(said.name,),
        text=text + end,
        figures={
            "gpus": size.gpus,
            "power_kw": size.power_kw,
            "kw_per_gpu": each,
            "kw_per_gpu_low": own.low,
            "kw_per_gpu_high": own.high,
            "power_kw_needed_low": needed.low,
            "power_kw_needed_high": needed.high,
        },
        sources=(watts.source, said.provenance),
    )
