"""What goes wrong between Arkwright and a real Slurm, one fault after another.

After each, store and Slurm's own list tell the same story, and the jobs' ledger says that nothing
ran twice (`plant.Plant.check`).
"""

from __future__ import annotations

import re
import threading
import time

import pytest

from slurm.lab import VERSIONS, cluster
from slurm.plant import plant
from slurm.proxy import Proxy

pytestmark = pytest.mark.slow

COUNTING = """\
step=$(cat "$ARKWRIGHT_CHECKPOINT_DIR/step" 2>/dev/null || echo 0)
[ "$RANK" = 0 ] && echo "$ARKWRIGHT_ATTEMPT from $step" >> "$ARKWRIGHT_CHECKPOINT_DIR/log"
while [ "$RANK" = 0 ]; do
    step=$((step + 1))
    echo $step > "$ARKWRIGHT_CHECKPOINT_DIR/.step"
    mv "$ARKWRIGHT_CHECKPOINT_DIR/.step" "$ARKWRIGHT_CHECKPOINT_DIR/step"
    sleep 0.1
done
sleep 300
"""


@pytest.fixture(scope="module", params=VERSIONS)
def running(request):
    with cluster(request.param, nodes=4, gpus=32, cpus=32, node_timeout_s=5) as lab:
        yield lab


@pytest.fixture
def lab(running):
    running.wait_for_nodes(states=("idle",))
    yield running
    running.wait_for_nodes()


@pytest.fixture
def proxy(lab):
    with Proxy(lab.ports["rest"]) as between:
        yield between


@pytest.mark.parametrize("has_rest", [True, False], ids=["slurmrestd", "commands"])
def test_a_job_runs_to_its_end(lab, tmp_path, has_rest):
    with plant(lab, tmp_path, has_rest=has_rest) as works:
        job = works.submit("true")
        assert works.until_state(job, "succeeded", "failed") == "succeeded"
        assert [what for _, what, _ in works.told()] == ["start", "end"]
        works.check()


def test_a_submission_whose_answer_was_lost_is_found_and_not_repeated(lab, tmp_path, proxy):
    lost = []

    def lose(request):
        if request.startswith("POST") and not lost:
            lost.append(request)
            return "lose"
        return None

    proxy.fault = lose
    with plant(lab, tmp_path, url=proxy.url) as works:
        job = works.submit()
        works.until_state(job, "running")
        assert lost
        works.check()
        assert proxy.count("job/submit") == 1


def test_a_hundred_jobs_outlive_restarts_of_slurmctld_and_slurmrestd(lab, tmp_path):
    with plant(lab, tmp_path) as works:
        jobs = works.submit_many(100)
        works.until(lambda: works.counts()["running"] == 100)
        numbers = sorted(works.squeue())
        lab.restart_rest(kill=True)
        lab.restart_controller()
        works.check()
        lab.wait(lambda: _saved(lab), 15, lambda: "slurmctld saved its state")
        lab.restart_controller(kill=True)
        works.check()
        assert works.counts() == {"running": 100}
        assert sorted(works.squeue()) == numbers
        assert {works.attempts(job) for job in jobs[:3]} == {1}
        works.cancel_all()
        works.check()


@pytest.mark.parametrize("fault", ["error", "refuse", "garble", "lose", 3.0])
def test_an_interface_that_fails_for_a_while_changes_nothing(lab, tmp_path, proxy, fault):
    """503, closed connections, halves of answers, none, or slow ones, to every request."""
    with plant(lab, tmp_path, url=proxy.url) as works:
        steady, short = works.submit(), works.submit("sleep 2")
        works.until(lambda: works.counts()["running"] == 2)
        proxy.fault = lambda _request: fault
        late = works.submit()
        before = len(proxy.seen)
        works.until(lambda: len(proxy.seen) >= before + 3)
        time.sleep(3)  # the short job ends meanwhile
        proxy.fault = lambda _request: None
        works.until_state(short, "succeeded")
        works.until_state(late, "running")
        works.check()
        assert works.states()[steady] == "running"
        assert {works.attempts(job) for job in (steady, short, late)} == {1}


def test_a_gang_goes_on_from_its_checkpoint_when_a_node_crashes(lab, tmp_path):
    """SlurmdTimeout 5 s, cred_expire 5 s: on other nodes within a minute of the crash."""
    saved = lab.home("alice") / f"saved-{tmp_path.name}"
    lab.run("mkdir", str(saved), user="alice")
    with plant(lab, tmp_path) as works:
        gang = works.submit(COUNTING, nodes=2, starts="ranks", checkpoint={"dir": str(saved)},
                            resources={"gpus_per_node": 1}, grace="1 s")  # fmt: skip
        works.until_state(gang, "running")
        works.until(lambda: _steps(saved) >= 10)
        host = works.told()[-1][2]
        other = next(each for each in works.hosts(gang) if each != host)
        began, reached = time.monotonic(), _steps(saved)
        lab.crash(other)
        try:
            works.until(lambda: works.attempts(gang) == 2)
            works.until(lambda: _steps(saved) > reached + 30)
            works.until_state(gang, "running")
            assert time.monotonic() - began < 60
            again = (saved / "log").read_text().splitlines()[-1]
            assert int(again.split()[-1]) >= reached
            assert other not in works.hosts(gang)
            works.check()
        finally:
            lab.revive(other)
        works.cancel_all()


def test_a_slurmd_that_is_away_for_a_moment_costs_nothing(lab, tmp_path):
    with plant(lab, tmp_path) as works:
        job = works.submit("sleep 4")
        works.until_state(job, "running")
        host = works.told()[-1][2]
        lab.kill_slurmd(host)
        time.sleep(1)
        lab.revive(host)
        assert works.until_state(job, "succeeded", "failed") == "succeeded"
        assert works.attempts(job) == 1
        works.check()


@pytest.mark.parametrize("starts", ["batch", "ranks", "srun"])
def test_a_slurmd_that_stays_away_leaves_no_second_copy_of_the_job(lab, tmp_path, starts):
    """Slurm gives the node up (SlurmdTimeout 5 s) while the job's tasks run on there, out of its
    reach: the next attempt begins only when those are dead."""
    beat = (
        f'while sleep 0.2; do echo "$ARKWRIGHT_ATTEMPT $(date +%s%N)" >> {lab.shared}/beats; done'
    )
    (lab.shared / "beats").touch()
    (lab.shared / "beats").chmod(0o666)
    with plant(lab, tmp_path) as works:
        if starts == "srun":
            job = works.submit(f"srun --ntasks=2 sh -c '{beat}'", nodes=2, grace="1 s")
        else:
            job = works.submit(beat, nodes=2, starts=starts, grace="1 s")
        works.until_state(job, "running")
        host = works.hosts(job)[-1 if starts == "srun" else 0]
        lab.kill_slurmd(host)
        try:
            works.until(lambda: works.attempts(job) == 2)
            works.until_state(job, "running")
            works.until(lambda: ".2" in {name[-2:] for name, _ in _beats(lab)})
            time.sleep(2)
            last = max(when for name, when in _beats(lab) if name.endswith(".1"))
            assert last < min(when for name, when in _beats(lab) if name.endswith(".2"))
            works.check()
        finally:
            lab.revive(host)
        works.cancel_all()
    (lab.shared / "beats").unlink()


def test_cancels_that_race_completion_end_every_job_once(lab, tmp_path):
    with plant(lab, tmp_path) as works:
        jobs = [works.submit(f"sleep {1 + index / 8:g}", grace="1 s") for index in range(16)]
        works.until(lambda: "start" in {what for _, what, _ in works.told()})
        for job in jobs:
            works.cancel(job)
            time.sleep(0.1)
        works.until(lambda: set(works.states().values()) <= {"succeeded", "cancelled"})
        works.check()
        ended = {attempt.partition(".")[0] for attempt, what, _ in works.told() if what == "end"}
        assert {job for job, state in works.states().items() if state == "succeeded"} <= ended


def test_a_job_cancelled_in_slurm_is_told_as_that(lab, tmp_path):
    with plant(lab, tmp_path) as works:
        job = works.submit()
        works.until_state(job, "running")
        lab.run("scancel", str(works.slurm_job(job)[0]), user="alice")
        assert works.until_state(job, "failed", "queued", "cancelled") == "failed"
        assert "cancelled in Slurm" in works.events()[-1]["cause"]
        works.check()


def test_a_job_held_in_slurm_waits_until_it_is_released_there(lab, tmp_path):
    with plant(lab, tmp_path) as works:
        lab.run("scontrol", "update", "partition=all", "state=down")
        try:
            job = works.submit()
            works.until(lambda: works.slurm_job(job)[1] == "PENDING")
            number = str(works.slurm_job(job)[0])
            lab.run("scontrol", "hold", number)
        finally:
            lab.run("scontrol", "update", "partition=all", "state=up")
        time.sleep(12)  # longer than Arkwright waits for nodes that others took
        assert works.slurm_job(job) == (int(number), "PENDING")
        assert works.states()[job] == "starting"
        lab.run("scontrol", "release", number)
        works.until_state(job, "running")
        assert works.attempts(job) == 1
        works.check()


def test_a_node_drained_by_slurms_admin_gets_no_more_work_and_keeps_what_it_has(lab, tmp_path):
    with plant(lab, tmp_path) as works:
        job = works.submit()
        works.until_state(job, "running")
        host = works.told()[-1][2]
        lab.run("scontrol", "update", f"nodename={host}", "state=drain", "reason=fan")
        try:
            works.until(lambda: works.nodes()[host] == "draining")
            later = [works.submit(resources={"gpus_per_node": 32}) for _ in range(3)]
            works.until(lambda: works.counts()["running"] == 4)
            assert host not in {each for job in later for each in works.hosts(job)}
            assert works.states()[job] == "running"
            works.check()
        finally:
            lab.run("scontrol", "update", f"nodename={host}", "state=resume")
        works.until(lambda: works.nodes()[host] == "up")
        works.cancel_all()


def test_a_node_drained_here_is_drained_there(lab, tmp_path):
    with plant(lab, tmp_path) as works:
        path = next(item["path"] for item in works.ask("GET", "/v1/nodes")["items"])
        host = path.rpartition("/")[2]
        works.ask("POST", f"/v1/nodes/{path}/drain", {"reason": "fan"})
        works.until(lambda: lab.node_states()[host].startswith("drain"))
        works.ask("POST", f"/v1/nodes/{path}/resume", {"reason": "new fan"})
        works.until(lambda: lab.node_states()[host] == "idle")


def test_a_direct_job_on_the_node_that_was_just_chosen_wins_it(lab, tmp_path, proxy):
    direct = []

    def overtake(request):
        if request.startswith("POST") and "job/submit" in request and not direct:
            host = re.findall(r"\bn[1-4]\b", request)[-1]
            words = ["--parsable", f"--nodelist={host}", "--gres=gpu:32", "--wrap", "sleep 120"]
            direct.append((lab.run("sbatch", *words, user="bob"), host))
            lab.wait_for_job(direct[0][0], "RUNNING")

    proxy.fault = overtake
    with plant(lab, tmp_path, url=proxy.url) as works:
        job = works.submit(resources={"gpus_per_node": 32})
        works.until_state(job, "running")
        number, host = direct[0]
        assert host not in works.hosts(job)
        assert lab.job(number)["JobState"] == "RUNNING"
        works.check()
        # And as long as it is there nothing else is sent to that node.
        others = [works.submit(resources={"gpus_per_node": 32}) for _ in range(3)]
        works.until(lambda: works.counts()["running"] == 3)
        time.sleep(3)
        assert works.counts()["queued"] == 1
        assert host not in {each for job in others for each in works.hosts(job)}
        works.check()
        works.cancel_all()


def test_a_token_that_expires_is_made_anew(lab, tmp_path):
    token = lab.command("scontrol", "token", "username={user}", "lifespan=4")
    with plant(lab, tmp_path, token_command=token) as works:
        job = works.submit("sleep 12")
        works.until_state(job, "running")
        assert works.until_state(job, "succeeded", "failed") == "succeeded"
        works.check()


def test_a_token_file_that_ran_out_holds_everything_until_it_is_written_again(lab, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.mkdir()

    def write(lifespan):
        for user in ("root", "alice"):
            (tokens / user).write_text(lab.token(user, lifespan))

    write(4)
    file = str(tokens / "{user}")
    with plant(lab, tmp_path, token_file=file, token_command=None) as works:
        steady = works.submit()
        works.until_state(steady, "running")
        time.sleep(6)
        late = works.submit()
        time.sleep(2)
        assert works.states()[steady] == "running"
        write(3600)
        works.until_state(late, "running")
        assert works.attempts(late) == 1
        works.check()


def test_a_server_that_dies_between_two_rounds_adopts_what_runs(lab, tmp_path):
    with plant(lab, tmp_path) as works:
        jobs = [works.submit() for _ in range(8)]
        works.until(lambda: works.counts()["running"] >= 1)
        works.stop()
        works.start()
        works.until(lambda: works.counts()["running"] == 8)
        assert {works.attempts(job) for job in jobs} == {1}
        works.check()
        works.cancel_all()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("offset_s", [3600, -3600])
def test_a_cluster_whose_clock_is_an_hour_off_changes_no_time(tmp_path, version, offset_s):
    with (
        cluster(version, nodes=2, gpus=2, clock_offset_s=offset_s) as lab,
        plant(lab, tmp_path) as works,
    ):
        before_ms = time.time() * 1000
        job = works.submit("sleep 2")
        assert works.until_state(job, "succeeded", "failed") == "succeeded"
        after_ms = time.time() * 1000
        assert before_ms < works.events()[-1]["ended_ms"] < after_ms
        works.check()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_thousand_submissions_while_the_controller_restarts_reach_it_once_each(tmp_path, version):
    """The partition is down: Slurm takes the jobs and starts none, which would take long."""
    down = "PartitionName=all Nodes=ALL Default=YES State=DOWN\n"
    many = {"gpus": 128, "cpus": 128, "memory_mib": 1_000_000}
    with (
        cluster(version, nodes=8, partitions=down, **many) as lab,
        plant(lab, tmp_path) as works,
    ):
        restarting = threading.Thread(target=_restart_when, args=(lab, works.squeue, 100))
        restarting.start()
        for _ in range(10):
            works.submit_many(100)
        restarting.join()
        works.until(lambda: len(works.live()) == 1000)
        works.check()
        assert works.counts() == {"starting": 1000}
        works.cancel_all()
        works.check()


def _restart_when(lab, squeue, count):
    lab.wait(lambda: len(squeue()) >= count, 60, lambda: f"{count} jobs in Slurm")
    lab.restart_controller()


def _saved(lab):
    """Whether slurmctld's saved state is newer than all that the test did."""
    path = lab.path("/var/spool/slurmctld/job_state")
    return path.exists() and time.time() - path.stat().st_mtime < 1


def _beats(lab):
    lines = [line.split() for line in (lab.shared / "beats").read_text().splitlines()]
    return [(line[0], int(line[1])) for line in lines if len(line) == 2]


def _steps(saved):
    path = saved / "step"
    return int(path.read_text()) if path.exists() else 0
