"""How much a site's load swings when all its nodes train one job, and how it may be held.

The worst case that a grid operator asks about: every node at its maximum, then all at idle, within
a step. Cooling and network do not follow within seconds and are left as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arkwright.catalog import plant
from arkwright.design.blueprint import Rack
from arkwright.design.power_chain import rack_loads
from arkwright.design.whole import SiteDesign
from arkwright.physics import swing


class LoadSwing(Struct, frozen=True, kw_only=True):
    """Of one site; basis grid unless another is named."""

    site: str
    gpus: int
    it_kw: float
    """From idle to maximum of all nodes; basis IT."""
    grid_kw: float
    """The same with the losses that go with it."""
    smoothed_kw: float
    """What is left of it behind the energy stored in the racks."""
    storage_kj: float
    """In the racks' power supplies; basis IT."""
    period_s: float
    duty: float
    holds_ramp: bool
    """Every system can be told how fast its power may rise and fall."""

    def storage_needed_kj(self, allowed_kw: float) -> float:
        """Beside what is stored, so that no more than `allowed_kw` is left; basis grid."""
        return float(swing.storage_kj(self.smoothed_kw, allowed_kw, self.period_s, self.duty))

    def floor(self, peak_kw: float, allowed_kw: float) -> float:
        """Share of the nodes' maximum `peak_kw` (basis IT) not to fall below instead, 0..1."""
        allowed_it_kw = allowed_kw * self.it_kw / self.grid_kw
        return max(0.0, 1.0 - allowed_it_kw / peak_kw)


def load_swing(racks: Sequence[Rack], site: SiteDesign) -> LoadSwing:
    """The swing of `site`, whose racks of nodes are among `racks`."""
    mine = [rack for rack in racks if rack.site == site.plan.name]
    loads = rack_loads(mine)
    period_s, duty = plant.figure("training_step_s"), plant.figure("training_duty")
    known = plant.power_smoothing()
    stored = [
        rack.gpus * (known[rack.system].storage_j_per_gpu or 0.0) / 1000.0
        if rack.system in known
        else 0.0
        for rack in mine
    ]
    left_kw = 0.0
    for load, kj in zip(loads, stored, strict=True):
        wave = swing.Wave(load.peak_kw, load.idle_kw)
        left_kw += float(swing.smoothed(wave, period_s, duty, kj).swing_kw)
    it_kw = sum(load.peak_kw - load.idle_kw for load in loads)
    chain = site.plant.power
    # Losses follow the load, so the feeds see a little more than the racks.
    ratio = (chain.input_kw[0] - chain.input_kw[2]) / (chain.it_kw[0] - chain.it_kw[2])
    return LoadSwing(
        site=site.plan.name,
        gpus=site.plan.gpus,
        it_kw=it_kw,
        grid_kw=it_kw * ratio,
        smoothed_kw=left_kw * ratio,
        storage_kj=sum(stored),
        period_s=period_s,
        duty=duty,
        holds_ramp=all(
            hall.system in known and known[hall.system].holds_ramp for hall in site.plan.halls
        ),
    )
