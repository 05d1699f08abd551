"""A virtual cluster as sites have them: GPUs of two types, CPU nodes, partitions that overlap,
accounting; jobs that ran, run, and wait for every kind of reason."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from pathlib import Path

from slurm.lab import Lab, _temporary, slurm_root
from slurm.ports import ports

NODES = 6
KINDS = {
    1: "Gres=gpu:h100:8 Feature=ib,h100 Weight=10 RealMemory=64000",
    2: "Gres=gpu:h100:8 Feature=ib,h100 Weight=10 RealMemory=64000",
    3: "Gres=gpu:a100:4 Feature=a100 RealMemory=32000",
    4: "Gres=gpu:a100:4 Feature=a100 RealMemory=32000",
    5: "RealMemory=16000",
    6: "RealMemory=16000",
}
PARTITIONS = """\
PartitionName=gpu Nodes=n[1-4] Default=YES MaxTime=2-00:00:00 DefaultTime=01:00:00 State=UP
PartitionName=cpu Nodes=n[5-6] PriorityTier=5 State=UP
PartitionName=all Nodes=ALL MaxTime=04:00:00 State=UP
"""
GRES = """\
AutoDetect=off
NodeName=n[1-2] Name=gpu Type=h100 File=/dev/nvidia[0-7]
NodeName=n[3-4] Name=gpu Type=a100 File=/dev/nvidia[0-3]
"""
TOPOLOGY_YAML = """\
- topology: tree
  cluster_default: true
  tree:
    switches:
      - switch: leaf1
        nodes: n[1-2]
      - switch: leaf2
        nodes: n[3-6]
      - switch: spine
        children: leaf[1-2]
- topology: racks
  cluster_default: false
  block:
    block_sizes: [2]
    blocks:
      - {block: rack1, nodes: "n[1-2]"}
      - {block: rack2, nodes: "n[3-4]"}
"""


@contextmanager
def mixed_cluster(version):
    """A running one, with accounting."""
    with ExitStack() as stack:
        folder = _temporary(stack)
        found = stack.enter_context(ports(NODES + 3))
        lab = Lab(
            slurm_root(version), Path(folder), found, nodes=NODES, leaf=2, with_accounting=True,
            partitions=PARTITIONS,
        )  # fmt: skip
        text = lab.files["slurm.conf"]
        text = re.sub(r" Gres=gpu:h100:8 State=UNKNOWN", " State=UNKNOWN", text)
        text = text.replace("CR_Core\n", "CR_Core_Memory\n")
        for number, kind in KINDS.items():
            text = re.sub(rf"(NodeName=n{number} .*)", rf"\1 {kind}", text)
        lab.files["slurm.conf"] = text
        lab.files["gres.conf"] = GRES
        if not lab.old:
            lab.files["topology.yaml"] = TOPOLOGY_YAML
            del lab.files["topology.conf"]
        stack.enter_context(lab)
        yield lab


def fill(lab):
    """Jobs that ended well, badly and at somebody's word; that run; that wait. Ids by name."""

    def submit(name, *words, user="alice", script="sleep 600"):
        text = f"#!/bin/bash\n{script}\n"
        words = ["--parsable", f"--job-name={name}", "--output=/dev/null", *words]
        return lab.run("sbatch", *words, user=user, input=text)

    ended = {}
    for number in range(1, 5):
        ended[f"short{number}"] = submit(
            f"short{number}", "--gres=gpu:1", "--time=5", "--mem=100", script="sleep 1"
        )
    ended["bad"] = submit("bad", "-p", "cpu", "--time=5", "--mem=100", script="exit 3", user="bob")
    ended["stopped"] = submit("stopped", "-N2", "--gres=gpu:h100:8", "--time=60", "--mem=100")
    lab.wait_for_job(ended["stopped"], "RUNNING", "COMPLETED")
    for name in ("short1", "short4", "bad"):
        lab.wait_for_job(ended[name], "COMPLETED", "FAILED")
    lab.run("scancel", ended["stopped"])
    lab.wait_for_job(ended["stopped"], "CANCELLED", "COMPLETED", "FAILED")
    lab.wait_for_nodes(states=("idle",))
    jobs = {"train": submit("train", "-N2", "--gres=gpu:h100:8", "--time=120", "--mem=1000")}
    jobs["small"] = submit("small", "--gpus=2", "--time=30", "--mem=1000", "-C", "a100", user="bob")
    jobs["excl"] = submit("excl", "--exclusive", "-p", "cpu,all", "-w", "n5", "--time=15")
    for name in jobs:
        lab.wait_for_job(jobs[name], "RUNNING")
    jobs["wide"] = submit("wide", "-N4", "--gres=gpu:4", "--time=60", "--mem=100")
    jobs["next"] = submit("next", "-N1", "--gres=gpu:h100:4", "--time=20", "--mem=100")
    jobs["after"] = submit("after", f"--dependency=afterok:{jobs['train']}", "--time=10")
    jobs["array"] = submit("array", "--array=0-3%1", "--gpus-per-node=a100:4", "--time=20")
    jobs["later"] = submit("later", "--begin=now+2hours", "-p", "cpu", "-n", "8", "--time=40")
    jobs["held"] = submit("held", "--hold", "-p", "cpu", "--time=15")
    jobs["both"] = submit("both", "-C", "ib&h100", "-n1", "--gpus-per-task=4", "--time=25")
    words = ["reservationname=maint", "starttime=now+5hours", "duration=120", "users=root"]
    lab.run("scontrol", "create", "reservation", *words, "flags=maint,ignore_jobs", "nodes=n[3-4]")
    lab.run("scontrol", "update", "nodename=n6", "state=drain", "reason=bad fan, ticket 7")
    first = f"{jobs['array']}_0"
    running = ("squeue", "-h", "-t", "R", "-o", "%i")
    lab.wait(lambda: first in lab.run(*running).split(), 20, lambda: f"{first} does not start")
    over = r"^(?:COMPLETED|FAILED|CANCELLED)"
    lab.wait(
        lambda: len(re.findall(over, lab.run("sacct", "-anXP", "-o", "State"), re.M)) >= len(ended),
        20,
        lambda: "slurmdbd does not tell of the jobs that ended",
    )
    return ended | jobs
