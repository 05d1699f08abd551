"""A JSON web token per Unix user: from a file per user, or from a command that makes one.

A token's own times are the cluster's clock, so only their difference is used: a token is made anew
when four fifths of its life are over by our clock, and whenever Slurm refuses it.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from arkwright.engines.slurm.records import NotReached, Refused

COMMAND_S = 20.0
"""How long a command may take to make a token."""
DOUBT_S = 30.0
"""A token so new is not to blame."""
_RENEW_AT = 0.8
_MARK = "SLURM_JWT="
USER = "{user}"


class _Held(NamedTuple):
    token: str
    made: float
    """On `clock`."""
    until: float
    """Infinite for a token that tells no end."""


class Tokens:
    """Tokens by user. Thread-safe. In `file` and `command`, `{user}` stands for the Unix user; a
    file without it is the token of one who may speak for others (SlurmUser), as slurmrestd allows.
    """

    def __init__(
        self,
        file: str | None = None,
        command: Sequence[str] | str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._command = shlex.split(command) if isinstance(command, str) else list(command or ())
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def token(self, user: str) -> str:
        """A token of `user`. Raises Refused when there is none, NotReached when the command that
        makes it fails now."""
        if self._file is not None:
            return self._read(user)
        with self._lock:
            held = self._held.get(user)
        if held is not None and self._clock() < held.until:
            return held.token
        asked = self._clock()
        token = self._make(user)
        life = life_s(token)
        until = math.inf if life is None else asked + _RENEW_AT * life
        with self._lock:
            self._held[user] = _Held(token, asked, until)
        return token

    def refused(self, user: str, token: str) -> None:
        """Slurm refused this token: the next is made, or read, anew."""
        with self._lock:
            if (held := self._held.get(user)) is not None and held.token == token:
                del self._held[user]

    def doubted(self, user: str, token: str) -> None:
        """Slurm gave no reason for an error, as 22.05 does for a token that has expired: one that
        is not new is made anew."""
        with self._lock:
            held = self._held.get(user)
            if held is not None and held.token == token and self._clock() > held.made + DOUBT_S:
                del self._held[user]

    def _read(self, user: str) -> str:
        assert self._file is not None
        path = Path(self._file.replace(USER, user))
        try:
            token = path.read_text().strip().removeprefix(_MARK)
        except OSError as error:
            raise Refused(
                f"no Slurm token of {user}: {path}: {error.strerror or error}; write one there"
            ) from error
        if not token:
            raise Refused(f"no Slurm token of {user}: {path} is empty; write one there")
        return token

    def _make(self, user: str) -> str:
        argv = [word.replace(USER, user) for word in self._command]
        what = f"make a Slurm token of {user} with {argv[0]}"
        try:
            made = subprocess.run(
                argv,
                capture_output=True,
                text=True,
                timeout=COMMAND_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotReached(f"cannot {what}: {error}") from error
        words = made.stdout.split()
        if made.returncode or not words:
            said = made.stderr.strip() or f"it returned {made.returncode} and printed nothing"
            raise NotReached(f"cannot {what}: {said}")
        return words[-1].removeprefix(_MARK)


def life_s(token: str) -> float | None:
    """How long a token lives from its making, as it says; None where it does not say."""
    try:
        body = token.split(".")[1]
        told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return float(told["exp"] - told["iat"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None
