"""The option lines of a batch script: which lines count, and how each is cut into words.

As sbatch reads them (its manual, and what it does where the manual is silent): `#SBATCH` at the
very start of a line, only before the first line that is neither empty nor a comment; words are
separated by blanks, quotes and backslashes keep blanks, and a bare `#` ends the line.
"""

from __future__ import annotations

from typing import NamedTuple

MARK = "#SBATCH"
HETEROGENEOUS = ("hetjob", "packjob")
"""A line with this word begins another job of a heterogeneous one."""


class Directive(NamedTuple):
    """One option line: its number in the script, counted from 1, and its words."""

    line: int
    words: tuple[str, ...]


def directives(script: str) -> list[Directive]:
    """The option lines that sbatch would heed, in order. Raises ValueError for an open quote, with
    the line's number."""
    found = []
    for number, line in enumerate(script.splitlines(), start=1):
        if line.startswith(MARK) and line[len(MARK) : len(MARK) + 1] in ("", " ", "\t"):
            try:
                found.append(Directive(number, words_of(line[len(MARK) :])))
            except ValueError as error:
                raise ValueError(f"{number}: {error}") from None
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return found


def late_directives(script: str) -> list[int]:
    """Numbers of the option lines that come after the first command: sbatch ignores those."""
    lines = script.splitlines()
    first = next(
        (n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")),
        len(lines),
    )
    return [n + 1 for n, line in enumerate(lines) if n > first and line.startswith(f"{MARK} -")]


def has_directives(script: str) -> bool:
    """Whether the script is one for sbatch: it has an option line before its first command."""
    try:
        return bool(directives(script))
    except ValueError:
        return True


def words_of(text: str) -> tuple[str, ...]:
    """The words of an option line. Raises ValueError for a quote that is not closed.

    >>> words_of(' --comment="two words" -N 2 # nodes')
    ('--comment=two words', '-N', '2')
    """
    words: list[str] = []
    word: str | None = None
    quote = ""
    characters = iter(text)
    for character in characters:
        if quote and character == quote:
            quote = ""
        elif character == "\\" and quote != "'":
            word = (word or "") + next(characters, "")
        elif quote:
            word = (word or "") + character
        elif character in "'\"":
            quote, word = character, word or ""
        elif character == "#":
            break
        elif character.isspace():
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + character
    if quote:
        raise ValueError(f"a quote {quote} is opened and not closed")
    return (*words, word) if word is not None else tuple(words)
