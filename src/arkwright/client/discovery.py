"""Which server this user means, and with which token."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from arkwright.errors import InputError, ServerError
from arkwright.home import Paths, current, home_dir, read_server


class Server(NamedTuple):
    """Where to ask, and as whom."""

    url: str
    token: str


def discover(
    home: Path | None = None,
    factory: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Server:
    """The server of `factory`, else $ARKWRIGHT_URL, else of $ARKWRIGHT_FACTORY or the last `up`.

    The token is $ARKWRIGHT_TOKEN, the content of $ARKWRIGHT_TOKEN_FILE, or the local owner's.
    Raises ServerError where there is no server, InputError where there is no token.
    """
    if factory is None and (url := environ.get("ARKWRIGHT_URL")):
        return Server(url, _token(environ, None))
    paths = locate(home, factory, environ)
    record = read_server(paths)
    if record is None:
        raise ServerError(
            f"factory {paths.factory}: no server is running; start it with `arkwright up FILE`"
        )
    return Server(record.url, _token(environ, paths))


def locate(
    home: Path | None = None,
    factory: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Paths:
    """The files of the factory this user means on this machine; raises ServerError for none."""
    root = home or home_dir(environ)
    name = factory or environ.get("ARKWRIGHT_FACTORY") or current(root)
    if name is None:
        raise ServerError(
            f"no factory was started from {root} yet; start one with `arkwright up FILE`, "
            "or set ARKWRIGHT_URL and ARKWRIGHT_TOKEN for a server elsewhere"
        )
    return Paths(root, name)


def _token(environ: Mapping[str, str], paths: Paths | None) -> str:
    if token := environ.get("ARKWRIGHT_TOKEN"):
        return token.strip()
    file = environ.get("ARKWRIGHT_TOKEN_FILE") or (paths and paths.owner_token)
    if not file:
        # Never this machine's own: a token is for the server that gave it, not for any URL.
        raise InputError(
            "ARKWRIGHT_URL is set and no token: set ARKWRIGHT_TOKEN or ARKWRIGHT_TOKEN_FILE too"
        )
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(
            f"reading the token from {file}: {said}; "
            "set ARKWRIGHT_TOKEN to a token of your own (`arkwright admin user add` makes one)"
        ) from error
