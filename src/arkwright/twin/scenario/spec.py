"""The scenario file as types. Facts that are left out are the factory's or the catalogue's."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta, field

from arkwright.factory.names import Instant, Name
from arkwright.factory.section import Section
from arkwright.factory.spec import Policy
from arkwright.jobs.spec import Level
from arkwright.twin.checkpoint import Checkpoints
from arkwright.twin.failures import Failures
from arkwright.twin.workload.spec import ColumnMap, Generator
from arkwright.units import EnergyPriceText, GramsPerKilowattHour, Kilowatts, Seconds, quantity

Positive = Annotated[float, Meta(gt=0, le=1e6)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Seed = Annotated[int, Meta(ge=0, lt=2**32)]


class Kind(Enum):
    """Of the document."""

    SCENARIO = "scenario"


class Window(Section, frozen=True, kw_only=True):
    """The part of a trace that is taken, by submission."""

    start: str | None = field(default=None, name="from")
    """An instant (`2026-05-01T00:00:00Z`), or a time since the first submission (`2 d`)."""
    end: str | None = field(default=None, name="until")
    """Likewise; submissions at that very time are left out."""


class Scale(Section, frozen=True, kw_only=True):
    """A trace as another load."""

    run: Positive = 1.0
    """Factor on run times and time limits."""
    arrivals: Positive = 1.0
    """Factor on the gaps between submissions: 0.5 is twice the load."""


class Golden(Section, frozen=True, kw_only=True):
    """Jobs like those of the golden EASY traces: sizes in powers of two, exact time limits."""

    jobs: Count
    load: Annotated[float, Meta(gt=0, le=10)] = 0.85
    stretch: Positive = 1.0
    """Factor on run times, and so on the time that they are submitted in."""


class Workload(Section, frozen=True, kw_only=True):
    """Where jobs come from: give `trace`, `generate` or `golden`."""

    trace: str | None = None
    """A file, relative to this one, in any format of `docs/workloads.md`."""
    format: str | None = None
    """None recognises it."""
    columns: ColumnMap | None = None
    utc_offset: Annotated[float, quantity("s", ge=None)] = 0.0
    """How far the clock of the trace is ahead of UTC."""
    processor_is_gpu: bool = False
    """Of an SWF log."""
    window: Window | None = None
    scale: Scale | None = None
    starts: Instant | None = None
    """When its first job is submitted; none leaves dates as they are, and puts a trace without
    dates at the beginning of the horizon."""
    generate: Generator | None = None
    golden: Golden | None = None
    project: str | None = None
    """Project of the factory that all its jobs are of; none leaves them as they are."""
    exact_limits: bool = False
    """Every job is planned with the time it really takes."""


class Service(Section, frozen=True, kw_only=True):
    """Replicas that run until the end, or until they are told to stop."""

    gpus: Annotated[float, Meta(gt=0, le=1_000_000)]
    """Of one replica; a part of one GPU, or whole ones."""
    replicas: Annotated[int, Meta(ge=1, le=100_000)] = 1
    nodes: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    """Of one replica; none takes as many as its GPUs fill."""
    project: str | None = None
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    start: Instant | None = field(default=None, name="from")
    """None: the beginning of the horizon."""
    end: Instant | None = field(default=None, name="until")
    """None: its end."""


class Event(Section, frozen=True, kw_only=True):
    """Something that happens: give `limit`, `maintenance`, `drain` or `outage`."""

    start: Instant = field(name="from")
    end: Instant | None = field(default=None, name="until")
    """None: until the end of the horizon."""
    limit: Kilowatts | None = None
    """IT power that the racks of `place` may draw together; only ever lowers what stands."""
    place: str | None = None
    """Of the limit: a site, a hall, or another place of the power tree."""
    announced: bool = True
    """The scheduler knows of the limit from the beginning; else it comes as a surprise."""
    maintenance: tuple[str, ...] | None = None
    """Nodes, racks, halls or sites that nobody may hold then; known from the beginning."""
    drain: tuple[str, ...] | None = None
    """Places that take no new work; what runs there goes on."""
    outage: tuple[str, ...] | None = None
    """Places that go out; what runs there stops."""


class Series(Section, frozen=True, kw_only=True):
    """A column of a CSV over time."""

    file: str
    """Relative to this one."""
    place: str | None = None
    """Of its column of places or zones, where it has several."""
    column: str | None = None
    """None finds it by its usual names."""
    clock: str | None = None
    """Time zone of instants without one, such as `Europe/Oslo`; none is UTC."""


class Environment(Section, frozen=True, kw_only=True):
    """What surrounds a site, instead of what the factory says of it."""

    weather: Series | None = None
    price: Series | EnergyPriceText | None = None
    """A series, or one price such as `80 EUR/MWh`."""
    carbon: Series | GramsPerKilowattHour | None = None
    """A series, or one intensity such as `30 g/kWh`."""


class Horizon(Section, frozen=True, kw_only=True):
    """The span that is simulated."""

    start: Instant | None = field(default=None, name="from")
    """None: the first submission."""
    end: Instant | None = field(default=None, name="until")
    """None: when all jobs are over."""
    span: Annotated[Seconds, Meta(gt=0, le=1e10)] | None = field(default=None, name="for")
    """Instead of `until`."""


class Scenario(Section, frozen=True, kw_only=True):
    """A whole scenario file."""

    kind: Kind
    name: Name
    factory: str | dict[Name, str]
    """A factory file, relative to this one; or several by name, to be compared."""
    workloads: Annotated[tuple[Workload, ...], Meta(max_length=1000)] = ()
    services: dict[Name, Service] = field(default_factory=dict)
    policies: dict[Name, Policy] = field(default_factory=dict)
    """Each is laid over the factory's own policy, and run; none runs that alone."""
    failures: Failures | str = "none"
    """Figures, a mix of the catalogue by its name, or `none`."""
    checkpoints: Checkpoints | None = None
    """None: as the catalogue says where there are failures; else jobs write none."""
    pace: dict[Level, Annotated[float, Meta(ge=1, le=100)]] = field(default_factory=dict)
    """Time that a gang takes whose nodes need a domain of this level, over the time it takes side
    by side; a level that is not named is as the one below it."""
    environment: dict[Name, Environment] = field(default_factory=dict)
    """By site."""
    events: Annotated[tuple[Event, ...], Meta(max_length=10_000)] = ()
    horizon: Horizon = Horizon()
    seed: Seed = 0
