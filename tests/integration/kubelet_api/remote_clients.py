"""Clients of remote commands: over WebSocket channels as kubectl and the Python client have them, and over SPDY."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from scvk.kubelet.api.channels import REMOTE_COMMAND_PROTOCOLS, ChannelData, ChannelProtocol, ChannelReader, message_of
from scvk.kubelet.api.spdy import SpdyConnection
from scvk.kubelet.api.spdy_session import SpdySession, SpdyStream
from tests.integration.kubelet_api.served import Served, Wire

WEBSOCKET = (
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
)


@dataclass
class Channels:
    """The client's side of a WebSocket with channels; `received` by channel."""

    wire: Wire
    protocol: ChannelProtocol
    received: dict[int, bytes] = field(default_factory=dict)
    closed_with: int | None = None
    machine: Connection = field(default_factory=lambda: Connection(ConnectionType.CLIENT))

    async def send(self, channel: int, data: bytes) -> None:
        await self.send_message(message_of(self.protocol, channel, data))

    async def send_message(self, message: bytes | str) -> None:
        event = BytesMessage(message) if isinstance(message, bytes) else TextMessage(message)
        await self.wire.write(self.machine.send(event))

    async def read_all(self, until: bytes | None = None) -> None:
        """Read until the server closes, or until some channel has received `until`."""
        reader = ChannelReader(self.protocol)
        async with asyncio.timeout(20):
            while data := await self.wire.read():
                self.machine.receive_data(data)
                for event in self.machine.events():
                    if isinstance(event, BytesMessage | TextMessage):
                        piece = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
                        for found in reader.receive(piece, is_last=event.message_finished):
                            assert isinstance(found, ChannelData)
                            self.received[found.channel] = self.received.get(found.channel, b"") + found.data
                    elif isinstance(event, Ping):
                        await self.wire.write(self.machine.send(event.response()))
                    elif isinstance(event, CloseConnection):
                        self.closed_with = event.code
                        await self.wire.write(self.machine.send(event.response()))
                        return
                if until is not None and any(until in text for text in self.received.values()):
                    return

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.received[3]))


@asynccontextmanager
async def websocket(api: Served, path: str, name: str = "v5.channel.k8s.io") -> AsyncIterator[Channels]:
    """Open a WebSocket with a subprotocol."""
    protocol = next(one for one in REMOTE_COMMAND_PROTOCOLS if one.name == name)
    offer = (f"Sec-WebSocket-Protocol: {name}",) if name else ()
    async with api.upgraded(path, *WEBSOCKET, *offer) as (head, wire):
        assert head.startswith("HTTP/1.1 101 "), head + (await wire.read()).decode()
        assert not name or f"Sec-WebSocket-Protocol: {name}".lower() in head.lower()
        yield Channels(wire, protocol)


@dataclass
class Spdy:
    """The client's side of a SPDY connection."""

    session: SpdySession

    async def open(self, kind: str, **headers: str) -> SpdyStream:
        return self.session.open({"streamType": kind, **headers})


@asynccontextmanager
async def spdy(api: Served, path: str, protocol: str = "v4.channel.k8s.io") -> AsyncIterator[Spdy]:
    """Open a SPDY connection as kubectl does."""
    headers = ("Upgrade: SPDY/3.1", f"X-Stream-Protocol-Version: {protocol}")
    async with api.upgraded(path, *headers, method="POST") as (head, wire):
        assert head.startswith("HTTP/1.1 101 "), head
        assert f"x-stream-protocol-version: {protocol}" in head.lower()
        session = SpdySession(wire, SpdyConnection(client=True))
        running = asyncio.create_task(session.run())
        try:
            yield Spdy(session)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def all_of(stream: SpdyStream) -> bytes:
    """Read a stream to its end."""
    together = b""
    async with asyncio.timeout(20):
        while data := await stream.read():
            together += data
    return together
