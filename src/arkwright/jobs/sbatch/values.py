"""The grammars of sbatch's values: times, sizes, node ranges, generic resources, signals.

Each function takes the text and raises ValueError with what would be right. Grammars: sbatch(1).
"""

from __future__ import annotations

import re
import signal
from typing import Final, NamedTuple

MIB_PER: Final = {"": 1, "K": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}
_MINUTES: Final = re.compile(r"\d+(\.\d+)?", re.ASCII)
_CLOCK: Final = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", re.ASCII)
_UNLIMITED: Final = ("UNLIMITED", "INFINITE", "-1", "0")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)B?", re.ASCII | re.IGNORECASE)
_COUNT: Final = re.compile(r"(\d+)([kmKM]?)", re.ASCII)
_RANGE: Final = re.compile(r"(\d+[kmKM]?)(?:-(\d+[kmKM]?)(?::(\d+))?)?", re.ASCII)
_SIGNAL: Final = re.compile(r"(?:([BR]{1,2}):)?([A-Za-z0-9+]+)(?:@(\d+))?", re.ASCII)


class Nodes(NamedTuple):
    """A number of nodes, or a range of it."""

    least: int
    most: int
    step: int


class Gpus(NamedTuple):
    """A number of GPUs, and their type where one is named."""

    number: int
    kind: str


class Signal(NamedTuple):
    """`--signal`: `name` with SIG, seconds before the limit, to the batch script alone."""

    name: str
    before_s: float
    is_batch_only: bool


def seconds(text: str) -> float | None:
    """A time limit in seconds; None for no limit.

    >>> seconds("1-02:00:00"), seconds("90"), seconds("1:30"), seconds("2-12")
    (93600.0, 5400.0, 90.0, 216000.0)
    """
    if text.upper() in _UNLIMITED:
        return None
    if _MINUTES.fullmatch(text):
        return float(text) * 60
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError("write MINUTES, MINUTES:SECONDS, HOURS:MINUTES:SECONDS or DAYS-HOURS…")
    days, *numbers = found.groups()
    first, second, third = (int(number or 0) for number in numbers)
    if days is not None:
        return float(int(days) * 86_400 + first * 3600 + second * 60 + third)
    if numbers[2] is not None:
        return float(first * 3600 + second * 60 + third)
    return float(first * 60 + second)


def mebibytes(text: str) -> float:
    """A size in MiB: Slurm's K, M, G and T are powers of 1024, and M where there is none.

    >>> mebibytes("4G"), mebibytes("500")
    (4096.0, 500.0)
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError("write a number with K, M, G or T, for example 64G")
    return float(found[1]) * MIB_PER[found[2].upper()]


def count(text: str, least: int = 1) -> int:
    """A whole number; `k` and `m` are 1024 and 1024².

    >>> count("2k")
    2048
    """
    found = _COUNT.fullmatch(text)
    if found is None:
        raise ValueError("write a whole number")
    number = int(found[1]) * {"": 1, "k": 1024, "m": 1024 * 1024}[found[2].lower()]
    if number < least:
        raise ValueError(f"it must be at least {least}")
    return number


def nodes(text: str) -> Nodes:
    """`4`, `2-8` or `2-8:2`.

    >>> nodes("2-8:2")
    Nodes(least=2, most=8, step=2)
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError("write a number of nodes or a range: 4, 2-8, 2-8:2")
    least = count(found[1])
    most = count(found[2]) if found[2] else least
    if most < least:
        raise ValueError(f"the larger number comes last: {most}-{least}")
    return Nodes(least, most, int(found[3] or 1) or 1)


def gpus(text: str) -> Gpus:
    """`8`, or `h100:8`; several kinds in one job are refused.

    >>> gpus("h100:8")
    Gpus(number=8, kind='h100')
    """
    if "," in text:
        raise ValueError("ask for one kind of GPU")
    kind, colon, number = text.rpartition(":")
    if colon and not kind:
        raise ValueError("write NUMBER or TYPE:NUMBER")
    return Gpus(count(number, 0), kind)


def gres(text: str) -> tuple[Gpus | None, list[str]]:
    """The GPUs of a list of generic resources, and the items that are none.

    >>> gres("gpu:a100:4,craynetwork:1")
    (Gpus(number=4, kind='a100'), ['craynetwork:1'])
    """
    found: Gpus | None = None
    others: list[str] = []
    for item in filter(None, text.split(",")):
        # A list of sockets may stand behind, as Slurm itself writes it: gpu:4(S:0-1).
        bare = item.partition("(")[0].removeprefix("gres/").removeprefix("gres:")
        name, *parts = re.split("[:=]", bare)
        if name != "gpu":
            if item.upper() != "NONE":
                others.append(item)
            continue
        # `gpu`, `gpu:4`, `gpu:h100` (one of them) or `gpu:h100:4`.
        if found is not None or len(parts) > 2:
            raise ValueError("ask for one kind of GPU: gpu:TYPE:NUMBER")
        if not parts or not _COUNT.fullmatch(parts[-1]):
            parts.append("1")
        found = Gpus(count(parts[-1], 0), parts[0] if len(parts) == 2 else "")
    return found, others


def early_signal(text: str) -> Signal:
    """`[{R|B}:]SIGNAL[@SECONDS]`, by name or by number.

    >>> early_signal("B:USR1@120")
    Signal(name='SIGUSR1', before_s=120.0, is_batch_only=True)
    """
    found = _SIGNAL.fullmatch(text)
    right = "write SIGNAL@SECONDS, with B: before it for the script alone: B:USR1@120"
    if found is None:
        raise ValueError(right)
    to, name, before = found.groups()
    if name.isdecimal():
        try:
            name = signal.Signals(int(name)).name
        except ValueError:
            raise ValueError(right) from None
    name = f"SIG{name.upper().removeprefix('SIG')}"
    if name not in signal.Signals.__members__:
        raise ValueError(right)
    return Signal(name, float(before or 60), "B" in (to or ""))
