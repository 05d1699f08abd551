"""Rules of a site's `engine` section: which keys belong to which kind."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from arkwright.factory.spec import Engine, EngineKind

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""
_LOCAL_KEYS = ("nodes", "gpus_per_node", "cpus_per_node", "memory_per_node")
_SLURM_KEYS = (
    "url",
    "socket",
    "token_file",
    "token_command",
    "cli",
    "command_prefix",
    "operator",
    "partition",
    "reservation",
    "account",
    "users",
    "output_dir",
    "poll",
)
_USER = "{user}"


def engine_rules(path: str, engine: Engine | None) -> Found:
    """What is wrong with the section at `path`."""
    if engine is None:
        return
    if engine.kind is not EngineKind.LOCAL:
        for key in _LOCAL_KEYS:
            if getattr(engine, key) is not None:
                found = f"a {engine.kind.value} engine finds its nodes itself"
                yield f"{path}.{key}", found, "leave it out"
    if engine.kind is EngineKind.SLURM:
        yield from _slurm(path, engine)
        return
    for key in _SLURM_KEYS:
        if getattr(engine, key) not in (None, {}):
            found = f"a {engine.kind.value} engine has no such thing"
            yield f"{path}.{key}", found, "leave it out, or give kind: slurm"


def _slurm(path: str, engine: Engine) -> Found:
    yield from _way(path, engine)
    yield from _tokens(path, engine)
    if engine.output_dir is None:
        right = "give a directory that all nodes and this server share, for example /home/arkwright"
        yield f"{path}.output_dir", "nobody knows where output of jobs goes", right
    for key in ("output_dir", "socket", "token_file"):
        given = getattr(engine, key)
        if given is not None and not PurePosixPath(given).is_absolute():
            yield f"{path}.{key}", f"{given} is not absolute", "begin it with /"
    for key in ("token_command", "command_prefix"):
        yield from _words(f"{path}.{key}", getattr(engine, key))
    for user, unix_user in engine.users.items():
        if unix_user == "root":
            yield f"{path}.users.{user}", "jobs would run as root", "give a Unix user of their own"


def _way(path: str, engine: Engine) -> Found:
    has_rest = engine.url is not None or engine.socket is not None
    if engine.url is not None and engine.socket is not None:
        yield f"{path}.socket", "slurmrestd is given twice", "give url or socket, one of the two"
    if engine.url is not None and not _is_url(engine.url):
        right = "for example http://slurm.example:6820"
        yield f"{path}.url", f"{engine.url!r} is no http address", right
    if not has_rest and engine.cli is False:
        right = "give url or socket of slurmrestd, or leave cli: false out"
        yield f"{path}.cli", "there is no way to Slurm", right


def _tokens(path: str, engine: Engine) -> Found:
    has_rest = engine.url is not None or engine.socket is not None
    if has_rest and engine.token_file is None and engine.token_command is None:
        right = "give token_command: scontrol token username={user} lifespan=3600, or token_file"
        yield path, "slurmrestd asks for a token, and none is given", right
    if engine.token_file is not None and engine.token_command is not None:
        found = "tokens come from a file as well"
        yield f"{path}.token_command", found, "give token_file or token_command, one of the two"
    for key in ("token_file", "token_command"):
        if not has_rest and getattr(engine, key) is not None:
            yield f"{path}.{key}", "only slurmrestd asks for a token", "give url or socket too"
    if engine.token_command is not None and _USER not in _text(engine.token_command):
        right = f"say where the user stands: {_USER}"
        yield f"{path}.token_command", "every user would get the same token", right


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _text(given: tuple[str, ...] | str) -> str:
    return given if isinstance(given, str) else " ".join(given)


def _words(path: str, given: tuple[str, ...] | str | None) -> Found:
    try:
        if isinstance(given, str):
            shlex.split(given)
    except ValueError as error:
        yield path, f"it cannot be split into words: {error}", "close the quotation marks"
