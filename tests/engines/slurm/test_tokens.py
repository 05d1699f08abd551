"""A token per user: from a file, or from a command, made anew in time."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest

from arkwright.engines.slurm.commands import CommandTransport
from arkwright.engines.slurm.records import NotReached, Refused
from arkwright.engines.slurm.tokens import Tokens, life_s


def jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.sign"


def maker(folder: Path, lasts_s: int) -> list[str]:
    """A command that makes another token each time, as `scontrol token` prints it."""
    count = folder / "count"
    program = (
        "import base64, json, pathlib, sys\n"
        f"count = pathlib.Path({str(count)!r})\n"
        "n = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(n))\n"
        f"claims = {{'iat': 1000, 'exp': {1000 + lasts_s}, 'sun': sys.argv[1], 'n': n}}\n"
        "body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')\n"
        "print('SLURM_JWT=head.' + body + '.sign')\n"
    )
    return [sys.executable, "-I", "-S", "-c", program, "{user}"]


def number(token: str) -> int:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["n"]


def test_a_token_lives_as_long_as_it_says_whatever_the_clocks():
    assert life_s(jwt(iat=5_000_000_000, exp=5_000_000_600)) == 600
    assert life_s(jwt(sun="ada")) is None
    assert life_s("no token at all") is None


def test_a_command_makes_one_per_user_and_another_when_most_of_its_life_is_over(tmp_path):
    now = [0.0]
    tokens = Tokens(command=maker(tmp_path, 100), clock=lambda: now[0])
    first = tokens.token("ada")
    assert tokens.token("ada") == first
    assert number(tokens.token("bob")) == 2
    now[0] = 79.0
    assert tokens.token("ada") == first
    now[0] = 80.0  # four fifths of 100 s
    assert number(tokens.token("ada")) == 3


def test_one_that_slurm_refused_is_not_used_again(tmp_path):
    tokens = Tokens(command=maker(tmp_path, 100))
    token = tokens.token("ada")
    tokens.refused("ada", token)
    assert tokens.token("ada") != token


def test_an_error_without_a_reason_puts_a_token_in_doubt_unless_it_is_new(tmp_path):
    now = [0.0]
    tokens = Tokens(command=maker(tmp_path, 1000), clock=lambda: now[0])
    token = tokens.token("ada")
    tokens.doubted("ada", token)
    assert tokens.token("ada") == token
    now[0] = 31.0
    tokens.doubted("ada", token)
    assert number(tokens.token("ada")) == 2


def test_a_file_per_user_is_read_whenever_it_is_needed(tmp_path):
    path = tmp_path / "ada.jwt"
    path.write_text("SLURM_JWT=abc\n")
    tokens = Tokens(file=f"{tmp_path}/{{user}}.jwt")
    assert tokens.token("ada") == "abc"
    path.write_text("def\n")
    assert tokens.token("ada") == "def"
    with pytest.raises(Refused, match=r"no Slurm token of bob: .*bob\.jwt"):
        tokens.token("bob")


def test_a_command_that_fails_is_told_and_asked_again_later():
    tokens = Tokens(command=["sh", "-c", "echo no key >&2; exit 1"])
    with pytest.raises(NotReached, match="cannot make a Slurm token of ada with sh: no key"):
        tokens.token("ada")


def test_commands_run_as_the_tenant_or_not_at_all():
    prefix = ("sudo", "-n", "-u", "{user}")
    words = CommandTransport(prefix, "slurm").argv("ada", "squeue")
    assert words == ["sudo", "-n", "-u", "ada", "squeue"]
    with pytest.raises(Refused, match="not as ada; say in command_prefix"):
        CommandTransport((), "slurm").argv("ada", "sbatch")
