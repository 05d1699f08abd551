"""How fast is one slot of this machine? Multiplies matrices for a while and says GFLOP/s."""

from __future__ import annotations

import time

import numpy as np

SIZE, SECONDS = 512, 4.0

left, right = np.random.default_rng(0).random((2, SIZE, SIZE), np.float32)
began, count = time.monotonic(), 0
while time.monotonic() - began < SECONDS:
    left @ right
    count += 1
rate = count * 2 * SIZE**3 / (time.monotonic() - began) / 1e9
print(f"{count} products of {SIZE} x {SIZE}: {rate:.1f} GFLOP/s")
