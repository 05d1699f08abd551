"""SkyPilot's task YAML as a job: what it runs is run, what it says of renting machines is named."""

from __future__ import annotations

import subprocess

import pytest

from arkwright import documents
from arkwright.errors import InputError
from arkwright.jobs.sbatch.local_names import Known
from arkwright.jobs.skypilot import SkyTask, is_task, read_task

TASK = """\
name: finetune my model
num_nodes: 2
resources:
  infra: aws/us-east-1
  accelerators: H100:8
  cpus: 32+
  memory: 128GB
  use_spot: true
workdir: .
envs:
  LR: 0.001
  HF_HOME:
file_mounts:
  /data/set: ./data
  /bucket: s3://bucket/data
setup: |
  echo setup
run: |
  echo run $SKYPILOT_NODE_RANK
"""


def task(text: str, known: Known | None = None, **environment: str) -> SkyTask:
    node = documents.parse(text.encode(), "task.yaml")
    return read_task(node, directory="/home/ada", environment=environment, known=known)


def test_a_task_is_recognised_by_keys_no_job_file_has():
    def says(text):
        return is_task(documents.parse(text.encode(), "x.yaml"))

    assert says(TASK)
    assert says("run: echo hi\n")
    assert not says("name: a\ncommand: [true]\nresources: {gpus_per_node: 1}\n")
    assert not says("- run: x\n")


def test_what_a_task_asks_for():
    found = task(TASK, HF_HOME="/cache")
    spec = found.spec
    assert (spec.name, spec.nodes, spec.ranks_per_node) == ("finetune-my-model", 2, 1)
    assert (spec.resources.gpus_per_node, spec.resources.gpu_type) == (8, "h100")
    assert spec.resources.cpus_per_node == 32
    assert spec.resources.memory_per_node == pytest.approx(128 * 2**30 / 1e9)
    assert (spec.workdir, spec.env) == ("/home/ada", {"LR": "0.001", "HF_HOME": "/cache"})


def test_what_has_no_meaning_here_is_said_with_its_key_and_line():
    ignored = "ignored: which machine to rent: the factory's nodes are there already"
    bucket = "ignored: only local paths are mounted; this is a bucket or an address"
    assert task(TASK + "service: {}\n", HF_HOME="/c").warnings == (
        f"task.yaml:4: resources.infra: {ignored}",
        f"task.yaml:8: resources.use_spot: {ignored}",
        f"task.yaml:15: file_mounts./bucket: {bucket}",
        "task.yaml:20: service: ignored: services are not run yet",
    )


def test_what_is_wrong_is_said_at_once():
    with pytest.raises(InputError) as raised:
        task("num_nodes: 0\nresources: {accelerators: 8x, cpus: many}\nenvs: {A: }\n")
    said = str(raised.value)
    assert "task.yaml:1: num_nodes: 0" in said
    assert "task.yaml:2: resources.accelerators: '8x'; write TYPE:NUMBER" in said
    assert "task.yaml:2: resources.cpus: 'many'" in said
    assert "envs.A: it has no value; write A: VALUE, or set it" in said
    assert "run: nothing to run" in said


@pytest.mark.parametrize(
    ("text", "gpus", "kind"),
    [("A100", 1, "a100"), ("{A100: 4}", 4, "a100"), ("[H100:2, A100:4]", 2, "h100"),
     ("A100-80GB:8", 8, "a100-80gb")],
)  # fmt: skip
def test_accelerators_in_every_form(text, gpus, kind):
    resources = task(f"run: x\nresources: {{accelerators: {text}}}\n").spec.resources
    assert (resources.gpus_per_node, resources.gpu_type) == (gpus, kind)


def test_where_all_gpus_are_virtual_any_is_taken():
    found = task("run: x\nresources: {accelerators: H100:2}\n", Known(["virtual"], [], []))
    assert found.spec.resources.gpu_type is None
    assert "no GPU is a H100 here" in found.warnings[0]


def test_the_script_mounts_sets_up_and_runs_in_this_order_on_every_node(tmp_path):
    """The script itself, run as the local engine would on node 1 of 2."""
    (tmp_path / "source").write_text("content")
    text = (
        f"run: |\n  cat {tmp_path}/deep/target; echo; echo $SKYPILOT_NODE_RANK of"
        ' $SKYPILOT_NUM_NODES "$SKYPILOT_NODE_IPS"\n'
        f"setup: echo setup\nworkdir: {tmp_path}\n"
        f"file_mounts: {{{tmp_path}/deep/target: {tmp_path}/source}}\n"
    )
    environment = {"NODE_RANK": "1", "SLURM_NNODES": "2", "PATH": "/usr/bin:/bin"}
    environment |= {"ARKWRIGHT_NODE_ADDRESSES": "127.0.1.1\n127.0.1.2"}
    done = subprocess.run(
        ["/bin/bash", "-c", task(text).spec.script or ""],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "setup\ncontent\n1 of 2 127.0.1.1\n127.0.1.2\n"


def test_a_setup_that_fails_ends_the_task(tmp_path):
    script = task(f"run: echo never\nsetup: exit 3\nworkdir: {tmp_path}\n").spec.script or ""
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        env={"PATH": "/usr/bin:/bin", "ARKWRIGHT_NODE_ADDRESSES": "x"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
