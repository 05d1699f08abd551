"""The dialects of slurmrestd: v0.0.38 (a word list of sbatch's options) and v0.0.39 and later (data
parsers). Pure: from paths to a version, from a submission to a body, from a body to records.

Shapes: the OpenAPI documents that slurmrestd 22.05 and 26.05 serve at `/openapi/v3`; the numbers of
errors are those of Slurm's `slurm/slurm_errno.h`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from arkwright.engines.slurm.records import SlurmJob, SlurmNode, Submission
from arkwright.engines.slurm.text import gpus
from arkwright.errors import EngineError

One = TypeVar("One")
OLDEST, NEWEST = 38, 49
"""Data parsers from v0.0.39 on are one dialect; those to come are taken to be of it as well."""
_SUBMIT = re.compile(r"^/slurm/v0\.0\.(\d+)/job/submit/?$")
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""A job that arrives by REST has no environment but what it is given."""

NOT_SENT = frozenset({11, 1001, 1800, 1804, 2027})
"""Connection refused, or the controller is on standby or asks to come again: nothing was done."""
OWN = range(2000, 5000)
"""Errors of slurmctld and slurmd themselves."""
UNSPECIFIED = -1
NO_CHANGE = 1900
UNKNOWN_JOB = frozenset({2017})
ALREADY_OVER = frozenset({2021})
AUTHENTICATION = frozenset({1007, 1010, 6000, 6001, 6002, 6003, 6004, 6005})


class Dialect(NamedTuple):
    """Which version to speak, and what it can do."""

    number: int
    has_states: bool
    """`/jobs/state/`: ids and states alone (Slurm 24.05 and later)."""
    has_accounting: bool

    @property
    def version(self) -> str:
        """As it stands in paths."""
        return f"v0.0.{self.number}"

    @property
    def is_word_list(self) -> bool:
        """v0.0.38: other names, plain numbers, the script beside the job."""
        return self.number < 39


def choose(paths: Iterable[str]) -> Dialect:
    """The newest version of `/openapi/v3` that we speak. Raises EngineError."""
    paths = list(paths)
    found = sorted(int(match[1]) for path in paths if (match := _SUBMIT.match(path)))
    known = [number for number in found if OLDEST <= number <= NEWEST]
    if not known:
        said = ", ".join(f"v0.0.{number}" for number in found) or "no version at all"
        raise EngineError(
            f"slurmrestd offers {said}; Arkwright speaks v0.0.{OLDEST} and later (Slurm 22.05):"
            " start it with the plugins openapi/slurmctld or openapi/v0.0.38"
        )
    version = f"v0.0.{known[-1]}"
    return Dialect(
        number=known[-1],
        has_states=f"/slurm/{version}/jobs/state/" in paths,
        has_accounting=f"/slurmdb/{version}/jobs/" in paths or f"/slurmdb/{version}/jobs" in paths,
    )


def submit_body(dialect: Dialect, wanted: Submission) -> dict[str, Any]:
    """Body of POST `/slurm/{version}/job/submit`."""
    job: dict[str, Any] = {
        "name": wanted.name,
        "comment": wanted.comment,
        "current_working_directory": wanted.workdir,
        "standard_output": wanted.output,
        "standard_error": wanted.output,
        "tasks": wanted.tasks,
        "tasks_per_node": wanted.tasks_per_node,
        "cpus_per_task": wanted.cpus_per_task,
    }
    optional = {
        "partition": wanted.partition,
        "reservation": wanted.reservation,
        "account": wanted.account,
        "qos": wanted.qos,
        "licenses": wanted.licenses,
    }
    job |= {key: value for key, value in optional.items() if value is not None}
    gpus = f"{wanted.gpu_gres}:{wanted.gpus_per_node}" if wanted.gpus_per_node else ""
    count = len(wanted.nodes)
    if dialect.is_word_list:
        job |= {
            "environment": {"PATH": _PATH.partition("=")[2]},
            "nodes": [count, count],
            "nodelist": ",".join(wanted.nodes),
            # The option takes no word but its own negation.
            "no_requeue": True,
        }
        job |= {"gres": gpus} if gpus else {}
        job |= {"constraints": wanted.constraint} if wanted.constraint else {}
        job |= {"exclusive": "exclusive"} if wanted.is_exclusive else {}
        if wanted.memory_per_node_mib:
            job["memory_per_node"] = wanted.memory_per_node_mib
        if wanted.time_limit_min is not None:
            job["time_limit"] = wanted.time_limit_min
        return {"job": job, "script": wanted.script}
    job |= {
        "environment": [_PATH],
        "nodes": str(count),
        "required_nodes": list(wanted.nodes),
        "requeue": False,
        "script": wanted.script,
    }
    job |= {"tres_per_node": f"gres/{gpus}"} if gpus else {}
    job |= {"constraints": wanted.constraint} if wanted.constraint else {}
    job |= {"shared": ["none"]} if wanted.is_exclusive else {}
    if wanted.memory_per_node_mib:
        job["memory_per_node"] = {"set": True, "number": wanted.memory_per_node_mib}
    if wanted.time_limit_min is not None:
        job["time_limit"] = {"set": True, "number": wanted.time_limit_min}
    return {"job": job}


def node_body(state: str, reason: str) -> dict[str, Any]:
    """Body of POST `/slurm/{version}/node/{name}`, v0.0.39 and later."""
    return {"state": [state]} | ({"reason": reason} if reason else {})


class _Fault(Struct):
    error: str | None = None
    description: str | None = None
    error_number: int | None = None
    error_code: int | None = None
    errno: int | None = None
    source: str | None = None


class Fault(NamedTuple):
    """One error of an answer."""

    number: int
    words: str


def is_refusal(told: Iterable[Fault]) -> bool:
    """Whether Slurm understood and said no: its own errors, from 2000 on. Others (unspecified,
    communication, sockets from 5000) leave open whether it was done."""
    return any(fault.number in OWN or fault.number >= 6000 for fault in told)


class _Faults(Struct):
    errors: list[_Fault] | None = None


def faults(body: bytes) -> list[Fault] | None:
    """Errors an answer carries; None when it is no answer of slurmrestd's."""
    try:
        found = msgspec.json.decode(body, type=_Faults)
    except msgspec.MsgspecError:
        return None
    return [_fault(each) for each in found.errors or []]


def _fault(told: _Fault) -> Fault:
    number = told.error_number or told.error_code or told.errno or 0
    texts = dict.fromkeys(text.strip() for text in (told.error, told.description) if text)
    return Fault(number, "; ".join(texts) or f"error {number}")


class _Submitted(Struct):
    job_id: int | None = None


def submitted(body: bytes) -> int | None:
    """The number of the job an answer to `submit` tells; None when it tells none."""
    try:
        return msgspec.json.decode(body, type=_Submitted).job_id or None
    except msgspec.MsgspecError:
        return None


class _Number(Struct):
    number: float | None = None


_Num = int | float | _Number | None


class _Signal(Struct):
    id: _Num = None


class _ExitCode(Struct):
    return_code: _Num = None
    signal: _Signal | None = None


class _Job(Struct):
    """Both dialects' names; what is not read is skipped by the decoder."""

    job_id: int | str | None = None
    name: str | None = None
    job_state: str | list[str] | None = None
    state: str | list[str] | None = None
    state_reason: str | None = None
    state_description: str | None = None
    user_name: str | None = None
    nodes: str | None = None
    exit_code: int | _ExitCode | None = None
    submit_time: _Num = None
    start_time: _Num = None
    end_time: _Num = None
    restart_cnt: _Num = None
    failed_node: str | None = None


class _Jobs(Struct):
    jobs: list[_Job] | None = None
    last_update: _Num = None


class Listed(NamedTuple, Generic[One]):
    """A list of jobs or nodes, and when it last changed (the cluster's clock; 0 when not told)."""

    items: tuple[One, ...]
    changed_s: int


def jobs_of(body: bytes) -> Listed[SlurmJob]:
    """Answer to GET `/jobs/` and `/job/{id}`. Raises msgspec.MsgspecError."""
    told = msgspec.json.decode(body, type=_Jobs)
    return Listed(tuple(map(_job, told.jobs or [])), _int(told.last_update))


def states_of(body: bytes) -> dict[int, tuple[str, ...]]:
    """Answer to GET `/jobs/state/`. Array tasks that are not split off are left out."""
    told = msgspec.json.decode(body, type=_Jobs)
    return {
        int(each.job_id): _states(each.state or each.job_state)
        for each in told.jobs or []
        if each.job_id is not None and str(each.job_id).isdigit()
    }


def _job(told: _Job) -> SlurmJob:
    return SlurmJob(
        id=int(told.job_id or 0),
        name=told.name or "",
        states=_states(told.job_state),
        reason="" if told.state_reason in (None, "None") else told.state_reason,
        detail=told.state_description or "",
        user=told.user_name or "",
        nodes=told.nodes or "",
        exit_code=_exit_code(told.exit_code),
        submit_s=_int(told.submit_time),
        start_s=_int(told.start_time),
        end_s=_int(told.end_time),
        restarts=_int(told.restart_cnt),
        failed_node=told.failed_node or "",
    )


def _states(told: str | list[str] | None) -> tuple[str, ...]:
    if told is None:
        return ()
    return (told,) if isinstance(told, str) else tuple(told)


def _exit_code(told: int | _ExitCode | None) -> int | None:
    """From the status of wait(2), or from its two halves."""
    if told is None:
        return None
    if isinstance(told, int):
        return 128 + (told & 0x7F) if told & 0x7F else told >> 8 & 0xFF
    number = _int(told.signal.id) if told.signal is not None else 0
    return 128 + number if number else _int(told.return_code)


def _int(told: _Num) -> int:
    if isinstance(told, _Number):
        told = told.number
    return int(told or 0)


class _PastTime(Struct):
    submission: _Num = None
    start: _Num = None
    end: _Num = None


class _PastState(Struct):
    current: str | list[str] | None = None


class _PastJob(Struct):
    job_id: int = 0
    name: str | None = None
    user: str | None = None
    nodes: str | None = None
    state: _PastState | None = None
    time: _PastTime | None = None
    exit_code: msgspec.Raw = msgspec.Raw(b"null")


class _Past(Struct):
    jobs: list[_PastJob] | None = None


class _PastSignal(Struct):
    id: _Num = None
    signal_id: _Num = None


class _PastCode(Struct):
    return_code: _Num = None
    signal: _PastSignal | None = None


def past_of(body: bytes) -> tuple[SlurmJob, ...]:
    """Answer to GET `/slurmdb/{version}/jobs/`; nothing where it has a form we do not know."""
    try:
        told = msgspec.json.decode(body, type=_Past).jobs or []
        return tuple(map(_past_job, told))
    except msgspec.MsgspecError:
        return ()


def _past_job(told: _PastJob) -> SlurmJob:
    code = msgspec.json.decode(told.exit_code, type=_PastCode | None)
    signal = code.signal if code else None
    number = _int(signal.id) or _int(signal.signal_id) if signal else 0
    times = told.time or _PastTime()
    return SlurmJob(
        id=told.job_id,
        name=told.name or "",
        states=_states(told.state.current if told.state else None),
        user=told.user or "",
        nodes="" if told.nodes in (None, "None assigned") else told.nodes,
        exit_code=None if code is None else 128 + number if number else _int(code.return_code),
        submit_s=_int(times.submission),
        start_s=_int(times.start),
        end_s=_int(times.end),
    )


class _Node(Struct):
    name: str
    address: str | None = None
    hostname: str | None = None
    state: str | list[str] | None = None
    state_flags: list[str] | None = None
    reason: str | None = None
    cpus: int = 0
    alloc_cpus: int = 0
    real_memory: int = 0
    gres: str | None = None
    gres_used: str | None = None
    partitions: list[str] | None = None
    features: str | list[str] | None = None
    topology: str | None = None


class _Nodes(Struct):
    nodes: list[_Node] | None = None
    last_update: _Num = None


def nodes_of(body: bytes) -> Listed[SlurmNode]:
    """Answer to GET `/nodes/`. Raises msgspec.MsgspecError."""
    told = msgspec.json.decode(body, type=_Nodes)
    return Listed(tuple(map(_node, told.nodes or [])), _int(told.last_update))


def _node(told: _Node) -> SlurmNode:
    states = (*_states(told.state), *(told.state_flags or ()))
    features = told.features or ""
    return SlurmNode(
        name=told.name,
        address=told.address or told.hostname or told.name,
        states=tuple(state.upper() for state in states),
        reason=told.reason or "",
        cpus=told.cpus,
        memory_mib=told.real_memory,
        gres=told.gres or "",
        gpus_used=gpus(told.gres_used or "")[1],
        cpus_used=told.alloc_cpus,
        partitions=tuple(told.partitions or ()),
        features=features if isinstance(features, str) else ",".join(features),
        topology=told.topology or "",
    )


def paths_of(openapi: bytes) -> Mapping[str, Any]:
    """Paths of an OpenAPI document. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(openapi, type=_OpenApi).paths


class _OpenApi(Struct):
    paths: dict[str, msgspec.Raw]
