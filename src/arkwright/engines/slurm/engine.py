"""The Slurm engine: Arkwright says which nodes, Slurm launches and keeps.

`launch`, `stop`, `set_node` and `observe` never wait for Slurm: they write down what is wanted and
tell what is known. `work` makes Slurm do the one and learns the other; `worker` calls it in
rounds, or a test does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from arkwright.engines.attempt_files import wall_ms
from arkwright.engines.captured_command import run_captured
from arkwright.engines.marks import EXEC_MARK
from arkwright.engines.port import (
    Attempt,
    Capabilities,
    ExecResult,
    LogChunk,
    NodeCondition,
    Observation,
    PowerCap,
)
from arkwright.engines.slurm import cluster, plan
from arkwright.engines.slurm.batch_script import ranks_of
from arkwright.engines.slurm.commands import CommandTransport
from arkwright.engines.slurm.entries import Entries, Entry, Stop
from arkwright.engines.slurm.folder import Folder
from arkwright.engines.slurm.node_watch import NodeWatch
from arkwright.engines.slurm.records import (
    Transport,
)
from arkwright.engines.slurm.rounds import FAILURES_TOLD, SUBMITTERS, Rounds
from arkwright.engines.slurm.settings import Settings
from arkwright.errors import EngineError, EngineUnreachable

LOG = logging.getLogger("arkwright.engines.slurm")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class SlurmEngine:
    """Runs attempts on one cluster. Thread-safe; `root` holds what it must remember."""

    def __init__(
        self,
        root: Path,
        site: str,
        settings: Settings,
        transport: Transport,
        commands: CommandTransport | None = None,
        places: cluster.Places = cluster.places_of_nodes,
        clock: Callable[[], int] = wall_ms,
        submitters: int = SUBMITTERS,
    ) -> None:
        """Raises EngineError when the cluster neither answers nor ever did before."""
        self._settings = settings
        self._transport = transport
        self._commands = commands
        self._clock = clock
        self._files = Entries(root)
        self._watch = NodeWatch(site, settings, transport, self._files, places, clock)
        self._rounds = Rounds(
            site, settings, transport, self._files, self._watch, clock, submitters
        )
        self.wake = threading.Event()
        """Set when something new is wanted."""
        self.is_closed = False
        self._watch.look(self._rounds.held)
        if self._watch.fault and not self._watch.nodes:
            raise EngineError(
                f"site {site}: {self._watch.fault}; it has never been reached from here, so its"
                " nodes are not known"
            )

    def work(self) -> None:
        """One round."""
        self._rounds.work()

    # --- the port ------------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        """The nodes as Slurm last told them; an unreachable cluster keeps those it had."""
        paths = self._watch.paths
        nodes = tuple(
            cluster.facts_of(node, paths[name]) for name, node in sorted(self._watch.nodes.items())
        )
        verbs = ("set_node", "signal") + (("exec",) if self._commands is not None else ())
        return Capabilities(
            engine="slurm",
            nodes=nodes,
            verbs=verbs,
            energy="none",
            limits="by Slurm, as its TaskPlugin and ProctrackType say",
        )

    def launch(self, attempt: Attempt) -> None:
        """Write the attempt down; the next round submits it. Raises EngineUnreachable while Slurm
        gives no answer: what was not written down may go elsewhere."""
        with self._rounds.lock:
            if attempt.attempt_id in self._rounds.entries or self._files.past(attempt.attempt_id):
                return
            if silence := self._silence():
                raise EngineUnreachable(silence)
            plan.check(attempt, self._watch.names, self._watch.nodes)
            user = attempt.unix_user or self._settings.unix_user(attempt.user)
            Folder(self._settings.output_dir, user, attempt.attempt_id).prepare()
            entry = Entry(
                attempt=attempt,
                unix_user=user,
                port=plan.port_of(attempt.attempt_id, self._rounds.ports),
                launched_ms=self._clock(),
            )
            self._files.save(entry)
            self._rounds.want(entry)
        self.wake.set()

    def stop(self, attempt_id: str, *, grace_s: float, reason: str) -> None:
        """Write the order down; the next round carries it out."""
        with self._rounds.lock:
            entry = self._rounds.entries.get(attempt_id)
            if entry is None or entry.end is not None:
                return
            last = entry.stop
            entry.stop = Stop(
                grace_s=max(0.0, min(grace_s, last.grace_s if last else grace_s)),
                reason=last.reason if last else reason,
                at_ms=last.at_ms if last else self._clock(),
            )
            self._files.save(entry)
            self._rounds.want(entry)
        self.wake.set()

    def version(self) -> int | None:
        """Grows with whatever may be new; None while Slurm gives no answer."""
        return None if self._silence() else self._rounds.version

    def observe(self, attempt_ids: tuple[str, ...]) -> tuple[Observation, ...]:
        """What the last look at Slurm showed. Raises EngineError while Slurm gives no answer and
        an attempt depends on it."""
        with self._rounds.lock:
            found = [self._rounds.entries.get(attempt_id) for attempt_id in attempt_ids]
            fault = self._silence()
            if fault and (not found or any(each is not None and each.is_live for each in found)):
                raise EngineError(fault)
            return tuple(
                self._rounds.observation(attempt_id, entry)
                for attempt_id, entry in zip(attempt_ids, found, strict=True)
            )

    def logs(self, attempt_id: str, rank: int, offset: int, limit: int) -> LogChunk:
        """From the shared file system. Raises EngineError."""
        entry = self._rounds.entries.get(attempt_id)
        past = self._files.past(attempt_id) if entry is None else None
        if entry is None and past is None:
            raise EngineError(f"attempt {attempt_id} was never launched here")
        ranks = sum(ranks_of(entry.attempt)) if entry is not None else past.ranks if past else 0
        user = entry.unix_user if entry is not None else past.unix_user if past else ""
        if not 0 <= rank < ranks:
            raise EngineError(f"{attempt_id} has no rank {rank}; its ranks are 0 to {ranks - 1}")
        has_ended = entry is None or entry.end is not None
        folder = Folder(self._settings.output_dir, user, attempt_id)
        data, size = folder.read(f"rank-{rank}.log", offset, max(0, limit))
        is_end = has_ended and offset + len(data) >= size
        return LogChunk(rank=rank, offset=offset, data=data, is_end=is_end)

    def exec(self, attempt_id: str, command: tuple[str, ...], timeout_s: float) -> ExecResult:
        """By `srun --overlap`, as the attempt's user, on its first node. Raises EngineError."""
        entry = self._rounds.entries.get(attempt_id)
        if self._commands is None:
            raise EngineError("slurmrestd starts no command beside a job; give cli: true as well")
        if not command:
            raise EngineError(f"no command was given to run beside {attempt_id}")
        if entry is None or not entry.is_live or not entry.started_ms:
            raise EngineError(f"cannot run {command[0]} beside {attempt_id}: it is not running now")
        first = plan.name_of(entry.attempt.placements[0].node)
        folder = Folder(self._settings.output_dir, entry.unix_user, attempt_id)
        words = ["srun", "--overlap", f"--jobid={entry.job_id}", "--nodes=1", "--ntasks=1"]
        words += [f"--nodelist={first}", "--export=ALL", "--chdir=/"]
        # The job's variables are where its script left them; its directory is among them.
        enter = '. "$0/env.sh" && cd "$ARKWRIGHT_WORKDIR" && exec "$@"'
        argv = self._commands.argv(
            entry.unix_user, *words, "/bin/sh", "-c", enter, str(folder.path), *command
        )
        mark = f"{attempt_id}-{time.monotonic_ns()}"
        return run_captured(argv, {EXEC_MARK: mark, "PATH": DEFAULT_PATH}, timeout_s)

    def signal(self, attempt_id: str, number: int) -> None:
        """To every process of the attempt, its script included. Raises EngineError."""
        entry = self._rounds.entries.get(attempt_id)
        if entry is None or not entry.is_live:
            raise EngineError(f"cannot signal {attempt_id}: it is not in Slurm now")
        self._transport.signal(entry.job_id, entry.unix_user, number)

    def adjust(self, attempt_id: str, cap: PowerCap | None) -> None:
        """Slurm caps no GPUs."""
        raise EngineError(f"{attempt_id} cannot be capped: Slurm caps no GPUs")

    def nodes(self) -> tuple[NodeCondition, ...]:
        """As of the last look. Raises EngineError while Slurm gives no answer."""
        if self._watch.fault:
            raise EngineError(self._watch.fault)
        return self._watch.conditions()

    def set_node(self, node_path: str, state: str, reason: str) -> None:
        """Noted, and shown from now on; drained or resumed in Slurm in the next round."""
        self._watch.order(node_path, state, reason)
        self.wake.set()

    def forget(self, attempt_id: str) -> None:
        """Drop all but where the output lies. Raises EngineError while it has not ended."""
        with self._rounds.lock:
            entry = self._rounds.entries.get(attempt_id)
            if entry is None:
                return
            if entry.end is None:
                raise EngineError(f"cannot forget {attempt_id}: it has not ended")
            self._files.forget(entry, sum(ranks_of(entry.attempt)))
            self._rounds.forget(entry)

    def _silence(self) -> str:
        """Why nothing is known: of jobs, or of nodes, which are looked at without jobs too."""
        watch = self._watch
        told = watch.fault if watch.failures >= FAILURES_TOLD else ""
        return self._rounds.silence() or told

    def close(self) -> None:
        """Let go of what this object holds; attempts run on."""
        self.is_closed = True
        self.wake.set()
        self._rounds.close()
