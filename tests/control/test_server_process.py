"""Starting and stopping the real server: every refusal is one clear sentence and an exit code."""

from __future__ import annotations

import hashlib
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from control.server_process import ServerProcess, until

pytestmark = pytest.mark.slow

STOP_S_MAX = 10.0


def job(**fields: object) -> dict[str, object]:
    return {"name": "job", "project": "lab", "held": True, "command": ["true"]} | fields


def test_a_port_in_use_is_said_in_one_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, words = ServerProcess(tmp_path, port=port).refusal()
    assert code == 2
    assert words == (
        f"arkwright: listening on 127.0.0.1:{port}: another program has it; "
        "choose another with --port, or --port 0 for any\n"
    )
    assert not (tmp_path / "home" / "real" / "store.db").exists()


def test_a_second_server_on_the_same_store_is_refused_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    with closing(ServerProcess(tmp_path).ready()) as first:
        code, words = ServerProcess(tmp_path).refusal()
        assert code == 1
        assert f"a server (pid {first.process.pid}) already runs on this store" in words
        assert "Traceback" not in words
        assert first.ask("POST", "/v1/jobs", job())[0] == 201
        assert (first.root / "server.json").exists()
        assert first.stop()[0] == 0


def _random(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def _foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")


@pytest.mark.parametrize("damage", [_random, _truncated, _newer, _foreign])
def test_a_database_that_cannot_be_used_is_said_and_left_as_it_is(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    with closing(ServerProcess(tmp_path).ready()) as first:
        first.stop()
    path = first.root / "store.db"
    damage(path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    code, words = ServerProcess(tmp_path).refusal()
    assert code == 1
    assert words.startswith(f"arkwright: opening {path}: ")
    assert "Traceback" not in words
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """The tests may run as root, for whom no folder is read-only: a file stands in its place."""
    (tmp_path / "home").touch()
    for home in (tmp_path / "home", Path("/proc/arkwright")):
        code, words = ServerProcess(tmp_path, home).refusal()
        assert code == 1
        assert str(home) in words
        assert words.endswith("choose a folder that can be written with --home\n")
        assert "Traceback" not in words


def test_sigterm_ends_the_server_and_its_open_streams_in_time(tmp_path: Path) -> None:
    with closing(ServerProcess(tmp_path).ready()) as server:
        streams = [server.stream() for _ in range(5)]
        code, seconds, words = server.stop()
        assert (code, seconds < STOP_S_MAX) == (0, True), (seconds, words)
        assert "Traceback" not in words
        for stream in streams:
            assert stream.answer.read().endswith(b"\n\n")  # type: ignore[attr-defined]
            stream.close()
        assert not (server.root / "server.json").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB, where this machine lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no mount here: {error}")
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


def test_a_full_disk_is_answered_with_507_and_nothing_acknowledged_is_lost(
    tmp_path: Path, small_disk: Path
) -> None:
    with closing(ServerProcess(tmp_path, small_disk).ready()) as server:
        accepted = [server.ask("POST", "/v1/jobs", job())[1]["id"]]
        filler = _fill(small_disk)
        refused = []
        for _ in range(50):
            status, body = server.ask("POST", "/v1/jobs", job(env={"A": "x" * 20_000}))
            if status == 201:
                accepted.append(body["id"])
            else:
                refused.append((status, body["detail"]))
        assert {status for status, _ in refused} == {507}
        assert len(refused) >= 40
        assert "nothing was recorded: free some space" in refused[-1][1]
        until(lambda: server.ask("GET", "/healthz")[0] == 503)
        known = [item["id"] for item in server.ask("GET", "/v1/jobs?limit=1000")[1]["items"]]
        assert known == accepted  # reading goes on
        filler.unlink()
        until(lambda: server.ask("GET", "/healthz")[0] == 200)
        accepted.append(server.ask("POST", "/v1/jobs", job())[1]["id"])
        assert server.stop()[0] == 0
    with closing(ServerProcess(tmp_path, small_disk).ready()) as again:
        known = [item["id"] for item in again.ask("GET", "/v1/jobs?limit=1000")[1]["items"]]
        assert known == accepted
        again.stop()
