"""The words that traces use for how a job ended."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arkwright.twin.workload.table import Labels, Outcome

_WORDS = {
    Outcome.COMPLETED: ("completed", "complete", "pass", "passed", "success", "succeeded",
                        "succeed", "finished"),
    Outcome.FAILED: ("failed", "fail", "failure", "error", "out_of_memory", "launch_fail",
                     "reconfig_fail"),
    Outcome.CANCELLED: ("cancelled", "canceled", "killed", "stopped", "revoked"),
    Outcome.TIMEOUT: ("timeout", "deadline", "timelimit"),
    Outcome.NODE_FAIL: ("node_fail", "boot_fail", "node_failure"),
}  # fmt: skip
_OUTCOME_OF = {word: outcome for outcome, words in _WORDS.items() for word in words}
PREEMPTED = "preempted"
"""Ended for another job: no outcome of its own, but it could be stopped."""
RUNNING = frozenset({"running", "completing", "suspended", "resizing", "signaling", "stage_out"})
"""States of Slurm in which a job holds its nodes still."""
WAITING = frozenset(
    {"pending", "configuring", "requeued", "requeue_hold", "requeue_fed", "special_exit",
     "resv_del_hold"}
)  # fmt: skip


def outcome_of(word: str) -> Outcome:
    """The outcome that a word of a trace means; UNKNOWN for any other.

    >>> outcome_of("CANCELLED by 1004").name
    'CANCELLED'
    """
    return _OUTCOME_OF.get(first_word(word), Outcome.UNKNOWN)


def outcomes(states: Labels) -> NDArray[np.int8]:
    """Outcomes of a column of states."""
    codes = [outcome_of(name) for name in states.names]
    return np.array([*codes, Outcome.UNKNOWN], dtype=np.int8)[states.codes]


def among(states: Labels, words: frozenset[str]) -> NDArray[np.bool_]:
    """Where the state is one of `words`."""
    found = [first_word(name) in words for name in states.names]
    return np.array([*found, False], dtype=np.bool_)[states.codes]


def first_word(state: str) -> str:
    """`CANCELLED by 1004` and `cancelled+` are `cancelled`."""
    words = state.lower().split()
    return words[0].rstrip("+") if words else ""
