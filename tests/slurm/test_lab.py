"""The cluster that the other tests stand on does what a cluster does, on both versions."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from debian.sandbox import pids_in
from slurm.lab import VERSIONS, cluster
from slurm.rest import ask, interface, submission

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=VERSIONS)
def running(request):
    with cluster(request.param, nodes=8) as lab:
        yield lab


@pytest.fixture
def lab(running):
    """Every test finds all nodes idle, and no job."""
    lab = running
    yield lab
    for user in lab.users:
        lab.run("scancel", f"--user={user}")
    lab.wait_for_nodes(states=("idle",))


def batch(lab, script, *words, user="alice"):
    """Submit `script` (without its first line); returns the job's number."""
    text = f"#!/bin/bash\n{script}\n"
    return lab.run("sbatch", "--parsable", *words, user=user, input=text)


def test_the_version_is_what_was_asked_for(lab):
    major = int(lab.version.split(".")[0])
    assert lab.version.startswith("22.05") or major >= 25, lab.version


def test_a_gang_of_eight_runs_from_a_script(lab):
    out = lab.shared / "gang.txt"
    job = batch(lab, "srun sh -c 'echo $(hostname) $SLURM_PROCID'", "-N8", f"--output={out}")
    assert lab.wait_for_job(job, "COMPLETED", "FAILED")["ExitCode"] == "0:0"
    said = sorted(line.split()[0] for line in out.read_text().splitlines())
    assert said == lab.nodes  # read here, at the path that the job wrote to


def test_jobs_run_as_the_user_who_submitted_them(lab):
    for user in ("alice", "bob"):
        out = lab.home(user) / "who.txt"
        batch(lab, "id -un; pwd", f"--output={out}", "--wait", user=user)
        assert out.read_text().split() == [user, str(lab.home(user))]
        assert out.stat().st_uid == {"alice": 6001, "bob": 6002}[user]


def test_gpus_are_handed_out_without_overlap(lab):
    held = [batch(lab, "sleep 60", "--gres=gpu:3", "--nodelist=n1") for _ in range(2)]
    for job in held:
        lab.wait_for_job(job, "RUNNING")
    shown = [lab.run("scontrol", "-d", "show", "job", job) for job in held]
    indices = {line.split("IDX:")[1][:3] for text in shown for line in text.splitlines()
               if "IDX:" in line}  # fmt: skip
    assert indices == {"0-2", "3-5"}
    assert "Gres=gpu:h100:8" in lab.run("scontrol", "show", "node", "n1")
    # Two of eight are left: a third job of three waits.
    third = batch(lab, "true", "--gres=gpu:3", "--nodelist=n1")
    assert lab.job(third)["JobState"] == "PENDING"


def test_srun_sees_the_devices(lab):
    script = "echo $CUDA_VISIBLE_DEVICES $(ls /dev/nvidia[0-7] | wc -l)"
    said = lab.run("srun", "-N2", "--gres=gpu:8", "sh", "-c", script, user="alice")
    assert said.splitlines() == ["0,1,2,3,4,5,6,7 8"] * 2


def test_this_python_runs_on_the_nodes(lab):
    said = lab.run("srun", "-N1", lab.python, "-c", "import sys; print(sys.version_info[:2])")
    assert said.startswith("(3, ")


def test_a_token_submits_and_a_wrong_one_does_not(lab):
    token = lab.token("alice")
    version = interface(lab.url, "alice", token)
    assert version == "v0.0.38" if lab.old else version >= "v0.0.42"
    out = lab.home("alice") / "rest.txt"
    body = submission(version, "#!/bin/sh\nid -un\n", lab.home("alice"), gres="gpu:h100:2",
                      standard_output=str(out))  # fmt: skip
    path = f"/slurm/{version}/job/submit"
    status, answer = ask(lab.url, "POST", path, "alice", token, body)
    assert (status, answer["errors"]) == (200, [])
    lab.wait_for_job(answer["job_id"], "COMPLETED")
    assert out.read_text() == "alice\n"
    status, _ = ask(lab.url, "POST", path, "alice", token[:-4] + "AAAA", body)
    assert status in (401, 500, 511)  # 511: 26.05


def test_a_cancelled_job_leaves_no_process(lab):
    job = batch(lab, "srun sleep 333", "-N4")
    lab.wait_for_job(job, "RUNNING")
    lab.wait(lambda: len(_sleeping(lab)) == 4, 10, lambda: "four tasks")
    lab.run("scancel", job, user="alice")
    lab.wait_for_job(job, "CANCELLED")
    lab.wait(lambda: not _sleeping(lab), 15, lambda: "no task")


def test_another_user_may_not_cancel(lab):
    job = batch(lab, "sleep 60")
    with pytest.raises(RuntimeError, match=r"[Aa]ccess|permission"):
        lab.run("scancel", job, user="bob")
    assert lab.job(job)["JobState"] in ("PENDING", "RUNNING")


def test_a_crashed_node_takes_its_processes_and_the_job_runs_elsewhere(lab):
    """Told by the operator, so that the test need not wait for SlurmdTimeout."""
    job = batch(lab, "srun sleep 333", "-N2", "--requeue", "--nodelist=n1,n2")
    lab.wait(lambda: len(_sleeping(lab)) == 2, 15, lambda: "two tasks")
    lab.run("scontrol", "update", f"jobid={job}", "ReqNodeList=", check=False)
    lab.crash("n1")
    lab.wait(lambda: len(_sleeping(lab)) <= 1, 5, lambda: "the crashed node's task is gone")
    lab.run("scontrol", "update", "nodename=n1", "state=down", "reason=crash")
    try:
        again = lab.wait_for_job(job, "PENDING")
        assert again["Restarts"] == "1"
    finally:
        lab.run("scancel", job)
        lab.revive("n1")
        lab.run("scontrol", "update", "nodename=n1", "state=resume", check=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_crash_is_seen_by_slurm_itself_and_requeued_elsewhere(version):
    """SlurmdTimeout 5 s and cred_expire 5 s: on other nodes within half a minute."""
    with cluster(version, nodes=4, node_timeout_s=5) as lab:
        job = batch(lab, "srun sleep 333", "-N2", "--requeue")
        before = lab.wait_for_job(job, "RUNNING")["NodeList"]
        assert before == "n[1-2]"
        lab.crash("n1")
        lab.wait(lambda: lab.job(job)["Restarts"] == "1", 60, lambda: lab.log())
        lab.wait_for_job(job, "RUNNING", limit_s=60)
        assert lab.node_states()["n1"].startswith("down")
        lab.revive("n1")
        lab.wait_for_nodes(names=["n1"])


def test_a_slurmd_that_dies_alone_takes_no_step_with_it(lab):
    out = lab.shared / "outlive.txt"
    job = batch(lab, "echo begun; sleep 2; echo done", "--nodelist=n3", f"--output={out}")
    # A job is RUNNING for Slurm before its step exists: until then the daemon takes it along.
    lab.wait(lambda: _text(out) == "begun\n", 30, lambda: f"not begun: {lab.job(job)}")
    lab.kill_slurmd("n3")
    try:
        lab.wait(lambda: _text(out) == "begun\ndone\n", 10, lambda: f"not done: {_text(out)!r}")
    finally:
        lab.revive("n3")
    lab.wait_for_job(job, "COMPLETED")


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_controller_that_comes_back_finds_its_jobs(lab, kill):
    running = [batch(lab, "sleep 60") for _ in range(4)]
    for job in running:
        lab.wait_for_job(job, "RUNNING")
    waiting = batch(lab, "true", "--begin=now+1hour")
    time.sleep(6 if kill else 0)  # state is saved every five seconds
    lab.restart_controller(kill=kill)
    assert {lab.job(job)["JobState"] for job in running} == {"RUNNING"}
    assert lab.job(waiting)["JobState"] == "PENDING"


def test_slurmrestd_comes_back_at_the_same_place(lab):
    token = lab.token("alice")
    lab.restart_rest(kill=True)
    status, _ = ask(lab.url, "GET", "/openapi/v3", "alice", token)
    assert status == 200


def test_two_labs_at_once_do_not_meet(lab):
    with cluster("22.05", nodes=1) as other:
        assert other.url != lab.url
        job = batch(other, "true", "--wait")
        assert other.job(job)["JobState"] == "COMPLETED"
        assert len(lab.node_states()) == 8


def test_nothing_outlives_a_run_that_was_killed(lab):
    """A process of its own starts a cluster, and dies of SIGKILL."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from slurm.lab import cluster\n"
        "with cluster('22.05', nodes=2) as lab:\n"
        "    lab.run('sbatch', '--wrap', 'sleep 300')\n"
        "    print(lab.folder, flush=True)\n"
        "    input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(__file__).parents[1])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    folder = process.stdout.readline().strip()
    assert pids_in(folder)
    process.kill()
    process.communicate()
    lab.wait(lambda: not pids_in(folder), 5, lambda: f"{pids_in(folder)} are left")
    subprocess.run(["rm", "-r", folder], check=True)


def _text(path):
    return path.read_text() if path.exists() else ""


def _sleeping(lab):
    """The tasks of the scripts above, without their shells and srun."""
    commands = [_command(pid) for pid in lab.sandbox.pids()]
    return [words for words in commands if words[:1] and words[0].endswith("sleep")
            and words[1] == "333"]  # fmt: skip


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []
