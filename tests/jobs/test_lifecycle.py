"""*The* lifecycle table: complete, without dead ends, and drawn in the documentation as it is."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from arkwright.errors import InternalError
from arkwright.jobs.lifecycle import (
    FINAL,
    PLACED,
    TRANSITIONS,
    WAITING,
    State,
    Trigger,
    after,
    allowed,
    diagram,
)

BEGIN = (State.QUEUED, State.HELD, State.DEFERRED)
"""What a submission makes: queued, or held when it asks for it."""
PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"
MISSING = [pair for pair in product(State, Trigger) if pair not in TRANSITIONS]


def reachable(start: State) -> set[State]:
    found, new = {start}, [start]
    while new:
        state = new.pop()
        following = {to for (at, _), to in TRANSITIONS.items() if at is state} - found
        found |= following
        new += following
    return found


def test_every_state_waits_holds_nodes_or_is_over() -> None:
    assert sorted(s.value for s in (*WAITING, *PLACED, *FINAL)) == sorted(s.value for s in State)


def test_every_state_is_reached_from_a_submission() -> None:
    assert set().union(*(reachable(state) for state in BEGIN)) == set(State)


def test_nothing_leaves_a_final_state_and_every_other_state_can_reach_one() -> None:
    for state in State:
        following = reachable(state) - {state}
        assert (following == set()) if state in FINAL else (following & set(FINAL))


def test_a_job_holds_nodes_only_after_a_decision_and_leaves_them_only_by_an_end() -> None:
    ends = {
        Trigger.SUCCEED,
        Trigger.FAIL,
        Trigger.RETRY,
        Trigger.RETURN,
        Trigger.END_CANCELLED,
    }
    for (at, trigger), to in TRANSITIONS.items():
        assert (at in WAITING and to in PLACED) == (trigger is Trigger.START)
        assert (at in PLACED and to not in PLACED) == (trigger in ends)


def test_what_holds_nodes_can_always_be_cancelled_and_can_always_end() -> None:
    for state in PLACED:
        assert after(state, Trigger.CANCEL) is State.STOPPING
        for trigger in (Trigger.SUCCEED, Trigger.FAIL, Trigger.RETRY):
            assert allowed(state, trigger)


@pytest.mark.parametrize(
    ("state", "trigger"), MISSING, ids=[f"{s.value}-{t.value}" for s, t in MISSING]
)
def test_a_trigger_without_a_line_in_the_table_raises(state: State, trigger: Trigger) -> None:
    before = dict(TRANSITIONS)
    assert not allowed(state, trigger)
    with pytest.raises(InternalError, match=f"a {state.value} job cannot {trigger.value}"):
        after(state, trigger)
    assert before == TRANSITIONS


@pytest.mark.parametrize("pair", TRANSITIONS, ids=lambda pair: f"{pair[0].value}-{pair[1].value}")
def test_a_trigger_with_a_line_leads_where_the_line_says(pair: tuple[State, Trigger]) -> None:
    assert allowed(*pair)
    assert after(*pair) is TRANSITIONS[pair]


def test_the_figure_has_one_arrow_per_line_and_one_per_begin_and_end() -> None:
    arrows = [line for line in diagram().splitlines() if "-->" in line]
    assert len(arrows) == len(set(arrows)) == len(TRANSITIONS) + len(BEGIN) + len(FINAL)
    assert "    running --> stopping: cancel" in arrows


def test_the_documentation_shows_the_figure_of_this_table() -> None:
    block = f"```mermaid\n{diagram()}\n```"
    assert block in PAGE.read_text(), f"put this into {PAGE.name}:\n{block}"
