"""`arkwright observe slurm` and `arkwright import slurm`, on a cluster that replays a recording."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arkwright import factory
from arkwright.engines.slurm.description_reading import COMMANDS

RECORDED = Path(__file__).resolve().parents[1] / "slurm" / "recorded"
VERSIONS = ("22.05", "26.05")
READING = {" ".join(["env", "TZ=UTC0", *words]) for words in COMMANDS.values()}


@pytest.fixture(params=VERSIONS)
def folder(request):
    return str(RECORDED / request.param)


@pytest.fixture(params=VERSIONS)
def replayed(request, tmp_path):
    """A prefix that answers like the recorded cluster, and the commands it was given."""
    log, here = tmp_path / "asked.log", RECORDED / request.param
    lines = ["#!/bin/sh", f'echo "$*" >> {log}', 'case "$*" in']
    for name, words in COMMANDS.items():
        answer = here / f"{name}.txt"
        says = f"cat {answer}" if answer.exists() else "echo invalid entity >&2; exit 1"
        lines.append(f'"env TZ=UTC0 {" ".join(words)}"*) {says};;')
    lines += ["*) echo 'not a command that reads' >&2; exit 99;;", "esac", ""]
    script = tmp_path / "cluster"
    script.write_text("\n".join(lines))
    script.chmod(0o755)
    return str(script), log


def asked(log):
    return log.read_text().splitlines()


def test_the_summary_says_what_there_is_and_what_waits(ark, folder):
    code, out, err = ark("observe", "slurm", "--from", folder)
    assert code == 0, err
    assert "6 nodes: 5 in service, 1 draining" in out
    assert "16 GPUs h100: 16 in use (100%)" in out
    assert "reservations: maint" in out
    assert "JobArrayTaskLimit 3" in out
    assert "Arkwright would start nothing more" in out


def test_why_has_slurms_word_and_numbers(ark, folder):
    code, out, _ = ark("observe", "slurm", "--from", folder, "why", "wide")
    assert code == 0
    assert "Slurm says Resources" in out
    assert "asks for 4 nodes with 4 GPUs each" in out
    code, out, _ = ark("observe", "slurm", "why", "after", "--from", folder)
    assert "Slurm keeps it from starting (afterok:7(unfulfilled)); if it did not:" in out


def test_when_stands_beside_what_slurm_expects(ark, folder):
    code, out, _ = ark("observe", "slurm", "when", "wide", "--from", folder, "--json")
    assert code == 0
    told = json.loads(out)
    away_ms = abs(told["forecast"]["start_ms"] - told["slurm_start_ms"])
    assert away_ms <= 60_000  # Slurm plans by the minute


def test_whatif_tells_who_would_start_sooner(ark, folder):
    code, out, _ = ark("observe", "slurm", "whatif", "wide", "--nodes", "1", "--from", folder)
    assert code == 0
    assert "sooner" in out
    code, out, _ = ark(
        "observe", "slurm", "whatif", "next", "--priority", "4294967295", "--from", folder, "--json"
    )
    assert code == 0
    assert json.loads(out)["moves"]


def test_cost_is_a_receipt_or_what_accounts_used(ark, folder):
    code, out, _ = ark("observe", "slurm", "cost", "6", "--country", "NO", "--from", folder)
    assert code == 0
    assert "an estimate" in out
    assert "Carbon" in out
    code, out, _ = ark("observe", "slurm", "cost", "--from", folder)
    assert "KWH (ESTIMATE)" in out


def test_compare_prints_both_and_writes_a_page(ark, folder, tmp_path):
    out_dir = tmp_path / "compared"
    words = ["observe", "slurm", "compare", "--from", folder, "-o", str(out_dir)]
    code, out, err = ark(*words)
    assert code == 0, err
    assert "GPU-HOURS IDLE WITH JOBS WAITING" in out
    assert "lower bound" in err
    assert (out_dir / "report.html").read_text().startswith("<!doctype html>")
    code, out, _ = ark("observe", "slurm", "compare", "--from", folder, "--json")
    assert json.loads(out)["jobs"] == 10


EVERY = [
    [], ["why", "wide"], ["when", "wide"], ["whatif", "wide", "--nodes", "1"], ["cost", "6"],
    ["cost"], ["compare"],
]  # fmt: skip


def test_no_verb_ever_runs_a_command_that_could_change_something(ark, replayed, tmp_path):
    """Every command of every verb is one of the table, which `test_description` holds to reading.

    The history's command has its first instant behind it.
    """
    prefix, log = replayed
    for words in EVERY:
        assert ark("observe", "slurm", *words, "--prefix", prefix)[0] == 0, words
    assert ark("import", "slurm", "--prefix", prefix, "-o", str(tmp_path / "made"))[0] == 0
    said = set(asked(log))
    history = {line for line in said if line.startswith("env TZ=UTC0 sacct")}
    (line,) = history
    assert line.rpartition(" ")[0] in READING
    assert said - history <= READING
    assert len(asked(log)) >= len(EVERY) * 8


def test_what_is_saved_is_observed_again_to_the_byte(ark, replayed, tmp_path):
    prefix, _ = replayed
    kept = str(tmp_path / "kept")
    code, live, err = ark("observe", "slurm", "--prefix", prefix, "--save", kept, "--json")
    assert (code, "they name users" in err) == (0, True)
    assert ark("observe", "slurm", "--from", kept, "--json")[1] == live


def test_import_makes_a_factory_of_the_running_cluster(ark, replayed, tmp_path):
    prefix, _ = replayed
    words = ["import", "slurm", "--prefix", prefix, "--site", "lab", "-o", str(tmp_path / "made")]
    code, out, err = ark(*words)
    assert code == 0, err
    assert "wrote 6 servers" in out
    found = factory.load(tmp_path / "made" / "factory.yaml").sites["lab"].inventory
    assert set(found.pools) == {"gpu", "cpu", "all"}
    rows = (tmp_path / "made" / "nodes.csv").read_text().splitlines()
    assert rows[0] == "server,node,partitions,gpus,gpu_type,cpus,memory_mib"
    assert len(rows) == 7
    code, out, _ = ark("check", str(tmp_path / "made" / "factory.yaml"))
    assert (code, "6 nodes and 24 GPUs in inventories" in out) == (0, True)


WRONG = [
    (["why", "nosuch"], 2, "not in the queue"),
    (["whatif", "wide"], 2, "what would be different about wide"),
    (["whatif", "--node", "n9=down"], 2, "the cluster has none of that name"),
    (["cost", "99"], 2, "no such job that ran"),
    (["whatif", "wide", "--time", "soon"], 2, "soon"),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG)
def test_wrong_input_says_what_would_be_right(ark, folder, words, code, said):
    found, _, err = ark("observe", "slurm", *words, "--from", folder)
    assert (found, said in err) == (code, True), err


def test_without_slurm_it_says_how_to_reach_one(ark, monkeypatch):
    code, _, err = ark("observe", "slurm", "--prefix", "/nowhere/ssh")
    assert code == 1
    assert "--prefix 'ssh LOGIN-NODE'" in err


def test_an_empty_folder_says_what_is_missing(ark, tmp_path):
    code, _, err = ark("observe", "slurm", "--from", str(tmp_path))
    assert code == 2
    assert "nodes.txt: scontrol show node -o" in err


def test_without_accounting_there_is_no_history_and_the_rest_works(ark, folder, tmp_path):
    for path in Path(folder).iterdir():
        if path.name not in ("history.txt", "since.txt"):
            (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "history.missing.txt").write_text("Slurm accounting storage is disabled\n")
    assert ark("observe", "slurm", "--from", str(tmp_path))[0] == 0
    code, _, err = ark("observe", "slurm", "compare", "--from", str(tmp_path))
    assert code == 2
    assert "Slurm accounting storage is disabled" in err
