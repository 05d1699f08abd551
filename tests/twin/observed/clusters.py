"""Small clusters in Slurm's own words, for tests that look at them."""

from __future__ import annotations

from datetime import UTC, datetime

from arkwright.engines.slurm.description_queue import FIELDS, MARK
from arkwright.engines.slurm.description_reading import SACCT_FIELDS, Outputs, observed

ZERO_S = 1_800_000_000
"""The instant that times in tests count from: 2027-01-15T08:00:00Z."""
NODE = "NodeName={name} CPUTot=16 RealMemory=64000 Gres=gpu:h100:8 State={state} Partitions=gpu"
QUEUED = {
    "State": "PENDING", "Reason": "Resources", "Partition": "gpu", "UserName": "ada",
    "Account": "lab", "QOS": "normal", "PriorityLong": "1", "EligibleTime": "N/A",
    "StartTime": "N/A", "EndTime": "N/A", "TimeLimit": "1:00:00", "NumNodes": "1", "NumCPUs": "1",
    "NumTasks": "1", "tres-alloc": "cpu=1,node=1", "tres-per-node": "gres/gpu:8",
    "tres-per-job": "N/A", "tres-per-socket": "N/A", "tres-per-task": "N/A", "NodeList": "",
    "Feature": "(null)", "Reservation": "(null)", "Dependency": "(null)", "OverSubscribe": "NO",
    "ReqNodes": "", "MinMemory": "100M", "Name": "job",
}  # fmt: skip


def instant(minutes):
    """So many minutes after the zero, as Slurm prints it under TZ=UTC0."""
    at = datetime.fromtimestamp(ZERO_S + round(minutes * 60), UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def queued(number, submit_min=0.0, **told):
    """A line of squeue; `run_from` names minute and nodes of one that runs."""
    cells = QUEUED | {"JobArrayID": str(number), "JobID": str(number)}
    cells |= {"SubmitTime": instant(submit_min), "Name": f"job{number}"}
    if "run_from" in told:
        minute, nodes = told.pop("run_from")
        cells |= {"State": "RUNNING", "StartTime": instant(minute), "NodeList": nodes}
    return MARK.join((cells | told)[name] for name in FIELDS) + MARK


def ran(number, submit_min, start_min, end_min, **told):
    """A line of sacct for a job of 8 GPUs on one node; None for an end still runs."""
    over = end_min is not None
    minutes = (end_min if over else start_min) - start_min
    cells = {
        "JobIDRaw": str(number), "JobID": str(number), "Submit": instant(submit_min),
        "Eligible": instant(submit_min), "Start": instant(start_min),
        "End": instant(end_min) if over else "Unknown",
        "State": "COMPLETED" if over else "RUNNING", "ElapsedRaw": str(round(minutes * 60)),
        "TimelimitRaw": "60", "User": "ada", "Account": "lab", "Partition": "gpu",
        "QOS": "normal", "Priority": "1", "NNodes": "1", "ReqTRES": "cpu=1,gres/gpu=8,node=1",
        "AllocTRES": "cpu=1,gres/gpu=8,node=1", "NodeList": "g1", "JobName": "job",
    } | told  # fmt: skip
    return "|".join(cells[name] for name in SACCT_FIELDS)


def cluster(now_min, *jobs, nodes=("g1",), states=None, history=(), reservations="", since_min=0):
    """What would be observed of it."""
    lines = [NODE.format(name=name, state=(states or {}).get(name, "IDLE")) for name in nodes]
    texts = {
        "date": str(ZERO_S + round(now_min * 60)),
        "config": "ClusterName             = hill\nSLURM_VERSION           = 25.11.2\n"
        "SelectTypeParameters    = CR_CORE\n",
        "nodes": "\n".join(lines),
        "partitions": f"PartitionName=gpu Nodes={','.join(nodes)} MaxTime=UNLIMITED State=UP",
        "queue": "\n".join(jobs),
        "reservations": reservations,
    }
    if history:
        texts["history"] = "\n".join(["|".join(SACCT_FIELDS), *history, ""])
        texts["since"] = str(ZERO_S + round(since_min * 60))
    return observed(Outputs(texts=texts))
