"""From the factory file to an engine that works by itself."""

from __future__ import annotations

import time

import pytest

from arkwright.engines.opening import open_engine
from arkwright.engines.port import AttemptPhase
from arkwright.engines.slurm.engine import SlurmEngine
from arkwright.errors import EngineError
from arkwright.factory.spec import Engine, EngineKind
from engines.slurm.bench import USER


def section(bench, **more: object) -> Engine:
    values: dict[str, object] = {
        "kind": EngineKind.SLURM,
        "url": bench.rest.url,
        "token_file": f"{bench.tokens}/{{user}}",
        "users": {"ada": USER},
        "poll": 0.1,
        "output_dir": str(bench.output_dir),
    }
    return Engine(**{**values, **more})  # type: ignore[arg-type]


def test_an_engine_opened_by_its_section_launches_and_observes_by_itself(rest_bench):
    engine = open_engine("narvik", section(rest_bench), rest_bench.folder / "opened")
    assert isinstance(engine, SlurmEngine)
    try:
        engine.launch(rest_bench.attempt())
        deadline = time.monotonic() + 20
        while engine.observe(("7.1",))[0].phase is not AttemptPhase.ENDED:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert engine.observe(("7.1",))[0].exit_code == 0
    finally:
        engine.close()


def test_output_needs_a_directory_that_is_there(rest_bench):
    with pytest.raises(EngineError, match="no directory /nowhere here for the output of jobs"):
        open_engine("narvik", section(rest_bench, output_dir="/nowhere"), rest_bench.folder / "x")


def test_commands_that_are_not_there_are_told(rest_bench):
    without = section(rest_bench, url=None, token_file=None, command_prefix=("/no/such/{user}",))
    with pytest.raises(EngineError, match="cannot run /no/such/slurm"):
        open_engine("narvik", without, rest_bench.folder / "x")
