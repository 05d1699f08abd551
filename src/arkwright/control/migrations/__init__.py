"""Migrations of the store, run by Alembic. `HEAD` is the version this code reads and writes.

A new version: change `tables.py`, add `versions/NNNN_what.py` with `upgrade`, set `HEAD`.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from arkwright.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Engine

HEAD = "0002"


def upgrade(engine: Engine, where: str) -> None:
    """Bring the database behind `engine` to `HEAD`, in one transaction.

    Raises StoreError when it was written by a newer Arkwright than this one.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(files(__package__)))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, HEAD)
        except CommandError as error:
            raise StoreError(
                f"opening {where}: written by another version of Arkwright ({error}); "
                "use that version or a newer one"
            ) from error
