"""The event stream: what happens arrives, nothing twice, and it ends with the server."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from arkwright.control import routes_factory
from control.asgi import scope_of
from control.site import WAIT_S, Site


class Watch:
    """One open stream: `seen` grows while the server sends."""

    def __init__(self, site: Site, resume: str | None = None, **query: object) -> None:
        headers = {"Authorization": f"Bearer {site.tokens['owner']}"}
        if resume is not None:
            headers["Last-Event-ID"] = resume
        self._scope = scope_of("GET", "/v1/events", {"watch": "true"} | query, headers)
        self._application = site.application
        self.text = ""
        self.is_over = False
        self.status = 0

    async def __aenter__(self) -> Watch:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        await self._application(self._scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.text += message["body"].decode()
            self.is_over = not message.get("more_body", False)

    @property
    def seen(self) -> list[dict[str, Any]]:
        blocks = [block.splitlines() for block in self.text.split("\n\n") if "data: " in block]
        return [json.loads(block[2].removeprefix("data: ")) for block in blocks]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                await asyncio.sleep(0.005)


def test_events_arrive_as_they_happen_each_with_its_number_and_kind(site: Site) -> None:
    async def watch() -> None:
        async with Watch(site) as stream:
            await stream.until(lambda: stream.seen)
            await site.asking("POST", "/v1/jobs", {"name": "a", "project": "lab", "script": "x"})
            await stream.until(lambda: "event: job_launched" in stream.text)
        seqs = [event["seq"] for event in stream.seen]
        assert seqs == list(range(1, len(seqs) + 1))
        for event in stream.seen:
            assert f"id: {event['seq']}\nevent: {event['kind']}\ndata: " in stream.text

    site.run(watch())


def test_a_stream_goes_on_after_the_event_the_client_saw_last(site: Site) -> None:
    site.submit(held=True)
    last = site.server.store.last_seq

    async def resumed(resume: str, **query: object) -> list[int]:
        async with Watch(site, resume=resume, **query) as stream:
            await stream.until(lambda: stream.seen)
            return [event["seq"] for event in stream.seen]

    assert site.run(resumed(str(last - 1))) == [last]
    assert site.run(resumed(str(last - 2), after=0)) == [last - 1, last]  # the header wins


def test_a_broken_resume_token_is_refused(site: Site) -> None:
    answer = site.ask("GET", "/v1/events", headers={"Last-Event-ID": "x"}, watch="true")
    assert answer.status == 422


def test_a_stream_of_one_job_tells_of_that_job_only(site: Site) -> None:
    mine = site.submit(held=True)

    async def watch() -> set[str]:
        async with Watch(site, job=mine) as stream:
            await site.asking("POST", "/v1/jobs", {"name": "b", "project": "lab", "script": "x"})
            await site.asking("POST", f"/v1/jobs/{mine}/cancel", {})
            await stream.until(lambda: "job_cancelled" in stream.text)
            return {event["subject"] for event in stream.seen}

    assert site.run(watch()) == {mine}


def test_more_events_than_a_page_arrive_without_a_gap(site: Site) -> None:
    items = [{"name": "b", "project": "lab", "script": "x", "held": True}] * 1_200
    assert site.ask("POST", "/v1/jobs", {"items": items}).status == 201

    async def watch() -> list[int]:
        async with Watch(site) as stream:
            await stream.until(lambda: len(stream.seen) >= site.server.store.last_seq)
            return [event["seq"] for event in stream.seen]

    assert site.run(watch()) == list(range(1, site.server.store.last_seq + 1))


def test_a_quiet_stream_shows_that_it_is_alive(site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(routes_factory, "KEEP_ALIVE_S", 0.01)

    async def watch() -> None:
        async with Watch(site, after=10**6) as stream:
            await stream.until(lambda: stream.text.count(": still here\n\n") >= 2)
            assert stream.status == 200

    site.run(watch())


def test_streams_end_when_the_server_stops(site: Site) -> None:
    async def watch() -> None:
        async with Watch(site) as stream:
            await stream.until(lambda: stream.seen)
            site.server.is_stopping = True
            site.server.changed.set()
            await stream.until(lambda: stream.is_over)

    site.run(watch())
