"""Forwarded ports over SPDY, SPDY in a WebSocket, and WebSocket channels."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection

from scvk.kubelet.api.spdy import SpdyConnection
from scvk.kubelet.api.spdy_session import SpdySession, SpdyStream
from tests.integration.kubelet_api.remote_clients import WEBSOCKET, Spdy, all_of, spdy, websocket
from tests.integration.kubelet_api.served import Served, Wire

PATH = "/portForward/shop/web-0"
TUNNEL = "SPDY/3.1+portforward.k8s.io"


class Tunnel:
    """A client's `ByteStream` in WebSocket messages."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._machine = Connection(ConnectionType.CLIENT)

    async def read(self) -> bytes:
        while data := await self._wire.read():
            self._machine.receive_data(data)
            pieces = b""
            for event in self._machine.events():
                if isinstance(event, BytesMessage):
                    pieces += bytes(event.data)
                elif isinstance(event, CloseConnection):
                    return b""
            if pieces:
                return pieces
        return b""

    async def write(self, data: bytes) -> None:
        await self._wire.write(self._machine.send(BytesMessage(data)))

    def close(self) -> None:
        self._wire.close()


@asynccontextmanager
async def forwarded(api: Served, how: str) -> AsyncIterator[Spdy]:
    if how == "spdy":
        async with spdy(api, PATH, "portforward.k8s.io") as client:
            yield client
        return
    async with api.upgraded(PATH, *WEBSOCKET, f"Sec-WebSocket-Protocol: {TUNNEL}") as (head, wire):
        assert head.startswith("HTTP/1.1 101 ")
        session = SpdySession(Tunnel(wire), SpdyConnection(client=True))
        running = asyncio.create_task(session.run())
        yield Spdy(session)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def pair(client: Spdy, port: int, request: int) -> tuple[SpdyStream, SpdyStream]:
    headers = {"port": str(port), "requestID": str(request)}
    error = await client.open("error", **headers)
    return await client.open("data", **headers), error


@pytest.mark.parametrize("how", ["spdy", "tunnel"])
async def test_many_connections_at_once_each_with_its_own_end(served_api: Served, how: str) -> None:
    async def one(client: Spdy, number: int) -> None:
        data, error = await pair(client, 80, number)
        text = f"connection {number} ".encode() * 10_000
        reading = asyncio.create_task(all_of(data))
        await data.write(text)
        await data.write_eof()
        assert await reading == text.upper()
        assert await all_of(error) == b""

    async with forwarded(served_api, how) as client:
        await asyncio.gather(*(one(client, number) for number in range(20)))


@pytest.mark.parametrize("how", ["spdy", "tunnel"])
async def test_a_port_that_refuses_is_told_on_its_connection_alone(served_api: Served, how: str) -> None:
    async with forwarded(served_api, how) as client:
        good, _ = await pair(client, 80, 0)
        _, error = await pair(client, 81, 1)
        assert await all_of(error) == b"port 81: connection refused"
        await good.write(b"still here")
        assert await good.read() == b"STILL HERE"


async def test_clients_without_request_ids_open_the_error_stream_first(served_api: Served) -> None:
    async with forwarded(served_api, "spdy") as client:
        await client.open("error", port="80")
        data = await client.open("data", port="80")
        await data.write(b"hello")
        assert await data.read() == b"HELLO"


@pytest.mark.parametrize("port", ["0", "65536", "http", "", "-1"])
async def test_a_stream_without_a_port_is_reset(served_api: Served, port: str) -> None:
    async with forwarded(served_api, "spdy") as client:
        stream = await client.open("data", port=port, requestID="1")
        assert await all_of(stream) == b""
        assert stream.is_reset


@pytest.mark.parametrize("protocol", ["v4.channel.k8s.io", "v4.base64.channel.k8s.io"])
async def test_old_clients_have_two_channels_a_port_and_the_port_first(served_api: Served, protocol: str) -> None:
    async with websocket(served_api, f"{PATH}?port=80&port=81", protocol) as client:
        await client.read_all(until=b"refused")
        await client.send(0, b"hello")
        await client.read_all(until=b"HELLO")
        assert client.received == {
            0: b"P\x00HELLO",
            1: b"P\x00",
            2: b"Q\x00",
            3: b"Q\x00port 81: connection refused",
        }


@pytest.mark.parametrize("query", ["", "?port=", "?port=0", "?port=80,x"])
async def test_old_clients_must_name_their_ports(served_api: Served, query: str) -> None:
    offer = "Sec-WebSocket-Protocol: v4.channel.k8s.io"
    async with served_api.upgraded(PATH + query, *WEBSOCKET, offer) as (head, _):
        assert head.startswith("HTTP/1.1 400 ")
