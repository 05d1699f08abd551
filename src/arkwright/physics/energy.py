"""What energy is worth: power to energy, energy to carbon and money. Arguments broadcast together.

One place for the bill of a live job, the yearly figures of a design and the account of the twin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    # A client that prints a receipt never loads NumPy for it.
    import numpy as np
    from numpy.typing import NDArray

Number = TypeVar("Number", float, "NDArray[np.float64]")

W_MS_PER_KWH = 3.6e9
"""A kilowatt-hour is 1,000 W over 3,600,000 ms."""
G_PER_KG = 1000.0


def energy_kwh(power_ms: Number) -> Number:
    """Energy [kWh] of watts times milliseconds: 2,000 W for half an hour are 3.6e9 W ms, 1 kWh."""
    return power_ms / W_MS_PER_KWH


def facility_kwh(it_kwh: Number, pue: Number) -> Number:
    """What a site takes [kWh] for `it_kwh` of IT energy at the power usage effectiveness `pue`."""
    return it_kwh * pue


def carbon_kg(energy: Number, g_per_kwh: Number) -> Number:
    """Carbon [kg CO2e] of `energy` [kWh]; location-based where the intensity is the grid's."""
    return energy * g_per_kwh / G_PER_KG


def cost(energy: Number, price_per_kwh: Number) -> Number:
    """Money for `energy` [kWh], in the currency of the price."""
    return energy * price_per_kwh
