"""Scenario files: prose, files, commands and what they print. `pytest tests/scenarios --rewrite`.

A scenario is a text file beside this one:

    # Prose that says what the scenario shows.

    file bad.yaml
    | factory: fjord

    $ arkwright check bad.yaml

    what it prints to stdout, then what it prints to stderr
    exit 2

`exit 0` is left out. `< FILE` after a command gives its standard input. Examples of the repository
are there as `examples/`; the directory a scenario runs in shows as `DIR`.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
from pathlib import Path

import pytest

from arkwright.cli import main

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
SCENARIOS = sorted(HERE.glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_command_line_prints_what_the_scenario_says(
    path, request, tmp_path, monkeypatch, capsys
):
    for name in tuple(os.environ):
        if name.startswith("ARKWRIGHT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ARKWRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(EXAMPLES)

    def run(command):
        said = call(command, monkeypatch, capsys)
        return said.replace(str(tmp_path), "DIR")

    expected = path.read_text(encoding="utf-8")
    found = replay(expected, run)
    if request.config.getoption("--rewrite", default=False):
        path.write_text(found, encoding="utf-8")
    else:
        assert found == expected


def test_there_are_scenarios():
    assert len(SCENARIOS) >= 5


def replay(text, run):
    """`text` with every output replaced by what its command prints now."""
    kept, file, is_output = [], None, False
    for line in text.splitlines():
        starts_something = line.startswith(("# ", "$ ", "file "))
        if is_output and not starts_something:
            continue
        if is_output:
            kept.append("")
        is_output = False
        kept.append(line)
        if line.startswith("file "):
            file = Path(line.removeprefix("file "))
            file.write_text("")
        elif line.startswith("|") and file is not None:
            with file.open("a") as out:
                out.write(line[2:] + "\n")
        elif line.startswith("$ "):
            kept += ["", *run(line.removeprefix("$ ")).splitlines()]
            is_output = True
    return "\n".join(kept) + "\n"


def call(command, monkeypatch, capsys):
    program, *words = shlex.split(command)
    assert program == "arkwright"
    if "<" in words:
        given = Path(words.pop()).read_bytes()
        words.remove("<")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    code = main(words)
    out, err = capsys.readouterr()
    lines = [line.rstrip() for line in (out + err).splitlines()]
    return "\n".join([*lines, *([f"exit {code}"] if code else [])])
