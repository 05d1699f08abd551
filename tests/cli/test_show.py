"""Tables, colours and times."""

from __future__ import annotations

import sys

import pytest

from arkwright.cli.show import age, count, duration, gpus, paint, table
from arkwright.cli.up import nodes_of


@pytest.mark.parametrize(
    ("ms", "short", "long"),
    [
        (-5, "0 s", "0.0 s"),
        (400, "0 s", "0.4 s"),
        (42_000, "42 s", "42 s"),
        (192_000, "3 min", "3 min 12 s"),
        (180_000, "3 min", "3 min"),
        (18_240_000, "5 h", "5 h 4 min"),
        (1_058_400_000, "12 d", "12 d 6 h"),
    ],
)
def test_durations_are_in_units_a_person_reads(ms, short, long):
    assert (age(ms), duration(ms)) == (short, long)


def test_one_is_not_several():
    assert (count(1, "rack"), count(5184, "GPU"), count(0, "job")) == (
        "1 rack",
        "5,184 GPUs",
        "0 jobs",
    )


def test_virtual_gpus_say_so_and_none_are_none():
    assert gpus(8, is_virtual=True) == "8 virtual"
    assert (gpus(0, is_virtual=True), gpus(0.5, is_virtual=False)) == ("0", "0.5")


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ((4, 8, True), "4 virtual nodes × 2 virtual GPUs (CPU slots)"),
        ((1, 8, False), "1 node × 8 GPUs"),
        ((2, 2, True), "2 virtual nodes × 1 virtual GPU (CPU slots)"),
        ((2, 9, False), "2 nodes with 9 GPUs"),
    ],
)
def test_a_site_says_what_its_nodes_are(site, said):
    assert nodes_of(dict(zip(("nodes", "gpus", "is_virtual"), site, strict=True))) == said


def test_a_table_never_lets_a_text_steer_the_terminal():
    assert "\x1b" not in table(("A",), [("\x1b[2Jgone\nnext",)])


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    assert paint("running", "running") == "running"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert paint("running", "running") == "\x1b[32mrunning\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("running", "running") == "running"


def test_on_a_terminal_the_last_column_ends_at_its_edge(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "30")
    rows = table(("NAME", "REASON"), [("train", "a very long reason that goes on and on")])
    assert max(len(line) for line in rows.splitlines()) == 30
