"""`scontrol` inside a batch job: node names, the job itself, and queueing it again.

Standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from arkwright.engines.attempt_files import (
    AttemptFiles,
    Plan,
    StopOrder,
    read_record,
    wall_ms,
    write_record,
)
from arkwright.engines.batch.batch_environment import address, job_number, node_names
from arkwright.engines.batch.batch_part import wake
from arkwright.engines.batch.hostlist import compress, expand
from arkwright.engines.batch.streams import complain, say
from arkwright.engines.marks import PART_MARK

VERBS = "show hostnames, show hostlist, show job, requeue"


def scontrol(words: Sequence[str]) -> int:
    """Run one command; its exit code."""
    read = [word for word in words if not word.startswith("-")]
    verb = read[0].lower() if read else ""
    try:
        if verb == "show" and len(read) > 1:
            return _show(read[1].lower(), read[2:])
        if verb == "requeue":
            return _requeue(read[1:])
    except ValueError as error:
        return _refuse(str(error))
    return _refuse(f"{' '.join(words) or 'no command'}: inside a job this scontrol has {VERBS}")


def _show(what: str, words: Sequence[str]) -> int:
    if "hostnames".startswith(what) and len(what) > 5:
        for name in expand(words[0] if words else os.environ.get("SLURM_JOB_NODELIST", "")):
            say(_reachable(name))
        return 0
    if "hostlist".startswith(what) or what == "hostlistsorted":
        say(compress(",".join(words).split(",")))
        return 0
    if what in ("job", "jobs"):
        return _show_job(words)
    return _refuse(f"show {what}: inside a job this scontrol has {VERBS}")


def _reachable(name: str) -> str:
    """The node as something that can be connected to: nothing here resolves its name."""
    found = _attempt()
    names = node_names(found[1]) if found is not None else []
    return address(names.index(name)) if name in names else name


def _show_job(words: Sequence[str]) -> int:
    found = _attempt()
    if found is None or (words and words[0].removeprefix("JobId=") != job_number(found[1])):
        return _refuse("Invalid job id specified: inside a job only the job itself is shown")
    files, plan = found
    batch = plan.get("batch") or {}
    number = job_number(plan)
    limit_s = plan["time_limit_s"]
    restarts = os.environ.get("SLURM_RESTART_COUNT", "0")
    say(
        f"JobId={number} JobName={plan['job_name']}\n"
        f"   UserId={plan['user']}({os.getuid()}) GroupId=({os.getgid()}) MCS_label=N/A\n"
        f"   Account={batch.get('account') or plan['project']} QOS={batch.get('qos') or 'normal'}\n"
        f"   JobState=RUNNING Reason=None Dependency=(null)\n"
        f"   Requeue={int(bool(batch.get('may_requeue')))} Restarts={restarts} BatchFlag=1\n"
        f"   TimeLimit={'UNLIMITED' if limit_s is None else _clock(limit_s)}\n"
        f"   Partition={os.environ.get('SLURM_JOB_PARTITION', '')}\n"
        f"   NodeList={compress(node_names(plan))}\n"
        f"   BatchHost={node_names(plan)[0]}\n"
        f"   NumNodes={len(plan['parts'])} NumTasks={sum(batch.get('tasks', ()))}\n"
        f"   Command={files.script}\n"
        f"   WorkDir={plan['workdir']}\n"
        f"   StdErr={batch.get('error') or batch.get('output') or ''}\n"
        f"   StdIn={batch.get('input') or os.devnull}\n"
        f"   StdOut={batch.get('output') or ''}\n"
    )
    return 0


def _clock(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86_400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def _requeue(words: Sequence[str]) -> int:
    """End this attempt, to be followed by another; Slurm stops the script right away, too."""
    found = _attempt()
    if found is None or not words or words[0].partition("_")[0] not in _own(found[1]):
        return _refuse("Invalid job id specified: inside a job only the job itself is queued again")
    files, plan = found
    if not (plan.get("batch") or {}).get("may_requeue"):
        return _refuse("Requested operation is presently disabled for job (--no-requeue)")
    write_record(files.requeue, {"at_ms": wall_ms()})
    last: StopOrder | None = read_record(files.stop)
    order = StopOrder(
        count=last["count"] + 1 if last else 1,
        grace_s=min(plan["grace_s"], last["grace_s"]) if last else plan["grace_s"],
        reason=last["reason"] if last else "the script asked to be queued again",
        at_ms=last["at_ms"] if last else wall_ms(),
    )
    write_record(files.stop, order)
    for index in range(len(plan["parts"])):
        wake(files, index)
    return 0


def _own(plan: Plan) -> set[str]:
    array = plan.get("array")
    return {job_number(plan), plan["job_id"], *([str(array["number"])] if array else [])}


def _attempt() -> tuple[AttemptFiles, Plan] | None:
    part = os.environ.get(PART_MARK)
    files = AttemptFiles(Path(part).parent) if part else None
    plan: Plan | None = read_record(files.plan) if files is not None else None
    return None if files is None or plan is None else (files, plan)


def _refuse(why: str) -> int:
    complain(f"scontrol: error: {why}")
    return 1
