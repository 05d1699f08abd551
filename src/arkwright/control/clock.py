"""Where time and entropy enter: the only two places of the live system that ask the machine."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Milliseconds since the Unix epoch, UTC."""
Entropy = Callable[[int], bytes]
"""That many unpredictable bytes."""

INSTANT_MS_MAX = 253_370_764_800_000
"""The year 9999: a later time cannot be shown on every clock that lists it."""


def system_clock() -> int:
    """The machine's clock in ms since the epoch. It may jump; the log never runs backwards."""
    return time.time_ns() // 1_000_000


def system_entropy(count: int) -> bytes:
    """`count` bytes of the machine's entropy."""
    return secrets.token_bytes(count)


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that reads as a digit, sorts as its value."""


ID_LENGTH = 22
"""Letters of an id."""


def new_id(now_ms: int, entropy: Entropy) -> str:
    """A job id: 10 characters of time, then 12 (60 bits) that nobody can guess.

    Ids sort by time of submission to the millisecond. >>> len(new_id(0, bytes))
    22
    """
    random = int.from_bytes(entropy(8), "big") >> 4
    return _base32(now_ms, 10) + _base32(random, 12)


def _base32(value: int, width: int) -> str:
    return "".join(_ALPHABET[(value >> 5 * place) & 31] for place in reversed(range(width)))
