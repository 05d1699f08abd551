"""Both dialects of slurmrestd, and what the commands print, become the same records.

The shapes are those that slurmrestd 22.05.8 (v0.0.38) and 26.05.5 (v0.0.45) gave, cut down to what
is read and a few keys that are not.
"""

from __future__ import annotations

import json
import re

import pytest

from arkwright.engines.slurm import dialects, text
from arkwright.engines.slurm.commands import sbatch_options
from arkwright.engines.slurm.dialects import Dialect
from arkwright.engines.slurm.records import SlurmJob, Submission
from arkwright.errors import EngineError

OLD, NEW = Dialect(38, False, False), Dialect(45, True, True)
WANTED = Submission(
    name="7.1", comment="arkwright 7.1", user="ada", script="#!/bin/sh\n", workdir="/out/ada",
    output="/out/ada/7.1.slurm", nodes=("n1", "n3"), gpus_per_node=8, gpu_gres="gpu:h100",
    tasks=4, tasks_per_node=2, cpus_per_task=4, memory_per_node_mib=1000, time_limit_min=61,
    partition="all", qos="high",
)  # fmt: skip


def job_of(told: object) -> SlurmJob:
    (job,) = dialects.jobs_of(json.dumps({"jobs": [told], "meta": {"x": 1}}).encode()).items
    return job


def test_the_newest_version_that_both_speak_is_chosen():
    paths = [f"/slurm/v0.0.{number}/job/submit" for number in (36, 37, 38)]
    assert dialects.choose(paths) == Dialect(38, False, False)
    newer = [f"/slurm/v0.0.{number}/job/submit" for number in (42, 43, 44, 45)]
    more = ["/slurm/v0.0.45/jobs/state/", "/slurmdb/v0.0.45/jobs/"]
    assert dialects.choose([*newer, *more]) == Dialect(45, True, True)


def test_a_slurmrestd_that_is_too_old_is_told_what_is_needed():
    words = "offers v0.0.37; Arkwright speaks v0.0.38 and later"
    with pytest.raises(EngineError, match=re.escape(words)):
        dialects.choose(["/slurm/v0.0.37/job/submit"])


def test_one_submission_in_the_two_dialects():
    old = dialects.submit_body(OLD, WANTED)
    assert old["script"] == "#!/bin/sh\n"
    job = old["job"]
    assert (job["nodelist"], job["nodes"], job["gres"]) == ("n1,n3", [2, 2], "gpu:h100:8")
    assert (job["memory_per_node"], job["time_limit"], job["no_requeue"]) == (1000, 61, True)
    assert isinstance(job["environment"], dict)
    new = dialects.submit_body(NEW, WANTED)
    assert list(new) == ["job"]
    job = new["job"]
    assert (job["required_nodes"], job["nodes"]) == (["n1", "n3"], "2")
    assert (job["tres_per_node"], job["requeue"]) == ("gres/gpu:h100:8", False)
    assert job["memory_per_node"] == {"set": True, "number": 1000}
    assert isinstance(job["environment"], list)


def test_what_arkwright_decided_comes_after_what_the_script_says():
    words = sbatch_options(Submission(**{**_fields(), "options": ("--nodes=99", "--mcs-label=x")}))
    assert words.index("--nodes=99") < words.index("--nodes=2-2")
    assert "--mcs-label=x" in words
    assert "--no-requeue" in words
    assert "--nodelist=n1,n3" in words


def _fields() -> dict[str, object]:
    return {name: getattr(WANTED, name) for name in Submission.__struct_fields__}


def test_a_job_in_the_two_dialects_and_by_command_is_one_record():
    old = {
        "job_id": 17, "name": "7.1", "user_name": "ada", "job_state": "FAILED", "nodes": "n[1,3]",
        "state_reason": "NonZeroExitCode", "exit_code": 7 << 8, "submit_time": 10,
        "start_time": 20, "end_time": 30, "restart_cnt": 0, "array_task_id": None,
    }  # fmt: skip
    new = {
        "job_id": 17, "name": "7.1", "user_name": "ada", "job_state": ["FAILED"],
        "nodes": "n[1,3]", "state_reason": "NonZeroExitCode",
        "exit_code": {
            "status": ["ERROR"], "return_code": {"set": True, "infinite": False, "number": 7},
            "signal": {"id": {"set": False, "number": 0}, "name": ""},
        },
        "submit_time": {"set": True, "number": 10}, "start_time": {"set": True, "number": 20},
        "end_time": {"set": True, "number": 30}, "restart_cnt": 0,
    }  # fmt: skip
    line = (
        "JobId=17 JobName=7.1 UserId=ada(6001) GroupId=ada(6001) JobState=FAILED"
        " Reason=NonZeroExitCode Dependency=(null) Requeue=0 Restarts=0 ExitCode=7:0"
        " SubmitTime=1970-01-01T00:00:10 StartTime=1970-01-01T00:00:20"
        " EndTime=1970-01-01T00:00:30 NodeList=n[1,3] Command=(null) Comment=a b c"
    )
    assert job_of(old) == job_of(new) == text.scontrol_job(line)
    assert job_of(new).exit_code == 7


def test_a_job_that_a_signal_killed_has_128_and_its_number():
    assert job_of({"job_id": 1, "exit_code": 15}).exit_code == 143
    killed = {"return_code": {"number": 0}, "signal": {"id": {"set": True, "number": 9}}}
    assert job_of({"job_id": 1, "exit_code": killed}).exit_code == 137
    assert text.exit_code("0:15") == 143


def test_states_alone_leave_out_what_is_no_single_job():
    body = {"jobs": [{"job_id": "5", "state": ["RUNNING"]}, {"job_id": "6_[1-9]", "state": []}]}
    assert dialects.states_of(json.dumps(body).encode()) == {5: ("RUNNING",)}


def test_a_node_in_the_two_dialects_and_by_command():
    told = {
        "name": "n1", "address": "10.0.0.1", "cpus": 16, "alloc_cpus": 4, "real_memory": 64000,
        "gres": "gpu:h100:8(S:0-1),nic:2", "gres_used": "gpu:h100:3(IDX:0-2),nic:0",
        "partitions": ["all"], "reason": "fan",
    }  # fmt: skip
    old = told | {"state": "idle", "state_flags": ["DRAIN"]}
    new = told | {"state": ["IDLE", "DRAIN"], "topology": ""}
    line = (
        "NodeName=n1 Arch=x86_64 CPUAlloc=4 CPUEfctv=16 CPUTot=16 AvailableFeatures=(null)"
        " Gres=gpu:h100:8(S:0-1),nic:2 GresUsed=gpu:h100:3(IDX:0-2),nic:0 NodeAddr=10.0.0.1"
        " OS=Linux 6.18 #1 SMP RealMemory=64000 State=IDLE+DRAIN Partitions=all "
        " CfgTRES=cpu=16,mem=62.50G AllocTRES= Reason=fan [root@2026-11-22T10:00:00]"
    )
    bodies = [json.dumps({"nodes": [each]}).encode() for each in (old, new)]
    nodes = [dialects.nodes_of(body).items[0] for body in bodies]
    assert nodes[0] == nodes[1] == text.scontrol_nodes(line)[0]
    assert (nodes[0].gpus_used, nodes[0].states) == (3, ("IDLE", "DRAIN"))


@pytest.mark.parametrize(
    ("told", "refused"),
    [
        ([{"error_number": 2000, "error": "Invalid partition name specified"}], True),
        ([{"error_code": 9202, "description": "bad body"}], True),
        ([{"error_number": -1, "error": "Unspecified error"}], False),
        ([{"error_number": 1003, "error": "Message receive failure"}], False),
        ([{"errno": 5004, "error": "Socket timed out"}], False),
        ([], False),
    ],
)
def test_only_slurm_s_own_errors_prove_that_nothing_was_done(told, refused):
    found = dialects.faults(json.dumps({"errors": told}).encode())
    assert dialects.is_refusal(found) is refused


def test_a_page_of_something_else_is_no_answer():
    assert dialects.faults(b"<html>bad gateway</html>") is None
    assert dialects.submitted(b"") is None


@pytest.mark.parametrize(
    ("gres", "expected"),
    [
        ("gpu:h100:8(S:0-1)", ("gpu:h100", 8)),
        ("gpu:4", ("gpu", 4)),
        ("gpu", ("gpu", 1)),
        ("gpu:a100:4,gpu:v100:2,shard:64", ("gpu", 6)),
        ("shard:64,gpu:h100:0(IDX:N/A)", ("gpu:h100", 0)),
        ("nic:2", ("gpu", 0)),
        ("", ("gpu", 0)),
    ],
)
def test_gpus_of_generic_resources(gres, expected):
    assert text.gpus(gres) == expected


def test_a_queue_with_names_that_hold_the_mark_between_columns():
    printed = "5|RUNNING|None|ada|n[1-2]|a|b\n6_[1-9]|PENDING|Priority|bob||x\n"
    (job,) = text.squeue_jobs(printed)
    assert (job.id, job.name, job.reason, job.nodes) == (5, "a|b", "", "n[1-2]")


def test_accounts_tell_the_state_without_who_did_it():
    printed = "9|CANCELLED by 1000|0:15|ada|n1|Unknown|2026-11-22T10:00:00|None|7.1\n"
    (job,) = text.sacct_jobs(printed)
    assert (job.states, job.exit_code, job.end_s) == (("CANCELLED",), 143, 0)
