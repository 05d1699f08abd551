"""`GET /v1/quotas`: who sees what of the tree."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from control.site import Site

FACTORY = """
factory: fakery
sites:
  fake: {country: NO, engine: {kind: local, nodes: 4, gpus_per_node: 2}}
organisations:
  lab:
    quota: {gpus: 8, guarantee: 4, lend: 2}
    budget: {gpu_hours: 100}
    projects: {vision: {quota: {gpus: 4}}}
  rival: {}
policy: {ordering: fair-share}
"""


@pytest.fixture
def shared(tmp_path: Path):
    with closing(Site(tmp_path, FACTORY)) as site:
        yield site


def test_the_owner_sees_the_whole_tree_with_what_is_held_and_spent(shared: Site) -> None:
    job_id = shared.submit(project="lab/vision", time_limit="1 h")
    shared.until(lambda: shared.state(job_id) == "running")
    found = shared.ask("GET", "/v1/quotas").json
    assert found["kind"] == "quotas"
    items = {item["project"]: item for item in found["items"]}
    assert list(items) == ["", "lab", "lab/vision", "rival"]
    lab = items["lab"]
    assert (lab["guarantee"], lab["lend"], lab["borrowed"]) == (4, 2, 0)
    assert lab["used"] == items["lab/vision"]["used"] == 1
    assert items[""]["used"] == 2, "lab keeps two of its four"
    assert lab["budget"]["promised_gpu_hours"] == pytest.approx(lab["used"])
    assert lab["budget"]["end_ms"] > lab["budget"]["start_ms"]
    assert lab["usage_gpu_hours"] == pytest.approx(lab["used"], rel=1e-3)
    assert items["rival"]["used"] == 0


def test_a_member_sees_its_own_tree_and_what_stands_above_it(shared: Site) -> None:
    shared.add_user("vera", "lab/vision")
    shared.add_user("rolf", "rival")
    seen = {
        user: [item["project"] for item in shared.ask("GET", "/v1/quotas", user=user).json["items"]]
        for user in ("vera", "rolf")
    }
    assert seen == {"vera": ["lab", "lab/vision"], "rolf": ["rival"]}
