"""Several streams in one WebSocket, as a machine: message pieces in, data by channel out.

The first byte of each message names the channel: as a number, or as a digit in front of base64. Messages may be of
any length and come in any pieces; no more than three characters of base64 are kept. Channels above those in use are
ignored, as Kubernetes does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
_CLOSE = 255
"""In v5: the rest of the message is the number of a channel on which nothing more comes."""


@dataclass(frozen=True, slots=True)
class ChannelProtocol:
    """A WebSocket subprotocol. `tells_status`: the end of a command is a Status object, else words, or nothing."""

    name: str
    is_base64: bool = False
    tells_status: bool = False
    closes_channels: bool = False


REMOTE_COMMAND_PROTOCOLS = (
    ChannelProtocol("v5.channel.k8s.io", tells_status=True, closes_channels=True),
    ChannelProtocol("v4.channel.k8s.io", tells_status=True),
    ChannelProtocol("v4.base64.channel.k8s.io", is_base64=True, tells_status=True),
    ChannelProtocol("channel.k8s.io"),
    ChannelProtocol("base64.channel.k8s.io", is_base64=True),
    ChannelProtocol(""),
)
PORT_FORWARD_PROTOCOLS = (
    ChannelProtocol("v4.channel.k8s.io"),
    ChannelProtocol("v4.base64.channel.k8s.io", is_base64=True),
    ChannelProtocol(""),
)


def chosen_protocol(offered: Sequence[str], known: Sequence[ChannelProtocol]) -> ChannelProtocol | None:
    """Return the first offered protocol that is known; who offers none gets the oldest."""
    by_name = {protocol.name: protocol for protocol in known}
    return next((by_name[name] for name in offered or ("",) if name in by_name), None)


@dataclass(frozen=True, slots=True)
class ChannelData:
    """Some data of a channel."""

    channel: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ChannelClosed:
    """Nothing more comes on a channel."""

    channel: int


class ChannelError(Exception):
    """A message that the subprotocol does not allow; the text says why."""


class ChannelReader:
    """Reads the messages of one side."""

    def __init__(self, protocol: ChannelProtocol) -> None:
        self._protocol = protocol
        self._channel: int | None = None
        self._odd = b""
        self._is_padded = False

    def receive(self, piece: bytes, *, is_last: bool) -> list[ChannelData | ChannelClosed]:
        """Take the next piece of a message, `is_last` with its last one. Raises ChannelError."""
        found: list[ChannelData | ChannelClosed] = []
        if self._channel is None and piece:
            self._channel = self._number(piece[0])
            piece = piece[1:]
        if self._channel == _CLOSE and self._protocol.closes_channels:
            found = [ChannelClosed(number) for number in piece]
        elif self._channel is not None:
            data = self._decoded(piece, is_last=is_last) if self._protocol.is_base64 else piece
            if data:
                found = [ChannelData(self._channel, data)]
        if is_last:
            self._channel, self._is_padded = None, False
        return found

    def _number(self, byte: int) -> int:
        return (byte - ord("0")) % 256 if self._protocol.is_base64 else byte

    def _decoded(self, piece: bytes, *, is_last: bool) -> bytes:
        text = self._odd + piece
        whole = len(text) if is_last else len(text) - len(text) % 4
        quads, self._odd = text[:whole], text[whole:]
        # What Python's decoder makes of padding at a wrong place depends on where the text is cut.
        padding = len(quads) - len(quads.rstrip(b"="))
        if quads and (self._is_padded or padding != quads.count(b"=") or padding > 2 or len(quads) % 4):
            raise ChannelError("a message with wrong padding of its base64")
        self._is_padded = self._is_padded or quads.endswith(b"=")
        try:
            return base64.b64decode(quads, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ChannelError(f"a message that is no base64: {error}") from error


def message_of(protocol: ChannelProtocol, channel: int, data: bytes) -> bytes | str:
    """Return the message that carries data of a channel: a text message for base64."""
    if protocol.is_base64:
        return chr(ord("0") + channel) + base64.b64encode(data).decode("ascii")
    return bytes((channel,)) + data
