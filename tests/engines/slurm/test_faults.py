"""Answers get lost, servers die, people meddle: nothing starts twice, nothing is said to be over
that is not."""

from __future__ import annotations

import os
import threading
import time

import pytest

from arkwright.engines.port import AttemptPhase
from arkwright.engines.slurm import rounds
from arkwright.engines.slurm.folder import Folder
from arkwright.errors import EngineError, EngineUnreachable
from engines.slurm.bench import USER, Bench

LAUNCHING, RUNNING = AttemptPhase.LAUNCHING, AttemptPhase.RUNNING
STOPPING, ENDED = AttemptPhase.STOPPING, AttemptPhase.ENDED
SETTLED_MS = 6_000
"""After a lost answer Slurm's list is believed from five seconds on."""
ONCE = 'echo ran >> "$ARKWRIGHT_PART/runs"'


def runs(bench: Bench, attempt_id: str = "7.1") -> int:
    """How often rank 0 ran."""
    path = bench.output_dir / USER / attempt_id / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def once(bench: Bench, **more: object):
    return bench.attempt(command=f"{ONCE}; sleep 60", nodes=1, ranks=1, **more)


# --- submissions ---------------------------------------------------------------------------------


def test_a_job_whose_answer_was_lost_is_found_and_not_submitted_again(bench):
    bench.fail("lost")
    bench.engine.launch(once(bench))
    bench.engine.work()
    for _ in range(3):
        assert bench.see().phase is LAUNCHING
    bench.ahead_ms += SETTLED_MS
    bench.until(RUNNING)
    bench.when(lambda: runs(bench))
    assert bench.submissions() == 1
    assert len(bench.slurm.jobs) == runs(bench) == 1


def test_a_gateway_that_gives_up_is_no_proof_that_nothing_was_submitted(rest_bench):
    bench = rest_bench
    bench.fail("late")
    bench.engine.launch(once(bench))
    bench.engine.work()
    bench.ahead_ms += SETTLED_MS
    bench.until(RUNNING)
    assert bench.submissions() == len(bench.slurm.jobs) == 1


def test_a_submission_that_never_arrived_is_made_again_once_the_list_shows_it_missing(rest_bench):
    bench = rest_bench
    bench.fail("broken")
    bench.engine.launch(once(bench))
    bench.engine.work()
    for _ in range(3):
        bench.see()
    assert bench.submissions() == 1
    bench.ahead_ms += SETTLED_MS
    bench.until(RUNNING)
    assert bench.submissions() == 2
    assert len(bench.slurm.jobs) == 1


def test_an_error_beside_a_job_number_is_a_warning_for_the_job_was_taken(rest_bench):
    bench = rest_bench
    bench.fail("warned")
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    assert bench.submissions() == len(bench.slurm.jobs) == 1


def test_what_slurm_refused_could_not_begin_even_if_it_was_taken(rest_bench):
    bench = rest_bench
    bench.slurm.refusal = (2000, "Invalid partition name specified")
    bench.run(once(bench))
    body = bench.rest.bodies[-1]["job"]
    late = bench.slurm.submit("7.1", USER, ["n1"], body["script"], 8, "/dev/null", workdir="/")
    bench.when(lambda: bench.slurm.find(late).states == ["FAILED"])
    assert runs(bench) == 0


def test_a_controller_that_was_not_reached_is_asked_again(bench):
    bench.fail("unreachable")
    bench.engine.launch(once(bench))
    bench.engine.work()
    assert "connect failure" in bench.see().reason
    bench.ahead_ms += 3_000
    bench.until(RUNNING)
    assert bench.submissions() == 2
    assert len(bench.slurm.jobs) == 1


@pytest.mark.parametrize("when", ["before", "lost", "after"])
def test_an_engine_made_after_a_crash_goes_on_and_starts_nothing_twice(bench, when):
    if when == "before":
        bench.engine.launch(once(bench))
    elif when == "lost":
        bench.fail("lost")
        bench.engine.launch(once(bench))
        bench.engine.work()
    else:
        bench.engine.launch(once(bench))
        bench.until(RUNNING)
    bench.restart()
    bench.engine.launch(once(bench))  # control does not know whether it was
    bench.ahead_ms += SETTLED_MS
    bench.until(RUNNING)
    bench.when(lambda: runs(bench))
    assert len(bench.slurm.jobs) == runs(bench) == 1


def test_an_attempt_is_found_in_slurm_even_when_the_engine_s_own_files_are_gone(bench):
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    for path in (bench.folder / "engine").glob("*/*.json"):
        path.unlink()
    bench.restart()
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    bench.when(lambda: runs(bench))
    assert len(bench.slurm.jobs) == runs(bench) == 1


def test_should_an_attempt_reach_slurm_twice_the_second_script_starts_nothing(bench):
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    bench.when(lambda: runs(bench))
    job = bench.job()
    twin = bench.slurm.submit(
        job.name, job.user, ["n2"], job.script, 8, str(bench.folder / "twin"), workdir="/"
    )
    bench.when(lambda: bench.slurm.find(twin).states == ["FAILED"])
    assert bench.slurm.jobs[twin].exit_code == 75
    assert runs(bench) == 1
    assert bench.see().phase is RUNNING


def test_an_attempt_that_was_given_up_cannot_begin_later(rest_bench):
    bench = rest_bench
    bench.fail("broken")
    bench.engine.launch(once(bench))
    bench.engine.work()
    bench.engine.stop("7.1", grace_s=1.0, reason="cancelled")
    bench.ahead_ms += SETTLED_MS
    assert bench.until(ENDED).reason == "stopped: cancelled"
    body = bench.rest.bodies[-1]["job"]
    late = bench.slurm.submit("7.1", USER, ["n1"], body["script"], 8, "/dev/null", workdir="/")
    bench.when(lambda: bench.slurm.find(late).states == ["FAILED"])
    assert runs(bench) == 0


# --- reading -------------------------------------------------------------------------------------


def test_an_engine_that_gets_no_answer_says_so_and_says_nothing_of_its_attempts(rest_bench):
    bench = rest_bench
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    bench.rest.faults.extend([("broken", "/job")] * 2)
    assert bench.see().phase is RUNNING  # one failure is none
    with pytest.raises(EngineError, match="answers 500"):
        bench.see()
    assert bench.engine.version() is None
    bench.until(RUNNING)


def test_an_engine_that_waits_long_for_an_answer_does_not_make_others_wait(rest_bench, monkeypatch):
    bench = rest_bench
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    monkeypatch.setattr(rounds, "SILENCE_S", 0.05)
    answer = threading.Event()
    monkeypatch.setattr(bench.rest, "_job", lambda _id: answer.wait(20) and (500, {}))
    waiting = threading.Thread(target=bench.engine.work)
    waiting.start()
    deadline = time.monotonic() + 20
    told = ""
    while "has not answered for" not in told and time.monotonic() < deadline:
        try:
            bench.engine.observe(("7.1",))
        except EngineError as error:
            told = str(error)
    assert "has not answered for" in told
    answer.set()
    waiting.join()


def test_a_closed_door_is_told_with_the_address(rest_bench):
    bench = rest_bench
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    bench.rest.close()
    bench.see()
    with pytest.raises(EngineError, match=f"cannot reach slurmrestd at {bench.rest.url}"):
        bench.see()
    with pytest.raises(EngineError, match="cannot reach"):
        bench.engine.observe(())
    # What is new is not taken: it may go to another site. What is known is not refused.
    with pytest.raises(EngineUnreachable, match="cannot reach"):
        bench.engine.launch(once(bench, attempt_id="8.1"))
    bench.engine.launch(once(bench))


def test_a_cluster_that_was_known_once_opens_without_it_and_one_that_never_was_does_not(tmp_path):
    bench = Bench(tmp_path, "v0.0.45")
    bench.rest.close()
    bench.restart()
    assert len(bench.engine.capabilities().nodes) == 4
    bench.folder = tmp_path / "other"
    with pytest.raises(EngineError, match="not known"):
        bench.restart()


def test_a_token_that_expires_is_read_again(rest_bench):
    bench = rest_bench
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    bench.rest.tokens = {USER: {"new"}, "slurm": {"new"}}
    bench.see()
    with pytest.raises(EngineError, match="refuses the token of slurm"):
        bench.see()
    for user in (USER, "slurm"):
        (bench.tokens / user).write_text("SLURM_JWT=new\n")
    bench.until(RUNNING)
    bench.engine.stop("7.1", grace_s=5.0, reason="")
    bench.until(ENDED)


def test_a_newer_slurmrestd_is_spoken_to_in_its_own_version(rest_bench):
    bench = rest_bench
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    bench.rest.dialect = 43
    bench.until(RUNNING)
    assert bench.rest.asked[-1][1].startswith("/slurm/v0.0.43/")


def test_a_clock_an_hour_off_shifts_nothing_here(tmp_path):
    for offset_s in (3600, -3600):
        bench = Bench(tmp_path / str(offset_s), "v0.0.45", offset_s=offset_s)
        ended = bench.run(bench.attempt())
        assert abs(ended.started_ms - bench.now_ms()) < 60_000
        assert 0 <= ended.ended_ms - ended.started_ms < 60_000
        bench.close()


# --- what Slurm has forgotten --------------------------------------------------------------------


def test_a_job_past_its_age_is_told_by_the_record_that_its_script_left(bench):
    bench.engine.launch(bench.attempt(command="exit 5", nodes=1, ranks=1))
    bench.when(lambda: bench.slurm.named("7.1"))
    bench.when(lambda: Folder(bench.output_dir, USER, "7.1").exit() is not None)
    # The engine looks away while it ends, and for long after.
    bench.slurm.forgotten.add(bench.job().id)
    bench.restart()
    ended = bench.until(ENDED)
    assert (ended.exit_code, ended.reason) == (5, "exited")


def test_a_job_that_left_no_record_is_looked_up_in_the_accounts(commands_bench):
    bench = commands_bench
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    bench.slurm.end(bench.job(), "OUT_OF_MEMORY", code=-9)
    bench.slurm.forgotten.add(bench.job().id)
    ended = bench.until(ENDED)
    assert (ended.reason, ended.exit_code) == ("memory limit", 137)


def test_without_record_and_accounts_it_is_over_only_after_its_nodes_had_time_to_end_it(bench):
    if bench.desk is not None:
        bench.desk.has_accounts = False
    bench.engine.launch(once(bench))
    bench.until(RUNNING)
    bench.slurm.end(bench.job(), "FAILED", code=-9)
    bench.slurm.forgotten.add(bench.job().id)
    for _ in range(3):
        assert bench.see().phase is not ENDED
    bench.ahead_ms += 31_000
    assert bench.until(ENDED).reason.startswith("unknown attempt: Slurm knows its job no more")


def test_a_job_the_controller_lost_before_its_script_began_never_begins(bench):
    bench.slurm.is_paused = True
    bench.engine.launch(once(bench))
    bench.when(lambda: bench.slurm.named("7.1"))
    bench.see()
    job = bench.job()
    bench.slurm.forgotten.add(job.id)
    assert bench.until(ENDED).reason.startswith("unknown attempt")
    bench.slurm.forgotten.clear()
    bench.slurm.is_paused = False
    bench.when(lambda: bench.slurm.find(job.id).states == ["FAILED"])
    assert runs(bench) == 0


# --- people --------------------------------------------------------------------------------------


def test_a_job_that_somebody_holds_waits_and_says_so(bench):
    bench.slurm.is_paused = True
    bench.engine.launch(once(bench))
    bench.when(lambda: bench.slurm.named("7.1"))
    bench.job().reason = "JobHeldAdmin"
    bench.see()
    bench.ahead_ms += 3_600_000
    seen = bench.see()
    assert seen.phase is LAUNCHING
    assert seen.reason == "held in Slurm (JobHeldAdmin); release job 1 there"
    bench.slurm.is_paused, bench.job().reason = False, ""
    bench.until(RUNNING)


def test_a_job_whose_node_others_were_quicker_to_take_is_taken_back(bench):
    bench.slurm.foreign("n1", gpus=4)
    bench.engine.launch(once(bench))
    bench.when(lambda: bench.slurm.named("7.1"))
    bench.when(lambda: bench.see().reason == "waiting in Slurm: Resources")
    bench.ahead_ms += 21_000
    ended = bench.until(ENDED)
    assert ended.reason == "not started: n1: in use by others in Slurm (4 GPUs)"
    assert bench.job().states == ["CANCELLED"]
    assert runs(bench) == 0
    # Whoever decides anew at this moment must not choose that node again.
    assert bench.engine.nodes()[0].state == "draining"


def test_the_output_of_jobs_needs_a_place_that_is_the_user_s(rest_bench):
    bench = rest_bench
    (bench.output_dir / USER).rmdir()
    if os.geteuid():
        with pytest.raises(EngineError, match="install -d -m 2770"):
            bench.engine.launch(once(bench))
    else:
        bench.engine.launch(once(bench))
        assert (bench.output_dir / USER).stat().st_mode & 0o7777 == 0o2770


def test_a_number_that_a_controller_gave_out_again_is_not_the_attempt_s_job(bench):
    """A controller that was killed forgets its last seconds, and counts on from where it was."""
    bench.slurm.is_paused = True
    bench.engine.launch(once(bench))
    bench.when(lambda: bench.slurm.named("7.1"))
    bench.see()
    job = bench.slurm.jobs.pop(1)
    bench.slurm._next = 1
    bench.slurm.is_paused = False
    other = bench.slurm.foreign("n4")
    assert other.id == job.id == 1
    bench.engine.stop("7.1", grace_s=1.0, reason="")
    bench.until(ENDED)
    assert other.states == ["RUNNING"]
    assert runs(bench) == 0
