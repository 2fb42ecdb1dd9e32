"""Forwarded ports: pairs of SPDY streams, or pairs of WebSocket channels, joined to connections of the provider."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from scvk.kubelet.api.channels import ChannelData, ChannelError, ChannelProtocol, ChannelReader, message_of
from scvk.kubelet.api.command_sessions import GOODBYE_WITHIN_S, LARGEST_MESSAGE, STREAMS_WITHIN_S
from scvk.kubelet.api.inbox import Inbox
from scvk.kubelet.api.log_query import WrongQuery
from scvk.kubelet.api.spdy_session import SpdySession, SpdyStream
from scvk.kubelet.api.websocket import PROTOCOL_ERROR, WebSocket
from scvk.kubelet.capabilities import NotPossible, PortConnection

MOST_PORTS = 64
HIGHEST_PORT = 0xFFFF

Connect = Callable[[int], Awaitable[PortConnection]]
"""Connects to a port of the pod; raises NotPossible."""

log = structlog.get_logger(__name__)


class DataEnds(Protocol):
    """The client's ends of one forwarded connection."""

    async def read(self) -> bytes:
        """Return some data; nothing at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send data. Raises ConnectionError."""
        ...

    async def write_eof(self) -> None:
        """Say that nothing more will come."""
        ...


async def join(client: DataEnds, connect: Connect, port: int) -> str | None:
    """Carry bytes between a client and a port until both have ended; return what went wrong, for the client."""
    try:
        remote = await connect(port)
    except NotPossible as error:
        return f"port {port}: {error}"
    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_to_remote(client, remote))
            group.create_task(_to_client(client, remote))
    except* OSError as errors:
        failure = errors.exceptions[0]
    finally:
        remote.close()
    # A side that has gone has nothing to be told; the other one is told by the end.
    return None if failure is None or isinstance(failure, ConnectionError) else f"port {port}: {failure}"


async def _to_remote(client: DataEnds, remote: PortConnection) -> None:
    while data := await client.read():
        await remote.write(data)
    remote.write_eof()


async def _to_client(client: DataEnds, remote: PortConnection) -> None:
    while data := await remote.read():
        await client.write(data)
    await client.write_eof()


async def forward_spdy(session: SpdySession, connect: Connect) -> None:
    """Serve a client that opens a data and an error stream for each connection, until it goes."""
    async with asyncio.TaskGroup() as group:
        pairing = group.create_task(_pair(session, connect))
        await session.run()
        pairing.cancel()


async def _pair(session: SpdySession, connect: Connect) -> None:
    waiting: dict[str, SpdyStream] = {}
    async with asyncio.TaskGroup() as group:
        async for stream in session.opened():
            kind, port = stream.header("streamtype"), _port(stream.header("port"))
            if kind not in ("data", "error") or port is None:
                stream.reset()
                continue
            request = stream.header("requestid") or _request_of_old_clients(stream, kind)
            other = waiting.pop(request, None)
            if other is None:
                waiting[request] = stream
                group.create_task(_expire(waiting, request, stream))
            elif other.header("streamtype") == kind:
                stream.reset()
                waiting[request] = other
            else:
                data, error = (stream, other) if kind == "data" else (other, stream)
                group.create_task(_forward(data, error, connect, port))


def _request_of_old_clients(stream: SpdyStream, kind: str) -> str:
    """Return what stands for the request id: clients without one open the error stream just before the data stream."""
    return str(stream.number if kind == "error" else stream.number - 2)


async def _expire(waiting: dict[str, SpdyStream], request: str, stream: SpdyStream) -> None:
    await asyncio.sleep(STREAMS_WITHIN_S)
    if waiting.get(request) is stream:
        del waiting[request]
        stream.reset()


async def _forward(data: SpdyStream, error: SpdyStream, connect: Connect, port: int) -> None:
    try:
        failure = await join(data, connect, port)
    except Exception:
        log.exception("a forwarded connection failed in an unforeseen way; please report it")
        failure = f"port {port}: an unforeseen failure of the virtual kubelet"
    if failure is not None:
        try:
            await error.write(failure.encode())
        except ConnectionError:
            pass  # gone
    for stream in (data, error):
        await stream.write_eof()
    if failure is not None:
        data.reset()


def _port(text: str) -> int | None:
    port = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return port if 0 < port <= HIGHEST_PORT else None


def ports_of_query(values: Sequence[str]) -> tuple[int, ...]:
    """Return the ports that an old WebSocket client asks for; raises WrongQuery."""
    ports = [_port(part) for value in values for part in value.split(",")]
    if not ports or None in ports or len(ports) > MOST_PORTS:
        raise WrongQuery(f"query parameter port is required: 1 to {MOST_PORTS} ports from 1 to {HIGHEST_PORT}")
    return tuple(port for port in ports if port is not None)


class _ChannelEnds:
    def __init__(self, websocket: WebSocket, protocol: ChannelProtocol, channel: int) -> None:
        self._websocket = websocket
        self._protocol = protocol
        self._channel = channel
        self.received = Inbox()
        self.emptier = asyncio.Event()

    async def read(self) -> bytes:
        data = await self.received.read()
        self.emptier.set()
        return data

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), LARGEST_MESSAGE):
            await self._websocket.send(message_of(self._protocol, self._channel, data[at : at + LARGEST_MESSAGE]))

    async def write_eof(self) -> None:
        """End the connection: these protocols cannot say it, so their clients do not know when to."""
        self.received.end()


async def forward_channels(
    websocket: WebSocket, protocol: ChannelProtocol, ports: Sequence[int], connect: Connect
) -> None:
    """Serve a client that has two channels for each port: one connection each, data before errors.

    The first message on either channel is the port, as two bytes, the lower one first.
    """
    ends = {2 * at: _ChannelEnds(websocket, protocol, 2 * at) for at in range(len(ports))}
    receiving = asyncio.create_task(_receive_channels(websocket, protocol, ends))

    async def forward(channel: int, port: int) -> None:
        failure = await join(ends[channel], connect, port)
        if failure is not None:
            await websocket.send(message_of(protocol, channel + 1, failure.encode()))

    forwarding: list[asyncio.Task[None]] = []
    try:
        for at, port in enumerate(ports):
            for channel in (2 * at, 2 * at + 1):
                await websocket.send(message_of(protocol, channel, port.to_bytes(2, "little")))
        forwarding = [asyncio.create_task(forward(2 * at, port)) for at, port in enumerate(ports)]
        everything = asyncio.create_task(_all(forwarding))
        await asyncio.wait({receiving, everything}, return_when=asyncio.FIRST_COMPLETED)
        async with asyncio.timeout(GOODBYE_WITHIN_S):
            await websocket.say_goodbye()
            await receiving
    except (ConnectionError, TimeoutError):
        pass  # gone
    finally:
        for task in (receiving, *forwarding):
            task.cancel()
        await asyncio.gather(receiving, *forwarding, return_exceptions=True)


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


async def _receive_channels(websocket: WebSocket, protocol: ChannelProtocol, ends: dict[int, _ChannelEnds]) -> None:
    reader = ChannelReader(protocol)
    try:
        async for piece, is_last in websocket.pieces():
            for event in reader.receive(piece, is_last=is_last):
                if isinstance(event, ChannelData) and (end := ends.get(event.channel)) is not None:
                    end.received.put(event.data)
                    while end.received.is_full:
                        end.emptier.clear()
                        await end.emptier.wait()
    except ChannelError:
        await websocket.say_goodbye(PROTOCOL_ERROR)
    finally:
        for end in ends.values():
            end.received.end()
