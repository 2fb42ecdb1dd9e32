"""Connections that an SSH client opens through the instance (`direct-tcpip`), in the instance's network."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from typing import cast

import asyncssh

from scvk.simulator.runtime.inside import Inside

_LOOPBACKS = ("::1", "127.0.0.1")


async def connect(inside: Inside, host: str, port: int) -> asyncssh.SSHTCPSession[bytes]:
    """A session that is the connection to `host` port `port`. Raises asyncssh.ChannelOpenError.

    There is no resolver inside: `localhost`, the instance's own name and addresses are known. The reasons
    read as sshd's ("Connection refused").
    """
    failure = "Name or service not known"
    for address in _addresses(inside, host):
        try:
            sock = await inside.open_socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        except OSError as error:
            failure = error.strerror or str(error)
            continue
        try:
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
            _, peer = await asyncio.get_running_loop().create_connection(asyncssh.SSHForwarder, sock=sock)
        except (OSError, OverflowError) as error:
            sock.close()
            # asyncio's own text hides the reason: "Connect call failed".
            failure = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        except BaseException:
            sock.close()
            raise
        else:
            # A forwarder has all that a session needs; asyncssh's own forwarding passes it as one, too.
            return cast(asyncssh.SSHTCPSession[bytes], asyncssh.SSHForwarder(peer))
    raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, failure)


def _addresses(inside: Inside, host: str) -> tuple[str, ...]:
    try:
        return (str(ipaddress.ip_address(host.strip("[]"))),)
    except ValueError:
        return _LOOPBACKS if host.lower() in {"localhost", "", inside.hostname} else ()
