"""A command line to call, a scripted server, and (slow) a real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from arkwright.cli import main
from cli.fake_api import fake_api

ROOT = Path(__file__).parents[2]


@pytest.fixture
def api():
    with fake_api() as fake:
        yield fake


@pytest.fixture
def ark(capsys, monkeypatch, tmp_path):
    """Call the command line in this process: `ark("ps")` gives exit code, stdout, stderr."""
    for name in tuple(os.environ):
        if name.startswith("ARKWRIGHT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ARKWRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = main(list(words))
        return (code, *capsys.readouterr())

    return call


@pytest.fixture
def ask(ark, api, monkeypatch):
    """The same, with the scripted server as the one that is asked."""
    monkeypatch.setenv("ARKWRIGHT_URL", api.url)
    monkeypatch.setenv("ARKWRIGHT_TOKEN", "ark_x")
    return ark


class Shell:
    """A user's shell: `shell("ps")` runs the command in a process of its own."""

    def __init__(self, environ, directory):
        self.environ, self.directory = environ, directory

    def run(self, *words, stdin=None):
        return subprocess.run(
            [sys.executable, "-m", "arkwright.cli", *words],
            env=self.environ,
            cwd=self.directory,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @contextmanager
    def start(self, *words):
        """The command, going on; ended with the block if it has not ended by itself."""
        process = subprocess.Popen(
            [sys.executable, "-m", "arkwright.cli", *words],
            env=self.environ,
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # A run in the background of a script has Ctrl-C ignored, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def __call__(self, *words, code=0, stdin=None):
        done = self.run(*words, stdin=stdin)
        assert done.returncode == code, f"arkwright {words}: {done.stdout}{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr


@pytest.fixture(scope="session")
def shell(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shell")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("ARKWRIGHT_")}
    environ |= {"ARKWRIGHT_HOME": str(directory / "home"), "ARKWRIGHT_PROJECT": "lab"}
    return Shell(environ, directory)


@pytest.fixture(scope="session")
def factory(shell):
    """The example of a workstation, running; stopped with its jobs at the end."""
    shell("up", str(ROOT / "examples" / "workstation.yaml"), "--port", "0")
    yield shell
    shell("down", "--stop-jobs")
