"""A thin client of the API: one method per route, plain dicts in and out.

    with Client.discover() as client:
        job = client.submit({"name": "hello", "command": ["hostname"]})
        print(client.wait(job["id"])["state"])

Standard library and msgspec only, because every verb of the command line imports it. A client
keeps one connection open and belongs to one thread.
"""

from arkwright.client.answers import JsonObject, Refused, Unreachable
from arkwright.client.discovery import Server, discover, locate
from arkwright.client.session import FINAL_STATES, Client

__all__ = [
    "FINAL_STATES",
    "Client",
    "JsonObject",
    "Refused",
    "Server",
    "Unreachable",
    "discover",
    "locate",
]
