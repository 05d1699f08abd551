"""Outcomes drawn from an outlook, each source from its own stream; and how they are drawn on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from arkwright.factory.futures_rules import KINDS
from arkwright.plan.hazards import conditional
from arkwright.plan.outlook import Outlook, kind
from arkwright.plan.rollout import Floats, Ints
from arkwright.plan.streams import normals, rank, uniforms
from arkwright.plan.walks import steps


class Draws(Struct, frozen=True, kw_only=True, eq=False):
    """N outcomes as what chance adds to them, so that each can be cut and go on otherwise."""

    steps: Mapping[str, Floats]
    """(N, T) by walk: what each quarter adds to its deviation. Empty: every price at its mean."""
    once: Mapping[str, Floats]
    """(N,) by hazard, uniform."""
    short: Mapping[str, Floats]
    """(N, T) by generation, uniform: whether a shock of supply begins in the quarter."""

    @property
    def count(self) -> int:
        """N."""
        return len(next(iter(self.once.values())))


def draws(of: Outlook, generations: tuple[str, ...], seed: int, count: int, at: str = "") -> Draws:
    """`count` outcomes. `at` names a node of a tree, whose streams are its own."""
    shape = (count, of.quarters)
    node = f"{at}/" if at else ""
    independent = [normals(seed, f"{node}common/{name}", shape) for name in KINDS]
    common = [
        sum((of.kinds[i, j] * independent[j] for j in range(i + 1)), np.zeros(shape))
        for i in range(len(KINDS))
    ]
    added: dict[str, Floats] = {}
    for name, terms in of.walks.items():
        index = kind(name)
        own = of.alone[index] * normals(seed, f"{node}step/{name}", shape)
        added[name] = steps(terms, common[index] + own, seed, f"{node}jump/{name}")
    short = {name: uniforms(seed, f"{node}short/{name}", shape) for name in generations}
    return Draws(steps=added, once=_once(of, seed, count, node), short=short)


def _once(of: Outlook, seed: int, count: int, node: str) -> dict[str, Floats]:
    """Uniform numbers; those of one site's works through a Gaussian copula."""
    sites = {
        name: normals(seed, f"{node}delay/{name}", (count,)) for name in set(of.site_of.values())
    }
    numbers: dict[str, Floats] = {}
    for name in of.hazards:
        if name in of.site_of:
            own = normals(seed, f"{node}once/{name}", (count,))
            shared = np.sqrt(of.together) * sites[of.site_of[name]]
            numbers[name] = rank(shared + np.sqrt(1 - of.together) * own)
        else:
            numbers[name] = uniforms(seed, f"{node}once/{name}", (count,))
    return numbers


def middle(of: Outlook, generations: tuple[str, ...]) -> Draws:
    """The one outcome in which nothing is by chance: means, and middle delays."""
    once = {name: np.array([0.5 - 1e-12]) for name in of.hazards}
    return Draws(
        steps={}, once=once, short={name: np.ones((1, of.quarters)) for name in generations}
    )


def taken(drawn: Draws, rows: Ints) -> Draws:
    """The outcomes `rows`, which may repeat."""
    return Draws(
        steps={name: values[rows] for name, values in drawn.steps.items()},
        once={name: values[rows] for name, values in drawn.once.items()},
        short={name: values[rows] for name, values in drawn.short.items()},
    )


def joined(parts: list[Draws]) -> Draws:
    """Outcomes of several, one after the other."""
    one = parts[0]
    return Draws(
        steps={name: np.concatenate([part.steps[name] for part in parts]) for name in one.steps},
        once={name: np.concatenate([part.once[name] for part in parts]) for name in one.once},
        short={name: np.concatenate([part.short[name] for part in parts]) for name in one.short},
    )


def continued(of: Outlook, past: Draws, fresh: Draws, at: int) -> Draws:
    """`fresh` outcomes that share with `past` (N of each) all that was seen before quarter `at`.

    Steps are independent, so later ones are simply others; what may happen once is drawn among
    what has not happened yet.
    """

    def cut(old: Mapping[str, Floats], new: Mapping[str, Floats]) -> dict[str, Floats]:
        return {
            name: np.concatenate([old[name][:, :at], new[name][:, at:]], axis=1) for name in old
        }

    once = {
        name: conditional(of.hazards[name], past.once[name], fresh.once[name], at)
        for name in past.once
    }
    return Draws(steps=cut(past.steps, fresh.steps), once=once, short=cut(past.short, fresh.short))
