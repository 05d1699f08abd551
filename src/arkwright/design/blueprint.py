"""Blueprint: what a factory file becomes. Frozen; quick enough to redo at every change."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from arkwright.jobs.spec import Level

LEVELS: tuple[Level, ...] = tuple(Level)
"""Topology levels, smallest first: the order of `Node.domains`."""


class Severity(Enum):
    """How much a finding matters."""

    NOTE = "note"
    WARNING = "warning"
    """A limit is passed, or nothing stands behind a part."""
    ERROR = "error"
    """The result contradicts itself: a bug of the design, not of the file."""


class Finding(Struct, frozen=True, kw_only=True):
    """Something the file's author should know about the result."""

    severity: Severity
    where: str
    """Path of the thing, for example `narvik/h1`."""
    text: str
    source: str = ""
    rule: str = ""
    """Which rule found it, where one has a name."""


class Assumption(Struct, frozen=True, kw_only=True):
    """A value that was used because the file gave none."""

    where: str
    name: str
    value: str
    """With its unit."""
    source: str
    """Source, date and grade."""


class Node(Struct, frozen=True, kw_only=True):
    """One node. `path` is `site/hall/rack/tray` and survives a re-design that only adds racks."""

    path: str
    site: str
    hall: str
    rack: str
    tray: str
    system: str
    """Catalogue name; empty for nodes an engine found."""
    gpus: int
    gpu_type: str
    """Catalogue name, or `virtual`."""
    is_virtual: bool
    cpus: float
    memory_mib: int
    power_kw_max: float | None
    """IT power, its share of the rack; None for nodes an engine found."""
    domains: tuple[str, ...]
    """Name of its domain per level of `LEVELS`; unique within the level."""
    pools: tuple[str, ...] = ()
    """Pools it is in; a node in none is open to every job."""
    features: tuple[str, ...] = ()
    """What a job's constraint can ask for."""


class Rack(Struct, frozen=True, kw_only=True):
    """One rack; full, unless the file counts nodes."""

    path: str
    site: str
    hall: str
    system: str
    nodes: int
    gpus: int
    power_kw_max: float


class HallPlan(Struct, frozen=True, kw_only=True):
    """One hall, filled with whole racks."""

    path: str
    name: str
    system: str
    gpus_asked: int | None
    """None where the file gave racks, nodes or power."""
    gpus: int
    nodes: int
    racks: int
    scale_up_domains: int
    scalable_units: int
    leaf_groups: int
    """Groups of nodes whose NICs end on the same leaves; a rack on two counts to its first."""
    it_power_kw_max: float
    """Sum over racks at the maker's maximum; basis IT, without network and storage."""
    power_kw_asked: float | None = None
    """None unless the file gave nothing else to fill the hall by."""


class SitePlan(Struct, frozen=True, kw_only=True):
    """One site and its power on the way from racks to grid."""

    name: str
    country: str | None
    halls: tuple[HallPlan, ...]
    gpus: int
    nodes: int
    racks: int
    rack_power_kw_max: float
    """Basis IT: racks only."""
    connection_kw: float | None
    connection_basis: str
    it_power_kw_max: float | None = None
    """Basis IT: racks with network, storage and management; None until `whole` designs them."""
    facility_power_kw_max: float | None = None
    """Basis facility; None until `whole` has designed the power chain and the cooling."""


class Blueprint(Struct, frozen=True, kw_only=True):
    """A whole factory, built on paper."""

    name: str
    sites: tuple[SitePlan, ...]
    racks: tuple[Rack, ...]
    nodes: tuple[Node, ...]
    """In file order of sites and halls, then by rack and tray."""
    findings: tuple[Finding, ...]
    assumptions: tuple[Assumption, ...]

    @property
    def gpus(self) -> int:
        """GPUs of all sites."""
        return sum(site.gpus for site in self.sites)
