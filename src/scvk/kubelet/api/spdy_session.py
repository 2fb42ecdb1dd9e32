"""SPDY streams for tasks: reads, writes and ends with back-pressure, over whatever carries the bytes.

What is received and not read is bounded: while any stream keeps more than HIGH_WATER, nothing more is taken from the
connection. A peer that keeps to its windows never gets there. What is to be sent is bounded, too: streams wait for
room. Receiving does not wait for sending: two sides that did so would wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import assert_never

from scvk.kubelet.api.byte_stream import ByteStream
from scvk.kubelet.api.inbox import SIGN_OF_LIFE_EVERY_S, Inbox
from scvk.kubelet.api.spdy import (
    ConnectionFailed,
    DataReceived,
    Event,
    GoneAway,
    HeadersReceived,
    PingAnswered,
    ResetStatus,
    SpdyConnection,
    StreamOpened,
    StreamReplied,
    StreamReset,
    WindowOpened,
)

MOST_WAITING = 64 * 1024
"""Bytes that wait to be sent before streams wait, too."""
MOST_ANSWERS = 1024 * 1024
"""Bytes that wait to be sent, data or answers, before nothing more is taken from the other side."""
GOODBYE_WITHIN_S = 2.0


class SpdyStream:
    """One stream of a session."""

    def __init__(self, session: SpdySession, number: int, headers: Mapping[str, tuple[str, ...]], *, end: bool) -> None:
        self._session = session
        self.number = number
        self.headers = headers
        self.received = Inbox()
        if end:
            self.received.end()
        self.is_reset = False
        """The other side ended it at once, or the connection is gone."""
        self.may_write = asyncio.Event()

    def header(self, name: str) -> str:
        """Return the first value of a header; nothing where it is missing."""
        return (self.headers.get(name.lower()) or ("",))[0]

    async def read(self) -> bytes:
        """Return some data; nothing at the end, or when the stream or the connection is gone."""
        data = await self.received.read()
        if data:
            self._session.consumed(self, len(data))
        return data

    async def write(self, data: bytes) -> None:
        """Send data; waits while the other side has no room. Raises ConnectionError when nobody takes it any more."""
        await self._session.send(self, data, end=False)

    async def write_eof(self) -> None:
        """Say that nothing more will be sent. Does nothing where nobody listens any more."""
        try:
            await self._session.send(self, b"", end=True)
        except ConnectionError:
            pass  # it is over anyway

    def reset(self, status: ResetStatus = ResetStatus.CANCEL) -> None:
        """End the stream at once."""
        self._session.reset(self, status)

    def lose(self) -> None:
        """Take note that the stream is no more (for the session)."""
        self.is_reset = True
        self.received.end()
        self.may_write.set()


class SpdySession:
    """A connection's streams. `run` moves the bytes; `opened` yields the streams that the other side opens."""

    def __init__(self, stream: ByteStream, connection: SpdyConnection | None = None) -> None:
        self._bytes = stream
        self._connection = connection or SpdyConnection()
        self._streams: dict[int, SpdyStream] = {}
        self._opened: asyncio.Queue[SpdyStream | None] = asyncio.Queue()
        self._emptier = asyncio.Event()
        self._to_send = asyncio.Event()
        self._room = asyncio.Event()
        self._under_way = 0
        self._is_over = False

    async def run(self) -> None:
        """Move bytes until the other side has gone, or broke the protocol; then every stream ends."""
        sending = asyncio.create_task(self._send_on())
        receiving = asyncio.create_task(self._receive())
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if self._connection.failed:
                await self._goodbye()
        finally:
            self._is_over = True
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
            self._opened.put_nowait(None)
            for stream in self._streams.values():
                stream.lose()
            self._streams.clear()
            self._room.set()

    async def _receive(self) -> None:
        while data := await self._bytes.read():
            for event in self._connection.receive_data(data):
                self._act(event)
            self._to_send.set()
            if self._connection.failed:
                return
            while any(stream.received.is_full for stream in self._streams.values()):
                await self._wait_for_room()
            while self._pending > MOST_ANSWERS:  # the other side asks much, and reads nothing
                self._room.clear()
                await self._room.wait()

    async def _send_on(self) -> None:
        try:
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                data = self._connection.data_to_send()
                self._under_way = len(data)
                await self._bytes.write(data)
                self._under_way = 0
                self._room.set()
        except ConnectionError:
            pass  # gone

    async def _goodbye(self) -> None:
        """Let what is to be sent go out, for a moment: it says what the other side did wrong."""
        try:
            async with asyncio.timeout(GOODBYE_WITHIN_S):
                await self.flushed()
        except TimeoutError:
            pass

    @property
    def _pending(self) -> int:
        return self._connection.waiting + self._under_way

    async def flushed(self) -> None:
        """Wait until all is handed over to the connection, or the connection is gone."""
        self._to_send.set()
        while self._pending and not self._is_over:
            self._room.clear()
            await self._room.wait()

    async def opened(self) -> AsyncIterator[SpdyStream]:
        """Yield the streams that the other side opens, until the connection is gone. Each is accepted already."""
        while (stream := await self._opened.get()) is not None:
            yield stream

    def open(self, headers: Mapping[str, str]) -> SpdyStream:
        """Open a stream."""
        stream = SpdyStream(self, self._connection.open_stream(headers), {}, end=False)
        self._streams[stream.number] = stream
        self._to_send.set()
        return stream

    async def go_away(self) -> None:
        """Take no further streams."""
        self._connection.go_away()
        await self.flushed()

    def consumed(self, stream: SpdyStream, size: int) -> None:
        """Let the other side send more (for streams)."""
        self._emptier.set()
        self._connection.acknowledge(stream.number, size)
        self._to_send.set()

    async def send(self, stream: SpdyStream, data: bytes, *, end: bool) -> None:
        """Send on a stream (for streams)."""
        rest = memoryview(data)
        while True:
            while self._pending > MOST_WAITING and not self._is_over:
                self._room.clear()
                await self._room.wait()
            if self._is_over or stream.is_reset or not self._connection.is_open(stream.number):
                raise ConnectionResetError("the client has ended the stream")
            stream.may_write.clear()
            piece = rest[:MOST_WAITING]
            sent = self._connection.send_data(stream.number, piece, end=end and len(piece) == len(rest))
            rest = rest[sent:]
            self._to_send.set()
            if not rest:
                if end:
                    self._forget_if_over(stream)
                return
            if sent < len(piece):
                await stream.may_write.wait()

    def reset(self, stream: SpdyStream, status: ResetStatus) -> None:
        """End a stream at once (for streams)."""
        self._connection.reset(stream.number, status)
        self._streams.pop(stream.number, None)
        stream.lose()
        self._emptier.set()
        self._to_send.set()

    async def _wait_for_room(self) -> None:
        self._emptier.clear()
        try:
            async with asyncio.timeout(SIGN_OF_LIFE_EVERY_S):
                await self._emptier.wait()
        except TimeoutError:
            # While nothing is read, only writing shows that the other side has vanished.
            self._connection.ping()
            self._to_send.set()

    def _act(self, event: Event) -> None:
        match event:
            case StreamOpened():
                stream = SpdyStream(self, event.stream, event.headers, end=event.end)
                self._streams[event.stream] = stream
                self._connection.reply(event.stream)
                self._opened.put_nowait(stream)
            case DataReceived() | HeadersReceived() | StreamReplied():
                if (found := self._streams.get(event.stream)) is not None:
                    if isinstance(event, DataReceived):
                        found.received.put(event.data)
                    if event.end:  # only then: the connection knows of the end since all of the bytes were taken in
                        found.received.end()
                        self._forget_if_over(found)
            case StreamReset():
                if (found := self._streams.pop(event.stream, None)) is not None:
                    found.lose()
            case WindowOpened():
                for stream in self._streams.values():
                    if event.stream in (None, stream.number):
                        stream.may_write.set()
            case PingAnswered() | GoneAway() | ConnectionFailed():
                pass
            case _:
                assert_never(event)

    def _forget_if_over(self, stream: SpdyStream) -> None:
        if not self._connection.has(stream.number):
            self._streams.pop(stream.number, None)
