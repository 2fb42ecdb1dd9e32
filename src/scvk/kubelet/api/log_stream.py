"""Log lines as the body of an answer, for as long as the client listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from scvk.kubelet.api.inbox import Inbox
from scvk.kubelet.api.log_query import LogView, shown
from scvk.kubelet.capabilities import NotPossible
from scvk.kubelet.log_source import LogLine, NoLog
from scvk.kubelet.provider import TemporaryProviderError

SILENT_FOR_S = 1.0
"""A follower of a program that says nothing gets the head of its answer by then, and knows that it was let in."""


class LogResponse(Response):
    """Sends lines as they come. What goes wrong before the first one is told by the status, later by a last line."""

    def __init__(self, lines: AsyncGenerator[LogLine, None], view: LogView) -> None:
        super().__init__(media_type="text/plain")
        del self.headers["content-length"]
        self._lines = lines
        self._view = view
        self._text = Inbox()
        self._emptier = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all there is; ends early where the client goes."""
        reading = asyncio.create_task(self._read())
        sending = asyncio.create_task(self._send(reading, scope, receive, send))
        leaving = asyncio.create_task(_disconnected(receive))
        tasks = (reading, sending, leaving)
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _read(self) -> None:
        """Turn lines into text. Raises what the source raises."""
        left = self._view.limit_bytes
        try:
            async with aclosing(self._lines) as lines:
                async for line in lines:
                    data = shown(line, timestamps=self._view.timestamps)
                    if left is not None:
                        data = data[:left]
                        left -= len(data)
                    self._text.put(data)
                    if left == 0:
                        return
                    while self._text.is_full:
                        self._emptier.clear()
                        await self._emptier.wait()
        finally:
            self._text.end()

    async def _send(self, reading: asyncio.Task[None], scope: Scope, receive: Receive, send: Send) -> None:
        first = asyncio.create_task(self._text.read())
        try:
            await asyncio.wait({first}, timeout=SILENT_FOR_S if self._view.request.follow else None)
            if first.done() and not first.result() and (refusal := await _refusal(reading)) is not None:
                await refusal(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            text = await first
        finally:
            first.cancel()
        while text:
            self._emptier.set()
            await send({"type": "http.response.body", "body": text, "more_body": True})
            text = await self._text.read()
        # The answer has begun: all that is left is to say why it ends, where the reader looks.
        failure = await _failure(reading)
        last = f"(the log cannot be read any further: {failure})\n".encode() if failure is not None else b""
        await send({"type": "http.response.body", "body": last, "more_body": False})


async def _refusal(reading: asyncio.Task[None]) -> Response | None:
    failure = await _failure(reading)
    if failure is None:
        return None
    # Of what the cloud did not answer, 500 is the status whose text kubectl shows.
    return PlainTextResponse(str(failure), 500 if isinstance(failure, TemporaryProviderError) else 400)


async def _failure(reading: asyncio.Task[None]) -> Exception | None:
    try:
        await reading
    except (NoLog, NotPossible, TemporaryProviderError) as error:
        return error
    return None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
