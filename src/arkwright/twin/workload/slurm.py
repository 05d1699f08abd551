"""Slurm's accounting: `sacct -P` (any delimiter-separated columns) and `sacct --json`.

A good export is

    sacct -a -P -X -D --noconvert -S 2026-01-01 -E 2026-02-01 \\
        -o JobIDRaw,Submit,Eligible,Start,End,State,\\
        ElapsedRaw,TimelimitRaw,User,Account,Partition,QOS,Priority,NNodes,ReqTRES,AllocTRES

Columns as https://slurm.schedmd.com/sacct.html describes them. Of what is missing the reader takes
the next best (`Elapsed`, `Timelimit`, `JobID`, `AllocGRES`, …). Instants are the cluster's local
time. What a job got counts before what it asked for; the GPU's type only where it was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.errors import InputError
from arkwright.twin.workload import convert
from arkwright.twin.workload.convert import Instants, Numbers
from arkwright.twin.workload.delimited import NOT_IN_JSON, Cells
from arkwright.twin.workload.draft import Draft
from arkwright.twin.workload.opening import Opened
from arkwright.twin.workload.outcomes import PREEMPTED, RUNNING, WAITING, among, first_word
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.table import JobTable, Labels, unlabelled
from arkwright.units import MILLI

_S_PER_MINUTE = 60
_MEMORY = re.compile(r"([\d.]+)([KMGTP]?)B?[cn]?")
_MEMORY_MIB = {"K": 2**-10, "": 1.0, "M": 1.0, "G": 2.0**10, "T": 2.0**20, "P": 2.0**30}
_GRES = re.compile(r"(?:gres/)?gpu(?::([^:=(,]+))?[:=](\d+)")


def sacct_text(
    cells: Cells, offset_s: float = 0.0, as_of_ms: int | None = None
) -> Reading[JobTable]:
    """Jobs of `sacct -P`; steps of jobs are dropped where `-X` was forgotten.

    `as_of_ms`, when the accounting was read, is for looking at the cluster itself: jobs that still
    ran then are kept, with the time they had run, and each counts from when it could first start.
    """
    cells.require("sacct output", id=("jobidraw", "jobid"), submit=("submit",), state=("state",))
    draft = Draft(cells, "Slurm sacct -P", offset_s)
    names = cells.first("jobidraw", "jobid")
    any_id = cells.first("jobid", "jobidraw")
    draft.sieve.drop(_mask(pc.match_substring(any_id, ".")), "a step of a job, not a job")
    draft.ids(names)
    allocated = cells.first("alloctres", "allocgres")
    asked = cells.first("reqtres", "reqgres")
    elapsed = cells.first("elapsedraw", "elapsed")
    seconds = None if elapsed is None else convert.elapsed_s(elapsed)
    _times(draft, seconds, _limit(cells), allocated, as_of_ms)
    _sizes(draft, allocated, asked)
    for key, name in _LABELS.items():
        draft.labels(key, cells.first(name))
    priority = cells.first("priority")
    draft.wished("priority", None if priority is None else convert.numbers(priority), "priority")
    return draft.reading()


_LABELS = {"user": "user", "project": "account", "pool": "partition", "qos": "qos"}


def _times(
    draft: Draft,
    seconds: Numbers | None,
    limit: Numbers | None,
    allocated: pa.Array | None,
    as_of_ms: int | None,
) -> None:
    cells, sieve = draft.cells, draft.sieve
    submit = draft.submit(cells.columns["submit"])
    start = draft.observed("start_ms", cells.first("start"))
    end = draft.observed("end_ms", cells.first("end"))
    states = draft.states(cells.columns["state"]) or unlabelled(cells.count)
    runs = among(states, RUNNING)
    if as_of_ms is None:
        sieve.drop(runs, "still running: its end is not known")
    else:
        end = Instants(np.where(runs, as_of_ms, end.ms), end.told | runs, end.junk & ~runs, True)
        draft.columns["end_ms"] = end.ms
        if seconds is not None:
            seconds = Numbers(np.where(runs, np.nan, seconds.values), seconds.junk & ~runs)
    sieve.drop(among(states, WAITING), "still waiting: it had not started")
    never = ~start.told & ~((seconds.values > 0) if seconds is not None else end.told)
    if allocated is not None and seconds is not None:
        # Older versions give a job that was cancelled while it waited its end as a start.
        never |= _mask(pc.equal(allocated, "")) & (seconds.values == 0)
    sieve.drop(never, "never started")
    draft.run(seconds, start, end)
    draft.estimate(limit)
    preempted = [first_word(name) == PREEMPTED for name in states.names]
    draft.columns["preemptible"] = np.array([*preempted, False])[states.codes]
    eligible = cells.first("eligible")
    if eligible is not None:
        ready = convert.instants(eligible, draft.offset_s)
        late = ready.told & (ready.ms > submit.ms)
        sieve.note(late, "could not start at once when submitted (dependency, begin time, array)")
        if as_of_ms is not None:
            draft.columns["submit_ms"] = np.where(late, ready.ms, submit.ms)


def _sizes(draft: Draft, allocated: pa.Array | None, asked: pa.Array | None) -> None:
    cells = draft.cells
    got, wanted = _trackables(cells, allocated), _trackables(cells, asked)

    def either(name: str, *columns: str) -> Numbers:
        values = np.where(np.isnan(got[name]), wanted[name], got[name])
        column = cells.first(*columns) if columns else None
        if column is not None:
            found = convert.numbers(column).values
            values = np.where(np.isnan(values), found, values)
        return Numbers(values, np.zeros(cells.count, dtype=np.bool_))

    nodes = either("node", "allocnodes", "nnodes", "reqnodes")
    gpus = either("gpu")
    if "alloctres" not in cells.columns and "reqtres" not in cells.columns:
        # The GRES columns of old versions count per node.
        gpus = Numbers(gpus.values * np.fmax(np.nan_to_num(nodes.values), 1), gpus.junk)
    draft.needed("gpus_milli", gpus, "the number of GPUs", MILLI)
    draft.needed("nodes", nodes, "the number of nodes")
    draft.wished("cpus_milli", either("cpu", "alloccpus", "ncpus", "reqcpus"), "CPUs", MILLI)
    draft.wished("memory_mib", either("mem"), "memory")
    typed = asked if asked is not None else allocated
    if typed is not None:
        draft.columns["gpu_type"] = _renamed(convert.labels(typed), gpu_type_of)


def _trackables(cells: Cells, column: pa.Array | None) -> dict[str, NDArray[np.float64]]:
    if column is None:
        return {name: np.full(cells.count, np.nan) for name in ("cpu", "mem", "node", "gpu")}
    found = convert.labels(column)
    read: dict[str, Callable[[str], float]] = {
        "cpu": lambda text: _part(text, "cpu"),
        "mem": lambda text: memory_mib(text),
        "node": lambda text: _part(text, "node"),
        "gpu": gpus_of,
    }
    tables = {
        name: np.array([*(of(text) for text in found.names), np.nan]) for name, of in read.items()
    }
    return {name: table[found.codes] for name, table in tables.items()}


def gpus_of(text: str) -> float:
    """GPUs of a TRES or GRES text: the total where there is one, else the sum over types.

    >>> gpus_of("billing=8,cpu=64,gres/gpu:a100=8,gres/gpu=8,mem=512G,node=2")
    8.0
    """
    found = _GRES.findall(text)
    totals = [float(count) for kind, count in found if not kind]
    return totals[0] if totals else float(sum(float(count) for _, count in found))


def gpu_type_of(text: str) -> str | None:
    """The type of GPU that a TRES or GRES text asks for, if it does; several joined by `|`."""
    kinds = [kind for kind, count in _GRES.findall(text) if kind and count != "0"]
    return "|".join(dict.fromkeys(kinds)) or None


def memory_mib(text: str) -> float:
    """The memory of a TRES text in MiB; NaN where it names none."""
    for part in text.split(","):
        name, _, amount = part.partition("=")
        found = _MEMORY.fullmatch(amount) if name == "mem" else None
        if found:
            try:
                return float(found[1]) * _MEMORY_MIB[found[2]]
            except ValueError:
                break
    return float("nan")


def _part(text: str, wanted: str) -> float:
    for part in text.split(","):
        name, _, amount = part.partition("=")
        if name == wanted and amount.isdigit():
            return float(amount)
    return float("nan")


def _limit(cells: Cells) -> Numbers | None:
    minutes = cells.first("timelimitraw")
    if minutes is not None:
        found = convert.numbers(_without_words(minutes))
        return Numbers(found.values * _S_PER_MINUTE, found.junk)
    limit = cells.first("timelimit")
    return None if limit is None else convert.elapsed_s(_without_words(limit))


def _without_words(column: pa.Array) -> pa.Array:
    """`UNLIMITED`, `Partition_Limit` and `INVALID` are no limit of the job's own."""
    return pc.if_else(pc.match_substring_regex(column, "^[A-Za-z]"), None, column)


def _renamed(labels: Labels, new: Callable[[str], str | None]) -> Labels:
    places: dict[str, int] = {}
    codes = []
    for name in labels.names:
        other = new(name)
        codes.append(-1 if other is None else places.setdefault(other, len(places)))
    return Labels(np.array([*codes, -1], dtype=np.int32)[labels.codes], tuple(places))


def _mask(column: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return found.astype(np.bool_)


class _Document(Struct):
    jobs: list[msgspec.Raw]


class _Job(Struct):
    """What is read of a job; the shape of its parts changed over versions of the plugin."""

    job_id: int
    time: dict[str, Any]
    state: Any = None
    user: str | None = None
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    priority: Any = None
    allocation_nodes: Any = None
    tres: dict[str, Any] = {}


def sacct_json(file: Opened) -> Reading[JobTable]:
    """Jobs of `sacct --json`, data parser 0.0.37 to 0.0.44; instants are seconds since 1970."""
    try:
        document = msgspec.json.decode(file.content, type=_Document)
    except msgspec.DecodeError as error:
        raise InputError(f"{file.name} is not the output of sacct --json: {error}") from None
    rows, bad = [], []
    decoder = msgspec.json.Decoder(_Job)
    for number, raw in enumerate(document.jobs, start=1):
        try:
            rows.append(_row(decoder.decode(raw)))
        except (msgspec.DecodeError, TypeError, ValueError, AttributeError):
            bad.append(number)
    cells = _as_cells(file.name, rows, bad)
    reading = sacct_text(cells)
    return msgspec.structs.replace(reading, format="Slurm sacct --json")


_ROW = ("jobidraw", "submit", "eligible", "start", "end", "elapsedraw", "timelimitraw",
        "state", "user", "account", "partition", "qos", "priority", "nnodes", "reqtres",
        "alloctres")  # fmt: skip


def _row(job: _Job) -> tuple[str, ...]:
    times = job.time
    state = job.state.get("current") if isinstance(job.state, dict) else job.state
    word = state[0] if isinstance(state, list) and state else state
    return tuple(
        "" if value is None else str(value)
        for value in (
            job.job_id,
            *(_number(times.get(name)) or None for name in ("submission", "eligible", "start")),
            _number(times.get("end")) or None,
            _number(times.get("elapsed")),
            _number(times.get("limit")),
            word,
            job.user,
            job.account,
            job.partition,
            job.qos,
            _number(job.priority),
            _number(job.allocation_nodes),
            _tres(job.tres.get("requested")),
            _tres(job.tres.get("allocated")),
        )
    )


def _number(value: Any) -> int | None:
    """A plain number, or one with `set` and `infinite` beside it."""
    if isinstance(value, dict):
        return int(value["number"]) if value.get("set") and not value.get("infinite") else None
    return None if value is None else int(value)


def _tres(parts: Any) -> str:
    texts = []
    for part in parts or ():
        name = f"/{part['name']}" if part.get("name") else ""
        texts.append(f"{part['type']}{name}={_number(part.get('count')) or 0}")
    return ",".join(texts)


def _as_cells(source: str, rows: Sequence[tuple[str, ...]], bad: list[int]) -> Cells:
    columns = list(zip(*rows, strict=True)) or [()] * len(_ROW)
    arrays = {
        name: pa.array(column, pa.string()) for name, column in zip(_ROW, columns, strict=True)
    }
    skipped = np.array([number - 1 for number in bad], dtype=np.int64)
    return Cells(source, arrays, len(rows), 1, skipped, tuple(bad), NOT_IN_JSON)
