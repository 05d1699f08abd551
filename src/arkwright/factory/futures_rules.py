"""Rules of the `programme.futures` section: what is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from arkwright import units
from arkwright.catalog.outlook import outlook_figure
from arkwright.errors import UnitError
from arkwright.factory import quarters
from arkwright.factory.event_rules import event_rules
from arkwright.factory.futures_spec import (
    NEVER,
    Correlations,
    Futures,
    Jumps,
    Spread,
    Walk,
    parse_lag,
)
from arkwright.factory.programme_names import ProgrammeNames, programme_names
from arkwright.factory.spec import Factory

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""

_PATH = "programme.futures"
_SUM_TOLERANCE = 1e-6


def futures_rules(factory: Factory) -> Found:
    """Every broken one."""
    if factory.programme is None:
        return
    futures, names = factory.programme.futures, programme_names(factory)
    yield from _walks(futures, names)
    yield from _correlations(f"{_PATH}.correlation", futures.correlation)
    yield from _delays(futures, names)
    yield from _withdrawals(futures, names)
    yield from _stages(futures, names)
    yield from event_rules(f"{_PATH}.tree", futures.tree, names)


def _walks(futures: Futures, names: ProgrammeNames) -> Found:
    yield from _walk(f"{_PATH}.rental", futures.rental)
    for price in ("start", "reverts_to"):
        yield from _rate(f"{_PATH}.rental.{price}", getattr(futures.rental, price), "GPU-h")
        text = getattr(futures.carbon_price, price)
        yield from _rate(f"{_PATH}.carbon_price.{price}", text, "t")
    yield from _walk(f"{_PATH}.carbon_price", futures.carbon_price)
    for zone, walk in futures.energy.items():
        path = f"{_PATH}.energy.{zone}"
        yield from names.unknown(path, zone, "place", "*")
        yield from _walk(path, walk)
        for key, text in (("start", walk.start), ("reverts_to", walk.reverts_to)):
            yield from _energy_price(f"{path}.{key}", text)
    for name, demand in futures.demand.items():
        path = f"{_PATH}.demand.{name}"
        yield from names.unknown(path, name, "class", "*")
        if demand.half_life is not None and demand.half_life <= 0:
            yield f"{path}.half_life", "no time", "for example 4 quarters, or leave it out"


def _walk(path: str, walk: Walk) -> Found:
    if walk.half_life is not None and walk.half_life <= 0:
        yield f"{path}.half_life", "no time", "for example 4 quarters"
    if walk.jumps is not None:
        yield from _jumps(f"{path}.jumps", walk.jumps)


def _jumps(path: str, jumps: Jumps) -> Found:
    if jumps.per_year > 0 and jumps.size == 0 and jumps.spread == 0:
        yield path, "jumps of no size", "give size, for example -0.3, or spread, or per_year: 0"


def _rate(path: str, text: str | None, per: str) -> Found:
    if text is None:
        return
    try:
        if units.parse_rate(text, per).value <= 0:
            yield path, f"{text} is no price to walk from", "a price above 0"
    except UnitError as error:
        yield path, str(error), f"for example 2.5 USD/{per}"


def _energy_price(path: str, text: str | None) -> Found:
    if text is None:
        return
    try:
        if units.parse_price(text).per_kwh <= 0:
            yield path, f"{text} is no price to walk from", "a price above 0 EUR/MWh"
    except UnitError as error:
        yield path, str(error), "for example 40 EUR/MWh"


def _correlations(path: str, correlation: Correlations) -> Found:
    matrix = correlation_matrix(correlation)
    if cholesky(matrix) is None:
        yield (
            path,
            "no prices and demands can go together like that: the matrix of the correlations has "
            "a negative eigenvalue",
            "bring them nearer to 0, or raise zones and classes",
        )


KINDS = ("rental", "demand", "energy", "carbon")


def correlation_matrix(given: Correlations) -> list[list[float]]:
    """(4, 4) over KINDS; the diagonal is the correlation within a kind, 1 where it has one member.

    What the file leaves out is the catalogue's. The members of a kind share a part with these
    covariances and have the rest for themselves.
    """

    def between(name: str) -> float:
        own: float | None = getattr(given, name)
        return outlook_figure(f"corr_{name}").value if own is None else own

    diagonal = {"rental": 1.0, "demand": between("classes"), "energy": between("zones")}
    return [
        [
            diagonal.get(one, 1.0)
            if one == other
            else between("_".join(sorted((one, other), key=KINDS.index)))
            for other in KINDS
        ]
        for one in KINDS
    ]


def cholesky(matrix: Sequence[Sequence[float]]) -> list[list[float]] | None:
    """Lower L with L L' = `matrix`; None where a pivot is negative: no covariances are like that.

    A pivot of 0 is allowed where the rest of its column is 0 too.
    """
    size = len(matrix)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            if i == j:
                if rest < -1e-9:
                    return None
                lower[i][i] = math.sqrt(max(rest, 0.0))
            elif lower[j][j] > 1e-9:
                lower[i][j] = rest / lower[j][j]
            elif abs(rest) > 1e-9:
                return None
    return lower


def _delays(futures: Futures, names: ProgrammeNames) -> Found:
    path, delays = f"{_PATH}.delays", futures.delays
    for key in ("tranches", "halls", "generations"):
        yield from _spread(f"{path}.{key}", getattr(delays, key))
    for site, own in delays.sites.items():
        yield from names.unknown(f"{path}.sites.{site}", site, "site")
        yield from _spread(f"{path}.sites.{site}.tranches", own.tranches)
        yield from _spread(f"{path}.sites.{site}.halls", own.halls)
    for name, spread in delays.each.items():
        yield from names.unknown(f"{path}.each.{name}", name, "work")
        yield from _spread(f"{path}.each.{name}", spread)
    yield from _spread(f"{_PATH}.lives", futures.lives)
    for text in futures.lives or {}:
        if _quarters(text) in (0, NEVER):
            right = "a time above 0, for example 5 years"
            yield f"{_PATH}.lives.{text}", f"racks kept {text}", right
    for key in ("lasts", "later"):
        lag: str | None = getattr(futures.allocation, key)
        if lag is not None and _quarters(lag) in (None, 0, NEVER):
            right = "whole quarters above 0, for example 3 quarters"
            yield f"{_PATH}.allocation.{key}", f"{lag}", right


def _spread(path: str, spread: Spread | None) -> Found:
    if spread is None:
        return
    lags: dict[int, str] = {}
    for text in spread:
        lag = _quarters(text)
        if lag is None:
            yield f"{path}.{text}", "it is no whole number of quarters", "for example 2 quarters"
        elif lag in lags:
            yield f"{path}.{text}", f"it is the same as {lags[lag]}", "give it once"
        else:
            lags[lag] = text
    total = sum(spread.values())
    if abs(total - 1.0) > _SUM_TOLERANCE:
        yield path, f"the probabilities sum to {total:g}", "they must sum to 1"


def _quarters(text: str) -> int | None:
    try:
        return parse_lag(text)
    except ValueError:
        return None


def _withdrawals(futures: Futures, names: ProgrammeNames) -> Found:
    for index, withdrawal in enumerate(futures.withdrawals):
        path = f"{_PATH}.withdrawals[{index}]"
        yield from names.unknown(f"{path}.class", withdrawal.class_, "class")
        yield from names.outside(f"{path}.from", withdrawal.from_)
        if withdrawal.until is not None:
            yield from names.outside(f"{path}.until", withdrawal.until)
            if quarters.number(withdrawal.until) < quarters.number(withdrawal.from_):
                found = f"{withdrawal.until} is before {withdrawal.from_}"
                yield f"{path}.until", found, "a quarter not before from"


def _stages(futures: Futures, names: ProgrammeNames) -> Found:
    path = f"{_PATH}.stages"
    if futures.leaves is not None and not futures.stages:
        right = "add stages, for example stages: [2027-Q1, 2028-Q1], or leave it out"
        yield f"{_PATH}.leaves", "there are no stages to make a tree of", right
    if not futures.stages:
        return
    if futures.tree:
        yield path, "there is a tree too", "leave one of stages and tree out"
    if futures.outcomes == 1:
        yield path, "outcomes is 1, so that nothing is drawn", "draw some, for example 200"
    leaves = futures.leaves
    if leaves is not None and leaves < 2 ** (len(futures.stages) + 1):
        found = f"{leaves} leaves for {len(futures.stages)} stages"
        right = f"at least {2 ** (len(futures.stages) + 1)}: two ways out of each, and of the start"
        yield f"{_PATH}.leaves", found, right
    for index, quarter in enumerate(futures.stages):
        here = f"{path}[{index}]"
        yield from names.outside(here, quarter, is_after_start=True)
        if index and quarters.number(quarter) <= quarters.number(futures.stages[index - 1]):
            found = f"{quarter} is not after {futures.stages[index - 1]}"
            yield here, found, "write them in order, each once"


def spread_of(spread: Mapping[str, float]) -> list[tuple[int, float]]:
    """A checked spread as (quarters, probability), soonest first, NEVER last."""
    known = [(parse_lag(text), share) for text, share in spread.items()]
    return sorted(known, key=lambda pair: (pair[0] == NEVER, pair[0]))
