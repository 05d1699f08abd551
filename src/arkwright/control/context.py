"""What every handler works with: the running factory, and how to ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from arkwright.control.factory_server import FactoryServer
from arkwright.control.naming import named_job
from arkwright.control.users import Identity

Answer = TypeVar("Answer")


class Context:
    """Reads go to the store on a worker thread; live questions and writes go through the loop."""

    def __init__(self, server: FactoryServer) -> None:
        self.server = server

    async def ask(self, answer: Future[Answer]) -> Answer:
        """Wait for the loop. A client that goes away does not take the answer with it."""
        return await asyncio.shield(asyncio.wrap_future(answer))

    async def read(self, query: Callable[..., Answer], *args: Any, **kwargs: Any) -> Answer:
        """Run a query on a worker thread."""
        return await run_in_threadpool(query, self.server.reader, *args, **kwargs)

    async def job_id(self, request: Request, identity: Identity) -> str:
        """The id of the job the path refers to."""
        row = await self.read(named_job, identity, request.path_params["job"])
        return str(row.id)
