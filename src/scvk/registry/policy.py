"""Which addresses a client may speak to, and where without TLS. Pure: names are resolved elsewhere.

A reference is a tenant's text. Without a policy it could make the program that reads it ask services that only it
can reach: the cluster's, the cloud's metadata service at 169.254.169.254, databases on loopback.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# Addresses that carry an IPv4 address a translator would go on to (RFC 6052, section 2.1).
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What is allowed beyond HTTPS to public addresses. Hosts are `name` or `name:port`, in small letters.

    `plain_http`: hosts that are spoken to in plain HTTP, whatever address they have. `private`: hosts that may
    have a private, link-local or loopback address. `loopback`: loopback addresses are allowed for every name,
    and `localhost`, 127.0.0.0/8 and ::1 are spoken to in plain HTTP, as Docker does.
    """

    plain_http: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()
    loopback: bool = False

    def speaks_plain_http(self, host: str, port: int | None) -> bool:
        """Whether this host is reached without TLS; `port` None means the scheme's own."""
        return _listed(self.plain_http, host, port) or (self.loopback and is_loopback_name(host))

    def refusal(self, host: str, port: int, address: str) -> str | None:
        """Why `host`, which resolved to `address`, must not be connected to; None when it may."""
        if _listed(self.plain_http, host, port) or _listed(self.private, host, port):
            return None
        try:
            real = _innermost(ip_address(address.partition("%")[0]))
        except ValueError:
            return f"{address} is no IP address"
        if real.is_loopback:
            return None if self.loopback else f"{address} is this machine itself"
        if real.is_link_local:
            return f"{address} is a link-local address"
        if real.is_multicast or not real.is_global:
            return f"{address} is a private address"
        return None


def is_loopback_name(host: str) -> bool:
    """Whether the name itself, unresolved, means this machine."""
    bare = host.strip("[]").lower()
    if bare == "localhost":
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False


def _listed(hosts: frozenset[str], host: str, port: int | None) -> bool:
    bare = host.strip("[]").lower()
    names = {bare, f"[{bare}]"} if ":" in bare else {bare}
    return any(name in hosts or f"{name}:{port}" in hosts for name in names)


def _innermost(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, Teredo, NAT64), else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address
