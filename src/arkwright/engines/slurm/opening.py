"""From a site's `engine: {kind: slurm}` section to an engine at work."""

from __future__ import annotations

from pathlib import Path

from arkwright.engines.slurm.both import BothTransports
from arkwright.engines.slurm.cluster import places_by_commands, places_of_nodes
from arkwright.engines.slurm.commands import CommandTransport
from arkwright.engines.slurm.engine import SlurmEngine
from arkwright.engines.slurm.records import Transport
from arkwright.engines.slurm.rest import RestTransport
from arkwright.engines.slurm.settings import Settings, settings_of
from arkwright.engines.slurm.tokens import Tokens
from arkwright.engines.slurm.worker import work_by_itself
from arkwright.errors import EngineError
from arkwright.factory.spec import Engine as EngineSection


def open_slurm(site: str, section: EngineSection, root: Path) -> SlurmEngine:
    """The engine of `site`, its thread begun; `root` is where it may keep files. Raises EngineError
    when the cluster neither answers nor ever did, or the output directory is not there."""
    settings = settings_of(section)
    if not settings.output_dir.is_dir():
        raise EngineError(
            f"site {site}: there is no directory {settings.output_dir} here for the output of"
            " jobs; it lies on the file system that the cluster's nodes share"
        )
    transport, commands = transports(settings)
    places = places_of_nodes if commands is None else places_by_commands(commands)
    engine = SlurmEngine(root, site, settings, transport, commands, places)
    work_by_itself(engine)
    return engine


def transports(settings: Settings) -> tuple[Transport, CommandTransport | None]:
    """The way to Slurm, and its commands where they may be used."""
    commands = (
        CommandTransport(settings.command_prefix, settings.operator)
        if settings.has_commands
        else None
    )
    if settings.url is None and settings.socket is None:
        assert commands is not None
        return commands, commands
    tokens = Tokens(settings.token_file, settings.token_command or None)
    rest = RestTransport(tokens, settings.operator, url=settings.url, socket_path=settings.socket)
    return (rest if commands is None else BothTransports(rest, commands)), commands
