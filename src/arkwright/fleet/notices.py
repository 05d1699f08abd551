"""What a cycle decides besides starts, in names: claims, claims given up, who is told to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

from arkwright import sched


class NoticeKind(Enum):
    """What happens to the job of a notice."""

    CLAIM = "claim"
    UNCLAIM = "unclaim"
    PREEMPT = "preempt"


class Notice(Struct, frozen=True, kw_only=True):
    """One line of a decision, to be recorded after its starts and in its order."""

    kind: NoticeKind
    job_id: str
    nodes: tuple[str, ...] = ()
    """What a claim keeps for the job."""
    claimant_id: str = ""
    """For whom the job is told to stop."""
    why: str = ""
    """`evicted` or `moved`."""


WHY: Final[Mapping[int, str]] = {0: "", sched.EVICTED: "evicted", sched.MOVED: "moved"}
WHY_CODES: Final[Mapping[str, int]] = {word: code for code, word in WHY.items() if word}
_KINDS: Final = {
    sched.CLAIM: NoticeKind.CLAIM,
    sched.UNCLAIM: NoticeKind.UNCLAIM,
    sched.PREEMPT: NoticeKind.PREEMPT,
}


def notices_of(
    decided: sched.State,
    notices: Sequence[sched.Notice],
    job_ids: Sequence[str],
    node_paths: Sequence[str],
) -> tuple[Notice, ...]:
    """The scheduler's notices in names; `decided` is the state they were decided on."""
    return tuple(
        Notice(
            kind=_KINDS[notice.kind],
            job_id=job_ids[notice.job],
            nodes=tuple(node_paths[node] for node in sched.claimed_by(decided, notice.job))
            if notice.kind == sched.CLAIM
            else (),
            claimant_id=job_ids[notice.claimant] if notice.claimant >= 0 else "",
            why=WHY[notice.why],
        )
        for notice in notices
    )
