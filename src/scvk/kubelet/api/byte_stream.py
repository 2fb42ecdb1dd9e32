"""A connection as a stream of bytes with back-pressure both ways: what an upgraded HTTP connection becomes."""

from __future__ import annotations

import asyncio
from typing import Protocol

from scvk.kubelet.api.inbox import Inbox


class ByteStream(Protocol):
    """What carries a stream protocol."""

    async def read(self) -> bytes:
        """Return what has arrived, waiting for it; nothing when no more will come."""
        ...

    async def write(self, data: bytes) -> None:
        """Send; waits while the other side does not read. Raises ConnectionError when it has gone."""
        ...

    def close(self) -> None:
        """Send what is waiting, and end the connection."""
        ...


class UpgradedConnection(asyncio.Protocol):
    """The `ByteStream` on a transport that was an HTTP connection before."""

    def __init__(self, transport: asyncio.Transport, received: bytes) -> None:
        self._transport = transport
        self._received = Inbox()
        self._received.put(received)
        self._is_over = False
        self._may_write = asyncio.Event()
        self._may_write.set()
        transport.set_protocol(self)
        transport.resume_reading()

    async def read(self) -> bytes:
        """See `ByteStream`."""
        data = await self._received.read()
        if not self._is_over:
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        """See `ByteStream`."""
        if data and not self._is_over:
            self._transport.write(data)
        await self._may_write.wait()
        if self._is_over:
            raise ConnectionResetError("the client has gone")

    def close(self) -> None:
        """See `ByteStream`."""
        self._transport.close()

    def abort(self) -> None:
        """End the connection without waiting for a client that does not read."""
        self._transport.abort()

    # -- asyncio.Protocol ------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Keep the data, and pause the other side when much is kept."""
        self._received.put(data)
        if self._received.is_full:
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """Treat half a TLS connection as none."""
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended makes no difference
        """Wake whoever waits."""
        self._end()

    def pause_writing(self) -> None:
        """Let writers wait."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._may_write.set()

    def _end(self) -> None:
        self._is_over = True
        self._received.end()
        self._may_write.set()
