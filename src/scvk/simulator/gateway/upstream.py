"""The connection to an instance's program: over IPv6 alone, as SaladCloud's gateway comes in over IPv6."""

from __future__ import annotations

import asyncio
import errno
import socket

from scvk.simulator.cloud.instance import Instance
from scvk.simulator.gateway.routing import Refused
from scvk.simulator.runtime.inside import Inside

_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.ENETUNREACH})
_READ_LIMIT = 256 * 1024


async def connect(instance: Instance, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To `[::1]:port` in the instance's network. Raises Refused with 503 when nobody listens there.

    Where the machine has no IPv6 at all it is 127.0.0.1: nobody could have listened on the other.
    """
    inside = instance.container.inside if instance.container is not None else None
    if inside is None:
        raise Refused(503, "the instance runs no program")
    try:
        try:
            sock = await _connected(inside, socket.AF_INET6, "::1", port)
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
            sock = await _connected(inside, socket.AF_INET, "127.0.0.1", port)
    except OSError as error:
        raise Refused(503, await _explain(inside, port, error)) from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return await asyncio.open_connection(sock=sock, limit=_READ_LIMIT)


async def _connected(inside: Inside, family: int, address: str, port: int) -> socket.socket:
    sock = await inside.open_socket(family)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _explain(inside: Inside, port: int, error: OSError) -> str:
    """The commonest mistake deserves to be named."""
    try:
        (await _connected(inside, socket.AF_INET, "127.0.0.1", port)).close()
    except OSError:
        return f"the program does not listen on port {port}: {error.strerror or error}"
    return f"the program listens on port {port} with IPv4 only; the gateway needs IPv6, listen on '::'"
