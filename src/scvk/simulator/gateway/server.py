"""The gateway's port: plain HTTP and, with a certificate, HTTPS too, told apart by the first byte."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from scvk.simulator.cloud.platform import DNS_SUFFIX, Platform
from scvk.simulator.config import ApiKey
from scvk.simulator.gateway.certificates import make_authority
from scvk.simulator.gateway.proxy import Proxy
from scvk.simulator.gateway.routing import Balancer, Router

# The first byte of a TLS record that begins a handshake (RFC 8446, section 5.1); no HTTP method has it.
_TLS_HANDSHAKE = b"\x16"
_FIRST_BYTE_S = 10.0
_READ_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True)
class ServedGateway:
    """Where the gateway can be reached: connect there and send a group's `networking.dns` as Host.

    `authority` is the certificate (PEM) to trust for HTTPS, None when there is plain HTTP only.
    """

    host: str
    port: int
    authority: str | None = None


@asynccontextmanager
async def serve_on(
    listener: socket.socket, platform: Platform, api_keys: tuple[ApiKey, ...], *, tls: bool
) -> AsyncIterator[ServedGateway]:
    """Serve inside the context on a socket that is bound; it is closed at the end."""
    authority, context = make_authority(DNS_SUFFIX) if tls else (None, None)
    server = _Server(Proxy(Router(platform, api_keys), Balancer()), context)
    listener.listen(256)
    listener.setblocking(False)
    accepting = asyncio.create_task(server.accept(listener))
    try:
        host, port = listener.getsockname()[:2]
        yield ServedGateway(host, port, authority)
    finally:
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)
        listener.close()
        await server.end()


class _Server:
    def __init__(self, proxy: Proxy, context: ssl.SSLContext | None) -> None:
        self._proxy = proxy
        self._context = context
        self._connections: set[asyncio.Task[None]] = set()

    async def accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(0.1)  # no descriptor left: somebody must close one first
                continue
            task = loop.create_task(self._serve(sock))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def end(self) -> None:
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            secure = self._context is not None and await _begins_with_handshake(sock)
            reader = asyncio.StreamReader(_READ_LIMIT)
            protocol = asyncio.StreamReaderProtocol(reader)
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, sock, ssl=self._context if secure else None
            )
        except (OSError, TimeoutError):
            sock.close()
            return
        except BaseException:
            sock.close()
            raise
        await self._proxy.serve(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


async def _begins_with_handshake(sock: socket.socket) -> bool:
    """Look at the first byte and leave it there. Raises TimeoutError when none comes."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(sock, readable.set)
    try:
        async with asyncio.timeout(_FIRST_BYTE_S):
            await readable.wait()
    finally:
        loop.remove_reader(sock)
    return sock.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE
