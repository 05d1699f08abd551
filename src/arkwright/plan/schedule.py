"""What was decided."""

from __future__ import annotations

from msgspec import Struct

from arkwright.plan.rollout import Floats


class Schedule(Struct, frozen=True, kw_only=True, eq=False):
    """A decision in every slot; axes as in `rollout`, M slots as in `futures`."""

    starts: Floats
    """(K, M) 0 or 1."""
    halls: Floats
    """(P, M) halls begun, whole."""
    racks: Floats
    """(P, G, M) ordered, whole."""
    signed: Floats
    """(J, M) MW."""
    drawn: Floats
    """(F, M) M."""
