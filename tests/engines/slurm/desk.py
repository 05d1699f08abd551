"""Where the pretended commands are answered: `sbatch`, `squeue`, `scontrol`, `scancel`, `sacct`."""

from __future__ import annotations

import marshal
import socketserver
import sys
import threading
from collections import deque
from pathlib import Path

from engines.slurm.pretend import Job, Node, PretendSlurm

PROGRAM = Path(__file__).with_name("pretend_command.py")
Answer = tuple[int, str, str]


class CommandDesk:
    """Answers on a Unix socket until closed. `prefix` is what stands before every command.

    `faults` are used up one by one by the command they name: `lost` does it and says that the
    answer timed out, `unreachable` does nothing and says that nobody was there.
    """

    def __init__(self, slurm: PretendSlurm, folder: Path) -> None:
        self.slurm = slurm
        self.faults: deque[tuple[str, str]] = deque()
        self.has_accounts = True
        self.asked: list[tuple[str, list[str]]] = []
        """User and words of every command."""
        path = folder / "desk"
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                user, words, given = marshal.loads(self.rfile.read())
                self.wfile.write(marshal.dumps(outer._answer(user, words, given)))

        self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.prefix = (sys.executable, "-I", "-S", str(PROGRAM), str(path), "{user}")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, user: str, words: list[str], given: str) -> Answer:
        self.asked.append((user, words))
        fault = ""
        if self.faults and self.faults[0][1] == words[0]:
            fault = self.faults.popleft()[0]
        if fault == "unreachable":
            contact = "Unable to contact slurm controller (connect failure)"
            return 1, "", f"{words[0]}: error: Batch job submission failed: {contact}\n"
        with self.slurm.lock:
            answer: Answer = getattr(self, f"_{words[0]}")(user, words[1:], given)
        if fault == "lost":
            timeout = "Socket timed out on send/recv operation"
            return 1, "", f"{words[0]}: error: Batch job submission failed: {timeout}\n"
        return answer

    def _sbatch(self, user: str, words: list[str], given: str) -> Answer:
        if self.slurm.refusal is not None:
            words_of = self.slurm.refusal[1]
            return 1, "", f"sbatch: error: Batch job submission failed: {words_of}\n"
        told = dict(word[2:].partition("=")[::2] for word in words)
        job_id = self.slurm.submit(
            told["job-name"], user, told["nodelist"].split(","), given,
            int(told.get("gres", ":0").rpartition(":")[2]), told["output"], workdir=told["chdir"],
        )  # fmt: skip
        return 0, f"{job_id}\n", ""

    def _squeue(self, _user: str, _words: list[str], _given: str) -> Answer:
        lines = [
            "|".join(
                [str(job.id), _state(job), job.reason or "None", job.user, ",".join(job.nodes),
                 job.name]
            )
            for job in self.slurm.known()
        ]  # fmt: skip
        return 0, "".join(f"{line}\n" for line in lines), ""

    def _scontrol(self, _user: str, words: list[str], _given: str) -> Answer:
        if words[0] == "update":
            told = dict(word.partition("=")[::2] for word in words[1:])
            node = self.slurm.nodes[told["NodeName"]]
            node.states = ["IDLE", "DRAIN"] if told["State"] == "DRAIN" else ["IDLE"]
            node.reason = told.get("Reason", "")
            return 0, "", ""
        if words[-1] == "node":
            return 0, "".join(map(self._node, self.slurm.nodes.values())), ""
        if words[-1] == "topology":
            names = ",".join(self.slurm.nodes)
            return 0, f"SwitchName=leaf1 Level=0 LinkSpeed=1 Nodes={names}\n", ""
        job = self.slurm.find(int(words[-1]))
        if job is None:
            return 1, "", "slurm_load_jobs error: Invalid job id specified\n"
        return 0, self._job(job), ""

    def _scancel(self, _user: str, words: list[str], _given: str) -> Answer:
        number = next((int(word[9:]) for word in words if word.startswith("--signal=")), None)
        if not self.slurm.signal(int(words[-1]), number):
            return 1, "", "scancel: error: Kill job error on job id: Invalid job id specified\n"
        return 0, "", ""

    def _sacct(self, _user: str, words: list[str], _given: str) -> Answer:
        if not self.has_accounts:
            return 1, "", "Slurm accounting storage is disabled\n"
        name = next(word.removeprefix("--name=") for word in words if word.startswith("--name="))
        lines = [
            f"{job.id}|{job.states[0]}|{_code(job)}|{job.user}|{','.join(job.nodes)}|"
            f"Unknown|Unknown|Unknown|{job.name}\n"
            for job in self.slurm.jobs.values()
            if job.name == name
        ]
        return 0, "".join(lines), ""

    def _srun(self, _user: str, words: list[str], _given: str) -> Answer:
        return 0, f"beside {words[-1]}\n", ""

    def _job(self, job: Job) -> str:
        return (
            f"JobId={job.id} JobName={job.name} UserId={job.user}(1000) JobState={_state(job)}"
            f" Reason={job.reason or 'None'} Dependency=(null) Restarts=0 ExitCode={_code(job)}"
            f" SubmitTime=Unknown StartTime=Unknown EndTime=Unknown"
            f" NodeList={','.join(job.nodes)} Comment=a b\n"
        )

    def _node(self, node: Node) -> str:
        used = self.slurm.gpus_used(node.name)
        reason = f" Reason={node.reason} [root@2026-11-22T10:00:00]" if node.reason else ""
        return (
            f"NodeName={node.name} Arch=x86_64 CPUAlloc={used} CPUTot={node.cpus}"
            f" AvailableFeatures=(null) Gres=gpu:h100:{node.gpus}(S:0-1)"
            f" GresUsed=gpu:h100:{used}(IDX:N/A) NodeAddr=127.0.0.1 RealMemory=64000"
            f" State={'+'.join(node.states)} Partitions=all  CfgTRES=cpu=16{reason}\n"
        )


def _state(job: Job) -> str:
    return "COMPLETING" if "COMPLETING" in job.states else job.states[0]


def _code(job: Job) -> str:
    return f"0:{-job.exit_code}" if job.exit_code < 0 else f"{job.exit_code}:0"
