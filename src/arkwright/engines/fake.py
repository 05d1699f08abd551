"""A deterministic engine in memory, for tests of what stands above the port.

Nothing happens in it but what its scripts say and its clock reaches. It outlives the controller
under test: hand the same object to the next one, and it has gone on in between. It asserts what
control promises: at most one live attempt per job, and no node given more GPUs than it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from arkwright.engines.port import (
    Attempt,
    AttemptPhase,
    Capabilities,
    Energy,
    ExecResult,
    LogChunk,
    NodeCondition,
    NodeFacts,
    Observation,
    Placement,
    PowerCap,
)
from arkwright.errors import EngineError


@dataclass(frozen=True, kw_only=True)
class Script:
    """What an attempt does. Times are virtual, counted from its launch."""

    duration_ms: int = 60_000
    """From running to its own end."""
    launch_ms: int = 0
    """From launch to running."""
    exit_code: int = 0
    term_ms: int = 0
    """How long it takes to obey a stop; the grace cuts it short."""
    ignores_stop_for_ms: int = 0
    """How long it outlives even the end of the grace, as a process stuck in the kernel does."""
    fail_node: int | None = None
    """Only the part with this index ends by itself; the others go on until they are stopped."""
    cpu_s: float = 1.0
    output: bytes = b""
    """Every rank's log, complete from the start."""
    launch_error: str | None = None
    """The launch raises EngineError with this text, every time."""


def virtual_nodes(count: int, gpus: int) -> tuple[NodeFacts, ...]:
    """`fake/local/r01/n01` and on, each with `gpus` virtual GPUs and more CPU and memory than
    any test asks for."""
    return tuple(
        NodeFacts(
            path=f"fake/local/r01/n{number:02d}",
            gpus=gpus,
            gpu_type="virtual",
            is_virtual=True,
            cpus=64.0,
            memory_mib=512 << 10,
        )
        for number in range(1, count + 1)
    )


ROUNDING = 1e-6
"""Sums of fractions are not exact."""
DEFAULT_NODES = virtual_nodes(4, 8)


@dataclass
class _Run:
    attempt: Attempt
    script: Script
    launched_ms: int
    stop_ms: int | None = None
    stop_reason: str = ""
    stopped_at_ms: int | None = None
    """When the stop takes effect."""
    lost_ms: dict[int, int] = field(default_factory=dict)
    finished: tuple[int, int] | None = None
    """When a test ended it by hand, and with which code."""

    @property
    def own_end(self) -> tuple[int, int]:
        """When it ends if nobody interferes, and its exit code."""
        script = self.script
        due = self.launched_ms + script.launch_ms + script.duration_ms
        own = (due, script.exit_code)
        return own if self.finished is None else min(own, self.finished)

    def part_end_ms(self, index: int) -> int | None:
        """When part `index` ends; None when only a stop can end it."""
        due, _ = self.own_end
        ends = [self.lost_ms.get(index), self.stopped_at_ms]
        if self.script.fail_node in (None, index) or self.finished is not None:
            ends.append(due)
        known = [end for end in ends if end is not None]
        return min(known) if known else None


class FakeEngine:
    """Implements the port. `clock` gives the time in ms; nothing else moves it."""

    def __init__(
        self,
        clock: Callable[[], int],
        nodes: Sequence[NodeFacts] | None = None,
        verbs: Sequence[str] = (),
    ) -> None:
        self.verbs = tuple(verbs)
        self.default_script = Script()
        self.launches: list[Attempt] = []
        """Every launch that started something, in order."""
        self.calls: list[tuple[str, str]] = []
        """Every `launch`, `stop` and `forget`, with its attempt."""
        self.caps: dict[str, int | None] = {}
        """By attempt, the watts per GPU it was last told; None is no cap."""
        self.conditions: dict[str, NodeCondition] = {}
        """Nodes that are not up, or were set; a test may write them as a cluster's admin would."""
        self.unreachable = ""
        """While there are words here, `nodes`, `set_node` and `observe` raise EngineError."""
        self._clock = clock
        self._nodes = tuple(DEFAULT_NODES if nodes is None else nodes)
        self._scripts: dict[str, Script] = {}
        self._runs: dict[str, _Run] = {}
        self._failing = 0
        self._failure = ""

    def script(self, job_or_attempt_id: str, script: Script) -> None:
        """What an attempt, or each attempt of a job, will do; an attempt's own wins."""
        self._scripts[job_or_attempt_id] = script

    def fail_launches(self, count: int, message: str) -> None:
        """The next `count` launches raise EngineError and start nothing."""
        self._failing, self._failure = count, message

    def lose_node(self, node_path: str) -> None:
        """Now end, as lost, every live part on a node. The node can be used again."""
        if node_path not in {node.path for node in self._nodes}:
            raise EngineError(f"there is no node {node_path} in the fake engine")
        now = self._clock()
        for run in self._runs.values():
            for index, placement in enumerate(run.attempt.placements):
                if placement.node == node_path and not _is_over(run, index, now):
                    run.lost_ms[index] = now

    def finish(self, attempt_id: str, exit_code: int = 0) -> None:
        """Now end an attempt by itself, all its parts."""
        run = self._runs[attempt_id]
        run.finished = (self._clock(), exit_code)

    def live(self) -> tuple[str, ...]:
        """Attempts with a process left, in launch order."""
        now = self._clock()
        return tuple(key for key, run in self._runs.items() if not _is_ended(run, now))

    def capabilities(self) -> Capabilities:
        """The nodes it was made with."""
        return Capabilities(
            engine="fake",
            nodes=self._nodes,
            verbs=("exec", "lose_node", "adjust", *self.verbs),
            energy="cpu-model",
            limits="none: nothing runs here",
        )

    def launch(self, attempt: Attempt) -> None:
        """Idempotent by attempt id. Raises AssertionError when a promise of control is broken."""
        self.calls.append(("launch", attempt.attempt_id))
        if attempt.attempt_id in self._runs:
            return
        script = self._scripts.get(attempt.attempt_id) or self._scripts.get(attempt.job_id)
        script = script or self.default_script
        if self._failing:
            self._failing -= 1
            raise EngineError(self._failure)
        if script.launch_error is not None:
            raise EngineError(script.launch_error)
        self._check(attempt)
        self._runs[attempt.attempt_id] = _Run(attempt, script, self._clock())
        self.launches.append(attempt)

    def stop(self, attempt_id: str, *, grace_s: float, reason: str) -> None:
        """Takes effect when the script obeys, at the latest at the end of the grace."""
        self.calls.append(("stop", attempt_id))
        run, now = self._runs.get(attempt_id), self._clock()
        if run is None or _is_ended(run, now):
            return
        obeyed = now + min(run.script.term_ms, round(grace_s * 1000))
        due = obeyed + run.script.ignores_stop_for_ms
        if run.stop_ms is None:
            run.stop_ms, run.stop_reason, run.stopped_at_ms = now, reason, due
        elif run.stopped_at_ms is not None:
            run.stopped_at_ms = min(run.stopped_at_ms, due)

    def observe(self, attempt_ids: tuple[str, ...]) -> tuple[Observation, ...]:
        """What its scripts say of each attempt at this moment. Raises EngineError while it cannot
        be reached."""
        self._reach()
        now = self._clock()
        return tuple(self._observe(attempt_id, now) for attempt_id in attempt_ids)

    def version(self) -> int | None:
        """Not known."""
        return None

    def logs(self, attempt_id: str, rank: int, offset: int, limit: int) -> LogChunk:
        """The script's output, the same for every rank."""
        run = self._known(attempt_id)
        per_node = run.attempt.ranks_per_node
        placements = run.attempt.placements
        world = sum(per_node if each.ranks is None else each.ranks for each in placements)
        if not 0 <= rank < world:
            raise EngineError(f"{attempt_id} has no rank {rank}; its ranks are 0 to {world - 1}")
        data = run.script.output[offset : offset + limit]
        is_end = offset + len(data) >= len(run.script.output) and _is_ended(run, self._clock())
        return LogChunk(rank=rank, offset=offset, data=data, is_end=is_end)

    def exec(self, attempt_id: str, command: tuple[str, ...], timeout_s: float) -> ExecResult:
        """Prints the command's words."""
        if _is_ended(self._known(attempt_id), self._clock()):
            raise EngineError(f"cannot run {command[0]} beside {attempt_id}: it is not running now")
        return ExecResult(exit_code=0, output=" ".join(command).encode() + b"\n")

    def adjust(self, attempt_id: str, cap: PowerCap | None) -> None:
        """Noted in `caps`."""
        self.calls.append(("adjust", attempt_id))
        self._known(attempt_id)
        self.caps[attempt_id] = None if cap is None else cap.watts_per_gpu

    def nodes(self) -> tuple[NodeCondition, ...]:
        """Up, but for those that `set_node` or a test took away. Raises EngineError while it
        cannot be reached."""
        self._reach()
        return tuple(
            self.conditions.get(each.path, NodeCondition(path=each.path, state="up"))
            for each in self._nodes
        )

    def set_node(self, node_path: str, state: str, reason: str) -> None:
        """Noted in `conditions`, as a cluster that others drain and resume too would."""
        self._reach()
        self.calls.append(("set_node", f"{node_path} {state}"))
        self.conditions[node_path] = NodeCondition(path=node_path, state=state, reason=reason)

    def forget(self, attempt_id: str) -> None:
        """Allowed once it has ended. Raises EngineError before."""
        self.calls.append(("forget", attempt_id))
        run = self._runs.get(attempt_id)
        if run is not None and not _is_ended(run, self._clock()):
            raise EngineError(f"cannot forget {attempt_id}: it has not ended")

    def _reach(self) -> None:
        if self.unreachable:
            raise EngineError(self.unreachable)

    def _known(self, attempt_id: str) -> _Run:
        if attempt_id not in self._runs:
            raise EngineError(f"attempt {attempt_id} was never launched here")
        return self._runs[attempt_id]

    def _check(self, attempt: Attempt) -> None:
        now = self._clock()
        used: dict[str, float] = {}
        for run in self._runs.values():
            if _is_ended(run, now):
                continue
            assert run.attempt.job_id != attempt.job_id, (
                f"two live attempts of one job: {run.attempt.attempt_id} and {attempt.attempt_id}"
            )
            for placement in run.attempt.placements:
                used[placement.node] = used.get(placement.node, 0) + _gpus(placement)
        has = {node.path: node.gpus for node in self._nodes}
        for placement in attempt.placements:
            assert placement.node in has, f"{attempt.attempt_id}: no node {placement.node}"
            total = used.get(placement.node, 0) + _gpus(placement)
            assert total <= has[placement.node] + ROUNDING, (
                f"{attempt.attempt_id}: {total} GPUs in use on {placement.node}, which has"
                f" {has[placement.node]}"
            )
            used[placement.node] = total

    def _observe(self, attempt_id: str, now: int) -> Observation:
        run = self._runs.get(attempt_id)
        if run is None:
            return Observation(
                attempt_id=attempt_id, phase=AttemptPhase.ENDED, reason="unknown attempt"
            )
        nodes = [placement.node for placement in run.attempt.placements]
        started_ms = run.launched_ms + run.script.launch_ms
        over = [index for index in range(len(nodes)) if _is_over(run, index, now)]
        is_ended = len(over) == len(nodes)
        due, code = run.own_end
        by_itself = [index for index in over if run.part_end_ms(index) == due]
        exit_code, reason = _outcome(run, now, bool(by_itself))
        return Observation(
            attempt_id=attempt_id,
            phase=_phase(run, now, bool(over), is_ended),
            exit_code=exit_code if is_ended else None,
            reason=reason,
            failed_nodes=tuple(
                nodes[index] for index in by_itself if code and index not in run.lost_ms
            ),
            lost_nodes=tuple(nodes[index] for index in sorted(run.lost_ms)),
            cpu_s=run.script.cpu_s if is_ended else 0.0,
            energy=Energy(energy_j=None, method="cpu-model"),
            started_ms=started_ms if _has_started(run, now, over) else None,
            ended_ms=max(run.part_end_ms(index) or 0 for index in over) if is_ended else None,
        )


def _gpus(placement: Placement) -> float:
    return placement.gpus if placement.gpu_fraction is None else placement.gpu_fraction


def _outcome(run: _Run, now: int, ended_by_itself: bool) -> tuple[int | None, str]:
    """Exit code and reason so far; the same order of causes as the local engine's."""
    lost = [at for at in run.lost_ms.values() if run.stop_ms is None or at <= run.stop_ms]
    if lost:
        return None, "node lost"
    if ended_by_itself:
        return run.own_end[1], "exited"
    if run.stop_ms is not None and run.stop_ms <= now:
        return 143, f"stopped: {run.stop_reason}" if run.stop_reason else "stopped"
    return None, ""


def _phase(run: _Run, now: int, some_over: bool, is_ended: bool) -> AttemptPhase:
    if is_ended:
        return AttemptPhase.ENDED
    if some_over or run.stop_ms is not None:
        return AttemptPhase.STOPPING
    is_running = now >= run.launched_ms + run.script.launch_ms
    return AttemptPhase.RUNNING if is_running else AttemptPhase.LAUNCHING


def _has_started(run: _Run, now: int, over: list[int]) -> bool:
    """Whether every rank ever ran: not when a part ended before the launch was through."""
    started_ms = run.launched_ms + run.script.launch_ms
    return now >= started_ms and all((run.part_end_ms(index) or 0) >= started_ms for index in over)


def _is_over(run: _Run, index: int, now: int) -> bool:
    end = run.part_end_ms(index)
    return end is not None and end <= now


def _is_ended(run: _Run, now: int) -> bool:
    return all(_is_over(run, index, now) for index in range(len(run.attempt.placements)))
