"""Slurm's own commands, answered by Arkwright: the same words in, the same lines out."""

from __future__ import annotations

import os
import subprocess

import pytest

from arkwright.cli.slurm.layout import clock, columns_of
from arkwright.cli.slurm.states import job_state, wanted_states
from arkwright.cli.slurm.words import read, table
from arkwright.errors import InputError
from cli.fake_api import FACTORY, Problem, job, over

SCRIPT = "#!/bin/sh\n#SBATCH -N 2 -J mine --export=NONE\ntrue\n"


def node(name, **changes):
    return {
        "path": f"here/h/r/{name}", "site": "here", "state": "up", "reason": "", "gpus": 2,
        "gpus_free": 2.0, "gpu_type": "virtual", "is_virtual": True, "cpus": 4.0,
        "memory_mib": 1024, "jobs": [],
    } | changes  # fmt: skip


@pytest.fixture
def cluster(ask, api, monkeypatch):
    """Two nodes, one of them with a job; answers to whoever asks."""
    monkeypatch.setenv("USER", "ada")
    for name in ("SQUEUE_FORMAT", "SINFO_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    sites = [{"name": "here", "engine": "local"}]
    api.say("GET", "/v1/factory", FACTORY | {"projects": ["lab"], "sites": sites})
    items = [node("n01", jobs=["01a"], gpus_free=1.0), node("n02")]
    api.say("GET", "/v1/nodes", {"items": items, "next_cursor": None})
    jobs = [
        job("01a", number=7, spec={"name": "train", "time_limit": 5400.0}),
        job("01b", number=12, name="wait", user="bob", state="queued", attempt=0),
        job("01c", number=13, name="kept", state="held", attempt=0),
    ]
    api.say("GET", "/v1/jobs", {"items": jobs, "next_cursor": None})
    attempt = {"start_ms": 1_000, "end_ms": 66_000}
    api.say("GET", "/v1/jobs/01a", job("01a", number=7, attempts=[attempt]))

    def call(*words):
        return ask("slurm", *words)

    return call


def test_sbatch_says_what_sbatch_says(cluster, api, tmp_path):
    (tmp_path / "s.sh").write_text(SCRIPT)
    api.say("POST", "/v1/jobs", job(number=42))
    assert cluster("sbatch", "s.sh", "one", "-N", "two")[:2] == (0, "Submitted batch job 42\n")
    body = api.asked[-1].body
    assert (body["nodes"], body["name"]) == (2, "mine")
    # What follows the script's name is the script's, also what looks like an option.
    assert body["slurm"]["arguments"] == ["one", "-N", "two"]
    assert cluster("sbatch", "--parsable", "-N", "1", "s.sh")[:2] == (0, "42\n")
    assert api.asked[-1].body.get("nodes", 1) == 1
    assert cluster("sbatch", "-Q", "s.sh")[:2] == (0, "")


def test_sbatch_wraps_a_command_and_reads_a_script_from_standard_input(cluster, api, monkeypatch):
    import io
    import sys

    api.say("POST", "/v1/jobs", job(number=42))
    assert cluster("sbatch", "--export=NONE", "--wrap", "echo $A")[0] == 0
    assert api.asked[-1].body["script"].endswith("\n\necho $A\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO(SCRIPT))
    assert cluster("sbatch")[0] == 0
    assert api.asked[-1].body["script"] == SCRIPT


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (over(number=42), 0),
        (over("failed", number=42, exit_code=7), 7),
        (over("cancelled", number=42), 1),
    ],
)
def test_sbatch_waits_and_ends_as_the_job_did(cluster, api, tmp_path, ended, code):
    (tmp_path / "s.sh").write_text(SCRIPT)
    api.say("POST", "/v1/jobs", job(number=42))
    api.say("GET", f"/v1/jobs/{job()['id']}", ended)
    assert cluster("sbatch", "--wait", "s.sh")[0] == code


def test_a_script_that_cannot_be_read_is_no_submission(cluster, api, tmp_path):
    (tmp_path / "s.sh").write_text("#!/bin/sh\n#SBATCH -N none\n")
    code, out, err = cluster("sbatch", "s.sh")
    assert (code, out) == (2, "")
    assert "s.sh:2: --nodes: 'none'" in err
    assert "POST /v1/jobs" not in api.paths()


def test_squeue_has_slurms_table(cluster):
    assert cluster("squeue") == (0, (
        "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n"
        "                12     batch     wait      bob PD       0:00      2 (Resources)\n"
        "                13     batch     kept    owner PD       0:00      2 (JobHeldUser)\n"
        "                 7     batch    train    owner  R       1:05      2 n01\n"
    ), "")  # fmt: skip


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("-h -o %i|%T|%l", ["12|PENDING|UNLIMITED", "13|PENDING|UNLIMITED", "7|RUNNING|1:30:00"]),
        ("-h -u bob -o %i", ["12"]),
        ("-h -j 7,13 -o %i", ["13", "7"]),
        ("-h -t R -o %j", ["train"]),
        ("-h -n wait -o %.6D|", ["     2|"]),
        ("-O jobid:6,name:.8,state:4 -t R", ["JOBID     NAMESTAT", "7        trainRUNN"]),
        ("--noheader --sort=-i --format=%A", ["13", "12", "7"]),
    ],
)
def test_squeue_chooses_and_shows_what_it_is_told(cluster, words, lines):
    assert cluster("squeue", *words.split()) == (0, "".join(f"{line}\n" for line in lines), "")


def test_tasks_of_an_array_that_wait_share_a_line_unless_each_is_asked_for(cluster, api):
    spec = {"name": "a", "array": "0-9%2"}
    jobs = [
        job(f"01{i}", number=20 + i, spec=spec, attempt=0, state="running" if i < 1 else "queued",
            task={"array_id": "01", "array_number": 20, "index": i})
        for i in (0, 1, 2, 5)
    ]  # fmt: skip
    api.say("GET", "/v1/jobs", {"items": jobs, "next_cursor": None})
    assert cluster("squeue", "-h", "-o", "%i")[1] == "20_[1-2,5%2]\n20_0\n"
    assert cluster("squeue", "-h", "-r", "-o", "%i")[1] == "20_1\n20_2\n20_5\n20_0\n"


def test_scancel_ends_jobs_by_number_and_by_choice(cluster, api):
    for reference in ("7", "01a", "01b", "01c"):
        api.say("POST", f"/v1/jobs/{reference}/cancel", over("cancelled"))
    assert cluster("scancel", "7") == (0, "", "")
    assert cluster("scancel", "-u", "bob") == (0, "", "")
    assert api.paths()[-1] == "POST /v1/jobs/01b/cancel"
    assert cluster("scancel", "-t", "PD", "-n", "kept")[0] == 0
    assert api.paths()[-1] == "POST /v1/jobs/01c/cancel"


def test_scancel_tells_of_a_job_that_is_not_there_and_goes_on(cluster, api):
    api.say("POST", "/v1/jobs/99/cancel", Problem(404, "job 99: not found"))
    api.say("POST", "/v1/jobs/7/cancel", over("cancelled"))
    code, out, err = cluster("scancel", "99", "7")
    assert (code, out) == (1, "")
    assert err == "scancel: error: Kill job error on job id 99: job 99: not found\n"
    assert api.paths()[-1] == "POST /v1/jobs/7/cancel"


def test_scancel_without_a_choice_ends_nothing(cluster, api):
    code, _, err = cluster("scancel")
    assert (code, "name jobs, or choose them" in err) == (2, True)
    assert not any("cancel" in path for path in api.paths())


def test_sinfo_groups_nodes_by_site_and_state(cluster):
    assert cluster("sinfo") == (0, (
        "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\n"
        "here         up   infinite      1    mix n01\n"
        "here         up   infinite      1   idle n02\n"
    ), "")  # fmt: skip
    assert cluster("sinfo", "-h", "-o", "%P %D %N %G")[1] == "here 2 n[01-02] gpu:virtual:2\n"
    assert cluster("sinfo", "-N", "-h", "-o", "%N %t")[1] == "n01 mix\nn02 idle\n"
    assert cluster("sinfo", "-h", "-t", "idle", "-o", "%n")[1] == "n02\n"


@pytest.mark.parametrize(
    "words",
    [("squeue", "--frob"), ("sinfo", "-Z"), ("scancel", "-s", "USR1", "7"), ("squeue", "7")],
)
def test_options_nobody_knows_are_refused(cluster, words):
    assert cluster(*words)[0] == 2


def test_options_may_stand_anywhere():
    options = table("x", "user/u", "me noheader/h")
    assert read(["1", "-h", "2", "-u", "ada", "--me"], options) == (
        {"noheader": "", "user": "ada", "me": ""},
        ["1", "2"],
    )
    with pytest.raises(InputError, match="--frob is no option"):
        read(["--frob"], options)


def test_words_for_states():
    assert wanted_states("pd,RUNNING") == {"PD", "R"}
    assert job_state(job(state="failed", reason="time limit")) == ("TO", "TIMEOUT")
    assert job_state(job(state="failed", reason="node lost: n01")) == ("NF", "NODE_FAIL")
    with pytest.raises(ValueError, match="NAPPING is no state"):
        wanted_states("napping")


def test_times_and_columns():
    assert [clock(seconds) for seconds in (5, 65, 3700, 90_061)] == [
        "0:05", "1:05", "1:01:40", "1-01:01:01",
    ]  # fmt: skip
    assert columns_of("%.18i %9P") == [("i", 18, True, " "), ("P", 9, False, "")]
    with pytest.raises(InputError, match="it has no field"):
        columns_of("plain")


def test_link_writes_programs_and_never_over_another(ark, tmp_path):
    code, out, _ = ark("slurm", "link", "programs")
    assert (code, "export PATH=" in out) == (0, True)
    done = subprocess.run(
        [tmp_path / "programs" / "squeue", "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "List jobs that wait or run" in done.stdout) == (0, True)
    assert ark("slurm", "link", "programs")[0] == 0  # its own it may write anew
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "squeue").write_bytes(b"\x7fELF\xff")
    code, _, err = ark("slurm", "link", "real")
    assert (code, "there is such a program already" in err) == (2, True)
    assert os.listdir(tmp_path / "real") == ["squeue"]  # noqa: PTH208  # the names
