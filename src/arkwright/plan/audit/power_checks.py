"""Rules about megawatts: do GPUs and power fit each other, and which megawatt is meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from arkwright.design.span import Span
from arkwright.factory.declared_spec import DeclaredBasis, DeclaredKind
from arkwright.plan.audit.finding import AuditFinding, Weight
from arkwright.plan.audit.statements import Record, Size, Statement
from arkwright.plan.audit.statements import record as record_of
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
            if size.gpus is None or size.power_kw is None:
                continue
            if said.watts is not None:
                yield _one(said, what, size, said.watts)
                continue
            yield AuditFinding(
                rule="A1",
                weight=Weight.NOTE,
                statements=(said.name,),
                text=(
                    f"{gpus_text(size.gpus)} and {power_text(size.power_kw)}: no statement names a "
                    "machine, so nothing can be said of its watts, its price or its date."
                ),
                figures={"gpus": size.gpus, "power_kw": size.power_kw},
                sources=(said.provenance,),
            )


def announced_against_contracted(record: Record) -> Iterator[AuditFinding]:
    """A2: announced MW of the whole programme against what its contracted GPUs draw.

    Held against what was contracted by the day of the statement; what was signed since is added.
    """
    for said in record.in_force(DeclaredKind.ANNOUNCED):
        power_kw = said.headline.power_kw
        if said.sites or said.headline.gpus is not None or power_kw is None:
            continue
        then = _signed(record_of(record.factory, said.stated_day))
        if not then.gpus:
            continue
        drawn, each = then.drawn, then.drawn.times(1 / then.gpus)
        share = drawn.times(1 / power_kw)
        text = (
            f"{power_text(power_kw)} is announced; {gpus_text(then.gpus)} were contracted by then. "
            f"At about {then.middle_kw / then.gpus:.1f} kW ({each_text(each)}, from IT to grid) "
            f"they draw about {power_text(then.middle_kw)}: "
        )
        is_filled = share.high >= 1
        if is_filled:
            text += "the contracts fill what is announced."
        else:
            text += (
                f"{share_text(share.low, share.high)} of what is announced. Nothing signed stands "
                f"behind the other {power_text(power_kw - then.middle_kw)}."
            )
        now = _signed(record)
        if now.gpus != then.gpus:
            text += " By now "
            text += (
                f"{gpus_text(now.gpus)} are contracted, about {power_text(now.middle_kw)}."
                if now.gpus
                else "none are contracted."
            )
        yield AuditFinding(
            rule="A2",
            weight=Weight.CONSISTENT if is_filled else Weight.DOUBT,
            statements=(said.name, *then.names),
            text=text,
            figures={
                "gpus_contracted": then.gpus,
                "power_kw_announced": power_kw,
                "power_kw_contracted": then.middle_kw,
                "power_kw_contracted_low": drawn.low,
                "power_kw_contracted_high": drawn.high,
                "share_low": share.low,
                "share_high": share.high,
                "gpus_contracted_now": now.gpus,
            },
            sources=(*then.sources, said.provenance),
        )


def which_megawatt(record: Record) -> Iterator[AuditFinding]:
    """A4: megawatts without a basis, and how many GPUs they are on the widest two."""
    for basis, word in (
        (DeclaredBasis.UNSTATED, "Nobody stated a basis for"),
        (DeclaredBasis.AI_CAPACITY, '"AI capacity" has no definition:'),
    ):
        found = [
            (said, said.headline.power_kw, said.watts)
            for said in record.in_force()
            if said.headline.basis is basis and said.headline.power_kw and said.watts
        ]
        if not found:
            continue
        said, power_kw, each = max(found, key=lambda one: one[1] or 0.0)
        assert power_kw is not None
        assert each is not None
        least, most = power_kw / each.grid.high, power_kw / each.it.low
        listing = listed([f"{power_text(kw or 0.0)} ({one.name})" for one, kw, _ in found])
        yield AuditFinding(
            rule="A4",
            weight=Weight.NOTE,
            statements=tuple(one.name for one, _, _ in found),
            text=(
                f"{word} {listing}. It matters: {power_text(power_kw)} hold "
                f"{gpus_text(least, least)} of {said.system} if counted at the grid and "
                f"{gpus_text(most, most)} as IT power."
            ),
            figures={"power_kw": power_kw, "gpus_low": least, "gpus_high": most},
            sources=(each.source,),
        )


class _Signed(NamedTuple):
    gpus: int
    drawn: Span
    """kW, from IT to grid."""
    middle_kw: float
    names: tuple[str, ...]
    sources: tuple[str, ...]


def _signed(record: Record) -> _Signed:
    """GPUs under contract, each counted once."""
    chosen = record.outermost(
        said for said in record.in_force(*_SIGNED) if said.headline.gpus and said.watts is not None
    )
    drawn, gpus, middle_kw = Span(0.0, 0.0), 0, 0.0
    for said in chosen:
        assert said.watts is not None
        gpus += said.headline.gpus or 0
        middle_kw += said.watts.middle_kw * (said.headline.gpus or 0)
        drawn += said.watts.on(None).times(float(said.headline.gpus or 0))
    sources = dict.fromkeys(said.watts.source for said in chosen if said.watts is not None)
    return _Signed(gpus, drawn, middle_kw, tuple(said.name for said in chosen), tuple(sources))


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
