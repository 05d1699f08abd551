"""Which nodes a job may use by its pool and by what it asks nodes to have: Slurm's partition,
reservation and constraint.

Pools may overlap, so nodes are told apart by their kind: which pools they are in, and what features
they have. The scheduler knows kinds by number (`sched.Nodes.pool`) and of a job the kinds that will
do, as bits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from arkwright import sched
from arkwright.design import Node
from arkwright.errors import InputError
from arkwright.jobs.spec import SlurmOptions

KINDS_MAX: Final = 63
"""What the scheduler's bits hold."""
RESERVED: Final = "reservation:"
"""Before the name of a reservation, which is a pool of its own."""

_TOKEN = re.compile(r"\s*([&|,()\[\]!]|[^&|,()\[\]!\s]+)")


class Kind(NamedTuple):
    """Nodes in the same pools with the same features."""

    pools: frozenset[str]
    features: frozenset[str]


def kinds_of(nodes: Sequence[Node]) -> tuple[Kind, ...]:
    """The kinds there are, in order of first appearance. Where they are too many to count they are
    told apart by their pools only, and a job's constraint says nothing. InputError for too many
    sets of pools."""
    found = tuple(dict.fromkeys(map(_kind, nodes)))
    if len(found) > KINDS_MAX:
        found = tuple(dict.fromkeys(Kind(kind.pools, frozenset()) for kind in found))
    if len(found) > KINDS_MAX:
        raise InputError(
            f"the nodes are in {len(found)} different sets of pools, and {KINDS_MAX} are the most "
            "that can be told apart; let fewer pools overlap"
        )
    return found


def numbers_of(kinds: Sequence[Kind], nodes: Sequence[Node]) -> list[int]:
    """The kind of every node."""
    number = {kind: index for index, kind in enumerate(kinds)}
    alone = {kind.pools: index for index, kind in enumerate(kinds)}
    return [number.get(_kind(node), alone[frozenset(node.pools)]) for node in nodes]


def bits_of(kinds: Sequence[Kind], options: SlurmOptions | None) -> int:
    """The kinds that will do for a job. Nodes in no pool know no partition: they always do."""
    if options is None:
        return sched.ANY
    wanted = [kind for kind in kinds if not kind.pools or _will_do(kind, options)]
    if len(wanted) == len(kinds):
        return sched.ANY
    return sum(1 << index for index, kind in enumerate(kinds) if kind in wanted)


def has_features(constraint: str, features: frozenset[str]) -> bool:
    """Whether a node with `features` may be one of a job with the constraint: `a&b`, `a|b`,
    `[a|b]`, `(a|b)&!c`, `a*2&b*4` (nodes of different kinds in one job: each has one of them).

    What cannot be read keeps nobody out.
    """
    tokens = _TOKEN.findall(constraint)
    if any("*" in token for token in tokens):
        names = {token.partition("*")[0] for token in tokens if token not in "&|,()[]!"}
        return bool(names & features)
    reader = _Reader(tokens, features)
    found = reader.any_of()
    return found if reader.is_at_end and not reader.is_broken else True


def _kind(node: Node) -> Kind:
    return Kind(frozenset(node.pools), frozenset(node.features))


def _will_do(kind: Kind, options: SlurmOptions) -> bool:
    if options.partition is not None and not kind.pools & set(options.partition.split(",")):
        return False
    if options.reservation is not None:
        names = {RESERVED + name for name in options.reservation.split(",")}
        if not kind.pools & names:
            return False
    return options.constraint is None or has_features(options.constraint, kind.features)


class _Reader:
    """Or over and over not over a name or brackets."""

    def __init__(self, tokens: Sequence[str], features: frozenset[str]) -> None:
        self.tokens, self.features, self.at = tokens, features, 0
        self.is_broken = False

    @property
    def is_at_end(self) -> bool:
        return self.at == len(self.tokens)

    def any_of(self) -> bool:
        found = self.all_of()
        while self._takes("|"):
            found = self.all_of() or found
        return found

    def all_of(self) -> bool:
        found = self.one()
        while self._takes("&") or self._takes(","):
            found = self.one() and found
        return found

    def one(self) -> bool:
        if self._takes("!"):
            return not self.one()
        if self._takes("(") or self._takes("["):
            found = self.any_of()
            self.is_broken |= not (self._takes(")") or self._takes("]"))
            return found
        if self.is_at_end or self.tokens[self.at] in "&|,)]":
            self.is_broken = True
            return True
        self.at += 1
        return self.tokens[self.at - 1] in self.features

    def _takes(self, token: str) -> bool:
        is_there = not self.is_at_end and self.tokens[self.at] == token
        self.at += is_there
        return is_there
