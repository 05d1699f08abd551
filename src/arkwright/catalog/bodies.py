"""Devices as boxes in a rack: who makes them, what they are called, how high they are.

For inventories such as NetBox. Switches have their own table, with heights.
"""

from __future__ import annotations

from collections.abc import Mapping

from arkwright.catalog import table
from arkwright.catalog.rows import Row
from arkwright.errors import InputError


class DeviceBody(Row, frozen=True, kw_only=True):
    """A node of a system, or something else that stands in a rack."""

    name: str
    """Of the system; or `switch-tray`, `power-shelf`, `pdu`, `server`, `manager`, `storage`."""
    manufacturer: str
    model: str
    height_u: float | None = None
    """None where another table has it."""


def device_bodies() -> Mapping[str, DeviceBody]:
    """Every body, in file order."""
    return table("device_bodies.csv", DeviceBody)


def device_body(name: str) -> DeviceBody:
    """The body called `name`."""
    known = device_bodies()
    if name not in known:
        raise InputError(f"unknown device {name}; the catalogue has {', '.join(known)}")
    return known[name]
