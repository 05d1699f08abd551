"""A factory file that changed between two starts: what jobs hold stays, or the start is refused."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from arkwright.engines.fake import FakeEngine, Script
from arkwright.errors import InputError
from control.site import FACTORY, Site, fake_engine, job


def _restarted(site: Site, folder: Path, factory: str, engine: FakeEngine | None = None) -> Site:
    site.close()
    again = Site(folder, factory, engine or site.engine)
    again.tokens = site.tokens
    return again


def _smaller(engine: FakeEngine, nodes: int, gpus: int) -> FakeEngine:
    """The same engine, with what it runs, after the file gave it fewer or smaller nodes."""
    engine._nodes = fake_engine(nodes, gpus)._nodes
    return engine


def test_a_quota_cut_below_what_runs_lets_it_run_and_starts_nothing_more(tmp_path: Path) -> None:
    """lab had 8 GPUs and now has 2; its job of 6 goes on, the next waits until it has ended."""
    site = Site(tmp_path)
    big = site.running(nodes=3, resources={"gpus_per_node": 2})
    cut = FACTORY.replace("gpus: 8", "gpus: 2").replace("gpus: 4", "gpus: 1")
    assert cut != FACTORY
    with closing(_restarted(site, tmp_path, cut)) as site:
        assert site.state(big) == "running"
        small = site.submit(name="small", resources={"gpus_per_node": 1})
        foreign = site.running(project="rival")
        assert site.state(small) == "queued"
        why = site.ask("GET", f"/v1/jobs/{small}/why").json["reason"]
        assert why["code"] == "quota"
        assert "lab may use 2 GPUs, uses 6 GPUs now and would need 1 GPU more" in why["message"]
        site.engine.finish(f"{big}.1")
        site.until(lambda: site.state(small) == "running")
        assert site.state(foreign) == "running"
        assert site.state(big) == "succeeded"


def test_a_node_that_a_job_holds_may_not_be_left_out(tmp_path: Path) -> None:
    site = Site(tmp_path)
    held = site.running(nodes=4, resources={"gpus_per_node": 2})
    engine = _smaller(site.engine, 3, 2)
    words = rf"no fake/local/r01/n04, on which {held}\.1 runs; start with the earlier file"
    with pytest.raises(InputError, match=words):
        _restarted(site, tmp_path, FACTORY, engine)
    with closing(_restarted(site, tmp_path, FACTORY, _smaller(engine, 4, 2))) as site:
        assert site.state(held) == "running"  # refused, and nothing was changed by it


def test_a_node_may_not_shrink_below_what_runs_on_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.running(nodes=4, resources={"gpus_per_node": 2})
    words = "fake/local/r01/n01 has 1 GPUs, its jobs hold 2"
    with pytest.raises(InputError, match=words):
        _restarted(site, tmp_path, FACTORY, _smaller(site.engine, 4, 1))


def test_a_project_with_jobs_in_line_may_not_be_left_out(tmp_path: Path) -> None:
    site = Site(tmp_path)
    waiting = site.submit(project="rival", held=True)
    site.submit(project="rival", held=True)
    with pytest.raises(InputError, match=f"no rival, to which job {waiting} and 1 more belongs"):
        _restarted(site, tmp_path, FACTORY.replace("  rival: {}\n", ""))


def test_a_refused_file_does_not_replace_the_one_that_jobs_rely_on(tmp_path: Path) -> None:
    """The kept copy is what an operator goes back to, and the refusal says where it is."""
    site = Site(tmp_path)
    site.submit(project="rival", held=True)
    kept = site.server.paths.factory_yaml
    before = kept.read_text()
    assert "rival" in before
    with pytest.raises(InputError, match=f"the earlier is {kept}"):
        _restarted(site, tmp_path, FACTORY.replace("  rival: {}\n", ""))
    assert kept.read_text() == before


def test_every_job_the_file_leaves_out_is_named_at_once(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.running(nodes=4, resources={"gpus_per_node": 2})
    site.submit(project="rival", held=True)
    fewer = FACTORY.replace("  rival: {}\n", "")
    with pytest.raises(InputError) as error:
        _restarted(site, tmp_path, fewer, _smaller(site.engine, 2, 2))
    assert [problem.key for problem in error.value.problems] == ["organisations", "sites"]
    assert "n03, fake/local/r01/n04" in str(error.value)


def test_what_is_over_binds_nobody(tmp_path: Path) -> None:
    """A finished job's project and node may go; its receipt and story stay, its logs say where."""
    site = Site(tmp_path)
    over = site.running(project="rival", nodes=4, resources={"gpus_per_node": 2})
    site.engine.finish(f"{over}.1")
    site.until(lambda: site.state(over) == "succeeded")
    moved = FACTORY.replace("  rival: {}\n", "").replace("fake:", "elsewhere:")
    engine = _smaller(site.engine, 1, 2)
    with closing(_restarted(site, tmp_path, moved, engine)) as site:
        assert site.state(over) == "succeeded"
        assert site.ask("GET", f"/v1/jobs/{over}/cost").json["is_final"] is True
        answer = site.ask("GET", f"/v1/jobs/{over}/logs")
        assert answer.status == 404
        assert "ran at fake, which is no longer in the factory file" in answer.json["detail"]


def test_a_job_back_in_line_does_not_need_the_node_it_once_had(tmp_path: Path) -> None:
    """Its first attempt was on n01 to n04 and is over; the file then has two nodes only."""
    site = Site(tmp_path)
    job_id = site.running(nodes=2, resources={"gpus_per_node": 2})
    blocker = site.running(nodes=2, resources={"gpus_per_node": 2})
    site.engine.default_script = Script(duration_ms=3_600_000)
    first = next(each for each in site.engine.launches if each.job_id == job_id)
    lost = first.placements[0].node
    site.engine.lose_node(lost)
    site.until(lambda: site.state(job_id) == "queued")
    site.ask("POST", f"/v1/jobs/{job_id}/hold")
    site.engine.finish(f"{blocker}.1")
    site.until(lambda: site.state(blocker) == "succeeded")
    engine = _smaller(site.engine, 4, 2)
    engine._nodes = tuple(node for node in engine._nodes if node.path != lost)
    with closing(_restarted(site, tmp_path, FACTORY, engine)) as site:
        assert site.state(job_id) == "held"
        site.ask("POST", f"/v1/jobs/{job_id}/release")
        site.until(lambda: site.state(job_id) == "running")
        attempts = site.ask("GET", f"/v1/jobs/{job_id}").json["attempts"]
        assert [attempt["n"] for attempt in attempts] == [1, 2]
        assert lost in attempts[0]["nodes"]
        assert lost not in attempts[1]["nodes"]


def test_a_store_belongs_to_one_factory(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with pytest.raises(InputError, match="belongs to factory fakery, not other"):
        _restarted(site, tmp_path, FACTORY.replace("factory: fakery", "factory: other"))


def test_an_unchanged_file_adds_nothing_to_the_log(tmp_path: Path) -> None:
    site = Site(tmp_path)
    job_id = site.running()
    seq = site.server.store.last_seq
    with closing(_restarted(site, tmp_path, FACTORY)) as site:
        assert site.server.store.last_seq == seq
        assert site.state(job_id) == "running"
        assert len(site.engine.launches) == 1
        assert site.ask("POST", "/v1/jobs", job()).status == 201
