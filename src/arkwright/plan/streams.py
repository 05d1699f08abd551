"""Named streams of randomness: one for each source, so that adding a source moves no other.

A stream is NumPy's Philox generator keyed by BLAKE2b of seed and name. An outcome more is a row
more at the end of what a stream gives; those before it stay.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from arkwright.plan.rollout import Floats


def stream(seed: int, name: str) -> np.random.Generator:
    """The stream called `name` of `seed`; every call begins it anew."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    key = np.frombuffer(digest, dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def normals(seed: int, name: str, shape: tuple[int, ...]) -> Floats:
    """Standard normal numbers of a stream."""
    return stream(seed, name).standard_normal(shape)


def uniforms(seed: int, name: str, shape: tuple[int, ...]) -> Floats:
    """Numbers in [0, 1) of a stream."""
    return stream(seed, name).random(shape)


def rank(normal: Floats) -> Floats:
    """Share of a standard normal distribution below: a uniform number again."""
    flat = [0.5 * math.erfc(-value / math.sqrt(2.0)) for value in normal.ravel().tolist()]
    return np.array(flat).reshape(normal.shape)
