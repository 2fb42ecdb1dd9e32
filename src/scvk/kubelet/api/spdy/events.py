"""What the other side did, as `SpdyConnection` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scvk.kubelet.api.spdy.errors import SpdyError

Headers = Mapping[str, tuple[str, ...]]
"""Header names in lower case, each with its values."""


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The other side opened a stream; it waits for `reply` or `reset`. `end`: it will send nothing on it."""

    stream: int
    headers: Headers
    end: bool


@dataclass(frozen=True, slots=True)
class StreamReplied:
    """The other side accepted a stream of ours. `end`: it will send nothing on it."""

    stream: int
    headers: Headers
    end: bool


@dataclass(frozen=True, slots=True)
class HeadersReceived:
    """Further headers of a stream."""

    stream: int
    headers: Headers
    end: bool


@dataclass(frozen=True, slots=True)
class DataReceived:
    """Some data, as it arrived: pieces have nothing to do with frames. To be acknowledged when it is consumed."""

    stream: int
    data: bytes
    end: bool


@dataclass(frozen=True, slots=True)
class StreamReset:
    """A stream ended at once, in both directions. `status` is a `ResetStatus`, or another number."""

    stream: int
    status: int


@dataclass(frozen=True, slots=True)
class WindowOpened:
    """Data may be sent again: on one stream, or on all of them (None)."""

    stream: int | None


@dataclass(frozen=True, slots=True)
class PingAnswered:
    """A ping of ours came back."""

    ping: int


@dataclass(frozen=True, slots=True)
class GoneAway:
    """The other side takes no further streams."""

    last_stream: int
    status: int


@dataclass(frozen=True, slots=True)
class ConnectionFailed:
    """The last event: the other side broke the protocol. What is still to be sent says so to it."""

    error: SpdyError


Event = (
    StreamOpened
    | StreamReplied
    | HeadersReceived
    | DataReceived
    | StreamReset
    | WindowOpened
    | PingAnswered
    | GoneAway
    | ConnectionFailed
)
