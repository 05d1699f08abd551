"""From the records of the parts to one sentence about the gang."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from arkwright.engines.attempt_files import Exit, StopOrder
from arkwright.engines.observation import PartView, summarise
from arkwright.engines.port import AttemptPhase, Energy


def ended(reason: str = "exited", code: int | None = 0, at_ms: int = 100, **more: object) -> Exit:
    values = {"failed": False, "lost": False, "cpu_s": 1.0, "energy_j": None, "ranks": []}
    values |= {"energy_method": "cpu-model", "cause_ms": at_ms, "ended_ms": at_ms}
    return Exit(**{"reason": reason, "exit_code": code, **values, **more})  # type: ignore[typeddict-item]


def part(
    name: str,
    record: Exit | None = None,
    running_ms: int | None = 10,
    failed: int | None = None,
    energy: tuple[float | None, str] = (None, "cpu-model"),
) -> PartView:
    return PartView(name, running_ms, failed, record, 1.0, *energy)


def order(at_ms: int, reason: str = "") -> StopOrder:
    return StopOrder(count=1, grace_s=1.0, reason=reason, at_ms=at_ms)


def test_a_gang_runs_only_when_every_part_does():
    assert summarise("7.1", [part("a"), part("b", None, None)], None).phase is (
        AttemptPhase.LAUNCHING
    )
    seen = summarise("7.1", [part("a"), part("b", None, 25)], None)
    assert (seen.phase, seen.started_ms) == (AttemptPhase.RUNNING, 25)


def test_the_earliest_failure_gives_the_code():
    parts = [
        part("a", ended(code=9, at_ms=120, failed=True)),
        part("b", ended(code=5, at_ms=110, failed=True)),
    ]
    seen = summarise("7.1", parts, None)
    assert (seen.exit_code, seen.reason, seen.failed_nodes) == (5, "exited", ("a", "b"))
    assert seen.ended_ms == 120


def test_peers_stopped_after_a_failure_do_not_hide_it():
    parts = [
        part("a", ended("stopped: a peer failed", 143, 200)),
        part("b", ended(code=5, at_ms=110, failed=True)),
    ]
    seen = summarise("7.1", parts, order(150, "a peer failed"))
    assert (seen.exit_code, seen.reason, seen.failed_nodes) == (5, "exited", ("b",))


def test_a_node_lost_before_the_stop_is_the_reason_whatever_its_peers_did_first():
    parts = [
        part("a", ended(code=1, at_ms=90, failed=True)),
        part("b", ended("node lost", None, 100, lost=True)),
    ]
    for stop in (None, order(100), order(150)):
        seen = summarise("7.1", parts, stop)
        assert (seen.exit_code, seen.reason, seen.lost_nodes) == (None, "node lost", ("b",))


def test_a_node_lost_after_the_stop_does_not_turn_a_cancel_into_a_loss():
    parts = [
        part("a", ended("stopped: cancelled", 143, 120)),
        part("b", ended("node lost", None, 130, lost=True)),
    ]
    assert summarise("7.1", parts, order(110, "cancelled")).reason == "stopped: cancelled"
    assert summarise("7.1", parts[1:], order(110, "cancelled")).reason == "stopped: cancelled"


def test_a_stop_that_came_too_late_to_matter_leaves_a_success_a_success():
    seen = summarise("7.1", [part("a", ended()), part("b", ended())], order(99))
    assert (seen.exit_code, seen.reason) == (0, "exited")


def test_energy_is_summed_only_when_every_part_was_measured_the_same_way():
    def total(*each: tuple[float | None, str]) -> Energy:
        return summarise("7.1", [part("a", energy=one) for one in each], None).energy

    assert total((2.0, "nvml"), (3.0, "nvml")) == Energy(energy_j=5.0, method="nvml")
    assert total((2.0, "rapl"), (None, "cpu-model")) == Energy(energy_j=None, method="cpu-model")
    assert total((2.0, "nvml"), (None, "none")) == Energy(energy_j=None, method="none")


EXITS = st.builds(
    ended,
    st.sampled_from(["exited", "stopped: x", "time limit", "memory limit"]),
    st.sampled_from([0, 1, 137, 143]),
    st.integers(0, 50),
    lost=st.booleans(),
)
PARTS = st.lists(
    st.builds(part, st.sampled_from("abcd"), st.none() | EXITS, st.none() | st.integers(0, 9)),
    min_size=1,
    max_size=5,
)


@given(PARTS, st.none() | st.builds(order, st.integers(0, 50)))
def test_an_attempt_has_ended_if_and_only_if_every_part_has(parts, stop):
    seen = summarise("7.1", parts, stop)
    assert (seen.phase is AttemptPhase.ENDED) == all(each.exit for each in parts)
    assert (seen.ended_ms is not None) == (seen.phase is AttemptPhase.ENDED)
    assert seen.phase is AttemptPhase.ENDED or seen.exit_code is None
    assert seen.phase is not AttemptPhase.ENDED or seen.reason
