"""`up`: a server that runs keeps its file; one that does not start says why."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from arkwright import factory
from arkwright.cli import server_process
from arkwright.cli.up import _refuse_another
from arkwright.errors import InputError, ServerError
from arkwright.home import Paths, ServerRecord

RECORD = ServerRecord(1, "http://127.0.0.1:7460", "small", 0)
TEXT = "factory: small\nsites: {here: {engine: {kind: local, nodes: 1, restart_grace: 90 s}}}\n"


def _keep_copy(paths, running):
    """As the server does once it has accepted the file."""
    paths.factory_yaml.write_text(factory.dump(running))


@pytest.fixture
def paths(tmp_path):
    return Paths(tmp_path / "home", "small").make()


def test_the_same_file_may_be_started_again_also_when_written_differently(paths, tmp_path):
    _keep_copy(paths, factory.loads(TEXT.encode()))
    _refuse_another(paths, RECORD, factory.loads(TEXT.replace("90 s", "1.5 min").encode()))


def test_a_file_in_parts_is_the_same_as_the_whole(paths, tmp_path):
    sites = TEXT.splitlines()[1]
    (tmp_path / "sites.yaml").write_text(sites)
    (tmp_path / "parts.yaml").write_text("factory: small\ninclude: sites.yaml\n")
    parts, whole = factory.load(tmp_path / "parts.yaml"), factory.loads(TEXT.encode())
    for kept, wanted in ((parts, whole), (whole, parts), (parts, parts)):
        _keep_copy(paths, kept)
        _refuse_another(paths, RECORD, wanted)


def test_another_file_needs_a_restart(paths):
    _keep_copy(paths, factory.loads(TEXT.encode()))
    with pytest.raises(InputError, match=r"another file.*arkwright down"):
        _refuse_another(paths, RECORD, factory.loads(TEXT.replace("90 s", "91 s").encode()))


def test_a_server_whose_file_is_unknown_is_not_taken_for_the_same(paths):
    with pytest.raises(InputError, match="another file"):
        _refuse_another(paths, RECORD, factory.loads(TEXT.encode()))


@pytest.mark.parametrize(
    ("program", "error", "said"),
    [
        (
            "import sys; sys.exit('arkwright: the disk is full')",
            ServerError,
            "small: the disk is full$",
        ),
        ("raise SystemExit(2)", InputError, r"it wrote nothing; its log is .*server\.log$"),
        ("print('a'); 1 / 0", ServerError, r"(?s)server\.log ends:\n  a\n.*ZeroDivisionError"),
    ],
)
def test_a_server_that_does_not_start_says_why(paths, program, error, said):
    paths.server_log.write_text("arkwright: something old\n")
    with pytest.raises(error, match=said):
        server_process.start([sys.executable, "-c", program], paths, timeout_s=20)


def test_a_server_that_is_not_ready_in_time_is_ended(paths, monkeypatch):
    started, popen = [], subprocess.Popen

    def remembered(*words, **options):
        started.append(popen(*words, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", remembered)
    program = "import time; time.sleep(60)"
    with pytest.raises(ServerError, match=r"not ready after 0\.2 s"):
        server_process.start([sys.executable, "-c", program], paths, timeout_s=0.2)
    assert [process.returncode for process in started] == [-9]


def test_only_a_process_that_runs_our_server_counts_as_one():
    assert not server_process.is_server(os.getpid())
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not server_process.is_server(ended.pid)
