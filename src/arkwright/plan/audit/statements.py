"""Statements in numbers, as they stood on a day: what is in force, what lies within what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from arkwright import catalog
from arkwright.catalog import Grade
from arkwright.design.money import Exchange
from arkwright.design.span import Span
from arkwright.design.timeline import date_text
from arkwright.factory import Factory
from arkwright.factory.declared_dates import Span as Days
from arkwright.factory.declared_dates import period
from arkwright.factory.declared_spec import (
    Declared,
    DeclaredBasis,
    DeclaredKind,
    DeclaredSize,
)
from arkwright.plan.audit.watts import Watts, watts
from arkwright.units import parse_amount


class Size(Struct, frozen=True, kw_only=True):
    """How much by when."""

    gpus: int | None = None
    power_kw: float | None = None
    basis: DeclaredBasis | None = None
    start: Days | None = None
    by: Days | None = None


class Statement(Struct, frozen=True, kw_only=True):
    """One statement; money in the record's currency."""

    name: str
    kind: DeclaredKind
    stated_day: int
    source: str
    grade: Grade
    note: str
    sites: tuple[str, ...]
    countries: tuple[str | None, ...]
    """Of its sites; of all the factory's where it names none."""
    system: str | None
    is_system_assumed: bool
    """True where other statements about its sites named the system."""
    customer: str
    headline: Size
    phase: Size
    ambition: Size
    phase_money: float | None
    phase_equity: float | None
    contract_value: float | None
    contract_years: float | None
    funds: float
    within: tuple[str, ...]
    updates: tuple[str, ...]
    withdraws: tuple[str, ...]
    replaced_by: str
    """The statement that took its place, or withdrew it; empty while it is in force."""
    is_withdrawn: bool

    @property
    def is_in_force(self) -> bool:
        """Nobody replaced or withdrew it."""
        return not self.replaced_by

    @property
    def provenance(self) -> str:
        """Source, date and grade."""
        return f"{self.source} ({self.stated}, {self.grade.value})"

    @property
    def stated(self) -> str:
        """The day as it is written."""
        return date_text(self.stated_day)

    @property
    def racks_gpus(self) -> int | None:
        """GPUs of a rack of its system."""
        return catalog.system(self.system).gpus_per_rack if self.system else None

    @property
    def watts(self) -> Watts | None:
        """What one of its GPUs draws; None where no system is known."""
        return watts(self.system, self.countries) if self.system else None


class Record(Struct, frozen=True, kw_only=True):
    """Everything stated by a day, oldest first."""

    factory: Factory
    as_of_day: int
    currency: str
    rates: Exchange
    statements: dict[str, Statement]

    def in_force(self, *kinds: DeclaredKind) -> list[Statement]:
        """Those that nobody replaced, of `kinds` where some are given."""
        return [
            said
            for said in self.statements.values()
            if said.is_in_force and (not kinds or said.kind in kinds)
        ]

    def parts(self, whole: Statement) -> list[Statement]:
        """Those in force that lie directly within `whole`."""
        return [said for said in self.in_force() if whole.name in self._holders(said)]

    def outermost(self, chosen: Iterable[Statement]) -> list[Statement]:
        """Of `chosen`, those that lie within no other of them: what can be added up."""
        chosen = list(chosen)
        names = {said.name for said in chosen}
        return [said for said in chosen if not names & set(self._above(said))]

    def at(self, site: str) -> list[Statement]:
        """Those in force about `site` alone."""
        return [said for said in self.in_force() if said.sites == (site,)]

    def first_stated(self, said: Statement) -> int:
        """Day of the first statement about the same: what it replaced, or lies within there."""
        seen, around = {said.name}, [said.name]
        while around:
            one = self.statements[around.pop()]
            for name in (*one.updates, *one.within):
                other = self.statements.get(name)
                if other is not None and name not in seen and other.sites == said.sites:
                    seen.add(name)
                    around.append(name)
        return min(self.statements[name].stated_day for name in seen)

    def powered(self, site: str) -> list[Statement]:
        """Statements of megawatts at `site` that hold: a later one that names none keeps them."""
        found = [
            said
            for said in self.statements.values()
            if said.sites == (site,) and said.headline.power_kw and not said.is_withdrawn
        ]
        return [
            said
            for said in found
            if not said.replaced_by or self.statements[said.replaced_by].headline.power_kw is None
        ]

    def _holders(self, said: Statement) -> Iterator[str]:
        """What holds it directly; of a statement that was replaced, what took its place."""
        for name in said.within:
            seen = set()
            while name in self.statements and name not in seen:
                seen.add(name)
                other = self.statements[name]
                if other.is_in_force or other.is_withdrawn:
                    break
                name = other.replaced_by
            yield name

    def _above(self, said: Statement) -> Iterator[str]:
        seen: set[str] = set()
        around = list(self._holders(said))
        while around:
            name = around.pop()
            if name not in seen:
                seen.add(name)
                yield name
                if name in self.statements:
                    around += self._holders(self.statements[name])


def record(factory: Factory, as_of_day: int | None = None) -> Record:
    """What had been stated by `as_of_day`; None: everything, as on the day of the last one."""
    declared = factory.programme.declared if factory.programme is not None else {}
    days = {name: period(said.stated).first for name, said in declared.items()}
    if as_of_day is None:
        as_of_day = max(days.values(), default=0)
    names = [name for name in sorted(days, key=lambda n: days[n]) if days[name] <= as_of_day]
    known = {name: declared[name] for name in names}
    rates = Exchange(factory.money)
    made = {name: _statement(name, known, factory, rates) for name in known}
    return Record(
        factory=factory,
        as_of_day=as_of_day,
        currency=factory.money.currency,
        rates=rates,
        statements=made,
    )


def _statement(
    name: str, known: dict[str, Declared], factory: Factory, rates: Exchange
) -> Statement:
    said = known[name]
    system = said.system or _system_elsewhere(said, known)
    places = said.sites or tuple(factory.sites)
    phase, contract, funds = said.phase, said.contract, said.funded
    withdrawn = next((n for n, other in known.items() if name in other.withdraws), "")
    updated = next((n for n, other in known.items() if name in other.updates), "")
    return Statement(
        name=name,
        kind=said.kind,
        stated_day=period(said.stated).first,
        source=said.source,
        grade=said.grade,
        note=said.note or "",
        sites=said.sites,
        countries=tuple(dict.fromkeys(factory.sites[site].country for site in places)),
        system=system,
        is_system_assumed=system is not None and said.system is None,
        customer=said.customer or "",
        headline=_size(said.headline),
        phase=_size(phase),
        ambition=_size(said.ambition),
        phase_money=_money(phase.money if phase else None, rates),
        phase_equity=_money(phase.equity if phase else None, rates),
        contract_value=_money(contract.value if contract else None, rates),
        contract_years=contract.years if contract else None,
        funds=sum(
            _money(text, rates) or 0.0 for text in ((funds.equity, funds.debt) if funds else ())
        ),
        within=said.within,
        updates=said.updates,
        withdraws=said.withdraws,
        replaced_by=withdrawn or updated,
        is_withdrawn=bool(withdrawn),
    )


def _system_elsewhere(said: Declared, known: dict[str, Declared]) -> str | None:
    """What other statements about its sites name, the earliest first; else what any names."""
    others = [other for other in known.values() if other.system is not None]
    near = [other for other in others if set(other.sites) & set(said.sites)]
    return next((other.system for other in (*near, *others)), None)


def _size(size: DeclaredSize | None) -> Size:
    if size is None:
        return Size()
    return Size(
        gpus=size.gpus,
        power_kw=size.power,
        basis=size.basis,
        start=period(size.start) if size.start else None,
        by=period(size.by) if size.by else None,
    )


def _money(text: str | None, rates: Exchange) -> float | None:
    if text is None:
        return None
    amount = parse_amount(text)
    return rates.convert(Span(amount.value, amount.value), amount.currency).low
