"""`arkwright simulate`: the quick form against schedules worked out by hand and by another program,
and what the command line answers to what it cannot run."""

from __future__ import annotations

import json

import pytest

from naive.golden import GOLDEN

HAND_A = ((0, 100, 4), (1, 10, 8), (2, 1000, 4), (3, 50, 4))
"""On 8 GPUs: the second waits for the first, the fourth runs beside it, the third after both."""
HAND_B = ((0, 1000, 80), (900, 200, 80), (950, 100, 160), (951, 120, 96))
"""On 32 nodes of 8."""


def trace(path, jobs):
    rows = [f"{number},{','.join(map(str, job))}" for number, job in enumerate(jobs, 1)]
    path.write_text("\n".join(["job_id,submit_s,duration_s,gpus", *rows]) + "\n")
    return str(path)


def starts(path):
    lines = path.read_text().splitlines()
    assert lines[0] == "job_id,start_s"
    return [int(line.partition(",")[2]) for line in lines[1:]]


def test_hand_case_a_on_a_flat_pool(ark, tmp_path):
    jobs = trace(tmp_path / "a.csv", HAND_A)
    code, out, err = ark(
        *("simulate", "--trace", jobs, "--gpus", "8", "--gpus-per-node", "1"),
        *("--order", "fifo", "--backfill", "easy", "--starts", "out.csv"),
    )
    assert (code, err) == (0, "")
    assert starts(tmp_path / "out.csv") == [0, 100, 110, 3]
    assert "wait, mean" in out


def test_hand_case_b_on_whole_nodes(ark, tmp_path):
    jobs = trace(tmp_path / "b.csv", HAND_B)
    code, _, _ = ark("simulate", "--trace", jobs, "--gpus", "256", "--starts", "out.csv")
    assert code == 0
    assert starts(tmp_path / "out.csv") == [0, 900, 1000, 1100]


@pytest.mark.parametrize(
    ("order", "backfill", "expected"),
    [
        # The first job has 4 of 8 GPUs until 100. Strict: nobody passes the second.
        ("fifo", "none", [0, 100, 110, 110]),
        # Greedy: the third runs beside the first, the fourth after that; the second waits for all.
        ("fifo", "greedy", [0, 1002, 2, 100]),
        # Shortest first, nobody passes: the 10 s wait for 8 GPUs, then 50 s and 1,000 s together.
        ("sjf", "none", [0, 100, 110, 110]),
    ],
)
def test_other_policies_on_hand_case_a(ark, tmp_path, order, backfill, expected):
    jobs = trace(tmp_path / "a.csv", HAND_A)
    words = ("simulate", "--trace", jobs, "--gpus", "8", "--gpus-per-node", "1")
    code, _, _ = ark(*words, "--order", order, "--backfill", backfill, "--starts", "out.csv")
    assert code == 0
    assert starts(tmp_path / "out.csv") == expected


def test_two_ends_of_one_instant_are_seen_one_by_one_or_together(ark, tmp_path):
    # 8 GPUs, two jobs of 4 end at 10; one of 6, one of 8 and a long one of 2 wait. After the first
    # end alone the 6 are the head, and the 2 may pass the 8.
    jobs = trace(tmp_path / "t.csv", ((0, 10, 4), (0, 10, 4), (1, 5, 6), (2, 5, 8), (3, 20, 2)))
    words = ("simulate", "--trace", jobs, "--gpus", "8", "--gpus-per-node", "1")
    assert ark(*words, "--starts", "each.csv")[0] == 0
    assert ark(*words, "--starts", "both.csv", "--together")[0] == 0
    assert starts(tmp_path / "each.csv") == [0, 0, 10, 30, 10]
    assert starts(tmp_path / "both.csv") == [0, 0, 10, 15, 20]


def test_the_table_says_what_a_person_can_work_out(ark, tmp_path):
    # Case A waits 0, 99, 108, 0 s: mean 51.75; half of the jobs did not wait at all. 400 + 80 +
    # 4,000 + 200 GPU-seconds are held of 8 x 1,110.
    jobs = trace(tmp_path / "a.csv", HAND_A)
    words = ("simulate", "--trace", jobs, "--gpus", "8", "--gpus-per-node", "1", "--json")
    code, out, _ = ark(*words)
    found = json.loads(out)["runs"][0]["headline"]
    assert code == 0
    assert found["wait_s_mean"] == pytest.approx(51.75)
    assert (found["wait_s_median"], found["wait_s_p90"]) == (0.0, 108.0)
    assert found["utilisation"] == pytest.approx(4680 / (8 * 1110))
    assert found["makespan_s"] == 1110
    # (0+100)/100, (99+10)/10, (108+1000)/1000, 50/50
    assert found["slowdown_mean"] == pytest.approx((1 + 10.9 + 1.108 + 1) / 4)


def test_a_job_that_can_never_fit_is_left_out_and_said(ark, tmp_path):
    jobs = trace(tmp_path / "c.csv", [*HAND_A, (4, 5, 9)])
    words = ("simulate", "--trace", jobs, "--gpus", "8", "--gpus-per-node", "1")
    code, out, _ = ark(*words, "--starts", "out.csv")
    assert code == 0
    assert "1 of 5 jobs can never fit and are left out (job 5; the largest asks for 9 GPUs)" in out
    assert starts(tmp_path / "out.csv") == [0, 100, 110, 3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give one of: a SCENARIO, the quick form"),
        (("--trace", "no.csv", "--gpus", "8"), "no.csv"),
        (("--trace", "a.csv"), "missing --gpus"),
        (("--trace", "a.csv", "--gpus", "9"), "no whole number of nodes"),
        (("--trace", "a.csv", "--gpus", "8", "--policy", "x"), "--policy says nothing"),
        (("--trace", "a.csv", "--gpus", "8", "--order", "best"), "'best' is not one of"),
        (("--trace", "a.csv", "--gpus", "8", "--starts", "no/x.csv"), "there is no folder no"),
        (("--trace", "bad.csv", "--gpus", "8"), "is not a table of jobs"),
        (("--trace", "a.csv", "--gpus", "8", "-o", "kept"), "holds files of something else"),
        (("x.yaml", "--gpus", "8"), "--gpus says nothing to a scenario"),
        (("x.yaml", "-j", "2"), "--jobs is of a sweep"),
        (("x.yaml",), "x.yaml"),
    ],
)
def test_bad_input_exits_2_and_leaves_nothing(ark, tmp_path, words, said):
    trace(tmp_path / "a.csv", HAND_A)
    (tmp_path / "bad.csv").write_text("who,what\n1,2\n")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine.txt").write_text("mine")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    code, _, err = ark("simulate", *words)
    assert code == 2
    assert said in err
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.skipif(not GOLDEN.exists(), reason="the golden traces are not beside the checkout")
@pytest.mark.parametrize("load", [95])  # the one in which the order of ends matters
def test_the_golden_schedules_come_out_to_the_second(ark, tmp_path, monkeypatch, load):
    # Compiling takes longer than these jobs do interpreted, which decides the same.
    monkeypatch.setattr("arkwright.twin.kernels.COLD_JOBS_MIN", 10**9)
    code, _, _ = ark(
        *("simulate", "--trace", str(GOLDEN / f"trace_10k_1024_load{load}.csv")),
        *("--gpus", "1024", "--gpus-per-node", "1", "--order", "fifo", "--backfill", "easy"),
        *("--starts", "out.csv"),
    )
    assert code == 0
    expected = (GOLDEN / f"starts_10k_1024_load{load}.csv").read_text().split()
    assert sorted((tmp_path / "out.csv").read_text().split()) == sorted(expected)
