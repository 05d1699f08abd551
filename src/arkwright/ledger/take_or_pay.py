"""Take or pay: of the GPU-hours that a customer's contracts have sold it so far, how many it used.

What is used at an instant is what its jobs hold beyond what it is guaranteed besides. GPUs of a
type go to contracts of that type first, what is left of all to contracts of any; of one kind, to
those that began first, then by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from msgspec import Struct

_MS_PER_HOUR: Final = 3_600_000

Gpus: TypeAlias = Mapping[str | None, float]
"""GPUs by type; under None those of all types together."""


class Sold(Struct, frozen=True, kw_only=True):
    """A contract in `[from_ms, until_ms)`."""

    name: str
    gpu_type: str | None
    gpus: int
    from_ms: int
    until_ms: int
    usd_per_gpu_hour: float | None


class Held(Struct, frozen=True, kw_only=True):
    """GPUs that an attempt held in `[from_ms, until_ms)`, by type."""

    from_ms: int
    until_ms: int
    gpus: Mapping[str, float]


class Statement(Struct, frozen=True, kw_only=True):
    """One contract until an instant: what was sold is paid, used or not. GPU-hours, USD."""

    name: str
    until_ms: int
    paid_gpu_hours: float
    used_gpu_hours: float
    unused_gpu_hours: float
    usd: float | None
    """None where no price was agreed."""


def statements(
    contracts: Sequence[Sold], held: Sequence[Held], guaranteed: Gpus, now_ms: int
) -> list[Statement]:
    """Of all contracts of one customer, in their order. `guaranteed`: besides them, always.

    A contract that has not begun has paid nothing. O(held · (log held + contracts)).
    """
    moves = _moves(contracts, held, now_ms)
    used = {each.name: 0.0 for each in contracts}
    first = sorted(contracts, key=lambda each: (each.gpu_type is None, each.from_ms, each.name))
    have: dict[str | None, float] = {None: 0.0}
    for (at_ms, more), (next_ms, _) in pairwise(moves):
        for gpu_type, moved in more.items():
            have[gpu_type] = have.get(gpu_type, 0.0) + moved
            have[None] += moved
        if next_ms == at_ms:
            continue
        left = {kind: max(0.0, gpus - guaranteed.get(kind, 0.0)) for kind, gpus in have.items()}
        for each in first:
            if each.from_ms <= at_ms < each.until_ms:
                taken = min(float(each.gpus), left.get(each.gpu_type, 0.0), left[None])
                used[each.name] += taken * (next_ms - at_ms) / _MS_PER_HOUR
                left[None] -= taken
                if each.gpu_type is not None:
                    left[each.gpu_type] = left.get(each.gpu_type, 0.0) - taken
    return [_statement(each, used[each.name], now_ms) for each in contracts]


def _moves(
    contracts: Sequence[Sold], held: Sequence[Held], now_ms: int
) -> list[tuple[int, Mapping[str, float]]]:
    """By time until now: every instant at which something changes, and by how much is held more."""
    moves: list[tuple[int, Mapping[str, float]]] = [(now_ms, {})]
    moves += [(ms, {}) for each in contracts for ms in (each.from_ms, each.until_ms)]
    for each in held:
        moves.append((each.from_ms, each.gpus))
        moves.append((each.until_ms, {kind: -gpus for kind, gpus in each.gpus.items()}))
    return sorted(((ms, gpus) for ms, gpus in moves if ms <= now_ms), key=lambda move: move[0])


def _statement(contract: Sold, used: float, now_ms: int) -> Statement:
    until_ms = min(contract.until_ms, now_ms)
    paid = contract.gpus * max(0, until_ms - contract.from_ms) / _MS_PER_HOUR
    price = contract.usd_per_gpu_hour
    return Statement(
        name=contract.name,
        until_ms=max(until_ms, contract.from_ms),
        paid_gpu_hours=paid,
        used_gpu_hours=used,
        unused_gpu_hours=paid - used,
        usd=None if price is None else paid * price,
    )
