"""Upgraded requests: exec, attach and port-forward over WebSocket or SPDY. What comes before the switch is HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from scvk.kubelet.api.byte_stream import UpgradedConnection
from scvk.kubelet.api.channels import PORT_FORWARD_PROTOCOLS, REMOTE_COMMAND_PROTOCOLS, chosen_protocol
from scvk.kubelet.api.command_query import (
    ACCEPTED_PROTOCOLS_HEADER,
    SPDY,
    SPDY_COMMAND_PROTOCOLS,
    SPDY_PORT_FORWARD_PROTOCOLS,
    STREAM_PROTOCOL_HEADER,
    CommandQuery,
    chosen_stream_protocol,
)
from scvk.kubelet.api.command_sessions import SpdyCommand, WebSocketCommand, Work, serve
from scvk.kubelet.api.http_protocol import ApiHttpProtocol
from scvk.kubelet.api.port_forwarding import Connect, forward_channels, forward_spdy, ports_of_query
from scvk.kubelet.api.spdy_session import SpdySession
from scvk.kubelet.api.websocket import (
    HandshakeError,
    WebSocket,
    WebSocketBytes,
    handshake_answer,
    offered_protocols,
)
from scvk.kubelet.capabilities import CommandStreams

SPDY_IN_WEBSOCKET = "SPDY/3.1+portforward.k8s.io"

Serve = Callable[[UpgradedConnection], Awaitable[None]]


class Taken(Response):
    """What an endpoint returns when the connection is no longer HTTP: nothing is sent any more."""

    async def __call__(self, *_: object) -> None:
        """Send nothing."""


def _kind(request: Request) -> str:
    tokens = [token.strip().lower() for token in request.headers.get("connection", "").split(",")]
    return request.headers.get("upgrade", "").strip().lower() if "upgrade" in tokens else ""


async def serve_command(request: Request, query: CommandQuery, work: Work) -> Response:
    """Serve a command's streams until it or the client has ended."""
    if _kind(request) == "websocket":
        protocol = chosen_protocol(offered_protocols(request.headers), REMOTE_COMMAND_PROTOCOLS)
        if protocol is None:
            return _no_protocol([one.name for one in REMOTE_COMMAND_PROTOCOLS if one.name])

        async def serve_websocket(connection: UpgradedConnection) -> None:
            session = WebSocketCommand(WebSocket(connection), protocol, query)
            await session.greet()
            await serve(session, work)

        return await _switch_to_websocket(request, protocol.name, serve_websocket)
    if _kind(request) == SPDY.lower():
        chosen = chosen_stream_protocol(request.headers.getlist(STREAM_PROTOCOL_HEADER), SPDY_COMMAND_PROTOCOLS)
        if chosen is None:
            return _no_protocol(SPDY_COMMAND_PROTOCOLS)

        async def serve_spdy(connection: UpgradedConnection) -> None:
            session = SpdyCommand(SpdySession(connection), chosen, query)

            async def when_ready(streams: CommandStreams) -> int:
                await session.ready()
                return await work(streams)

            await serve(session, when_ready)

        return await _switch(request, _spdy_answer(chosen), serve_spdy)
    return _no_upgrade()


async def serve_port_forward(request: Request, connect: Connect) -> Response:
    """Serve forwarded ports until the client has gone. Raises WrongQuery."""
    if _kind(request) == "websocket":
        offered = offered_protocols(request.headers)
        if SPDY_IN_WEBSOCKET in offered:

            async def serve_tunnel(connection: UpgradedConnection) -> None:
                await forward_spdy(SpdySession(WebSocketBytes(WebSocket(connection))), connect)

            return await _switch_to_websocket(request, SPDY_IN_WEBSOCKET, serve_tunnel)
        protocol = chosen_protocol(offered, PORT_FORWARD_PROTOCOLS)
        if protocol is None:
            return _no_protocol([SPDY_IN_WEBSOCKET, *(one.name for one in PORT_FORWARD_PROTOCOLS if one.name)])
        ports = ports_of_query(request.query_params.getlist("port"))

        async def serve_channels(connection: UpgradedConnection) -> None:
            await forward_channels(WebSocket(connection), protocol, ports, connect)

        return await _switch_to_websocket(request, protocol.name, serve_channels)
    if _kind(request) == SPDY.lower():
        chosen = chosen_stream_protocol(request.headers.getlist(STREAM_PROTOCOL_HEADER), SPDY_PORT_FORWARD_PROTOCOLS)
        if chosen is None:
            return _no_protocol(SPDY_PORT_FORWARD_PROTOCOLS)

        async def serve_spdy(connection: UpgradedConnection) -> None:
            await forward_spdy(SpdySession(connection), connect)

        return await _switch(request, _spdy_answer(chosen), serve_spdy)
    return _no_upgrade()


async def _switch_to_websocket(request: Request, protocol: str, serve_it: Serve) -> Response:
    if request.method != "GET":
        return PlainTextResponse("a WebSocket is opened by GET\n", 400)
    try:
        answer = handshake_answer(request.headers, protocol)
    except HandshakeError as error:
        return PlainTextResponse(f"{error}\n", 400, {"Sec-WebSocket-Version": "13"})
    return await _switch(request, answer, serve_it)


async def _switch(request: Request, answer: Sequence[tuple[str, str]], serve_it: Serve) -> Response:
    http: ApiHttpProtocol = request.state.connection
    connection = http.take_over(answer)
    try:
        await serve_it(connection)
    except ConnectionError:
        pass  # the client has gone
    except asyncio.CancelledError:
        connection.abort()
        raise
    finally:
        connection.close()
    return Taken()


def _spdy_answer(protocol: str) -> list[tuple[str, str]]:
    return [("Connection", "Upgrade"), ("Upgrade", SPDY), (STREAM_PROTOCOL_HEADER, protocol)]


def _no_protocol(known: Sequence[str]) -> Response:
    answer = PlainTextResponse(f"unable to upgrade: none of the offered protocols is known: {', '.join(known)}\n", 403)
    for name in known:
        answer.headers.append(ACCEPTED_PROTOCOLS_HEADER, name)
    return answer


def _no_upgrade() -> Response:
    return PlainTextResponse("you must specify an upgrade to WebSocket or SPDY/3.1\n", 400)
