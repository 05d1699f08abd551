"""Capping once more, one watt at a time: obvious and slow."""

from __future__ import annotations

import math
from fractions import Fraction


def caps(draws, limits, rows):
    """As `arkwright.fleet.capping.caps`; the level of a tier sinks watt by watt until it fits."""
    kept = {job: draw.full_w for job, draw in enumerate(draws)}
    for row in rows:
        for tier in (2, 1, 0):
            jobs = [j for j, draw in enumerate(draws) if draw.tier == tier and row in draw.nodes]
            level = max((kept[job] for job in jobs), default=0)
            while _drawn(draws, kept, row) > limits[row] and level > 0:
                level -= 1
                for job in jobs:
                    if kept[job] > level >= draws[job].floor_w:
                        kept[job] = level
    return [kept[job] for job in range(len(draws))]


def _drawn(draws, kept, row):
    total = 0
    for job, draw in enumerate(draws):
        for _ in range(draw.nodes.get(row, 0)):
            total += math.ceil(Fraction(kept[job] * draw.gpu_milli, 1000))
    return total
