"""Random numbers as a function, kernel: the same (seed, stream, counters) give the same number.

Nothing is stored and nothing advances, so a draw does not depend on what was drawn before: adding a
node or a job leaves the draws of the others as they were. Products stay below 2^63 because every
factor has at most 32 and 31 bits.
"""

from __future__ import annotations

from typing import Final

# Streams: one per use, so that two uses of one seed never see the same numbers.
NODE_STREAM: Final = 1
GPU_STREAM: Final = 2


def draw(seed: int, stream: int, counter: int, item: int) -> int:
    """A number in 0..2^32-1 that looks random in each argument."""
    mixed = _stirred((seed & 0xFFFFFFFF) ^ 0x9E3779B9)
    mixed = _stirred(mixed ^ (stream & 0xFFFFFFFF))
    mixed = _stirred(mixed ^ (counter & 0xFFFFFFFF))
    return _stirred(mixed ^ (item & 0xFFFFFFFF))


def _stirred(value: int) -> int:
    """A bijection of 32 bits (xor-shifts and odd factors), applied twice over."""
    mixed = value ^ (value >> 16)
    mixed = (mixed * 0x7FEB352D) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    mixed = (mixed * 0x45D9F3B) & 0xFFFFFFFF
    mixed ^= mixed >> 16
    return ((mixed + 0x9E3779B9) * 0x27D4EB2D) & 0xFFFFFFFF
