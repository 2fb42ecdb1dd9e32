"""The address that this node shows: of the pod or machine that the agent runs on, as the API server would see it."""

from __future__ import annotations

import ipaddress
import socket

_ROUTED_SOMEWHERE = ("192.0.2.1", 9)
"""A documentation address (RFC 5737): connecting a UDP socket to it sends nothing but picks the default route."""


def own_address(api_server_host: str, api_server_port: int) -> str:
    """Return the IP address from which this machine reaches the API server; loopback only where nothing else is.

    No packet is sent.
    """
    fallback = "127.0.0.1"
    for target in ((api_server_host, api_server_port), _ROUTED_SOMEWHERE):
        address = _source_address(target)
        if address is not None and not ipaddress.ip_address(address).is_loopback:
            return address
    return fallback


def _source_address(target: tuple[str, int]) -> str | None:
    try:
        family, kind, protocol, _, sockaddr = socket.getaddrinfo(*target, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(sockaddr)
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return None
