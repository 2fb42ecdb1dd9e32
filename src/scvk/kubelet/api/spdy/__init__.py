"""SPDY/3.1 as a protocol machine: bytes in, events and bytes out. No sockets, no clocks, no asyncio.

`SpdyConnection` plays either side. What carries the bytes (TLS, or WebSocket messages) is somebody else's business.
"""

from scvk.kubelet.api.spdy.connection import SpdyConnection
from scvk.kubelet.api.spdy.errors import ResetStatus, SpdyError
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

__all__ = [
    "ConnectionFailed",
    "DataReceived",
    "Event",
    "GoneAway",
    "HeadersReceived",
    "PingAnswered",
    "ResetStatus",
    "SpdyConnection",
    "SpdyError",
    "StreamOpened",
    "StreamReplied",
    "StreamReset",
    "WindowOpened",
]
