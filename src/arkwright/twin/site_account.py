"""One site of a run hour by hour: IT power, what the site takes beside it, and its meter."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.errors import InternalError
from arkwright.physics.energy import energy_kwh
from arkwright.twin.books import Books
from arkwright.twin.hours import CapBasis, SiteHours
from arkwright.twin.record import Places
from arkwright.twin.site_model import Overhead, SiteModel, overhead
from arkwright.units import W_PER_KW

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Account(Struct, frozen=True, eq=False, kw_only=True):
    """One site. Columns in watts are means of each hour."""

    code: int
    """Index into `Places.sites`."""
    site: str
    width_ms: Floats
    """Of each hour."""
    hours: SiteHours
    busy_w: Floats
    idle_w: Floats
    """[n_hours]: of what no job holds, and of racks without nodes."""
    beside_w: float
    """Of it, racks without nodes."""
    beside_kwh: Floats
    """[n_halls of the run]: of racks without nodes, over the run; 0 in halls of other sites."""
    beside_elsewhere_kwh: float
    """The same, in halls of the site that have no node in the run."""
    over: Overhead
    is_whole: bool
    """Whether losses and cooling are both in the meter."""
    load_max: float
    """IT power of the highest hour over what the design gives the site; 0 without a design."""

    @property
    def it_w(self) -> Floats:
        """Everything at the racks."""
        return self.busy_w + self.idle_w

    @property
    def meter_w(self) -> Floats:
        """Everything that is modelled."""
        modelled = [part for part in (self.over.loss_w, self.over.cooling_w) if len(part)]
        return np.asarray(sum(modelled, self.it_w))

    @property
    def cap_w(self) -> Floats:
        """The cap on the meter; one on less leaves room for what the hour takes beside that."""
        if self.hours.cap_basis is CapBasis.SITE or not len(self.hours.cap_w):
            return self.hours.cap_w
        beside_w = self.beside_w if self.hours.cap_basis is CapBasis.NODES else 0.0
        return np.asarray(self.hours.cap_w + beside_w + self.meter_w - self.it_w)

    def kwh(self, power_w: Floats) -> float | None:
        """Of the run; None where it is not modelled."""
        return float(energy_kwh(power_w * self.width_ms).sum()) if len(power_w) else None


def account_of(
    places: Places,
    found: Books,
    edges_ms: Ints,
    code: int,
    model: SiteModel | None,
    hours: SiteHours,
) -> Account:
    """The hours of the site `code`; InternalError for a hall that `model` lacks."""
    width_ms = np.diff(edges_ms).astype(np.float64)
    own = np.unique(places.hall[places.site == code])
    busy_w, idle_w = found.hall_busy[own] / width_ms, found.hall_idle[own] / width_ms
    beside_w = np.zeros(len(places.halls))
    over, empty_w, load_max = Overhead(), 0.0, 0.0
    if model is not None:
        row = _rows(model, [places.halls[hall] for hall in own.tolist()])
        beside = np.array(model.beside_kw) * W_PER_KW
        hall_w = np.repeat(beside[:, None], len(width_ms), axis=1)
        hall_w[row] += busy_w + idle_w
        over = overhead(model, hall_w, hours)
        beside_w[own] = beside[row]
        # A hall without nodes in this run is fed and cooled all the same.
        empty_w = float(np.delete(beside, row).sum())
        if model.power is not None:
            load_max = float(hall_w.sum(axis=0).max()) / (model.power.it_kw[0] * W_PER_KW)
    return Account(
        code=code,
        site=places.sites[code],
        width_ms=width_ms,
        hours=hours,
        busy_w=busy_w.sum(axis=0),
        idle_w=idle_w.sum(axis=0) + beside_w.sum() + empty_w,
        beside_w=float(beside_w.sum()) + empty_w,
        beside_kwh=energy_kwh(beside_w * width_ms.sum()),
        beside_elsewhere_kwh=energy_kwh(empty_w * float(width_ms.sum())),
        over=over,
        is_whole=model is not None and bool(len(over.cooling_w)),
        load_max=load_max,
    )


def _rows(model: SiteModel, paths: list[str]) -> Ints:
    missing = sorted(set(paths) - set(model.halls))
    if missing:
        raise InternalError(f"energy of a run: no model of the halls {', '.join(missing)}")
    return np.array([model.halls.index(path) for path in paths], dtype=np.int64)
