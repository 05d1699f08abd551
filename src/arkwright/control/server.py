"""The server process: `python -m arkwright.control.server FACTORY --home DIR`.

It binds the port before anything else, so that a port in use is said at once and nothing is
touched; it says that it is ready by writing `server.json`, after it can answer.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from arkwright.control.api import Api
from arkwright.control.clock import system_clock
from arkwright.control.factory_server import FactoryServer, open_factory
from arkwright.errors import ArkwrightError, FencedError, InputError
from arkwright.factory import load
from arkwright.factory.series import read_weather
from arkwright.home import Paths, ServerRecord, write_server

LOG = logging.getLogger("arkwright.control")
SHUTDOWN_S = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code: 0, 1, or 2 for wrong input."""
    arguments = _arguments(argv)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        factory = load(arguments.factory, runnable=True)
        paths = Paths(arguments.home, factory.factory).make()
        listener = bind(arguments.host, arguments.port)
        weather = read_weather(factory, arguments.factory.parent)
        server = open_factory(factory, paths, weather=weather)
        asyncio.run(_serve(server, listener, paths))
        if server.loop.is_fenced:
            raise FencedError(server.loop.fault or "another server has taken over")
    except ArkwrightError as error:
        sys.stderr.write(f"arkwright: {error}\n")
        return error.exit_code
    except OSError as error:
        advice = "choose a folder that can be written with --home"
        sys.stderr.write(f"arkwright: starting the server: {error}; {advice}\n")
        return 1
    return 0


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises InputError saying who could have the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only where the protocol is named: 40 ms an answer else.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            advice = "another program has it; choose another with --port, or --port 0 for any"
        else:
            advice = f"{error.strerror}; choose another with --host and --port"
        raise InputError(f"listening on {host}:{port}: {advice}") from error
    listener.listen(512)
    return listener


async def _serve(server: FactoryServer, listener: socket.socket, paths: Paths) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    config = uvicorn.Config(
        Api(server).application(),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    web = uvicorn.Server(config)
    _leave_in_order(web)
    server.start()
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    try:
        while not web.started and not serving.done():
            await asyncio.sleep(0.005)
        record = ServerRecord(server.describe().pid, url, server.factory.factory, system_clock())
        write_server(paths, record)
        LOG.info("ready at %s", url)
        await _until_stopped(web, serving, server)
    finally:
        server.stop()
        paths.server_json.unlink(missing_ok=True)


def _leave_in_order(web: uvicorn.Server) -> None:
    """Uvicorn raises a signal again once it has served, which would end us before the store is
    closed: by then this handler is back in force, and asks for no more than what is under way."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        web.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


async def _until_stopped(
    web: uvicorn.Server, serving: asyncio.Task[None], server: FactoryServer
) -> None:
    """Streams end when the server is told to stop, so that it need not wait for their readers."""
    while not serving.done():
        if server.loop.is_fenced:
            web.should_exit = True
        if web.should_exit and not server.is_stopping:
            server.is_stopping = True
            server.changed.set()
        await asyncio.wait([serving], timeout=0.1)
    await serving


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="arkwright-server", description=__doc__)
    parser.add_argument("factory", type=Path, help="the factory file")
    parser.add_argument("--home", type=Path, required=True, help="where factories keep their files")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7460, help="0 takes any free port")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
