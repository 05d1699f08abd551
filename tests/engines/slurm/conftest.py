"""An engine over a pretended Slurm, by slurmrestd in two dialects and by commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from arkwright.engines.slurm import pace
from engines.slurm.bench import WAYS, Bench


@pytest.fixture(autouse=True)
def _asking_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pretended commands cost is not to slow the tests down."""
    monkeypatch.setattr(pace, "CPU_PER_MINUTE_S", 1e6)


# The quick checks speak the newest dialect and Slurm's commands; the oldest comes with `make test`.
@pytest.fixture(params=[pytest.param(WAYS[0], marks=pytest.mark.slow), *WAYS[1:]])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Once for every way to Slurm."""
    with closing(Bench(tmp_path, request.param)) as made:
        yield made


@pytest.fixture
def rest_bench(tmp_path: Path) -> Iterator[Bench]:
    """By the newest slurmrestd alone."""
    with closing(Bench(tmp_path, "v0.0.45")) as made:
        yield made


@pytest.fixture
def commands_bench(tmp_path: Path) -> Iterator[Bench]:
    """By Slurm's commands alone."""
    with closing(Bench(tmp_path, "commands")) as made:
        yield made
