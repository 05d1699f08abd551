"""`squeue`, answered by Arkwright."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import connect
from arkwright.cli.slurm.layout import Field, clock, columns_of, long_columns, shown
from arkwright.cli.slurm.states import ACTIVE, job_state, wanted_states
from arkwright.cli.slurm.words import SlurmCommand, listed, read, said, table
from arkwright.errors import InputError
from arkwright.hostlist import hostlist

if TYPE_CHECKING:
    from arkwright.client import Client

OPTIONS = table(
    "squeue",
    "account/A format/o Format/O jobs/j name/n partition/p sort/S states/t user/u nodelist/w "
    "iterate/i qos/q clusters/M",
    "all/a array/r noheader/h hide long/l me start verbose/v help usage noconvert",
    "steps/s",
)
SHORT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
LONG = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
_TIMED = set("MSLeV")
_NAMES = {
    "jobid": "i", "jobarrayid": "i", "name": "j", "state": "T", "statecompact": "t",
    "username": "u", "partition": "P", "account": "a", "numnodes": "D", "nodelist": "N",
    "reasonlist": "R", "reason": "r", "timeused": "M", "timelimit": "l", "timeleft": "L",
    "starttime": "S", "submittime": "V", "priority": "Q", "workdir": "Z", "comment": "k",
    "numtasks": "n", "numcpus": "C", "qos": "q",
}  # fmt: skip


@click.command(cls=SlurmCommand, short_help="List jobs")
def squeue(words: Sequence[str] = ()) -> None:
    """List jobs that wait or run: squeue [-u USER] [-j LIST] [-t STATES] [-o FORMAT] [-h] [--me].

    Job ids are Arkwright's numbers: every other command of Arkwright takes them, too.
    """
    options, rest = read(words, OPTIONS)
    if rest:
        raise InputError(f"squeue: {rest[0]}: give jobs with -j")
    form = options.get("format") or (LONG if "long" in options else SHORT)
    form = os.environ.get("SQUEUE_FORMAT", form) if "format" not in options else form
    columns = columns_of(form)
    if "Format" in options:
        columns = long_columns(options["Format"], _NAMES)
    with connect(None) as client:
        jobs = _jobs(client, options)
        nodes = _nodes(client)
        if _TIMED & {column.letter for column in columns}:
            jobs = [_timed(client, job) for job in jobs]
    rows = [{**job, "where": nodes.get(job["id"], [])} for job in jobs]
    if "array" not in options:
        rows = with_arrays_folded(rows)
    rows = _sorted(rows, options.get("sort", "P,t,-p,i"))
    for line in shown(rows, columns, FIELDS, head="noheader" not in options):
        click.echo(line)


def _jobs(client: Client, options: Mapping[str, str]) -> list[dict[str, Any]]:
    try:
        states = wanted_states(options.get("states", "")) or set(ACTIVE)
    except ValueError as error:
        raise InputError(f"squeue: {error}") from None
    wanted = listed(options.get("jobs"))
    if wanted and "states" not in options:
        states = set(ACTIVE)
    jobs = list(client.jobs(is_all=bool(states - set(ACTIVE))))
    users = set(listed(options.get("user")))
    if "me" in options:
        users.add(os.environ.get("USER", ""))
    names, projects = set(listed(options.get("name"))), set(listed(options.get("account")))
    places = set(listed(options.get("partition")))
    return [
        job
        for job in jobs
        if job_state(job)[0] in states
        and (not users or job["user"] in users or ("me" in options and _is_only_user(jobs)))
        and (not names or job["name"] in names)
        and (not projects or job["project"] in projects)
        and (not places or set(_partition(job).split(",")) & places)
        and (not wanted or number_of(job) in wanted or str(job["number"]) in wanted
             or number_of(job).partition("_")[0] in wanted or job["id"] in wanted)
    ]  # fmt: skip


def _is_only_user(jobs: Sequence[Mapping[str, Any]]) -> bool:
    """The user's name in the factory need not be the one of the machine: alone, he is "me"."""
    return len({job["user"] for job in jobs}) == 1


def number_of(job: Mapping[str, Any]) -> str:
    """The job's number; of a task of an array the array's, and its index: `7_3`."""
    if "folded" in job:
        return str(job["folded"])
    task = job.get("task")
    if task:
        return f"{task['array_number']}_{task['index']}"
    return str(job["number"])


def with_arrays_folded(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tasks of an array that wait are one line, `7_[2-5%2]`, as squeue has it without -r."""
    waiting: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        if row.get("task") and job_state(row)[0] == "PD":
            waiting.setdefault((row["task"]["array_number"], _reason(row)), []).append(row)
    found = []
    for row in rows:
        tasks = (
            waiting.get((row["task"]["array_number"], _reason(row))) if row.get("task") else None
        )
        if not tasks or row not in tasks:
            found.append(row)
        elif row is tasks[0]:
            indexes = hostlist([f"x{task['task']['index']}" for task in tasks])
            text = indexes.removeprefix("x").strip("[]")
            limit = str(row["spec"].get("array") or "").partition("%")[2]
            bound = f"%{limit}" if limit else ""
            number = row["task"]["array_number"]
            found.append({**row, "folded": f"{number}_[{text}{bound}]"})
    return found


def _nodes(client: Client) -> dict[str, list[str]]:
    """Short names of the nodes of every job that has some."""
    found: dict[str, list[str]] = {}
    for node in client.nodes()["items"]:
        for job_id in node["jobs"]:
            found.setdefault(job_id, []).append(str(node["path"]).rpartition("/")[2])
    return found


def _timed(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    """With its attempts: when it started is not in the list."""
    if not job["attempt"]:
        return job
    return {**job, "attempts": client.job(job["id"])["attempts"]}


def _sorted(rows: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    for key in reversed([part.strip() for part in order.split(",") if part.strip()]):
        field = FIELDS.get(key.lstrip("+-"))
        if key.lstrip("+-") == "i":
            rows.sort(key=lambda row: int(row["number"]), reverse=key.startswith("-"))
        elif field is not None:
            rows.sort(key=lambda row: str(field.value(row)), reverse=key.startswith("-"))
    return rows


def _start_ms(job: Mapping[str, Any]) -> int | None:
    attempts = job.get("attempts") or []
    return attempts[-1]["start_ms"] if attempts else None


def _used_s(job: Mapping[str, Any]) -> float:
    start_ms = _start_ms(job)
    if start_ms is None:
        return 0.0
    end_ms = job["attempts"][-1]["end_ms"] or time.time() * 1000
    return float(max(0.0, (end_ms - start_ms) / 1000))


def _limit_s(job: Mapping[str, Any]) -> float | None:
    limit = job["spec"].get("time_limit")
    return float(limit) if isinstance(limit, int | float) else None


def _moment(ms: float | None) -> str:
    return "N/A" if ms is None else time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(ms / 1000))


def _partition(job: Mapping[str, Any]) -> str:
    options = job["spec"].get("slurm") or {}
    sites = ",".join(job["spec"].get("sites") or ())
    return str(options.get("partition") or sites or "batch")


_WAITING = ("held", "deferred", "queued")
_DEFERRED = {
    "dependency": "Dependency",
    "begin": "BeginTime",
    "array-limit": "JobArrayTaskLimit",
}


def _reason(job: Mapping[str, Any]) -> str:
    if job["state"] == "held":
        return "JobHeldUser"
    if job["state"] == "deferred":
        return _DEFERRED.get(str(job["reason"]).partition(",")[0], "Dependency")
    if job["state"] == "queued":
        return str(job["reason"] or "Resources").partition(":")[0]
    return "None"


def _where(job: Mapping[str, Any]) -> str:
    return f"({_reason(job)})" if job["state"] in _WAITING else hostlist(job["where"])


def _left(job: Mapping[str, Any]) -> str:
    limit_s = _limit_s(job)
    return "UNLIMITED" if limit_s is None else clock(max(0.0, limit_s - _used_s(job)))


def _option(name: str) -> Any:
    return lambda job: said((job["spec"].get("slurm") or {}).get(name))


FIELDS = {
    "i": Field("JOBID", number_of),
    "A": Field("JOBID", lambda job: job["number"]),
    "F": Field("ARRAY_JOB_ID", lambda job: number_of(job).partition("_")[0]),
    "K": Field("ARRAY_TASK_ID", lambda job: number_of(job).partition("_")[2] or "N/A"),
    "P": Field("PARTITION", _partition),
    "j": Field("NAME", lambda job: job["name"]),
    "u": Field("USER", lambda job: job["user"]),
    "a": Field("ACCOUNT", lambda job: job["project"]),
    "t": Field("ST", lambda job: job_state(job)[0]),
    "T": Field("STATE", lambda job: job_state(job)[1]),
    "M": Field("TIME", lambda job: clock(_used_s(job))),
    "l": Field("TIME_LIMIT", lambda job: clock(_limit_s(job))),
    "L": Field("TIME_LEFT", _left),
    "S": Field("START_TIME", lambda job: _moment(_start_ms(job))),
    "V": Field("SUBMIT_TIME", lambda job: _moment(job["submit_ms"])),
    "D": Field("NODES", lambda job: job["nodes"]),
    "N": Field("NODELIST", lambda job: hostlist(job["where"])),
    "R": Field("NODELIST(REASON)", _where),
    "r": Field("REASON", _reason),
    "Q": Field("PRIORITY", lambda job: job["priority"]),
    "p": Field("PRIORITY", lambda job: f"{job['priority']:.15f}"),
    "Z": Field("WORK_DIR", lambda job: said(job["spec"].get("workdir"))),
    "k": Field("COMMENT", _option("comment")),
    "q": Field("QOS", _option("qos")),
    "n": Field("TASKS", _option("ntasks")),
    "C": Field("CPUS", lambda job: f"{job['spec'].get('resources', {}).get('cpus_per_node', 1):g}"),
    "b": Field("TRES_PER_NODE", lambda job: f"gres/gpu:{job['gpus']:g}" if job["gpus"] else "N/A"),
}
