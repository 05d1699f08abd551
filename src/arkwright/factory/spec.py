"""The factory file as types: every section of DESIGN §5, frozen.

What a later version will act on is declared as `NotYet`: the key is known, and giving it is refused
with the words "not yet" rather than silently ignored. Longer than most files, for the sections of
one file are read beside each other.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, field

from arkwright.factory.inventory_spec import Inventory
from arkwright.factory.names import (
    Count,
    Country,
    Currency,
    GpuCount,
    Instant,
    Name,
    UnixUser,
)
from arkwright.factory.plant_spec import Climate, Cooling, Power
from arkwright.factory.programme_spec import Programme
from arkwright.factory.section import Section
from arkwright.units import (
    AmountText,
    EnergyPriceText,
    GigabitsPerSecond,
    Gigabytes,
    GramsPerKilowattHour,
    Kilowatts,
    KilowattsPerSecond,
    Metres,
    Seconds,
)

NotYet: TypeAlias = Annotated[Any, Meta(description="Not yet: refused until something acts on it.")]


class PowerBasis(Enum):
    """Where a megawatt is counted. The same factory has four different figures."""

    GRID = "grid"
    """At the connection to the grid: everything."""
    FACILITY = "facility"
    """Everything behind the transformers, cooling included."""
    IT = "it"
    """At the racks."""
    AI_CAPACITY = "ai-capacity"
    """As some announcements say it, without a definition."""


class Grid(Section, frozen=True, kw_only=True):
    """The connection to the electricity grid."""

    connection: Kilowatts | None = None
    """Power that may be drawn; none given means no limit is checked."""
    basis: PowerBasis = PowerBasis.GRID
    zone: str | None = None
    """Price zone, for example NO4."""
    swing: Kilowatts | None = None
    """Most by which the load may change within seconds; none given means no limit is checked."""
    ramp: KilowattsPerSecond | None = None
    """Steepest change of the load over minutes, for example 20 MW/min; none: no limit."""


class Hall(Section, frozen=True, kw_only=True):
    """A room of one kind of system. Give `gpus`, `racks` or `nodes`; whole racks are built.

    With none of them the hall is filled with the racks that `power` carries at their maximum.
    """

    system: str
    """Catalogue name, for example gb300-nvl72."""
    gpus: Count | None = None
    racks: Count | None = None
    nodes: Count | None = None
    """Exactly so many nodes; trays of the last rack stay empty."""
    cpus_per_node: Annotated[float, Meta(gt=0, le=4096)] | None = None
    """Instead of the catalogue's figure."""
    memory_per_node: Gigabytes | None = None
    """Instead of the catalogue's figure."""
    power: Kilowatts | None = None
    """IT power that all racks of the hall may draw together; none sets no limit. Alone, it says how
    many racks there are."""
    rack_power: Kilowatts | None = None
    """IT power that each rack may draw; none sets no limit."""
    budget: AmountText | None = None
    """Money that the hall may take to build with all it needs, for example `300 M USD`: without
    `gpus`, `racks` and `nodes` it says how many racks there are."""


class Fabric(Section, frozen=True, kw_only=True):
    """The scale-out network."""

    scalable_unit_nodes: Count | None = None
    """Nodes whose racks stand together with their switches; none takes the system's own."""
    switch: str | None = None
    """Of the compute fabric, for example sn5600; none takes the catalogue's for the system."""
    planes: Annotated[int, Meta(ge=1, le=8)] | None = None
    """Planes of the compute fabric; none takes the catalogue's for the system."""
    oversubscription: Annotated[float, Meta(ge=1, le=64)] = 1.0
    """Of the compute fabric: most bandwidth into a leaf over bandwidth out of it."""


class StorageLevel(Enum):
    """How much bandwidth a GPU gets from storage, by NVIDIA's published guideline."""

    GOOD = "good"
    BETTER = "better"
    BEST = "best"


class Storage(Section, frozen=True, kw_only=True):
    """Storage beside the nodes, for the training that is intended."""

    level: StorageLevel = StorageLevel.BETTER
    capacity: Gigabytes | None = None
    """At least so much; none takes what the nodes for the bandwidth hold."""
    checkpoint: Gigabytes | None = None
    """Size of the largest checkpoint."""
    checkpoint_within: Seconds | None = None
    """How long writing it may take."""


class Location(Section, frozen=True, kw_only=True):
    """Where a site is, in degrees (WGS 84)."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]


class Link(Section, frozen=True, kw_only=True):
    """A wide-area link to another site."""

    bandwidth: GigabitsPerSecond
    distance: Metres | None = None
    """Length of the fibre; none estimates it from the locations of both sites."""


class EngineKind(Enum):
    """What runs the jobs of a site."""

    LOCAL = "local"
    SLURM = "slurm"
    KUBERNETES = "kubernetes"


class Ownership(Enum):
    """Whether Arkwright has the nodes to itself."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"


class Engine(Section, frozen=True, kw_only=True):
    """How jobs really run at a site. A site without one is a plan only."""

    kind: EngineKind
    nodes: Annotated[int, Meta(ge=1, le=4096)] | None = None
    """Virtual nodes this machine is divided into; none lets the engine decide."""
    gpus_per_node: Annotated[int, Meta(ge=1, le=64)] | None = None
    """Virtual GPUs per virtual node."""
    cpus_per_node: Annotated[float, Meta(gt=0, le=4096)] | None = None
    memory_per_node: Gigabytes | None = None
    restart_grace: Seconds | None = None
    """How long a node may be silent before its gang is restarted elsewhere."""
    ownership: Ownership = Ownership.EXCLUSIVE
    # Of a Slurm cluster; see docs/slurm.md.
    url: str | None = None
    """Where slurmrestd listens, for example http://slurm.example:6820."""
    socket: str | None = None
    """Its Unix socket, instead."""
    token_file: str | None = None
    """A file with a token (JWT); `{user}` in it stands for the Unix user a job runs under."""
    token_command: tuple[str, ...] | str | None = None
    """Prints a token, for example `scontrol token username={user} lifespan=3600`."""
    cli: bool | None = None
    """Use Slurm's commands: instead of slurmrestd, or beside it for what that cannot do. None uses
    them where neither `url` nor `socket` is given."""
    command_prefix: tuple[str, ...] | str | None = None
    """Stands before every command, for example `sudo -n -u {user}`."""
    operator: UnixUser | None = None
    """Unix user whose token or identity lists all jobs and drains nodes; none takes slurm."""
    partition: str | None = None
    """The partition jobs are submitted to, and whose nodes are the site's."""
    reservation: str | None = None
    """The reservation they run in."""
    account: str | None = None
    users: dict[str, UnixUser] = field(default_factory=dict)
    """Unix user of each user of Arkwright; empty takes the same names."""
    output_dir: str | None = None
    """Directory on the file system that the nodes share, for the output of jobs."""
    poll: Annotated[Seconds, Meta(ge=0.1, le=600)] | None = None
    """How often Slurm is asked how jobs stand; none takes 2 s."""


class Energy(Section, frozen=True, kw_only=True):
    """What a kilowatt-hour costs and emits, for the whole factory or one site."""

    price: EnergyPriceText | None = None
    """For example `80 EUR/MWh`; none takes the catalogue's figure for the country, if any."""
    price_source: str | None = None
    carbon: GramsPerKilowattHour | None = None
    """Location-based; none takes the catalogue's figure for the country, if any."""
    carbon_source: str | None = None
    series: NotYet = None
    programmes: NotYet = None


class Site(Section, frozen=True, kw_only=True):
    """One place: its grid, its halls, and the engine that runs its jobs."""

    country: Country | None = None
    operator: str | None = None
    jurisdiction: Country | None = None
    """Whose law governs the operator, where that is not the country's."""
    grid: Grid = Grid()
    pue: Annotated[float, Meta(ge=1, le=3)] | None = None
    """Facility power over IT power, yearly mean."""
    halls: dict[Name, Hall] = field(default_factory=dict)
    inventory: Inventory | None = None
    """Nodes that stand already; `arkwright import slurm` writes it."""
    fabric: Fabric = Fabric()
    engine: Engine | None = None
    energy: Energy | None = None
    """Instead of the factory's, key by key."""
    climate: Climate = Climate()
    power: Power = Power()
    cooling: Cooling = Cooling()
    storage: Storage = Storage()
    location: Location | None = None
    links: dict[Name, Link] = field(default_factory=dict)
    """To other sites, by their names; give each once."""


Years = Annotated[float, Meta(gt=0, le=50)]


class Money(Section, frozen=True, kw_only=True):
    """How costs are counted. What is left out is taken from the catalogue, and said."""

    currency: Currency = "USD"
    """Of every total."""
    rates: dict[Currency, Annotated[float, Meta(gt=0)]] = {}
    """What one unit of another currency is worth in `currency`."""
    utilisation: Annotated[float, Meta(gt=0, le=1)] | None = None
    """Share of the GPU-hours that are used."""
    cost_of_capital: Annotated[float, Meta(ge=0, le=1)] | None = None
    """A year, as a fraction."""
    it_life_years: Years | None = None
    """Over which compute, network and storage are written off."""
    facility_life_years: Years | None = None
    """Over which building, power and cooling are written off."""
    budget: AmountText | None = None
    """What the whole factory may cost to build, for example `2.5 B USD`; one hall may be left
    without a number of racks, and gets what the budget leaves."""


class TypeQuota(Section, frozen=True, kw_only=True):
    """What may be held at once of one GPU type."""

    gpus: GpuCount | None = None
    """None sets no limit."""
    guarantee: GpuCount | None = None
    """What it may always have, taken back from borrowers if need be."""
    lend: GpuCount | None = None
    """How much of an unused guarantee others may borrow; none lends all of it."""


class Quota(TypeQuota, frozen=True, kw_only=True):
    """What may be held at once."""

    share: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    """Weight under `ordering: fair-share`; none takes the guarantee, else the limit, else 1."""
    by_type: dict[str, TypeQuota] = {}
    """Quotas of single GPU types (`h100`), beside the one of all types."""


class Period(Enum):
    """How long a budget lasts; periods begin with a calendar month, UTC."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Budget(Section, frozen=True, kw_only=True):
    """GPU time that may be used in a period."""

    gpu_hours: Annotated[float, Meta(ge=0, le=1_000_000_000)]
    per: Period = Period.MONTH


class Contract(Section, frozen=True, kw_only=True):
    """GPUs bought for a time, without naming nodes: theirs whether used or not."""

    gpus: Count
    start: Instant = field(name="from")
    end: Instant = field(name="until")
    gpu_type: str | None = None
    """None is GPUs of any type."""
    lend: GpuCount = 0
    """How many of them others may borrow while they are not used."""
    usd_per_gpu_hour: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    """What was agreed; told beside the contract."""


class Project(Section, frozen=True, kw_only=True):
    """A part of an organisation with its own share of the organisation's quota."""

    quota: Quota = Quota()
    residency: tuple[str, ...] = ()
    budget: Budget | None = None
    contracts: tuple[Contract, ...] = ()


class Organisation(Section, frozen=True, kw_only=True):
    """A tenant."""

    quota: Quota = Quota()
    projects: dict[Name, Project] = field(default_factory=dict)
    residency: tuple[str, ...] = ()
    """Countries (`NO`) or sites (`narvik`) its jobs may run in; empty means anywhere."""
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    """Added to the priority of every job of the organisation."""
    budget: Budget | None = None
    contracts: tuple[Contract, ...] = ()


class Ordering(Enum):
    """Who goes first."""

    PRIORITY = "priority"
    """Priority, then time of submission."""
    FIFO = "fifo"
    """Time of submission alone; priorities say nothing."""
    SHORTEST_FIRST = "shortest-first"
    """Time limit, shortest first, then time of submission; priorities say nothing."""
    FAIR_SHARE = "fair-share"
    """The project that has used least lately for its share; within it priority, then submission."""
    AGE = "age"
    """Priority and waiting together: a point is worth `age_per_point` of waiting."""
    DEADLINE = "deadline"
    """The latest start that still meets the deadline, earliest first."""


class Backfill(Enum):
    """Whether a later job may use what the first in line cannot use yet."""

    EASY = "easy"
    """If it does not delay the first in line."""
    GREEDY = "greedy"
    """Always; the first in line may wait for ever."""
    NONE = "none"
    CONSERVATIVE = "conservative"
    """If it delays nobody in line."""


class Placement(Enum):
    """Which of the nodes that fit a job takes."""

    ARKWRIGHT = "arkwright"
    """Those that keep most room for the typical jobs; broken domains before whole ones."""
    RANDOM = "random"
    FIRST_FIT = "first-fit"
    BEST_FIT = "best-fit"
    DOT_PRODUCT = "dot-product"
    GPU_PACKING = "gpu-packing"
    GPU_CLUSTERING = "gpu-clustering"
    FGD = "fgd"


class TypicalJob(Section, frozen=True, kw_only=True):
    """What jobs of the factory commonly ask of a node; placement keeps room for such jobs."""

    gpus_per_node: Annotated[float, Meta(ge=0, le=64)]
    cpus_per_node: Annotated[float, Meta(ge=0, le=1024)] = 0
    gpu_types: tuple[str, ...] = ()
    """Models that would do; empty means any."""
    weight: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """How common they are, beside the others."""


class Preemption(Section, frozen=True, kw_only=True):
    """Whether, and how often, a job that runs is told to stop for one that waits."""

    enabled: bool = False
    """Off: nobody is."""
    priority_gap: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    """Within a tier, by how much the priority of the waiting job must be higher."""
    evictions_max: Annotated[int, Meta(ge=0, le=20)] = 3
    """How often one job may lose its place."""
    run_min: Seconds = 300.0
    """Nobody is told to stop sooner after its start."""
    defragment: bool = False
    """Move jobs that fit elsewhere when a gang waits for shape rather than size."""
    moves_max: Annotated[int, Meta(ge=0, le=20)] = 2
    """How often one job may be moved."""


class Policy(Section, frozen=True, kw_only=True):
    """How the scheduler decides."""

    ordering: Ordering = Ordering.PRIORITY
    backfill: Backfill = Backfill.EASY
    placement: Placement = Placement.ARKWRIGHT
    placement_seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    """Of `placement: random`."""
    typical_jobs: Annotated[tuple[TypicalJob, ...], Meta(max_length=1000)] = ()
    """What `arkwright` and `fgd` keep room for."""
    time_limit_default: Seconds | None = None
    """For jobs that give none; none takes the catalogue's default."""
    time_limit_max: Seconds | None = None
    """The most a job may ask for."""
    half_life: Annotated[Seconds, Meta(gt=0, le=1_000_000_000)] | None = None
    """`fair-share` forgets half of what was used in this time; none takes 7 days."""
    age_per_point: Annotated[Seconds, Meta(gt=0, le=1_000_000_000)] | None = None
    """`age`: the waiting that one point of priority is worth; none takes an hour."""
    deadline_default: Annotated[Seconds, Meta(gt=0, le=1_000_000_000)] | None = None
    """`deadline`: jobs without one stand as if due so long after submission; none takes 7 days."""
    preemption: Preemption = Preemption()
    power_tiers: NotYet = None


class Factory(Section, frozen=True, kw_only=True):
    """A whole factory, as its file describes it."""

    factory: Name
    """Its name."""
    include: tuple[str, ...] | str = ()
    """Files, relative to this one, whose keys this file's keys override."""
    sites: dict[Name, Site] = field(default_factory=dict)
    organisations: dict[Name, Organisation] = field(default_factory=dict)
    policy: Policy = Policy()
    energy: Energy = Energy()
    money: Money = Money()
    workloads: NotYet = None
    failures: NotYet = None
    programme: Programme | None = None
    """The roll-out over years, for `arkwright plan`."""
