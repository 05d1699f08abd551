"""A snapshot: the fleet at one instant as canonical bytes, which decide the same wherever read.

    arkwright snapshot 1\\n      format
    {header}\\n                  JSON, keys sorted: names, policy, now, decision, shapes of arrays
    arrays                      int64, little-endian, in the header's order
    sha256                      32 bytes, of everything before

Equal fleets at one instant give equal bytes. The header has the hash of the decision that was taken
from the state and the reason that was given for one job; `replayed` takes and gives them again.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from arkwright import sched
from arkwright.design import PowerLimit
from arkwright.errors import InputError
from arkwright.fleet.lowering import Names
from arkwright.fleet.notices import Notice, notices_of
from arkwright.fleet.quota_tree import ProjectQuota, QuotaRow, QuotaTree
from arkwright.fleet.reasons import WaitReason, in_words
from arkwright.jobs.spec import JobSpec
from arkwright.sched import codes

MAGIC: Final = b"arkwright snapshot "
FORMAT: Final = 1
_DIGEST_BYTES: Final = 32


class Snapshot(Struct, frozen=True, kw_only=True):
    """What decides, with names enough to say what was decided."""

    state: Any
    """`sched.State`."""
    now_ms: int
    parent: int
    """The decision before."""
    backfill: int
    policy_sha256: str
    nodes: Sequence[str]
    jobs: Sequence[str]
    projects: Sequence[str]
    """Names of the first capacity rows."""
    power: Sequence[str]
    """Names of the rows after them."""
    sites: Sequence[str]
    gpu_types: Sequence[str]
    job: str
    """The job whose reason is kept."""
    spec: JobSpec | None
    """As that job was submitted; None once it is over."""


class Replay(Struct, frozen=True, kw_only=True):
    """What a snapshot decides, now and when it was saved."""

    starts: list[tuple[str, list[str]]]
    """Job and nodes, in the scheduler's order."""
    decision: bytes
    """Canonical."""
    sha256: str
    sha256_saved: str
    reason: WaitReason
    reason_saved: dict[str, Any]

    @property
    def is_same(self) -> bool:
        """Whether decision and reason are, byte for byte, what they were."""
        return (
            self.sha256 == self.sha256_saved
            and msgspec.to_builtins(self.reason) == self.reason_saved
        )


class _Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    arrays: list[tuple[str, list[int]]]
    backfill: int
    decision_sha256: str
    gpu_types: list[str]
    job: str
    jobs: list[str]
    nodes: list[str]
    now_ms: int
    parent: int
    policy_sha256: str
    power: list[str]
    projects: list[str]
    reason: dict[str, Any]
    scheduler: int
    sites: list[str]
    spec: JobSpec | None


def decision_bytes(
    starts: Sequence[tuple[str, Sequence[str]]],
    notices: Sequence[Notice] = (),
    *,
    now_ms: int,
    parent: int,
    policy: str,
) -> bytes:
    """A decision in its one form: keys sorted, no spaces, so that equal decisions are equal.

    Without notices there is no word of them: such decisions have the bytes they always had.
    """
    body: dict[str, Any] = {
        "now_ms": now_ms,
        "parent": parent,
        "policy_sha256": policy,
        "starts": [[job_id, list(nodes)] for job_id, nodes in starts],
    }
    if notices:
        body["notices"] = [
            [n.kind.value, n.job_id, list(n.nodes), n.claimant_id, n.why] for n in notices
        ]
    return msgspec.json.encode(body, order="sorted")


def saved(snapshot: Snapshot) -> bytes:
    """The file's bytes; decides and explains once to note what came of it."""
    arrays = sched.arrays_of(snapshot.state)
    decision, _ = _decided(snapshot)
    header = _Header(
        arrays=[(name, list(array.shape)) for name, array in arrays.items()],
        backfill=snapshot.backfill,
        decision_sha256=hashlib.sha256(decision).hexdigest(),
        gpu_types=list(snapshot.gpu_types),
        job=snapshot.job,
        jobs=list(snapshot.jobs),
        nodes=list(snapshot.nodes),
        now_ms=snapshot.now_ms,
        parent=snapshot.parent,
        policy_sha256=snapshot.policy_sha256,
        power=list(snapshot.power),
        projects=list(snapshot.projects),
        reason=msgspec.to_builtins(_explained(snapshot)),
        scheduler=codes.VERSION,
        sites=list(snapshot.sites),
        spec=snapshot.spec,
    )
    body = b"".join(
        [
            MAGIC + f"{FORMAT}\n".encode(),
            msgspec.json.encode(header, order="sorted") + b"\n",
            *(np.ascontiguousarray(array, "<i8").tobytes() for array in arrays.values()),
        ]
    )
    return body + hashlib.sha256(body).digest()


def replayed(data: bytes) -> Replay:
    """Decide and explain again from a file's bytes.

    Raises InputError for what is no snapshot, is damaged, or was saved by a version that decides
    differently.
    """
    snapshot, header = _read(data)
    decision, starts = _decided(snapshot)
    return Replay(
        starts=starts,
        decision=decision,
        sha256=hashlib.sha256(decision).hexdigest(),
        sha256_saved=header.decision_sha256,
        reason=_explained(snapshot),
        reason_saved=header.reason,
    )


def loaded(data: bytes) -> Snapshot:
    """The snapshot in a file's bytes; raises InputError as `replayed` does."""
    return _read(data)[0]


def _decided(snapshot: Snapshot) -> tuple[bytes, list[tuple[str, list[str]]]]:
    trial = sched.copy(snapshot.state)
    found = sched.decisions(trial, snapshot.now_ms, snapshot.backfill)
    starts = [
        (snapshot.jobs[job], [snapshot.nodes[node] for node in sched.nodes_of(trial, job)])
        for job in found.starts
    ]
    decision = decision_bytes(
        starts,
        notices_of(trial, found.notices, snapshot.jobs, snapshot.nodes),
        now_ms=snapshot.now_ms,
        parent=snapshot.parent,
        policy=snapshot.policy_sha256,
    )
    return decision, starts


def _explained(snapshot: Snapshot) -> WaitReason:
    names = Names(
        nodes=(),
        node_index={},
        sites=tuple(snapshot.sites),
        gpu_types=tuple(snapshot.gpu_types),
        projects=(),
        quotas=_named(snapshot.projects),
        row_of_project={},
        power_limits=tuple(PowerLimit(path=path, limit_w=None) for path in snapshot.power),
        row_of_power={},
        row_of_rack={},
        gpu_kw_max={},
    )
    job = snapshot.jobs.index(snapshot.job)
    reason = sched.explain(snapshot.state, job, snapshot.now_ms, snapshot.backfill)
    return in_words(reason, names, snapshot.spec, snapshot.jobs)


def _named(labels: Sequence[str]) -> QuotaTree:
    """Quota rows of which nothing but the names is known, which is all that reasons need."""
    nothing = ProjectQuota(path="", gpus_limit=None)
    return QuotaTree(
        rows=tuple(QuotaRow(label=label, path="", quota=nothing) for label in labels),
        row_of_project={},
        row_of_type={},
        row_of_budget={},
    )


def _read(data: bytes) -> tuple[Snapshot, _Header]:
    first, _, rest = data.partition(b"\n")
    if not first.startswith(MAGIC) or len(data) < _DIGEST_BYTES:
        raise InputError("this is no snapshot; `arkwright why JOB --save FILE` writes one")
    if first != MAGIC + f"{FORMAT}".encode():
        version = first.removeprefix(MAGIC)[:20].decode("ascii", "replace")
        raise InputError(
            f"this is a snapshot of format {version}; this version reads format {FORMAT}: "
            "use the version of Arkwright that saved it"
        )
    if hashlib.sha256(data[:-_DIGEST_BYTES]).digest() != data[-_DIGEST_BYTES:]:
        raise InputError("the snapshot is damaged: its checksum does not fit; copy it again")
    text, _, body = rest[:-_DIGEST_BYTES].partition(b"\n")
    header = _header(text)
    state = sched.state_of(_arrays(header, body))
    counts = {"jobs": int(state.job_count[0]), "nodes": len(state.node_state)}
    for what, count in counts.items():
        if len(getattr(header, what)) != count:
            raise InputError(f"the snapshot names {what} other than the {count} it has")
    named = len(header.projects) + len(header.power)
    if header.job not in header.jobs or named > len(state.row_limit):
        raise InputError("the snapshot names a job or a limit that it does not have")
    return _snapshot(header, state), header


def _header(text: bytes) -> _Header:
    try:
        fields = msgspec.json.decode(text)
        version = fields["scheduler"]
        if version != codes.VERSION:
            raise InputError(
                f"the snapshot was saved by scheduler version {version}; this one is version "
                f"{codes.VERSION} and may decide differently: use the version that saved it"
            )
        return msgspec.convert(fields, _Header)
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError) as error:
        raise InputError(f"the snapshot's header cannot be read: {error}") from None


def _arrays(header: _Header, body: bytes) -> Mapping[str, Any]:
    sizes = [8 * math.prod(shape) for _, shape in header.arrays]
    if sum(sizes) != len(body) or any(min(shape, default=0) < 0 for _, shape in header.arrays):
        raise InputError(f"the snapshot holds {len(body)} bytes of state, {sum(sizes)} are named")
    arrays, place = {}, 0
    for (name, shape), size in zip(header.arrays, sizes, strict=True):
        arrays[name] = np.frombuffer(body, "<i8", size // 8, place).reshape(shape)
        place += size
    return arrays


def _snapshot(header: _Header, state: sched.State) -> Snapshot:
    same = ("now_ms", "parent", "backfill", "policy_sha256", "job", "spec")
    names = ("nodes", "jobs", "projects", "power", "sites", "gpu_types")
    fields = {name: getattr(header, name) for name in same + names}
    return Snapshot(state=state, **fields)
