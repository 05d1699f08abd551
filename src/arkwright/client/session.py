"""The client itself: one method per route, plain dicts in and out.

Past 400 lines because the API has so many routes: each method is three to ten lines, and a reader
looks for one of them.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from arkwright.client.answers import JsonObject, Refused, Unreachable, read
from arkwright.client.answers import events as stream_events
from arkwright.client.discovery import discover
from arkwright.client.pause import Pause
from arkwright.client.wire import Answer, Wire, WireLost
from arkwright.errors import InputError

Found = TypeVar("Found")

FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})
"""States nothing leaves, in the API's words: a client knows the API, not the server's packages."""
RETRY_DELAYS_S = (0.05, 0.1, 0.2)
"""Pauses between tries of a request that may be repeated: a server that restarts is missed for a
moment, one that is gone is reported in well under a second."""
LOST_S_MAX = 60.0
"""How long `wait`, `follow` and `events` look for a server that went away."""
STREAM_TIMEOUT_S = 45.0
"""Silence after which a stream counts as lost; the server says something every 15 s."""
PAGE = 1000


class Client:
    """Talks to one server. Every method raises Refused (4xx) or ServerError (5xx, unreachable)."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_s: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._clock = clock
        self._wire = Wire(self.url, timeout_s)

    @classmethod
    def discover(
        cls,
        home: Path | None = None,
        factory: str | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        timeout_s: float = 60.0,
    ) -> Client:
        """A client of the server this user means; see `discovery.discover`."""
        server = discover(home, factory, environ)
        return cls(server.url, server.token, timeout_s=timeout_s)

    # --- jobs ----------------------------------------------------------------------------------

    def submit(self, spec: Mapping[str, Any], *, idempotency_key: str | None = None) -> JsonObject:
        """Submit one job in its wire form (`documents.encode(JobSpec)`); the accepted job."""
        return self._submit(spec, idempotency_key)

    def submit_many(
        self, specs: Iterable[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> list[str]:
        """Submit up to 10,000 jobs, all or none; their ids in order."""
        answer = self._submit({"items": list(specs)}, idempotency_key)
        return [str(item["id"]) for item in answer["items"]]

    def _submit(self, body: Mapping[str, Any], key: str | None) -> JsonObject:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._ask("POST", "/v1/jobs", body=body, headers=headers, is_repeatable=True)

    def jobs_page(
        self,
        *,
        is_all: bool = False,
        states: Sequence[str] = (),
        arrays: bool = False,
        cursor: int | None = None,
        limit: int = PAGE,
    ) -> JsonObject:
        """One page of jobs: `items` and `next_cursor`."""
        query = {
            "all": "true" if is_all else None,
            "state": ",".join(states) or None,
            "arrays": "true" if arrays else None,
            "cursor": cursor,
            "limit": limit,
        }
        return self._ask("GET", "/v1/jobs", query=query)

    def jobs(
        self, *, is_all: bool = False, states: Sequence[str] = (), arrays: bool = False
    ) -> Iterator[JsonObject]:
        """Every job in order of submission: the active ones, all, or those in `states`.

        With `arrays` all tasks of an array are one job, with counts by state in its `array`.
        """
        cursor = None
        while True:
            page = self.jobs_page(is_all=is_all, states=states, arrays=arrays, cursor=cursor)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def job(self, reference: str) -> JsonObject:
        """One job by id, unique end of id, or name, with its attempts."""
        return self._ask("GET", _job_path(reference))

    def why(self, reference: str) -> JsonObject:
        """Why a job waits."""
        return self._ask("GET", _job_path(reference, "why"))

    def when(self, reference: str, *, alternatives: bool = False) -> JsonObject:
        """When a job starts, with a band; `alternatives` adds what would start sooner."""
        query = {"alternatives": "true" if alternatives else None}
        return self._ask("GET", _job_path(reference, "when"), query=query)

    def when_new(self, spec: Mapping[str, Any]) -> JsonObject:
        """When a job would start if it were submitted now; it is checked, and not submitted."""
        return self._ask("POST", "/v1/jobs/when", body=spec, is_repeatable=True)

    def whatif(self, changes: Mapping[str, Any]) -> JsonObject:
        """Who would start when after changes to `nodes`, `quotas`, `jobs`, and `submit`."""
        return self._ask("POST", "/v1/whatif", body=changes, is_repeatable=True)

    def snapshot(self, reference: str) -> bytes:
        """The scheduler's state at this instant, with the job's reason in it, as a file."""
        return self._fetch("GET", _job_path(reference, "snapshot"))

    def cost(self, reference: str) -> JsonObject:
        """A job's receipt."""
        return self._ask("GET", _job_path(reference, "cost"))

    def cancel(self, reference: str, *, reason: str = "") -> JsonObject:
        """End a job; the job as it then is."""
        return self._ask("POST", _job_path(reference, "cancel"), body={"reason": reason})

    def hold(self, reference: str) -> JsonObject:
        """Keep a waiting job from starting."""
        return self._ask("POST", _job_path(reference, "hold"))

    def release(self, reference: str) -> JsonObject:
        """Let a held job start."""
        return self._ask("POST", _job_path(reference, "release"))

    def execute(
        self, reference: str, command: Sequence[str], *, timeout_s: float = 60.0
    ) -> JsonObject:
        """Run a command beside a running job; its `exit_code` and `output`."""
        body = {"command": list(command), "timeout_s": timeout_s}
        path = _job_path(reference, "exec")
        return self._ask("POST", path, body=body, timeout_s=timeout_s + self._timeout_s)

    def logs(
        self,
        reference: str,
        *,
        rank: int = 0,
        attempt: int | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> JsonObject:
        """A piece of one rank's output; ask again from `next_offset` until `is_end`."""
        query = {"rank": rank, "attempt": attempt, "offset": offset, "limit": limit}
        return self._ask("GET", _job_path(reference, "logs"), query=query)

    def follow(
        self, reference: str, *, ranks: Sequence[int] | None = (0,), attempt: int | None = None
    ) -> Iterator[JsonObject]:
        """Pieces of the output of `ranks` (None: every rank) as written, to the end of the job.

        Begins with the newest attempt, waits for a job that has not started, and goes on with the
        next attempt where there is one; with `attempt` given it ends with that attempt.
        """
        job = self.job(reference)
        # From here on by id: a name could come to mean a newer job.
        reference, number = str(job["id"]), attempt or max(1, int(job["attempt"]))
        pause, is_complete = Pause(self._sleep, self._clock), False
        while True:
            if not is_complete:
                is_complete = yield from self._follow_attempt(reference, number, ranks)
            job = self._patiently(partial(self.job, reference))
            if not is_complete and job["attempt"] >= number:
                continue  # it has begun since
            if attempt is None and job["attempt"] > number:
                number, is_complete = number + 1, False
            elif job["state"] in FINAL_STATES or (is_complete and attempt is not None):
                return
            else:
                pause()

    def _follow_attempt(
        self, reference: str, attempt: int, ranks: Sequence[int] | None
    ) -> Generator[JsonObject, None, bool]:
        """Pieces of one attempt until every rank is complete; False if it has not begun."""
        offsets = dict.fromkeys(ranks or (0,), 0)
        is_counted = ranks is not None
        pause = Pause(self._sleep, self._clock)
        while offsets:
            is_quiet = True
            for rank, offset in tuple(offsets.items()):
                piece = self._patiently(partial(self._piece, reference, rank, attempt, offset))
                if piece is None:
                    return False
                if not is_counted:
                    offsets |= dict.fromkeys(range(1, int(piece["ranks"])), 0)
                    is_counted = True
                if piece["text"]:
                    offsets[rank], is_quiet = int(piece["next_offset"]), False
                    yield piece
                elif piece["is_end"]:
                    del offsets[rank]
            if is_quiet and offsets:
                pause()
            else:
                pause.reset()
        return True

    def _piece(self, reference: str, rank: int, attempt: int, offset: int) -> JsonObject | None:
        """The piece, or None where the attempt has not begun."""
        try:
            return self.logs(reference, rank=rank, attempt=attempt, offset=offset)
        except Refused as error:
            if error.status != 404:
                raise
            if self.job(reference)["attempt"] < attempt:
                return None
            # It may have begun between the two questions.
            return self.logs(reference, rank=rank, attempt=attempt, offset=offset)

    def wait(self, reference: str, *, timeout_s: float | None = None) -> JsonObject:
        """The job when it is over, or as it is after `timeout_s`: look at `state`.

        A server that restarts meanwhile is waited for, up to `LOST_S_MAX` seconds.
        """
        reference = str(self.job(reference)["id"])
        until = None if timeout_s is None else self._clock() + timeout_s
        pause = Pause(self._sleep, self._clock, until)
        while True:
            job = self._patiently(partial(self.job, reference))
            if job["state"] in FINAL_STATES or (until is not None and self._clock() >= until):
                return job
            pause()

    # --- factory, nodes, users, events ---------------------------------------------------------

    def health(self) -> JsonObject:
        """Whether the server answers and can write. Needs no token."""
        return self._ask("GET", "/healthz")

    def openapi(self) -> JsonObject:
        """The API's own description."""
        return self._ask("GET", "/v1/openapi.json")

    def factory(self) -> JsonObject:
        """The factory this server runs: sites, engines, projects."""
        return self._ask("GET", "/v1/factory")

    def nodes(self) -> JsonObject:
        """Every node, its state and what is free on it, as `items`."""
        return self._ask("GET", "/v1/nodes")

    def quotas(self) -> JsonObject:
        """Quotas, budgets and what is used of them, as `items` by path."""
        return self._ask("GET", "/v1/quotas")

    def drain(self, path: str, *, reason: str = "") -> JsonObject:
        """Keep new work off a node."""
        return self._set_node(path, "drain", reason)

    def resume(self, path: str, *, reason: str = "") -> JsonObject:
        """Return a node to service."""
        return self._set_node(path, "resume", reason)

    def _set_node(self, path: str, verb: str, reason: str) -> JsonObject:
        route = f"/v1/nodes/{quote(path, safe='/')}/{verb}"
        return self._ask("POST", route, body={"reason": reason}, is_repeatable=True)

    def power(self) -> JsonObject:
        """Every place of the power tree with its limits, as `items`."""
        return self._ask("GET", "/v1/power")

    def set_power(self, place: str, asked: JsonObject) -> JsonObject:
        """Limit a place from now on, or announce a limit: `limit_w` or `percent`, `from_ms`,
        `until_ms`, `reason`."""
        route = f"/v1/power/{quote(place, safe='/')}"
        return self._ask("PUT", route, body=asked, is_repeatable=True)

    def withdraw_power(
        self, place: str, *, from_ms: int | None = None, reason: str = ""
    ) -> JsonObject:
        """Withdraw one announced limit, or all that was set and announced for a place."""
        route = f"/v1/power/{quote(place, safe='/')}"
        return self._ask("DELETE", route, query={"from_ms": from_ms}, body={"reason": reason})

    def reserve(self, reservation: Mapping[str, Any]) -> JsonObject:
        """Keep nodes in a time to come: `name`, `nodes` (how many, or paths), `until_ms`, and where
        they differ from now and nobody, `from_ms` and `project`."""
        return self._ask("POST", "/v1/reservations", body=dict(reservation))

    def reservations(self) -> JsonObject:
        """Reservations whose time is not over, as `items`."""
        return self._ask("GET", "/v1/reservations")

    def withdraw_reservation(self, name: str) -> JsonObject:
        """Give a reservation up."""
        return self._ask("DELETE", f"/v1/reservations/{quote(name, safe='')}")

    def contract(self, contract: Mapping[str, Any]) -> JsonObject:
        """Sell GPUs for a time: `name`, `project`, `gpus`, `until_ms`, and where they differ from
        now, any type and nobody, `from_ms`, `gpu_type` and `lend`."""
        return self._ask("POST", "/v1/contracts", body=dict(contract))

    def contracts(self) -> JsonObject:
        """Contracts whose time is not over, as `items`."""
        return self._ask("GET", "/v1/contracts")

    def contract_cost(self, name: str) -> JsonObject:
        """What was paid of a contract so far, and how much of it was used."""
        return self._ask("GET", f"/v1/contracts/{quote(name, safe='')}/cost")

    def withdraw_contract(self, name: str) -> JsonObject:
        """End a contract."""
        return self._ask("DELETE", f"/v1/contracts/{quote(name, safe='')}")

    def add_user(self, name: str, *, role: str, project: str | None = None) -> JsonObject:
        """Add a user; `token` of the answer is shown only this once."""
        body = {"name": name, "role": role, "project": project}
        return self._ask("POST", "/v1/users", body=body)

    def events_page(
        self, *, job: str | None = None, after: int = 0, limit: int = PAGE
    ) -> JsonObject:
        """One page of the log: `items` and `next_cursor`."""
        return self._ask("GET", "/v1/events", query={"job": job, "after": after, "limit": limit})

    def events(
        self, *, job: str | None = None, after: int = 0, watch: bool = False
    ) -> Iterator[JsonObject]:
        """The log after sequence number `after`, of everything or of one job.

        With `watch` it never ends by itself: a lost connection is taken up again after the last
        event seen, so that none is missed and none is given twice.
        """
        if watch:
            yield from self._watch(job, after)
            return
        cursor: int | None = after
        while cursor is not None:
            page = self.events_page(job=job, after=cursor)
            yield from page["items"]
            cursor = page["next_cursor"]

    def _watch(self, job: str | None, after: int) -> Iterator[JsonObject]:
        pause = Pause(self._sleep, self._clock)
        lost_since: float | None = None
        while True:
            try:
                with self._stream(job, after) as lines:
                    lost_since = None
                    for event in stream_events(lines):
                        after = int(event["seq"])
                        pause.reset()
                        yield event
            except WireLost as error:
                lost_since = lost_since if lost_since is not None else self._clock()
                if self._clock() - lost_since > LOST_S_MAX:
                    raise self._unreachable(error) from error
            pause()

    def _stream(self, job: str | None, after: int) -> Wire:
        """A connection of its own that has begun to give events."""
        wire = Wire(self.url, STREAM_TIMEOUT_S)
        target = _target("/v1/events", {"watch": "true", "job": job, "after": after})
        headers = self._headers() | {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
        answer = wire.open(target, headers)
        if answer is not None:
            wire.close()
            read(answer)
        return wire

    # --- asking --------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, **options: Any) -> JsonObject:
        """One request for an object, which comes as JSON; options as `_send` takes them."""
        return read(self._send(method, path, **options))

    def _fetch(self, method: str, path: str) -> bytes:
        """One request for a file."""
        answer = self._send(method, path)
        if answer.status >= 400:
            read(answer)
        return answer.body

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """The answer. A request that changes something is sent again only when it may be."""
        target = _target(path, query or {})
        data = None if body is None else msgspec.json.encode(body)
        sent = self._headers() | dict(headers or {})
        may_repeat = method == "GET" if is_repeatable is None else is_repeatable
        for delay_s in (*RETRY_DELAYS_S, None):
            try:
                return self._wire.ask(method, target, data, sent, timeout_s)
            except WireLost as error:
                # What was never sent may always be sent again.
                if delay_s is None or not (may_repeat or error.is_unsent):
                    raise self._unreachable(error) from error
                self._sleep(delay_s)
        raise AssertionError("the loop above returns or raises")

    def _patiently(self, ask: Callable[[], Found]) -> Found:
        """`ask()`, again and again while the server is away, for `LOST_S_MAX` seconds."""
        until = self._clock() + LOST_S_MAX
        pause = Pause(self._sleep, self._clock, until)
        while True:
            try:
                return ask()
            except Unreachable:
                if self._clock() >= until:
                    raise
            pause()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"asking the server at {self.url}: {error}; "
            "if it has stopped, start it with `arkwright up FILE`"
        )

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        self._wire.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.close()


def _job_path(reference: str, verb: str = "") -> str:
    if not reference.strip():
        raise InputError("the job's name is empty; give an id, the end of one, or a name")
    return f"/v1/jobs/{quote(reference, safe='')}" + (f"/{verb}" if verb else "")


def _target(path: str, query: Mapping[str, Any]) -> str:
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
