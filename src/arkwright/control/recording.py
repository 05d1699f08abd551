"""Decisions in their one canonical byte form, chained each to its parent."""

from __future__ import annotations

import hashlib

from arkwright.control.store import Decision
from arkwright.fleet import Decided, decision_bytes


def decision_of(decided: Decided, *, now_ms: int, parent: int, policy: str) -> Decision:
    """The decision as it is stored."""
    pairs = [(start.job_id, start.placement.nodes) for start in decided.starts]
    body = decision_bytes(pairs, decided.notices, now_ms=now_ms, parent=parent, policy=policy)
    return Decision(parent + 1, parent, hashlib.sha256(body).hexdigest(), body)
