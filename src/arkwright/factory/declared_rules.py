"""Rules of `programme.declared`: what no statement can say, each with what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from arkwright import catalog, units
from arkwright.catalog.money import exchange_rates
from arkwright.errors import UnitError
from arkwright.factory.declared_dates import Span, period
from arkwright.factory.declared_spec import REACHED, Declared, DeclaredPhase, DeclaredSize
from arkwright.factory.spec import Factory

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""
_EXAMPLE = "for example 2.5 B USD"


def declared_rules(factory: Factory) -> Found:
    """Every broken one."""
    if factory.programme is None:
        return
    said = factory.programme.declared
    for name, statement in said.items():
        path = f"programme.declared.{name}"
        yield from _statement(path, statement, factory)
        yield from _links(path, name, statement, said)
        yield from _sizes(path, statement)
        yield from _amounts(path, statement, factory)


def _statement(path: str, statement: Declared, factory: Factory) -> Found:
    parts = (
        statement.headline,
        statement.phase,
        statement.ambition,
        statement.contract,
        statement.funded,
    )
    if all(part is None for part in parts) and not statement.withdraws:
        right = "give headline, phase, ambition, contract, funded or withdraws"
        yield path, "it declares nothing", right
    for index, site in enumerate(statement.sites):
        if site not in factory.sites:
            yield f"{path}.sites[{index}]", f"unknown site {site!r}", _known(site, factory.sites)
        elif site in statement.sites[:index]:
            yield f"{path}.sites[{index}]", f"{site} is named twice", "name it once"
    if statement.system is not None and statement.system not in catalog.systems():
        found = f"unknown system {statement.system!r}"
        yield f"{path}.system", found, _known(statement.system.lower(), catalog.systems())


def _links(path: str, name: str, statement: Declared, said: dict[str, Declared]) -> Found:
    """Statements that are named exist, are others, and those replaced were made before."""
    for key in ("within", "updates", "withdraws"):
        for index, other in enumerate(getattr(statement, key)):
            here = f"{path}.{key}[{index}]"
            if other == name:
                yield here, "it names itself", "name another statement"
            elif other not in said:
                yield here, f"unknown statement {other!r}", _known(other, said)
            elif key != "within" and said[other].stated > statement.stated:
                found = f"{other} was stated later, on {said[other].stated}"
                yield here, found, "name an earlier statement, or correct `stated`"
            elif key != "within" and name in (*said[other].updates, *said[other].withdraws):
                yield here, f"{other} replaces it too", "one of them came first: keep that order"
    seen, around = {name}, list(statement.within)
    while around:
        other = around.pop()
        if other in said and other not in seen:
            seen.add(other)
            around += said[other].within
            if name in said[other].within and other != name:
                yield f"{path}.within", f"it lies within {other}, which lies within it", "keep one"


def _sizes(path: str, statement: Declared) -> Found:
    stated = _period(statement.stated)
    if stated is None:
        found = f"there is no such day as {statement.stated}"
        yield f"{path}.stated", found, "give the day on which it was said, such as 2025-07-31"
    for key in ("headline", "phase", "ambition"):
        size: DeclaredSize | None = getattr(statement, key)
        if size is not None:
            yield from _size(f"{path}.{key}", size, statement, stated)
    whole, part = statement.headline, statement.phase
    if whole is None or part is None:
        return
    if whole.gpus is not None and part.gpus is not None and part.gpus > whole.gpus:
        found = f"{part.gpus:,} GPUs of a headline of {whole.gpus:,}"
        yield f"{path}.phase.gpus", found, f"a phase is a part: at most {whole.gpus}"
    if (
        whole.power is not None
        and part.power is not None
        and part.basis is whole.basis
        and part.power > whole.power
    ):
        most = units.render(whole.power, "kW")
        found = f"{units.render(part.power, 'kW')} of a headline of {most}"
        yield f"{path}.phase.power", found, f"a phase is a part: at most {most}"


def _size(path: str, size: DeclaredSize, statement: Declared, stated: Span | None) -> Found:
    if size.power is not None and size.basis is None:
        right = "say basis: grid, facility, it or ai-capacity; unstated if the statement does not"
        yield f"{path}.basis", "megawatts without a basis", right
    if size.basis is not None and size.power is None:
        yield f"{path}.basis", "there is no power that it could be the basis of", "leave it out"
    if size.power == 0:
        yield f"{path}.power", "no power at all", "leave it out"
    spans = {}
    for key, written in (("from", size.start), ("by", size.by)):
        span = _period(written) if written is not None else None
        if written is not None and span is None:
            found = f"there is no such day or month as {written}"
            yield f"{path}.{key}", found, "give for example 2026, 2026-Q4, 2026-11 or 2026-11-30"
        elif span is not None:
            spans[key] = span
    if len(spans) == 2 and spans["by"].last < spans["from"].first:
        yield f"{path}.by", f"{size.by} is before {size.start}", "give a later end"
    if stated is not None:
        yield from _against_stated(path, spans, statement, stated)


def _against_stated(path: str, spans: dict[str, Span], statement: Declared, stated: Span) -> Found:
    """What was there when it was stated lies before it; what was promised lies after."""
    for key, span in spans.items():
        is_past = statement.kind in REACHED
        if is_past and span.first > stated.last:
            found = f"{statement.kind.value} in the future: it was stated on {statement.stated}"
            yield f"{path}.{key}", found, "use kind: announced until it is reached"
        elif not is_past and span.last < stated.first:
            found = f"it was over when it was promised on {statement.stated}"
            yield f"{path}.{key}", found, f"give a date after {statement.stated}"


def _amounts(path: str, statement: Declared, factory: Factory) -> Found:
    phase, funds, contract = statement.phase, statement.funded, statement.contract
    written: dict[str, str | None] = {}
    if phase is not None:
        written |= {"phase.money": phase.money, "phase.equity": phase.equity}
        yield from _equity(path, phase)
    if contract is not None:
        written["contract.value"] = contract.value
        if contract.value is None and contract.years is None:
            yield f"{path}.contract", "it says nothing", "give value, years or both"
    if funds is not None:
        written |= {"funded.equity": funds.equity, "funded.debt": funds.debt}
        if funds.equity is None and funds.debt is None:
            yield f"{path}.funded", "it says nothing", "give equity, debt or both"
    for key, text in written.items():
        if text is not None:
            yield from _amount(f"{path}.{key}", text, factory)


def _amount(path: str, text: str, factory: Factory) -> Found:
    try:
        amount = units.parse_amount(text)
    except UnitError as error:
        yield path, str(error), _EXAMPLE
        return
    if amount.value <= 0:
        yield path, f"{text} is no money", _EXAMPLE
    if amount.currency not in {factory.money.currency, *factory.money.rates, *exchange_rates()}:
        found = f"nobody said what {amount.currency} is worth in {factory.money.currency}"
        yield path, found, f"add money: {{rates: {{{amount.currency}: …}}}}"


def _equity(path: str, phase: DeclaredPhase) -> Found:
    """Owners pay a part of a phase, not more than all of it."""
    if phase.money is None or phase.equity is None:
        return
    try:
        whole, part = units.parse_amount(phase.money), units.parse_amount(phase.equity)
    except UnitError:
        return
    if whole.currency == part.currency and part.value > whole.value:
        found = f"{phase.equity} of {phase.money}"
        yield f"{path}.phase.equity", found, f"equity is a part of it: at most {phase.money}"


def _period(written: str) -> Span | None:
    try:
        return period(written)
    except ValueError:
        return None


def _known(written: str, names: Iterable[str]) -> str:
    known = list(names)
    near = difflib.get_close_matches(written, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}known: {', '.join(known) or 'none'}"
