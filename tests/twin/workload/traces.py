"""Small traces of our own, written where a test wants them, and what to ask of a table."""

from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).parents[1] / "fixtures"
DATA = Path(__file__).parents[4] / "shared" / "data"


def written(folder, text, name="trace"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def ms(stamp):
    """`2026-01-05T08:00:00` in UTC as milliseconds since 1970."""
    return int(np.datetime64(stamp, "ms").astype(np.int64))


def seconds(column):
    return (column / 1000).tolist()


def gpus(table):
    return (table.gpus_milli / 1000).tolist()


def names(labels):
    return [labels.of(row) for row in range(len(labels.codes))]


def reasons(tallies):
    """Reasons with how often and on which lines."""
    return {reason: (tally.count, tally.lines) for reason, tally in tallies.items()}
