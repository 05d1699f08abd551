"""How an #SBATCH script is read: the grammar of its lines, what they come to, and what is said."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.jobs.sbatch import moments, values
from arkwright.jobs.sbatch.directives import directives, words_of
from arkwright.jobs.sbatch.gather import from_environment, read_words
from arkwright.jobs.sbatch.local_names import Known
from arkwright.jobs.sbatch.options import OPTIONS
from arkwright.jobs.sbatch.script_job import Place, ScriptJob, read_script
from arkwright.jobs.sbatch.shape import NodeSize
from arkwright.jobs.spec import Elastic, JobSpec, Level, OpenMode, Starts, TopologyMode

NOW = datetime.datetime(2026, 5, 1, 12, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
GIB_GB = 2**30 / 1e9
VIRTUAL = Known(["virtual"], ["lab", "lab/vision"], ["here"], NodeSize(gpus=8, cpus=32.0))


def read(lines: str, words: str = "", known: Known | None = None, **environment: str) -> ScriptJob:
    """The job of a script with these option lines, submitted by ada from /home/ada."""
    text = "\n".join(["#!/bin/bash", *(f"#SBATCH {line}" for line in lines.split("|")), "true", ""])
    place = Place("/home/ada", environment, NOW, known)
    return read_script(text, "train.sh", place, words=words.split())


def spec(lines: str, words: str = "", known: Known | None = None, **environment: str) -> JobSpec:
    return read(lines, words, known, **environment).spec


def slurm(lines: str, words: str = "") -> Any:
    return spec(lines, words).slurm


def refusal(lines: str, words: str = "") -> str:
    with pytest.raises(InputError) as raised:
        read(lines, words)
    return str(raised.value)


# --- lines ------------------------------------------------------------------------------------


def test_options_count_only_before_the_first_command():
    script = "#!/bin/sh\n\n# a comment\n#SBATCH -N 2\n##SBATCH -N 3\n #SBATCH -N 4\n\ncd /tmp\n"
    assert directives(script + "#SBATCH -N 5\n") == [(4, ("-N", "2"))]
    place = Place("/", {}, NOW)
    job = read_script(script + "#SBATCH -N 5\n", "s.sh", place)
    assert job.spec.nodes == 2
    assert job.warnings == (
        "s.sh:9: this #SBATCH line comes after the first command: sbatch ignores it too",
    )


def test_quotes_and_backslashes_keep_blanks_and_a_bare_sign_begins_a_comment():
    assert words_of(r""" --comment="two # words" -J a\ b --mail-user='x y' # -N 9""") == (
        "--comment=two # words", "-J", "a b", "--mail-user=x y",
    )  # fmt: skip


def test_an_open_quote_is_a_problem_with_its_line():
    assert 'train.sh:2: #SBATCH: a quote " is opened and not closed' in refusal('--comment="oops')


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1)))
def test_any_words_survive_being_quoted(words):
    """Naive reference: single quotes keep everything but themselves."""
    line = " ".join("'" + word.replace("'", "'\"'\"'") + "'" for word in words)
    assert words_of(line) == tuple(words)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-N2", "2"), ("-N 2", "2"), ("--nodes=2", "2"), ("--nodes 2", "2"), ("--node=2", None),
        ("-HN2", "2"),
    ],
)  # fmt: skip
def test_every_way_to_write_a_value(line, expected):
    """`--node` could be `nodes`, `nodelist` and `nodefile`: it is refused, not guessed."""
    found = read_words(line.split(), "x")
    if expected is None:
        assert found.problems[0].found == "--node could be --nodefile or --nodelist or --nodes"
    else:
        assert ("nodes", expected, "x") in found.options


def test_the_command_line_is_stronger_than_the_environment_and_that_than_the_script():
    assert spec("-N 2 -t 10 -p a").nodes == 2
    job = spec("-t 10 -p a -J low", "-t 30", SBATCH_TIMELIMIT="20", SBATCH_PARTITION="b")
    assert (job.time_limit, job.slurm.partition, job.name) == (1800, "b", "low")
    assert from_environment({"SBATCH_EXCLUSIVE": "", "HOME": "/"}) == [
        ("exclusive", "", "environment SBATCH_EXCLUSIVE")
    ]
    # A stronger place asks for memory in its own way: the weaker one's way is gone.
    assert spec("--mem=8G -c 2", "--mem-per-cpu=1G").resources.memory_per_node == 2 * GIB_GB


# --- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 5400), ("90:30", 5430), ("1:30:00", 5400), ("2-0", 172_800), ("1-2:3", 93_780),
        ("1-02:03:04", 93_784), ("UNLIMITED", None), ("0", None),
    ],
)  # fmt: skip
def test_times_in_every_form_of_the_manual(text, expected):
    assert values.seconds(text) == expected


@pytest.mark.parametrize("text", ["soon", "1:2:3:4", "-5", "1h", ""])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="MINUTES"):
        values.seconds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu", (1, "")), ("gpu:4", (4, "")), ("gpu:a100", (1, "a100")),
        ("gpu:a100:4", (4, "a100")), ("gpu:h100:8(S:0-1)", (8, "h100")),
        ("gres/gpu:2", (2, "")), ("gpu=3", (3, "")),
    ],
)  # fmt: skip
def test_generic_resources_in_every_form(text, expected):
    assert values.gres(text)[0] == expected


def test_of_generic_resources_that_are_no_gpus_only_slurm_knows():
    job = read("--gres=gpu:2,license:1")
    assert job.spec.resources.gpus_per_node == 2
    assert job.warnings[0].startswith("train.sh:2: --gres: license:1 is known to Slurm only")


def test_signals_by_name_number_and_with_their_time():
    assert values.early_signal("B:TERM@90") == ("SIGTERM", 90, True)
    assert values.early_signal("SIGUSR2") == ("SIGUSR2", 60, False)
    assert values.early_signal("10@5").name == "SIGUSR1"
    with pytest.raises(ValueError, match="B:USR1@120"):
        values.early_signal("USR9@5")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-05-01T12:30:00+02:00"),
        ("now+2hours", "2026-05-01T14:30:00+02:00"),
        ("now+60", "2026-05-01T12:31:00+02:00"),
        ("16:00", "2026-05-01T16:00:00+02:00"),
        ("9:15am", "2026-05-02T09:15:00+02:00"),  # that is past today
        ("tomorrow", "2026-05-02T00:00:00+02:00"),
        ("noon", "2026-05-02T12:00:00+02:00"),
        ("2026-12-24T18:00:00", "2026-12-24T18:00:00+02:00"),
        ("2026-12-24", "2026-12-24T00:00:00+02:00"),
        ("01/15", "2027-01-15T00:00:00+02:00"),
        ("tomorrow 8:00", "2026-05-02T08:00:00+02:00"),
    ],
)
def test_moments_as_the_manual_has_them(text, expected):
    assert moments.instant(text, NOW) == expected


@pytest.mark.parametrize("text", ["later", "25:00", "2026-02-30", "now+3fortnights"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match="write 2026"):
        moments.instant(text, NOW)


# --- shapes -----------------------------------------------------------------------------------


def test_a_whole_node_training_script():
    job = spec("-J big|-N 4 --ntasks-per-node=8 --gres=gpu:h100:8 -c 12 --mem=500G -t 2-00:00:00")
    assert (job.name, job.nodes, job.starts, job.time_limit) == ("big", 4, Starts.BATCH, 172_800)
    assert job.resources.gpus_per_node == 8
    assert job.resources.gpu_type == "h100"
    assert job.resources.cpus_per_node == 96  # 8 tasks with 12 CPUs each
    assert job.resources.memory_per_node == pytest.approx(500 * GIB_GB)
    assert (job.slurm.ntasks, job.slurm.ntasks_per_node, job.slurm.cpus_per_task) == (None, 8, 12)


@pytest.mark.parametrize(
    ("lines", "nodes", "gpus", "cpus"),
    [
        ("-n 4", 1, 0, 4),  # no number of nodes: Slurm packs them onto as few as it can
        ("-n 16 --ntasks-per-node=4", 4, 0, 4),
        ("-n 6 -N 2 -c 3", 2, 0, 9),
        ("-G 8 -N 2", 2, 4, 0),  # CPUs: the share that goes with the GPUs
        ("-G 16 --gpus-per-node=8", 2, 8, 0),
        ("-n 8 -N 2 --gpus-per-task=1", 2, 4, 0),
        ("-G 8 --gpus-per-task=2 -N 2", 2, 4, 0),  # 4 tasks, two on each node
        ("-N 2 --gpus-per-node=4 --cpus-per-gpu=6", 2, 4, 24),
        ("--mincpus=10", 1, 0, 10),
    ],
)
def test_what_one_node_gives(lines, nodes, gpus, cpus):
    job = spec(lines)
    resources = job.resources
    assert (job.nodes, resources.gpus_per_node, resources.cpus_per_node) == (nodes, gpus, cpus)


def test_tasks_without_a_number_of_nodes_take_as_many_as_hold_them():
    """Nodes of 32 CPUs and 8 GPUs: 100 tasks with a CPU each need four, 12 GPUs need two."""
    assert spec("-n 100", known=VIRTUAL).nodes == 4
    assert spec("-G 12", known=VIRTUAL).nodes == 2


def test_memory_by_cpu_and_by_gpu_is_what_the_node_gives():
    assert spec("-n 2 -c 4 --mem-per-cpu=500M").resources.memory_per_node == pytest.approx(
        8 * 500 * 2**20 / 1e9
    )
    memory_gb = spec("--gpus-per-node=4 --mem-per-gpu=80G").resources.memory_per_node
    assert memory_gb == pytest.approx(320 * GIB_GB)
    assert spec("--mem=0").resources.memory_per_node == 0


def test_a_range_of_nodes_is_an_elastic_gang():
    job = spec("-N 2-8:2 --gpus-per-node=8")
    assert job.elastic == Elastic(nodes_min=2, nodes_max=8, step=2)
    assert job.nodes == 1


def test_exclusive_takes_all_of_a_node_whose_size_is_known():
    job = read("--exclusive -N 2", known=VIRTUAL)
    assert (job.spec.resources.gpus_per_node, job.spec.resources.cpus_per_node) == (8, 32)
    assert job.spec.slurm.exclusive
    assert "--exclusive: only Slurm keeps" in read("--exclusive").warnings[0]


def test_everything_that_contradicts_itself_is_named_at_once_with_its_line():
    said = refusal("-N 3 -G 8|-n 100 --ntasks-per-node=2|--mem=4X|-c none")
    assert "train.sh:2: --gpus: 8 GPUs cannot be divided among 3 nodes; give --gpus=9" in said
    assert "train.sh:3: --ntasks: 100 tasks on 3 nodes with 2 each; give --ntasks=6" in said
    assert "train.sh:4: --mem: '4X'" in said
    assert "train.sh:5: --cpus-per-task: 'none'; write a whole number" in said


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("--mem=1G --mem-per-cpu=1G", "--mem-per-cpu: given beside --mem"),
        ("--gres=gpu:2 --gpus-per-node=4", "--gres: 2 GPUs beside --gpus-per-node=4"),
        ("--gpus=h100:8 --gpus-per-task=a100:1", "the types a100 and h100"),
        ("-N 2 -n 4 --gpus-per-node=1 --gpus-per-task=1", "2 tasks with 1 GPUs on a node"),
        ("-N 2-4 -G 8", "8 GPUs on 2 to 4 nodes"),
        ("-N 4-2", "the larger number comes last"),
        ("-N", "-N: no value"),
        ("--hold=1", "--hold: the value '1'"),
        ("-N 2 extra", "extra: no option"),
        ("packjob", "packjob: a heterogeneous job"),
        ("-N 1 : -N 2", "a heterogeneous job"),
        ("--array=1-x", "--array: '1-x'"),
        ("--dependency=expand:7", "--dependency: 'expand:7'"),
        ("--open-mode=both", "write append or truncate"),
    ],
)
def test_what_cannot_be_is_refused(lines, said):
    assert said in refusal(lines)


def test_a_script_without_an_interpreter_is_refused_as_sbatch_does():
    with pytest.raises(InputError, match="the first line has no #!"):
        read_script("#SBATCH -N 1\ntrue\n", "s", Place("/", {}, NOW))


def test_fewer_tasks_than_nodes_take_fewer_nodes_and_that_is_said():
    job = read("-N 4 -n 2")
    assert job.spec.nodes == 2
    assert "2 tasks take 2 nodes, not 4" in job.warnings[0]


# --- the rest ---------------------------------------------------------------------------------


def test_arrays_dependencies_and_times_arrive_in_their_fields():
    job = spec("-a 0-15%4|-d afterok:12:13,afterany:14,singleton|-b 16:00 --deadline=tomorrow|-H")
    assert job.array == "0-15%4"
    assert job.depends_on == ("afterok:12", "afterok:13", "afterany:14", "singleton")
    assert (job.begin, job.deadline) == ("2026-05-01T16:00:00+02:00", "2026-05-02T00:00:00+02:00")
    assert job.held
    assert spec("-d afterok:12?afterany:13").depends_on == ("afterok:12?afterany:13",)


def test_the_default_output_is_sbatchs_and_an_arrays_its_own():
    assert slurm("-N 1").output == "slurm-%j.out"
    assert slurm("-a 1-2").output == "slurm-%A_%a.out"
    files = slurm("-o out -e err -i in --open-mode=append")
    assert (files.output, files.error, files.input) == ("out", "err", "in")
    assert files.open_mode is OpenMode.APPEND


def test_requeue_signal_and_grace():
    job = spec("--no-requeue --signal=B:USR1@120")
    assert (job.retry.limit, job.slurm.requeue, job.grace) == (0, False, 30)
    assert (job.slurm.signal.name, job.slurm.signal.before) == ("SIGUSR1", 120)
    assert job.slurm.signal.batch_only
    assert spec("--no-requeue", "--requeue").slurm.requeue


def test_priority_and_nice():
    assert spec("--nice").priority == -100
    assert spec("--priority=50 --nice=20").priority == 30
    assert spec("--nice=-5").priority == 5
    assert spec("--priority=TOP").priority == 1_000_000


def test_switches_and_segments_are_places_in_the_fabric():
    topology = spec("-N 4 --switches=1@60").topology
    assert (topology.level, topology.mode) == (Level.LEAF, TopologyMode.PREFERRED)
    segments = spec("-N 36 --segment=18").topology
    assert (segments.level, segments.segment, segments.mode) == (
        Level.SCALE_UP, 18, TopologyMode.REQUIRED,
    )  # fmt: skip


def test_the_directory_and_where_it_was_submitted():
    job = spec("-D runs/a")
    assert (job.workdir, job.slurm.submit_dir) == ("/home/ada/runs/a", "/home/ada")
    assert spec("-D /data").workdir == "/data"


def test_the_environment_travels_as_sbatch_has_it_but_nothing_secret_unasked():
    there = {"HOME": "/home/ada", "LR": "0.1", "WANDB_API_KEY": "k", "SLURM_JOB_ID": "9", "_": "x"}
    job = read("-N 1", **there)
    assert job.spec.env == {"HOME": "/home/ada", "LR": "0.1"}
    assert job.warnings == (
        "train.sh: --export: not copied, for it looks secret: WANDB_API_KEY;"
        " give --export=ALL,WANDB_API_KEY",
    )
    assert spec("--export=ALL,WANDB_API_KEY", **there).env["WANDB_API_KEY"] == "k"
    assert spec("--export=NONE", **there).env == {}
    assert spec(""" "--export=LR,A=1,B='x,y'" """, **there).env == {
        "LR": "0.1",
        "A": "1",
        "B": "x,y",
    }


def test_names_of_another_cluster_are_taken_where_the_factory_has_them_and_else_warned_of():
    known = Known(["h100", "gb300"], ["lab", "lab/vision"], ["here", "there"])
    job = read("-p here,there -A vision --gres=gpu:nvidia_h100_80gb_hbm3:4", known=known)
    assert (job.spec.sites, job.spec.project) == (("here", "there"), "lab/vision")
    assert (job.spec.resources.gpu_type, job.warnings) == ("h100", ())
    assert spec("-p h100 -G 1", known=known).resources.gpu_type == "h100"
    other = read("-p gpu -A phys --gres=gpu:a100:4", known=VIRTUAL)
    assert (other.spec.project, other.spec.resources.gpu_type) == (None, None)
    assert [warning.split(": ")[1] for warning in other.warnings] == [
        "--gres", "--account", "--partition",
    ]  # fmt: skip


def test_what_only_slurm_knows_is_kept_in_its_fields_and_said():
    job = read("-q long -C 'a100&ib' -x n[1-4] -w n7 -L matlab:2 --comment=hi --prefer=ib")
    kept = job.spec.slurm
    assert (kept.qos, kept.constraint, kept.exclude) == ("long", "a100&ib", "n[1-4]")
    assert (kept.nodelist, kept.licenses, kept.comment) == ("n7", "matlab:2", "hi")
    assert [warning.split(": ")[1] for warning in job.warnings] == [
        "--qos", "--constraint", "--prefer", "--exclude", "--nodelist", "--licenses",
    ]  # fmt: skip


def test_what_is_not_understood_is_named_with_its_line_and_passed_on():
    job = read("-N 1|--hint=compute_bound --contiguous|--frobnicate=3 --nodess=2")
    assert job.spec.slurm.passthrough == (
        "--hint=compute_bound", "--contiguous", "--frobnicate=3", "--nodess=2",
    )  # fmt: skip
    assert job.warnings[0] == "train.sh:3: --hint: passed on to Slurm; other engines ignore it"
    assert job.warnings[3].startswith("train.sh:4: --nodess: no option of sbatch that is known")
    assert "did you mean --nodes?" in job.warnings[3]


def test_options_of_the_caller_are_the_callers():
    job = read("--wait --parsable", "--test-only")
    assert set(job.caller) == {"wait", "parsable", "test-only"}
    assert job.spec.slurm.passthrough == ()


def test_pyxis_containers_are_kept():
    # A bare # would begin a comment, for sbatch too.
    kept = slurm(r"--container-image=nvcr.io\#nvidia/pytorch:24.01-py3 --container-mounts=/d:/d")
    assert kept.container_image == "nvcr.io#nvidia/pytorch:24.01-py3"
    assert kept.container_mounts == "/d:/d"


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_no_option_of_sbatch_is_lost_without_a_word(name):
    """Whatever is given is a field of the job, the caller's affair, in a warning, or refused."""
    samples = {
        "nodes": "2", "ntasks": "2", "time": "5", "time-min": "5", "mem": "1G", "gres": "gpu:1",
        "array": "1-2", "dependency": "afterok:1", "begin": "now", "deadline": "tomorrow",
        "signal": "USR1@5", "open-mode": "append", "mem-per-cpu": "1G", "switches": "1",
        "mem-per-gpu": "1G", "export": "A=1",
    }  # fmt: skip
    takes = OPTIONS[name].value == "required"
    line = f"--{name}={samples.get(name, '1')}" if takes else f"--{name}"
    plain = spec("--gpus-per-node=2" if name == "mem-per-gpu" else "-N 1")
    try:
        job = read(f"--gpus-per-node=2 {line}" if name == "mem-per-gpu" else line)
    except InputError:
        return
    is_default = name in ("requeue", "ntasks-per-core", "ntasks-per-gpu", "mincpus")
    changed = job.spec.slurm != plain.slurm or job.spec != plain
    assert changed or job.warnings or name in job.caller or is_default
