"""The thread that owns the controller: it alone writes, and everybody else asks it.

Submissions that arrive together share one commit: one fsync answers them all.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from arkwright.control import intake
from arkwright.control.controller import Controller
from arkwright.control.intake import Accepted, Submission
from arkwright.errors import ArkwrightError, FencedError, InternalError, StoreError

LOG = logging.getLogger("arkwright.control")
ROUND_S = 0.1
"""The loop looks at its engines at least this often while attempts are placed."""
IDLE_ROUND_S = 1.0
BATCH_MAX = 2000
"""Submissions answered by one commit."""

Answer = TypeVar("Answer")
Question = Callable[[Controller], Any]


class Loop:
    """Runs `Controller.step` round after round, and answers requests between two of them."""

    def __init__(self, controller: Controller, on_change: Callable[[], None]) -> None:
        self._controller = controller
        self._on_change = on_change
        self._requests: queue.SimpleQueue[tuple[Question | Submission, Future[Any]]]
        self._requests = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self.fault: str | None = None
        """Why the last round failed; None when it did not. `/healthz` shows it."""
        self.is_fenced = False
        """Another server has taken over the store: this one must end."""

    def start(self) -> None:
        """Begin. Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the round and end. Jobs go on."""
        self._stopping.set()
        self._requests.put((lambda _controller: None, Future()))
        self._thread.join(timeout=30)

    def submit(self, submission: Submission) -> Future[tuple[str, ...]]:
        """The job ids, once they are on disk."""
        answer: Future[tuple[str, ...]] = Future()
        self._requests.put((submission, answer))
        return answer

    def ask(self, question: Callable[[Controller], Answer]) -> Future[Answer]:
        """Run `question` on the loop's thread, between two rounds."""
        answer: Future[Answer] = Future()
        self._requests.put((question, answer))
        return answer

    def _run(self) -> None:
        while not self._stopping.is_set():
            seq = self._controller.store.last_seq
            try:
                self._answer(self._wait())
                if self.fault is not None:
                    self._controller.store.check()
                self._controller.step()
                self.fault = None
            except FencedError as error:
                LOG.critical("%s", error)
                self.fault = str(error)
                self.is_fenced = True
                self._stopping.set()
            except StoreError as error:
                # Nothing was applied: the next round tries the same again.
                self._report(str(error))
            except Exception as error:
                LOG.exception("a round failed")
                self._report(f"{type(error).__name__}: {error}")
            if self._controller.store.last_seq != seq:
                self._announce()
        self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        """Nobody answers any more: whoever still asks must not wait for ever."""
        while True:
            try:
                _, answer = self._requests.get_nowait()
            except queue.Empty:
                return
            answer.set_exception(StoreError(self.fault or "the server is stopping; ask again"))

    def _announce(self) -> None:
        try:
            self._on_change()
        except RuntimeError as error:
            LOG.warning("nobody can be told that the log grew: %s", error)

    def _report(self, fault: str) -> None:
        if fault != self.fault:
            LOG.error("the loop cannot go on and tries again: %s", fault)
        self.fault = fault
        self._stopping.wait(ROUND_S)

    def _wait(self) -> list[tuple[Question | Submission, Future[Any]]]:
        """The requests of this round; waits for one unless there is work to look at."""
        is_busy = bool(self._controller.book.jobs)
        try:
            requests = [self._requests.get(timeout=ROUND_S if is_busy else IDLE_ROUND_S)]
        except queue.Empty:
            return []
        while len(requests) < BATCH_MAX:
            try:
                requests.append(self._requests.get_nowait())
            except queue.Empty:
                break
        return requests

    def _answer(self, requests: list[tuple[Question | Submission, Future[Any]]]) -> None:
        submissions = [(r, f) for r, f in requests if isinstance(r, Submission)]
        if submissions:
            _answer_submissions(self._controller, submissions)
        for request, answer in requests:
            if not isinstance(request, Submission):
                _settle(answer, partial(request, self._controller))
        faults = [f.exception() for _, f in requests if f.done() and not f.cancelled()]
        if fault := next((error for error in faults if isinstance(error, StoreError)), None):
            raise fault


def _answer_submissions(
    controller: Controller, submissions: list[tuple[Submission, Future[Any]]]
) -> None:
    """Check each by itself, commit all that pass together, then answer."""
    accepted: list[tuple[Accepted, Future[Any]]] = []
    keys: set[tuple[str, str]] = set()
    for submission, answer in submissions:
        key = submission.idempotency_key
        if key and (submission.identity.name, key) in keys:
            # The same key twice in one round: commit the first, then look the second up.
            _commit(controller, accepted)
            accepted = []
        try:
            accepted.append((intake.accept(controller, submission), answer))
        except ArkwrightError as error:
            answer.set_exception(error)
        except Exception as error:
            LOG.exception("a submission could not be checked")
            answer.set_exception(InternalError(f"{type(error).__name__}: {error}"))
        if key:
            keys.add((submission.identity.name, key))
    _commit(controller, accepted)


def _commit(controller: Controller, accepted: list[tuple[Accepted, Future[Any]]]) -> None:
    try:
        controller.record(
            [event for item, _ in accepted for event in item.events],
            idempotency=[item.idempotency for item, _ in accepted if item.idempotency],
        )
    except Exception as error:  # noqa: BLE001 - every waiting client must hear of it
        for _, answer in accepted:
            answer.set_exception(error)
        return
    for item, answer in accepted:
        answer.set_result(item.job_ids)


def _settle(answer: Future[Any], question: Callable[[], Any]) -> None:
    try:
        answer.set_result(question())
    except Exception as error:  # noqa: BLE001 - handed to whoever asked
        answer.set_exception(error)
