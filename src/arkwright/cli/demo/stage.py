"""The stage of the demo: it runs the very commands a user would type, and shows them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from arkwright.client import Client
from arkwright.errors import InternalError

POLL_S = 0.05
PATIENCE_S = 90.0
"""Longer than anything the demo waits for takes, even on a slow machine."""


class Background(NamedTuple):
    """A command that runs beside the others."""

    process: subprocess.Popen[bytes]
    words: tuple[str, ...]
    output: Path


class Stage:
    """A folder, a home for the factory in it, and a terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._environment = {**os.environ, "ARKWRIGHT_HOME": str(self.home)}
        for name in ("ARKWRIGHT_URL", "ARKWRIGHT_TOKEN", "ARKWRIGHT_FACTORY"):
            self._environment.pop(name, None)

    def title(self, letter: str, text: str) -> None:
        """Open an act."""
        click.echo(f"\n{click.style(f'── ({letter}) {text} ', bold=True)}{'─' * 8}")

    def say(self, text: str) -> None:
        """A remark between two commands."""
        click.echo(f"\n{text}")

    def run(self, *words: str, expect: int = 0, show: str | None = None) -> str:
        """Show and run `arkwright <words>`; returns what it printed.

        Raises InternalError when it ends otherwise than expected: then the demo has failed.
        """
        click.secho(f"\n$ arkwright {show or ' '.join(words)}", fg="cyan")
        done = subprocess.run(
            [sys.executable, "-m", "arkwright.cli", *words],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        click.echo(done.stdout.rstrip())
        if done.returncode != expect:
            message = f"demo: `arkwright {' '.join(words)}` ended with {done.returncode}"
            raise InternalError(f"{message}, expected {expect}")
        return done.stdout

    def begin(self, *words: str) -> Background:
        """Start `arkwright <words>` beside what follows, in the user's home; `ended` shows it."""
        output = self.folder / "background.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "arkwright.cli", *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        return Background(process, words, output)

    def ended(self, begun: Background) -> str:
        """Wait for what `begin` started, show it, and return what it printed."""
        command = quoted(begun.words)
        click.secho(f"\n$ arkwright {command}", fg="cyan")
        code = begun.process.wait()
        shown = begun.output.read_text()
        click.echo(shown.rstrip())
        if code != 0:
            raise InternalError(f"demo: `arkwright {command}` ended with {code}, expected 0")
        return shown

    def client(self) -> Client:
        """A client of the demo's factory."""
        return Client.discover(home=self.home, environ=self._environment)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for `condition`; a demo in which it never comes true has failed."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise InternalError(f"demo: {what} did not happen within {PATIENCE_S:g} s")
            time.sleep(POLL_S)

    def write(self, files: Mapping[str, str]) -> None:
        """Put files on the stage."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (self.folder / name).write_text(text)


def quoted(words: Sequence[str]) -> str:
    """Words as one would type them."""
    return " ".join(f"'{word}'" if " " in word else word for word in words)
