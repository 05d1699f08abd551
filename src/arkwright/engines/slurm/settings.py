"""What the factory file says of a Slurm engine, in the engine's own words."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NamedTuple

from arkwright.errors import EngineError
from arkwright.factory.spec import Engine as EngineSection

POLL_S = 2.0
OPERATOR = "slurm"
OUTPUT_DIR = "/home/arkwright"


class Settings(NamedTuple):
    """One cluster, as the factory file has it."""

    output_dir: Path
    url: str | None = None
    socket: str | None = None
    token_file: str | None = None
    token_command: tuple[str, ...] = ()
    has_commands: bool = True
    command_prefix: tuple[str, ...] = ()
    operator: str = OPERATOR
    partition: str | None = None
    reservation: str | None = None
    account: str | None = None
    users: dict[str, str] | None = None
    poll_s: float = POLL_S

    def unix_user(self, user: str) -> str:
        """The account the user's jobs run under. Raises EngineError where there is none."""
        users = self.users or {}
        found = users.get(user, "" if users else user)
        if not found:
            raise EngineError(
                f"{user} has no Unix user on this cluster; add it to the site's engine.users"
            )
        if found == "root":
            raise EngineError(f"jobs of {user} would run as root; give a Unix user of their own")
        return found


def settings_of(section: EngineSection) -> Settings:
    """From the file's section."""
    has_rest = section.url is not None or section.socket is not None
    return Settings(
        output_dir=Path(section.output_dir or OUTPUT_DIR),
        url=section.url,
        socket=section.socket,
        token_file=section.token_file,
        token_command=_words(section.token_command),
        has_commands=not has_rest if section.cli is None else section.cli,
        command_prefix=_words(section.command_prefix),
        operator=section.operator or OPERATOR,
        partition=section.partition,
        reservation=section.reservation,
        account=section.account,
        users=dict(section.users),
        poll_s=POLL_S if section.poll is None else section.poll,
    )


def _words(given: tuple[str, ...] | str | None) -> tuple[str, ...]:
    return tuple(shlex.split(given)) if isinstance(given, str) else tuple(given or ())
