"""Catalogue: hardware facts and defaults as data, each with its source, date and grade.

Tables are read on first use and kept. `gpu`, `system`, `cpu_model`, `default` raise InputError for
an unknown name and list the known ones; `carbon` and `price` return None for a country not listed,
because a wrong figure on a receipt is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TypeVar

from arkwright.catalog.rows import Carbon, CpuModel, Default, Gpu, Grade, Price, Row, System
from arkwright.catalog.table import rows
from arkwright.errors import CatalogError, InputError

__all__ = [
    "Carbon", "CpuModel", "Default", "Gpu", "Grade", "Price", "Row", "System", "carbon",
    "cpu_model", "default", "defaults", "gpu", "gpus", "price", "system", "systems", "table",
]  # fmt: skip

R = TypeVar("R", bound=Row)


def gpu(name: str) -> Gpu:
    """The GPU called `name`."""
    return _one(gpus(), name, "GPU")


def system(name: str) -> System:
    """The system called `name`, for example `gb300-nvl72`."""
    return _one(systems(), name, "system")


def cpu_model(name: str = "cloud-mean") -> CpuModel:
    """The energy model used where no counter can be read."""
    models: Mapping[str, CpuModel] = table("cpu_models.csv", CpuModel)
    return _one(models, name, "CPU model")


def default(name: str) -> Default:
    """The value that stands where the factory file gives none."""
    return _one(defaults(), name, "default")


def carbon(country: str | None) -> Carbon | None:
    """Yearly mean carbon intensity of `country` (ISO 3166 alpha-2), or None."""
    return table("carbon.csv", Carbon).get(country or "")


def price(country: str | None) -> Price | None:
    """Mean electricity price in `country` (ISO 3166 alpha-2), or None."""
    return table("prices.csv", Price).get(country or "")


def gpus() -> Mapping[str, Gpu]:
    """Every GPU, in file order."""
    return table("gpus.csv", Gpu)


@cache
def systems() -> Mapping[str, System]:
    """Every system, in file order; each names a GPU of the catalogue."""
    found = table("systems.csv", System)
    for row in found.values():
        if row.gpu not in gpus():
            raise CatalogError(f"catalogue systems.csv: {row.name} has the unknown GPU {row.gpu}")
    return found


def defaults() -> Mapping[str, Default]:
    """Every default, in file order."""
    return table("defaults.csv", Default)


@cache
def table(file: str, type_: type[R]) -> Mapping[str, R]:
    """The rows of one data file, checked."""
    source = resources.files("arkwright.catalog") / "data" / file
    return rows(source.read_text(encoding="utf-8"), file, type_)


def _one(found: Mapping[str, R], name: str, kind: str) -> R:
    if name not in found:
        raise InputError(f"unknown {kind} {name}; the catalogue has {', '.join(found)}")
    return found[name]
