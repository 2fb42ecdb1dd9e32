"""Accepts connections of the kubelet's API: each with the TLS context that is right when it comes.

So a new certificate or client authority needs no restart, and disturbs no connection that is there. Connections and
handshakes are bounded; who vanishes without a word is noticed by TCP.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

import structlog

MAX_CONNECTIONS = 1024
MAX_HANDSHAKES = 64
HANDSHAKE_WITHIN_S = 10.0
FULL_PAUSE_S = 0.1
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds of silence before a probe, seconds between probes, and probes without an answer."""

log = structlog.get_logger(__name__)


class PortTaken(Exception):
    """The address or port cannot be listened on; the text says which and why."""


def listening_socket(address: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((address, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortTaken(f"cannot listen on {address} port {port}: {error.strerror or error}") from error
    return listener


class Listener:
    """Hands each new connection to a protocol of its own; without a TLS context it is a plain one."""

    def __init__(
        self,
        listener: socket.socket,
        context: Callable[[], ssl.SSLContext | None],
        protocol: Callable[[], asyncio.Protocol],
        count: Callable[[], int],
    ) -> None:
        self._listener = listener
        self._context = context
        self._protocol = protocol
        self._count = count
        self._handshakes = asyncio.Semaphore(MAX_HANDSHAKES)

    async def run(self) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                await self._handshakes.acquire()
                try:
                    connection, _ = await loop.sock_accept(self._listener)
                except OSError as error:
                    self._handshakes.release()
                    log.warning("the kubelet's API cannot accept a connection now", error=str(error))
                    await asyncio.sleep(FULL_PAUSE_S)  # most likely no file descriptor is left
                    continue
                except BaseException:
                    self._handshakes.release()
                    raise
                if self._count() >= MAX_CONNECTIONS:
                    self._handshakes.release()
                    connection.close()
                    continue
                group.create_task(self._shake_hands(connection))

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _KEEP_ALIVE.items():
                if option := getattr(socket, name, None):
                    connection.setsockopt(socket.IPPROTO_TCP, option, value)
            # Whatever goes wrong here is between the client and its TLS.
            with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
                context = self._context()
                within_s = HANDSHAKE_WITHIN_S if context is not None else None
                await asyncio.get_running_loop().connect_accepted_socket(
                    self._protocol,
                    connection,
                    ssl=context,
                    ssl_handshake_timeout=within_s,
                    ssl_shutdown_timeout=within_s,
                )
        finally:
            self._handshakes.release()
