"""HTTP/1.1 on one connection, events in and out: h11's machine with asyncio's streams around it."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import h11

_READ_SIZE = 128 * 1024
# The longest head of a request or an answer; Cloudflare's limit for request headers is 128 KB.
_LONGEST_HEAD = 128 * 1024

Sent = TypeVar("Sent", bound=h11.Event)


class Exchange:
    """One side: `role` is h11.SERVER towards the client, h11.CLIENT towards the program."""

    def __init__(
        self, role: type[h11.SERVER] | type[h11.CLIENT], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=_LONGEST_HEAD)
        self.reader = reader
        self.writer = writer

    async def receive(self) -> h11.Event | type[h11.PAUSED]:
        """The next event. Raises h11.RemoteProtocolError and OSError."""
        while True:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]  # narrowing a sentinel is beyond the type checker
            if self.http.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(await self.reader.read(_READ_SIZE))

    async def send(self, event: h11.Event) -> None:
        """Write, and wait while the other side does not read. Raises h11.LocalProtocolError and OSError."""
        data = self.http.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()

    def abort(self) -> None:
        """Cut the connection."""
        self.writer.transport.abort()


async def close(writer: asyncio.StreamWriter) -> None:
    """Close in order, or cut when the other side does not take the rest."""
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (TimeoutError, OSError):
        writer.transport.abort()
