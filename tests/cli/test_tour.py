"""The tour of the README with a real server and real processes, each verb in a shell of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

WORKSTATION = str(Path(__file__).parents[2] / "examples" / "workstation.yaml")
DEADLINE_S = 30.0

SMALL = """
factory: small
sites: {here: {engine: {kind: local, nodes: 1, gpus_per_node: 1}}}
organisations: {lab: {}}
"""


def test_up_says_where_everything_is_and_that_it_already_runs(factory):
    said = factory("up", WORKSTATION)
    assert re.search(r"^factory workstation is already up at http://127\.0\.0\.1:\d+$", said, re.M)
    assert "4 virtual nodes × 2 virtual GPUs (CPU slots)" in said
    token = Path(re.search(r"^  token  (.*)$", said, re.M)[1])
    assert token.stat().st_mode & 0o777 == 0o600


def test_another_file_of_the_same_name_is_refused_while_it_runs(factory, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.replace("small", "workstation"))
    assert "with another file" in factory("up", str(other), code=2)


def test_a_gang_runs_its_ranks_and_leaves_logs_and_a_receipt(factory):
    command = ["sh", "-c", "echo rank $RANK of $WORLD_SIZE in $PWD"]
    said = factory(
        "submit", "--wait", "--name", "gang", "--nodes", "2", "--gpus-per-node", "2", "--", *command
    )
    job_id = re.fullmatch(r"submitted (\w{22})\n\1 succeeded after .*\n", said)[1]
    directory = os.path.realpath(factory.directory)
    expected = [f"{n}: rank {n} of 4 in {directory}" for n in range(4)]
    assert factory("logs", "gang", "--all-ranks").splitlines() == expected
    assert factory("logs", "-f", job_id, "--rank", "2") == f"rank 2 of 4 in {directory}\n"
    assert f"{job_id}: succeeded [done]" in factory("why", job_id[-8:])
    receipt = factory("cost", "gang")
    assert re.search(r"^virtual GPU-hours +[\d.e-]+ +GPU-h +GPUs × time", receipt, re.M)
    kinds = [event["kind"] for event in json.loads(factory("events", "gang", "--json"))["items"]]
    assert (kinds[0], kinds[-1]) == ("job_submitted", "job_ended")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--", "true"], 0),
        (["--", "sh", "-c", "exit 3"], 100),
        (["--timeout", "0.2", "--held", "--", "true"], 101),
    ],
)
def test_waiting_exits_with_the_end_of_a_real_job(factory, words, code):
    factory("submit", "--wait", *words, code=code)


def test_a_cancelled_job_ends_the_wait_with_103(factory):
    with factory.start("submit", "--wait", "--name", "victim", "--", "sleep", "60") as waiting:
        assert waiting.stdout.readline().startswith("submitted ")
        factory("cancel", "victim")
        assert waiting.wait(DEADLINE_S) == 103


def test_ctrl_c_leaves_the_job_running_and_exits_with_101(factory):
    with factory.start("submit", "--wait", "--name", "patient", "--", "sleep", "60") as waiting:
        assert waiting.stdout.readline().startswith("submitted ")
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(DEADLINE_S) == 101
    assert "patient" in factory("ps")
    factory("cancel", "patient")


def test_a_job_that_can_never_fit_is_refused_at_once_with_the_smallest_change(factory):
    began = time.monotonic()
    said = factory("submit", "--nodes", "40", "--", "true", code=2)
    spent_s = time.monotonic() - began
    assert "asks for 40 nodes" in said
    assert "nodes: 4 would fit" in said
    # The limit is 0.5 s on an idle machine; tests share theirs.
    assert spent_s < 2


def test_exec_runs_beside_a_job_in_its_environment(factory):
    factory("submit", "--name", "host", "--", "sleep", "60")
    until(lambda: ": running" in factory("why", "host"))
    done = factory.run("exec", "host", "--", "sh", "-c", "echo of $WORLD_SIZE; exit 4")
    assert (done.returncode, done.stdout) == (4, "of 1\n")
    factory("cancel", "host")


def test_a_held_job_waits_until_it_is_released(factory):
    factory("submit", "--held", "--name", "later", "--", "true")
    assert "somebody has to release it" in factory("why", "later")
    factory("release", "later")
    until(lambda: "succeeded" in factory("why", "later"))


def test_a_drained_node_says_so_until_it_is_resumed(factory):
    node = "here/local/r01/n04"
    assert factory("nodes", "drain", node, "--reason", "fan") == f"{node}: draining\n"
    assert re.search(rf"^{node} +draining .* fan$", factory("nodes"), re.M)
    assert factory("nodes", "resume", node) == f"{node}: up\n"
    assert "no/such/node" in factory("nodes", "drain", "no/such/node", code=2)


def test_a_member_sees_and_does_only_what_is_theirs(factory):
    said = factory("admin", "user", "add", "ada", "--project", "lab/vision")
    token = said.splitlines()[-1].removeprefix("export ARKWRIGHT_TOKEN=")
    ada = type(factory)(factory.environ | {"ARKWRIGHT_TOKEN": token}, factory.directory)
    del ada.environ["ARKWRIGHT_PROJECT"]
    assert "submitted" in ada("submit", "--wait", "--name", "hers", "--", "true")
    assert "may not submit" in ada("submit", "--project", "lab", "--", "true", code=2)
    assert "only owners" in ada("nodes", "drain", "here/local/r01/n01", code=2)
    names = {job["name"] for job in json.loads(ada("ps", "--all", "--json"))["items"]}
    assert names == {"hers"}
    stranger = type(factory)(factory.environ | {"ARKWRIGHT_TOKEN": "wrong"}, factory.directory)
    assert "does not know this token" in stranger("ps", code=2)


def test_a_batch_is_accepted_whole_and_a_repeated_key_submits_nothing_new(factory):
    words = ("submit", "--count", "20", "--held", "--idempotency-key", "once", "--", "true")
    first, again = factory(*words), factory(*words)
    assert (first, len(first.splitlines())) == (again, 20)
    factory("cancel", *(line.split()[1] for line in first.splitlines()))


def test_jobs_outlive_the_server_and_a_watcher_outlives_its_restart(shell, tmp_path):
    """`down` leaves the job, `up` adopts it, and `logs -f` begun before goes on to its end."""
    shell = type(shell)(shell.environ | {"ARKWRIGHT_HOME": str(tmp_path)}, shell.directory)
    factory_file = tmp_path / "small.yaml"
    factory_file.write_text(SMALL)
    url = re.search(r"http://\S+:(\d+)", shell("up", str(factory_file), "--port", "0"))
    go_on = tmp_path / "go-on"
    command = f"echo begun; while [ ! -e {go_on} ]; do sleep 0.05; done; echo done"
    shell("submit", "--name", "long", "--", "sh", "-c", command)
    with shell.start("logs", "-f", "long") as watcher:
        assert watcher.stdout.readline() == "begun\n"
        assert "1 job goes on: the next `arkwright up` adopts it" in shell("down")
        assert "no server is running" in shell("down")
        assert "arkwright up FILE" in shell("ps", code=1)
        shell("up", str(factory_file), "--port", url[1])
        go_on.touch()
        assert watcher.stdout.read() == "done\n"
        assert watcher.wait(DEADLINE_S) == 0
    shell("down", "--stop-jobs")


def test_a_port_in_use_is_said_by_up_with_exit_code_2(factory, tmp_path):
    port = re.search(r":(\d+)$", factory("up", WORKSTATION).splitlines()[0])[1]
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.replace("small", "other"))
    said = factory("up", str(other), "--port", port, code=2)
    assert f"listening on 127.0.0.1:{port}" in said
    assert "--port" in said


def test_a_corrupt_store_is_said_by_up_and_not_touched(shell, tmp_path):
    shell = type(shell)(shell.environ | {"ARKWRIGHT_HOME": str(tmp_path / "home")}, tmp_path)
    store = tmp_path / "home" / "workstation" / "store.db"
    store.parent.mkdir(parents=True)
    store.write_bytes(b"this is no database" * 1000)
    said = shell("up", WORKSTATION, "--port", "0", code=1)
    assert "store.db" in said
    assert store.read_bytes() == b"this is no database" * 1000


def until(is_so):
    """Wait for a condition, not for a time."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
