"""When the database takes no writes: said with 507 and 503, and over when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from arkwright.control.store import Store
from arkwright.errors import StoreError
from control.site import Site, job


@contextmanager
def full_disk(store: Store, monkeypatch: Any) -> Iterator[None]:
    """Every transaction fails as SQLite's do on a full disk."""

    @contextmanager
    def full(_self: Store, doing: str) -> Iterator[Any]:
        raise StoreError(f"{doing} in store.db: database or disk is full; nothing was recorded")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_transaction", full)
        yield


def test_a_full_disk_is_507_and_unhealthy_until_there_is_space_again(
    site: Site, monkeypatch: Any
) -> None:
    running = site.running()
    kept = site.submit(held=True)
    with full_disk(site.server.store, monkeypatch):
        answer = site.ask("POST", "/v1/jobs", job(name="lost"))
        assert (answer.status, answer.media_type) == (507, "application/problem+json")
        assert "nothing was recorded" in answer.json["detail"]
        assert site.ask("POST", f"/v1/jobs/{kept}/release").status == 507
        for _ in range(20):  # it stays so, also where a round has nothing to write
            health = site.ask("GET", "/healthz")
            assert health.status == 503
            assert "disk is full" in health.json["fault"]
            assert site.ask("GET", f"/v1/jobs/{kept}").json["state"] == "held"
        site.engine.finish(f"{running}.1")
    site.until(lambda: site.ask("GET", "/healthz").status == 200)
    site.until(lambda: site.state(running) == "succeeded")
    names = [item["name"] for item in site.ask("GET", "/v1/jobs", all="true").json["items"]]
    assert names == ["job", "job"]
    assert site.ask("POST", "/v1/jobs", job(name="next")).status == 201


def test_a_launch_that_failed_is_not_forgotten_by_a_disk_that_was_full_just_then(
    site: Site, monkeypatch: Any
) -> None:
    """The engine's refusal is kept until it is recorded: the job fails with its words."""
    site.engine.fail_launches(10, "no such image")
    append, refused = Store.append, []

    def flaky(self: Store, new: Any, *args: Any, **more: Any) -> Any:
        if any(event.kind.value == "job_ended" for event in new) and len(refused) < 3:
            refused.append(1)
            raise StoreError("recording events: database or disk is full")
        return append(self, new, *args, **more)

    monkeypatch.setattr(Store, "append", flaky)
    job_id = site.submit(retry={"limit": 0})
    site.until(lambda: site.state(job_id) == "failed")
    assert len(refused) == 3
    reason = site.ask("GET", f"/v1/jobs/{job_id}").json["reason"]
    assert reason == "launch failed: no such image; no retry left of 0"


def test_refused_launches_are_seen_where_the_engine_says_that_nothing_is_new(
    site: Site, monkeypatch: Any
) -> None:
    monkeypatch.setattr(site.engine, "version", lambda: 7)
    site.engine.fail_launches(10, "no such user")
    job_id = site.submit(retry={"limit": 2})
    site.until(lambda: site.state(job_id) == "failed")
    reason = site.ask("GET", f"/v1/jobs/{job_id}").json["reason"]
    assert reason == "launch failed: no such user; no retry left of 2"


def test_a_bug_in_one_round_is_reported_and_the_next_rounds_go_on(
    site: Site, monkeypatch: Any
) -> None:
    controller = site.server.loop._controller
    with monkeypatch.context() as patch:
        patch.setattr(controller, "_decide", lambda: 1 / 0)
        site.until(lambda: site.ask("GET", "/healthz").status == 503)
        assert "ZeroDivisionError" in site.ask("GET", "/healthz").json["fault"]
        job_id = site.submit()  # accepted: only deciding is broken
    site.until(lambda: site.state(job_id) == "running")
    assert site.ask("GET", "/healthz").status == 200


def test_a_bug_in_a_handler_is_a_problem_without_its_insides(site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(site.server, "describe", lambda: 1 / 0)
    answer = site.ask("GET", "/v1/factory")
    assert (answer.status, answer.media_type) == (500, "application/problem+json")
    assert answer.json["detail"] == "ZeroDivisionError: see the server's log"


def test_a_server_whose_store_was_taken_over_refuses_and_ends(site: Site) -> None:
    from arkwright.control.store import _raise_epoch

    _raise_epoch(site.server.store._engine)  # another server took over meanwhile
    answer = site.ask("POST", "/v1/jobs", job(name="late"))
    assert answer.status == 503
    assert "another server has taken over" in answer.json["detail"]
    site.until(lambda: site.server.loop.is_fenced)
    assert site.ask("GET", "/healthz").status == 503


def test_a_launch_that_others_were_quicker_than_costs_no_retry(tmp_path):
    """The engine took the attempt back: its node was taken by somebody else's job."""
    from arkwright.control import endings
    from arkwright.control.book import ActiveJob
    from arkwright.engines.port import AttemptPhase, Observation
    from arkwright.jobs.lifecycle import State
    from arkwright.jobs.spec import JobSpec, Retry

    spec = JobSpec(name="train", command=("true",), retry=Retry(limit=0))
    starting = ActiveJob("7", spec, "lab", "ada", State.STARTING, attempt=1, site="narvik")

    def end(reason: str) -> tuple[str, int]:
        seen = Observation(attempt_id="7.1", phase=AttemptPhase.ENDED, reason=reason)
        after = endings.ended(starting, seen, launch_error=None).after
        return after["state"], after["failures"]

    assert end("not started: n1: in use by others in Slurm (4 GPUs)") == ("queued", 0)
    # These are mishaps of the place: no retry is left of none.
    assert end("launch failed: Slurm refuses: Invalid account") == ("failed", 1)
    assert end("unknown attempt: Slurm knows its job no more") == ("failed", 1)
    assert end("node lost") == ("failed", 1)
