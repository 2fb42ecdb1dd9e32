"""The gRPC health check (grpc.health.v1.Health/Check) over plain HTTP/2, by hand.

Just enough HTTP/2 for one call (RFC 9113): a fixed preface, one request, and reading frames until the
answer. The answer's headers need not be understood: `SERVING` can only come in a DATA frame, which an error
does not have. That saves an HTTP/2 library.
"""

from __future__ import annotations

import asyncio
import struct

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
_ACK = _END_STREAM = 0x1
_END_HEADERS = 0x4
_LARGEST_FRAME = 1 << 14
# HealthCheckResponse{status: SERVING}: field 1 as a varint with value 1.
_SERVING = b"\x08\x01"


async def check(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, service: str) -> bool:
    """Whether `service` (empty: the whole server) says SERVING. Raises OSError, EOFError, ValueError."""
    writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
    writer.write(_frame(_HEADERS, _END_HEADERS, 1, _request_headers()))
    name = service.encode()
    request = (b"\x0a" + _varint(len(name)) + name) if name else b""
    writer.write(_frame(_DATA, _END_STREAM, 1, struct.pack(">BI", 0, len(request)) + request))
    await writer.drain()
    body = b""
    while True:
        kind, flags, stream, payload = await _read_frame(reader)
        if kind == _SETTINGS and not flags & _ACK:
            writer.write(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            writer.write(_frame(_PING, _ACK, 0, payload))
        elif kind == _GOAWAY or (kind == _RST_STREAM and stream == 1):
            return False
        elif kind == _DATA and stream == 1:
            body += payload
            if len(body) >= 5 and len(body) >= 5 + struct.unpack_from(">I", body, 1)[0]:
                return body[5:].startswith(_SERVING)
        if kind in {_DATA, _HEADERS} and stream == 1 and flags & _END_STREAM:
            return False


def _request_headers() -> bytes:
    """Literal fields without indexing and Huffman coding (RFC 7541, 6.2.2): the same bytes each time."""
    fields = (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/grpc.health.v1.Health/Check"),
        (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    )
    return b"".join(bytes([0, len(name)]) + name + bytes([len(value)]) + value for name, value in fields)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, int, int, bytes]:
    head = await reader.readexactly(9)
    length = int.from_bytes(head[:3], "big")
    if length > _LARGEST_FRAME:
        raise ValueError("a frame larger than was agreed")
    kind, flags, stream = struct.unpack(">BBI", head[3:])
    return kind, flags, stream & 0x7FFFFFFF, await reader.readexactly(length)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
