"""The README's tour, typed line by line as written; what it prints must be what the README shows.

In the expected text `…` stands for anything, and a line of only `…` for any lines; runs of spaces
are one space, because tables are as wide as what is in them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from live.command_line import CommandLine

ROOT = Path(__file__).parents[2]


def steps() -> list[tuple[str, str]]:
    """Every command of the README's console blocks with the text expected after it."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            else:
                found[-1][1].append(line)
    return [(command, "\n".join(lines)) for command, lines in found]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[CommandLine]:
    shutil.copytree(
        ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("checkpoints")
    )
    terminal = CommandLine(tmp_path)
    yield terminal
    subprocess.run(["arkwright", "down", "--stop-jobs"], env=terminal.environment, check=False)


@pytest.mark.slow
def test_the_tour_of_the_readme_works_as_written(terminal: CommandLine) -> None:
    for command, expected in steps():
        if "activate" in command:
            continue  # the terminal of this test is in the environment already
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=terminal.folder,
            env=terminal.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        assert matches(expected, done.stdout), (
            f"{command}\nexpected:\n{expected}\ngot:\n{done.stdout}"
        )


def matches(expected: str, found: str) -> bool:
    """Whether `found` is what `expected` describes."""
    lines = []
    for line in expected.strip().splitlines():
        words = re.sub(r" +", " ", line.strip())
        pattern = re.escape(words).replace(re.escape("…"), ".*")
        # Every line ends in \n, so that a text that does not match is refused at once.
        lines.append(r"(?:[^\n]*\n)*" if words == "…" else pattern + r"\n")
    text = "\n".join(re.sub(r" +", " ", line.strip()) for line in found.strip().splitlines())
    return re.fullmatch("".join(lines), text + "\n") is not None


def test_an_expected_text_matches_only_what_it_describes() -> None:
    assert matches("a …\nb", "a  1 2\nb")
    assert matches("a\n…", "a\nb\nc")
    assert not matches("a\nb", "a\nc")
    assert not matches("a", "a\nb")
