"""Writing a file that a verb was asked for, with the folders above it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from arkwright.errors import InputError


def save(path: Path, pieces: Iterable[str]) -> None:
    """Write `pieces` to `path`; InputError where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
