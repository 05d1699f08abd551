"""A programme ready to be planned: its numbers, its outcomes, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from arkwright.design.blueprint import Assumption
from arkwright.factory import Factory
from arkwright.factory.weather import Weather
from arkwright.plan.answers.funnel import Said
from arkwright.plan.answers.said import said
from arkwright.plan.build import Build, build
from arkwright.plan.draw import futures
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Rollout


class Case(Struct, frozen=True, kw_only=True, eq=False):
    """One programme and the outcomes it is planned for."""

    build: Build
    futures: Futures
    said: dict[str, Said]
    """What the file declares, by step of the funnel."""

    @property
    def rollout(self) -> Rollout:
        """The programme in numbers."""
        return self.build.rollout

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the file left open, with what stands in its place."""
        return self.build.assumptions


def case(
    factory: Factory,
    weather: Mapping[str, Weather] | None = None,
    *,
    outcomes: int | None = None,
    seed: int | None = None,
) -> Case:
    """`factory`'s programme in numbers; `outcomes` and `seed` go before the file's own.

    InputError where there is no programme to plan, with what to add.
    """
    built = build(factory, weather)
    drawn = futures(
        factory, built.rollout, promised=built.as_promised, outcomes=outcomes, seed=seed
    )
    return Case(build=built, futures=drawn, said=said(factory, built.rollout.names.quarters))
