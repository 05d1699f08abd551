"""What a roll-out needs beside a design: compute of GPUs, lives, values, deposits, build times."""

from __future__ import annotations

from collections.abc import Mapping

from arkwright.catalog import Row, table
from arkwright.catalog.money import Figure
from arkwright.errors import InputError


class GpuCompute(Row, frozen=True, kw_only=True):
    """Dense FLOPS of a GPU beside those of an H100 at the same precision, FP8 where it was read."""

    gpu: str
    dense_tflops: float
    h100_tflops: float
    precision: str

    @property
    def h100_equivalents(self) -> float:
        """The one rule for all GPUs: dense FLOPS over an H100's. Memory is not counted."""
        return self.dense_tflops / self.h100_tflops


class RackValue(Row, frozen=True, kw_only=True):
    """What used racks are worth, as a share of their price."""

    age_years: float
    share: float


class AssetLife(Row, frozen=True, kw_only=True):
    """Over how many years an operator writes GPUs off."""

    operator: str
    years_low: float
    years_high: float


def gpu_compute(gpu: str) -> GpuCompute | None:
    """The compute of `gpu`, or None where its FLOPS were not read."""
    return _gpu_compute().get(gpu)


def rack_values() -> tuple[RackValue, ...]:
    """By age, the new one first."""
    return tuple(table("rack_values.csv", RackValue).values())


def asset_lives() -> Mapping[str, AssetLife]:
    """Every life that was read, by operator."""
    return table("asset_lives.csv", AssetLife)


def figure(name: str) -> Figure:
    """The figure called `name`."""
    known = _figures()
    if name not in known:
        raise InputError(f"unknown figure {name}; the catalogue has {', '.join(known)}")
    return known[name]


def tables() -> list[tuple[str, Mapping[str, Row]]]:
    """Every table with its title, for the catalogue's page."""
    return [
        ("Compute of GPUs", _gpu_compute()),
        ("Figures of a roll-out", _figures()),
        ("Value of used racks", table("rack_values.csv", RackValue)),
        ("Lives of GPUs", asset_lives()),
    ]


def _gpu_compute() -> Mapping[str, GpuCompute]:
    return table("gpu_compute.csv", GpuCompute)


def _figures() -> Mapping[str, Figure]:
    return table("programme_figures.csv", Figure)
