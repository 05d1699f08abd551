"""Decisions in their one canonical byte form, chained each to its parent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from arkwright.control.store import Decision
from arkwright.fleet import Start


def decision_of(starts: Sequence[Start], *, now_ms: int, parent: int, policy: str) -> Decision:
    """The decision as bytes: keys sorted, no spaces, so that equal decisions are equal bytes."""
    body = msgspec.json.encode(
        {
            "now_ms": now_ms,
            "parent": parent,
            "policy_sha256": policy,
            "starts": [[start.job_id, list(start.placement.nodes)] for start in starts],
        },
        order="sorted",
    )
    return Decision(parent + 1, parent, hashlib.sha256(body).hexdigest(), body)
