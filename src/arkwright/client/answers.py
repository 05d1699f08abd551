"""What an answer means: an object, a refusal (4xx), a server in trouble (5xx), or events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from arkwright.client.wire import Answer
from arkwright.errors import InputError, Problem, ServerError

JsonObject: TypeAlias = dict[str, Any]


class Refused(InputError):
    """The server understood and said no (4xx). `status` is HTTP's; `reason` is the scheduler's."""

    def __init__(
        self,
        message: str,
        status: int,
        *,
        problems: Sequence[Problem] = (),
        reason: JsonObject | None = None,
    ) -> None:
        super().__init__(message)
        # The server's message already lists the problems; naming them twice helps nobody.
        self.problems = tuple(problems)
        self.status = status
        self.reason = reason


class Unreachable(ServerError):
    """No answer: the server is not there, or went away."""


def read(answer: Answer) -> JsonObject:
    """The body as an object; raises what an error answer stands for."""
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    if answer.status < 400 and isinstance(body, dict):
        return body
    problem = body if isinstance(body, dict) else {}
    detail = str(problem.get("detail") or f"HTTP {answer.status} {answer.reason}")
    if 400 <= answer.status < 500:
        raise _refused(answer.status, detail, problem)
    if answer.status < 400:
        detail = "the answer is not Arkwright's; is another program listening there?"
    elif "fault" in problem:
        detail = f"it cannot write: {problem['fault']}; see server.log"
    raise ServerError(f"the server answered: {detail}")


def _refused(status: int, detail: str, problem: Mapping[str, Any]) -> Refused:
    if status == 401:
        detail = (
            "the server does not know this token; "
            "set ARKWRIGHT_TOKEN or ARKWRIGHT_TOKEN_FILE to one of yours"
        )
    problems = [
        Problem(*(str(found.get(field, "")) for field in Problem._fields))
        for found in problem.get("problems") or []
    ]
    return Refused(detail, status, problems=problems, reason=problem.get("reason"))


def events(lines: Iterable[bytes]) -> Iterator[JsonObject]:
    """Events of a server-sent stream: `data:` lines up to an empty line; comments are skipped."""
    data: list[bytes] = []
    for line in lines:
        text = line.rstrip(b"\r\n")
        if text.startswith(b"data:"):
            data.append(text[5:].removeprefix(b" "))
        elif not text and data:
            yield msgspec.json.decode(b"\n".join(data))
            data = []
