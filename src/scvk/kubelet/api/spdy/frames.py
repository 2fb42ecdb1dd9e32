"""Frames of SPDY/3 (draft 3, section 2.2 and 2.6): parsed from any pieces of a byte stream, and written.

Header blocks stay compressed here. Data frames are passed on in the pieces in which they arrive, so that no more
than one control frame is ever kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scvk.kubelet.api.spdy.errors import SpdyError

VERSION = 3
MAX_CONTROL_PAYLOAD = 64 * 1024
"""Ours: header blocks of Kubernetes' streams have some hundred bytes."""
MAX_DATA_PAYLOAD = (1 << 24) - 1
MAX_STREAM_ID = (1 << 31) - 1
INITIAL_WINDOW_SIZE = 7
"""The id of the only setting that is understood."""

_FIN = 0x01
_UNIDIRECTIONAL = 0x02
_HEADER_BYTES = 8
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _HEADERS, _WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
_KNOWN = frozenset({_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _HEADERS, _WINDOW_UPDATE})
_FIXED_PAYLOAD = {_RST_STREAM: 8, _PING: 4, _GOAWAY: 8, _WINDOW_UPDATE: 8}


@dataclass(frozen=True, slots=True)
class SynStream:
    """Opens a stream."""

    stream: int
    block: bytes
    fin: bool = False
    unidirectional: bool = False


@dataclass(frozen=True, slots=True)
class SynReply:
    """Accepts a stream."""

    stream: int
    block: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class HeadersFrame:
    """Further headers of a stream."""

    stream: int
    block: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class RstStream:
    """Ends a stream at once."""

    stream: int
    status: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings by id."""

    values: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Ping:
    """To be sent back by the side that did not begin it."""

    ping: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The sender takes no further streams."""

    last_stream: int
    status: int


@dataclass(frozen=True, slots=True)
class WindowUpdate:
    """The sender has room for `delta` bytes more."""

    stream: int
    delta: int


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of a data frame; `begins` only with the first piece, `fin` only with the last."""

    stream: int
    data: bytes
    fin: bool = False
    begins: bool = True


Frame = SynStream | SynReply | HeadersFrame | RstStream | Settings | Ping | GoAway | WindowUpdate | Data


class FrameReader:
    """Makes frames of bytes. Keeps at most MAX_CONTROL_PAYLOAD and a frame's header."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._data: tuple[int, int, bool, bool] | None = None
        """Stream, bytes to come, end and beginning of the data frame that is being received."""
        self._skip = 0

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames, or pieces of data frames, that `data` completes; to be exhausted. Raises SpdyError."""
        rest = memoryview(data)
        while rest or self._is_empty_data():
            if self._data is not None:
                stream, missing, fin, begins = self._data
                piece, rest = bytes(rest[:missing]), rest[missing:]
                missing -= len(piece)
                self._data = (stream, missing, fin, False) if missing else None
                if piece or fin:
                    yield Data(stream, piece, fin and not missing, begins)
            elif self._skip:
                skipped = min(self._skip, len(rest))
                self._skip -= skipped
                rest = rest[skipped:]
            else:
                rest = self._keep(rest, _HEADER_BYTES)
                if len(self._kept) < _HEADER_BYTES:
                    return
                frame, rest = self._begin(rest)
                if frame is not None:
                    yield frame

    def _is_empty_data(self) -> bool:
        return self._data is not None and self._data[1] == 0

    def _keep(self, rest: memoryview, size: int) -> memoryview:
        wanted = max(0, size - len(self._kept))
        self._kept += rest[:wanted]
        return rest[wanted:]

    def _begin(self, rest: memoryview) -> tuple[Frame | None, memoryview]:
        """Act on a complete frame header; return the frame if it is complete, too, and what follows it."""
        word = int.from_bytes(self._kept[0:4], "big")
        flags, length = self._kept[4], int.from_bytes(self._kept[5:8], "big")
        if not word >> 31:
            if not word:
                raise SpdyError("data on stream 0")
            self._kept.clear()
            self._data = (word, length, bool(flags & _FIN), True)
            return None, rest
        version, kind = word >> 16 & 0x7FFF, word & 0xFFFF
        if version != VERSION:
            raise SpdyError(f"a control frame of SPDY version {version}, not {VERSION}")
        if kind not in _KNOWN:
            self._kept.clear()
            self._skip = length
            return None, rest
        if length > MAX_CONTROL_PAYLOAD:
            raise SpdyError(f"a control frame of {length} bytes; at most {MAX_CONTROL_PAYLOAD} are accepted")
        rest = self._keep(rest, _HEADER_BYTES + length)
        if len(self._kept) < _HEADER_BYTES + length:
            return None, rest
        payload = bytes(self._kept[_HEADER_BYTES:])
        self._kept.clear()
        return _control(kind, flags, payload), rest


def _control(kind: int, flags: int, payload: bytes) -> Frame:
    if len(payload) != _FIXED_PAYLOAD.get(kind, len(payload)):
        raise SpdyError(f"a control frame of type {kind} with {len(payload)} bytes")
    fin = bool(flags & _FIN)
    match kind:
        case 1 if len(payload) >= 10:
            return SynStream(_stream(payload), payload[10:], fin, bool(flags & _UNIDIRECTIONAL))
        case 2 if len(payload) >= 4:
            return SynReply(_stream(payload), payload[4:], fin)
        case 8 if len(payload) >= 4:
            return HeadersFrame(_stream(payload), payload[4:], fin)
        case 3:
            return RstStream(_stream(payload), _number(payload, 4))
        case 4:
            return _settings(payload)
        case 6:
            return Ping(_number(payload, 0))
        case 7:
            return GoAway(_number(payload, 0) & MAX_STREAM_ID, _number(payload, 4))
        case 9:
            return WindowUpdate(_stream(payload), _number(payload, 4) & MAX_STREAM_ID)
        case _:
            raise SpdyError(f"a control frame of type {kind} with {len(payload)} bytes")


def _settings(payload: bytes) -> Settings:
    if len(payload) < 4 or len(payload) != 4 + 8 * _number(payload, 0):
        raise SpdyError("settings that are not as long as they say")
    # One byte of flags, three of the id; the first of an id counts (draft 3, section 2.6.4).
    values: dict[int, int] = {}
    for at in range(4, len(payload), 8):
        values.setdefault(_number(payload, at) & 0xFFFFFF, _number(payload, at + 4))
    return Settings(values)


def _number(payload: bytes, at: int) -> int:
    return int.from_bytes(payload[at : at + 4], "big")


def _stream(payload: bytes) -> int:
    stream = _number(payload, 0) & MAX_STREAM_ID
    if not stream:
        raise SpdyError("a control frame for stream 0")
    return stream


def frame_bytes(frame: Frame) -> bytes:
    """Return the frame as it is sent. Data of at most MAX_DATA_PAYLOAD bytes."""
    match frame:
        case Data():
            return _word(frame.stream) + _flagged(_FIN * frame.fin, frame.data)
        case SynStream():
            flags = _FIN * frame.fin | _UNIDIRECTIONAL * frame.unidirectional
            return _control_bytes(_SYN_STREAM, flags, _word(frame.stream) + bytes(6) + frame.block)
        case SynReply():
            return _control_bytes(_SYN_REPLY, _FIN * frame.fin, _word(frame.stream) + frame.block)
        case HeadersFrame():
            return _control_bytes(_HEADERS, _FIN * frame.fin, _word(frame.stream) + frame.block)
        case RstStream():
            return _control_bytes(_RST_STREAM, 0, _word(frame.stream) + _word(frame.status))
        case Settings():
            pairs = b"".join(_word(key) + _word(value) for key, value in frame.values.items())
            return _control_bytes(_SETTINGS, 0, _word(len(frame.values)) + pairs)
        case Ping():
            return _control_bytes(_PING, 0, _word(frame.ping))
        case GoAway():
            return _control_bytes(_GOAWAY, 0, _word(frame.last_stream) + _word(frame.status))
        case WindowUpdate():
            return _control_bytes(_WINDOW_UPDATE, 0, _word(frame.stream) + _word(frame.delta))


def _control_bytes(kind: int, flags: int, payload: bytes) -> bytes:
    return _word(1 << 31 | VERSION << 16 | kind) + _flagged(flags, payload)


def _flagged(flags: int, payload: bytes) -> bytes:
    return bytes((flags,)) + len(payload).to_bytes(3, "big") + payload


def _word(number: int) -> bytes:
    return number.to_bytes(4, "big")
