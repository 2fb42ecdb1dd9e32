"""Accepts connections of the kubelet's API: each with the TLS context that is right when it comes.

So a new certificate or client authority needs no restart, and disturbs no connection that is there. Connections are
bounded, and so is the time for what has to be done before anybody knows who calls; who vanishes without a word is
noticed by TCP.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from scvk.kubelet.api.strangers import MOST_STRANGERS, Stranger, Strangers, network_of

FULL_PAUSE_S = 0.1
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds of silence before a probe, seconds between probes, and probes without an answer."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may take up.

    `strangers`: connections of callers who are not known yet, part of `connections`. `request_within_s`: a client that
    has begun a connection, or a request, must have sent all headers by then.
    """

    connections: int = 1024
    strangers: int = MOST_STRANGERS
    handshake_within_s: float = 10.0
    request_within_s: float = 10.0


class CannotListen(Exception):
    """The address or port cannot be listened on; the text says which and why."""


class PortTaken(CannotListen):
    """Somebody else listens there."""


def listening_socket(address: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((address, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        kind = PortTaken if error.errno == errno.EADDRINUSE else CannotListen
        raise kind(f"cannot listen on {address} port {port}: {error.strerror or error}") from error
    return listener


class Listener:
    """Hands each new connection to a protocol of its own; without a TLS context it is a plain one."""

    def __init__(
        self,
        listener: socket.socket,
        context: Callable[[], ssl.SSLContext | None],
        protocol: Callable[[Stranger], asyncio.Protocol],
        count: Callable[[], int],
        limits: Limits,
    ) -> None:
        self._listener = listener
        self._context = context
        self._protocol = protocol
        self._count = count
        self._limits = limits
        self._strangers = Strangers(limits.strangers)

    async def run(self) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    connection, address = await loop.sock_accept(self._listener)
                except OSError as error:
                    log.warning("the kubelet's API cannot accept a connection now", error=str(error))
                    await asyncio.sleep(FULL_PAUSE_S)  # most likely no file descriptor is left
                    continue
                if self._count() >= self._limits.connections:
                    connection.close()
                    continue
                group.create_task(self._shake_hands(connection, network_of(str(address[0]))))

    async def _shake_hands(self, connection: socket.socket, network: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        stranger = self._strangers.enter(network, task.cancel)
        is_served = False
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _KEEP_ALIVE.items():
                if option := getattr(socket, name, None):
                    connection.setsockopt(socket.IPPROTO_TCP, option, value)
            # Whatever goes wrong here is between the client and its TLS.
            with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
                context = self._context()
                within_s = self._limits.handshake_within_s if context is not None else None
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: self._protocol(stranger),
                    connection,
                    ssl=context,
                    ssl_handshake_timeout=within_s,
                    ssl_shutdown_timeout=within_s,
                )
                is_served = True
        finally:
            if not is_served:  # else the protocol says when its caller is known, or gone
                stranger.leave()
