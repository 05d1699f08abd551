"""`srun` on one machine: a process for every task, of every node of the job."""

import os
import signal
import subprocess
import sys

words = sys.argv[1:]
options = {}
while words[0].startswith("--"):
    name, _, value = words.pop(0)[2:].partition("=")
    options[name] = value
nodes = os.environ["PRETEND_NODES"].split()
if "distribution" in options:
    with open(os.environ["SLURM_HOSTFILE"]) as file:  # noqa: PTH123 - imports nothing heavy
        places = file.read().split()
else:
    places = [node for node in nodes for _ in range(int(options["ntasks-per-node"]))]
signal.signal(signal.SIGTERM, lambda *_: None)
tasks, seen = {}, {}
for rank, node in enumerate(places):
    local = seen.setdefault(node, 0)
    seen[node] += 1
    told = {"SLURMD_NODENAME": node, "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(local)}
    started = subprocess.Popen(words, env=os.environ | told)
    tasks[started.pid] = (rank, node, started)
path = os.path.join(os.environ["PRETEND"], "steps." + os.environ["SLURM_JOB_ID"])  # noqa: PTH118
with open(path, "w") as file:  # noqa: PTH123
    file.write(" ".join(map(str, tasks)))
worst = 0
while tasks:
    pid, status = os.wait()
    if pid not in tasks:
        continue
    rank, node, _ = tasks.pop(pid)
    code = os.waitstatus_to_exitcode(status)
    if code:
        words_of = f"Exited with exit code {code}" if code > 0 else signal.strsignal(-code)
        print(f"srun: error: {node}: task {rank}: {words_of}", file=sys.stderr, flush=True)
        if not worst and "kill-on-bad-exit" in options:
            for other in tasks:
                os.kill(other, signal.SIGTERM)
        worst = worst or (code if code > 0 else 128 - code)
sys.exit(worst)
