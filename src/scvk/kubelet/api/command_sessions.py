"""A remote command's streams over WebSocket channels or SPDY, and how its end is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from scvk.kubelet.api.channels import (
    ERROR,
    RESIZE,
    STDERR,
    STDIN,
    STDOUT,
    ChannelData,
    ChannelError,
    ChannelProtocol,
    ChannelReader,
    message_of,
)
from scvk.kubelet.api.command_query import CommandQuery, tells_status
from scvk.kubelet.api.inbox import SIGN_OF_LIFE_EVERY_S, Inbox
from scvk.kubelet.api.remote_status import CommandEnd, Exited, NotRun, status_text
from scvk.kubelet.api.spdy_session import SpdySession, SpdyStream
from scvk.kubelet.api.terminal_size import TerminalSizeReader
from scvk.kubelet.api.websocket import PROTOCOL_ERROR, WebSocket
from scvk.kubelet.capabilities import CommandStreams, NotPossible, TerminalSize

STREAMS_WITHIN_S = 30.0
"""A SPDY client must have opened its streams by then, as a kubelet has it."""
GOODBYE_WITHIN_S = 5.0
"""The client has so long to take note of the end before the connection is closed under it."""
LARGEST_MESSAGE = 32 * 1024
MOST_SIZES = 64

Work = Callable[[CommandStreams], Awaitable[int]]
"""What is done with the streams; returns an exit code, raises NotPossible."""

log = structlog.get_logger(__name__)


class CommandSession(CommandStreams, Protocol):
    """The streams of one client, to be served."""

    async def receive(self) -> None:
        """Take in what the client sends until it has gone."""
        ...

    async def finish(self, end: CommandEnd) -> None:
        """Tell the client how it ended. Raises ConnectionError."""
        ...


async def serve(session: CommandSession, work: Work) -> None:
    """Do the work, ended early where the client goes; then tell its end."""
    receiving = asyncio.create_task(session.receive())
    working = asyncio.create_task(_end_of(work, session))
    try:
        await asyncio.wait({receiving, working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            try:
                async with asyncio.timeout(STREAMS_WITHIN_S):
                    await session.finish(working.result())
                async with asyncio.timeout(GOODBYE_WITHIN_S):
                    await receiving
            except (TimeoutError, ConnectionError):
                pass  # it had its time
    finally:
        for task in (receiving, working):
            task.cancel()
        await asyncio.gather(receiving, working, return_exceptions=True)


async def _end_of(work: Work, session: CommandSession) -> CommandEnd:
    try:
        return Exited(await work(session))
    except NotPossible as error:
        return NotRun(str(error))
    except ConnectionError:
        return NotRun("the client has gone")
    except Exception as error:
        log.exception("a remote command failed in an unforeseen way; please report it")
        return NotRun(f"an unforeseen failure of the virtual kubelet: {type(error).__name__}")


class _Sizes:
    """Sizes of the terminal that wait to be asked for: of many, the newest."""

    def __init__(self) -> None:
        self._reader = TerminalSizeReader()
        self._waiting: asyncio.Queue[TerminalSize | None] = asyncio.Queue(MOST_SIZES)

    def put(self, data: bytes) -> None:
        for size in self._reader.receive(data):
            self._add(size)

    def end(self) -> None:
        self._add(None)

    def _add(self, size: TerminalSize | None) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(size)

    async def next(self) -> TerminalSize | None:
        size = await self._waiting.get()
        if size is None:
            self.end()
        return size


class WebSocketCommand:
    """A command's streams as channels of a WebSocket."""

    def __init__(self, websocket: WebSocket, protocol: ChannelProtocol, query: CommandQuery) -> None:
        self._websocket = websocket
        self._protocol = protocol
        self._query = query
        self._stdin = Inbox()
        self._sizes = _Sizes()
        self._emptier = asyncio.Event()

    async def greet(self) -> None:
        """Send an empty message, which tells old clients that the command is about to start. Raises ConnectionError."""
        channel = STDOUT if self._query.stdout else STDERR if self._query.stderr else ERROR
        await self._websocket.send(message_of(self._protocol, channel, b""))

    async def receive(self) -> None:
        """See `CommandSession`."""
        reader = ChannelReader(self._protocol)
        try:
            async for piece, is_last in self._websocket.pieces():
                for event in reader.receive(piece, is_last=is_last):
                    if event.channel == STDIN:
                        if isinstance(event, ChannelData):
                            self._stdin.put(event.data)
                        else:
                            self._stdin.end()
                    elif event.channel == RESIZE and isinstance(event, ChannelData):
                        self._sizes.put(event.data)
                while self._stdin.is_full:
                    await self._wait_for_room()
        except ChannelError:
            await self._websocket.say_goodbye(PROTOCOL_ERROR)
        except ConnectionError:
            pass  # gone
        finally:
            self._stdin.end()
            self._sizes.end()

    async def _wait_for_room(self) -> None:
        self._emptier.clear()
        try:
            async with asyncio.timeout(SIGN_OF_LIFE_EVERY_S):
                await self._emptier.wait()
        except TimeoutError:
            # While nothing is read, only writing shows that the client has vanished.
            await self._websocket.ping()

    async def read_stdin(self) -> bytes:
        """See `CommandStreams`."""
        if not self._query.command.stdin:
            return b""
        data = await self._stdin.read()
        self._emptier.set()
        return data

    async def write_stdout(self, data: bytes) -> None:
        """See `CommandStreams`."""
        if self._query.stdout:
            await self._write(STDOUT, data)

    async def write_stderr(self, data: bytes) -> None:
        """See `CommandStreams`."""
        if self._query.stderr:
            await self._write(STDERR, data)

    async def next_size(self) -> TerminalSize | None:
        """See `CommandStreams`."""
        return await self._sizes.next()

    async def finish(self, end: CommandEnd) -> None:
        """See `CommandSession`."""
        if text := status_text(end, as_object=self._protocol.tells_status):
            await self._write(ERROR, text)
        await self._websocket.say_goodbye()

    async def _write(self, channel: int, data: bytes) -> None:
        for at in range(0, len(data), LARGEST_MESSAGE):
            await self._websocket.send(message_of(self._protocol, channel, data[at : at + LARGEST_MESSAGE]))


class SpdyCommand:
    """A command's streams as streams of a SPDY connection; those that the client does not open are missing."""

    def __init__(self, session: SpdySession, protocol: str, query: CommandQuery) -> None:
        self._session = session
        self._protocol = protocol
        self._query = query
        self._streams: dict[str, SpdyStream] = {}
        self._are_there = asyncio.Event()
        self._sizes = _Sizes()

    async def receive(self) -> None:
        """See `CommandSession`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._gather())
            await self._session.run()
        self._sizes.end()

    async def ready(self) -> None:
        """Wait until the client has opened its streams; raises NotPossible where it does not."""
        try:
            async with asyncio.timeout(STREAMS_WITHIN_S):
                await self._are_there.wait()
        except TimeoutError:
            raise NotPossible("timed out waiting for client to create streams") from None

    async def _gather(self) -> None:
        missing = set(self._query.stream_types(self._protocol))
        async with asyncio.TaskGroup() as group:
            async for stream in self._session.opened():
                kind = stream.header("streamtype")
                if kind not in missing:
                    stream.reset()
                    continue
                missing.discard(kind)
                self._streams[kind] = stream
                if kind == "resize":
                    group.create_task(self._read_sizes(stream))
                if not missing:
                    self._are_there.set()

    async def _read_sizes(self, stream: SpdyStream) -> None:
        while data := await stream.read():
            self._sizes.put(data)

    async def read_stdin(self) -> bytes:
        """See `CommandStreams`."""
        stream = self._streams.get("stdin")
        return b"" if stream is None else await stream.read()

    async def write_stdout(self, data: bytes) -> None:
        """See `CommandStreams`."""
        await self._write("stdout", data)

    async def write_stderr(self, data: bytes) -> None:
        """See `CommandStreams`."""
        await self._write("stderr", data)

    async def next_size(self) -> TerminalSize | None:
        """See `CommandStreams`."""
        return await self._sizes.next()

    async def finish(self, end: CommandEnd) -> None:
        """See `CommandSession`."""
        if text := status_text(end, as_object=tells_status(self._protocol)):
            await self._write("error", text)
        for stream in self._streams.values():
            await stream.write_eof()
        await self._session.go_away()

    async def _write(self, kind: str, data: bytes) -> None:
        if (stream := self._streams.get(kind)) is not None:
            await stream.write(data)
