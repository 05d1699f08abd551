"""To Slurm through slurmrestd: over TCP or a Unix socket, with a token per user.

Every request has a connection of its own: one that is kept open may turn out closed at the moment a
job is submitted, and then nobody knows whether the job was.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from arkwright.engines.slurm import dialects
from arkwright.engines.slurm.dialects import Dialect, Fault
from arkwright.engines.slurm.records import (
    AnswerLost,
    NotReached,
    Refused,
    SlurmJob,
    SlurmNode,
    Submission,
)
from arkwright.engines.slurm.tokens import Tokens
from arkwright.errors import EngineError

Told = TypeVar("Told")
TIMEOUT_S = 10.0
"""For one job; slurmctld's own MessageTimeout is 10 s by default."""
LIST_TIMEOUT_S = 60.0
"""For a list of everything, which takes a busy controller long."""
SINGLES_MAX = 16
"""So many jobs are asked for one by one: cheaper than a list of everybody's."""
_UNAUTHORISED = (401, 403, 511)
_NOT_MODIFIED = 304


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class RestTransport:
    """`records.Transport` through slurmrestd. Thread-safe.

    `operator` is whose token lists and sets nodes: one whom Slurm shows every job.
    """

    def __init__(
        self,
        tokens: Tokens,
        operator: str,
        *,
        url: str | None = None,
        socket_path: str | None = None,
        timeout_s: float = TIMEOUT_S,
        list_timeout_s: float = LIST_TIMEOUT_S,
    ) -> None:
        self._tokens = tokens
        self._operator = operator
        self._url = urlsplit(url or "http://localhost")
        self._socket_path = socket_path
        self._timeout_s = timeout_s
        self._list_timeout_s = list_timeout_s
        self._dialect: Dialect | None = None
        self._changed_s: dict[str, int] = {}
        """By list, when it last changed by the cluster's clock."""
        self._lock = threading.Lock()
        self.singles_max = SINGLES_MAX

    @property
    def place(self) -> str:
        """The address of slurmrestd."""
        return f"slurmrestd at {self._socket_path or self._url.geturl()}"

    def dialect(self) -> Dialect:
        """The version to speak, asked once and again whenever slurmrestd no longer knows it."""
        with self._lock:
            if self._dialect is None:
                answer = self._ask("GET", "/openapi/v3", self._operator, timeout_s=self._timeout_s)
                if answer.status != 200:
                    raise NotReached(f"{self.place} answers {answer.status} to /openapi/v3")
                try:
                    self._dialect = dialects.choose(dialects.paths_of(answer.body))
                except msgspec.MsgspecError as error:
                    raise NotReached(
                        f"{self.place} gives no OpenAPI document: {error}; is it slurmrestd?"
                    ) from error
            return self._dialect

    def submit(self, wanted: Submission) -> int:
        """As the protocol says. An answer that is no answer may hide a job: AnswerLost."""
        if wanted.options:
            raise Refused(
                f"slurmrestd cannot pass on {', '.join(wanted.options)}; let Arkwright use Slurm's"
                " commands too (cli: true)"
            )
        dialect = self.dialect()
        body = msgspec.json.encode(dialects.submit_body(dialect, wanted))
        answer = self._request("POST", "job/submit", wanted.user, body)
        # An answer may have both: the job was taken, and cannot start now (2068 and others).
        job_id = dialects.submitted(answer.body)
        if job_id is None:
            self._raise_changed(answer, dialects.faults(answer.body))
            raise AnswerLost(f"{self.place} took {wanted.name} and told no job id")
        return job_id

    def jobs(self) -> tuple[SlurmJob, ...] | None:
        """The list, unless slurmrestd says that none changed since the last."""
        return self._list("jobs", dialects.jobs_of)

    def states(self) -> dict[int, tuple[str, ...]] | None:
        """From Slurm 24.05 on."""
        if not self.dialect().has_states:
            return None
        answer = self._read("jobs/state/", is_list=True)
        return None if answer is None else self._decode(dialects.states_of, answer)

    def job(self, job_id: int) -> SlurmJob | None:
        """None when slurmctld has no such job any more."""
        answer = self._request("GET", f"job/{job_id}", self._operator)
        told = dialects.faults(answer.body)
        if told is None:
            raise NotReached(f"{self.place} answers {answer.status} to a question for job {job_id}")
        if any(fault.number in dialects.UNKNOWN_JOB for fault in told):
            return None
        self._raise_read(answer, told)
        found = [job for job in self._decode(dialects.jobs_of, answer).items if job.id == job_id]
        return found[0] if found else None

    def past(self, name: str) -> tuple[SlurmJob, ...]:
        """From slurmdbd where slurmrestd reaches one; without, there is none."""
        dialect = self.dialect()
        if not dialect.has_accounting:
            return ()
        path = f"/slurmdb/{dialect.version}/jobs/?{urlencode({'job_name': name})}"
        answer = self._authorised("GET", path, self._operator, timeout_s=self._timeout_s)
        if answer.status != 200 or dialects.faults(answer.body):
            return ()
        return dialects.past_of(answer.body)

    def signal(self, job_id: int, user: str, number: int) -> None:
        """To every process of the job: slurmrestd's own default."""
        self._delete(job_id, user, number)

    def cancel(self, job_id: int, user: str) -> None:
        """As `scancel` does."""
        self._delete(job_id, user, None)

    def nodes(self) -> tuple[SlurmNode, ...] | None:
        """The list, unless none changed."""
        return self._list("nodes", dialects.nodes_of)

    def set_node(self, name: str, state: str, reason: str) -> None:
        """From v0.0.39 on; before, slurmrestd cannot."""
        if self.dialect().is_word_list:
            raise Refused(
                f"slurmrestd of this version ({self.dialect().version}) sets no node state; let "
                "Arkwright use Slurm's commands too (cli: true)"
            )
        body = msgspec.json.encode(dialects.node_body(state, reason))
        self._change("POST", f"node/{quote(name)}", self._operator, body)

    # --- requests ------------------------------------------------------------------------------

    def _list(
        self, what: str, read: Callable[[bytes], dialects.Listed[Told]]
    ) -> tuple[Told, ...] | None:
        """None when nothing in the list `what` changed since it was last given."""
        since_s = self._changed_s.get(what, 0)
        query = f"?{urlencode({'update_time': since_s})}" if since_s else ""
        answer = self._read(f"{what}/{query}", is_list=True)
        if answer is None:
            return None
        found = self._decode(read, answer)
        if query and not found.items:
            # An older slurmrestd gives an empty list for "nothing changed"; jobs that are gone
            # are looked up one by one before anything is concluded from it.
            return None
        self._changed_s[what] = found.changed_s
        return found.items

    def _delete(self, job_id: int, user: str, number: int | None) -> None:
        query = "" if number is None else f"?signal={number}"
        answer = self._request("DELETE", f"job/{job_id}{query}", user)
        told = dialects.faults(answer.body)
        done = dialects.UNKNOWN_JOB | dialects.ALREADY_OVER
        if told and all(fault.number in done for fault in told):
            return
        self._raise_changed(answer, told)

    def _change(self, method: str, path: str, user: str, body: bytes) -> Answer:
        answer = self._request(method, path, user, body)
        self._raise_changed(answer, dialects.faults(answer.body))
        return answer

    def _read(self, path: str, *, is_list: bool = False) -> Answer | None:
        """None when nothing changed. Raises NotReached for whatever went wrong."""
        timeout_s = self._list_timeout_s if is_list else self._timeout_s
        answer = self._request("GET", path, self._operator, timeout_s=timeout_s)
        if answer.status == _NOT_MODIFIED:
            return None
        told = dialects.faults(answer.body)
        if told and all(fault.number == dialects.NO_CHANGE for fault in told):
            return None
        self._raise_read(answer, told)
        return answer

    def _request(
        self,
        method: str,
        path: str,
        user: str,
        body: bytes | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        path = f"/slurm/{self.dialect().version}/{path}"
        answer = self._authorised(method, path, user, body, timeout_s or self._timeout_s)
        told = dialects.faults(answer.body) or []
        if answer.status == 404 and not any(fault.number in dialects.OWN for fault in told):
            # Another version was installed meanwhile: the path itself is not known.
            with self._lock:
                self._dialect = None
            raise NotReached(f"{self.place} no longer knows {path}; asking for its version again")
        return answer

    def _authorised(
        self, method: str, path: str, user: str, body: bytes | None = None, timeout_s: float = 0
    ) -> Answer:
        """A token that Slurm refuses is renewed once: it may have expired on the way."""
        for is_last in (False, True):
            token = self._tokens.token(user)
            answer = self._ask(method, path, user, token, body, timeout_s or self._timeout_s)
            if not _is_unauthorised(answer):
                if _is_unexplained(answer):
                    self._tokens.doubted(user, token)
                return answer
            self._tokens.refused(user, token)
            if is_last:
                raise NotReached(
                    f"{self.place} refuses the token of {user} (status {answer.status}); make it "
                    "with the cluster's key, and for this user"
                )
        raise AssertionError

    def _ask(
        self,
        method: str,
        path: str,
        user: str,
        token: str | None = None,
        body: bytes | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """One request. Raises NotReached when nothing left, AnswerLost when it may have."""
        if token is None:
            token = self._tokens.token(user)
        headers = {
            "X-SLURM-USER-NAME": user,
            "X-SLURM-USER-TOKEN": token,
            "Accept": "application/json",
            "Connection": "close",
        } | ({"Content-Type": "application/json"} if body is not None else {})
        connection = self._connection(timeout_s)
        try:
            try:
                connection.connect()
            except (OSError, http.client.HTTPException) as error:
                raise NotReached(f"cannot reach {self.place}: {_words(error)}") from error
            try:
                connection.request(method, path, body=body, headers=headers)
                response = connection.getresponse()
                return Answer(response.status, response.read())
            except (OSError, http.client.HTTPException) as error:
                raise _lost(method, f"no answer from {self.place}: {_words(error)}") from error
        finally:
            connection.close()

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._socket_path is not None:
            return _UnixConnection(self._socket_path, timeout_s)
        host, port = self._url.hostname or "localhost", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=timeout_s)
        return http.client.HTTPConnection(host, port, timeout=timeout_s)

    def _decode(self, read: Callable[[bytes], Told], answer: Answer) -> Told:
        try:
            return read(answer.body)
        except msgspec.MsgspecError as error:
            raise NotReached(f"{self.place} answers in an unknown form: {error}") from error

    def _raise_read(self, answer: Answer, told: list[Fault] | None) -> None:
        if told is None or told or answer.status >= 400:
            raise NotReached(f"{self.place} answers {answer.status}: {_said(told)}")

    def _raise_changed(self, answer: Answer, told: list[Fault] | None) -> None:
        """Whether the change was made, as far as an answer tells."""
        if told is not None and not told and answer.status < 400:
            return
        message = f"{self.place} answers {answer.status}: {_said(told)}"
        numbers = {fault.number for fault in told or ()}
        if numbers & dialects.NOT_SENT:
            raise NotReached(message)
        if told and (dialects.is_refusal(told) or 400 <= answer.status < 500):
            raise Refused(f"Slurm refuses: {_said(told)}")
        raise AnswerLost(message)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _is_unauthorised(answer: Answer) -> bool:
    if answer.status in _UNAUTHORISED:
        return True
    told = dialects.faults(answer.body) if answer.status >= 400 else None
    return any(fault.number in dialects.AUTHENTICATION for fault in told or ())


def _is_unexplained(answer: Answer) -> bool:
    told = dialects.faults(answer.body) if answer.status >= 400 else None
    return any(fault.number == dialects.UNSPECIFIED for fault in told or ())


def _lost(method: str, message: str) -> EngineError:
    """A question that only reads has changed nothing, answered or not."""
    return NotReached(message) if method == "GET" else AnswerLost(message)


def _said(told: list[Fault] | None) -> str:
    if told is None:
        return "no answer of slurmrestd's"
    return "; ".join(f"{fault.words} ({fault.number})" for fault in told) or "no reason given"


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
