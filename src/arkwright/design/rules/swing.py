"""L8 and L9: how far and how fast the load moves, where the connection says what it bears."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright import units
from arkwright.catalog import plant
from arkwright.design.blueprint import Severity
from arkwright.design.load_swing import LoadSwing, load_swing
from arkwright.design.rules.fault import FIGURES, Fault
from arkwright.design.whole import Design
from arkwright.factory import Factory
from arkwright.physics import swing


def check(factory: Factory, design: Design) -> Iterator[Fault]:
    """L8: no swing within a step above `grid.swing`. L9: no ramp above `grid.ramp`."""
    for site in design.sites:
        grid = factory.sites[site.plan.name].grid
        if grid.swing is None and grid.ramp is None:
            continue
        found = load_swing(design.blueprint.racks, site)
        if grid.swing is not None and found.smoothed_kw > grid.swing:
            yield _swing(found, site.power.rack_kw_max, grid.swing)
        if grid.ramp is not None:
            yield _ramp(found, grid.ramp)


def _swing(found: LoadSwing, peak_kw: float, allowed_kw: float) -> Fault:
    left = units.render(found.smoothed_kw, "kW", FIGURES)
    stored = f"; {found.storage_kj:,.0f} kJ in the racks counted" if found.storage_kj else ""
    text = (
        f"in a training step of {found.period_s:g} s the load swings by {left} between maximum "
        f"and idle, and the connection bears {units.render(allowed_kw, 'kW')}{stored}"
    )
    needed = found.storage_needed_kj(allowed_kw) / units.KJ_PER_KWH
    fix = (
        f"let no node fall below {found.floor(peak_kw, allowed_kw):.0%} of its maximum, or put "
        f"{units.render(needed, 'kWh', 3)} of fast storage at the connection, or train in jobs "
        "that do not step together"
    )
    margin = units.render(allowed_kw - found.smoothed_kw, "kW", FIGURES)
    return Fault(rule="L8", severity=Severity.WARNING, where=found.site, margin=margin, text=text,
                 fix=fix, source=plant.figures()["training_step_s"].provenance)  # fmt: skip


def _ramp(found: LoadSwing, ramp_kw_per_s: float) -> Fault:
    """A warning where nothing holds the ramp; else a note with the rate to set."""
    limit = units.render(ramp_kw_per_s, "kW/s", FIGURES)
    seconds = float(swing.ramp_s(found.grid_kw, ramp_kw_per_s))
    stored_kwh = float(swing.ramp_kj(found.grid_kw, ramp_kw_per_s)) / units.KJ_PER_KWH
    whole = units.render(found.grid_kw, "kW", FIGURES)
    # Of the nodes' own power, that with its losses it stays within the limit.
    per_gpu_w = ramp_kw_per_s * found.it_kw / found.grid_kw / found.gpus * units.W_PER_KW
    text = f"{whole} from idle to maximum and back take {seconds:,.0f} s at {limit}"
    if found.holds_ramp:
        fix = f"set the power smoothing of each GPU to at most {per_gpu_w:,.3g} W/s up and down"
        return Fault(rule="L9", severity=Severity.NOTE, where=found.site,
                     margin=f"{seconds:,.0f} s", text=text, fix=fix)  # fmt: skip
    text += "; a job that stops drops it at once, and its nodes cannot be told a ramp"
    fix = (
        "take nodes whose power smoothing limits ramps, or put storage at the connection that "
        f"carries {units.render(stored_kwh, 'kWh', 3)}"
    )
    return Fault(rule="L9", severity=Severity.WARNING, where=found.site,
                 margin=f"-{seconds:,.0f} s", text=text, fix=fix)  # fmt: skip
