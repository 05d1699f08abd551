"""The patterns in names of output files: `%x-%j.out`, `step_%t.log`.

Meaning: sbatch(1) and srun(1), FILENAME PATTERN. What is not known stays as it is, as Slurm does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_PATTERN = re.compile(r"%(\d*)([a-zA-Z%])")
PADDING_MAX = 10


def filled(name: str, values: Mapping[str, str]) -> str:
    """`name` with its patterns replaced; a number between % and the letter pads it with zeros.

    A backslash at the start keeps every pattern as it is.

    >>> filled("logs/%x-%5j_%t.out", {"x": "train", "j": "42", "t": "0"})
    'logs/train-00042_0.out'
    """
    if "\\" in name:
        return name.replace("\\", "")

    def value(found: re.Match[str]) -> str:
        width, letter = found.groups()
        if letter == "%":
            return "%"
        if letter not in values:
            return found[0]
        text = values[letter]
        return text.zfill(min(int(width), PADDING_MAX)) if width and text.isdecimal() else text

    return _PATTERN.sub(value, name)


def job_values(
    number: str, name: str, user: str, array: tuple[str, str] | None, node: str
) -> dict[str, str]:
    """What the letters mean for a whole job; `array` is the array's number and the task's index."""
    master, index = array or (number, "4294967294")  # as Slurm writes "no index"
    return {
        "A": master,
        "a": index,
        "J": number,
        "j": number,
        "x": name,
        "u": user,
        "N": node,
        "n": "0",
        "t": "0",
        "s": "batch",
        "b": str(int(index) % 10),
    }
