"""What the catalogue knows, one frozen row per thing. Every row says where and when it was read."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from arkwright.units import MILLI


class Grade(Enum):
    """How far a figure can be trusted, best first."""

    PRIMARY = "primary"
    """Read in the maker's or author's own text."""
    SECONDARY = "secondary"
    """Read in a text that names its source."""
    MEASURED = "measured"
    """Computed from a public data file."""
    DERIVED = "derived"
    """Arithmetic on figures that were read."""
    ESTIMATE = "estimate"
    """No source states it; the source column says how it was estimated."""
    RECALLED = "recalled"
    """From memory, not verified."""
    CHOICE = "choice"
    """Not a fact of the world: how Arkwright behaves unless told otherwise."""


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every row has beside its figures."""

    source: str
    date: str
    """Date of the source, or `read` and the day it was read."""
    grade: Grade
    note: str = ""

    @property
    def provenance(self) -> str:
        """Source, date and grade in one line, for a table's last column."""
        return f"{self.source} ({self.date}, {self.grade.value})"


class Gpu(Row, frozen=True, kw_only=True):
    """One GPU (for a superchip: one of its GPUs). FLOPS are dense; None was not read."""

    name: str
    vendor: str
    title: str
    tdp_w: float | None = None
    hbm_gb: float
    hbm_tb_s: float | None = None
    bf16_dense_tflops: float | None = None
    fp8_dense_tflops: float | None = None
    fp4_dense_tflops: float | None = None
    scaleup_gb_s: float | None = None
    """Both directions together, per GPU."""
    load_w_min: float | None = None
    is_estimate: bool


class System(Row, frozen=True, kw_only=True):
    """A rack's worth of one machine: what a hall is filled with."""

    name: str
    title: str
    gpu: str
    gpus_per_node: int
    nodes_per_rack: int
    scaleup_gpus: int
    """GPUs that share one scale-up (NVLink, Infinity Fabric) domain."""
    rack_power_kw_max: float
    """IT power of a full rack at its maker's maximum."""
    rack_power_kw_typical: float | None = None
    node_power_kw_idle: float | None = None
    liquid_fraction: float | None = None
    """Share of the heat that leaves in liquid."""
    scalable_unit_nodes: int
    """Nodes behind one group of leaf switches."""
    nics_per_node: int | None = None
    nic_gbit_s: float | None = None
    cpus_per_node: int
    memory_gb_per_node: float
    is_estimate: bool
    host_source: str
    """Source of CPUs and memory, which makers let buyers choose."""
    host_grade: Grade

    @property
    def gpus_per_rack(self) -> int:
        """GPUs in a full rack."""
        return self.gpus_per_node * self.nodes_per_rack

    @property
    def node_power_kw_max(self) -> float:
        """A node's share of its rack, switches and shelves included."""
        return self.rack_power_kw_max / self.nodes_per_rack

    @property
    def gpu_power_w_max(self) -> float:
        """A GPU's share of its rack, hosts and switches included."""
        return self.rack_power_kw_max * MILLI / self.gpus_per_rack


class CpuModel(Row, frozen=True, kw_only=True):
    """Watts of a CPU (hardware thread) where nothing can be measured. A model, never a reading."""

    name: str
    watts_per_cpu_idle: float
    watts_per_cpu_busy: float

    def energy_j(self, cpu_s: float) -> float:
        """Joules that `cpu_s` seconds of busy CPU stand for: busy watts times seconds."""
        return self.watts_per_cpu_busy * cpu_s


class Carbon(Row, frozen=True, kw_only=True):
    """Mean carbon intensity of a country's electricity over a year, g CO2e per kWh."""

    country: str
    g_per_kwh: float
    year: int


class Price(Row, frozen=True, kw_only=True):
    """Mean price of electricity to large users in a country."""

    country: str
    price_per_kwh: float
    currency: str
    year: int


class Default(Row, frozen=True, kw_only=True):
    """A value that stands where the factory file gives none."""

    name: str
    value: float
    unit: str = ""
