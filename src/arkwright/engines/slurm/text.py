"""What Slurm's commands print, and its short form of generic resources. Pure.

Text rather than `--json`: every version prints it, and it costs a tenth (`squeue -o` 7 to 11 ms,
`squeue --json` 79 to 128 ms for the same queue).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from arkwright.engines.slurm.description_scontrol import fields, unless_null
from arkwright.engines.slurm.records import SlurmJob, SlurmNode

SQUEUE_FORMAT = "%i|%T|%r|%u|%N|%j"
"""The name last: a user may have put a `|` into it."""
SACCT_FIELDS = "JobIDRaw,State,ExitCode,User,NodeList,Submit,Start,End,JobName"
_GPU = re.compile(r"(?:^|,)(gpu(?::[^:,()=]+)*?):(\d+)(?=[(,]|$)")


def squeue_jobs(printed: str) -> tuple[SlurmJob, ...]:
    """Jobs of `squeue -h -o SQUEUE_FORMAT`; array tasks that are not split off are left out."""
    jobs = []
    for line in printed.splitlines():
        number, state, reason, user, nodes, name = line.split("|", 5)
        if number.isdigit():
            reason = "" if reason == "None" else reason
            jobs.append(
                SlurmJob(
                    id=int(number),
                    name=name,
                    states=(state,),
                    reason=reason,
                    user=user,
                    nodes=nodes,
                )
            )
    return tuple(jobs)


def scontrol_job(line: str) -> SlurmJob:
    """One line of `scontrol -o show job`."""
    told = fields(line)
    return SlurmJob(
        id=int(told["JobId"]),
        name=told.get("JobName", ""),
        states=tuple(told.get("JobState", "").split("+")),
        reason="" if told.get("Reason") == "None" else told.get("Reason", ""),
        user=told.get("UserId", "").partition("(")[0],
        nodes=unless_null(told.get("NodeList", "")),
        exit_code=exit_code(told.get("ExitCode", "")),
        submit_s=seconds(told.get("SubmitTime", "")),
        start_s=seconds(told.get("StartTime", "")),
        end_s=seconds(told.get("EndTime", "")),
        restarts=int(told.get("Restarts", "0") or 0),
    )


def sacct_jobs(printed: str) -> tuple[SlurmJob, ...]:
    """Jobs of `sacct -X -n -P -o SACCT_FIELDS`."""
    jobs = []
    for line in printed.splitlines():
        number, state, code, user, nodes, submit, start, end, name = line.split("|", 8)
        if number.isdigit():
            jobs.append(
                SlurmJob(
                    id=int(number),
                    name=name,
                    user=user,
                    # `CANCELLED by 1000`
                    states=(state.partition(" ")[0],),
                    nodes="" if nodes == "None assigned" else nodes,
                    exit_code=exit_code(code),
                    submit_s=seconds(submit),
                    start_s=seconds(start),
                    end_s=seconds(end),
                )
            )
    return tuple(jobs)


def scontrol_nodes(printed: str) -> tuple[SlurmNode, ...]:
    """Lines of `scontrol -o -d show node`."""
    return tuple(_node(fields(line)) for line in printed.splitlines() if "NodeName=" in line)


def _node(told: dict[str, str]) -> SlurmNode:
    name = told["NodeName"]
    states = told.get("State", "UNKNOWN")
    flags = states.rstrip("*~#!%$@^-").split("+")
    if "*" in states and "NOT_RESPONDING" not in flags:
        flags.append("NOT_RESPONDING")
    return SlurmNode(
        name=name,
        address=told.get("NodeAddr", name),
        states=tuple(flag.rstrip("*~#!%$@^-") for flag in flags),
        reason=told.get("Reason", "").partition(" [")[0],
        cpus=int(told.get("CPUTot", "0")),
        memory_mib=int(told.get("RealMemory", "0")),
        gres=unless_null(told.get("Gres", "")),
        gpus_used=gpus(told.get("GresUsed", ""))[1],
        cpus_used=int(told.get("CPUAlloc", "0")),
        partitions=tuple(filter(None, told.get("Partitions", "").split(","))),
        features=unless_null(told.get("AvailableFeatures", "")),
    )


def exit_code(text: str) -> int | None:
    """Of `code:signal`; 128 + signal where there was one."""
    code, _, number = text.partition(":")
    if not code.isdigit():
        return None
    return 128 + int(number) if number.isdigit() and int(number) else int(code)


def seconds(text: str) -> int:
    """A time as Slurm prints it, in seconds of its clock read as UTC: good for differences only.
    0 for `Unknown` and its like."""
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0


def gpus(gres: str) -> tuple[str, int]:
    """Name and number of the GPUs in a node's GRES, `gpu:h100:8(S:0-1)`; `("gpu", 0)` for none."""
    found = _GPU.findall(gres)
    if not found:
        return ("gpu", 1) if re.search(r"(?:^|,)gpu(?:$|,|\()", gres) else ("gpu", 0)
    names = {name for name, _ in found}
    # GPUs of two kinds on one node are asked for as GPUs.
    name = found[0][0] if len(names) == 1 else "gpu"
    return name, sum(int(count) for _, count in found)
