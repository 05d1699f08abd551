"""The local engine: real processes on this machine, which outlive the server that started them.

Every attempt is a directory of records (see `attempt_files`). The engine writes a plan and starts
one supervisor per part, detached; all it ever knows afterwards comes from the records and /proc.
So there is no "adoption": an engine made after a crash reads what the first one would have read.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

from msgspec import structs

from arkwright.engines import procfs
from arkwright.engines.attempt_files import (
    AttemptFiles,
    Plan,
    StopOrder,
    ranks_of,
    read_record,
    take_lock,
    wall_ms,
    write_record,
)
from arkwright.engines.attempt_view import AttemptView
from arkwright.engines.batch.tools import write_tools
from arkwright.engines.captured_command import run_captured
from arkwright.engines.control_groups import describe, find_group_roots
from arkwright.engines.energy_meter import method_here
from arkwright.engines.launch_plan import Surroundings, make_plan
from arkwright.engines.machine import MachineFacts, Wanted, local_nodes, this_machine
from arkwright.engines.marks import EXEC_MARK, PART_MARK
from arkwright.engines.master_port import choose_port
from arkwright.engines.nvml import open_nvml
from arkwright.engines.port import (
    Attempt,
    AttemptPhase,
    Capabilities,
    ExecResult,
    LogChunk,
    NodeCondition,
    Observation,
    PowerCap,
)
from arkwright.errors import EngineError

SUPERVISOR = Path(__file__).with_name("supervisor_main.py")
PYTHON = (sys.executable, "-I", "-S")
"""Isolated, without site packages: a supervisor needs the standard library only."""
LOCK_PATIENCE_S = 10.0
_ATTEMPT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class LocalEngine:
    """Runs attempts on this machine. Thread-safe; `root` holds everything it must remember."""

    def __init__(
        self,
        root: Path,
        site: str = "local",
        nodes: int | None = None,
        gpus_per_node: int | None = None,
        cpus_per_node: float | None = None,
        memory_per_node_mib: int | None = None,
        clock: Callable[[], int] = wall_ms,
        machine: MachineFacts | None = None,
    ) -> None:
        """Raises EngineError when `root` cannot be used or the nodes make no sense.

        Giving `nodes` or `gpus_per_node` makes the nodes virtual even beside real GPUs; `machine`
        replaces what is found here, for tests.
        """
        self._root = root.absolute()
        self._clock = clock
        self._lock = threading.RLock()
        self._launchers: list[subprocess.Popen[bytes]] = []
        self._views: dict[str, AttemptView] = {}
        self._ended: dict[str, Observation] = {}
        wanted = Wanted(nodes, gpus_per_node, cpus_per_node, memory_per_node_mib)
        machine = machine or this_machine()
        self._local = local_nodes(site, wanted, machine)
        self._boot_id = procfs.boot_id()
        self._groups = find_group_roots(
            Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()
        )
        self._capabilities = Capabilities(
            engine="local",
            nodes=self._local.nodes,
            verbs=("exec", "lose_node", "adjust"),
            energy=method_here(bool(self._local.gpu_indices)),
            limits=describe(self._groups, cpu_quota=self._local.cpu_quota, cpu_count=machine.cpus),
        )
        with _file_errors(f"open the local engine's directory {self._root}"):
            (self._root / "attempts").mkdir(mode=0o700, parents=True, exist_ok=True)
            write_record(self._root / "engine.json", {"format": 1})
            self._tools = write_tools(self._root / "tools", PYTHON)
        for directory in sorted((self._root / "attempts").iterdir()):
            is_attempt = _ATTEMPT_ID.fullmatch(directory.name)
            if is_attempt and not AttemptFiles(directory).forgotten.exists():
                self._view(directory.name)

    def capabilities(self) -> Capabilities:
        """The nodes as they were found when this engine was made."""
        return self._capabilities

    def launch(self, attempt: Attempt) -> None:
        """Write the plan, unless there is one, and start supervisors for parts that have none."""
        files = self._files(attempt.attempt_id)
        with self._lock:
            if files.forgotten.exists():
                return
            view = self._view(attempt.attempt_id) or self._plan(attempt, files)
            pending = view.pending()
            if not pending:
                return
            try:
                self._start_supervisors(files, pending)
            except OSError as error:
                # The plan stands, so another call would start it: say for good that it did not run.
                for index in pending:
                    view.declare_ended(
                        index, f"launch failed: cannot start a process: {error}", self._clock()
                    )

    def stop(self, attempt_id: str, *, grace_s: float, reason: str) -> None:
        """Leave the order where supervisors find it, and wake them."""
        with self._lock:
            view = self._view(attempt_id)
            if view is None or all(view.exit(index) for index in view.indices):
                return
            last: StopOrder | None = read_record(view.files.stop)
            order = StopOrder(
                count=last["count"] + 1 if last else 1,
                # The smallest yet: a supervisor may see only the last of several orders.
                grace_s=max(0.0, min(grace_s, last["grace_s"] if last else grace_s)),
                reason=last["reason"] if last else reason,
                at_ms=last["at_ms"] if last else self._clock(),
            )
            number = signal.SIGUSR1
            try:
                write_record(view.files.stop, order)
            except OSError:
                number = signal.SIGTERM  # a full disk must not keep a job alive
            for index in view.indices:
                if view.exit(index) is None:
                    view.signal_supervisor(index, number)

    def observe(self, attempt_ids: tuple[str, ...]) -> tuple[Observation, ...]:
        """From records and /proc alone; a part found lost is cleaned up before it is reported."""
        self._reap_launchers()
        return tuple(self._observe(attempt_id) for attempt_id in attempt_ids)

    def version(self) -> int | None:
        """Not known."""
        return None

    def logs(self, attempt_id: str, rank: int, offset: int, limit: int) -> LogChunk:
        """Raises EngineError when there is no such attempt or rank, or the log cannot be read."""
        view = self._known(attempt_id)
        firsts = [0, *accumulate(ranks_of(view.plan))]
        if not 0 <= rank < firsts[-1]:
            ranks = f"0 to {firsts[-1] - 1}"
            raise EngineError(f"{attempt_id} has no rank {rank}; its ranks are {ranks}")
        index = bisect_right(firsts, rank) - 1
        has_ended = view.exit(index) is not None  # asked first: later there may be more to read
        data, size = b"", 0
        log = view.files.node(index).log(rank)
        with _file_errors(f"read {log}"):
            if log.exists():
                with log.open("rb") as file:
                    size = file.seek(0, os.SEEK_END)
                    file.seek(max(0, offset))
                    data = file.read(max(0, limit))
        is_end = has_ended and offset + len(data) >= size
        return LogChunk(rank=rank, offset=offset, data=data, is_end=is_end)

    def exec(self, attempt_id: str, command: tuple[str, ...], timeout_s: float) -> ExecResult:
        """Beside rank 0, under the same limits; killed as a whole at the end of its time, or when
        the attempt ends. Exit code 124 means its time was over. Raises EngineError."""
        view = self._known(attempt_id)
        if not command:
            raise EngineError(f"no command was given to run beside {attempt_id}")
        if view.exit(0) is not None or view.running_ms(0) is None:
            raise EngineError(f"cannot run {command[0]} beside {attempt_id}: it is not running now")
        argv = (*PYTHON, str(SUPERVISOR), "exec", str(view.files.directory), *command)
        marks = {EXEC_MARK: uuid.uuid4().hex, PART_MARK: str(view.files.node(0).directory)}
        return run_captured(argv, marks, timeout_s)

    def adjust(self, attempt_id: str, cap: PowerCap | None) -> None:
        """Tell the job in its cap file, and limit the real GPUs it has to itself.

        Raises EngineError when the file cannot be written, or the driver refuses: that needs root.
        """
        with self._lock:
            view = self._known(attempt_id)
            with _file_errors(f"write {view.files.cap}"):
                write_record(view.files.cap, None if cap is None else structs.asdict(cap))
            _limit_gpus(view, cap)

    def nodes(self) -> tuple[NodeCondition, ...]:
        """All up: what takes this machine away takes the engine too."""
        return tuple(NodeCondition(path=each.path, state="up") for each in self._local.nodes)

    def set_node(self, node_path: str, state: str, reason: str) -> None:
        """Nothing to do: nobody else uses the nodes."""

    def forget(self, attempt_id: str) -> None:
        """Drop the environment and the script, keep outcome and logs. A forgotten attempt can
        still not be launched again. Raises EngineError while the attempt is not ended."""
        with self._lock:
            view = self._view(attempt_id)
            if view is None or view.files.forgotten.exists():
                return
            if self._observe(attempt_id).phase is not AttemptPhase.ENDED:
                raise EngineError(f"cannot forget {attempt_id}: it has not ended")
            if read_record(view.files.cap):
                with contextlib.suppress(EngineError):
                    _limit_gpus(view, None)
            with _file_errors(f"forget {attempt_id}"):
                view.files.forgotten.touch(mode=0o600)
                view.files.script.unlink(missing_ok=True)
                view.plan["env"] = {}
                write_record(view.files.plan, view.plan, is_durable=True)
            del self._views[attempt_id]
            self._ended.pop(attempt_id, None)

    def lose_node(self, node_path: str) -> None:
        """Kill every process on a node at once, supervisors included, as losing power would. The
        node can be used again. Raises EngineError when there is no such node."""
        if node_path not in {node.path for node in self._local.nodes}:
            raise EngineError(f"there is no node {node_path} here; `nodes` lists them")
        with self._lock:
            for view in self._views.values():
                for index in view.indices:
                    if view.plan["parts"][index]["node"] != node_path or view.exit(index):
                        continue
                    if view.started(index) is None:
                        view.declare_ended(index, "node lost", self._clock(), lost=True)
                    view.kill_part(index)

    def close(self) -> None:
        """Let go of what this object holds; attempts run on."""
        with self._lock:
            for launcher in self._launchers:
                launcher.wait()
            self._launchers = []

    def _files(self, attempt_id: str) -> AttemptFiles:
        if not _ATTEMPT_ID.fullmatch(attempt_id):
            raise EngineError(
                f"{attempt_id!r} cannot name an attempt; letters, digits, '.', '_' and '-' can"
            )
        return AttemptFiles(self._root / "attempts" / attempt_id)

    def _view(self, attempt_id: str) -> AttemptView | None:
        """The attempt, if it was ever launched; remembered unless it was forgotten."""
        with self._lock:
            view = self._views.get(attempt_id)
            if view is None:
                files = self._files(attempt_id)
                plan: Plan | None = read_record(files.plan)
                if plan is None:
                    return None
                view = AttemptView(files, plan, self._boot_id)
                if not files.forgotten.exists():
                    self._views[attempt_id] = view
            return view

    def _known(self, attempt_id: str) -> AttemptView:
        view = self._view(attempt_id)
        if view is None:
            raise EngineError(f"attempt {attempt_id} was never launched here")
        return view

    def _plan(self, attempt: Attempt, files: AttemptFiles) -> AttemptView:
        """Decide GPUs and port and write them down, alone among all engines of this root."""
        with _file_errors(f"write the plan of {attempt.attempt_id} in {files.directory}"):
            lock = take_lock(self._root / "lock", patience_s=LOCK_PATIENCE_S)
            if lock is None:
                raise EngineError(
                    f"cannot launch {attempt.attempt_id}: another engine keeps {self._root}"
                    " locked; run one server per directory"
                )
            try:
                plans = [view.plan for view in self._views.values()]
                ports = {plan["master_port"] for plan in plans}
                here = Surroundings(
                    local=self._local,
                    groups=self._groups,
                    gpus_in_use=self._gpus_in_use(),
                    gpus_shared=self._gpus_shared(),
                    master_port=choose_port(str(files.directory), ports),
                    server_environment=os.environ,
                    boot_id=self._boot_id,
                    now_ms=self._clock(),
                    tools=self._tools,
                )
                plan = make_plan(attempt, files, here)
                _write_plan(files, plan, attempt)
            finally:
                os.close(lock)
        view = self._view(attempt.attempt_id)
        assert view is not None
        return view

    def _gpus_in_use(self) -> set[int]:
        return {
            gpu
            for view in self._views.values()
            for index, part in enumerate(view.plan["parts"])
            if part["gpu_indices"] and view.exit(index) is None
            for gpu in part["gpu_indices"]
        }

    def _gpus_shared(self) -> dict[int, int]:
        """Of the one node that real GPUs make."""
        return {
            number: part["gpu_indices"][0]
            for view in self._views.values()
            for index, part in enumerate(view.plan["parts"])
            if (number := part.get("shared_gpu")) is not None
            and part["gpu_indices"]
            and view.exit(index) is None
        }

    def _start_supervisors(self, files: AttemptFiles, pending: list[int]) -> None:
        """One short-lived launcher forks them all, so that the interpreter starts only once and
        none of them is our child. Raises OSError."""
        self._reap_launchers()
        with files.supervisor_log.open("ab") as log:
            launcher = subprocess.Popen(
                [*PYTHON, str(SUPERVISOR), "launch", str(files.directory), *map(str, pending)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={},
                start_new_session=True,
            )
        self._launchers.append(launcher)

    def _reap_launchers(self) -> None:
        with self._lock:
            self._launchers = [each for each in self._launchers if each.poll() is None]

    def _observe(self, attempt_id: str) -> Observation:
        ended = self._ended.get(attempt_id)
        if ended is not None:
            return ended
        view = self._view(attempt_id)
        if view is None:
            return Observation(
                attempt_id=attempt_id, phase=AttemptPhase.ENDED, reason="unknown attempt"
            )
        with self._lock:
            observation = view.observe(self._clock())
            if observation.phase is AttemptPhase.ENDED and attempt_id in self._views:
                self._ended[attempt_id] = observation
        return observation


def _limit_gpus(view: AttemptView, cap: PowerCap | None) -> None:
    """Through the driver, for GPUs nobody shares; virtual ones have nothing to limit."""
    indices = [
        gpu
        for part in view.plan["parts"]
        if part.get("shared_gpu") is None
        for gpu in part["gpu_indices"]
    ]
    if not indices:
        return
    nvml = open_nvml()
    less_w = 0 if cap is None else cap.watts_per_gpu_full - cap.watts_per_gpu
    refused = [gpu for gpu in indices if nvml is None or not nvml.limit_power(gpu, less_w)]
    if refused:
        gpus = ", ".join(map(str, refused))
        raise EngineError(f"the driver did not limit GPU {gpus}; run the server as root for that")


def _write_plan(files: AttemptFiles, plan: Plan, attempt: Attempt) -> None:
    """The plan comes last: while there is none, nothing can have started."""
    files.directory.mkdir(mode=0o700, exist_ok=True)
    if attempt.workdir is None:
        Path(plan["workdir"]).mkdir(mode=0o700, exist_ok=True)
    if attempt.script is not None:
        files.script.write_text(attempt.script)
        files.script.chmod(0o700)
    write_record(files.plan, plan, is_durable=True)


@contextlib.contextmanager
def _file_errors(what: str) -> Iterator[None]:
    """Say what could not be done, and with which file."""
    try:
        yield
    except OSError as error:
        raise EngineError(f"cannot {what}: {error.strerror or error}") from error
