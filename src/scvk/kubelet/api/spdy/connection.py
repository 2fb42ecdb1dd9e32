"""One SPDY/3.1 connection, as a machine: `receive_data` takes bytes and returns events, `data_to_send` has the answer.

It keeps one control frame, header compression, and a few numbers for each open stream; data is passed on, never kept.
Who carries it reads no further while what was received, or is to be sent, is not taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from scvk.kubelet.api.spdy.errors import GoAwayStatus, ResetStatus, SpdyError
from scvk.kubelet.api.spdy.events import (
    ConnectionFailed,
    DataReceived,
    Event,
    GoneAway,
    HeadersReceived,
    PingAnswered,
    StreamOpened,
    StreamReplied,
    StreamReset,
    WindowOpened,
)
from scvk.kubelet.api.spdy.frames import (
    INITIAL_WINDOW_SIZE,
    Data,
    Frame,
    FrameReader,
    GoAway,
    HeadersFrame,
    Ping,
    RstStream,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
    frame_bytes,
)
from scvk.kubelet.api.spdy.header_block import HeaderCompressor, HeaderDecompressor
from scvk.kubelet.api.spdy.windows import DEFAULT_WINDOW, MAX_WINDOW, ReceiveWindow, SendWindow

MAX_STREAMS = 2048
"""Streams that the other side may have open: 1024 forwarded connections. Further ones are refused."""
MAX_DATA_FRAME = 32 * 1024
"""Data is sent in frames of at most so many bytes, so that streams take turns."""


@dataclass(slots=True)
class _Stream:
    sending: SendWindow
    receiving: ReceiveWindow
    we_ended: bool = False
    they_ended: bool = False
    replied: bool = False


class SpdyConnection:
    """Plays the server, or the client. Methods for a stream that is no more do nothing: it may have ended meanwhile."""

    def __init__(self, *, client: bool = False, max_streams: int = MAX_STREAMS) -> None:
        self._next_stream = 1 if client else 2
        self._their_parity = 0 if client else 1
        self._next_ping = 1 if client else 2
        self._last_of_theirs = 0
        self._max_streams = max_streams
        self._reader = FrameReader()
        self._pack = HeaderCompressor().pack
        self._unpack = HeaderDecompressor().unpack
        self._streams: dict[int, _Stream] = {}
        self._out = bytearray()
        self._peer_window = DEFAULT_WINDOW
        self._peer_has_windows: bool | None = None
        self._probe: int | None = None
        self._gone_away = False
        self.failed = False
        """The connection is over, by a mistake of the other side."""

    # -- what the other side did -----------------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> list[Event]:
        """Return what the bytes tell. Never raises; after ConnectionFailed further bytes tell nothing."""
        events: list[Event] = []
        if self.failed:
            return events
        try:
            for frame in self._reader.receive(data):
                self._act(frame, events)
        except SpdyError as error:
            self.failed = True
            self._send(GoAway(self._last_of_theirs, GoAwayStatus.PROTOCOL_ERROR))
            events.append(ConnectionFailed(error))
        return events

    @property
    def waiting(self) -> int:
        """Return how many bytes are to be sent."""
        return len(self._out)

    def data_to_send(self) -> bytes:
        """Return what is to be sent now, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    # -- what we do ------------------------------------------------------------------------------------------------

    def open_stream(self, headers: Mapping[str, Sequence[str] | str], *, end: bool = False) -> int:
        """Open a stream and return its number. `end`: nothing will be sent on it."""
        stream = self._next_stream
        self._next_stream += 2
        self._streams[stream] = self._new_stream(we_ended=end)
        self._send(SynStream(stream, self._pack(headers), end))
        return stream

    def reply(self, stream: int, headers: Mapping[str, Sequence[str] | str] | None = None) -> None:
        """Accept a stream of the other side."""
        state = self._streams.get(stream)
        if state is not None and not state.replied:
            state.replied = True
            self._send(SynReply(stream, self._pack(headers or {})))

    def writable(self, stream: int) -> int:
        """Return how many bytes can be sent on a stream now: 0 also where it is no more, or is ended by us."""
        state = self._streams.get(stream)
        if state is None or state.we_ended:
            return 0
        return MAX_DATA_FRAME if self._peer_has_windows is False else max(0, min(MAX_DATA_FRAME, state.sending.room))

    def has(self, stream: int) -> bool:
        """Say whether a stream is open in any direction."""
        return stream in self._streams

    def is_open(self, stream: int) -> bool:
        """Say whether data can be sent on a stream, now or later."""
        state = self._streams.get(stream)
        return state is not None and not state.we_ended

    def send_data(self, stream: int, data: bytes | memoryview, *, end: bool = False) -> int:
        """Send what there is room for, and return how much that was; `end` is sent only with the last byte.

        Where it was not all, WindowOpened tells when to go on with the rest.
        """
        state = self._streams.get(stream)
        if state is None or state.we_ended:
            return 0
        sent = 0
        while size := min(self.writable(stream), len(data) - sent):
            state.sending.take(size)
            sent += size
            is_end = end and sent == len(data)
            self._send(Data(stream, bytes(data[sent - size : sent]), is_end))
        if end and sent == len(data):
            if not sent:
                self._send(Data(stream, b"", fin=True))
            state.we_ended = True
            if state.they_ended:
                del self._streams[stream]
        elif sent < len(data) and self._peer_has_windows is None and self._probe is None:
            self._probe = self.ping()
        return sent

    def acknowledge(self, stream: int, size: int) -> None:
        """Say that `size` bytes of a stream are consumed, so that the other side may send more."""
        state = self._streams.get(stream)
        if state is not None and not state.they_ended and (delta := state.receiving.consume(size)):
            self._send(WindowUpdate(stream, delta))

    def reset(self, stream: int, status: ResetStatus = ResetStatus.CANCEL) -> None:
        """End a stream at once."""
        if self._streams.pop(stream, None) is not None:
            self._send(RstStream(stream, status))

    def ping(self) -> int:
        """Ask the other side for a sign of life; PingAnswered has the number that is returned."""
        ping, self._next_ping = self._next_ping, (self._next_ping + 2) % (1 << 32) or 2
        self._send(Ping(ping))
        return ping

    def go_away(self, status: GoAwayStatus = GoAwayStatus.OK) -> None:
        """Take no further streams."""
        if not self._gone_away:
            self._gone_away = True
            self._send(GoAway(self._last_of_theirs, status))

    # -- frames ----------------------------------------------------------------------------------------------------

    def _send(self, frame: Frame) -> None:
        self._out += frame_bytes(frame)

    def _act(self, frame: Frame, events: list[Event]) -> None:
        match frame:
            case SynStream():
                self._opened(frame, events)
            case SynReply():
                headers = self._unpack(frame.block)
                if frame.stream in self._streams and self._is_ours(frame.stream):
                    events.append(StreamReplied(frame.stream, headers, frame.fin))
                    self._they_may_end(frame.stream, frame.fin)
            case HeadersFrame():
                headers = self._unpack(frame.block)
                if frame.stream in self._streams:
                    events.append(HeadersReceived(frame.stream, headers, frame.fin))
                    self._they_may_end(frame.stream, frame.fin)
            case Data():
                self._data(frame, events)
            case RstStream():
                if self._streams.pop(frame.stream, None) is not None:
                    events.append(StreamReset(frame.stream, frame.status))
            case Settings():
                self._settings(frame, events)
            case WindowUpdate():
                self._widen(frame, events)
            case Ping():
                self._pinged(frame, events)
            case GoAway():
                events.append(GoneAway(frame.last_stream, frame.status))
            case _:
                assert_never(frame)

    def _opened(self, frame: SynStream, events: list[Event]) -> None:
        headers = self._unpack(frame.block)  # also of a stream that is refused: the context goes on
        if frame.stream % 2 != self._their_parity or frame.stream <= self._last_of_theirs:
            if self._streams.pop(frame.stream, None) is not None:
                events.append(StreamReset(frame.stream, ResetStatus.PROTOCOL_ERROR))
            self._send(RstStream(frame.stream, ResetStatus.PROTOCOL_ERROR))
            return
        self._last_of_theirs = frame.stream
        if self._gone_away:
            return
        if len(self._streams) >= self._max_streams:
            self._send(RstStream(frame.stream, ResetStatus.REFUSED_STREAM))
            return
        state = self._new_stream(we_ended=frame.unidirectional)
        if not (frame.fin and frame.unidirectional):
            self._streams[frame.stream] = state
        events.append(StreamOpened(frame.stream, headers, frame.fin))
        self._they_may_end(frame.stream, frame.fin)

    def _data(self, frame: Data, events: list[Event]) -> None:
        state = self._streams.get(frame.stream)
        if state is None:
            if frame.begins and frame.stream > self._last_known(frame.stream):
                self._send(RstStream(frame.stream, ResetStatus.INVALID_STREAM))
            return  # it may have been on its way when the stream ended
        if state.they_ended:
            self.reset(frame.stream, ResetStatus.STREAM_ALREADY_CLOSED)
            events.append(StreamReset(frame.stream, ResetStatus.STREAM_ALREADY_CLOSED))
            return
        events.append(DataReceived(frame.stream, frame.data, frame.fin))
        self._they_may_end(frame.stream, frame.fin)

    def _settings(self, frame: Settings, events: list[Event]) -> None:
        size = frame.values.get(INITIAL_WINDOW_SIZE)
        if size is None:
            return
        if size > MAX_WINDOW:
            raise SpdyError("an initial window beyond 2³¹-1 bytes")
        self._peer_has_windows = True
        for state in self._streams.values():
            state.sending.widen(size - self._peer_window)
        self._peer_window = size
        events.append(WindowOpened(None))

    def _widen(self, frame: WindowUpdate, events: list[Event]) -> None:
        self._peer_has_windows = True
        state = self._streams.get(frame.stream)
        if state is not None:
            state.sending.widen(frame.delta)
            events.append(WindowOpened(frame.stream))

    def _pinged(self, frame: Ping, events: list[Event]) -> None:
        if frame.ping % 2 == self._their_parity:
            self._send(frame)
            return
        if frame.ping == self._probe:
            self._probe = None
            if self._peer_has_windows is None:
                self._peer_has_windows = False
                events.append(WindowOpened(None))
        events.append(PingAnswered(frame.ping))

    # -- streams ---------------------------------------------------------------------------------------------------

    def _new_stream(self, *, we_ended: bool) -> _Stream:
        return _Stream(SendWindow(self._peer_window), ReceiveWindow(DEFAULT_WINDOW), we_ended=we_ended)

    def _is_ours(self, stream: int) -> bool:
        return stream % 2 != self._their_parity

    def _last_known(self, stream: int) -> int:
        return self._next_stream - 2 if self._is_ours(stream) else self._last_of_theirs

    def _they_may_end(self, stream: int, fin: bool) -> None:
        state = self._streams.get(stream)
        if state is not None and fin:
            state.they_ended = True
            if state.we_ended:
                del self._streams[stream]
