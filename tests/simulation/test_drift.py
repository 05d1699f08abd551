"""A prediction of the live run, held to what the live run then does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from arkwright import catalog
from arkwright.engines.fake import Script
from arkwright.jobs.spec import Power, Resources
from arkwright.twin import drift
from arkwright.twin.from_live import Origin, of_scene
from simulation.test_log_replay import Factory
from simulation.test_power_limits import FACTORY

NODE = Resources(gpus_per_node=2)


def test_jobs_that_last_their_limit_start_and_end_when_they_were_to(tmp_path: Path) -> None:
    """Eight jobs of a node on four nodes, each as long as its limit, so nothing is off by more
    than a round of the loop for each that went before: two of 100 ms."""
    with closing(Factory(tmp_path, factory=FACTORY)) as world:
        jobs = []
        for number in range(8):
            length_s = 20.0 + 3 * number
            power = Power(watts_per_gpu=500.0)
            jobs.append(world.submit(resources=NODE, time_limit=length_s, power=power))
            world.engine.script(jobs[-1], Script(duration_ms=int(length_s * 1000), launch_ms=0))
        world.step()
        scene = world.fleet.scene(world.now_ms, 10**7)
        made = of_scene(scene, Origin("simulated", world.store.last_seq)).prediction
        assert [job.state for job in made.jobs] == ["starting"] * 4 + ["queued"] * 4
        world.until(lambda: world.state(jobs[-1]) == "succeeded")
        found = drift.drift(made, world.log, catalog.cpu_model())
        assert (found.starts.jobs, found.ends.jobs, found.unknown) == (4, 8, 0)
        assert found.starts.near == found.ends.near == 1
        assert 0 <= found.starts.p10_s <= found.starts.p90_s <= 0.3
        assert found.ends.abs_p90_s <= 0.5
        assert found.is_same_policy
        # 1 kW for 20 s.
        assert made.jobs[0].kwh == pytest.approx(20 / 3600, rel=1e-3)
