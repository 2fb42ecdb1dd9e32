"""WebSockets (RFC 6455) on an upgraded connection: the handshake, and messages in pieces with back-pressure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError, generate_accept_token

from scvk.kubelet.api.byte_stream import ByteStream

NORMAL_CLOSURE = 1000
PROTOCOL_ERROR = 1002


class HandshakeError(Exception):
    """The request is no WebSocket handshake of version 13; the text says why (HTTP 400)."""


def offered_protocols(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the subprotocols that a client offers, in its order."""
    return tuple(name for part in headers.get("sec-websocket-protocol", "").split(",") if (name := part.strip()))


def handshake_answer(headers: Mapping[str, str], protocol: str) -> list[tuple[str, str]]:
    """Return the headers of the answer 101; raises HandshakeError."""
    key = headers.get("sec-websocket-key", "")
    try:
        is_key = len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key or headers.get("sec-websocket-version", "").strip() != "13":
        raise HandshakeError("not a WebSocket handshake of version 13")
    accept = generate_accept_token(key.encode("ascii")).decode("ascii")
    answer = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
    if protocol:
        answer.append(("Sec-WebSocket-Protocol", protocol))
    return answer


class WebSocket:
    """The server's side of an open WebSocket."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._machine = Connection(ConnectionType.SERVER)
        self._is_closed = False

    async def pieces(self) -> AsyncIterator[tuple[bytes, bool]]:
        """Yield pieces of messages, each with whether it is the last of its message, until the client closes or goes.

        Pings are answered. A client that breaks the protocol is told so, and is gone.
        """
        while not self._is_closed and (data := await self._stream.read()):
            try:
                self._machine.receive_data(data)
                events = list(self._machine.events())
            except (RemoteProtocolError, LocalProtocolError):
                await self.say_goodbye(PROTOCOL_ERROR)
                return
            for event in events:
                match event:
                    case BytesMessage():
                        yield bytes(event.data), event.message_finished
                    case TextMessage():
                        yield event.data.encode(), event.message_finished
                    case Ping():
                        await self._answer(event)
                    case CloseConnection():
                        self._is_closed = True
                        await self._answer(event)
                        return
                    case _:
                        pass

    async def send(self, message: bytes | str) -> None:
        """Send one message. Raises ConnectionError when the client has gone."""
        event = BytesMessage(message) if isinstance(message, bytes) else TextMessage(message)
        await self._send(event)

    async def ping(self) -> None:
        """Send a ping: where the client has vanished, this is how it shows. Raises ConnectionError."""
        await self._send(Ping())

    async def say_goodbye(self, code: int = NORMAL_CLOSURE) -> None:
        """Tell the client that nothing more will be sent; `pieces` ends when it has answered, or is gone."""
        if not self._is_closed:
            try:
                await self._send(CloseConnection(code=code))
            except ConnectionError:
                pass  # gone

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    async def _answer(self, event: Ping | CloseConnection) -> None:
        try:
            await self._send(event.response())
        except ConnectionError:
            pass  # we have said goodbye before

    async def _send(self, event: Event) -> None:
        try:
            data = self._machine.send(event)
        except LocalProtocolError as error:
            raise ConnectionResetError("the WebSocket is closed") from error
        await self._stream.write(data)


class WebSocketBytes:
    """A `ByteStream` through the messages of a WebSocket, as `SPDY/3.1+portforward.k8s.io` has it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._pieces = websocket.pieces()

    async def read(self) -> bytes:
        """See `ByteStream`."""
        async for piece, _ in self._pieces:
            if piece:
                return piece
        return b""

    async def write(self, data: bytes) -> None:
        """See `ByteStream`."""
        if data:
            await self._websocket.send(data)

    def close(self) -> None:
        """See `ByteStream`."""
        self._websocket.close()
